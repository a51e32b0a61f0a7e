"""Losses of predicted distributions over classes."""

import torch
from torch import Tensor


def nll_loss(
    log_probs: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    r"""Return the negative log-probabilities of the target classes, $-w_y \log p_y$.

    The specification, as a loop over rows:

        losses = [0.0 if y == ignore_index else -weight[y] * row[y] for row, y in zip(log_probs, target)]
        answer = sum(losses) / sum(weight[y] for y in target if y != ignore_index)  # "mean"

    Args:
        log_probs: Shape `(C)`, `(N, C)` or `(N, C, d1, ...)`; float16, bfloat16, float32 or
            float64; -inf allowed.
        target: Class indices, int64, of the shape of `log_probs` without C. Each is in [0, C) or
            `ignore_index`.
        weight: One factor for each class, shape `(C)`, dtype of `log_probs`; None stands for ones.
        ignore_index: A target that counts neither in the loss nor in the mean, whatever its row
            holds (nan too).
        reduction: "none", "sum", or "mean", which divides by the sum of the weights of the kept
            targets.

    Returns:
        The shape of `target` for "none", else a scalar; dtype of `log_probs`. Half types are
        computed in float32. With nothing kept, "mean" gives nan and "sum" 0.

    Raises:
        ValueError: `reduction` is none of the three.

    Forbidden: torch's nll_loss, cross_entropy, linear_cross_entropy and their modules.

    Source: document 003, "Cross-Entropy Loss Computation".
    """
    dim = min(1, log_probs.dim() - 1)
    kept = target != ignore_index
    index = torch.where(kept, target, 0)  # an ignored target is no index, so it reads class 0
    losses = -_wide(log_probs).gather(dim, index.unsqueeze(dim)).squeeze(dim)
    shares = torch.ones_like(losses) if weight is None else _wide(weight)[index]
    # `where`, not a product with `kept`: 0 * nan is nan.
    return _reduced(torch.where(kept, shares * losses, 0), torch.where(kept, shares, 0), reduction).to(log_probs.dtype)


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the cross-entropy of target classes, or of target distributions, and softmax(logits).

    The specification, for one row of logits and target probabilities t, as a loop in float64:

        log_total = math.log(sum(math.exp(v - max(row)) for v in row))
        answer = sum(weight[c] * t[c] * (log_total + max(row) - row[c]) for c in range(C) if t[c] > 0)

    A class index y stands for t = 1 at y and 0 elsewhere; smoothing makes of t the mixture
    (1 - label_smoothing) * t + label_smoothing / C.

    Args:
        logits: Shape `(C)`, `(N, C)` or `(N, C, d1, ...)`; float16, bfloat16, float32 or float64;
            -inf allowed.
        target: Class indices, int64, of the shape of `logits` without C; or class probabilities, of
            the shape and dtype of `logits`.
        weight: One factor for each class, shape `(C)`, dtype of `logits`; None stands for ones.
        ignore_index: A class index that counts neither in the loss nor in the mean, whatever its
            row holds (nan too). It plays no part with class probabilities.
        reduction: "none", "sum", or "mean". The mean of class indices divides by the sum of the
            weights of the kept targets (`weight[y]`, smoothed or not), the mean of class
            probabilities by the number of rows.
        label_smoothing: The share of the uniform distribution in the target, in [0, 1].

    Returns:
        The shape of `logits` without C for "none", else a scalar; dtype of `logits`. Half types are
        computed in float32. A class of probability 0 contributes 0, though its logit be -inf;
        smoothing over a logit of -inf gives inf. A row of -inf, or with +inf, gives nan. With
        nothing kept, "mean" gives nan and "sum" 0.

    Raises:
        ValueError: `reduction` is none of the three.

    Forbidden: torch's cross_entropy, nll_loss, linear_cross_entropy, softmax, log_softmax,
        logsumexp, logaddexp and what wraps them. Your own functions of earlier chapters are
        welcome.

    Source: document 003, "Cross-Entropy Loss Computation".
    """
    dim = min(1, logits.dim() - 1)
    wide, by_class = _wide(logits), None if weight is None else _wide(weight)
    if target.is_floating_point():
        losses = _expected(_log_softmax(wide, dim), _wide(target), by_class, label_smoothing, dim)
        return _reduced(losses, torch.ones_like(losses), reduction).to(logits.dtype)
    kept = target != ignore_index
    # An ignored row must not reach the softmax: its nan would come back in the gradient as 0 * nan.
    log_probs = _log_softmax(torch.where(kept.unsqueeze(dim), wide, 0), dim)
    if label_smoothing == 0:
        return nll_loss(log_probs, target, by_class, ignore_index, reduction).to(logits.dtype)
    index = torch.where(kept, target, 0)
    one_hot = torch.zeros_like(wide).scatter(dim, index.unsqueeze(dim), 1.0)
    losses = _expected(log_probs, one_hot, by_class, label_smoothing, dim)
    shares = torch.ones_like(losses) if by_class is None else by_class[index]
    return _reduced(torch.where(kept, losses, 0), torch.where(kept, shares, 0), reduction).to(logits.dtype)


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _log_softmax(logits: Tensor, dim: int) -> Tensor:
    """Return log_softmax as a sum of two terms that are never positive, so that nothing cancels near 0."""
    top, place = logits.max(dim, keepdim=True)
    # The maximum's own difference is 0, and a constant: by way of `top` its gradient would be a 1 and a -1, between
    # which the digits of a small p - y are lost. An infinite maximum makes it nan, and the row with it, as in torch.
    zero = top.detach() * 0
    below = (logits - top).scatter_(dim, place, zero)
    others = below.exp().scatter(dim, place, zero)
    return below - others.sum(dim, keepdim=True).log1p()


def _expected(log_probs: Tensor, probs: Tensor, weight: Tensor | None, smoothing: float, dim: int) -> Tensor:
    """Return the mean of -log_probs of each row under the smoothed probabilities."""
    classes = log_probs.shape[dim]
    if smoothing:
        probs = probs * (1 - smoothing) + smoothing / classes
    terms = torch.where(probs == 0, 0, -probs * log_probs)  # 0 * inf would be nan
    if weight is not None:
        terms = terms * weight.unflatten(0, (classes, *[1] * (log_probs.dim() - dim - 1)))
    return terms.sum(dim)


def _reduced(losses: Tensor, shares: Tensor, reduction: str) -> Tensor:
    """Return the losses, or their sum, or that divided by the sum of `shares`."""
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.sum() / shares.sum()
    raise ValueError(f"reduction must be 'none', 'mean' or 'sum', not {reduction!r}")
