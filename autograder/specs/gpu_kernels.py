"""What is asked of the exercises of `gpu_kernels`: kernels, which an interpreter runs, and a stopwatch."""

import statistics
from dataclasses import replace
from typing import Any

import torch

from autograder.answer import Complaint
from autograder.cases import HALF, INF, NAN, OFFSET, TEXTBOOK, Inputs, case, rows, transposed
from autograder.exact import gpu_kernels as exact
from autograder.exact import log_sums, normalizers
from autograder.forbidden import CROSS_ENTROPIES, EXPONENTIALS, LOG_SUMS, SOFTMAXES, together
from autograder.spec import (
    Call,
    Case,
    Draw,
    Driven,
    Exercise,
    Gradient,
    Raises,
    Rules,
    Tolerance,
    Untouched,
    Value,
)

F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
# A probability is judged by its own size; see `normalizers`.
RELATIVE, WIDE, FAR = Tolerance(16), Tolerance(64), Tolerance(256)
# Triton's interpreter cuts off where it stores bfloat16; a GPU rounds.
CUT = 2.0
LONGER_THAN_A_BLOCK = (1 << 20) + 77  # more than Triton lets a block have
RULES = Rules(
    together(LOG_SUMS, SOFTMAXES, CROSS_ENTROPIES, EXPONENTIALS),
    {"triton": "the work is done in kernels, and a loop over blocks stands there"},
    "kernels need numbers: without a GPU, Triton's interpreter runs them on the CPU",
)
STOPWATCH = Rules(
    allows={"loops": "calls are repeated", "triton": "its file imports it"},
    skips_meta="what is timed are calls, not tensors",
)
MOST_OFF = 0.02  # of a time
LEAST = 10  # calls that are timed


def _works(*later: float, first: float | None = None) -> Inputs:
    """Return a maker of the driver's arguments: how long the device works in each call, over and over."""
    works = (later[0] if first is None else first, *later)
    return lambda draw: Call((works, True, ""))


def _wrong(kind: str, call: Call, got: str, expected: str) -> Complaint:
    works = call.args[0]
    first, later = works[0], ", ".join(f"{w:g}" for w in works[1:12])
    given = f"given     a call of {first:g} ms, then calls of {later} ms, over and over"
    return Complaint(f"clock-{kind}", f"{given}\ngot       {got}\nexpected  {expected}")


def _median(call: Call, result: Any) -> Complaint | None:
    """Demand the median of the timed calls, enough of them, and none of them the first."""
    answer, timed, works = result["answer"], result["timed"], call.args[0]
    if answer["kind"] != "plain" or answer["type"] not in ("float", "int"):
        return _wrong("type", call, f"a {answer.get('type', answer['kind'])}", "a Python float")
    got, later = float(answer["value"]), works[1:]
    times = [works[0] if n == 0 else later[(n - 1) % len(later)] for n in timed]
    if len(times) < LEAST:
        return _wrong("few", call, f"{len(times)} calls between two events", f"at least {LEAST} timed calls")
    if 0 in timed:
        return _wrong("cold", call, "the first call was timed", "a call that warms up, and is not timed, comes first")
    low, high = statistics.median_low(times), statistics.median_high(times)
    if low * (1 - MOST_OFF) <= got <= high * (1 + MOST_OFF):
        return None
    return _wrong("time", call, f"{got:.4g} ms", f"about {low:.4g} ms, the median of {len(times)} calls")


def _refuses(call: Call, result: Any) -> Complaint | None:
    """Demand a RuntimeError that speaks of CUDA, before anything is called."""
    said, given = result["said"], "given     no CUDA"
    if not said:
        return Complaint("clock-silent", f"{given}\ngot       an answer\nexpected  a RuntimeError that says so")
    if "cuda" not in said.lower() and "gpu" not in said.lower():
        return Complaint("clock-unclear", f"{given}\ngot       RuntimeError\nexpected  a message that names CUDA")
    if result["calls"]:
        return Complaint(
            "clock-late", f"{given}\ngot       a RuntimeError after fn was called\nexpected  no call of fn"
        )
    return None


def _clocked(name: str, family: Any, make: Inputs, judge: Any = _median, private: bool = False) -> Case:
    return case(name, family, make, Driven("made_up_gpu", judge), private=private)


