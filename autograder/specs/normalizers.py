"""What is asked of the exercises of `normalizers`."""

from typing import Any

import torch

from autograder.atlases import families
from autograder.cases import HALF, INF, NAN, STEEP, TEXTBOOK, Inputs, case, rows, transposed
from autograder.exact import normalizers as exact
from autograder.forbidden import BACKWARDS, CROSS_ENTROPIES, LOG_SUMS, SOFTMAXES, together
from autograder.spec import (
    Ask,
    Call,
    Case,
    Draw,
    Exercise,
    Family,
    Gradient,
    Memory,
    Rules,
    Time,
    Tolerance,
    Untouched,
    Value,
)

F64, F16, BF16 = torch.float64, torch.float16, torch.bfloat16
FIRST, MIDDLE, THIRD_LAST = {"dim": 0}, {"dim": 1}, {"dim": -3}
DOCUMENT = [[-999.0, 1, 2, 5, 6], [-990.0, 1.5, 2.1, 5.6, 6.8]]
# A probability is judged by its own size. exp amplifies: torch's own softmax is 16 ulp off at differences up to 15, and
# 110 at differences up to 150, where the equally honest exp(log_softmax(x)) is 180 off.
RELATIVE, WIDE, FAR = Tolerance(16), Tolerance(64), Tolerance(256)
# Computed in float32 and rounded once: half an ulp, for torch as well.
PROBABILITY_HALF = Tolerance(0.6)
# g_i - y_i sum(g) cancels: the error has the size of the sum of the gradients, not of the result.
VJP = Tolerance(4, floor=4.0)
Named = tuple[Any, ...]


def _each(family: Family, ask: Ask, *named: Named, private: bool = False) -> tuple[Case, ...]:
    """Return cases that share family and ask; each is given by its name, its inputs and perhaps its keywords."""
    return tuple(case(n[0], family, n[1], ask, private=private, kwargs=n[2] if len(n) > 2 else None) for n in named)


def _normal(*shape: int, dtype: torch.dtype = torch.float32, scale: float = 1.0, offset: float = 0.0) -> Inputs:
    return lambda draw: draw.normal(*shape, scale=scale, offset=offset, dtype=dtype)


def _thousand(draw: Draw) -> torch.Tensor:
    x = -torch.arange(1.0, 41.0)[:, None].expand(40, 1001).contiguous()
    x[:, 0] = 0.0
    return x


def _dominant(draw: Draw) -> torch.Tensor:
    k = torch.arange(1.0, 81.0)
    return torch.stack([torch.zeros_like(k), -k], -1)


def _offsets(draw: Draw) -> torch.Tensor:
    return torch.tensor([[x] for x in (0.0, 1e3, -1e3, 1e4, -1e4, 1e6, -1e6)]) + draw.normal(7, 4)


