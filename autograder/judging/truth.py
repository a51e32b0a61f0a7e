"""Exact answers: float64 formulas that keep their digits, and mpmath where the question itself is in float64."""

import functools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import torch
from torch import Tensor

from autograder.spec import Exact

DIGITS = 250  # 50 digits are 4.5e-7 off for log_softmax of [100, 0, 1]
PRECISION = {torch.float64: 53, torch.float32: 24, torch.float16: 11, torch.bfloat16: 8}
LEAST_EXPONENT = {torch.float64: -1074, torch.float32: -149, torch.float16: -24, torch.bfloat16: -133}


def ulp(value: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the spacing of `dtype` at |value| (float64): 2^(e - p), at least the least subnormal."""
    _, exponent = torch.frexp(value.abs())
    spacing = torch.where(value == 0, -2000.0, exponent.to(torch.float64) - PRECISION[dtype])
    return torch.exp2(spacing.clamp(min=LEAST_EXPONENT[dtype]))


def as_tensor(value: Any) -> Tensor:
    """Return a tensor of an array or number, in its own dtype."""
    return value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))


def wide(value: Any) -> Tensor:
    """Return a value in float64."""
    return as_tensor(value).to(torch.float64)


def _split(number: Any) -> tuple[float, float]:
    high = float(number)
    if not math.isfinite(high):
        return high, 0.0
    return high, float(number - mpmath.mpf(high))


def elementwise(formula: Callable[..., Any]) -> Callable[..., Exact]:
    """Make a precise function of tensors out of one of mpmath numbers."""

    @functools.wraps(formula)
    def precise(*inputs: Any) -> Exact:
        columns = torch.broadcast_tensors(*(wide(v) for v in inputs))
        with mpmath.workdps(DIGITS):
            table = zip(*(c.flatten().tolist() for c in columns), strict=True)
            pairs = [_split(formula(*map(mpmath.mpf, row))) for row in table]
        return _exact(pairs, columns[0].shape)

    return precise


def rowwise(formula: Callable[[list[Any]], Any]) -> Callable[..., Exact]:
    """Make a precise reduction over one dimension out of a formula of a list of mpmath numbers."""

    @functools.wraps(formula)
    def precise(x: Any, dim: int = -1, keepdim: bool = False) -> Exact:
        rows = wide(x).movedim(dim, -1) if wide(x).dim() else wide(x).reshape(1)
        shape = rows.shape[:-1] if wide(x).dim() else ()
        with mpmath.workdps(DIGITS):
            pairs = [_split(formula([mpmath.mpf(v) for v in row])) for row in rows.reshape(-1, rows.shape[-1]).tolist()]
        exact = _exact(pairs, torch.Size(shape))
        if not keepdim or not wide(x).dim():
            return exact
        return Exact(exact.high.unsqueeze(dim), exact.low.unsqueeze(dim))

    return precise


def _exact(pairs: list[tuple[float, float]], shape: torch.Size) -> Exact:
    table = torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2)
    return Exact(table[:, 0].reshape(shape), table[:, 1].reshape(shape))


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
    return top if mpmath.isinf(top) else top + mpmath.log(mpmath.fsum(mpmath.exp(v - top) for v in row))


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