cuda_time_ms = Exercise(
    name="cuda_time_ms",
    reference=None,
    precise=None,
    minutes=20,
    difficulty=2,
    cases=(
        _clocked("the same work in every call", "value", _works(1.5)),
        _clocked("a short kernel", "value", _works(0.05)),
        _clocked("the first call compiles", "value", _works(2.0, first=900.0)),
        _clocked("one call in ten is disturbed", "value", _works(*[1.0] * 9, 40.0)),
        _clocked("times that scatter", "value", _works(1.4, 1.0, 1.9, 1.2, 1.7, 1.1, 1.6)),
        _clocked("a long kernel", "value", _works(120.0), private=True),
        _clocked("no CUDA", "extremes", lambda d: Call(((1.0, 1.0), False, "")), _refuses),
        case(
            "what fn raises is passed on",
            "extremes",
            lambda d: Call(((1.0, 1.0), True, "broken")),
            Raises(("ValueError",), driver="made_up_gpu"),
        ),
    ),
    rules=STOPWATCH,
    hints=(
        "Python goes on while the GPU works: time.perf_counter() around fn() sees the launch. Who knows when the work "
        "began and ended?",
        "torch.cuda.Event(enable_timing=True): record() puts a mark into the queue, before and after fn(). Call fn a few "
        "times first.",
        "`start.elapsed_time(end)` is in milliseconds, and needs torch.cuda.synchronize() after the last record().",
    ),
    why="The device itself writes down when it comes past a mark, so launches and Python do not count. One "
    "synchronisation at the end suffices: while it measures, the queue is never empty, unless the work is shorter than its launch. The median forgets the calls that "
    "something disturbed.",
)


def _normal(*shape: int, dtype: torch.dtype = F32, scale: float = 1.0, offset: float = 0.0) -> Inputs:
    return lambda draw: draw.normal(*shape, scale=scale, offset=offset, dtype=dtype)


def _offsets(draw: Draw) -> torch.Tensor:
    return torch.tensor([[0.0], [1e3], [-1e3], [1e4], [-1e4]]) + draw.normal(5, 6)


def _late(first: float, width: int = 40000) -> Inputs:
    """Return a maker of a row whose blocks but the last one hold nothing else than `first`."""

    def make(draw: Draw) -> torch.Tensor:
        x = torch.full((1, width), first)
        x[0, -3:] = torch.tensor([1.0, 2.5, 0.5])
        return x

    return make


def _slices(draw: Draw) -> torch.Tensor:
    return draw.normal(3, 12)[:, 1:6]


def _longest(name: str, asked: Case) -> Case:
    """Return a case that takes the interpreter some seconds, if blocks are small."""
    return replace(asked, name=name, limit_s=20.0)


def _shared(near: Tolerance, wide: Tolerance, impossible: str) -> tuple[Case, ...]:
    """Return the cases that logsumexp and softmax share; `impossible` names the rows of -inf or +inf alone."""
    value, keeps = Value(near), Value(near, dtype=True)
    return (
        case("leaves its input as it was", "untouched", _normal(3, 5), Untouched()),
        case("four numbers a row", "value", _normal(3, 4), value),
        case("a width that is no power of two", "value", _normal(3, 100, scale=3), value),
        case("rows below zero", "value", _normal(2, 9, offset=-20), value),
        case("rows of several blocks", "value", _normal(2, 5000, scale=3), Value(wide)),
        _longest("a row of a million numbers", case("", "value", _normal(1, LONGER_THAN_A_BLOCK), Value(wide))),
        case("one row without batch", "shape", _normal(5), value),
        case("one number a row", "shape", _normal(3, 1), value),
        case("shape (2, 1, 4)", "shape", _normal(2, 1, 4), value),
        case("empty batch", "shape", _normal(0, 4), value),
        case("empty rows", "shape", _normal(2, 0), value),
        case("not contiguous", "shape", transposed, value),
        case("slices of wider rows", "shape", _slices, value),
        case("four dimensions", "shape", _normal(2, 1, 2, 3), value, private=True),
        case("float64", "dtype", _normal(3, 5, dtype=F64), keeps),
        case("float16", "dtype", _normal(3, 9, dtype=F16), Value(HALF, dtype=True)),
        case("bfloat16", "dtype", _normal(3, 9, dtype=BF16), Value(replace(HALF, ulps=CUT), dtype=True)),
        case("offsets to 1e4", "extremes", _offsets, value),
        case("70000 equal logits in float16", "extremes", lambda d: torch.zeros(70000, dtype=F16), Value(HALF)),
        case("one dominant number", "extremes", rows([[100.0, 0.0, 1.0], [0.0, -200.0, -300.0]]), Value(FAR)),
        case("the maximum in the last block", "extremes", _late(-50.0), value),
        case("blocks of -inf before the numbers", "extremes", _late(-INF), value),
        case("some -inf", "extremes", rows([[0.0, -INF, 1.0], [-INF, -INF, -700.0]]), value),
        case(impossible.format("-inf"), "extremes", rows([[-INF, -INF, -INF], [0.0, 1.0, 2.0]]), value),
        case(impossible.format("+inf"), "extremes", rows([[INF, 0.0, 1.0], [INF, INF, -INF], [0.0, 1.0, 2.0]]), value),
        case("nan", "extremes", rows([[NAN, 0.0, 1.0], [NAN, INF, 0.0], [0.0, 1.0, 2.0]]), value),
        case("the largest numbers", "extremes", rows([[3e38, 3e38, -3e38], [-3e38] * 3]), value, private=True),
    )


