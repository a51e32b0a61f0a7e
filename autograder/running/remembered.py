"""Remembers what ops return on the meta device, since working it out takes Python longer than all else of a meta run.

Tensors without numbers have a dtype, a shape and strides, and an op's result depends on nothing else but the default
dtype. So each op is put to torch once for such arguments, and its result is laid out anew when they come again. Where
torch itself says that an op is pointwise, and its arguments are contiguous, the shapes need not even be the same: the
result has the shape that they broadcast to. What may depend on more (views, tensors with numbers, odd arguments) goes
to torch each time.
"""

import contextlib
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Layout = tuple[torch.Size, tuple[int, ...], torch.dtype]
_layouts: dict[Any, list[Layout] | None] = {}  # None: the op writes to an argument, which is its result
_dtypes: dict[Any, torch.dtype | None] = {}  # of pointwise ops; None: this one is not what its tag promises
PURE, OTHER = "pure", "other"


class _Unknown(Exception):
    """An argument that is no key."""


@functools.cache
def _kind(func: Any) -> int | str:
    """Return PURE for an op that makes its results, the argument (position or name) that it writes to, else OTHER."""
    schema = func._schema
    if any(str(r.type) != "Tensor" for r in schema.returns):
        return OTHER
    aliased = [(i, a) for i, a in enumerate(schema.arguments) if a.alias_info is not None]
    if not aliased and not any(r.alias_info for r in schema.returns):
        return PURE
    if len(aliased) == len(schema.returns) == 1 and aliased[0][1].alias_info.is_write:
        position, argument = aliased[0]
        return argument.name if argument.kwarg_only else position
    return OTHER


@functools.cache
def _is_pointwise(func: Any) -> bool:
    return torch.Tag.pointwise in func.tags and len(func._schema.returns) == 1 and _kind(func) != OTHER


def _key(value: Any) -> Any:
    kind = type(value)
    if kind is Tensor or kind is torch.nn.Parameter:
        if value.device.type != "meta" or value.layout != torch.strided:
            raise _Unknown
        return value.dtype, value.shape, value.stride()
    if kind is tuple or kind is list:
        return tuple([_key(item) for item in value])
    if kind in (int, float, bool, str):
        return kind, value  # 1, 1.0 and True are equal
    if value is None or kind in (torch.dtype, torch.device, torch.layout, torch.memory_format):
        return value
    raise _Unknown


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    return _key(args), tuple([(name, _key(value)) for name, value in kwargs.items()]) if kwargs else ()


def _layout(tensor: Any, inputs: set[int]) -> Layout:
    """Return how a new tensor lies in its memory; one that shares it, or has more of it than it needs, is unknown."""
    if type(tensor) is not Tensor or tensor.device.type != "meta" or tensor.dtype.is_complex:
        raise _Unknown
    storage = tensor.untyped_storage()
    if storage._cdata in inputs or tensor.storage_offset():
        raise _Unknown
    reach = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True)) + 1
    if storage.nbytes() != (reach if tensor.numel() else 0) * tensor.element_size():
        raise _Unknown
    return tensor.shape, tensor.stride(), tensor.dtype


def _loose(values: Any, shapes: list[torch.Size]) -> tuple[Any, ...]:
    """Return what of a pointwise op's arguments decides on the result's dtype; their shapes go to `shapes`."""
    found: list[Any] = []
    for value in values:
        kind = type(value)
        if kind is Tensor or kind is torch.nn.Parameter:
            if not value.is_meta or value.layout != torch.strided or not value.is_contiguous():
                raise _Unknown
            shapes.append(value.shape)
            found.append((value.dtype, not value.shape))  # a tensor without dimensions promotes less
        elif kind in (int, float, bool):
            found.append(kind)
        elif value is None or kind in (str, torch.dtype):
            found.append(value)
        else:
            raise _Unknown
    return tuple(found)


def _broadcast(shapes: list[torch.Size]) -> Sequence[int] | None:
    """Return the shape that these broadcast to, or None: torch's own words are better. Its own function is slow."""
    first = shapes[0]
    if all([shape == first for shape in shapes]):
        return first
    found = [1] * max(map(len, shapes))
    for shape in shapes:
        for place, length in enumerate(reversed(shape), start=1):
            if found[-place] != length != 1:
                if found[-place] != 1:
                    return None
                found[-place] = length
    return torch.Size(found)


def _pointwise(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """Return a pointwise op's result, or None where torch must be asked."""
    shapes: list[torch.Size] = []
    try:
        key = (func, torch.get_default_dtype(), _loose(args, shapes), tuple(kwargs), _loose(kwargs.values(), shapes))
    except _Unknown:
        return None
    shape = _broadcast(shapes) if shapes else None
    if shape is None:
        return None
    kind = _kind(func)
    place = None if kind == PURE else kwargs.get(kind) if isinstance(kind, str) else args[kind]
    if place is not None and place.shape != shape:
        return None
    if key not in _dtypes:
        made = func(*args, **kwargs)
        sound = made is place if place is not None else type(made) is Tensor and made.is_meta and made.is_contiguous()
        _dtypes[key] = made.dtype if sound and made.shape == shape else None
        return made  # type: ignore[no-any-return]
    dtype = _dtypes[key]
    if dtype is None:
        return None
    return place if place is not None else torch.empty(shape, dtype=dtype, device="meta")


def call(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]) -> Any:
    """Return what `func` returns; `tensors` are those among its arguments."""
    kind = _kind(func)
    if kind == OTHER:
        return func(*args, **kwargs)
    if _is_pointwise(func):
        result = _pointwise(func, args, kwargs)
        if result is not None:
            return result
    try:
        key = (func, torch.get_default_dtype(), *_arguments(args, kwargs))
    except _Unknown:
        return func(*args, **kwargs)
    if key in _layouts:
        layouts = _layouts[key]
        if layouts is None:
            return kwargs[kind] if isinstance(kind, str) else args[kind]
        made = [torch.empty_strided(size, step, dtype=dtype, device="meta") for size, step, dtype in layouts]
        return made[0] if len(made) == 1 else tuple(made)
    output = func(*args, **kwargs)
    if kind != PURE:
        written = kwargs.get(kind) if isinstance(kind, str) else args[kind]
        if output is written and key[2:] == _arguments(args, kwargs):
            _layouts[key] = None  # an `out` that had to be resized is no such case
        return output
    known = {tensor.untyped_storage()._cdata for tensor in tensors}
    with contextlib.suppress(_Unknown):
        _layouts[key] = [_layout(o, known) for o in (output if isinstance(output, tuple) else (output,))]
    return output
