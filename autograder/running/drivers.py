"""What a worker can be asked to do with a learner's function; the answers are tensors, judged by the grader.

A driver takes the function and the call, and returns what goes over the wire. Exercises that are no plain functions
(an optimizer, a stopwatch) have drivers of their own here, named by their spec.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.running import cuda_clock
from autograder.running.blocks import state, twice, unwanted
from autograder.running.endpoints import Endpoints
from autograder.running.forms import LARGEST_INT
from autograder.running.parts import cut
from autograder.running.stopwatch import stopwatch
from autograder.running.tracing import Trace, count, trace

Driver = Callable[..., Any]
DRIVERS: dict[str, Driver] = {}


def driver(function: Driver) -> Driver:
    """Register a driver under its own name."""
    DRIVERS[function.__name__] = function
    return function


def describe(output: Any) -> dict[str, Any]:
    """Return an output as data: only true tensors, arrays and numbers are passed on, subclasses are named."""
    if type(output) is torch.Tensor:
        return {"kind": "tensor", "value": output.detach(), "grad": output.requires_grad, "device": output.device.type}
    if type(output) is np.ndarray or isinstance(output, np.generic):
        return {"kind": "array", "value": np.asarray(output)}
    if type(output) is int and abs(output) > LARGEST_INT:
        return {"kind": "other", "type": "int"}
    if type(output) in (int, float, bool, str) or output is None:
        return {"kind": "plain", "value": output, "type": type(output).__name__}
    if type(output) in (tuple, list):
        return {"kind": "several", "items": [describe(item) for item in output], "type": type(output).__name__}
    named = type(output).__module__ == "torch.return_types"  # torch.max(x, dim) and its like
    return {"kind": "other", "type": f"{'torch.return_types.' if named else ''}{type(output).__name__[:100]}"}


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return an exception as data, with the last line of the learner's own code that it passed."""
    place, line = None, None
    walk = error.__traceback__
    while walk is not None:
        name = walk.tb_frame.f_code.co_filename
        if name.endswith(".py") and "/" not in name and "\\" not in name:
            place, line = name, walk.tb_lineno
        walk = walk.tb_next
    if isinstance(error, SyntaxError):
        place = error.filename if type(error.filename) is str else None  # a learner's own may hold anything
        line = error.lineno if type(error.lineno) is int else None
    try:
        message = str(error)[:600]
    except BaseException:
        message = "(its message could not be made)"
    return {"type": type(error).__name__[:100], "message": message, "file": place, "line": line}


def moved(value: Any, device: str) -> Any:
    """Return a message with its tensors and generators on `device`, and with `device` where it says "cpu"."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, torch.Generator):
        return torch.Generator(device).manual_seed(value.initial_seed())
    if value == "cpu":
        return device
    if isinstance(value, (list, tuple)):
        return type(value)(moved(item, device) for item in value)
    if isinstance(value, dict):
        return {key: moved(item, device) for key, item in value.items()}
    return value


@driver
def value(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function."""
    return describe(function(*args, **kwargs))