triton_logsumexp = Exercise(
    name="triton_logsumexp",
    reference=log_sums.logsumexp,
    precise=log_sums.precise_logsumexp,
    needs="triton",
    minutes=45,
    difficulty=4,
    cases=_shared(TEXTBOOK, TEXTBOOK, "a row with {}"),
    rules=RULES,
    hints=(
        "A program sees one row: tl.program_id(0) is its number, and its numbers begin at x_ptr + row * n. How many of "
        "them can it hold at a time?",
        "Read blocks of 2^k columns with mask=columns < n and other=-inf. Keep two numbers from block to block: the "
        "running maximum, and the sum of exp(x - maximum). When the maximum grows, the sum shrinks.",
        "`total = total * tl.exp(top - new) + tl.sum(tl.exp(x - new), 0)` adds a block. What is it for new = -inf, and "
        "for new = +inf?",
    ),
    why="One pass reads each number once, and nothing but one number a row is written: the time is that of reading x. "
    "The maximum that is taken off is 0 where the true one is infinite, so no inf - inf is ever formed.",
)

triton_softmax = Exercise(
    name="triton_softmax",
    reference=normalizers.softmax,
    precise=normalizers.precise_softmax,
    needs="triton",
    minutes=35,
    difficulty=4,
    cases=_shared(RELATIVE, WIDE, "a row with {} has no softmax"),
    rules=RULES,
    hints=(
        "Maximum and sum as in triton_logsumexp. Then the row is needed once more, to write its shares.",
        "The second pass loads block after block again (the L2 cache still has them) and stores exp(x - maximum) / "
        "total. The mask of the store keeps the next row from being overwritten.",
        "`tl.store(out_ptr + row * n + columns, tl.exp(x - shift) / total, mask=columns < n)` writes a block. Which "
        "total makes a row of -inf nan, and one with +inf too?",
    ),
    why="Two passes over the row inside one program: the second one finds it in registers or in the cache, so the "
    "device's memory is read once and written once. Eager softmax by hand reads and writes the row for every operation.",
)


def _scored(*shape: int, **normal: Any) -> Inputs:
    """Return a maker of logits and of targets for their rows."""
    return lambda d: (d.normal(*shape, **normal), d.integers(*shape[:-1], low=0, high=shape[-1]))


def _given(logits: list[list[float]], target: list[int]) -> Inputs:
    return lambda d: (torch.tensor(logits), torch.tensor(target))


