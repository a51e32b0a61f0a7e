"""Exact answers of `cross_entropies`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import torch
from torch import Tensor

from autograder.judging.truth import DIGITS, wide
from autograder.spec import Exact


def _class_dim(x: Tensor) -> int:
    return min(1, x.dim() - 1)


def log_softmax(x: Tensor, dim: int) -> Tensor:
    """Return log_softmax in float64; the digits of values and gradients near 0 are kept."""
    top, place = x.max(dim, keepdim=True)
    below = (x - top).scatter(dim, place, 0.0)  # a constant: the gradient of the maximum's own 0 would cancel
    rest = below.exp().scatter(dim, place, 0.0).sum(dim, keepdim=True)
    return torch.where(top.isfinite(), below - rest.log1p(), math.nan)


def _shares(logits: Tensor, target: Tensor, weight: Any, ignore_index: int, smoothing: float) -> tuple[Tensor, Tensor]:
    """Return the factor of every -log p, in the layout of `logits`, and each row's part in the mean's divisor."""
    dim, classes = _class_dim(logits), logits.shape[_class_dim(logits)]
    factors = torch.ones(classes, dtype=torch.float64) if weight is None else wide(weight)
    by_class = factors.reshape(classes, *[1] * (logits.dim() - dim - 1))
    if target.is_floating_point():
        probs = wide(target) * (1 - smoothing) + smoothing / classes
        return probs * by_class, torch.ones_like(logits).sum(dim) / classes
    kept = target != ignore_index
    index = torch.where(kept, target, 0)
    one_hot = torch.zeros_like(logits).scatter(dim, index.unsqueeze(dim), 1.0)
    shares = (one_hot * (1 - smoothing) + smoothing / classes) * by_class
    return torch.where(kept.unsqueeze(dim), shares, 0), torch.where(kept, factors[index], 0)


def _loss(log_probs: Tensor, shares: Tensor, parts: Tensor, reduction: str) -> Tensor:
    losses = -torch.where(shares == 0, 0, shares * log_probs).sum(_class_dim(log_probs))
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / parts.sum()


def nll_loss(
    log_probs: Any, target: Tensor, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Return the negative log-probabilities of the targets in float64."""
    v = wide(log_probs)
    return _loss(v, *_shares(v, target, weight, ignore_index, 0.0), reduction)


def cross_entropy(
    logits: Any,
    target: Tensor,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy in float64; what an ignored row holds does not matter, to the gradient neither."""
    v = wide(logits)
    shares, parts = _shares(v, target, weight, ignore_index, label_smoothing)
    if not target.is_floating_point():
        v = torch.where((target != ignore_index).unsqueeze(_class_dim(v)), v, 0)
    return _loss(log_softmax(v, _class_dim(v)), shares, parts, reduction)


def _log_softmax(row: list[Any]) -> list[Any]:
    top = max(row)
    if any(map(mpmath.isnan, row)) or mpmath.isinf(top):
        return [mpmath.nan] * len(row)
    others = list(row)
    others.remove(top)
    rest = mpmath.log1p(mpmath.fsum(mpmath.exp(v - top) for v in others))
    return [v - top - rest for v in row]


def _precise(of_row: Callable[[list[Any]], list[Any]]) -> Callable[..., Exact]:
    """Make a precise loss out of the log-probabilities of a row."""

    def precise(
        x: Tensor,
        target: Tensor,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> Exact:
        v, dim = wide(x), _class_dim(x)
        shares, parts = _shares(v, target, weight, ignore_index, label_smoothing)
        table, factors = (t.movedim(dim, -1).reshape(-1, v.shape[dim]).tolist() for t in (v, shares))
        with mpmath.workdps(DIGITS):
            losses = [_dot(f, of_row([mpmath.mpf(n) for n in row])) for f, row in zip(factors, table, strict=True)]
            shape = parts.shape if reduction == "none" else torch.Size(())
            total, divisor = mpmath.fsum(losses), mpmath.fsum(parts.flatten().tolist())
            if reduction != "none":
                losses = [total if reduction == "sum" else total / divisor if divisor else mpmath.nan]
            high = [float(n) for n in losses]
            low = [float(n - mpmath.mpf(h)) if math.isfinite(h) else 0.0 for n, h in zip(losses, high, strict=True)]
        return Exact(*(torch.tensor(part, dtype=torch.float64).reshape(shape) for part in (high, low)))

    return precise


def _dot(factors: list[float], log_probs: list[Any]) -> Any:
    return -mpmath.fsum(f * v for f, v in zip(factors, log_probs, strict=True) if f)


precise_nll_loss = _precise(lambda row: row)
precise_cross_entropy = _precise(_log_softmax)
