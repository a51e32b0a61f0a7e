"""Compares an answer with the exact one: shape, dtype, special values, then error in ulps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.answer import Row
from autograder.judging.truth import PRECISION, ulp
from autograder.spec import Exact, Tolerance

SHOWN = 24  # numbers of a row that a picture shows


@dataclass(frozen=True)
class Mismatch:
    """How an answer differs. `kind` is "type", "shape", "dtype", "special" or "error".

    `place` is the index of the worst element, `ulps` its error and `allowed` the bound, both in ulps there.
    """

    kind: str
    got: str
    expected: str
    place: tuple[int, ...] | None = None
    ulps: float | None = None
    allowed: float | None = None
    wrong: int = 0
    total: int = 0
    row: Row | None = None


def read_output(output: Any) -> Tensor | str:
    """Return the tensor in a described output, or a word for what stands in its place."""
    if not isinstance(output, dict) or "kind" not in output:
        return "nothing"
    if type(output["kind"]) is not str:
        return "something else"
    value = output.get("value")
    if output["kind"] == "tensor" and type(value) is Tensor:
        return value
    if output["kind"] == "array" and isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if output["kind"] == "plain" and (type(value) is float or (type(value) is int and abs(value) < 1 << 63)):
        return torch.tensor(value, dtype=torch.float64)
    if output["kind"] == "several" and isinstance(output.get("items"), list):
        parts = [read_output(item) for item in output["items"]]
        numbers = [p for p in parts if isinstance(p, Tensor) and p.dim() == 0 and p.dtype == torch.float64]
        if len(numbers) == len(parts) > 0:
            return torch.stack(numbers)
    if output["kind"] == "plain" and value is None:
        return "None"
    kind = output.get("type")
    return kind if isinstance(kind, str) else "something else"


def number(value: float, dtype: torch.dtype = torch.float64) -> str:
    """Print a number with the digits that its dtype holds."""
    digits = {53: 17, 24: 9, 11: 5, 8: 4}[PRECISION.get(dtype, 53)]
    return f"{value:.{digits}g}"


def dtype_name(dtype: torch.dtype) -> str:
    """Return "float32" for torch.float32."""
    return str(dtype).removeprefix("torch.")


def as_exact(value: Exact | Tensor) -> Exact:
    """Return a plain float64 answer as an unevaluated sum."""
    return value if isinstance(value, Exact) else Exact(value.detach(), torch.zeros_like(value))


def _compare_exactly(actual: Tensor, expected: Tensor, dtype: torch.dtype) -> Mismatch | None:
    """Return how an answer of integers or booleans differs."""
    if actual.dtype.is_floating_point or (dtype == torch.bool) != (actual.dtype == torch.bool):
        return Mismatch("dtype", dtype_name(actual.dtype), dtype_name(dtype))
    wrong = (actual.to(torch.int64) != expected.to(torch.int64)).reshape(-1)
    if not bool(wrong.any()):
        return None
    place = (
        tuple(int(i) for i in np.unravel_index(int(wrong.int().argmax()), tuple(expected.shape)))
        if expected.dim()
        else ()
    )
    got, right = str(int(actual[place])), str(int(expected[place]))
    return Mismatch("value", got, right, place, None, None, int(wrong.sum()), wrong.numel())


def compare(
    actual: Tensor | str, exact: Exact | Tensor, tolerance: Tolerance, dtype: torch.dtype, keep_dtype: bool
) -> Mismatch | None:
    """Return how `actual` differs from `exact` when that is rounded to `dtype`, or None where it is close enough."""
    exact = as_exact(exact)
    shape = tuple(exact.high.shape)
    if isinstance(actual, str):
        return Mismatch("type", actual, f"a {dtype_name(dtype)} tensor of shape {shape}")
    if tuple(actual.shape) != shape:
        return Mismatch("shape", f"shape {tuple(actual.shape)}", f"shape {shape}")
    if not dtype.is_floating_point:
        return _compare_exactly(actual, exact.high, dtype)
    if not actual.dtype.is_floating_point or (keep_dtype and actual.dtype != dtype):
        return Mismatch("dtype", dtype_name(actual.dtype), dtype_name(dtype))
    if not actual.numel():
        return None
    got, expected, same, finite, ulps = _differences(actual, exact, tolerance, dtype)
    fine = same | (finite & (ulps <= tolerance.ulps))
    if bool(fine.all()):
        return None
    special = ~fine & ~finite
    badness = torch.where(fine, -1.0, torch.where(special, torch.inf, ulps))
    flat = int(badness.flatten().argmax())
    place = tuple(int(i) for i in np.unravel_index(flat, shape)) if shape else ()
    return Mismatch(
        "special" if bool(special.flatten()[flat]) else "error",
        number(float(got[place]), actual.dtype),
        number(float(exact.high[place]), dtype),
        place,
        None if bool(special.flatten()[flat]) else float(badness.flatten()[flat]),
        tolerance.ulps,
        int((~fine).sum()),
        fine.numel(),
        _row(got, expected, _shown(ulps, same, finite), place, tolerance),
    )


def worst(actual: Tensor | str, exact: Exact | Tensor, tolerance: Tolerance, dtype: torch.dtype) -> float:
    """Return the largest error of an answer in the units that `tolerance` counts; inf for one that is no answer."""
    exact = as_exact(exact)
    if isinstance(actual, str) or actual.shape != exact.high.shape or not exact.high.numel():
        return 0.0 if isinstance(actual, Tensor) and actual.shape == exact.high.shape else torch.inf
    _, _, same, finite, ulps = _differences(actual, exact, tolerance, dtype)
    return float(_shown(ulps, same, finite).max())


def _differences(
    actual: Tensor, exact: Exact, tolerance: Tolerance, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return got and expected, where they are the same, where both are finite, and the error in ulps there."""
    got, expected = actual.to(torch.float64), exact.high.to(dtype).to(torch.float64)
    same = (got == expected) | (got.isnan() & expected.isnan())
    finite = got.isfinite() & expected.isfinite()
    size = torch.maximum(exact.high.abs(), torch.full_like(exact.high, tolerance.floor))
    ulps = ((got - exact.high) - exact.low).abs() / ulp(torch.where(finite, size, 1.0), dtype)
    return got, expected, same, finite, ulps


def _shown(ulps: Tensor, same: Tensor, finite: Tensor) -> Tensor:
    """Return the errors with 0 for a special value that is right, inf for one that is wrong."""
    return torch.where(finite, ulps, torch.where(same, 0.0, torch.inf))


def _row(got: Tensor, expected: Tensor, ulps: Tensor, place: tuple[int, ...], tolerance: Tolerance) -> Row | None:
    """Return the numbers around the worst one in its row; of answers with one number a row, those of all rows."""
    if not place:
        return None
    parts, worst = (got, expected, ulps), place[-1]
    if got.shape[-1] > 1:
        parts = tuple(t[place[:-1]] for t in parts)  # type: ignore[assignment]
    elif got.numel() > 1:
        parts = tuple(t.flatten() for t in parts)  # type: ignore[assignment]
        worst = int(np.ravel_multi_index(place, tuple(got.shape)))
    else:
        return None
    first = max(0, min(worst - SHOWN // 2, len(parts[0]) - SHOWN))
    mine, right, errors = (tuple(t[first : first + SHOWN].tolist()) for t in parts)
    return Row(mine, right, errors, tolerance.ulps, worst - first, first)
