"""Drivers for what works block by block: running states, calls that want no gradient, graphs that are walked twice."""

from typing import Any

import torch

from autograder.running.tracing import Trace


def _marked(args: tuple[Any, ...]) -> list[Any]:
    """Return the arguments with every floating-point tensor asking for a gradient."""
    return [a.requires_grad_() if isinstance(a, torch.Tensor) and a.is_floating_point() else a for a in args]


def _grads(output: Any, sources: list[torch.Tensor], cotangent: torch.Tensor, keep: bool = False) -> list[Any] | None:
    """Return the gradients of an answer; None where it is no tensor of the cotangent's shape, or has no graph."""
    if type(output) is not torch.Tensor or not output.requires_grad or output.shape != cotangent.shape:
        return None
    given = cotangent.to(output.dtype)
    grads = torch.autograd.grad(output, sources, given, retain_graph=keep, allow_unused=True)
    return [None if g is None else g.detach().clone() for g in grads]


def state(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Merge two states (m, s); return the gradients of m + log s for their four tensors under the `cotangent`."""
    inputs = _marked(tuple(tensor for one in args for tensor in one))
    output = function(tuple(inputs[:2]), tuple(inputs[2:]))
    pair = type(output) in (tuple, list) and len(output) == 2 and all(type(t) is torch.Tensor for t in output)
    return {"grads": _grads(output[0] + output[1].log(), inputs, kwargs["cotangent"]) if pair else None}


def unwanted(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function under no_grad with inputs that ask for gradients; return the peak in bytes."""
    inputs = _marked(args)
    device = next(a.device.type for a in args if isinstance(a, torch.Tensor))
    with torch.no_grad(), Trace((inputs, kwargs), device) as seen:
        function(*inputs, **kwargs)
    return {"peak": seen.peak}


def twice(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Walk back through one graph twice; return the gradients of each walk, None for a second one that raises.

    `cotangents` hold one for each walk; the other keyword arguments go to the function.
    """
    options = dict(kwargs)
    first, second = options.pop("cotangents")
    inputs = _marked(args)
    sources = [a for a in inputs if isinstance(a, torch.Tensor) and a.requires_grad]
    output = function(*inputs, **options)
    walks = [_grads(output, sources, first, keep=True)]
    try:
        walks.append(_grads(output, sources, second, keep=True))
    except RuntimeError:
        walks.append(None)
    return {"walks": walks}