def _shared(near: Tolerance, wide: Tolerance, far: Tolerance, half: Tolerance, slope: Tolerance) -> tuple[Case, ...]:
    """Return the cases that softmax and log_softmax share."""
    value, keeps, first = Value(near), Value(near, dtype=True), Gradient(slope)
    return (
        case("leaves its input as it was", "untouched", _normal(3, 4), Untouched()),
        *_each("value", value, ("normal numbers", _normal(4, 5)), ("the document's vectors", rows(DOCUMENT))),
        case("wide rows", "value", _normal(3, 1000, scale=3), Value(wide), private=True),
        case("steep rows", "value", _normal(6, 7, scale=40), Value(far), private=True),
        *_each(
            "shape",
            value,
            ("one number a row", _normal(3, 1)),
            ("batch of one", _normal(1, 4)),
            ("empty batch", _normal(0, 4)),
            ("shape (2, 1, 4)", _normal(2, 1, 4)),
            ("three dimensions, the last", _normal(4, 2, 3)),
            ("one row without batch", _normal(5)),
            ("a single number", _normal()),
            ("the first dimension", _normal(4, 4), FIRST),
            ("a middle dimension", _normal(2, 3, 4), MIDDLE),
            ("not contiguous", transposed),
            ("no classes", _normal(2, 0)),
        ),
        *_each(
            "shape",
            value,
            ("four dimensions", _normal(2, 3, 1, 4)),
            ("a negative dimension", _normal(2, 3, 4), THIRD_LAST),
            ("no classes in the middle", _normal(2, 0, 3), MIDDLE),
            private=True,
        ),
        *_each("dtype", keeps, ("float64", _normal(3, 4, dtype=F64)), ("float32", _normal(3, 4))),
        case("float16", "dtype", _normal(3, 9, scale=3, dtype=F16), Value(half, dtype=True)),
        case("bfloat16", "dtype", _normal(3, 9, scale=3, dtype=BF16), Value(half, dtype=True), private=True),
        case("float16, a vocabulary of 70000", "extremes", lambda d: torch.zeros(70000, dtype=F16), Value(half)),
        case("one dominant number", "extremes", rows([[100.0, 0, 1], [0.0, -200, -300]]), Value(far)),
        *_each(
            "extremes",
            value,
            ("offsets to 1e6", _offsets),
            ("rows far apart", rows([[500.0, 501], [-500.0, -501], [0.0, 1]])),
            ("ties", rows([[2.0, 2, 2], [-1.0, 3, 3]])),
            ("some -inf", rows([[0.0, -INF, 1], [-INF, -INF, -700.0]])),
            ("a row of -inf", rows([[-INF, -INF], [0.0, 1]])),
            ("+inf", rows([[INF, 0.0], [INF, INF], [INF, -INF], [0.0, 1]])),
            ("nan", rows([[NAN, 0.0], [NAN, -INF], [0.0, 1]])),
            ("the largest numbers", rows([[3e38, 3e38], [-3e38, -3e38], [3e38, -3e38]])),
            ("float64, offsets to 1e15", rows([[1e15, 1e15], [-800.0, -801]], F64)),
        ),
        case("subnormal numbers", "extremes", rows([[1e-40, -1e-42], [-1e-44, 0.0]]), value, private=True),
        *_each(
            "gradient",
            first,
            ("first order", _normal(4, 5)),
            ("middle dimension", _normal(2, 3, 4), MIDDLE),
            ("large offsets", _normal(3, 4, offset=1e4)),
            ("ties", rows([[1.0, 1, 1], [0.0, 2, 2]])),
            ("some -inf", rows([[-INF, 0.0, 1], [0.0, -INF, -INF]])),
            ("the document's vectors", rows(DOCUMENT)),
        ),
        case("second order", "gradient", _normal(3, 4), Gradient(STEEP, second=True)),
        case("float64", "gradient", _normal(3, 4, dtype=F64), Gradient(STEEP), private=True),
    )


def _times(reference: str, wide: float, many: float) -> tuple[Time, Time]:
    """Return the timings: honest answers take 2 to 8 times torch's fused loop, the one through two exercises 10."""

    def time(name: str, make: Inputs, budget: float) -> Time:
        return Time(name, reference, lambda d: Call((make(d),)), budget, {"dim": -1})

    return time("wide rows", _normal(256, 8192), wide), time("many rows", _normal(65536, 32), many)


NORMALIZERS = together(LOG_SUMS, SOFTMAXES, CROSS_ENTROPIES)
softmax = Exercise(
    name="softmax",
    reference=exact.softmax,
    precise=exact.precise_softmax,
    atlas=families.softmax,
    minutes=25,
    difficulty=2,
    cases=(
        *_shared(RELATIVE, WIDE, FAR, PROBABILITY_HALF, TEXTBOOK),
        case("small probabilities", "value", rows([[0.0, -30, -60, -85], [5.0, -70, 1, 5]]), Value(WIDE)),
    ),
    rules=Rules(NORMALIZERS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes),)),
    memory=Memory(forward=4.5, backward=9.5, honours_forward=2.1),
    times=_times("torch.softmax", 24, 24),
    hints=(
        "Multiply numerator and denominator by the same number and nothing changes. By which power of e would you "
        "multiply, so that no exponential exceeds 1?",
        "Subtract each row's own maximum, taken along dim with keepdim=True; exponentiate; divide by the sum, taken "
        "along dim with keepdim=True as well. Do not go through x - logsumexp(x): it rounds at the size of x.",
        "`weights = (wide - wide.amax(dim, keepdim=True)).exp()` where wide is x, or x.float() for half types. What is "
        "left: the division, the dtype, and an empty dim, which has no maximum.",
    ),
    why="Shifted by its maximum, a row has exponentials of at most 1 and a sum of at least 1: no overflow, no 0/0. The "
    "subtraction comes first, while x is still exact; exp(x - logsumexp(x)) rounds logsumexp at the size of x, and exp "
    "makes that absolute error a relative one. Infinite rows become nan by themselves: inf - inf.",
)

