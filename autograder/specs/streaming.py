"""What is asked of the exercises of `streaming`."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.answer import Complaint
from autograder.cases import HALF, INF, NAN, OFFSET, STEEP, TEXTBOOK, case
from autograder.exact import streaming as exact
from autograder.forbidden import CROSS_ENTROPIES, LOG_SUMS, SOFTMAXES, together
from autograder.judging.truth import ulp
from autograder.spec import (
    Call,
    Case,
    Draw,
    Driven,
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
BLOCKS = {"loops": "over blocks, which is what the chapter is about"}
RECOMPUTED = BLOCKS | {"checkpoint": "forms a block's gradient by computing the block again"}
SUMS = together(LOG_SUMS, SOFTMAXES, CROSS_ENTROPIES)
LOSSES = together(LOG_SUMS, CROSS_ENTROPIES)  # the softmax of a block is welcome there
REFUSED = Raises(("ValueError",))
OUTSIDE = Raises(("IndexError", "RuntimeError"))
# The product's rounding grows with what it sums up; a gradient's, with the number of its chunks.
PRODUCT = Tolerance(16, floor=1.0)
SUMMED = Tolerance(64, floor=0.125)
WIDE_PRODUCT = Value(Tolerance(64, floor=1.0), dtype=True)
State = tuple[Tensor, Tensor]


def _complain(kind: str, call: Call, got: str, expected: str, ulps: float | None = None) -> Complaint:
    given = "; ".join(_shown(a) for a in (*call.args, *call.kwargs.values()))
    return Complaint(kind, f"given     {given}\ngot       {got}\nexpected  {expected}", ulps)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_shown, value)) + ")"
    if not isinstance(value, Tensor):
        return repr(value)
    few = value.numel() <= 6
    dtype = str(value.dtype).removeprefix("torch.")
    return _numbers(value) if few else f"{dtype} {tuple(value.shape)}"


def _numbers(values: Tensor) -> str:
    return "[" + ", ".join(f"{v:.6g}" for v in values.flatten()[:6].tolist()) + "]"


def _error(mine: Tensor, right: Tensor, dtype: torch.dtype, floor: float = 0.0) -> float:
    """Return the largest error in ulps; inf where one number is special and the other is not, or another."""
    got, same = mine.double(), (mine.double() == right) | (mine.isnan() & right.isnan())
    finite = got.isfinite() & right.isfinite()
    size = torch.where(finite, right.abs().clamp(min=floor), 1.0)
    off = torch.where(finite, (got - right).abs() / ulp(size, dtype), torch.where(same, 0.0, INF))
    return float(off.max()) if off.numel() else 0.0


# merge_logsumexp


def _run(draw: Draw, *shape: int, offset: float = 0.0, count: int = 5, dtype: torch.dtype = F32) -> State:
    """Return the state of `count` normal numbers for each place of `shape`."""
    x = draw.normal(*shape, count, scale=3.0, offset=offset, dtype=dtype)
    top = x.amax(-1)
    return top, (x - top.unsqueeze(-1)).exp().sum(-1)


def _runs(*shapes: tuple[int, ...], offsets: Sequence[float] = (0.0, 0.0), dtype: torch.dtype = F32) -> Any:
    return lambda draw: tuple(
        _run(draw, *shape, offset=offset, dtype=dtype) for shape, offset in zip(shapes, offsets, strict=True)
    )


def _state(top: list[float], total: list[float]) -> State:
    return torch.tensor(top), torch.tensor(total)


def _states(a: State, b: State) -> Any:
    return lambda draw: (tuple(t.clone() for t in a), tuple(t.clone() for t in b))


EMPTY = _state([-INF] * 3, [0.0] * 3)
SOME = _state([-3.0, 0.0, 70.0], [1.0, 2.5, 4.0])


def _pair(call: Call, result: Any) -> State | Complaint:
    """Return the two tensors of an answer, or what is wrong with its form."""
    items = result.get("items") if isinstance(result, dict) else None
    values = [item.get("value") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    parts = [value for value in values if isinstance(value, Tensor)]
    if len(values) != 2 or len(parts) != 2:
        return _complain("type", call, "no pair of tensors", "a pair (m, s)")
    shape = torch.broadcast_shapes(*(t.shape for one in call.args for t in one))
    if any(part.shape != shape for part in parts):
        got = " and ".join(f"shape {tuple(part.shape)}" for part in parts)
        return _complain("shape", call, got, f"shape {tuple(shape)} for both")
    dtype = call.args[0][0].dtype
    if any(part.dtype != dtype for part in parts):
        return _complain("dtype", call, " and ".join(str(part.dtype) for part in parts), str(dtype))
    return parts[0], parts[1]


def _merged(call: Call, result: Any) -> Complaint | None:
    """Compare m, s and what they stand for with the exact ones."""
    pair = _pair(call, result)
    if isinstance(pair, Complaint):
        return pair
    (top, total), (right_top, right_total) = pair, exact.merge_logsumexp(*call.args)
    dtype = top.dtype
    if _error(top, right_top, dtype):
        return _complain("maximum", call, f"m = {_numbers(top)}", f"m = {_numbers(right_top)}")
    settled = right_top.isfinite() | right_top.isneginf()
    off = _error(torch.where(settled, total, 0.0), torch.where(settled, right_total, 0.0), dtype)
    if off > STEEP.ulps:
        got = f"s = {_numbers(total)}, off by {off:.2g} ulp"
        return _complain("sum", call, got, f"s = {_numbers(right_total)}, within {STEEP.ulps:g} ulp", off)
    value, right = exact.value(pair), exact.value((right_top, right_total))
    if _error(torch.where(settled, 0.0, value), torch.where(settled, 0.0, right), dtype):
        return _complain("special", call, f"m + log s = {_numbers(value)}", f"m + log s = {_numbers(right)}")
    return None


def _whole(call: Call, result: Any) -> Complaint | None:
    """Demand that the four tensors are as they were."""
    after = result.get("args") if isinstance(result, dict) else None
    states = zip(call.args, after, strict=True) if isinstance(after, tuple) else ()
    pairs = [pair for before, now in states for pair in zip(before, now, strict=True)]
    if len(pairs) == 4 and all(torch.equal(before, now) for before, now in pairs):
        return None
    return _complain("modified", call, "a state that was changed", "both states as they were before the call")


def _slopes(call: Call, result: Any) -> Complaint | None:
    """Compare the gradients of m + log s with the exact ones."""
    grads = result.get("grads") if isinstance(result, dict) else None
    if not isinstance(grads, list) or len(grads) != 4:
        return _complain("no-gradient", call, "no gradient of m + log s", "one for each of the four tensors")
    inputs = [t.double().requires_grad_() for one in call.args for t in one]
    value = exact.value(exact.merge_logsumexp((inputs[0], inputs[1]), (inputs[2], inputs[3])))
    rights = torch.autograd.grad(value, inputs, call.kwargs["cotangent"].double())
    for name, mine, right in zip(("a's m", "a's s", "b's m", "b's s"), grads, rights, strict=True):
        got = torch.zeros_like(right) if mine is None else mine
        if got.shape != right.shape or _error(got, right, call.args[0][0].dtype, STEEP.floor) > STEEP.ulps:
            return _complain("gradient", call, f"{_numbers(got)} for {name}", _numbers(right))
    return None


def _steered(make: Any) -> Any:
    """Return the maker of the same call with a cotangent."""

    def call(draw: Draw) -> Call:
        states = make(draw)
        shape = torch.broadcast_shapes(*(t.shape for one in states for t in one))
        return Call(states, {"cotangent": draw.uniform(*shape, low=0.5, high=2.0, dtype=states[0][0].dtype)})

    return call


def _merge(name: str, family: Any, make: Any, **extra: Any) -> Case:
    return case(name, family, make, Driven("value", _merged), **extra)


def _merge_gradient(name: str, make: Any, **extra: Any) -> Case:
    return case(name, "gradient", _steered(make), Driven("state", _slopes), **extra)


merge_logsumexp = Exercise(
    name="merge_logsumexp",
    reference=exact.merge_logsumexp,
    precise=None,
    minutes=20,
    difficulty=3,
    cases=(
        case(
            "leaves the states as they were",
            "untouched",
            _runs((3, 4), (3, 4), offsets=(0.0, 5.0)),
            Driven("untouched", _whole),
        ),
        _merge("two runs", "value", _runs((4, 5), (4, 5))),
        _merge("the second run is larger", "value", _runs((6,), (6,), offsets=(0.0, 30.0))),
        _merge("the first run is larger", "value", _runs((6,), (6,), offsets=(30.0, 0.0))),
        _merge(
            "runs of one number", "value", _states(_state([1.0, -2.0], [1.0, 1.0]), _state([0.5, -1.0], [1.0, 1.0]))
        ),
        _merge(
            "a long run and a short one", "value", _states(_state([0.0], [3e6]), _state([9.0], [1.0])), private=True
        ),
        _merge("single numbers", "shape", _runs((), ())),
        _merge("a row with a column", "shape", _runs((4,), (3, 1))),
        _merge("shape (2, 1, 4)", "shape", _runs((2, 1, 4), (2, 1, 4))),
        _merge("no state at all", "shape", _runs((0, 3), (0, 3))),
        _merge("float64", "dtype", _runs((3, 4), (3, 4), dtype=F64)),
        _merge("offsets to 1e30", "extremes", _states(SOME, _state([1e30, -1e30, 1e4], [3.0, 1.5, 1.0]))),
        _merge("equal maxima", "extremes", _states(SOME, _state([-3.0, 0.0, 70.0], [2.0, 1.0, 1.0]))),
        _merge("nothing, then a run", "extremes", _states(EMPTY, SOME)),
        _merge("a run, then nothing", "extremes", _states(SOME, EMPTY)),
        _merge("nothing twice", "extremes", _states(EMPTY, EMPTY)),
        _merge(
            "nothing, with a finite m beside it", "extremes", _states(SOME, _state([-INF, 1.0, 2.0], [0.0, 1.0, 2.0]))
        ),
        _merge(
            "+inf", "extremes", _states(_state([INF, INF, 0.0], [1.0, 1.0, 2.0]), _state([0.0, INF, INF], [1.0] * 3))
        ),
        _merge(
            "+inf beside nothing", "extremes", _states(_state([INF, -INF], [1.0, 0.0]), _state([-INF, INF], [0.0, 1.0]))
        ),
        _merge("nan", "extremes", _states(_state([NAN, 0.0], [NAN, 1.0]), _state([0.0, 1.0], [1.0, NAN]))),
        _merge(
            "the largest numbers",
            "extremes",
            _states(_state([3e38, -3e38], [1.0] * 2), _state([-3e38, -3e38], [1.0] * 2)),
            private=True,
        ),
        _merge_gradient("of m + log s", _runs((4, 5), (4, 5))),
        _merge_gradient("of m + log s, broadcast", _runs((4,), (3, 1))),
        _merge_gradient("beside nothing", _states(EMPTY, SOME)),
        _merge_gradient("at equal maxima", _states(SOME, _state([-3.0, 0.0, 70.0], [2.0, 1.0, 1.0]))),
    ),
    rules=Rules(SUMS),
    trace=lambda batch, classes: Call(tuple((torch.empty(batch, classes), torch.empty(batch, classes)) for _ in "ab")),
    trace_wrt=(),
    memory=Memory(forward=2.1),
    hints=(
        "Both sums are measured from their own maximum. What factor measures a sum from a larger one?",
        "m is the larger maximum; each s is multiplied by exp(its own m - the new m), of which one is exp(0). Which difference "
        "is nan, and what may stand in its place?",
        "`shift = torch.where(top.isfinite(), top, 0.0)` is what to subtract. The result is the pair of `top` and two products.",
    ),
    why="e^{x - m} = e^{x - n} e^{n - m}: a sum measured from n becomes one measured from m by one factor, at most 1, so nothing "
    "overflows. Merging is associative and has a neutral element: a run may be cut anywhere, and its pieces merged as a tree.",
)


# What the blocked functions share


def _blocked(name: str, family: Any, make: Any, ask: Any = None, *, size: int, **extra: Any) -> Case:
    """Return a case with the size of the blocks behind the other arguments."""

    def sized(draw: Draw) -> Call:
        made = make(draw)
        return Call((*(made if isinstance(made, tuple) else (made,)), size))

    return case(name, family, sized, ask, **extra)


def _rows(name: str, family: Any, make: Any, ask: Any = None, *, size: int = 2, **extra: Any) -> Case:
    return _blocked(name, family, make, ask, size=size, **extra)


def _peak(call: Call, result: Any, allowed: int, kind: str, what: str) -> Complaint | None:
    """Demand that a driver's `peak` is at most `allowed` bytes."""
    peak = result.get("peak") if isinstance(result, dict) else None
    if type(peak) is int and peak <= allowed:
        return None
    return _complain(kind, call, f"a peak of {peak} bytes", f"at most {allowed}: {what}")


