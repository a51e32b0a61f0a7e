"""Says quickly that an answer is certainly close enough: two comparisons in the answer's own dtype.

Where a fence is not passed nothing is decided: `compare` looks at the answer with all its care.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograder.judging.closeness import as_exact
from autograder.judging.truth import ulp
from autograder.spec import Exact, Tolerance

MARGIN = 1 - 1e-9  # an error this near to the bound is left to `compare`, which rounds too


@dataclass(frozen=True)
class Fence:
    """The least and the largest number allowed in each place, and where nan is expected."""

    low: Tensor
    high: Tensor
    nan: Tensor | None

    def holds(self, actual: object) -> bool:
        """Return whether an answer has this dtype and shape and lies within."""
        if type(actual) is not Tensor or actual.dtype != self.low.dtype or actual.shape != self.low.shape:
            return False
        inside = (actual >= self.low) & (actual <= self.high)
        if self.nan is not None:
            inside |= actual.isnan() & self.nan
        return bool(inside.all())


def fence(exact: Exact | Tensor, tolerance: Tolerance, dtype: torch.dtype) -> Fence | None:
    """Return the fence around an exact answer; None where only `compare` can tell (all but float32)."""
    whole = as_exact(exact)
    if dtype != torch.float32 or bool((whole.low != 0).any()):
        return None
    right = whole.high.to(torch.float64)
    expected = right.to(dtype)
    finite = expected.isfinite()
    size = torch.maximum(right.abs(), torch.full_like(right, tolerance.floor))
    room = tolerance.ulps * MARGIN * ulp(torch.where(finite, size, 1.0), dtype)
    low, high = (_inward(right - room, dtype, torch.inf), _inward(right + room, dtype, -torch.inf))
    largest = torch.finfo(dtype).max  # an infinity is never near a number
    low, high = (torch.where(finite, bound.clamp(-largest, largest), expected) for bound in (low, high))
    nan = expected.isnan()
    return Fence(low, high, nan if bool(nan.any()) else None)


def _inward(bound: Tensor, dtype: torch.dtype, side: float) -> Tensor:
    """Return a float64 bound rounded to `dtype`, towards `side`."""
    rounded = bound.to(dtype)
    outside = (rounded.to(torch.float64) < bound) if side > 0 else (rounded.to(torch.float64) > bound)
    return torch.where(outside, torch.nextafter(rounded, torch.full_like(rounded, side)), rounded)