log_softmax = Exercise(
    name="log_softmax",
    reference=exact.log_softmax,
    precise=exact.precise_log_softmax,
    atlas=families.log_softmax,
    minutes=25,
    difficulty=3,
    cases=(
        *_shared(TEXTBOOK, TEXTBOOK, TEXTBOOK, HALF, VJP),
        case("2 ulp on [0, -k]", "value", _dominant, Value(Tolerance(2)), honours=True),
        case("8 ulp on 0 beside a thousand -k", "value", _thousand, Value(Tolerance(8)), honours=True),
        case(
            "2 ulp on [0, -k] in float64",
            "value",
            lambda d: _dominant(d).double(),
            Value(Tolerance(2)),
            honours=True,
            private=True,
        ),
    ),
    rules=Rules(NORMALIZERS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes),)),
    memory=Memory(forward=4.5, backward=9.5, honours_forward=2.1),
    times=_times("torch.log_softmax", 20, 40),
    hints=(
        "log(softmax(x)) is -inf where softmax is 0. Take the logarithm of the formula with a pencil first: what does "
        "log(e^x / sum) become?",
        "x - max - log(sum(exp(x - max))), in this order: the difference x - max is formed first. x - logsumexp(x) would "
        "round logsumexp at the size of x.",
        "For the last digits near 0: in the sum the maximum's own term is exactly 1. Leave it out (write -inf in its place "
        "before exp, with scatter) and add it by log1p: `others.sum(dim, keepdim=True).log1p()`.",
    ),
    why="The shift comes before everything else, so that offsets cost no digit. The maximum's term is exactly 1; without "
    "it, log1p keeps what the others add, and the most probable class keeps its digits: -4e-18 instead of 0. An infinite "
    "maximum has top - top = nan, which reaches the whole row, as in torch. exp_ works in place on a tensor of ours.",
)


