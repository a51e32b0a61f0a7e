"""Counts a call's work on real numbers and asks that the counted answer is right.

The meta run shows no numbers, so a function may answer it with anything; what is counted here is compared as well.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from autograder.answer import Answer
from autograder.running.parts import cut
from autograder.spec import Call

ROWS, CLASSES = 64, 4096  # as few as show a loop over them beside a call's own work, and a hunger for memory
LEAST_ROWS = 32  # of rows that are wider, since indices point into them
LIMIT_S = 5.0
# Python's calls may differ a little (a first call imports, a cache fills); the dispatcher's ops may not.
SLACK, FACTOR = 32, 1.2
# What a call needs for each row is not seen beside wide rows, and little beside these.
LEAST_BYTES, LEEWAY = 1 << 20, 1.02


@dataclass(frozen=True)
class Count:
    """One counted call: its inputs, its described answer, the dispatcher's ops, Python's calls, the peak in bytes."""

    call: Call
    output: Any
    ops: int
    calls: int
    peak: int


def _sizes(call: Call) -> list[tuple[int, int]]:
    """Return how many rows and classes each part has: some, half of these rows, half of these classes."""
    tensors = [a for a in call.args if isinstance(a, Tensor) and a.dim()]
    batch, classes = tensors[0].shape[0], tensors[0].shape[-1]
    # Indices of classes may point beyond half of them.
    wide = all(t.dim() > 1 and t.shape[-1] == classes and t.is_floating_point() for t in tensors)
    width = min(CLASSES, classes) if wide else classes
    rows = min(ROWS if width <= CLASSES else LEAST_ROWS, batch)
    return [(rows, width), (rows // 2, width), *([(rows, width // 2)] if wide else [])]


def parts(call: Call) -> list[Call]:
    """Return the first rows of a call, half of them, and half of its classes."""
    return [Call(cut(call.args, *size), call.kwargs) for size in _sizes(call)]


def question(call: Call) -> dict[str, Any]:
    """Return what the worker is asked: the first part of a call, and how to cut all parts from it."""
    sizes = _sizes(call)
    # A first call may do more than those after it, and counts for nothing. A later one may do less: it remembers.
    return {"args": cut(call.args, *sizes[0]), "kwargs": dict(call.kwargs), "sizes": [sizes[1], *sizes]}


def count(call: Call, answer: Answer) -> list[Count]:
    """Return the counts of a call's parts; of none where one has no answer: its case says that already."""
    made = parts(call)
    results = answer.result if answer.outcome == "returned" else None
    if not isinstance(results, list) or len(results) != len(made) + 1:
        return []
    for result in results:
        if not isinstance(result, dict) or any(type(result.get(key)) is not int for key in ("ops", "calls", "peak")):
            return []
    counted = zip(made, results[1:], strict=True)
    return [Count(part, r.get("output"), r["ops"], r["calls"], r["peak"]) for part, r in counted]


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
