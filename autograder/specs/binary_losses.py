"""What is asked of the exercises of `binary_losses`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from autograder.atlases import families
from autograder.cases import HALF, INF, NAN, STEEP, TEXTBOOK, case, columns
from autograder.exact import binary_losses as exact
from autograder.forbidden import BINARY_LOSSES, CROSS_ENTROPIES, together
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

Pair = tuple[torch.Tensor, torch.Tensor]
Pairs = Callable[..., Pair]
NONE: dict[str, Any] = {"reduction": "none"}
SUM: dict[str, Any] = {"reduction": "sum"}
apart = partial(case, kwargs=NONE)  # of the losses one by one
FORBIDDEN = Rules(together(BINARY_LOSSES, CROSS_ENTROPIES))
HALVES = (torch.float16, torch.bfloat16)
# Of probabilities no term cancels another: torch's own error is 2 ulps of the answer, a mean adds one.
PROBS = Tolerance(4)
# Of logits torch subtracts numbers of the size of x and loses the digits of a small loss: the bound is absolute, in ulps
# of the largest |x| of the case, here at most 16. Small losses to their last digits are honours.
LOGITS = Tolerance(4, floor=8.0)
UPTO_256, POSITIVE = Tolerance(4, floor=128.0), Tolerance(4, floor=32.0)
# A mean of losses that were rounded to a half type one by one, by a function of the learner's own, is good enough.
TWICE = Tolerance(2, floor=2**-6)
# The two terms of the slope of `bce` are at most 10, times the cotangent, and lose so much in their difference.
PROBS_SLOPE, SLOPE = Gradient(Tolerance(8, floor=8.0)), Gradient(TEXTBOOK)


def _targets(draw: Draw, shape: tuple[int, ...], dtype: torch.dtype, hard: bool) -> torch.Tensor:
    return draw.integers(*shape, low=0, high=2).to(dtype) if hard else draw.uniform(*shape, low=0, high=1, dtype=dtype)


def _probs(draw: Draw, *shape: int, dtype: torch.dtype = torch.float32, hard: bool = False) -> Pair:
    return draw.uniform(*shape, low=0.1, high=0.9, dtype=dtype), _targets(draw, shape, dtype, hard)


def _logits(draw: Draw, *shape: int, dtype: torch.dtype = torch.float32, hard: bool = False) -> Pair:
    return draw.normal(*shape, scale=3, dtype=dtype), _targets(draw, shape, dtype, hard)


def _transposed(pairs: Pairs) -> Callable[[Draw], Pair]:
    def make(draw: Draw) -> Pair:
        x, target = pairs(draw, 4, 3)
        return x.t(), target.t()

    return make


def _weighted(pairs: Pairs, shape: tuple[int, ...], **kwargs: Any) -> Callable[[Draw], Call]:
    return lambda d: Call(pairs(d, 3, 4), {"weight": d.uniform(*shape, low=0.2, high=3), **kwargs})


def _positive(shape: tuple[int, ...], hard: bool = False, **kwargs: Any) -> Callable[[Draw], Call]:
    return lambda d: Call(_logits(d, 2, 3, 4, hard=hard), {"pos_weight": d.uniform(*shape, low=0.2, high=3), **kwargs})


def _both_weights(draw: Draw) -> Call:
    weights = {"weight": draw.uniform(2, 3, 1, low=0.2, high=3), "pos_weight": draw.uniform(4, low=0.2, high=3)}
    return Call(_logits(draw, 2, 3, 4), weights)


def _crossed(
    numbers: list[float], targets: tuple[float, ...] = (0.0, 1.0), dtype: torch.dtype = torch.float32
) -> Callable[[Draw], Pair]:
    """Return a maker of every number with every target."""
    grid = torch.cartesian_prod(torch.tensor(numbers, dtype=dtype), torch.tensor(targets, dtype=dtype))
    return lambda draw: (grid[:, 0].clone(), grid[:, 1].clone())


def _shared(pairs: Pairs, tolerance: Tolerance, slope: Gradient, half: Tolerance) -> tuple[Case, ...]:
    """Return what is asked of all three losses."""
    value = Value(tolerance)

    def kept(dtype: torch.dtype, private: bool = False, **kwargs: Any) -> Case:
        name = str(dtype).removeprefix("torch.") + ("" if kwargs else ", mean")
        rounded = half if kwargs else TWICE
        asked = Value(rounded if dtype in HALVES else tolerance, dtype=True)
        return case(name, "dtype", lambda d: pairs(d, 3, 4, dtype=dtype), asked, kwargs=kwargs, private=private)

    def shaped(name: str, *shape: int, private: bool = False, **kwargs: Any) -> Case:
        asked = kwargs or NONE
        return case(name, "shape", lambda d: pairs(d, *shape), value, kwargs=asked, private=private)

    return (
        case("leaves its inputs as they were", "untouched", _weighted(pairs, (4,)), Untouched()),
        apart("hard targets", "value", lambda d: pairs(d, 4, 5, hard=True), value),
        apart("soft targets", "value", lambda d: pairs(d, 4, 5), value),
        case("mean", "value", lambda d: pairs(d, 3, 4), value),
        case("sum", "value", lambda d: pairs(d, 3, 4), value, kwargs=SUM),
        case("many rows, sum", "value", lambda d: pairs(d, 300, 7, hard=True), value, kwargs=SUM, private=True),
        case("a weight for each class", "value", _weighted(pairs, (4,), **NONE), value),
        case("a weight for each class, mean", "value", _weighted(pairs, (4,)), value),
        case("a weight for each row, sum", "value", _weighted(pairs, (3, 1), **SUM), value),
        case("a weight for each number, mean", "value", _weighted(pairs, (3, 4)), value, private=True),
        shaped("batch of one", 1, 4),
        shaped("one row without batch", 5),
        shaped("one class", 3, 1),
        shaped("shape (2, 1, 4)", 2, 1, 4),
        shaped("three dimensions, mean", 2, 3, 4, reduction="mean", private=True),
        shaped("four dimensions", 2, 3, 1, 4, private=True),
        apart("not contiguous", "shape", _transposed(pairs), value),
        shaped("no rows, none", 0, 3),
        shaped("no rows, mean", 0, 3, reduction="mean"),
        shaped("no rows, sum", 0, 3, reduction="sum", private=True),
        kept(torch.float64, **NONE),
        kept(torch.float32, **NONE),
        kept(torch.float16, **NONE),
        kept(torch.bfloat16, private=True, **NONE),
        kept(torch.float64, private=True),
        kept(torch.float16),
        apart("nan", "extremes", columns([NAN, NAN, 0.5], [0.0, 1.0, 1.0]), value),
        case(
            "an unknown reduction",
            "extremes",
            lambda d: Call(pairs(d, 3, 4), {"reduction": "average"}),
            Raises(("ValueError",)),
        ),
        apart("first order", "gradient", lambda d: pairs(d, 3, 4), slope),
        case("of the mean", "gradient", lambda d: pairs(d, 3, 4), slope),
        case("of a weighted sum", "gradient", _weighted(pairs, (4,), **SUM), Gradient(Tolerance(8, floor=32.0))),
        apart("float64", "gradient", lambda d: pairs(d, 3, 4, dtype=torch.float64), slope, private=True),
    )


SMALL = [10.0**-k for k in range(1, 38, 3)]

bce = Exercise(
    name="bce",
    reference=exact.bce,
    precise=exact.precise_bce,
    minutes=30,
    difficulty=2,
    cases=(
        *_shared(_probs, PROBS, PROBS_SLOPE, HALF),
        case("single numbers", "shape", lambda d: (torch.tensor(0.3), torch.tensor(0.2)), Value(PROBS)),
        apart("from 0.1 to 1e-37", "extremes", _crossed(SMALL, (0.0, 0.25, 1.0)), Value(PROBS)),
        apart("near 1", "extremes", _crossed([1 - 2.0**-k for k in range(2, 25)]), Value(PROBS)),
        apart("0 and 1", "extremes", _crossed([0.0, 1.0], (0.0, 1.0, 0.5)), Value(PROBS)),
        apart(
            "the clamp, in float64",
            "extremes",
            _crossed([1e-43, 1e-44, 1e-60, 1e-300], (0.0, 1.0, 0.5), torch.float64),
            Value(PROBS),
        ),
        apart("the clamp, in float32", "extremes", _crossed([1e-44], (1.0, 0.5)), Value(PROBS), private=True),
        apart("hard targets", "gradient", lambda d: _probs(d, 3, 4, hard=True), Gradient(PROBS)),
        apart("second order", "gradient", lambda d: _probs(d, 3, 4), Gradient(Tolerance(32, floor=8.0), second=True)),
        apart(
            "finite at 0 and 1", "gradient", _crossed([0.0, 1.0, 0.5], (0.0, 1.0, 0.5)), Gradient(PROBS, finite=True)
        ),
        apart("the slope below 1e-12", "gradient", _crossed(SMALL[4:]), Gradient(Tolerance(2)), honours=True),
        apart(
            "the slope below 1e-12 in float64",
            "gradient",
            _crossed(SMALL[4:], dtype=torch.float64),
            Gradient(Tolerance(2)),
            honours=True,
            private=True,
        ),
    ),
    rules=FORBIDDEN,
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.empty(batch, classes))),
    memory=Memory(forward=5.6, backward=8.1),
    times=(
        Time(
            "elementwise",
            "torch.nn.functional.binary_cross_entropy",
            lambda d: Call((d.uniform(1 << 20, low=0, high=1), d.uniform(1 << 20, low=0, high=1))),
            budget=10,
        ),
    ),
    hints=(
        "Two logarithms, each with its factor. One of them is log(1 - p): for p = 1e-9 the difference is 1 in float32, and "
        "a function of torch exists for just that.",
        "log1p(-p) keeps the digits. torch clamps each logarithm at -100, before the factor; 'mean' divides by the number of "
        "losses, not by the weights. Where p is 0 or 1 the value is then right, and its gradient nan: 0 * inf.",
        "Give the logarithm a harmless input where it is clamped: `torch.where(p == 0, 1, p).log()`, and put -100 in "
        "those places after that. log1p wants the same at p = 1. (p below e^-100 is clamped too.)",
    ),
    why="log1p(-p) for log(1 - p), a clamp of each logarithm, and a `where` on both sides of it: the inner one keeps the "
    "infinite slope out of the gradient, the outer one writes -100. Unlike torch's, the gradient is 1/p however small p is: "
    "torch divides by max(p (1 - p), 1e-12).",
)

FAR = [0.5, 1.0, 3.0, 10.0, 17.0, 20.0, 30.0, 50.0, 80.0]
FAR += [-v for v in FAR]
SURE = columns([INF, -INF, 1.0], [1.0, 0.0, 1.0])
PARTLY = columns([-INF, INF, -INF], [1.0, 0.5, 0.5])


def _rowed(make: Callable[[Draw], Pair]) -> Callable[[Draw], Pair]:
    """Return a maker of the same numbers, each a row of its own."""
    return lambda d: (make(d)[0][:, None], make(d)[1][:, None])


def _sides(shape: Callable[[Any], Any]) -> tuple[Case, ...]:
    """Return the honours of the losses of logits: no digit lost on either side, in value and slope."""
    soft, single, double = (1e-6, 0.25, 0.999999), shape(_crossed(FAR)), shape(_crossed(FAR, dtype=torch.float64))
    # In float64 the exact slope comes from a float64 formula, which has an error of its own.
    close, doubled = Gradient(Tolerance(4)), Gradient(Tolerance(8))
    return (
        apart("2 ulp on both sides", "value", single, Value(Tolerance(2)), honours=True),
        apart("2 ulp on both sides in float64", "value", double, Value(Tolerance(2)), honours=True),
        apart(
            "4 ulp with soft targets",
            "value",
            shape(_crossed(FAR, soft)),
            Value(Tolerance(4)),
            honours=True,
            private=True,
        ),
        apart("the slope on both sides", "gradient", single, close, honours=True),
        apart("the slope in float64", "gradient", double, doubled, honours=True, private=True),
    )


bce_with_logits = Exercise(
    name="bce_with_logits",
    reference=exact.bce_with_logits,
    precise=exact.precise_bce_with_logits,
    atlas=families.bce_with_logits,
    minutes=40,
    difficulty=4,
    cases=(
        *_shared(_logits, LOGITS, SLOPE, HALF),
        case("pos_weight for each class", "value", _positive((4,), **NONE), Value(POSITIVE)),
        case("pos_weight, hard targets, mean", "value", _positive((4,), hard=True), Value(POSITIVE)),
        case("pos_weight for all, sum", "value", _positive((), **SUM), Value(POSITIVE), private=True),
        case("pos_weight and weight", "value", _both_weights, Value(POSITIVE)),
        case("single numbers", "shape", lambda d: (torch.tensor(0.3), torch.tensor(0.2)), Value(LOGITS)),
        apart("far out", "extremes", _crossed([*FAR, 100.0, -100.0, 200.0, -200.0]), Value(UPTO_256)),
        apart("from 1e4 to 3e38", "extremes", _crossed([1e4, -1e4, 1e9, -3e38, 3e38], (0.0, 1.0)), Value(PROBS)),
        apart("far out, soft targets", "extremes", _crossed([90.0, -90.0, 200.0, -1e4], (0.25,)), Value(PROBS)),
        # F.softplus gives x above 20: 2e-9 too little in float64, half a million ulps.
        apart(
            "just above 20 in float64",
            "extremes",
            _crossed([20.5, 21.0, -20.5, -25.0], (0.0, 1.0, 0.5), torch.float64),
            Value(Tolerance(4, floor=16.0)),
        ),
        apart("infinite and right: 0", "extremes", SURE, Value(LOGITS)),
        apart("infinite and wrong: inf", "extremes", columns([INF, 1.0], [0.0, 0.0]), Value(LOGITS)),
        apart("infinite and partly wrong", "extremes", PARTLY, Value(LOGITS), honours=True),
        apart("second order", "gradient", lambda d: _logits(d, 3, 4), Gradient(STEEP, second=True)),
        apart("at 0: 1/2 - t", "gradient", _crossed([0.0], (0.0, 0.25, 1.0)), SLOPE),
        apart("far out", "gradient", _crossed([*FAR, 200.0, -200.0]), SLOPE),
        case("pos_weight", "gradient", _positive((4,), **NONE), Gradient(Tolerance(4, floor=4.0))),
        apart("finite where infinite and right", "gradient", SURE, Gradient(LOGITS, finite=True), private=True),
        *_sides(lambda make: make),
    ),
    rules=FORBIDDEN,
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.empty(batch, classes))),
    memory=Memory(forward=5.6, backward=8.1),
    times=(
        Time(
            "elementwise",
            "torch.nn.functional.binary_cross_entropy_with_logits",
            lambda d: Call((d.normal(1 << 20, scale=3), d.uniform(1 << 20, low=0, high=1))),
            budget=40,
        ),
    ),
    hints=(
        "-log sigmoid(x) is log(1 + e^-x), and -log(1 - sigmoid(x)) is log(1 + e^x). Each is a logaddexp with 0: which of "
        "the two numbers do you take out of the logarithm?",
        "With the larger one out: log(1 + e^x) = max(x, 0) + log1p(exp(-|x|)), and the other one has max(-x, 0) and the same "
        "log1p. Add terms that are positive and no digit is lost. A factor 0 has to leave nothing of an infinite logit.",
        "At x = 0 the slope of abs is 0 and that of clamp is 1; torch.maximum(x, zero) and torch.minimum(x, zero) have 1/2 "
        "each: `above, below = torch.maximum(x, zero), torch.minimum(x, zero)`, and below - above is -|x|.",
    ),
    why="Both softplus terms are a part linear in x and one common log1p(exp(-|x|)). Written so, all terms have one sign, and "
    "small losses keep their digits on both sides; torch's (1 - t) x - log sigmoid(x) cancels where t is 0 and x far below 0. "
    "maximum and minimum share the slope at 0, so the gradient is 1/2 - t there.",
)

multilabel_soft_margin_loss = Exercise(
    name="multilabel_soft_margin_loss",
    reference=exact.multilabel_soft_margin_loss,
    precise=exact.precise_multilabel_soft_margin_loss,
    minutes=10,
    difficulty=1,
    cases=(
        *_shared(_logits, LOGITS, SLOPE, TWICE),
        apart("far out", "extremes", _rowed(_crossed([*FAR, 200.0, -200.0])), Value(UPTO_256)),
        apart("from 1e4 to 3e38", "extremes", _rowed(_crossed([1e4, -1e4, -3e38, 3e38])), Value(PROBS)),
        apart("second order", "gradient", lambda d: _logits(d, 3, 4), Gradient(STEEP, second=True)),
        apart("at 0: 1/2 - t", "gradient", _rowed(_crossed([0.0], (0.0, 0.25, 1.0))), SLOPE),
        apart("infinite and right: 0", "extremes", _rowed(SURE), Value(LOGITS), honours=True),
        *_sides(_rowed),
    ),
    rules=FORBIDDEN,
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.empty(batch, classes))),
    memory=Memory(forward=5.6, backward=8.1),
    times=(
        Time(
            "rows",
            "torch.nn.functional.multilabel_soft_margin_loss",
            lambda d: Call((d.normal(4096, 256, scale=3), d.uniform(4096, 256, low=0, high=1))),
            budget=15,
        ),
    ),
    hints=(
        "It is binary cross-entropy with logits under another name: each label is a yes or no of its own.",
        "What differs is the reduction: first the mean over the last dimension, one loss for each row, then `reduction` over "
        "the rows. The weight belongs to the labels.",
        '`bce_with_logits(x, target, weight, reduction="none")` gives the losses one by one. Half types: widen before, round '
        "once at the end.",
    ),
    why="The function is a mean over labels of the one before. With weights it still divides by the number of labels.",
)
