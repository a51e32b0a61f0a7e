"""The form of values on the wire: JSON, and the bytes of tensors and arrays one after the other behind it."""

import math
from typing import Any

import numpy as np
import torch

from autograder.spec import Seed

ALIGNMENT = 64
LARGEST_INT = 1 << 63  # in an answer; Python would go on for ever with a larger one
DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int64": torch.int64,
    "int32": torch.int32,
    "int16": torch.int16,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "bool": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
ARRAY_DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
Blob = bytes | memoryview


class WireError(ValueError):
    """A frame that is not what an honest peer sends."""


def padding(size: int) -> int:
    """Return how many bytes `size` lacks to a place where a tensor may begin."""
    return -size % ALIGNMENT


def _raw(tensor: torch.Tensor) -> Blob:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    if not flat.numel():
        return b""
    return flat.as_strided(flat.shape, (1,)).view(torch.uint8).numpy().data  # one expanded element has stride 0


def _add(blob: Blob, blobs: list[Blob]) -> None:
    blobs.append(blob)
    if padding(len(blob)):
        blobs.append(bytes(padding(len(blob))))


def encode(value: Any, blobs: list[Blob]) -> Any:
    """Turn a value into JSON, moving the bytes of tensors and arrays, or views of them, into `blobs`.

    Raises:
        WireError: The value has no form on the wire.
    """
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if isinstance(value, float):
        return {"f": float(value).hex()}
    if type(value) in (torch.Tensor, torch.nn.Parameter):
        if value.dtype not in NAMES or value.layout != torch.strided:
            raise WireError(f"no form on the wire for a {value.layout} tensor of {value.dtype}")
        if value.is_meta:
            return {"e": [NAMES[value.dtype], list(value.shape)]}
        _add(_raw(value), blobs)
        return {"t": [NAMES[value.dtype], list(value.shape), None if value.is_contiguous() else list(value.stride())]}
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.name not in ARRAY_DTYPES:
            raise WireError(f"no form on the wire for an array of {array.dtype.name}")
        _add(np.ascontiguousarray(array).tobytes(), blobs)
        return {"n": [array.dtype.name, list(array.shape)]}
    if isinstance(value, (list, tuple)):
        return {"u" if isinstance(value, tuple) else "l": [encode(v, blobs) for v in value]}
    if isinstance(value, dict):
        if all(type(k) is str for k in value):
            return {"o": {k: encode(v, blobs) for k, v in value.items()}}
        return {"d": [[encode(k, blobs), encode(v, blobs)] for k, v in value.items()]}
    if isinstance(value, Seed):
        return {"g": value.value}
    if isinstance(value, torch.dtype):
        return {"y": str(value).removeprefix("torch.")}
    raise WireError(f"no form on the wire for {type(value).__name__}")


class Payload:
    """The bytes behind a header. They are given out in their order and each once, so that no two tensors share one."""

    def __init__(self, data: memoryview) -> None:
        """Hold the bytes, the first of them at a place where a tensor may begin."""
        self.data = data
        self._next = 0

    def take(self, length: int) -> int:
        """Return where the next `length` bytes begin.

        Raises:
            WireError: There are not so many.
        """
        start = self._next
        if start + length > len(self.data):
            raise WireError("a tensor beyond the payload")
        self._next = start + length + padding(length)
        return start


def _count(shape: Any) -> int:
    """Return how many elements a shape has, if it is one."""
    if type(shape) is not list or len(shape) > 8 or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise WireError("a shape that is none")
    return math.prod(shape)


def decode(value: Any, payload: Payload, meta: bool = True) -> Any:
    """Turn JSON made by `encode` back into the value; every tensor has bytes of its own, and the strides it had.

    Without `meta`, as from a learner's process, tensors on the meta device are refused (they have no numbers that
    could be judged), and so are generators and huge integers.

    Raises:
        WireError: The JSON was not made by `encode`.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if type(value) is int:
        if not meta and abs(value) > LARGEST_INT:
            raise WireError("a number that nobody can reckon with")
        return value
    if type(value) is not dict or len(value) != 1:
        raise WireError("a value of no known kind")
    ((kind, body),) = value.items()
    try:
        if kind == "t":
            return _decode_tensor(payload, *body)
        if kind == "o":
            return {k: decode(v, payload, meta) for k, v in body.items()}
        if kind == "f":
            return float.fromhex(body)
        if kind == "u":
            return tuple([decode(v, payload, meta) for v in body])
        if kind == "l":
            return [decode(v, payload, meta) for v in body]
        if kind == "d":
            return {decode(k, payload, meta): decode(v, payload, meta) for k, v in body}
        if kind == "n":
            return _decode_array(payload, *body)
        if kind == "y":
            return DTYPES[body]
        if kind == "e" and meta:
            name, shape = body
            _count(shape)
            return torch.empty(shape, dtype=DTYPES[name], device="meta")
        if kind == "g" and meta:
            return torch.Generator().manual_seed(body)
    except (AttributeError, TypeError, ValueError, KeyError, IndexError, OverflowError, RuntimeError) as error:
        raise WireError(f"a malformed value: {error}") from None
    raise WireError("a value of no known kind")


def _decode_array(payload: Payload, name: str, shape: list[int]) -> np.ndarray[Any, Any]:
    if name not in ARRAY_DTYPES:
        raise WireError("an array of unknown dtype")
    dtype, count = np.dtype(name), _count(shape)
    start = payload.take(count * dtype.itemsize)
    return np.frombuffer(payload.data, dtype, count, start).reshape(shape) if count else np.empty(shape, dtype)


def _decode_tensor(payload: Payload, name: str, shape: list[int], strides: list[int] | None) -> torch.Tensor:
    dtype, count = DTYPES[name], _count(shape)
    start = payload.take(count * dtype.itemsize)
    if not count:
        flat = torch.empty(0, dtype=dtype)
    else:
        flat = torch.frombuffer(payload.data, dtype=dtype, count=count, offset=start)
    tensor = flat if len(shape) == 1 else flat.reshape(shape)
    return tensor if strides is None or list(tensor.stride()) == strides else _spread(tensor, strides)


def _spread(tensor: torch.Tensor, strides: list[int]) -> torch.Tensor:
    """Return the tensor with these strides; as it is where elements would share memory (an expanded tensor)."""
    reach = 1
    for stride, length in sorted(zip(strides, tensor.shape, strict=True)):
        if length > 1 and stride < reach:
            return tensor
        reach += (length - 1) * stride
    if reach > 4 * tensor.numel():  # an odd stride must not buy the sender memory
        return tensor
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)
