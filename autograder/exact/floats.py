"""Exact answers of `floats`."""

import math
from typing import Any

import mpmath
import torch
from torch import Tensor

from autograder.judging import truth
from autograder.judging.truth import LEAST_EXPONENT, PRECISION, as_tensor, elementwise, wide


def ulp(x: Any) -> Tensor:
    """Return the step of x's own dtype at |x|."""
    v = wide(x).abs()
    return torch.where(v.isfinite(), truth.ulp(torch.where(v.isfinite(), v, 1.0), as_tensor(x).dtype), v)


def ulp_error(actual: Any, exact: Any) -> Tensor:
    """Return |actual - exact| in steps of actual's dtype at exact."""
    dtype, right = as_tensor(actual).dtype, wide(exact)
    mine, rounded = wide(actual), right.to(dtype).double()
    step = truth.ulp(torch.where(rounded.isfinite(), rounded, 1.0), dtype)
    error = (mine / step - right / step).abs()
    error = torch.where(rounded.isinf(), torch.where(mine == rounded, 0.0, math.inf), error)
    return torch.where(rounded.isnan() & mine.isnan(), 0.0, error)


def exp_range(dtype: torch.dtype) -> Tensor:
    """Return both logarithms, from the exponents that define the dtype."""
    precision, least = PRECISION[dtype], LEAST_EXPONENT[dtype]
    top = (
        3 - least - precision
    )  # the largest number is just below 2^top: exponents are symmetric but for the subnormals
    with mpmath.workdps(30):
        ends = least * mpmath.log(2), mpmath.log(mpmath.mpf(2) ** top - mpmath.mpf(2) ** (top - precision))
    return torch.tensor([float(end) for end in ends], dtype=torch.float64)


@elementwise
def precise_ulp(x: Any) -> Any:
    """Return the step of float64 at |x|, as Python has it."""
    return mpmath.mpf(math.ulp(float(x)))


@elementwise
def precise_ulp_error(actual: Any, exact: Any) -> Any:
    """Return |actual - exact| in steps of float64 at exact."""
    if mpmath.isnan(actual) and mpmath.isnan(exact):
        return mpmath.mpf(0)
    if mpmath.isinf(exact):
        return mpmath.mpf(0) if actual == exact else mpmath.inf
    return abs(actual - exact) / mpmath.mpf(math.ulp(float(exact)))
