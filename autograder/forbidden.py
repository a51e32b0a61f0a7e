"""Functions that do an exercise's work in one call, under all of their names; the specs put them together."""

import numpy as np
import torch
import torch.nn.functional as F

from autograder.spec import Forbidden

LOG_SUMS = Forbidden(
    functions=(
        torch.logsumexp,
        torch.Tensor.logsumexp,
        torch.special.logsumexp,
        torch.logaddexp,
        torch.Tensor.logaddexp,
        torch.logaddexp2,
        torch.Tensor.logaddexp2,
        torch.logcumsumexp,
        torch.Tensor.logcumsumexp,
    ),
    ops=frozenset(
        {
            *("aten::logsumexp", "aten::logaddexp", "aten::logaddexp2", "aten::logcumsumexp", "aten::_logcumsumexp"),
            "aten::_ctc_loss",  # sums over paths, which can be made to be the row's numbers
        }
    ),
)
SOFTMAXES = Forbidden(
    functions=(
        torch.softmax,
        torch.Tensor.softmax,
        torch.special.softmax,
        F.softmax,
        torch.log_softmax,
        torch.Tensor.log_softmax,
        torch.special.log_softmax,
        F.log_softmax,
        F.softmin,
        F.gumbel_softmax,
        torch.nn.Softmax,
        torch.nn.Softmax2d,
        torch.nn.Softmin,
        torch.nn.LogSoftmax,
        F.scaled_dot_product_attention,
    ),
    ops=frozenset(
        {
            *("aten::_softmax", "aten::_log_softmax", "aten::_safe_softmax", "aten::_masked_softmax"),
            *("aten::_scaled_dot_product_flash_attention_for_cpu", "aten::_native_multi_head_attention"),
            *("aten::_transformer_encoder_layer_fwd", "aten::_scaled_dot_product_flash_attention"),
            *("aten::_scaled_dot_product_efficient_attention", "aten::_scaled_dot_product_cudnn_attention"),
        }
    ),
)
# Newer than the oldest torch that the course supports.
FUSED = ((F, "linear_cross_entropy"), (torch.nn, "LinearCrossEntropyLoss"))
CROSS_ENTROPIES = Forbidden(
    functions=(
        F.cross_entropy,
        F.nll_loss,
        torch.nn.CrossEntropyLoss,
        torch.nn.NLLLoss,
        torch.nn.NLLLoss2d,
        torch.nn.AdaptiveLogSoftmaxWithLoss,
        *(getattr(place, name) for place, name in FUSED if hasattr(place, name)),
    ),
    ops=frozenset({"aten::nll_loss_forward", "aten::nll_loss2d_forward", "aten::cross_entropy_loss"}),
)
GATHERS = Forbidden(
    functions=(
        torch.gather,
        torch.Tensor.gather,
        torch.take_along_dim,
        torch.Tensor.take_along_dim,
        torch.take,
        torch.Tensor.take,
        torch.index_select,
        torch.Tensor.index_select,
    ),
    ops=frozenset({"aten::gather", "aten::take", "aten::index_select"}),
)
ENTROPIES = Forbidden(
    functions=(torch.special.entr, torch.special.xlogy, torch.xlogy, torch.Tensor.xlogy, F.kl_div),
    ops=frozenset({"aten::special_entr", "aten::kl_div"}),
)
BINARY_LOSSES = Forbidden(
    functions=(
        F.binary_cross_entropy,
        F.binary_cross_entropy_with_logits,
        torch.binary_cross_entropy_with_logits,
        F.multilabel_soft_margin_loss,
        F.soft_margin_loss,
        torch.nn.BCELoss,
        torch.nn.BCEWithLogitsLoss,
        torch.nn.MultiLabelSoftMarginLoss,
        torch.nn.SoftMarginLoss,
    ),
    ops=frozenset({"aten::binary_cross_entropy", "aten::binary_cross_entropy_with_logits", "aten::soft_margin_loss"}),
)
DIVERGENCES = Forbidden(functions=(F.kl_div, torch.nn.KLDivLoss), ops=frozenset({"aten::kl_div"}))
SGD = Forbidden(functions=(torch.optim.SGD,))
SOFT_THRESHOLDS = Forbidden(
    functions=(F.softshrink, F.hardshrink, F.threshold, torch.nn.Softshrink, torch.nn.Hardshrink, torch.nn.Threshold),
    ops=frozenset({"aten::softshrink", "aten::hardshrink", "aten::threshold"}),
)
# A gradient by hand is not one by automatic differentiation, nor one of torch's own backward functions.
BACKWARDS = Forbidden(
    functions=(
        torch.autograd.grad,
        torch.autograd.backward,
        torch.Tensor.backward,
        torch.func.vjp,
        torch.func.jvp,
        torch.func.grad,
        torch.func.grad_and_value,
        torch.func.jacrev,
        torch.func.jacfwd,
        torch.func.linearize,
        torch.autograd.functional.vjp,
        torch.autograd.functional.jvp,
        torch.autograd.functional.jacobian,
    ),
    ops=frozenset({"aten::_softmax_backward_data", "aten::_log_softmax_backward_data"}),
)
# torch.distributions is closed to every exercise: see the gate's policy.
SAMPLERS = Forbidden(functions=(torch.multinomial, torch.Tensor.multinomial), ops=frozenset({"aten::multinomial"}))
GUMBEL_SAMPLERS = Forbidden(functions=(F.gumbel_softmax,))
NUMPY_LOG_SUMS = Forbidden(
    functions=(np.logaddexp, np.logaddexp2, torch.from_numpy, torch.tensor, torch.as_tensor, torch.asarray)
)


# The work of kernels, done by torch: ops only, since the methods of these names are Triton's as well.
EXPONENTIALS = Forbidden(
    ops=frozenset(
        f"aten::{name}{place}"
        for name in (
            *("exp", "exp2", "expm1", "sigmoid", "tanh", "sinh", "cosh"),
            *("pow", "softplus", "elu", "silu", "mish"),
        )
        for place in ("", "_")
    )
    | {"aten::log_sigmoid_forward", "aten::matrix_exp", "aten::linalg_matrix_exp", "aten::float_power"}
)


def together(*parts: Forbidden) -> Forbidden:
    """Return the union of several."""
    functions = tuple(f for part in parts for f in part.functions)
    return Forbidden(functions, frozenset().union(*(part.ops for part in parts)))
