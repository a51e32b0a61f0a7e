"""What is asked of the exercises of `divergences`."""

from typing import Any

import torch

from autograder.atlases import families
from autograder.cases import INF, NAN, STEEP, TEXTBOOK, case, columns
from autograder.exact import divergences as exact
from autograder.exact.log_sums import logsumexp
from autograder.forbidden import DIVERGENCES, LOG_SUMS, SOFTMAXES, together
from autograder.spec import (
    Call,
    Case,
    Draw,
    Exercise,
    Gradient,
    Memory,
    Raises,
    Rules,
    Time,
    Tolerance,
    Untouched,
    Value,
)

F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
BOTH = (0, 1)
# Both normalisers are off by an ulp of their size, and so is each log-ratio that p weighs.
ROWS = Tolerance(16, floor=1.0)
HALVES = Tolerance(2, floor=1.0)
# 5e-3 of the truth is what the never-negative form keeps of rows 1e-4 apart; 5e-3 are 41943 ulp at the most.
NEAR = Tolerance(40000)
RAISES = Raises(("ValueError",))


def _pair(draw: Draw, *shape: int, scale: float = 1.0, dtype: torch.dtype = F32) -> tuple[torch.Tensor, torch.Tensor]:
    return draw.normal(*shape, scale=scale, dtype=dtype), draw.normal(*shape, scale=scale, dtype=dtype)


