"""Binary cross-entropy: of probabilities, of logits, and of several labels at once."""

import math

import torch
from torch import Tensor


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _same_shape(x: Tensor, target: Tensor) -> None:
    if x.shape != target.shape:
        raise ValueError(f"the target has shape {tuple(target.shape)}, it needs {tuple(x.shape)}")


def _reduced(loss: Tensor, reduction: str, dtype: torch.dtype) -> Tensor:
    if reduction == "mean":
        return loss.mean().to(dtype)
    if reduction == "sum":
        return loss.sum().to(dtype)
    if reduction == "none":
        return loss.to(dtype)
    raise ValueError(f"reduction is {reduction!r}, it has to be 'none', 'mean' or 'sum'")


def bce(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    r"""Return $-w \, (t \log p + (1 - t) \log(1 - p))$, with each logarithm clamped at -100.

    The specification, for one probability, as float64:

        hit = max(math.log(p), -100) if p > 0 else -100
        miss = max(math.log1p(-p), -100) if p < 1 else -100
        answer = -w * (t * hit + (1 - t) * miss)

    Args:
        probs: Any shape; probabilities in [0, 1]; float16, bfloat16, float32 or float64.
        target: Same shape and dtype, probabilities in [0, 1].
        weight: Factors of the losses, or None; same dtype, shape broadcastable to that of `probs`.
        reduction: 'none'; 'sum'; or 'mean', the sum divided by the number of losses, whatever the
            weights are.

    Returns:
        Shape of `probs` for 'none', else a single number; dtype of `probs`. Half types are computed
        in float32. Probability 0 or 1 on the wrong side costs 100; the gradient there is finite
        (any finite value). nan propagates. No losses: 'mean' is nan, 'sum' is 0.

    Raises:
        ValueError: `reduction` is none of the three. (torch also refuses a target of another shape;
            so may you.)

    Forbidden: torch's binary_cross_entropy, with logits or without, multilabel_soft_margin_loss,
        soft_margin_loss, cross_entropy, nll_loss and what wraps them.

    Source: documents 000 and 004, "torch.nn.BCELoss"; the clamp is torch's.
    """
    _same_shape(probs, target)
    p, t = _wide(probs), _wide(target)
    never, always = p.abs() < math.exp(-100), p == 1
    # The slope of log is infinite at 0, and 0 * inf is nan: what is clamped, or has the factor 0, is logged as 1.
    hit = torch.where(never, -100, torch.where(never.logical_or(t == 0), 1, p).log())
    miss = torch.where(always, -100, (-torch.where(always, 0, p)).log1p())
    loss = -(t * hit + (1 - t) * miss)
    return _reduced(loss if weight is None else loss * weight, reduction, probs.dtype)


def bce_with_logits(
    x: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return $-w \, (p_w \, t \log \sigma(x) + (1 - t) \log \sigma(-x))$ without forming $\sigma(x)$.

    The specification, for one logit, with `softplus(z)` = log(1 + e^z):

        answer = w * (pos_w * t * softplus(-x) + (1 - t) * softplus(x))

    Args:
        x: Any shape; logits; float16, bfloat16, float32 or float64; ±inf allowed.
        target: Same shape and dtype, probabilities in [0, 1].
        weight: Factors of the losses, or None; same dtype, shape broadcastable to that of `x`.
        pos_weight: Factors of the terms with `t` only, or None; same dtype, shape broadcastable to
            that of `x`.
        reduction: 'none'; 'sum'; or 'mean', the sum divided by the number of losses, whatever the
            weights are.

    Returns:
        Shape of `x` for 'none', else a single number; dtype of `x`. Half types are computed in
        float32. (inf, 1) and (-inf, 0) give 0 with a finite gradient, any other infinite logit
        gives inf. The gradient at 0 is 1/2 - t. nan propagates. No losses: 'mean' is nan, 'sum' is
        0.

    Raises:
        ValueError: `reduction` is none of the three. (torch also refuses a target of another shape;
            so may you.)

    Forbidden: torch's binary_cross_entropy, with logits or without, multilabel_soft_margin_loss,
        soft_margin_loss, cross_entropy, nll_loss and what wraps them.

    Source: documents 000 and 004, "nn.BCEWithLogitsLoss".
    """
    _same_shape(x, target)
    logits, t = _wide(x), _wide(target)
    zero = logits.new_zeros(())
    # At 0, maximum and minimum share the slope, half each: the loss gets its 1/2 - t. abs and clamp would not.
    above, below = torch.maximum(logits, zero), torch.minimum(logits, zero)
    tail = (below - above).exp().log1p()  # what softplus(x) and softplus(-x) have in common
    hit, miss = t if pos_weight is None else t * pos_weight, 1 - t
    # Terms of one sign, so none takes another's digits; a factor 0 leaves nothing, of an infinite logit either.
    loss = miss * torch.where(miss == 0, 0, above) - hit * torch.where(hit == 0, 0, below) + (hit + miss) * tail
    return _reduced(loss if weight is None else loss * weight, reduction, x.dtype)


def multilabel_soft_margin_loss(
    x: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    r"""Return the mean over the last dimension of `bce_with_logits`: one loss for each row of labels.

    Args:
        x: Shape `(*batch, C)`; logits of C labels, each of them true or not; float16, bfloat16,
            float32 or float64.
        target: Same shape and dtype, probabilities in [0, 1].
        weight: Factors of the labels' losses, or None; same dtype, shape broadcastable to that of
            `x`.
        reduction: 'none'; 'sum'; or 'mean', over the rows.

    Returns:
        Shape `(*batch)` for 'none', else a single number; dtype of `x`. Half types are computed in
        float32. The mean divides by C, whatever the weights are. nan propagates. No rows: 'mean' is
        nan, 'sum' is 0.

    Raises:
        ValueError: `reduction` is none of the three.

    Forbidden: torch's binary_cross_entropy, with logits or without, multilabel_soft_margin_loss,
        soft_margin_loss, cross_entropy, nll_loss and what wraps them. Your own `bce_with_logits` is
        welcome.

    Source: documents 000 and 004, "torch.nn.MultiLabelSoftMarginLoss".
    """
    losses = bce_with_logits(_wide(x), _wide(target), weight, reduction="none")
    return _reduced(losses.mean(-1), reduction, x.dtype)
