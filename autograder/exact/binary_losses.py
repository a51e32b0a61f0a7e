"""Exact answers of `binary_losses`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.judging.truth import DIGITS, wide
from autograder.spec import Exact


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


def _times(factor: Tensor, value: Tensor) -> Tensor:
    """Return the product; a factor 0 leaves nothing of an infinity, and no nan in the gradient."""
    return factor * torch.where(factor == 0, 0, value)


def bce(probs: Any, target: Any, weight: Any = 1.0, reduction: str = "mean") -> Tensor:
    """Return binary cross-entropy with logarithms clamped at -100, in float64; the gradient there is 0."""
    p, t = wide(probs), wide(target)
    never, always = p < math.exp(-100), p == 1
    hit = torch.where(never, -100.0, torch.where(never, 1.0, p).log())
    miss = torch.where(always, -100.0, (-torch.where(always, 0.0, p)).log1p())
    return _reduced(-wide(weight) * (t * hit + (1 - t) * miss), reduction)


def bce_with_logits(x: Any, target: Any, weight: Any = 1.0, pos_weight: Any = 1.0, reduction: str = "mean") -> Tensor:
    """Return binary cross-entropy of logits in float64; all terms have one sign."""
    v, t = wide(x), wide(target)
    hit, miss = _times(t * wide(pos_weight), -F.logsigmoid(v)), _times(1 - t, -F.logsigmoid(-v))
    return _reduced(wide(weight) * (hit + miss), reduction)


def multilabel_soft_margin_loss(x: Any, target: Any, weight: Any = 1.0, reduction: str = "mean") -> Tensor:
    """Return the mean over the classes of binary cross-entropy of logits, in float64."""
    return _reduced(bce_with_logits(x, target, weight, reduction="none").mean(-1), reduction)


def _precise(loss: Callable[[Any, Any, Any], Any], over_classes: bool = False) -> Callable[..., Exact]:
    """Make a precise loss out of the formula of one number, its target and its pos_weight."""

    def precise(x: Any, target: Any, weight: Any = 1.0, pos_weight: Any = 1.0, reduction: str = "mean") -> Exact:
        columns = torch.broadcast_tensors(*(wide(v) for v in (x, target, weight, pos_weight)))
        shape = columns[0].shape
        with mpmath.workdps(DIGITS):
            table = [tuple(map(mpmath.mpf, row)) for row in zip(*(c.flatten().tolist() for c in columns), strict=True)]
            losses = [
                mpmath.nan if any(map(mpmath.isnan, row)) else row[2] * loss(row[0], row[1], row[3]) for row in table
            ]
            if over_classes:
                n, shape = shape[-1], shape[:-1]
                losses = [sum(losses[i : i + n]) / n for i in range(0, len(losses), n)]
            if reduction != "none":
                total = sum(losses, mpmath.mpf(0))
                losses = [total if reduction == "sum" else total / len(losses) if losses else mpmath.nan]
                shape = torch.Size(())
            high = [float(v) for v in losses]
            low = [float(v - mpmath.mpf(h)) if math.isfinite(h) else 0.0 for v, h in zip(losses, high, strict=True)]
        return Exact(*(torch.tensor(part, dtype=torch.float64).reshape(shape) for part in (high, low)))

    return precise


def _clamped(p: Any, t: Any, pos_weight: Any) -> Any:
    hit = max(mpmath.log(p), mpmath.mpf(-100)) if p > 0 else mpmath.mpf(-100)
    miss = max(mpmath.log1p(-p), mpmath.mpf(-100)) if p < 1 else mpmath.mpf(-100)
    return -t * hit - (1 - t) * miss


def _softplus(x: Any) -> Any:
    if mpmath.isinf(x):
        return x if x > 0 else mpmath.mpf(0)
    return mpmath.log1p(mpmath.exp(x)) if x < 0 else x + mpmath.log1p(mpmath.exp(-x))


def _of_logit(x: Any, t: Any, pos_weight: Any) -> Any:
    hit = t * pos_weight * _softplus(-x) if t * pos_weight else mpmath.mpf(0)
    return hit + ((1 - t) * _softplus(x) if t != 1 else mpmath.mpf(0))


precise_bce = _precise(_clamped)
precise_bce_with_logits = _precise(_of_logit)
precise_multilabel_soft_margin_loss = _precise(_of_logit, over_classes=True)