def _near(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    q = draw.normal(40, 10)
    return q, q + draw.normal(40, 10, scale=1e-4)


def _fixed(q: list[list[float]], p: list[list[float]], dtype: torch.dtype = F32) -> Any:
    return lambda draw: (torch.tensor(q, dtype=dtype), torch.tensor(p, dtype=dtype))


def _distributions(
    draw: Draw, *shape: int, dtype: torch.dtype = F32, log: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log q and p (or log p), as kl_div takes them."""
    q, p = draw.normal(*shape, dtype=F64), draw.normal(*shape, dtype=F64)
    log_q, log_p = q - logsumexp(q, -1, True), p - logsumexp(p, -1, True)
    return log_q.to(dtype), (log_p if log else log_p.exp()).to(dtype)


def _reduced(reduction: str, log: bool = False) -> dict[str, Any]:
    return {"reduction": reduction, "log_target": log}


NONE = _reduced("none")
MASKED_Q, MASKED_P = [[0.0, -INF, 1.0], [0.0, -INF, -INF]], [[1.0, -INF, 1.0], [2.0, -INF, -INF]]

kl_div = Exercise(
    name="kl_div",
    reference=exact.kl_div,
    precise=None,
    minutes=25,
    difficulty=3,
    cases=(
        case("leaves its inputs as they were", "untouched", lambda d: _distributions(d, 3, 4), Untouched()),
        case("mean, the default", "value", lambda d: _distributions(d, 4, 5)),
        case("none", "value", lambda d: _distributions(d, 4, 5), kwargs=NONE),
        case("sum", "value", lambda d: _distributions(d, 4, 5), Value(ROWS), kwargs=_reduced("sum")),
        case("batchmean", "value", lambda d: _distributions(d, 4, 5), kwargs=_reduced("batchmean")),
        case("log target", "value", lambda d: _distributions(d, 4, 5, log=True), kwargs=_reduced("batchmean", True)),
        case("log target, none", "value", lambda d: _distributions(d, 4, 5, log=True), kwargs=_reduced("none", True)),
        case(
            "rows that are no distributions",
            "value",
            lambda d: (d.normal(3, 4), d.uniform(3, 4, low=0, high=1)),
            kwargs=NONE,
        ),
        case("three dimensions", "shape", lambda d: _distributions(d, 2, 1, 4), kwargs=_reduced("batchmean")),
        case("one row without batch", "shape", lambda d: _distributions(d, 5), kwargs=_reduced("sum")),
        case("empty batch", "shape", lambda d: _distributions(d, 0, 4), kwargs=NONE),
        case("float64", "dtype", lambda d: _distributions(d, 3, 4, dtype=F64), Value(TEXTBOOK, dtype=True)),
        case("float16", "dtype", lambda d: _distributions(d, 3, 4, dtype=F16), Value(HALVES, dtype=True)),
        case(
            "bfloat16", "dtype", lambda d: _distributions(d, 3, 4, dtype=BF16), Value(HALVES, dtype=True), private=True
        ),
        case("p = 0", "extremes", _fixed([[-1.0, -2.0, -INF]], [[1.0, 0.0, 0.0]]), kwargs=NONE),
        case(
            "log p = -inf", "extremes", _fixed([[-1.0, -2.0, -INF]], [[0.0, -INF, -INF]]), kwargs=_reduced("none", True)
        ),
        case("p > 0 where q = 0", "extremes", _fixed([[-1.0, -INF]], [[0.5, 0.5]]), kwargs=NONE),
        case("nan", "extremes", _fixed([[NAN, -1.0]], [[0.5, NAN]]), kwargs=NONE),
        case(
            "an unknown reduction raises",
            "extremes",
            lambda d: _distributions(d, 2, 3),
            RAISES,
            kwargs={"reduction": "average"},
        ),
        case(
            "first order",
            "gradient",
            lambda d: _distributions(d, 4, 5),
            Gradient(TEXTBOOK),
            kwargs=_reduced("batchmean"),
        ),
        case(
            "log target",
            "gradient",
            lambda d: _distributions(d, 4, 5, log=True),
            Gradient(TEXTBOOK),
            kwargs=_reduced("none", True),
        ),
        case("p = 0", "gradient", _fixed([[-1.0, -2.0, -INF]], [[1.0, 0.0, 0.0]]), Gradient(TEXTBOOK), kwargs=NONE),
    ),
    rules=Rules(DIVERGENCES),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.empty(batch, classes))),
    memory=Memory(forward=4.6, backward=6.1),
    times=(
        Time(
            "elementwise",
            "torch.nn.functional.kl_div",
            lambda d: Call((d.normal(256, 8192), d.uniform(256, 8192, low=0.1, high=1)), _reduced("sum")),
            budget=8,
            kwargs=_reduced("sum"),
        ),
    ),
    hints=(
        "The first argument is log q, the second p: KL(p‖q) has them the other way round. Which terms are there where p is 0?",
        "p * (log p - log q). Where p = 0 the term is 0: make the difference 0 there before multiplying, not after.",
        "`there = p > 0`, then `p * torch.where(there, log_p - log_q, 0)`; the logarithm too must not see p = 0.",
    ),
    why="The product is formed only where p > 0: elsewhere it would be 0 * inf. 'mean' divides by the number of elements and is "
    "no divergence; 'batchmean' divides by the rows.",
)


def _row_cases(equal: str) -> tuple[Case, ...]:
    """Return the cases that kl_from_logits and js_from_logits share."""
    gradient = Gradient(ROWS, wrt=BOTH)
    return (
        case("leaves its inputs as they were", "untouched", lambda d: _pair(d, 3, 4), Untouched()),
        case("rows", "value", lambda d: _pair(d, 6, 5), Value(ROWS)),
        case("steep rows", "value", lambda d: _pair(d, 6, 5, scale=8), Value(ROWS)),
        case("large vocabulary", "value", lambda d: _pair(d, 2, 3000), Value(ROWS), private=True),
        case(
            equal,
            "value",
            lambda d: (d.normal(1, 7).expand(2, 7).contiguous(),) * 2,
            Value(Tolerance(0.001, floor=1.0)),
        ),
        case("never negative, within 5e-3 on rows 1e-4 apart", "extremes", _near, Value(NEAR)),
        case("one row without batch", "shape", lambda d: _pair(d, 5), Value(ROWS)),
        case("a batch of sequences", "shape", lambda d: _pair(d, 2, 1, 4), Value(ROWS)),
        case("one class", "shape", lambda d: _pair(d, 3, 1), Value(ROWS)),
        case("empty batch", "shape", lambda d: _pair(d, 0, 4), Value(ROWS)),
        case("float64", "dtype", lambda d: _pair(d, 3, 4, dtype=F64), Value(ROWS, dtype=True)),
        case("float16", "dtype", lambda d: _pair(d, 3, 4, dtype=F16), Value(HALVES, dtype=True)),
        case("bfloat16", "dtype", lambda d: _pair(d, 3, 4, dtype=BF16), Value(HALVES, dtype=True), private=True),
        case(
            "offsets",
            "extremes",
            lambda d: (d.normal(2, 5, offset=1e3), d.normal(2, 5, offset=-1e3)),
            Value(Tolerance(2048, floor=1)),
        ),
        case(
            "opposite ends", "extremes", _fixed([[-200.0, 0.0], [0.0, 30.0]], [[0.0, -200.0], [30.0, 0.0]]), Value(ROWS)
        ),
        case("classes that cannot occur", "extremes", _fixed(MASKED_Q, MASKED_P), Value(ROWS)),
        case("p = 0 where q > 0", "extremes", _fixed([[0.0, 0.0, 1.0]], [[0.0, -INF, 1.0]]), Value(ROWS)),
        case("p > 0 where q = 0", "extremes", _fixed([[0.0, -INF]], [[0.0, 0.0]]), Value(ROWS)),
        case("nan", "extremes", _fixed([[NAN, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]), Value(ROWS)),
        case("first order", "gradient", lambda d: _pair(d, 4, 5), gradient),
        case("second order", "gradient", lambda d: _pair(d, 3, 4), Gradient(Tolerance(256, 1.0), BOTH, second=True)),
        case("classes that cannot occur", "gradient", _fixed(MASKED_Q, MASKED_P), gradient),
        case(
            "steep rows",
            "gradient",
            lambda d: _pair(d, 3, 4, scale=8),
            Gradient(Tolerance(128, 1.0), BOTH),
            private=True,
        ),
    )


_ROW_RULES = Rules(together(DIVERGENCES, LOG_SUMS, SOFTMAXES))
_TWO = lambda batch, classes: Call((torch.empty(batch, classes), torch.empty(batch, classes)))  # noqa: E731

kl_from_logits = Exercise(
    name="kl_from_logits",
    reference=exact.kl_from_logits,
    precise=None,
    atlas=families.kl_from_logits,
    minutes=40,
    difficulty=5,
    cases=_row_cases("equal rows"),
    rules=_ROW_RULES,
    trace=_TWO,
    trace_wrt=BOTH,
    memory=Memory(forward=8.1, backward=14.1),
    times=(Time("large vocabulary", "torch.sub", lambda d: Call(_pair(d, 128, 8192)), budget=150),),
    hints=(
        "sum p (log p - log q) cancels for rows that are nearly equal, and comes out negative. Which sum is exactly 0, so that "
        "you may add it to every term?",
        "sum (q - p) = 0, and q = p e^(-d): the terms become p (d + expm1(-d)), none of them negative. Where |d| is large, "
        "expm1(-d) overflows: use p d + (q - p) there.",
        "`near = d.abs() < 1`; give expm1 only `torch.where(near, d, 0)`. Where p is 0 the term is q. Form d from the "
        "difference of the logits: its error is then the same for all classes, and cancels.",
    ),
    why="A clamp at 0 hides a wrong answer; adding sum (q - p) = 0 removes the cause, the part that cancels. d is the difference of "
    "the logits minus that of the normalisers: what these are off by is common to all classes and has no first-order effect.",
)

js_from_logits = Exercise(
    name="js_from_logits",
    reference=exact.js_from_logits,
    precise=None,
    atlas=families.js_from_logits,
    minutes=30,
    difficulty=5,
    cases=_row_cases("equal rows"),
    rules=_ROW_RULES,
    trace=_TWO,
    trace_wrt=BOTH,
    memory=Memory(forward=12.1, backward=24.1),
    hints=(
        "Half of KL(p‖m) and half of KL(q‖m), m the mean of the two: m is 0 only where both are.",
        "log(p/m) = -log((1 + e^(-d)) / 2) with d = log p - log q. Near d = 0 that is -log1p(expm1(-d) / 2).",
        "Each half in the never negative form: with a = log(p/m), p * (a + expm1(-a)); the sum of both is symmetric, at most log 2.",
    ),
    why="Both halves get the never negative form, with their log-ratios from expm1 and log1p, so nearly equal rows keep their digits. "
    "Far apart, p log(p/m) is harmless: p/m is between 0 and 2.",
)


def _k(kind: str) -> dict[str, str]:
    return {"kind": kind}


def _apart(d: list[float], dtype: torch.dtype = F32) -> Any:
    return lambda draw: (torch.zeros(len(d), dtype=dtype), torch.tensor(d, dtype=dtype))


def _tiny(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    d = torch.logspace(-15, 1.94, 400)
    return torch.zeros(800), torch.cat([d, -d])


kl_estimate = Exercise(
    name="kl_estimate",
    reference=exact.kl_estimate,
    precise=exact.precise_kl_estimate,
    atlas=families.kl_estimate,
    minutes=20,
    difficulty=3,
    cases=(
        case("leaves its inputs as they were", "untouched", lambda d: _pair(d, 3, 4), Untouched(), kwargs=_k("k3")),
        *(case(kind, "value", lambda d: _pair(d, 4, 5), kwargs=_k(kind)) for kind in ("k1", "k2", "k3")),
        case("k3 far apart", "extremes", _apart([88.0, 20.0, -20.0, -1000.0, 50.0]), kwargs=_k("k3")),
        case("k3 beyond the range", "extremes", _apart([89.0, 1000.0]), kwargs=_k("k3")),
        case(
            "k3 near 0, as expm1(d) - d",
            "extremes",
            _apart([1e-3, -1e-3, 1e-2, 0.1, 0.0]),
            Value(Tolerance(1, floor=1e-3)),
            kwargs=_k("k3"),
        ),
        case("k1 and log-probs of -1000", "extremes", _fixed([[-1000.0, -1.0]], [[-1001.0, -900.0]]), kwargs=_k("k1")),
        case("k3 and log-probs of -1000", "extremes", _fixed([[-1000.0, -1.0]], [[-1001.0, -2.0]]), kwargs=_k("k3")),
        case(
            "k2 and log-probs of -1000",
            "extremes",
            _fixed([[-1000.0, -1.0]], [[-1001.0, -2.0]]),
            kwargs=_k("k2"),
            private=True,
        ),
        case("nan", "extremes", columns([NAN, 0.0], [0.0, 1.0]), kwargs=_k("k3")),
        case("an unknown kind raises", "extremes", lambda d: _pair(d, 2, 3), RAISES, kwargs=_k("k4")),
        case("single numbers", "shape", lambda d: _pair(d), kwargs=_k("k3")),
        case("empty", "shape", lambda d: _pair(d, 0), kwargs=_k("k3"), private=True),
        case("float64", "dtype", lambda d: _pair(d, 5, dtype=F64), Value(TEXTBOOK, dtype=True), kwargs=_k("k3")),
        case("float16", "dtype", lambda d: _pair(d, 5, dtype=F16), Value(HALVES, dtype=True), kwargs=_k("k3")),
        case(
            "bfloat16, near",
            "dtype",
            lambda d: (torch.full((3,), -1.0, dtype=BF16), torch.tensor([-1.0, -1.0078125, -0.99609375], dtype=BF16)),
            Value(Tolerance(1), dtype=True),
            kwargs=_k("k3"),
        ),
        case("k1", "gradient", lambda d: _pair(d, 4), Gradient(TEXTBOOK, BOTH), kwargs=_k("k1")),
        case("k2", "gradient", lambda d: _pair(d, 4), Gradient(TEXTBOOK, BOTH), kwargs=_k("k2"), private=True),
        case("k3", "gradient", lambda d: _pair(d, 4), Gradient(ROWS, BOTH), kwargs=_k("k3")),
        case("k3 far apart", "gradient", _apart([-200.0, 3.0]), Gradient(ROWS, BOTH), kwargs=_k("k3")),
        case("4 ulp of k3 from 1e-15 to 87", "value", _tiny, Value(Tolerance(4)), honours=True, kwargs=_k("k3")),
        case(
            "4 ulp of k3 in float64",
            "value",
            lambda d: tuple(v.double() for v in _tiny(d)),
            Value(Tolerance(4)),
            honours=True,
            private=True,
            kwargs=_k("k3"),
        ),
    ),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.empty(batch, classes)), _k("k3")),
    trace_wrt=BOTH,
    memory=Memory(forward=6.1, backward=30.1),
    times=(Time("k3", "torch.sub", lambda d: Call(_pair(d, 1 << 20), _k("k3")), budget=400),),
    hints=(
        "e^d - 1 is a function of torch. Where does e^d - 1 - d cancel even so?",
        "expm1(d) - d is finite wherever the answer is. exp(d) - d - 1 loses everything for small d.",
        "For the last digits (honours): for small d sum the series d^2/2 + d^3/6 + ..., small terms first, without a loop over tokens.",
    ),
    why="k3 near 0 is d^2/2, the difference of two numbers near d: expm1 saves the first cancellation, the series the second. Its terms "
    "are added from the smallest. The untaken branch gets 1, so that it is finite and its gradient harmless.",
)

distillation_loss = Exercise(
    name="distillation_loss",
    reference=exact.distillation_loss,
    precise=None,
    minutes=10,
    difficulty=2,
    cases=(
        case(
            "leaves its inputs as they were",
            "untouched",
            lambda d: _pair(d, 3, 4),
            Untouched(),
            kwargs={"temperature": 2.0},
        ),
        case("temperature 1", "value", lambda d: _pair(d, 4, 5), Value(ROWS), kwargs={"temperature": 1.0}),
        case("temperature 4", "value", lambda d: _pair(d, 4, 5, scale=3), Value(ROWS), kwargs={"temperature": 4.0}),
        case("temperature 1/2", "value", lambda d: _pair(d, 4, 5), Value(ROWS), kwargs={"temperature": 0.5}),
        case("a batch of sequences", "shape", lambda d: _pair(d, 2, 3, 5), Value(ROWS), kwargs={"temperature": 2.0}),
        case("one row without batch", "shape", lambda d: _pair(d, 5), Value(ROWS), kwargs={"temperature": 2.0}),
        case(
            "float64",
            "dtype",
            lambda d: _pair(d, 3, 4, dtype=F64),
            Value(ROWS, dtype=True),
            kwargs={"temperature": 2.0},
        ),
        case("a large temperature", "extremes", lambda d: _pair(d, 4, 5), Value(NEAR), kwargs={"temperature": 3000.0}),
        case(
            "classes that cannot occur",
            "extremes",
            _fixed(MASKED_Q, MASKED_P),
            Value(ROWS),
            kwargs={"temperature": 2.0},
        ),
        case("first order", "gradient", lambda d: _pair(d, 4, 5), Gradient(STEEP), kwargs={"temperature": 2.0}),
        case(
            "first order, temperature 10",
            "gradient",
            lambda d: _pair(d, 4, 5),
            Gradient(Tolerance(128, 1.0)),
            kwargs={"temperature": 10.0},
            private=True,
        ),
    ),
    rules=_ROW_RULES,
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.empty(batch, classes)), {"temperature": 2.0}),
    memory=Memory(forward=9.1, backward=15.1),
    hints=(
        "Which of the two is p, which is q? The student is to come where the teacher is.",
        "KL(teacher‖student) of each row, both logits divided by T; then the mean over all rows.",
        "`kl_from_logits(student / T, teacher / T)` is the rows; the gradient of that shrinks as 1 / T^2.",
    ),
    why="The gradient of the divergence at temperature T is T^2 times smaller; the factor puts it back, so that the loss can be "
    "mixed with others at any T.",
)
