"""One run of a function under a dispatch mode: ops, their traffic, peak memory, the CPU tensors that it touches.

Runs in the worker, on the meta device: its counters are as honest as the source that the gate let through.
"""

import builtins
import functools
import gc
import math
import sys
import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from autograder.running import remembered

_storage = torch.Tensor.untyped_storage  # as it is before a learner's code runs
PLAIN = (int, float, bool, str, type(None))  # most arguments of an op; skipped without another call


def _tensors(value: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    _collect(value, found)
    return found


def _collect(value: Any, found: list[torch.Tensor]) -> None:
    if isinstance(value, torch.Tensor):
        found.append(value)
    elif isinstance(value, (list, tuple)):
        for item in value:
            if item.__class__ not in PLAIN:
                _collect(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, found)


@functools.cache
def _name(func: Any) -> str:
    name: str = func._schema.name
    return name


# Ops that do not read what they write to, and ops that read of their first input as much as they return.
OVERWRITES = frozenset(f"aten::{n}_" for n in ("copy", "fill", "zero", "uniform", "normal", "exponential", "random"))
PICKS = frozenset({"aten::gather", "aten::index", "aten::index_select", "aten::take"})


def _extent(tensor: torch.Tensor) -> int:
    """Return the bytes that a tensor covers: an expanded dimension is stored once."""
    lengths = zip(tensor.shape, tensor.stride(), strict=True)
    return math.prod(n for n, step in lengths if step or not n) * tensor.element_size()


def traffic(func: Any, read: list[torch.Tensor], made: list[torch.Tensor]) -> int:
    """Return the bytes that one op reads and writes, of the tensors that it was given and gave; a view moves none."""
    inputs = list({id(t): t for t in read}.values())
    held = {t.untyped_storage()._cdata for t in inputs}
    if not func._schema.is_mutable and all(t.untyped_storage()._cdata in held for t in made):
        return 0
    name = func._schema.name
    if name.startswith("aten::new_") or name.endswith("_like"):
        inputs = []  # of the input only its shape counts
    taken = sum(map(_extent, inputs[1:] if name in (OVERWRITES | PICKS) else inputs))
    written = 0 if "empty" in name else sum(map(_extent, made))
    return taken + written + (written if name in PICKS else 0)


class Trace(TorchDispatchMode):
    """Count ops by name, sum up their live storage and, if asked, their traffic, note tensors not on `device`."""

    def __init__(self, inputs: Any, device: str, weigh: bool = False) -> None:
        """Watch a call of these inputs, all of them on `device`; `weigh` asks for the traffic."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.device, self.weigh = device, weigh
        self._device = torch.device(device)  # compared faster than its name
        self._is_meta = device == "meta"
        self.ops: dict[str, int] = {}  # a plain dict, which no code can patch
        self.leaks: set[str] = set()
        self.live = self.peak = self.moved = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in _tensors(inputs)}
        self._ends: dict[int, weakref.ref[Any]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Do without torch's wrapper around every dispatch, a quarter of its cost: nothing is compiled here."""
        return False

    def _watch(self, tensor: torch.Tensor) -> None:
        storage = _storage(tensor)
        key = storage._cdata
        if key in self._known:
            return
        size = storage.nbytes()
        self._known.add(key)
        self.live += size
        if self.live > self.peak:
            self.peak = self.live

        def forget(_: Any) -> None:
            self._known.discard(key)
            self.live -= size

        self._ends[key] = weakref.ref(storage, forget)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the op and note what it was, what it touched and what it allocated."""
        name = _name(func)
        self.ops[name] = self.ops.get(name, 0) + 1
        inputs = _tensors((args, kwargs) if kwargs else args)
        if self._is_meta:
            output = remembered.call(func, args, kwargs or {}, inputs)
        else:
            output = func(*args, **kwargs) if kwargs else func(*args)
        outputs = _tensors(output)
        for tensor in (*inputs, *outputs):
            device = tensor.device
            if device != self._device and device.type != self.device and tensor.dim():
                self.leaks.add(name)
        if self.weigh:
            self.moved += traffic(func, inputs, outputs)
        for tensor in outputs:
            self._watch(tensor)
        return output


def trace(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], wrt: tuple[int, ...], weigh: bool = False
) -> dict[str, Any]:
    """Run `function` forward and, with `wrt`, backward to these positions of `args`; return what was seen.

    The bytes "moved" are counted where they are asked for by `weigh`.
    """
    inputs = list(args)
    for position in wrt:
        inputs[position] = inputs[position].detach().requires_grad_()
    device = next((t.device.type for t in _tensors((inputs, kwargs))), kwargs.get("device", "cpu"))
    with Trace((inputs, kwargs), device, weigh) as seen:
        output = function(*inputs, **kwargs)
        if wrt:
            targets = [t for t in _tensors(output) if t.requires_grad]
            cotangents = [torch.ones_like(t) for t in targets]
            grads = torch.autograd.grad(targets, [inputs[p] for p in wrt], cotangents, allow_unused=True)
            del grads
    outputs = [[str(t.dtype).removeprefix("torch."), list(t.shape), t.device.type] for t in _tensors(output)]
    return {
        "ops": dict(seen.ops),
        "leaks": sorted(seen.leaks),
        "peak": seen.peak,
        "moved": seen.moved,
        "outputs": outputs,
        "input_bytes": sum(t.nbytes for t in _tensors((inputs, kwargs)) if t.is_floating_point()),
    }


def count(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Run `function` forward; return its output, the dispatcher's ops, Python's calls and the peak in bytes."""
    calls = 0

    def note(frame: Any, event: str, _: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    gc.disable()  # what it would collect now and then makes calls of its own
    printing = builtins.print
    builtins.print = lambda *_, **__: None  # a tensor's text takes thousands of calls, which are no work
    try:
        with Trace((args, kwargs), _tensors((args, kwargs))[0].device.type) as seen:
            sys.setprofile(note)
            output = function(*args, **kwargs)
            sys.setprofile(None)
    finally:
        sys.setprofile(None)
        builtins.print = printing
        gc.enable()
    return {"output": output, "ops": sum(seen.ops.values()), "calls": calls, "peak": seen.peak}