def _in_blocks(call: Call, result: Any) -> Complaint | None:
    """Demand a peak of few blocks in float32; one copy of all rows is widened at once, more is another mistake."""
    x, rows = call.args[0], call.args[-1]
    block = 4 * x.shape[-1] * rows
    peak = result.get("peak") if isinstance(result, dict) else None
    kind = "widened" if type(peak) is int and peak < 1.5 * 4 * x.numel() else "whole"
    return _peak(call, result, MANY_BLOCKS * block, kind, f"{MANY_BLOCKS} blocks in float32")


def _nothing_formed(call: Call, result: Any) -> Complaint | None:
    """Demand a peak far below the weight's own size."""
    return _peak(call, result, call.args[1].nbytes // 2, "unwanted", "half of the weight's bytes, no gradient of it")


def _both_walks(call: Call, result: Any) -> Complaint | None:
    """Demand that a second walk back scales with its cotangent, as the first one does, or raises."""
    walks = result.get("walks") if isinstance(result, dict) else None
    if not isinstance(walks, list) or len(walks) != 2 or walks[0] is None:
        return _complain("no-gradient", call, "no gradient", "one for each floating-point input")
    first, second = call.kwargs["cotangents"]
    ratio = float(second.flatten()[0] / first.flatten()[0])
    if walks[1] is None or all(
        (a is None and b is None) or bool(torch.isclose(a * ratio, b, rtol=1e-4, atol=1e-6).all())
        for a, b in zip(walks[0], walks[1], strict=True)
    ):
        return None
    return _complain("second-walk", call, "other gradients on the second walk", "the same ones, or an error")


def _walked(make: Any, *shape: int) -> Any:
    """Return the maker of the same call with two cotangents, the second twice the first."""

    def call(draw: Draw) -> Call:
        one = torch.full(shape, 1.5)
        return Call(make(draw), {"cotangents": (one, 2 * one)})

    return call


def _fixed(values: list[list[float]]) -> Any:
    return lambda draw: torch.tensor(values)


HALF_ROWS, HALF_WIDTH, MANY_BLOCKS = 64, 4096, 10  # all rows are 32 blocks of two
ROWS, BLOCK = 256, 8  # what is weighed: every block costs its operations, and 32 of them tell a block from all
A_BLOCK = BLOCK / ROWS  # of the input


def _weighed() -> Tensor:
    return torch.empty(ROWS, 32000, device="meta")


blocked_logsumexp = Exercise(
    name="blocked_logsumexp",
    reference=exact.blocked_logsumexp,
    precise=exact.precise_blocked_logsumexp,
    minutes=20,
    difficulty=2,
    cases=(
        _rows("leaves its input as it was", "untouched", lambda d: d.normal(5, 4), Untouched()),
        _rows("blocks of two rows", "value", lambda d: d.normal(6, 5)),
        _rows("wide rows", "value", lambda d: d.normal(5, 1000, scale=3)),
        _rows("one row at a time", "value", lambda d: d.normal(5, 7), size=1),
        _rows("the last block is smaller", "shape", lambda d: d.normal(7, 4), size=3),
        _rows("a block holds more than there is", "shape", lambda d: d.normal(3, 4), size=100),
        _rows("a block crosses the batch", "shape", lambda d: d.normal(3, 3, 4), size=4),
        _rows("shape (2, 1, 4)", "shape", lambda d: d.normal(2, 1, 4)),
        _rows("one row without batch", "shape", lambda d: d.normal(5)),
        _rows("one number a row", "shape", lambda d: d.normal(5, 1)),
        _rows("batch of one", "shape", lambda d: d.normal(1, 4)),
        _rows("empty batch", "shape", lambda d: d.normal(0, 4)),
        _rows("not contiguous", "shape", lambda d: d.normal(5, 3).t()),
        _rows("four dimensions", "shape", lambda d: d.normal(2, 3, 1, 4), size=5, private=True),
        _rows("float64", "dtype", lambda d: d.normal(5, 4, dtype=F64), Value(TEXTBOOK, dtype=True)),
        _rows("float16", "dtype", lambda d: d.normal(5, 40, dtype=F16), Value(HALF, dtype=True)),
        _rows("bfloat16", "dtype", lambda d: d.normal(5, 40, dtype=BF16), Value(HALF, dtype=True)),
        _rows("rows far apart in one block", "extremes", _fixed([[500.0, 501.0], [-500.0, -501.0], [0.0, 1.0]])),
        _rows("offsets to 1e6", "extremes", lambda d: torch.tensor([[1e3], [-1e3], [1e6], [-1e6]]) + d.normal(4, 4)),
        _rows("ties", "extremes", _fixed([[2.0, 2.0, 2.0], [-1.0, 3.0, 3.0]])),
        _rows("some -inf", "extremes", _fixed([[0.0, -INF, 1.0], [-INF, -INF, -700.0]])),
        _rows("a row of -inf", "extremes", _fixed([[-INF, -INF], [0.0, 1.0]])),
        _rows("+inf", "extremes", _fixed([[INF, 0.0], [INF, INF], [INF, -INF], [0.0, 1.0]])),
        _rows("nan", "extremes", _fixed([[NAN, 0.0], [NAN, INF], [0.0, 1.0]])),
        _rows("the largest numbers", "extremes", _fixed([[3e38, 3e38], [-3e38, -3e38]]), private=True),
        _rows("131072 equal logits in float16", "extremes", lambda d: torch.zeros(3, 131072, dtype=F16), Value(HALF)),
        _rows("no block size", "extremes", lambda d: d.normal(3, 4), REFUSED, size=0),
        _rows("a negative block size", "extremes", lambda d: d.normal(3, 4), REFUSED, size=-2),
        _rows(
            "half types are widened block by block",
            "memory",
            lambda d: d.normal(HALF_ROWS, HALF_WIDTH, dtype=F16),
            Driven("counted", _in_blocks),
        ),
    ),
    rules=Rules(SUMS, BLOCKS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), batch // 2)),
    # A plain loop holds three blocks, in place it is one.
    memory=Memory(forward=4.1 * A_BLOCK, honours_forward=1.1 * A_BLOCK, make=lambda: Call((_weighed(), BLOCK))),
    times=(
        Time(
            "32 MiB",
            "torch.logsumexp",
            lambda d: Call((d.normal(256, 32768),), {"block_rows": 16}),
            budget=6,
            kwargs={"dim": -1},
        ),
    ),
    hints=(
        "Make two dimensions of x first. A block of rows is a view: x is not copied by cutting it.",
        "`rows.split(block_rows)` gives the blocks. Each gets its own maxima, one for each row; the results are put together "
        "and get the shape of the batch.",
        "In a function of its own, `((block - shift).exp_().sum(-1, keepdim=True).log() + shift)` holds one block at a time: "
        "exp_ works in place on the difference, which is yours. What is `shift` in a row of -inf?",
    ),
    why="Rows are independent, so the peak is a block and not a copy. The block stays in the processor's cache and its memory is "
    "used again, where a large copy is fetched from the system page by page: the loop is faster than one call.",
)


# blocked_token_log_probs


def _scored(draw: Draw, *shape: int, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """Return logits of this shape, and ids for its rows."""
    return draw.normal(*shape, **kwargs), draw.integers(*shape[:-1], low=0, high=shape[-1])


def _asked(logits: list[list[float]], ids: list[int]) -> Any:
    return lambda draw: (torch.tensor(logits), torch.tensor(ids))


blocked_token_log_probs = Exercise(
    name="blocked_token_log_probs",
    reference=exact.blocked_token_log_probs,
    precise=exact.precise_blocked_token_log_probs,
    minutes=40,
    difficulty=4,
    cases=(
        _rows("leaves its inputs as they were", "untouched", lambda d: _scored(d, 5, 4), Untouched()),
        _rows("blocks of two rows", "value", lambda d: _scored(d, 6, 5)),
        _rows("a batch of sequences", "value", lambda d: _scored(d, 2, 3, 50, scale=3), size=4),
        _rows("one row at a time", "value", lambda d: _scored(d, 5, 7), size=1),
        _rows("the last block is smaller", "shape", lambda d: _scored(d, 7, 4), size=3),
        _rows("a block holds more than there is", "shape", lambda d: _scored(d, 3, 4), size=100),
        _rows("one row without batch", "shape", lambda d: (d.normal(5), torch.tensor(2))),
        _rows("shape (2, 1, 4)", "shape", lambda d: _scored(d, 2, 1, 4)),
        _rows("a vocabulary of one", "shape", lambda d: _scored(d, 3, 1)),
        _rows("empty batch", "shape", lambda d: _scored(d, 0, 4)),
        _rows("not contiguous", "shape", lambda d: (d.normal(5, 3).t(), d.integers(3, low=0, high=5))),
        _rows("float64", "dtype", lambda d: _scored(d, 5, 4, dtype=F64), Value(TEXTBOOK, dtype=True)),
        _rows("float16", "dtype", lambda d: _scored(d, 5, 40, dtype=F16), Value(HALF, dtype=True)),
        _rows("bfloat16", "dtype", lambda d: _scored(d, 5, 40, dtype=BF16), Value(HALF, dtype=True)),
        _rows(
            "offsets to 1e4",
            "extremes",
            lambda d: (d.normal(4, 5) + torch.tensor([[1e4], [-1e4], [3e3], [0]]), d.integers(4, low=0, high=5)),
            Value(Tolerance(8, floor=1)),
        ),
        _rows(
            "rows far apart in one block", "extremes", _asked([[500.0, 501.0], [-500.0, -501.0], [0.0, 1.0]], [0, 1, 0])
        ),
        _rows("unlikely tokens", "extremes", _asked([[0.0, -90.0], [0.0, -1000.0], [1e5, 0.0]], [1, 1, 1])),
        _rows("classes that cannot occur", "extremes", _asked([[0.0, -INF, 1.0], [0.0, -INF, 1.0]], [0, 1])),
        _rows("nan", "extremes", _asked([[NAN, 0.0], [0.0, 1.0]], [1, 0])),
        _rows(
            "131072 equal logits in float16",
            "extremes",
            lambda d: (torch.zeros(3, 131072, dtype=F16), torch.tensor([0, 5, 9])),
            Value(Tolerance(1)),
        ),
        _rows("an id beyond the vocabulary raises", "extremes", _asked([[0.0, 1.0], [1.0, 0.0]], [0, 2]), OUTSIDE),
        _rows("no block size", "extremes", lambda d: _scored(d, 3, 4), REFUSED, size=0),
        _rows("a negative block size", "extremes", lambda d: _scored(d, 3, 4), REFUSED, size=-1),
        _rows("first order", "gradient", lambda d: _scored(d, 6, 5), Gradient(TEXTBOOK)),
        _rows("a batch of sequences", "gradient", lambda d: _scored(d, 2, 3, 7), Gradient(TEXTBOOK), size=4),
        _rows("the last block is smaller", "gradient", lambda d: _scored(d, 7, 4), Gradient(TEXTBOOK), size=3),
        _rows("large offsets", "gradient", lambda d: _scored(d, 5, 4, offset=300), Gradient(OFFSET)),
        _rows("classes that cannot occur", "gradient", _asked([[0.0, -INF, 1.0]], [2]), Gradient(TEXTBOOK)),
        _rows("float64", "gradient", lambda d: _scored(d, 5, 4, dtype=F64), Gradient(STEEP)),
        _rows("bfloat16", "gradient", lambda d: _scored(d, 5, 9, dtype=BF16), Gradient(HALF)),
        case(
            "the graph is walked twice",
            "gradient",
            _walked(lambda d: (*_scored(d, 5, 4), 2), 5),
            Driven("twice", _both_walks),
        ),
        _rows(
            "half types are widened block by block",
            "memory",
            lambda d: _scored(d, HALF_ROWS, HALF_WIDTH, dtype=F16),
            Driven("counted", _in_blocks),
        ),
    ),
    rules=Rules(LOSSES, RECOMPUTED),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.zeros(batch, dtype=torch.long), batch // 2)),
    # As above; the backward pass adds the gradient, 1, and a plain loop some blocks.
    memory=Memory(
        forward=5.1 * A_BLOCK,
        backward=1 + 6.1 * A_BLOCK,
        make=lambda: Call((_weighed(), torch.zeros(ROWS, dtype=torch.long), BLOCK)),
    ),
    times=(
        Time(
            "32 MiB",
            "torch.nn.functional.cross_entropy",
            lambda d: Call((d.normal(256, 32768), d.integers(256, low=0, high=32768)), {"block_rows": 16}),
            budget=10,
            kwargs={"reduction": "none"},
        ),
    ),
    hints=(
        "autograd keeps what each operation of the forward pass needs: over all blocks, that is as much as the logits. A class "
        "derived from torch.autograd.Function keeps what you tell it to, and computes the gradient as you tell it to.",
        "The gradient of log p_id is onehot - p, times the incoming number of the row. p follows from the logits, which exist "
        "anyway: `ctx.save_for_backward(rows, ids)`. In backward, fill one tensor of the logits' size block by block.",
        "`p = torch.softmax(block, -1)`, then `p.mul_(-scale.unsqueeze(-1))`, then add `scale` where the ids point. backward "
        "returns one value for each argument of forward: None for ids and block_rows.",
    ),
    why="A custom backward decides what is kept: nothing of the logits' size. Computing the softmax again costs one pass over data "
    "that has to be read anyway, and each block is still in the cache when it becomes a piece of the gradient.",
)


# linear_cross_entropy


def _layer(
    draw: Draw, tokens: int, width: int, classes: int, scale: float = 1.0, dtype: torch.dtype = F32
) -> tuple[Tensor, Tensor, Tensor]:
    """Return hidden states, a weight and targets."""
    hidden, weight = draw.normal(tokens, width, scale=scale, dtype=dtype), draw.normal(classes, width, dtype=dtype)
    return hidden, weight, draw.integers(tokens, low=0, high=classes)


def _one_sided(draw: Draw, tokens: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens that all pull the weight the same way, each by little."""
    hidden = draw.uniform(tokens, 4, low=1.0, high=2.0, dtype=dtype)
    return hidden, draw.normal(3, 4, scale=0.1, dtype=dtype), torch.zeros(tokens, dtype=torch.long)


def _chunks(name: str, family: Any, make: Any, ask: Any = None, *, size: int = 2, **extra: Any) -> Case:
    asked = Value(PRODUCT) if ask is None else ask
    return _blocked(name, family, make, asked, size=size, **extra)


def _layer_trace(batch: int, classes: int) -> Call:
    hidden, weight = torch.empty(batch, 8), torch.empty(classes, 8)
    return Call((hidden, weight, torch.zeros(batch, dtype=torch.long), batch // 2))


def _layer_weighed() -> Call:
    """Return 2048 tokens before 32000 classes: 250 MiB of logits, of which a chunk of 32 makes 1/64."""
    hidden, weight = torch.empty(2048, 1024, device="meta"), torch.empty(32000, 1024, device="meta")
    return Call((hidden, weight, torch.zeros(2048, dtype=torch.long), 32))


# An eighth of the logits' bytes, in units of hidden and weight: eight chunks.
EIGHTH = (2048 * 32000 / 8) / (1024 * (2048 + 32000))
BOTH = (0, 1)

linear_cross_entropy = Exercise(
    name="linear_cross_entropy",
    reference=exact.linear_cross_entropy,
    precise=None,
    minutes=60,
    difficulty=5,
    cases=(
        _chunks("leaves its inputs as they were", "untouched", lambda d: _layer(d, 5, 4, 7), Untouched()),
        _chunks("chunks of two tokens", "value", lambda d: _layer(d, 6, 4, 7)),
        _chunks("more classes", "value", lambda d: _layer(d, 40, 16, 300), size=16),
        _chunks("one token at a time", "value", lambda d: _layer(d, 5, 4, 7), size=1),
        _chunks("the last chunk is smaller", "shape", lambda d: _layer(d, 7, 4, 6), size=3),
        _chunks("a chunk holds more than there is", "shape", lambda d: _layer(d, 3, 4, 6), size=100),
        _chunks("one token", "shape", lambda d: _layer(d, 1, 4, 6)),
        _chunks("a vocabulary of one", "shape", lambda d: _layer(d, 3, 4, 1)),
        _chunks(
            "not contiguous", "shape", lambda d: (d.normal(4, 5).t(), d.normal(4, 7).t(), d.integers(5, low=0, high=7))
        ),
        _chunks("float64", "dtype", lambda d: _layer(d, 5, 4, 7, dtype=F64), WIDE_PRODUCT),
        _chunks("float16", "dtype", lambda d: _layer(d, 5, 4, 7, dtype=F16), Value(HALF, dtype=True)),
        _chunks("bfloat16", "dtype", lambda d: _layer(d, 5, 16, 40, dtype=BF16), Value(HALF, dtype=True)),
        _chunks(
            "logits of some thousands",
            "extremes",
            lambda d: _layer(d, 5, 4, 7, scale=1000),
            Value(Tolerance(16, floor=1e3)),
        ),
        _chunks(
            "equal logits", "extremes", lambda d: (torch.zeros(4, 3), d.normal(50, 3), d.integers(4, low=0, high=50))
        ),
        _chunks(
            "nan", "extremes", lambda d: (torch.tensor([[NAN, 0.0], [1.0, 2.0]]), d.normal(3, 2), torch.tensor([0, 1]))
        ),
        _chunks(
            "a target beyond the classes raises",
            "extremes",
            lambda d: (d.normal(2, 3), d.normal(4, 3), torch.tensor([0, 4])),
            OUTSIDE,
        ),
        _chunks("no chunk size", "extremes", lambda d: _layer(d, 3, 4, 5), REFUSED, size=0),
        _chunks("a negative chunk size", "extremes", lambda d: _layer(d, 3, 4, 5), REFUSED, size=-1),
        _chunks("of both", "gradient", lambda d: _layer(d, 6, 4, 7), Gradient(SUMMED, BOTH)),
        _chunks("the last chunk is smaller", "gradient", lambda d: _layer(d, 7, 4, 6), Gradient(SUMMED, BOTH), size=3),
        _chunks("of hidden alone", "gradient", lambda d: _layer(d, 6, 4, 7), Gradient(SUMMED, (0,))),
        _chunks("of the weight alone", "gradient", lambda d: _layer(d, 6, 4, 7), Gradient(SUMMED, (1,))),
        _chunks(
            "steep logits",
            "gradient",
            lambda d: _layer(d, 6, 4, 7, scale=30),
            Gradient(Tolerance(256, floor=8.0), BOTH),
        ),
        _chunks(
            "float64", "gradient", lambda d: _layer(d, 5, 4, 7, dtype=F64), Gradient(Tolerance(256, floor=0.125), BOTH)
        ),
        _chunks(
            "bfloat16, 300 chunks of one token",
            "gradient",
            lambda d: _one_sided(d, 300, BF16),
            Gradient(HALF, BOTH),
            size=1,
        ),
        _chunks("float16", "gradient", lambda d: _layer(d, 6, 4, 7, dtype=F16), Gradient(HALF, BOTH), private=True),
        case(
            "the graph is walked twice",
            "gradient",
            _walked(lambda d: (*_layer(d, 5, 4, 7), 2)),
            Driven("twice", _both_walks),
        ),
        _chunks(
            "under no_grad no gradient is formed",
            "memory",
            lambda d: _layer(d, 64, 256, 512),
            Driven("unwanted", _nothing_formed),
        ),
    ),
    rules=Rules(LOSSES, RECOMPUTED),
    trace=_layer_trace,
    trace_wrt=BOTH,
    # Beyond the inputs and the two gradients (1) an eighth of the logits' bytes; torch's own function needs two chunks.
    memory=Memory(forward=EIGHTH, backward=1 + EIGHTH, honours_backward=1 + EIGHTH * 2.1 / 8, make=_layer_weighed),
    hints=(
        "The loss is a sum over tokens, and so is the weight's gradient. What has to be there at the same time, of all logits?",
        "For a chunk: its logits, their log_softmax, the loss; then slope = (p - onehot) / N. Its share of hidden's gradient is "
        "slope @ weight, of the weight's slope.T @ part. Form both in forward, keep them, and scale them in backward.",
        "`grad_weight.addmm_(slope.T, part)` adds in place, where `+=` makes another tensor of the weight's size. In "
        "backward, `mul_` scales the two that were kept. Ask "
        "`torch.is_grad_enabled()` before `.apply(...)`, for inside it the answer is always False.",
    ),
    why="Only a loss at the end of the graph can do this: its incoming gradient is one number, so the gradients can be formed before "
    "it is known, and scaled later. The logits of a chunk are used three times while they are there, and never made twice.",
)


# streaming_attention


def _triple(draw: Draw, *shape: int, scale: float = 1.0, dtype: torch.dtype = F32) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values."""
    q, k = draw.normal(*shape, scale=scale, dtype=dtype), draw.normal(*shape, dtype=dtype)
    return q, k, draw.normal(*shape, dtype=dtype)


def _ordered(draw: Draw, rising: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return keys whose scores rise, or fall, from block to block, by some tens."""
    steps = torch.arange(6.0) if rising else torch.arange(6.0).flip(0)
    return torch.full((6, 4), 10.0), steps[:, None].expand(6, 4).contiguous() * 2, draw.normal(6, 4)


def _far(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """Return scores that are all large, and differ by little."""
    q, k, v = _triple(draw, 5, 4)
    q[:, 0], k[:, 0] = 64.0, 256.0
    return q, k, v


def _keys(name: str, family: Any, make: Any, ask: Any = None, *, size: int = 2, **extra: Any) -> Case:
    asked = Value(Tolerance(8, floor=1.0)) if ask is None else ask
    return _blocked(name, family, make, asked, size=size, **extra)


def _three(*shape: int, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty(*shape, **kwargs), torch.empty(*shape, **kwargs), torch.empty(*shape, **kwargs)


ALL = (0, 1, 2)

streaming_attention = Exercise(
    name="streaming_attention",
    reference=exact.streaming_attention,
    precise=None,
    minutes=50,
    difficulty=5,
    cases=(
        _keys("leaves its inputs as they were", "untouched", lambda d: _triple(d, 5, 4), Untouched()),
        _keys("blocks of two keys", "value", lambda d: _triple(d, 6, 4)),
        _keys("heads and a batch", "value", lambda d: _triple(d, 2, 3, 20, 8), size=6),
        _keys("more heads than keys in a block", "value", lambda d: _triple(d, 4, 6, 3), size=3),
        _keys("one key at a time", "value", lambda d: _triple(d, 5, 4), size=1),
        _keys("all keys at once", "value", lambda d: _triple(d, 5, 4), size=5),
        _keys("the last block is smaller", "shape", lambda d: _triple(d, 7, 4), size=3),
        _keys("a block holds more than there is", "shape", lambda d: _triple(d, 3, 4), size=100),
        _keys("one token", "shape", lambda d: _triple(d, 1, 4)),
        _keys("D of one", "shape", lambda d: _triple(d, 5, 1)),
        _keys("shape (2, 1, 5, 3)", "shape", lambda d: _triple(d, 2, 1, 5, 3)),
        _keys("empty batch", "shape", lambda d: _triple(d, 0, 5, 4)),
        _keys("not contiguous", "shape", lambda d: tuple(t.mT for t in _triple(d, 2, 4, 5))),
        _keys("float64", "dtype", lambda d: _triple(d, 6, 4, dtype=F64), Value(Tolerance(16, floor=1.0), dtype=True)),
        _keys("float16", "dtype", lambda d: _triple(d, 6, 4, dtype=F16), Value(HALF, dtype=True)),
        _keys("bfloat16", "dtype", lambda d: _triple(d, 30, 8, dtype=BF16), Value(HALF, dtype=True), size=4),
        _keys("scores rise from block to block", "extremes", lambda d: _ordered(d, True)),
        _keys("scores fall from block to block", "extremes", lambda d: _ordered(d, False)),
        _keys("all scores near 8192", "extremes", _far, Value(Tolerance(2**15, floor=1.0))),
        _keys(
            "one key takes all",
            "extremes",
            lambda d: _triple(d, 6, 4, scale=1000.0),
            Value(Tolerance(2**15, floor=1.0)),
        ),
        _keys("equal keys", "extremes", lambda d: (d.normal(5, 4), torch.ones(5, 4), d.normal(5, 4))),
        _keys(
            "large values",
            "extremes",
            lambda d: (d.normal(5, 4), d.normal(5, 4), d.normal(5, 4, scale=1e30)),
            Value(Tolerance(64, floor=1e30)),
        ),
        _keys(
            "a query with nan",
            "extremes",
            lambda d: (torch.tensor([[NAN, 0.0], [1.0, 2.0], [0.0, 1.0]]), d.normal(3, 2), d.normal(3, 2)),
        ),
        _keys("no block size", "extremes", lambda d: _triple(d, 3, 4), REFUSED, size=0),
        _keys("a negative block size", "extremes", lambda d: _triple(d, 3, 4), REFUSED, size=-1),
        _keys("of all three", "gradient", lambda d: _triple(d, 6, 4), Gradient(STEEP, ALL)),
        _keys("heads and a batch", "gradient", lambda d: _triple(d, 2, 3, 7, 4), Gradient(STEEP, ALL), size=3),
        _keys(
            "scores rise from block to block",
            "gradient",
            lambda d: _ordered(d, True),
            Gradient(Tolerance(256, floor=8.0), ALL),
        ),
        _keys("float64", "gradient", lambda d: _triple(d, 5, 4, dtype=F64), Gradient(STEEP, ALL), private=True),
        _keys("float16", "gradient", lambda d: _triple(d, 5, 4, dtype=F16), Gradient(HALF, ALL), private=True),
        case(
            "the graph is walked twice",
            "gradient",
            _walked(lambda d: (*_triple(d, 5, 4), 2), 5, 4),
            Driven("twice", _both_walks),
        ),
    ),
    rules=Rules(SUMS, RECOMPUTED),
    trace=lambda batch, classes: Call((*_three(batch, classes, 8), max(1, classes // 2))),
    trace_wrt=ALL,
    memory=Memory(
        forward=4.1,
        backward=21.0,  # a plain loop of 16 blocks keeps what it needs of each: 19
        honours_backward=4.1,
        make=lambda: Call((*_three(2, 1024, 64, device="meta"), 64)),
    ),
    hints=(
        "Carry three things for each query: the largest score so far, the sum of exp(score - largest), and the same sum with the "
        "values in it. What happens to the last two when a larger score comes?",
        "For a block of keys: scores = q @ keys.mT / sqrt(D); the new maximum; both sums times exp(old - new maximum); then add "
        "weights.sum(-1) and weights @ values. Divide once, after the last block.",
        "`shrink = (top - larger).exp()` rescales what was summed up so far; before the first block top is -inf, and shrink 0. For "
        "the honours: keep out and top + log(total), and compute each block's weights again in backward.",
    ),
    why="The running weighted sum is the running sum with numbers in it: the state (m, s) carries a third part, rescaled by the same factor. "
    "No row of scores is ever whole, and with a backward pass that forms each block again nothing of T x T is kept.",
)
