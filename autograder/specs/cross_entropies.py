"""What is asked of the exercises of `cross_entropies`."""

from typing import Any

import torch

from autograder.atlases import families
from autograder.cases import HALF, INF, NAN, STEEP, TEXTBOOK, TIGHT, Inputs, case, transposed
from autograder.exact import cross_entropies as exact
from autograder.forbidden import CROSS_ENTROPIES, LOG_SUMS, SOFTMAXES, together
from autograder.spec import (
    Call,
    Case,
    Draw,
    Exercise,
    Family,
    Gradient,
    Memory,
    Raises,
    Rules,
    Time,
    Tolerance,
    Untouched,
    Value,
)

F64, F16, BF16 = torch.float64, torch.float16, torch.bfloat16
WEIGHT = torch.tensor([0.5, 2.0, 0.25, 3.0])
NONE, SUM, WEIGHTED = {"reduction": "none"}, {"reduction": "sum"}, {"weight": WEIGHT}
SMOOTH = {"label_smoothing": 0.1}
BOTH = {**WEIGHTED, **SMOOTH}
FIVE = Value(Tolerance(5))
GRADIENTS = Gradient(TEXTBOOK)
UNKNOWN = Raises(("ValueError",))
MASKS = {"boolean_masks": "ignored targets may be dropped by a mask, as torch's own smoothing does"}


