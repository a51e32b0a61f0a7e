"""What to say of faults that look alike in every exercise: found by the gate, by the meta run, or told by their kind.

A chapter's own mistake with the same fault goes first.
"""

from typing import Any

from autograder.spec import Mistake


def _unshown(*_: Any, **__: Any) -> None:
    """Stand in for an example: these faults are never run."""


def _fault(id: str, fault: str, diagnosis: str) -> Mistake:
    return Mistake(id, "", _unshown, diagnosis, fault)


_WHOLE = "Python pays for every piece, and a GPU waits for Python. Let one call work on the whole tensor."
_FORBIDDEN = "does the exercise's work: the docstring names what is forbidden, the hints what is needed instead."
_PLAIN = "write calls and attributes plainly, so that a reader sees what is called."

FAULTS: tuple[Mistake, ...] = (
    _fault(
        "endless",
        "endless",
        "The call does not end, not even on the smallest input. What makes the loop stop, and does that ever happen?",
    ),
    _fault(
        "crashed",
        "crashed",
        "The process died in the middle of a call. In a Triton kernel, look for a `tl.load` or `tl.store` without a "
        "mask: what lies beyond the row's end is not the tensor's. Elsewhere it is the memory (what is so large?), or "
        "an `exit` in your own code.",
    ),
    _fault("loop", "gate:loop", f"A loop: {_WHOLE}"),
    _fault("comprehension", "gate:comprehension", f"A comprehension or `map` is a loop as well: {_WHOLE}"),
    _fault("recursion", "gate:recursion", f"A function that calls itself on a smaller piece is a loop: {_WHOLE}"),
    _fault("forbidden_call", "gate:forbidden-direct", f"The function that you call {_FORBIDDEN}"),
    _fault("forbidden_as_method", "gate:forbidden-method", f"The method that you call {_FORBIDDEN}"),
    _fault("forbidden_by_getattr", "gate:forbidden-getattr", f"What you reach by getattr {_FORBIDDEN}"),
    _fault("forbidden_op", "forbidden-op", f"However it is spelled, the call ends in an operation that {_FORBIDDEN}"),
    _fault("hidden", "gate:hidden", f"This can hide a call, so nothing is judged: {_PLAIN}"),
    _fault(
        "process",
        "gate:process",
        "This reaches beyond the exercise (files, processes, other packages): torch, math and your own modules are all "
        "that is needed.",
    ),
    _fault("numpy", "gate:numpy", "NumPy leaves the device and autograd's graph: compute in torch."),
    _fault(
        "sync",
        "sync",
        "A Python `if`, `float(...)`, `.item()` or a mask as an index needs the numbers in the middle of the call, and "
        "a GPU stops for it. Use torch.where, which decides element by element.",
    ),
    _fault(
        "leak",
        "leak",
        "A tensor made without device=x.device lives on the CPU: with x on a GPU this line fails, or copies.",
    ),
    _fault("growth", "growth", f"The number of operations grows with the input: {_WHOLE}"),
    _fault(
        "modified",
        "case:modified",
        "Your function changes its input: an operation in place (`x -= ...`, `exp_()`, `out=x`) writes into the "
        "caller's tensor. Make a new one.",
    ),
    _fault(
        "no_gradient",
        "case:no-gradient",
        "No gradient reaches the input: something on the way is detached, computed under no_grad, or made anew out of "
        "numbers (torch.tensor, .item(), .data).",
    ),
    _fault(
        "no_second_gradient",
        "case:no-second",
        "The gradient cannot be differentiated again: a backward has to be made of operations on saved tensors that "
        "autograd can follow.",
    ),
    _fault(
        "wrong_dtype",
        "case:dtype",
        "The result has another dtype than the input. Compute in a wider type where it helps, and return x.dtype.",
    ),
    _fault(
        "memory",
        "memory",
        "Too many tensors of the input's size live at the same time. Which of them could be smaller, or freed, or not "
        "made at all? (A float64 copy counts twice.)",
    ),
    _fault(
        "slow",
        "slow",
        "The answer takes too long: fewer passes over the data, and no loop over small pieces, make it faster.",
    ),
)
