"""Divergences between distributions that are given by logits or log-probabilities."""

import math

import torch
from torch import Tensor


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    r"""Return the pointwise terms $p (\log p - \log q)$ of KL(p‖q), reduced, as torch.nn.functional.kl_div.

    Args:
        input: $\log q$, any shape; float16, bfloat16, float32 or float64; -inf allowed.
        target: $p$, same shape and dtype; with `log_target` it is $\log p$, and -inf is allowed.
        reduction: 'none', 'sum', 'mean' (over all elements: no divergence) or 'batchmean' (over the
            first dimension).
        log_target: Whether `target` holds logarithms.

    Returns:
        The shape of `input` for 'none', else a scalar; dtype of `input`. $p = 0$ contributes 0
        whatever q is; $p > 0$ where $q = 0$ gives inf. Half types are computed in float32.

    Raises:
        ValueError: `reduction` is none of the four.

    Forbidden: torch.nn.functional.kl_div, KLDivLoss, distributions and what wraps them.

    Source: document 002.
    """
    raise NotImplementedError("kl_div")


def kl_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    r"""Return KL(p‖q) of each row, never negative, for p = softmax(p_logits) and q = softmax(q_logits).

    Args:
        q_logits: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; -inf allowed.
        p_logits: Same shape and dtype; -inf allowed.

    Returns:
        Shape `(*batch)`, dtype of the logits. $p = 0$ contributes 0, $p > 0$ where $q = 0$ gives
        inf. Half types are computed in float32.

    Forbidden: torch.nn.functional.kl_div, softmax, log_softmax, logsumexp, distributions and what
        wraps them.

    Source: with $d = \log p - \log q$: $\sum p d = \sum p (d + e^{-d} - 1)$, and no term of that is
        negative.
    """
    raise NotImplementedError("kl_from_logits")


def js_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    r"""Return the Jensen-Shannon divergence of each row, in nats: between 0 and log 2, symmetric.

    Args:
        q_logits: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; -inf allowed.
        p_logits: Same shape and dtype; -inf allowed.

    Returns:
        Shape `(*batch)`, dtype of the logits. Half types are computed in float32.

    Forbidden: as for `kl_from_logits`.

    Source: $\frac12 KL(p‖m) + \frac12 KL(q‖m)$ with $m = (p + q) / 2$, each in its never negative
        form.
    """
    raise NotImplementedError("js_from_logits")


def kl_estimate(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    r"""Return an estimate of KL(policy‖reference) for each sampled token, with $d$ = ref_log_probs - log_probs.

    Args:
        log_probs: Any shape; float16, bfloat16, float32 or float64: the policy's, of tokens drawn
            from it.
        ref_log_probs: Same shape and dtype: the reference's, of the same tokens.
        kind: 'k1': $-d$; 'k2': $d^2 / 2$; 'k3': $e^d - 1 - d$, never negative.

    Returns:
        The inputs' shape and dtype; inf only where the exact value exceeds the dtype. Half types
        are computed in float32.

    Raises:
        ValueError: `kind` is none of the three.

    Forbidden: nothing; torch has no such function.

    Source: Schulman, "Approximating KL Divergence" (2020).
    """
    raise NotImplementedError("kl_estimate")


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    r"""Return $T^2$ times the mean over all rows of KL(teacher‖student) at temperature T.

    Args:
        student_logits: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; -inf allowed.
        teacher_logits: Same shape and dtype; -inf allowed.
        temperature: T > 0; both logits are divided by it.

    Returns:
        A scalar, dtype of the logits. Its gradient is that for the student.

    Forbidden: as for `kl_from_logits`, which is welcome.

    Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015): $T^2$
        keeps the gradient's size.
    """
    raise NotImplementedError("distillation_loss")
