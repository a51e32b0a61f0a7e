"""Turns a case into a question for a driver, and the driver's answer into a complaint or None."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.answer import Answer, Complaint
from autograder.judging import messages
from autograder.judging.closeness import Mismatch, compare, read_output
from autograder.judging.truth import PRECISION, as_tensor
from autograder.spec import Ask, Call, Case, Draw, Driven, Exact, Exercise, Gradient, Raises, Untouched, Value


@dataclass(frozen=True)
class Question:
    """A driver's name and its message; `exact` holds what the answers are compared with, by name."""

    driver: str
    message: dict[str, Any]
    exact: dict[str, Any]


def floats(call: Call) -> Iterator[Any]:
    """Yield the floating-point tensors and arrays of a call."""
    for value in (*call.args, *call.kwargs.values()):
        if isinstance(value, (Tensor, np.ndarray)) and as_tensor(value).is_floating_point():
            yield value


def answer_dtype(call: Call, ask: Ask | None = None) -> torch.dtype:
    """Return the dtype an answer is expected in: the ask's own, else that of the first floating-point input."""
    if isinstance(ask, Value) and ask.answer is not None:
        return ask.answer
    return next((as_tensor(v).dtype for v in floats(call)), torch.float32)


def exact_answer(exercise: Exercise, call: Call) -> Exact | Tensor:
    """Return the exact answer of a call."""
    if exercise.precise is not None and answer_dtype(call) == torch.float64:
        return exercise.precise(*call.args, **call.kwargs)
    assert exercise.reference is not None, f"{exercise.name} is random: its answers have no exact value"
    with torch.no_grad():
        answer: Tensor = exercise.reference(*call.args, **call.kwargs)
    return answer


def _exact_gradients(exercise: Exercise, call: Call, ask: Gradient, draw: Draw) -> dict[str, Any]:
    args = [a.double() if isinstance(a, Tensor) and a.is_floating_point() else a for a in call.args]
    for position in ask.wrt:
        args[position] = args[position].detach().requires_grad_()
    sources = [args[position] for position in ask.wrt]
    assert exercise.reference is not None, f"{exercise.name} is random: its gradients have no exact value"
    with torch.enable_grad():
        output = exercise.reference(*args, **call.kwargs)
        cotangent = draw.uniform(*output.shape, low=0.5, high=2.0, dtype=answer_dtype(call))
        grads = torch.autograd.grad(output, sources, cotangent.double(), create_graph=ask.second, allow_unused=True)
        exact: dict[str, Any] = {"cotangent": cotangent, "second": None, "seconds": None}
        exact["grads"] = [torch.zeros_like(s) if g is None else g.detach() for g, s in zip(grads, sources, strict=True)]
        if ask.second:
            exact["second"] = draw.normal(*grads[0].shape, dtype=answer_dtype(call))
            seconds = torch.autograd.grad(grads[0], sources, exact["second"].double(), allow_unused=True)
            exact["seconds"] = [
                torch.zeros_like(s) if g is None else g.detach() for g, s in zip(seconds, sources, strict=True)
            ]
    return exact


def question(exercise: Exercise, case: Case, call: Call, draw: Draw) -> Question:
    """Return what the worker is asked for this call, and the exact answers."""
    message: dict[str, Any] = {"args": tuple(call.args), "kwargs": dict(call.kwargs)}
    if isinstance(case.ask, Gradient):
        exact = _exact_gradients(exercise, call, case.ask, draw)
        message |= {"wrt": case.ask.wrt, "cotangent": exact["cotangent"], "second": exact["second"]}
        return Question("gradient", message, exact)
    if isinstance(case.ask, Untouched):
        return Question("untouched", message, {})
    if isinstance(case.ask, Driven):
        return Question(case.ask.driver, message, {})
    if isinstance(case.ask, Raises):
        return Question(case.ask.driver, message, {})
    return Question("value", message, {"value": exact_answer(exercise, call)})


def judge(case: Case, call: Call, asked: Question, answer: Answer) -> Complaint | None:
    """Return what is wrong with an answer, or None."""
    try:
        return _judge(case, call, asked, answer)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        # No driver of ours answers so: the learner's process has written the reply itself.
        forged = Answer("garbled", detail="it has not the form of an answer")
        return Complaint("garbled", messages.no_answer(call, forged))


def _judge(case: Case, call: Call, asked: Question, answer: Answer) -> Complaint | None:
    ask = case.ask
    if isinstance(ask, Raises):
        if answer.outcome == "raised" and answer.error and answer.error["type"] in ask.errors:
            return None
        return Complaint("accepted", messages.not_raised(call, ask.errors, answer))
    if answer.outcome != "returned":
        kind = f"raised-{answer.error['type']}" if answer.error else answer.outcome
        return Complaint(kind, messages.no_answer(call, answer))
    if isinstance(ask, Value):
        return _judge_value(call, ask, asked, answer.result)
    if isinstance(ask, Gradient):
        return _judge_gradient(call, ask, asked, answer.result)
    if isinstance(ask, Untouched):
        return _judge_untouched(call, answer.result)
    return ask.judge(call, answer.result)