def _hard(*shape: int, ignored: int | None = None, dtype: torch.dtype = torch.float32, **normal: float) -> Inputs:
    """Return a maker of numbers and of class indices, every third one `ignored`."""
    dim = min(1, len(shape) - 1)

    def make(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
        x = draw.normal(*shape, dtype=dtype, **normal)
        target = draw.integers(*shape[:dim], *shape[dim + 1 :], low=0, high=shape[dim])
        if ignored is not None:
            target.view(-1)[::3] = ignored
        return x, target

    return make


def _soft(*shape: int, dtype: torch.dtype = torch.float32, **normal: float) -> Inputs:
    """Return a maker of logits and of class probabilities."""
    dim = min(1, len(shape) - 1)
    return lambda d: (
        d.normal(*shape, dtype=dtype, **normal),
        exact.log_softmax(d.normal(*shape, dtype=F64), dim).exp().to(dtype),
    )


def _given(rows: list[list[float]], target: Any, dtype: torch.dtype = torch.float32) -> Inputs:
    """Return a maker of these numbers and this target: indices, or rows of probabilities."""
    kind = dtype if isinstance(target[0], list) else torch.int64
    return lambda d: (torch.tensor(rows, dtype=dtype), torch.tensor(target, dtype=kind))


def _all(name: str, family: Family, make: Inputs, **more: Any) -> tuple[Case, ...]:
    """Return a case for each reduction."""
    kwargs = more.pop("kwargs", {})
    ways = ("mean", "sum", "none")
    return tuple(case(f"{name}, {r}", family, make, kwargs={**kwargs, "reduction": r}, **more) for r in ways)


def _rows(name: str, family: Family, make: Inputs, ask: Any = None, kwargs: Any = None, **more: Any) -> Case:
    """Return a case that asks for every row's own loss."""
    return case(name, family, make, ask, kwargs={**(kwargs or {}), **NONE}, **more)


def _weights(dtype: torch.dtype) -> dict[str, Any]:
    return {"weight": WEIGHT.to(dtype), **NONE}


def _layouts() -> tuple[Case, ...]:
    """Return the cases of the layouts that both losses share."""
    named = {"a single row": (4,), "one class": (3, 1), "batch of one": (1, 4), "empty batch": (0, 4)}
    extra = {"(N, C, d1)": (2, 4, 3), "(N, C, d1) with d1 = C": (3, 4, 4), "(N, C, d1, d2)": (2, 4, 3, 2)}
    return (
        *(_rows(name, "shape", _hard(*shape)) for name, shape in {**named, **extra}.items()),
        case("(N, C, d1), weighted mean", "shape", _hard(2, 4, 3), kwargs=WEIGHTED),
        _rows("(N, C, 1, d2)", "shape", _hard(2, 4, 1, 3), kwargs=WEIGHTED, private=True),
        case("a single row, mean", "shape", _hard(4), kwargs=WEIGHTED, private=True),
    )


POISONED = _given([[NAN, INF, 0.0], [0.5, -1.0, 2.0], [-INF, -INF, -INF]], [-100, 1, -100])


def _shared() -> tuple[Case, ...]:
    """Return the cases of class indices, weights and ignored targets that both losses share."""
    square = lambda d: (transposed(d), d.integers(3, low=0, high=5))  # noqa: E731
    gone = _given([[1.0, -2.0], [0.5, 3.0]], [-100, -100])
    return (
        *_all("class indices", "value", _hard(5, 4)),
        *_all("weights", "value", _hard(7, 4), kwargs=WEIGHTED),
        *_all("ignored targets", "value", _hard(7, 4, ignored=-100)),
        *_all("ignored targets and weights", "value", _hard(7, 4, ignored=-100), kwargs=WEIGHTED),
        case("an ignore_index that is a class", "value", _hard(9, 4, ignored=2), kwargs={"ignore_index": 2}),
        case("an ignore_index of -1", "value", _hard(8, 4, ignored=-1), kwargs={"ignore_index": -1}),
        *_layouts(),
        case("empty batch, mean", "shape", _hard(0, 4)),
        case("empty batch, sum", "shape", _hard(0, 4), kwargs=SUM, private=True),
        _rows("not contiguous", "shape", square),
        *_all("nothing kept", "extremes", gone),
        *_all("ignored rows of nan and inf", "extremes", POISONED),
        case("unknown reduction", "extremes", _hard(2, 3), UNKNOWN, kwargs={"reduction": "average"}),
        case("float64", "dtype", _hard(5, 4, dtype=F64), Value(TEXTBOOK, dtype=True), kwargs=_weights(F64)),
        case("float16", "dtype", _hard(5, 4, dtype=F16), Value(HALF, dtype=True), kwargs=_weights(F16)),
        case("bfloat16", "dtype", _hard(5, 4, dtype=BF16), Value(HALF, dtype=True), kwargs=_weights(BF16)),
        case("mean of 40000 rows in float16", "dtype", _hard(40000, 3, dtype=F16, offset=-4), Value(HALF)),
        case("mean, bfloat16", "dtype", _hard(6, 4, dtype=BF16), Value(HALF, dtype=True), private=True),
        case("mean", "gradient", _hard(5, 4), GRADIENTS),
        _rows("none", "gradient", _hard(5, 4), GRADIENTS),
        case("weighted mean with ignored targets", "gradient", _hard(7, 4, ignored=-100), GRADIENTS, kwargs=WEIGHTED),
        _rows("(N, C, d1)", "gradient", _hard(2, 4, 3, ignored=-100), GRADIENTS),
        case("sum", "gradient", _hard(5, 4), GRADIENTS, kwargs={**SUM, **WEIGHTED}, private=True),
    )


def _honours(name: str, family: Family, make: Inputs, ask: Any, private: bool = False) -> Case:
    return _rows(name, family, make, ask, honours=True, private=private)


def _equal(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(1, 131072, dtype=F16), torch.tensor([7])  # float16 cannot count so many


def _offsets(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    offsets = torch.tensor([[x] for x in (0.0, 1e3, -1e3, 1e4, -1e4, 1e6, -1e6)])
    return offsets + draw.normal(7, 4), draw.integers(7, low=0, high=4)


def _near_zero(dtype: torch.dtype, classes: int = 1, top: float = 81.0) -> Inputs:
    """Return a maker of rows [0, -k, -k ...] whose target is class 0."""

    def make(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
        k = torch.arange(1.0, top)[:, None]
        rows = torch.cat([torch.zeros_like(k), -k.expand(-1, classes)], -1)
        return rows.to(dtype), torch.zeros(len(k), dtype=torch.int64)

    return make


nll_loss = Exercise(
    name="nll_loss",
    reference=exact.nll_loss,
    precise=exact.precise_nll_loss,
    minutes=30,
    difficulty=2,
    cases=(
        case("leaves its inputs as they were", "untouched", _hard(6, 4, ignored=-100), Untouched(), kwargs=WEIGHTED),
        *_shared(),
        _rows("-inf at the target", "extremes", _given([[-INF, 0.0], [-0.5, -1.0]], [0, 1])),
        _rows("-inf beside the target", "extremes", _given([[-INF, -0.3], [-0.5, -INF]], [1, 0])),
        case("nan at the target", "extremes", _given([[NAN, 0.0], [-0.5, -1.0]], [0, 1]), private=True),
        case("-inf beside the target", "gradient", _given([[-INF, -0.3], [-0.5, -INF]], [1, 0]), GRADIENTS),
    ),
    rules=Rules(CROSS_ENTROPIES, MASKS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.zeros(batch, dtype=torch.int64))),
    memory=Memory(forward=5.1, backward=6.1, honours_forward=0.1, honours_backward=2.1),
    times=(Time("many rows", "torch.nn.functional.nll_loss", lambda d: Call(_hard(1 << 20, 4)(d)), budget=150),),
    hints=(
        "For each row you need one number, the one at the target's place. Which function of torch reads one element of "
        "each row at places that a tensor holds, along a dimension that you name?",
        "The classes stand in dimension 1, or 0 for a single row. `gather` wants an index with as many dimensions as the "
        "log-probabilities: unsqueeze the target there, squeeze the result. An ignored target is no valid index: first "
        "replace it by any class.",
        "Keep two tensors: the losses, and the weights of the kept targets, `torch.where(kept, weight[index], 0)`. All "
        "three reductions follow from them; the mean divides one sum by the other.",
    ),
    why="`gather` reads one number of each row in any layout. Ignored targets point to class 0 and are set to 0 by "
    "`where`, which unlike a product lets no nan through, forward or backward. The mean divides by the weights of what was "
    "kept, so nothing kept is 0/0.",
)

BARRED = [[1.0, -INF, 0.0]]  # the second class cannot occur
SPARED = [[0.5, 0.0, 0.5]]

cross_entropy = Exercise(
    name="cross_entropy",
    reference=exact.cross_entropy,
    precise=exact.precise_cross_entropy,
    atlas=families.cross_entropy,
    minutes=50,
    difficulty=4,
    cases=(
        case("leaves its inputs as they were", "untouched", _hard(6, 4, ignored=-100), Untouched(), kwargs=BOTH),
        case("leaves probabilities as they were", "untouched", _soft(3, 4), Untouched(), kwargs=SMOOTH, private=True),
        *_shared(),
        *_all("class probabilities", "value", _soft(5, 4)),
        *_all("class probabilities and weights", "value", _soft(5, 4), kwargs=WEIGHTED),
        *_all("smoothing", "value", _hard(5, 4), kwargs=SMOOTH),
        *_all("smoothing, ignored targets", "value", _hard(7, 4, ignored=-100), kwargs=SMOOTH),
        *_all("smoothing and weights", "value", _hard(7, 4, ignored=-100), kwargs=BOTH),
        case("smoothed probabilities", "value", _soft(5, 4), kwargs=BOTH),
        case("smoothing of 1", "value", _hard(5, 4), kwargs={"label_smoothing": 1.0}, private=True),
        _rows("wide rows", "value", _hard(3, 1000, scale=3), private=True),
        _rows("steep rows", "value", _hard(6, 7, scale=40), private=True),
        case("probabilities, a single row", "shape", _soft(4), kwargs=WEIGHTED),
        case("probabilities, (N, C, d1), mean", "shape", _soft(2, 4, 3), kwargs=WEIGHTED),
        _rows("probabilities, (N, C, d1, d2)", "shape", _soft(2, 4, 1, 3), kwargs=SMOOTH),
        case("probabilities, empty batch, mean", "shape", _soft(0, 4), private=True),
        case("smoothing, (N, C, d1)", "shape", _hard(2, 4, 3, ignored=-100), kwargs=BOTH),
        case("probabilities, float16", "dtype", _soft(4, 4, dtype=F16), Value(HALF, dtype=True), kwargs=_weights(F16)),
        case("probabilities, float64", "dtype", _soft(4, 4, dtype=F64), Value(TEXTBOOK, dtype=True), private=True),
        _rows("smoothing, bfloat16", "dtype", _hard(4, 4, dtype=BF16), Value(HALF), kwargs=SMOOTH),
        _rows("131072 equal logits in float16", "dtype", _equal, Value(HALF)),
        _rows("offsets to 1e6", "extremes", _offsets),
        _rows("rows far apart", "extremes", _given([[500.0, 501.0], [-500.0, -501.0]], [0, 0])),
        _rows("confident and wrong", "extremes", _given([[100.0, 0.0, 1.0], [0.0, -2e4, 3e4]], [1, 0])),
        _rows("ties", "extremes", _given([[2.0, 2.0, 2.0], [-1.0, 3.0, 3.0]], [2, 1])),
        _rows("some -inf", "extremes", _given([[0.0, -INF, 1.0], [-INF, -INF, -700.0]], [0, 2])),
        _rows("-inf at the target", "extremes", _given([[0.0, -INF, -INF], [1.0, 2.0, 3.0]], [1, 0])),
        _rows("a row of -inf", "extremes", _given([[-INF, -INF], [0.0, 1.0]], [0, 0])),
        _rows("+inf", "extremes", _given([[INF, 0.0], [INF, 0.0], [0.0, 1.0]], [0, 1, 0])),
        _rows("nan", "extremes", _given([[NAN, 0.0], [0.0, NAN], [0.0, 1.0]], [0, 0, 0])),
        _rows("probability 0 at a logit of -inf", "extremes", _given(BARRED, SPARED)),
        case("smoothing over a logit of -inf", "extremes", _given(BARRED, [0]), kwargs=SMOOTH),
        case("smoothed probabilities over it", "extremes", _given(BARRED, SPARED), kwargs=SMOOTH, private=True),
        _rows("the largest numbers", "extremes", _given([[3e38, -3e38], [1e38, 2e38]], [0, 0])),
        _rows("float64, offsets", "extremes", _given([[1e15, 1e15], [-800.0, -801.0]], [0, 1], F64)),
        _rows("class probabilities", "gradient", _soft(4, 5), GRADIENTS),
        case("smoothing and weights", "gradient", _hard(7, 4, ignored=-100), GRADIENTS, kwargs=BOTH),
        _rows("offsets of 1e4", "gradient", _hard(4, 5, offset=1e4), GRADIENTS),
        _rows("ties", "gradient", _given([[1.0, 1.0, 1.0], [0.0, 2.0, 2.0]], [0, 2]), GRADIENTS),
        case("-inf beside the target", "gradient", _given(BARRED, [0]), GRADIENTS),
        case("probability 0 at a logit of -inf", "gradient", _given(BARRED, SPARED), GRADIENTS),
        _rows("second order", "gradient", _hard(4, 5), Gradient(STEEP, second=True)),
        case("second order, probabilities", "gradient", _soft(3, 4), Gradient(STEEP, second=True), private=True),
        case("float64", "gradient", _hard(3, 4, dtype=F64), GRADIENTS, private=True),
        _honours("1 ulp on [0, -k]", "value", _near_zero(torch.float32), Value(TIGHT)),
        _honours("5 ulp on 0 beside a thousand -k", "value", _near_zero(torch.float32, 1000, 41.0), FIVE),
        _honours("rounded right, bfloat16", "value", _near_zero(BF16), Value(Tolerance(0.6))),
        _honours("2 ulp on [0, -k] in float64", "value", _near_zero(F64), Value(Tolerance(2)), private=True),
        # torch's gradient at the target is exp(0) - 1 = 0 from k = 17 on; of an ignored row of nan it is nan.
        _honours("8 ulp of p - y on [0, -k]", "gradient", _near_zero(torch.float32), Gradient(Tolerance(8))),
        _honours("ignored rows of nan leave no trace", "gradient", POISONED, GRADIENTS),
    ),
    rules=Rules(together(CROSS_ENTROPIES, SOFTMAXES, LOG_SUMS), MASKS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.zeros(batch, dtype=torch.int64))),
    memory=Memory(forward=7.1, backward=9.1),
    times=(
        Time("wide rows", "torch.nn.functional.cross_entropy", lambda d: Call(_hard(256, 8192)(d)), budget=60),
        Time("many rows", "torch.nn.functional.cross_entropy", lambda d: Call(_hard(65536, 32)(d)), budget=60),
    ),
    hints=(
        "It is nll_loss of log_softmax. Shift each row by its maximum before anything else: then large offsets cost no "
        "digits. Class probabilities and smoothing need -log p of *every* class; indices need one.",
        "A smoothed target is a distribution: (1 - e) at the class, and e / C everywhere on top. Every class then costs "
        "weight * probability * -log p. Means differ: indices divide by the weights of the kept targets, probabilities by "
        "the number of rows. And 0 * inf is nan: `torch.where(probs == 0, 0, ...)`.",
        "Near 0: -log p is (max - x) + log1p(the other terms), two numbers that are never negative. Take the maximum's own "
        "term out with `scatter`. Its gap max - x is a constant 0: write it as one, and the gradient keeps its digits too.",
    ),
    why="-log softmax is a sum of two terms that are never negative, the gap to the maximum and log1p of the others, so "
    "nothing cancels: torch adds the 1 first and loses what is below 6e-8. Indices then need nll_loss; probabilities, and "
    "indices that are smoothed, need the mean over all classes, with 0 where a probability is 0. The maximum's gap is "
    "written as a constant because its gradient would be 1 - 1, and a small p - y would drown between the two.",
)
