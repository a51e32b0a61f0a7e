"""Counts a call's work on real numbers and asks that the counted answer is right.

The meta run shows no numbers, so a function may answer it with anything; what is counted here is compared as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from autograder.answer import Answer
from autograder.spec import Call

ROWS, CLASSES = 64, 4096  # as few as show a loop over them beside a call's own work, and a hunger for memory
LIMIT_S = 5.0
# Python's calls may differ a little (a first call imports, a cache fills); the dispatcher's ops may not.
SLACK, FACTOR = 32, 1.2
# What a call needs for each row is not seen beside wide rows, and little beside these.
LEAST_BYTES, LEEWAY = 1 << 20, 1.02
Asking = Callable[[str, dict[str, Any], float], Answer]


@dataclass(frozen=True)
class Count:
    """One counted call: its inputs, its described answer, the dispatcher's ops, Python's calls, the peak in bytes."""

    call: Call
    output: Any
    ops: int
    calls: int
    peak: int


def parts(call: Call) -> list[Call]:
    """Return the first rows of a call, half of them, and half of its classes."""
    tensors = [a for a in call.args if isinstance(a, Tensor) and a.dim()]
    batch, classes = tensors[0].shape[0], tensors[0].shape[-1]
    rows = min(ROWS, batch)

    def cut(value: Any, rows: int, width: int) -> Any:
        if not isinstance(value, Tensor) or not value.dim() or value.shape[0] != batch:
            return value
        part = value[:rows] if value.dim() == 1 else value[:rows, ..., :width]
        # A part holds on to the memory of the whole only where it is most of it.
        return part if part.is_contiguous() and 2 * part.numel() >= value.numel() else part.clone()

    # Indices of classes may point beyond half of them.
    wide = all(t.dim() > 1 and t.shape[-1] == classes and t.is_floating_point() for t in tensors)
    width = min(CLASSES, classes) if wide else classes
    sizes = [(rows, width), (rows // 2, width), *([(rows, width // 2)] if wide else [])]
    return [Call(tuple(cut(a, *size) for a in call.args), call.kwargs) for size in sizes]


def count(call: Call, ask: Asking) -> list[Count]:
    """Return the counts of a call's parts; of none where one has no answer: its case says that already."""
    found = []
    cut = parts(call)
    # A first call may do more than those after it, and counts for nothing. A later one may do less: it remembers.
    for part in (cut[1], *cut):
        answer = ask("counted", {"args": tuple(part.args), "kwargs": dict(part.kwargs)}, LIMIT_S)
        result = answer.result if answer.outcome == "returned" else None
        if not isinstance(result, dict) or any(type(result.get(key)) is not int for key in ("ops", "calls", "peak")):
            return []
        found.append(Count(part, result.get("output"), result["ops"], result["calls"], result["peak"]))
    return found[1:]


def hunger(counts: list[Count], allowed: float) -> str:
    """Say how much memory a call of wide rows takes beyond `allowed` inputs, or nothing."""
    for one in counts[:1]:
        inputs = sum(a.nbytes for a in one.call.args if isinstance(a, Tensor) and a.is_floating_point())
        if inputs >= LEAST_BYTES and one.peak > LEEWAY * allowed * inputs:
            peak = one.peak / inputs
            return f"got       a peak of {peak:.3g} times the inputs with true numbers\nallowed   {allowed:g} times"
    return ""


def growth(counts: list[Count]) -> str:
    """Say how the work grows with the inputs, or nothing."""
    ops, calls = [c.ops for c in counts], [c.calls for c in counts]
    if not counts or (len(set(ops)) == 1 and max(calls) <= FACTOR * min(calls) + SLACK):
        return ""
    unit, numbers = ("ops", ops) if len(set(ops)) > 1 else ("Python calls", calls)
    shapes = [next(tuple(a.shape) for a in c.call.args if isinstance(a, Tensor) and a.dim()) for c in counts]
    words = ", ".join(f"{n} {unit} for shape {shape}" for n, shape in zip(numbers, shapes, strict=True))
    return f"the work is done piece by piece: {words}"
