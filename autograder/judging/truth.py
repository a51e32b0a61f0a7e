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
        table = rows.reshape(math.prod(shape), rows.shape[-1]).tolist()
        with mpmath.workdps(DIGITS):
            pairs = [_split(formula([mpmath.mpf(v) for v in row])) for row in table]
        exact = _exact(pairs, torch.Size(shape))
        if not keepdim or not wide(x).dim():
            return exact
        return Exact(exact.high.unsqueeze(dim), exact.low.unsqueeze(dim))

    return precise


def _exact(pairs: list[tuple[float, float]], shape: torch.Size) -> Exact:
    table = torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2)
    return Exact(table[:, 0].reshape(shape), table[:, 1].reshape(shape))
