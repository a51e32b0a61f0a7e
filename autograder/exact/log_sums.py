"""Exact answers of `log_sums`."""

import math
from typing import Any

import mpmath
import torch
from torch import Tensor

from autograder.judging.truth import as_tensor, elementwise, rowwise, wide


def logsumexp(x: Any, dim: int = -1, keepdim: bool = False) -> Tensor:
    """Return log-sum-exp in float64, with the gradient softmax(x); -inf rows have the gradient of their maximum."""
    v = wide(x)
    if v.dim() and v.shape[dim] == 0:
        return v.sum(dim, keepdim=keepdim) - math.inf
    top, place = v.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    result = top + (v - shift).exp().scatter(dim, place, 0.0).sum(dim, keepdim=True).log1p()
    return result if keepdim else result.squeeze(dim)


def logaddexp(a: Any, b: Any) -> Tensor:
    """Return log(e^a + e^b) in float64."""
    wide_a, wide_b = wide(a), wide(b)
    top, low = torch.maximum(wide_a, wide_b), torch.minimum(wide_a, wide_b)
    return top + torch.where(low == top, 0, low - top).exp().log1p()


def log1mexp(x: Any) -> Tensor:
    """Return log(1 - e^x) in float64."""
    v = wide(x)
    near = v > -math.log(2)
    return torch.where(near, (-torch.where(near, v, -1).expm1()).log(), (-torch.where(near, -1, v).exp()).log1p())


def logsubexp(a: Any, b: Any) -> Tensor:
    """Return log(e^a - e^b) in float64."""
    wide_a, wide_b = wide(a), wide(b)
    nothing = (wide_a == -math.inf) & (wide_b == -math.inf)
    return wide_a + log1mexp(torch.where(nothing, 0, wide_b - wide_a))


def logmeanexp(x: Any, dim: int = -1, keepdim: bool = False) -> Tensor:
    """Return the logarithm of the mean of e^x in float64."""
    n = as_tensor(x).shape[dim] if as_tensor(x).dim() else 1
    return logsumexp(x, dim, keepdim) - (math.log(n) if n else -math.inf)


@rowwise
def precise_logsumexp(row: list[Any]) -> Any:
    """Return log-sum-exp of one row."""
    if any(mpmath.isnan(v) for v in row):
        return mpmath.nan
    top = max(row, default=mpmath.ninf)
    if mpmath.isinf(top):
        return top
    others = list(row)
    others.remove(top)
    return top + mpmath.log1p(mpmath.fsum(mpmath.exp(v - top) for v in others))  # 1 + e^-600 is 1 in 250 digits


@rowwise
def precise_logmeanexp(row: list[Any]) -> Any:
    """Return the logarithm of the mean of e^x of one row."""
    if not row or any(mpmath.isnan(v) for v in row):
        return mpmath.nan
    top = max(row)
    return top if mpmath.isinf(top) else top + mpmath.log(mpmath.fsum(mpmath.exp(v - top) for v in row) / len(row))


@elementwise
def precise_logaddexp(a: Any, b: Any) -> Any:
    """Return log(e^a + e^b)."""
    if mpmath.isnan(a) or mpmath.isnan(b):
        return mpmath.nan
    top, low = max(a, b), min(a, b)
    return top if top == low == mpmath.ninf or top == mpmath.inf else top + mpmath.log1p(mpmath.exp(low - top))


@elementwise
def precise_log1mexp(x: Any) -> Any:
    """Return log(1 - e^x)."""
    if mpmath.isnan(x) or x > 0:
        return mpmath.nan
    return mpmath.ninf if x == 0 else _log1mexp(x)


def _log1mexp(x: Any) -> Any:
    return mpmath.log(-mpmath.expm1(x)) if x > -1 else mpmath.log1p(-mpmath.exp(x))


@elementwise
def precise_logsubexp(a: Any, b: Any) -> Any:
    """Return log(e^a - e^b)."""
    if mpmath.isnan(a) or mpmath.isnan(b) or a < b or a == b == mpmath.inf:
        return mpmath.nan
    if a == b:
        return mpmath.ninf
    return a if a == mpmath.inf or b == mpmath.ninf else a + _log1mexp(b - a)
