"""How far answers lie from the exact ones, point by point: what an error atlas draws."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.judging import messages
from autograder.judging.closeness import as_exact
from autograder.judging.truth import ulp
from autograder.spec import Exact


@dataclass(frozen=True)
class Curve:
    """One form's errors in ulps, one for each point: inf for an infinity that is none, nan for a nan that is none.

    Where there is no curve, `errors` is None and `note` says why.
    """

    name: str
    errors: Tensor | None = None
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """The curves of one dtype over the points `t`."""

    dtype: torch.dtype
    t: Tensor
    curves: tuple[Curve, ...]


def errors(got: Tensor, exact: Exact | Tensor, dtype: torch.dtype) -> Tensor:
    """Return the error of each answer in ulps of the exact one, the worst of each row where a point has a row.

    Args:
        got: Shape `(n, ...)`, any floating dtype.
        exact: The same shape.
        dtype: The dtype that the answer is rounded to.

    Returns:
        Shape `(n)`, float64: 0 for a right infinity or nan, inf for a wrong infinity and for a number in place of one,
        nan for a wrong nan.
    """
    truth = as_exact(exact)
    answer, rounded = got.to(torch.float64), truth.high.to(dtype).to(torch.float64)
    right = (answer == rounded) & ~rounded.isfinite() | (answer.isnan() & rounded.isnan())
    finite = answer.isfinite() & rounded.isfinite()
    high, low = (torch.where(finite, part, 0.0) for part in (truth.high, truth.low))
    size = ((torch.where(finite, answer, 0.0) - high) - low).abs() / ulp(high, dtype)
    each = torch.where(right, 0.0, torch.where(finite, size, torch.inf))
    each = torch.where(answer.isnan() & ~rounded.isnan(), torch.nan, each)
    rows = each.reshape(len(each), -1)
    # A nan is worse than any number, and max says so.
    return rows.amax(-1) if rows.shape[-1] else rows.new_zeros(len(each))


def curve(name: str, got: Any, exact: Exact | Tensor, dtype: torch.dtype) -> Curve:
    """Return the curve of an answer, or the note that it is none."""
    shape = tuple(as_exact(exact).high.shape)
    if not isinstance(got, Tensor):
        return Curve(name, note=f"it returns {messages.clean(str(got), 60)}, not a tensor")
    if tuple(got.shape) != shape:
        return Curve(name, note=f"it returns shape {tuple(got.shape)}, expected is {shape}")
    if not got.is_floating_point():
        return Curve(
            name, note=f"it returns {str(got.dtype).removeprefix('torch.')}, expected are floating-point numbers"
        )
    return Curve(name, errors(got, exact, dtype))
