"""Compares an answer with the exact one: shape, dtype, special values, then error in ulps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.judging.truth import PRECISION, ulp
from autograder.spec import Exact, Tolerance


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


def read_output(output: Any) -> Tensor | str:
    """Return the tensor in a described output, or a word for what stands in its place."""
    if not isinstance(output, dict) or "kind" not in output:
        return "nothing"
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
    got, expected = actual.to(torch.float64), exact.high.to(dtype).to(torch.float64)
    same = (got == expected) | (got.isnan() & expected.isnan())
    finite = got.isfinite() & expected.isfinite()
    error = ((got - exact.high) - exact.low).abs()
    size = torch.maximum(exact.high.abs(), torch.full_like(exact.high, tolerance.floor))
    unit = ulp(torch.where(finite, size, 1.0), dtype)
    close = finite & (error <= tolerance.ulps * unit)
    fine = same | close
    if bool(fine.all()):
        return None
    special = ~fine & ~finite
    badness = torch.where(fine, -1.0, torch.where(special, torch.inf, error / unit))
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
    )