@driver
def untouched(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function and return its inputs as they are afterwards."""
    output = describe(function(*args, **kwargs))
    return {"output": output, "args": args, "kwargs": kwargs}


@driver
def gradient(
    function: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    wrt: tuple[int, ...],
    cotangent: torch.Tensor,
    second: torch.Tensor | None,
) -> Any:
    """Return the output, its vector-Jacobian products and, with `second`, those of the first product.

    With them go the inputs that the call or its backward pass has changed, as they are afterwards, by position.
    """
    inputs, before = list(args), [a.clone() if isinstance(a, torch.Tensor) else a for a in args]
    for position in wrt:
        inputs[position] = inputs[position].requires_grad_()
    sources = [inputs[position] for position in wrt]
    output = function(*inputs, **kwargs)
    answer: dict[str, Any] = {"output": describe(output), "grads": None, "seconds": None, "changed": {}}
    if type(output) is not torch.Tensor or not output.requires_grad or output.shape != cotangent.shape:
        return answer
    create = second is not None
    grads = torch.autograd.grad(output, sources, cotangent.to(output.dtype), create_graph=create, allow_unused=True)
    answer["grads"] = [None if g is None else g.detach() for g in grads]
    if second is not None and grads[0] is not None and grads[0].requires_grad:
        seconds = torch.autograd.grad(grads[0], sources, second.to(grads[0].dtype), allow_unused=True)
        answer["seconds"] = [None if g is None else g.detach() for g in seconds]
    for position, (old, new) in enumerate(zip(before, args, strict=True)):
        if isinstance(new, torch.Tensor) and not torch.equal(_bits(old), _bits(new)):
            answer["changed"][str(position)] = new.detach()
    return answer


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    """Return what tells tensors apart that hold nan."""
    kinds = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return tensor.detach().contiguous().view(kinds[tensor.element_size()])


@driver
def each(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function once for each pair in `args`: positional arguments and keyword arguments."""
    return [describe(function(*some, **named)) for some, named in args]


@driver
def endpoints(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function while half of what the random ops draw lies at an end of their range."""
    with Endpoints():
        return describe(function(*args, **kwargs))


@driver
def soft_and_hard(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Draw a soft sample and a hard one from the same seed; return both with their gradients.

    `args` are the logits and the cotangent.
    """
    logits, cotangent = args
    options = dict(kwargs)
    source = options.pop("generator")
    found = []
    for hard in (False, True):
        x = logits.detach().requires_grad_()
        generator = torch.Generator(source.device).manual_seed(source.initial_seed())
        output = function(x, hard=hard, generator=generator, **options)
        grad = None
        if type(output) is torch.Tensor and output.requires_grad and output.shape == cotangent.shape:
            (grad,) = torch.autograd.grad(output, x, cotangent.to(output.dtype), allow_unused=True)
        found.append({"output": describe(output), "grad": grad})
    return found


@driver
def traced(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], wrt: tuple[int, ...], weigh: bool = False
) -> Any:
    """Run the function under the dispatch mode."""
    return trace(function, args, kwargs, wrt, weigh)


@driver
def counted(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function and count its work."""
    counts = count(function, args, kwargs)
    return counts | {"output": describe(counts["output"])}


@driver
def counted_parts(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], sizes: list[tuple[int, int]]) -> Any:
    """Call the function on parts of `args`, of so many rows and classes, and count each call's work."""
    found = []
    for rows, width in sizes:
        part = tuple(a.clone() if isinstance(a, torch.Tensor) else a for a in cut(args, rows, width))
        found.append(counted(function, part, kwargs))
    return found


def freshen(value: Any, turn: int, old: Any = None) -> Any:
    """Return inputs that no earlier call has seen: rolled and scaled, exactly reproducible.

    `old` is what an earlier turn returned and nobody needs any more: its memory is used again, since new memory costs
    more time than the numbers in it.
    """
    if isinstance(value, torch.Tensor) and value.is_floating_point() and value.dim():
        return _rolled(value, turn, old if type(old) is torch.Tensor else None)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return (np.roll(value, turn, -1) * (1 - turn / 1024)).astype(value.dtype)
    if isinstance(value, (list, tuple)):
        olds = old if isinstance(old, (list, tuple)) and len(old) == len(value) else [None] * len(value)
        return type(value)(freshen(item, turn, one) for item, one in zip(value, olds, strict=True))
    return value


def _rolled(value: torch.Tensor, turn: int, old: torch.Tensor | None) -> torch.Tensor:
    kept = old is not None and old.shape == value.shape and old.dtype == value.dtype and old.device == value.device
    into = (
        old if old is not None and kept and old.is_contiguous() and not old.requires_grad else torch.empty_like(value)
    )
    width, scale = value.shape[-1], 1 - turn / 1024
    split = turn % width if width else 0
    with torch.no_grad():
        torch.mul(value[..., : width - split], scale, out=into[..., split:])
        torch.mul(value[..., width - split :], scale, out=into[..., :split])
    return into


@driver
def made_up_gpu(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Let a stopwatch measure work on a made-up GPU; the arguments are those of `cuda_clock.run`."""
    found = cuda_clock.run(function, *args, **kwargs)
    return found | {"answer": describe(found["answer"])}


@driver
def optimizer(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an optimizer class over given gradients and return the weights at the end.

    `args` are the weights and, for each step, a gradient or None for each weight. Of `kwargs`, `groups` gives each
    weight a parameter group with options of its own, `reload_at` moves to a new optimizer by its state_dict before that
    step, and `count` asks for the dispatcher ops of the last step; the others go to the class.
    """
    weights, gradients = args
    options = dict(kwargs)
    groups, reload_at = options.pop("groups", None), options.pop("reload_at", None)
    count = options.pop("count", False)
    params = [torch.nn.Parameter(w.clone()) for w in weights]

    def make() -> Any:
        given = [{"params": [p], **group} for p, group in zip(params, groups, strict=True)] if groups else params
        return function(given, **options)

    made, ops = make(), 0
    for number, step in enumerate(gradients):
        if number == reload_at:
            state = made.state_dict()
            made = make()
            made.load_state_dict(state)
        for p, g in zip(params, step, strict=True):
            p.grad = None if g is None else g.clone()
        if count and number == len(gradients) - 1:
            with Trace(params, "cpu") as seen:
                made.step()
            ops = sum(seen.ops.values())
        else:
            made.step()
    grads = [None if p.grad is None else p.grad for p in params]
    return {"weights": [p.detach() for p in params], "grads": grads, "ops": ops if count else None}


driver(stopwatch)
driver(state)
driver(twice)
driver(unwanted)
