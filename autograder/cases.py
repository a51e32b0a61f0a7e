"""Builders of cases that several chapters share: short words for long declarations."""

import math
from collections.abc import Callable
from typing import Any

import torch

from autograder.exact import log_sums as exact
from autograder.spec import Call, Case, Draw, Family, Gradient, Tolerance, Untouched, Value

INF, NAN = math.inf, math.nan
# The textbook's rounding errors are those of the maximum and of a logarithm below log n: absolute below 1.
TEXTBOOK = Tolerance(ulps=4, floor=1.0)
# Computed in float32, as the contract asks, and rounded once: half an ulp, and what float32 lost near 0.
HALF = Tolerance(ulps=0.6, floor=2**-6)
STEEP = Tolerance(ulps=32, floor=1.0)  # exp of large differences amplifies the rounding of its argument
TIGHT = Tolerance(ulps=1)
# At 300, exp(x - y) in a backward, as torch writes it, makes the absolute error of y (4 ulps of a number above 256) a
# relative one, and the cotangent is at most 2.
OFFSET = Tolerance(ulps=8, floor=256.0)
Inputs = Callable[[Draw], Any]


def rows(values: list[list[float]], dtype: torch.dtype = torch.float32) -> Inputs:
    """Return a maker of this very tensor."""
    return lambda draw: torch.tensor(values, dtype=dtype)


def case(
    name: str,
    family: Family,
    make: Inputs,
    ask: Any = None,
    *,
    private: bool = False,
    honours: bool = False,
    kwargs: dict[str, Any] | None = None,
) -> Case:
    """Return a case; `make` gives the positional arguments, one or a tuple, `kwargs` the others."""

    def call(draw: Draw) -> Call:
        made = make(draw)
        return made if isinstance(made, Call) else Call(made if isinstance(made, tuple) else (made,), kwargs or {})

    asked = Value(TEXTBOOK) if ask is None else ask
    return Case(name, family, call, asked, points=0 if honours else 1, public=not private, honours=honours)


def _log_softmax(draw: Draw) -> torch.Tensor:
    x = draw.normal(30, 8, scale=3)
    return x - exact.logsumexp(x, keepdim=True).float()


def transposed(draw: Draw) -> torch.Tensor:
    """Return a tensor that is not contiguous."""
    return draw.normal(5, 3).t()


