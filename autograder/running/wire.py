"""Messages between the grader and a worker: a JSON header and raw bytes. Nothing is unpickled or evaluated."""

import json
import math
import os
import select
import struct
import time
from typing import Any

import numpy as np
import torch

from autograder.spec import Seed

MAGIC = b"SLP1"
FRAME = struct.Struct("<4sIQ")  # magic, header bytes, payload bytes
HEADER_CAP = 1 << 20
PAYLOAD_CAP = 1 << 28
ALIGNMENT = 64
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
ARRAY_DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")


class WireError(ValueError):
    """A frame that is not what an honest peer sends."""


class Closed(WireError):
    """The other side closed the pipe."""


class TimedOut(WireError):
    """The other side said nothing in time."""


def _raw(tensor: torch.Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def _add(blob: bytes, blobs: list[bytes]) -> list[int]:
    offset = sum(len(b) for b in blobs)
    blobs.append(blob + b"\0" * (-len(blob) % ALIGNMENT))
    return [offset, len(blob)]


def encode(value: Any, blobs: list[bytes]) -> Any:
    """Turn a value into JSON, moving the bytes of tensors and arrays into `blobs`.

    Raises:
        WireError: The value has no form on the wire.
    """
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if isinstance(value, float):
        return {"f": float(value).hex()}
    if type(value) in (torch.Tensor, torch.nn.Parameter):
        name = str(value.dtype).removeprefix("torch.")
        if name not in DTYPES:
            raise WireError(f"no form on the wire for a tensor of {name}")
        if value.device.type == "meta":
            return {"e": [name, list(value.shape)]}
        meta = {"shape": list(value.shape), "strides": list(value.stride()), "device": value.device.type}
        return {"t": [name, meta, _add(_raw(value), blobs)]}
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.name not in ARRAY_DTYPES:
            raise WireError(f"no form on the wire for an array of {array.dtype.name}")
        return {"n": [array.dtype.name, list(array.shape), _add(np.ascontiguousarray(array).tobytes(), blobs)]}
    if isinstance(value, (list, tuple)):
        return {"u" if isinstance(value, tuple) else "l": [encode(v, blobs) for v in value]}
    if isinstance(value, dict):
        return {"d": [[encode(k, blobs), encode(v, blobs)] for k, v in value.items()]}
    if isinstance(value, Seed):
        return {"g": value.value}
    if isinstance(value, torch.dtype):
        return {"y": str(value).removeprefix("torch.")}
    raise WireError(f"no form on the wire for {type(value).__name__}")


def _take(payload: memoryview, span: Any, expected: int) -> bytearray:
    offset, length = span
    if type(offset) is not int or type(length) is not int or offset < 0 or length != expected:
        raise WireError("a tensor whose bytes do not fit its shape")
    if offset + length > len(payload):
        raise WireError("a tensor beyond the payload")
    return bytearray(payload[offset : offset + length])


def _shape(shape: Any) -> list[int]:
    if type(shape) is not list or len(shape) > 8 or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise WireError("a shape that is none")
    return shape


def decode(value: Any, payload: memoryview) -> Any:
    """Turn JSON made by `encode` back into the value; every tensor owns fresh memory with the strides it had.

    Raises:
        WireError: The JSON was not made by `encode`.
    """
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if type(value) is not dict or len(value) != 1:
        raise WireError("a value of no known kind")
    ((kind, body),) = value.items()
    try:
        if kind == "f":
            return float.fromhex(body)
        if kind == "t":
            name, meta, span = body
            return _decode_tensor(name, meta, span, payload)
        if kind == "n":
            name, shape, span = body
            if name not in ARRAY_DTYPES:
                raise WireError("an array of unknown dtype")
            dtype = np.dtype(name)
            data = _take(payload, span, math.prod(_shape(shape)) * dtype.itemsize)
            return np.frombuffer(data, dtype=dtype).reshape(shape)
        if kind in "ul":
            return (tuple if kind == "u" else list)(decode(v, payload) for v in body)
        if kind == "d":
            return {decode(k, payload): decode(v, payload) for k, v in body}
        if kind == "y":
            return DTYPES[body]
        if kind == "e":
            return torch.empty(_shape(body[1]), dtype=DTYPES[body[0]], device="meta")
        if kind == "g":
            return torch.Generator().manual_seed(body)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, RuntimeError) as error:
        raise WireError(f"a malformed value: {error}") from None
    raise WireError("a value of no known kind")


def _decode_tensor(name: str, meta: dict[str, Any], span: list[int], payload: memoryview) -> torch.Tensor:
    dtype, shape = DTYPES[name], _shape(meta["shape"])
    data = _take(payload, span, math.prod(shape) * dtype.itemsize)
    flat = torch.frombuffer(data, dtype=dtype) if len(data) else torch.empty(0, dtype=dtype)
    tensor = flat.reshape(shape)
    strides = meta["strides"]
    if len(data) and list(tensor.stride()) != strides:
        spread = torch.empty_strided(shape, strides, dtype=dtype)
        if spread.untyped_storage().nbytes() <= 4 * len(data):  # an odd stride must not buy the sender memory
            tensor = spread.copy_(tensor)
    return tensor


def _write(fd: int, data: memoryview, until: float | None) -> None:
    while data:
        if until is not None:
            _wait(fd, select.POLLOUT, until)
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            raise Closed("the pipe is closed") from None


def _read(fd: int, count: int, until: float | None) -> bytearray:
    data = bytearray()
    while len(data) < count:
        if until is not None:
            _wait(fd, select.POLLIN, until)
        chunk = os.read(fd, min(count - len(data), 1 << 20))
        if not chunk:
            raise Closed("the pipe is closed")
        data += chunk
    return data


def _wait(fd: int, event: int, until: float) -> None:
    poll = select.poll()
    poll.register(fd, event)
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimedOut("no answer in time")
        if poll.poll(left * 1000):
            return


def send(fd: int, message: dict[str, Any], until: float | None = None) -> None:
    """Write one message; `until` is a time.monotonic() deadline."""
    blobs: list[bytes] = []
    header = json.dumps({key: encode(value, blobs) for key, value in message.items()}).encode()
    frame = FRAME.pack(MAGIC, len(header), sum(len(b) for b in blobs)) + header
    _write(fd, memoryview(b"".join([frame, *blobs])), until)


def receive(fd: int, until: float | None = None, payload_cap: int = PAYLOAD_CAP) -> dict[str, Any]:
    """Read one message; sizes are checked before anything of that size is read.

    Raises:
        Closed: The pipe was closed before the message was complete.
        TimedOut: `until` passed.
        WireError: The frame is malformed or too large.
    """
    magic, header_size, payload_size = FRAME.unpack(bytes(_read(fd, FRAME.size, until)))
    if magic != MAGIC or header_size > HEADER_CAP or payload_size > payload_cap:
        raise WireError("an oversized or foreign frame")
    header = bytes(_read(fd, header_size, until))
    payload = memoryview(_read(fd, payload_size, until))
    try:
        fields = json.loads(header)
    except (ValueError, RecursionError):
        raise WireError("a header that is no JSON") from None
    if type(fields) is not dict:
        raise WireError("a header that is no object")
    try:
        return {key: decode(value, payload) for key, value in fields.items()}
    except RecursionError:
        raise WireError("a header nested too deeply") from None