def _complain(call: Call, mismatch: Mismatch | None, what: str) -> Complaint | None:
    if mismatch is None:
        return None
    prefix = "" if what == "the answer" else "gradient-"
    return Complaint(prefix + mismatch.kind, messages.mismatch(call, mismatch, what), mismatch.ulps, row=mismatch.row)


def _judge_value(call: Call, ask: Value, asked: Question, result: Any) -> Complaint | None:
    found = compare(read_output(result), asked.exact["value"], ask.tolerance, answer_dtype(call, ask), ask.dtype)
    return _complain(call, found, "the answer")


def _judge_gradient(call: Call, ask: Gradient, asked: Question, result: Any) -> Complaint | None:
    output = read_output(result["output"]) if isinstance(result, dict) else "nothing"
    if isinstance(output, str):
        return Complaint("type", messages.mismatch(call, Mismatch("type", output, "a tensor"), "the answer"))
    if result["grads"] is None:
        if tuple(output.shape) != tuple(asked.exact["cotangent"].shape):
            expected = tuple(asked.exact["cotangent"].shape)
            return Complaint("shape", messages.wrong_shape(call, tuple(output.shape), expected))
        return Complaint("no-gradient", messages.no_gradient(call, 0))
    for position, after in result.get("changed", {}).items():
        before = as_tensor(call.args[int(position)])
        return Complaint("modified", messages.modified(call, int(position), before, after, "and its backward pass"))
    pairs = [("the gradient", result["grads"], asked.exact["grads"])]
    if ask.second:
        if result["seconds"] is None:
            return Complaint("no-second", messages.no_second(call))
        pairs.append(("the second-order gradient", result["seconds"], asked.exact["seconds"]))
    for what, got, exact in pairs:
        for position, (mine, truth) in enumerate(zip(got, exact, strict=True)):
            if mine is None and bool((truth != 0).any()):
                return Complaint("no-gradient", messages.no_gradient(call, ask.wrt[position]))
            if mine is None:
                continue
            if ask.finite:
                if not bool(mine.isfinite().all()):
                    return Complaint("gradient-special", messages.not_finite(call, mine, what))
                continue
            complaint = _complain(call, compare(mine, truth, ask.tolerance, answer_dtype(call), False), what)
            if complaint:
                return complaint
    return None


def _judge_untouched(call: Call, result: Any) -> Complaint | None:
    if not isinstance(result, dict) or "args" not in result:
        return Complaint("type", "the inputs did not come back")
    before, after = [*call.args, *call.kwargs.values()], [*result["args"], *result["kwargs"].values()]
    for position, (old, new) in enumerate(zip(before, after, strict=True)):
        if isinstance(old, (Tensor, np.ndarray)):
            old_tensor, new_tensor = as_tensor(old), as_tensor(new)
            same = old_tensor.shape == new_tensor.shape and old_tensor.dtype == new_tensor.dtype
            if not same or not torch.equal(_bits(old_tensor), _bits(new_tensor)):
                return Complaint("modified", messages.modified(call, position, old_tensor, new_tensor))
    return None


def _bits(tensor: Tensor) -> Tensor:
    return tensor.contiguous().reshape(-1).view(torch.uint8) if tensor.dtype in PRECISION else tensor


def alike(mine: Any, theirs: Any) -> bool:
    """Return whether two answers are the same wrong answer: same shapes, same special values, close numbers."""
    if isinstance(mine, Answer) and isinstance(theirs, Answer):
        if mine.outcome != theirs.outcome:
            return False
        if mine.error and theirs.error:
            return bool(mine.error["type"] == theirs.error["type"])
        return alike(mine.result, theirs.result)
    if isinstance(mine, Tensor) or isinstance(theirs, Tensor):
        return isinstance(mine, Tensor) and isinstance(theirs, Tensor) and _same_numbers(mine, theirs)
    if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
        return _same_numbers(torch.from_numpy(mine), torch.from_numpy(theirs))
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(alike(mine[key], theirs[key]) for key in mine)
    if isinstance(mine, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(mine) == len(theirs) and all(map(alike, mine, theirs))
    return type(mine) is type(theirs) and bool(mine == theirs)


def _same_numbers(mine: Tensor, theirs: Tensor) -> bool:
    if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
        return False
    a, b = mine.double(), theirs.double()
    slack = 4 * torch.finfo(mine.dtype).eps if mine.dtype in (torch.float16, torch.bfloat16) else 1e-5
    size = torch.maximum(a.abs(), b.abs())
    largest = torch.where(size.isfinite(), size, 0).max() if size.numel() else size.sum()
    near = a.isfinite() & b.isfinite() & ((a - b).abs() <= 0.02 * size + slack * largest.clamp(max=1))
    return bool((near | (a == b) | (a.isnan() & b.isnan())).all())