def _confident(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([[20.0, 0.0, 1.0], [0.0, 30.0, 5.0]]), torch.tensor([0, 1])


def _wide_late(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    return _late(-INF)(draw), torch.tensor([39998])


GRADIENTS = Gradient(TEXTBOOK)
triton_cross_entropy = Exercise(
    name="triton_cross_entropy",
    reference=exact.mean_cross_entropy,
    precise=exact.precise_mean_cross_entropy,
    needs="triton",
    minutes=50,
    difficulty=5,
    cases=(
        case("leaves its inputs as they were", "untouched", _scored(3, 5), Untouched()),
        case("four classes", "value", _scored(3, 4)),
        case("a width that is no power of two", "value", _scored(3, 100, scale=3)),
        case("rows below zero", "value", _scored(2, 9, offset=-20)),
        case("rows of several blocks", "value", _scored(2, 5000, scale=3)),
        _longest(
            "a row of a million numbers",
            case("", "value", lambda d: (d.normal(1, LONGER_THAN_A_BLOCK), torch.tensor([LONGER_THAN_A_BLOCK - 1]))),
        ),
        case("one row", "shape", _scored(1, 4)),
        case("a single row without batch", "shape", lambda d: (d.normal(5), torch.tensor(2)), private=True),
        case("sequences", "shape", _scored(2, 3, 5)),
        case("one class", "shape", _scored(3, 1)),
        case("no row", "shape", _scored(0, 4)),
        case("not contiguous", "shape", lambda d: (transposed(d), d.integers(3, low=0, high=5))),
        case("every other target", "shape", lambda d: (d.normal(3, 4), d.integers(6, low=0, high=4)[::2])),
        case("float64", "dtype", _scored(3, 5, dtype=F64), Value(TEXTBOOK, dtype=True)),
        case("float16", "dtype", _scored(4, 9, dtype=F16), Value(HALF, dtype=True)),
        case("bfloat16", "dtype", _scored(4, 9, dtype=BF16), Value(replace(HALF, ulps=CUT), dtype=True)),
        case(
            "70000 equal logits in float16",
            "extremes",
            lambda d: (torch.zeros(2, 70000, dtype=F16), torch.tensor([0, 69999])),
            Value(HALF),
        ),
        case("offsets to 1e4", "extremes", lambda d: (_offsets(d), d.integers(5, low=0, high=6))),
        case("confident rows", "extremes", _confident),
        case("unlikely targets", "extremes", _given([[0.0, -90.0], [0.0, -1000.0], [1e4, 0.0]], [1, 1, 1])),
        case("blocks of -inf before the numbers", "extremes", _wide_late),
        case("classes that cannot occur", "extremes", _given([[0.0, -INF, 1.0], [-INF, -INF, 2.0]], [0, 2])),
        case("a target that cannot occur", "extremes", _given([[0.0, -INF, 1.0], [0.0, 1.0, 2.0]], [1, 0])),
        case("a row of -inf", "extremes", _given([[-INF, -INF], [0.0, 1.0]], [0, 1])),
        case("a row with +inf", "extremes", _given([[INF, 0.0], [0.0, 1.0]], [0, 1])),
        case("nan", "extremes", _given([[NAN, 0.0], [0.0, 1.0]], [1, 0])),
        case("first order", "gradient", _scored(4, 5), GRADIENTS),
        case("one row", "gradient", _scored(1, 7), GRADIENTS),
        case("sequences", "gradient", _scored(2, 3, 4), GRADIENTS),
        case("rows of several blocks", "gradient", _scored(2, 5000), GRADIENTS),
        case("large offsets", "gradient", _scored(3, 4, offset=300), Gradient(OFFSET)),
        case("not contiguous", "gradient", lambda d: (transposed(d), d.integers(3, low=0, high=5)), GRADIENTS),
        case("classes that cannot occur", "gradient", _given([[0.0, -INF, 1.0], [2.0, 1.0, -INF]], [2, 0]), GRADIENTS),
        case("float64", "gradient", _scored(3, 4, dtype=F64), GRADIENTS),
        case("float16", "gradient", _scored(3, 4, dtype=F16, offset=15), Gradient(HALF)),
    ),
    rules=RULES,
    hints=(
        "The loss of a row is its logsumexp minus one number of the row. At logits near 1e4, which of the two has lost digits, and "
        "which order of the same additions keeps them? And what has to be kept for the backward?",
        "A torch.autograd.Function: forward saves the logits, the targets and one logsumexp a row; backward starts a "
        "kernel that reads the logits again and writes the gradient.",
        "`hot = tl.where(columns == tl.load(target_ptr + row), 1.0, 0.0)` and `tl.exp(x - lse) - hot`: what scales it?",
    ),
    why="Neither probabilities nor log-probabilities are stored: the forward keeps one number a row, the backward makes "
    "the probabilities anew, in registers. Reading the logits twice is cheaper than storing and reading a tensor of their "
    "size. The incoming gradient stays on the device: a kernel loads it, and Python does not wait for it.",
)
