"""Exact answers of `normalizers`."""

import functools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import torch
from torch import Tensor

from autograder.judging.truth import DIGITS, wide
from autograder.spec import Exact


def log_softmax(x: Any, dim: int = -1) -> Tensor:
    """Return log_softmax in float64; rows of -inf, with +inf or with nan give nan."""
    v = wide(x)
    if not v.numel():
        return v * 1
    top, place = v.max(dim, keepdim=True)
    gap = v - top
    # The maximum's own term is 1, and log1p keeps the others' digits; top - top is nan where the maximum is infinite.
    return gap - gap.exp().scatter(dim, place, top - top).sum(dim, keepdim=True).log1p()


def softmax(x: Any, dim: int = -1) -> Tensor:
    """Return softmax in float64."""
    v = wide(x)
    if not v.numel():
        return v * 1
    weights = (v - v.amax(dim, keepdim=True)).exp()
    return weights / weights.sum(dim, keepdim=True)


def softmax_vjp(y: Any, grad: Any, dim: int = -1) -> Tensor:
    """Return the vector-Jacobian product of softmax at its output, in float64."""
    v, g = wide(y), wide(grad)
    return v * (g - (v * g).sum(dim, keepdim=True))


def log_softmax_vjp(y: Any, grad: Any, dim: int = -1) -> Tensor:
    """Return the vector-Jacobian product of log_softmax at its output, in float64."""
    v, g = wide(y), wide(grad)
    return -g * v.expm1() - v.exp() * (g.sum(dim, keepdim=True) - g)


def masked_softmax(x: Any, mask: Tensor, dim: int = -1) -> Tensor:
    """Return the softmax of what is kept, 0 elsewhere, in float64."""
    v = wide(x)
    kept = mask.expand_as(v)
    some = kept.any(dim, keepdim=True)
    return torch.where(kept, softmax(torch.where(kept, v, torch.where(some, -math.inf, 0.0).double()), dim), 0.0)


def _along(formula: Callable[..., list[Any]]) -> Callable[..., Exact]:
    """Make a precise function of tensors, and of a dimension, out of one of rows of mpmath numbers."""

    @functools.wraps(formula)
    def precise(*inputs: Any, dim: int = -1) -> Exact:
        tensors = torch.broadcast_tensors(*(wide(v) for v in inputs))
        moved = [t.movedim(dim, -1) if t.dim() else t.reshape(1) for t in tensors]
        shape = moved[0].shape
        tables = [m.reshape(math.prod(shape[:-1]), shape[-1]).tolist() for m in moved]
        pairs: list[tuple[float, float]] = []
        with mpmath.workdps(DIGITS):
            for rows in zip(*tables, strict=True):
                for number in formula(*([mpmath.mpf(v) for v in row] for row in rows)):
                    near = float(number)
                    pairs.append((near, float(number - mpmath.mpf(near)) if math.isfinite(near) else 0.0))
        parts = torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2).unbind(-1)
        high, low = (p.reshape(shape).movedim(-1, dim) if tensors[0].dim() else p.reshape(()) for p in parts)
        return Exact(high, low)

    return precise


def _broken(row: list[Any]) -> bool:
    """Return whether a row has no softmax: nan or +inf in it, or nothing but -inf."""
    return any(mpmath.isnan(v) or v == mpmath.inf for v in row) or all(v == mpmath.ninf for v in row)


def _softmax_row(row: list[Any]) -> list[Any]:
    if _broken(row):
        return [mpmath.nan] * len(row)
    weights = [mpmath.exp(v - max(row)) for v in row]
    return [w / mpmath.fsum(weights) for w in weights]


@_along
def precise_softmax(row: list[Any]) -> list[Any]:
    """Return the softmax of one row."""
    return _softmax_row(row)


@_along
def precise_log_softmax(row: list[Any]) -> list[Any]:
    """Return the log_softmax of one row."""
    if _broken(row):
        return [mpmath.nan] * len(row)
    others = list(row)
    others.remove(max(row))
    total = mpmath.log1p(mpmath.fsum(mpmath.exp(v - max(row)) for v in others))
    return [v - max(row) - total for v in row]


@_along
def precise_softmax_vjp(y: list[Any], grad: list[Any]) -> list[Any]:
    """Return the vector-Jacobian product of softmax for one row of its output."""
    mean = mpmath.fsum(p * g for p, g in zip(y, grad, strict=True))
    return [p * (g - mean) for p, g in zip(y, grad, strict=True)]


@_along
def precise_log_softmax_vjp(y: list[Any], grad: list[Any]) -> list[Any]:
    """Return the vector-Jacobian product of log_softmax for one row of its output."""
    return [g - mpmath.exp(v) * mpmath.fsum(grad) for v, g in zip(y, grad, strict=True)]


@_along
def precise_masked_softmax(row: list[Any], mask: list[Any]) -> list[Any]:
    """Return the softmax of what is kept in one row, 0 elsewhere."""
    kept = [v for v, keep in zip(row, mask, strict=True) if keep]
    values = iter(_softmax_row(kept))
    return [next(values) if keep else mpmath.mpf(0) for keep in mask]