def reduction_cases(keep: str, dim: str) -> tuple[Case, ...]:
    """Return the cases that logsumexp and logmeanexp share; `keep` and `dim` are their keywords' names."""
    gradient, offsets = Gradient(TEXTBOOK), [[x] for x in (0.0, 1e3, -1e3, 1e4, -1e4, 1e6, -1e6)]
    return (
        case("leaves its input as it was", "untouched", lambda d: d.normal(3, 4), Untouched()),
        case("normal numbers", "value", lambda d: d.normal(4, 5)),
        case("wide rows", "value", lambda d: d.normal(3, 1000, scale=3), private=True),
        case("steep rows", "value", lambda d: d.normal(6, 7, scale=40), private=True),
        case("one number a row", "shape", lambda d: d.normal(3, 1)),
        case("batch of one", "shape", lambda d: d.normal(1, 4)),
        case("empty batch", "shape", lambda d: d.normal(0, 4)),
        case("shape (2, 1, 4)", "shape", lambda d: d.normal(2, 1, 4)),
        case("one row without batch", "shape", lambda d: d.normal(5)),
        case("a single number", "shape", lambda d: d.normal()),
        case("four dimensions", "shape", lambda d: d.normal(2, 3, 1, 4)),
        case("the first dimension", "shape", lambda d: d.normal(3, 4), kwargs={dim: 0}),
        case("a middle dimension", "shape", lambda d: d.normal(2, 3, 4), kwargs={dim: 1}),
        case("a negative dimension", "shape", lambda d: d.normal(2, 3, 4), kwargs={dim: -3}, private=True),
        case("keepdim", "shape", lambda d: d.normal(3, 4), kwargs={keep: True}),
        case("keepdim, first dimension", "shape", lambda d: d.normal(3, 4), kwargs={keep: True, dim: 0}),
        case("not contiguous", "shape", transposed),
        case("empty dim", "shape", lambda d: d.normal(2, 0)),
        case("empty dim, keepdim", "shape", lambda d: d.normal(2, 0, 3), kwargs={dim: 1, keep: True}, private=True),
        case("float64", "dtype", lambda d: d.normal(3, 4, dtype=torch.float64), Value(TEXTBOOK, dtype=True)),
        case("float32", "dtype", lambda d: d.normal(3, 4, offset=50), Value(TEXTBOOK, dtype=True)),
        case("float16", "dtype", lambda d: d.normal(3, 4, dtype=torch.float16), Value(HALF, dtype=True)),
        case("offsets to 1e6", "extremes", lambda d: torch.tensor(offsets) + d.normal(7, 4)),
        case("rows far apart", "extremes", rows([[500.0, 501.0], [-500.0, -501.0], [0.0, 1.0]])),
        case("ties", "extremes", rows([[2.0, 2.0, 2.0], [-1.0, 3.0, 3.0]])),
        case("one dominant number", "extremes", rows([[100.0, 0.0, 1.0], [0.0, -200.0, -300.0]])),
        case("results near 0", "extremes", _log_softmax),
        case("some -inf", "extremes", rows([[0.0, -INF, 1.0], [-INF, -INF, -700.0]])),
        case("a row of -inf", "extremes", rows([[-INF, -INF], [0.0, 1.0]])),
        case("+inf", "extremes", rows([[INF, 0.0], [INF, INF], [INF, -INF], [0.0, 1.0]])),
        case("nan", "extremes", rows([[math.nan, 0.0], [math.nan, INF], [0.0, 1.0]])),
        case("the largest numbers", "extremes", rows([[3e38, 3e38], [-3e38, -3e38], [3e38, -3e38]]), private=True),
        case("subnormal numbers", "extremes", rows([[1e-40, -1e-42], [-1e-44, 0.0]]), private=True),
        case("float64, offsets to 1e15", "extremes", rows([[1e15, 1e15], [-800.0, -801.0]], torch.float64)),
        case(
            "131072 equal logits in float16",
            "extremes",
            lambda d: torch.zeros(131072, dtype=torch.float16),
            Value(HALF),
        ),
        case("first order", "gradient", lambda d: d.normal(4, 5), gradient),
        case("first order, middle dimension", "gradient", lambda d: d.normal(2, 3, 4), gradient, kwargs={dim: 1}),
        case("large offsets", "gradient", lambda d: d.normal(3, 4, offset=300), Gradient(OFFSET)),
        case("second order", "gradient", lambda d: d.normal(3, 4), Gradient(STEEP, second=True)),
        case("ties", "gradient", rows([[1.0, 1.0, 1.0], [0.0, 2.0, 2.0]]), gradient),
        case("finite on a row of -inf", "gradient", rows([[-INF, -INF], [0.0, 1.0]]), Gradient(TEXTBOOK, finite=True)),
        case("float64", "gradient", lambda d: d.normal(3, 4, dtype=torch.float64), Gradient(STEEP), private=True),
        case(
            "bfloat16", "dtype", lambda d: d.normal(3, 9, dtype=torch.bfloat16), Value(HALF, dtype=True), private=True
        ),
    )


def numpy_case(case: Case) -> Case:
    """Return a reduction case with an array in place of the tensor."""

    def call(draw: Draw) -> Call:
        made = case.make(draw)
        return Call((made.args[0].numpy(),), made.kwargs)

    return Case(case.name, case.family, call, case.ask, case.points, case.public, case.honours)


def columns(first: list[float], second: list[float], dtype: torch.dtype = torch.float32) -> Inputs:
    """Return a maker of these two tensors."""
    return lambda draw: (torch.tensor(first, dtype=dtype), torch.tensor(second, dtype=dtype))