def _output(log: bool, *shape: int, dim: int = -1, dtype: torch.dtype = torch.float32, scale: float = 2.0) -> Inputs:
    """Return a maker of an output of softmax, or of log_softmax, and a gradient for it."""

    def pair(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
        x = draw.normal(*shape, scale=scale, dtype=F64)
        y = torch.log_softmax(x, dim) if log else torch.softmax(x, dim)
        return y.to(dtype), draw.normal(*shape, dtype=dtype)

    return pair


def _vjp_cases(log: bool, near: Tolerance) -> tuple[Case, ...]:
    """Return the cases that both vector-Jacobian products share."""
    value, keeps, half = Value(near), Value(near, dtype=True), Value(HALF, dtype=True)
    # In y the formulas differ off the simplex, where y is no output: only the gradient with respect to grad is asked.
    linear = Gradient(VJP, wrt=(1,))
    return (
        case("leaves its inputs as they were", "untouched", _output(log, 3, 4), Untouched()),
        *_each("value", value, ("normal numbers", _output(log, 4, 5)), ("square", _output(log, 4, 4))),
        case("wide rows", "value", _output(log, 3, 1000), Value(Tolerance(8, floor=16.0)), private=True),
        *_each(
            "shape",
            value,
            ("batch of one", _output(log, 1, 4)),
            ("empty batch", _output(log, 0, 4)),
            ("one row without batch", _output(log, 5)),
            ("a single number", _output(log)),
            ("shape (2, 1, 4)", _output(log, 2, 1, 4)),
            ("the first dimension", _output(log, 4, 4, dim=0), FIRST),
            ("a middle dimension", _output(log, 2, 3, 4, dim=1), MIDDLE),
            ("no classes", _output(log, 2, 0)),
        ),
        case("a negative dimension", "shape", _output(log, 2, 3, 4, dim=0), value, private=True, kwargs=THIRD_LAST),
        *_each("dtype", keeps, ("float64", _output(log, 3, 4, dtype=F64)), ("float32", _output(log, 3, 4))),
        case("float16", "dtype", _output(log, 3, 40, dtype=F16), half),
        case("bfloat16", "dtype", _output(log, 3, 40, dtype=BF16), half, private=True),
        case("steep rows", "extremes", _output(log, 6, 7, scale=40), value),
        *_each(
            "gradient",
            linear,
            ("linear in grad", _output(log, 3, 4)),
            ("linear in grad, middle dimension", _output(log, 2, 3, 4, dim=1), MIDDLE),
        ),
    )


def _tiny(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([[1.0, 1e-13, 1e-26]]), torch.tensor([[0.0, 1.0, -1.0]])


def _zeros(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([[0.0, 0.0], [0.5, 0.5]]), draw.normal(2, 2)


def _certain(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([[0.0, -INF], [-INF, 0.0]]), draw.normal(2, 2)


def _one_hot(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.log_softmax(_dominant(draw)[:40].double(), -1).float()
    return y, torch.tensor([-1.0, 0.0]).expand(40, 2).contiguous()


VJP_RULES = Rules(together(BACKWARDS, SOFTMAXES))
softmax_vjp = Exercise(
    name="softmax_vjp",
    reference=exact.softmax_vjp,
    precise=exact.precise_softmax_vjp,
    minutes=20,
    difficulty=3,
    cases=(
        *_vjp_cases(False, TEXTBOOK),
        case("tiny probabilities", "extremes", _tiny, Value(Tolerance(8))),
        case("a row of zeros, from a mask", "extremes", _zeros, Value(VJP)),
    ),
    rules=VJP_RULES,
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.empty(batch, classes))),
    trace_wrt=(1,),
    memory=Memory(forward=2.6),
    times=(Time("wide rows", "torch.mul", lambda d: Call(_output(False, 256, 8192)(d)), budget=24),),
    hints=(
        "Write the derivative of y_i with respect to x_j for i = j and for i not j, in terms of y alone. Then sum it "
        "against grad over i.",
        "The Jacobian is diag(y) - y y^T. It is never built: multiply it with grad by hand, and a matrix of n^2 numbers "
        "becomes one sum.",
        "y y^T grad is y times one number per row, `(y * grad).sum(dim, keepdim=True)`.",
    ),
    why="(diag(y) - y y^T) g = y * (g - <y, g>): the gradient is measured from its own mean under y. A constant added to "
    "g changes nothing, because softmax does not see a constant added to x; for the same reason the result sums to 0.",
)

log_softmax_vjp = Exercise(
    name="log_softmax_vjp",
    reference=exact.log_softmax_vjp,
    precise=exact.precise_log_softmax_vjp,
    minutes=15,
    difficulty=3,
    cases=(
        *_vjp_cases(True, VJP),
        case("a certain class", "extremes", _certain, Value(VJP)),
        case("4 ulp on a one-hot gradient", "value", _one_hot, Value(Tolerance(4)), honours=True),
    ),
    rules=VJP_RULES,
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.empty(batch, classes))),
    trace_wrt=(1,),
    memory=Memory(forward=2.6),
    times=(Time("wide rows", "torch.mul", lambda d: Call(_output(True, 256, 8192)(d)), budget=40),),
    hints=(
        "Differentiate y_i = x_i - log sum e^x with respect to x_j. What is the derivative of the logarithm of a sum of "
        "exponentials?",
        "It is the softmax, and the softmax is e^y: no second normalisation is needed. Each g_i passes through, and every "
        "x_j loses e^(y_j) times the sum of grad.",
        "For the last digits: where e^y is nearly 1, g - e^y g cancels. Split the sum into g and the others, "
        "`elsewhere = grad.sum(dim, keepdim=True) - grad`, and use expm1 for the part with g.",
    ),
    why="g - e^y sum(g). With the whole gradient on one confident class, the plain form is g - g = 0; written as "
    "-g expm1(y) - e^y (sum(g) - g) it keeps every digit, and a class of probability 1 - 1e-9 still gets its gradient.",
)


def _masked(*shape: int, mask: tuple[int, ...] | None = None, dtype: torch.dtype = torch.float32) -> Inputs:
    """Return a maker of numbers and of a mask that keeps about half of them."""

    def make(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
        x = draw.normal(*shape, dtype=dtype)
        return x, draw.uniform(*(shape if mask is None else mask), low=0, high=1) < 0.5

    return make


def _given(x: list[list[float]], mask: list[list[int]]) -> Inputs:
    return lambda draw: (torch.tensor(x), torch.tensor(mask) == 1)


def _all(*shape: int, dtype: torch.dtype = torch.float32) -> Inputs:
    return lambda draw: (draw.normal(*shape, dtype=dtype, scale=0.1), torch.tensor([True]))


GARBAGE = _given(
    [[1.0, NAN, 2], [INF, 0.5, 0.25], [-INF, 3.0, 1], [1e38, -1.0, -2]], [[1, 0, 1], [0, 1, 1], [0, 1, 1], [0, 1, 1]]
)
NOTHING = _given([[1.0, 2, 3], [0.0, 1, 2], [NAN, INF, -INF]], [[0, 0, 0], [1, 0, 1], [0, 0, 0]])
masked_softmax = Exercise(
    name="masked_softmax",
    reference=exact.masked_softmax,
    precise=exact.precise_masked_softmax,
    minutes=30,
    difficulty=4,
    cases=(
        case("leaves its inputs as they were", "untouched", _masked(3, 4), Untouched()),
        *_each(
            "value",
            Value(RELATIVE),
            ("about half is kept", _masked(6, 5)),
            ("all is kept", _all(3, 4)),
            ("one is kept", _given([[3.0, 1, 2], [0.0, 9, -9]], [[0, 1, 0], [0, 0, 1]])),
        ),
        *_each(
            "shape",
            Value(RELATIVE),
            ("one mask for all rows", _masked(6, 5, mask=(5,))),
            ("whole rows", _masked(6, 5, mask=(6, 1))),
            ("the first dimension", _masked(4, 4), FIRST),
            ("one mask along the other dimension", _masked(4, 5, mask=(5,)), FIRST),
            ("a middle dimension", _masked(2, 3, 4, mask=(3, 1)), MIDDLE),
            ("four dimensions, as in attention", _masked(2, 3, 4, 5, mask=(2, 1, 1, 5))),
            ("batch of one", _masked(1, 4)),
            ("empty batch", _masked(0, 4)),
            ("one row without batch", _masked(5)),
        ),
        *_each(
            "shape",
            Value(RELATIVE),
            ("a negative dimension", _masked(2, 3, 4), THIRD_LAST),
            ("a single number", _masked()),
            ("no classes", _masked(2, 0)),
            ("wide rows", _masked(3, 1000)),
            private=True,
        ),
        case("float64", "dtype", _masked(3, 4, dtype=F64), Value(RELATIVE, dtype=True)),
        case("float32", "dtype", _masked(3, 4), Value(RELATIVE, dtype=True)),
        case("float16", "dtype", _masked(4, 9, dtype=F16), Value(PROBABILITY_HALF, dtype=True)),
        case("bfloat16", "dtype", _masked(4, 9, dtype=BF16), Value(PROBABILITY_HALF, dtype=True), private=True),
        case("float16, 70000 kept", "extremes", _all(70000, dtype=F16), Value(PROBABILITY_HALF)),
        *_each(
            "extremes",
            Value(RELATIVE),
            ("nan, inf and 1e38 under the mask", GARBAGE),
            ("rows with nothing kept", NOTHING),
            ("nothing kept at all", _given([[1.0, 2], [3.0, 4]], [[0], [0]])),
            ("kept far below not kept", _given([[500.0, 1, 2], [-500.0, -400, 30]], [[0, 1, 1], [1, 1, 0]])),
            ("large offsets", _given([[1e4, 1e4 + 1, 0], [-1e9, -1e9, 5]], [[1, 1, 0], [1, 1, 0]])),
            ("-inf is kept", _given([[-INF, 0.0, 1]], [[1, 1, 0]])),
            ("nan is kept", _given([[NAN, 0.0], [1.0, 2]], [[1, 1], [1, 1]])),
        ),
        *_each(
            "gradient",
            Gradient(TEXTBOOK),
            ("first order", _masked(6, 5)),
            ("middle dimension", _masked(2, 3, 4, mask=(3, 1)), MIDDLE),
            ("nan, inf and 1e38 under the mask", GARBAGE),
            ("rows with nothing kept", NOTHING),
        ),
        case("second order", "gradient", _masked(4, 4), Gradient(STEEP, second=True)),
        case("second order, nothing kept", "gradient", NOTHING, Gradient(STEEP, second=True), private=True),
        case("float64", "gradient", _masked(3, 4, dtype=F64), Gradient(STEEP), private=True),
    ),
    rules=Rules(NORMALIZERS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.ones(batch, classes, dtype=torch.bool))),
    memory=Memory(forward=5.5, backward=12.5),
    times=(Time("wide rows", "torch.masked_fill", lambda d: Call(_masked(256, 8192)(d)), 16, {"value": 0.0}),),
    hints=(
        "What must stand in x, where mask is False, so that its exponential is 0? And what is the maximum of a row in "
        "which that stands everywhere?",
        "A row with nothing kept is -inf throughout, and its softmax nan. Zeros written over it afterwards can leave the "
        "gradient nan, since 0 times nan is nan. Make the row harmless before it meets exp.",
        "torch.where, never a product: 0 * nan is nan. `kept.any(dim, keepdim=True)` says which rows have something; fill "
        "the others with 0, not with -inf. kept = mask.expand_as(x) makes `dim` mean the same for both.",
    ),
    why="Under the mask stands -inf in rows that keep something, and 0 in rows that keep nothing: each row that reaches "
    "softmax is one it can bear, forward and backward. The last torch.where writes the zeros, and cuts the gradient of "
    "everything under the mask.",
)
