"""Messages between the grader and a worker: a JSON header and raw bytes. Nothing is unpickled or evaluated."""

import json
import math
import os
import select
import struct
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.spec import Seed

MAGIC = b"SLP1"
FRAME = struct.Struct("<4sIQ")  # magic, header bytes, payload bytes
HEADER_CAP = 1 << 20
REQUEST_HEADER_CAP = 1 << 23  # sources travel in the header, and escaping may make six characters of one
PAYLOAD_CAP = 1 << 28
ALIGNMENT = 64
CHUNK = 1 << 16
READY_TO_READ, READY_TO_WRITE = "read", "write"
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
Blob = bytes | memoryview
ARRAY_DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")


class WireError(ValueError):
    """A frame that is not what an honest peer sends."""


class Closed(WireError):
    """The other side closed the pipe."""


class TimedOut(WireError):
    """The other side said nothing in time."""


def _raw(tensor: torch.Tensor) -> Blob:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    if not flat.numel():
        return b""
    return flat.as_strided(flat.shape, (1,)).view(torch.uint8).numpy().data  # one expanded element has stride 0


def _add(blob: Blob, blobs: list[Blob]) -> list[int]:
    offset = sum(len(b) for b in blobs)
    blobs.append(blob)
    if len(blob) % ALIGNMENT:
        blobs.append(bytes(-len(blob) % ALIGNMENT))
    return [offset, len(blob)]


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
        name = str(value.dtype).removeprefix("torch.")
        if name not in DTYPES or value.layout != torch.strided:
            raise WireError(f"no form on the wire for a {value.layout} tensor of {name}")
        if value.device.type == "meta":
            return {"e": [name, list(value.shape)]}
        layout = {"shape": list(value.shape), "strides": list(value.stride()), "device": value.device.type}
        return {"t": [name, layout, _add(_raw(value), blobs)]}
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


class Payload:
    """The bytes behind a header; each is given out once, so that a short header cannot claim much memory."""

    def __init__(self, data: memoryview) -> None:
        """Hold the bytes."""
        self.data, self.left = data, len(data)


def _take(payload: Payload, span: Any, expected: int) -> bytearray:
    offset, length = span
    if type(offset) is not int or type(length) is not int or offset < 0 or length != expected:
        raise WireError("a tensor whose bytes do not fit its shape")
    payload.left -= length
    if offset + length > len(payload.data) or payload.left < 0:
        raise WireError("a tensor beyond the payload")
    return bytearray(payload.data[offset : offset + length])


def _shape(shape: Any) -> list[int]:
    if type(shape) is not list or len(shape) > 8 or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise WireError("a shape that is none")
    return shape


def decode(value: Any, payload: Payload, meta: bool = True) -> Any:
    """Turn JSON made by `encode` back into the value; every tensor owns fresh memory with the strides it had.

    Without `meta`, tensors on the meta device are refused (they have no numbers that could be judged), and generators.

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
            name, layout, span = body
            return _decode_tensor(name, layout, span, payload)
        if kind == "n":
            name, shape, span = body
            if name not in ARRAY_DTYPES:
                raise WireError("an array of unknown dtype")
            dtype = np.dtype(name)
            data = _take(payload, span, math.prod(_shape(shape)) * dtype.itemsize)
            return np.frombuffer(data, dtype=dtype).reshape(shape)
        if kind in "ul":
            return (tuple if kind == "u" else list)(decode(v, payload, meta) for v in body)
        if kind == "d":
            return {decode(k, payload, meta): decode(v, payload, meta) for k, v in body}
        if kind == "y":
            return DTYPES[body]
        if kind == "e" and meta:
            return torch.empty(_shape(body[1]), dtype=DTYPES[body[0]], device="meta")
        if kind == "g" and meta:
            return torch.Generator().manual_seed(body)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, RuntimeError) as error:
        raise WireError(f"a malformed value: {error}") from None
    raise WireError("a value of no known kind")


def _decode_tensor(name: str, layout: dict[str, Any], span: list[int], payload: Payload) -> torch.Tensor:
    dtype, shape = DTYPES[name], _shape(layout["shape"])
    data = _take(payload, span, math.prod(shape) * dtype.itemsize)
    flat = torch.frombuffer(data, dtype=dtype) if len(data) else torch.empty(0, dtype=dtype)
    tensor = flat.reshape(shape)
    return tensor if list(tensor.stride()) == layout["strides"] else _spread(tensor, layout["strides"])


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


def _write(fd: int, data: memoryview, until: float | None) -> None:
    while data:
        if until is not None:
            _wait(fd, READY_TO_WRITE, until)
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            raise Closed("the pipe is closed") from None


def _read(fd: int, count: int, until: float | None) -> memoryview:
    data = left = np.empty(count, np.uint8).data  # memory that is not written to is not taken: a forger claims in vain
    while left:
        if until is not None:
            _wait(fd, READY_TO_READ, until)
        got = _read_into(fd, left)
        if not got:
            raise Closed("the pipe is closed")
        left = left[got:]
    return data


def _read_into(fd: int, buffer: memoryview) -> int:
    if sys.platform != "win32":
        return os.readv(fd, [buffer])
    chunk = os.read(fd, min(len(buffer), CHUNK))
    buffer[: len(chunk)] = chunk
    return len(chunk)


def _wait(fd: int, event: str, until: float) -> None:
    if sys.platform == "win32":
        return _wait_on_windows(fd, event, until)
    poll = select.poll()
    poll.register(fd, select.POLLIN if event == READY_TO_READ else select.POLLOUT)
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimedOut("no answer in time")
        if poll.poll(left * 1000):
            return


def _wait_on_windows(fd: int, event: str, until: float) -> None:
    """Wait by asking, since Windows has no poll for pipes; a write is short and its reader waits for it."""
    if sys.platform == "win32":
        import _winapi
        import msvcrt

        while event == READY_TO_READ:
            try:
                waiting, _ = _winapi.PeekNamedPipe(msvcrt.get_osfhandle(fd), 0)
            except BrokenPipeError:
                return
            if waiting:
                return
            if time.monotonic() > until:
                raise TimedOut("no answer in time")
            time.sleep(0.0005)


@dataclass(frozen=True)
class Prepared:
    """A part of a message as it goes over the wire; its tensors stay where they are and must not change."""

    header: str
    blobs: list[Blob]


def prepare(message: dict[str, Any]) -> Prepared:
    """Encode a message, or a part of one that is sent again and again.

    Raises:
        WireError: A value has no form on the wire.
    """
    blobs: list[Blob] = []
    return Prepared(json.dumps({key: encode(value, blobs) for key, value in message.items()}), blobs)


def send(fd: int, message: dict[str, Any], until: float | None = None, prepared: Prepared | None = None) -> None:
    """Write one message; `until` is a time.monotonic() deadline. What is `prepared` belongs to it.

    Raises:
        WireError: A value has no form on the wire, or two parts of the message bring tensors.
        Closed: Nobody reads any more.
        TimedOut: `until` passed.
    """
    own = prepare(message)
    text, blobs = own.header, own.blobs
    if prepared is not None:
        if blobs:
            raise WireError("the tensors of a prepared message have their places already")
        fields = [part[1:-1] for part in (text, prepared.header) if part != "{}"]
        text, blobs = f"{{{', '.join(fields)}}}", prepared.blobs
    header = text.encode()
    size = sum(len(b) for b in blobs)
    parts: list[Blob] = [FRAME.pack(MAGIC, len(header), size) + header, *blobs]
    for part in parts if size > CHUNK else [b"".join(parts)]:  # large ones are not copied to be joined
        _write(fd, memoryview(part), until)


def receive(
    fd: int,
    until: float | None = None,
    payload_cap: int = PAYLOAD_CAP,
    meta: bool = True,
    header_cap: int = HEADER_CAP,
) -> dict[str, Any]:
    """Read one message; sizes are checked before anything of that size is read.

    Raises:
        Closed: The pipe was closed before the message was complete.
        TimedOut: `until` passed.
        WireError: The frame is malformed or too large.
    """
    magic, header_size, payload_size = FRAME.unpack(bytes(_read(fd, FRAME.size, until)))
    if magic != MAGIC or header_size > header_cap or payload_size > payload_cap:
        raise WireError("an oversized or foreign frame")
    header = bytes(_read(fd, header_size, until))
    payload = Payload(_read(fd, payload_size, until))
    try:
        fields = json.loads(header)
    except (ValueError, RecursionError):
        raise WireError("a header that is no JSON") from None
    if type(fields) is not dict:
        raise WireError("a header that is no object")
    try:
        return {key: decode(value, payload, meta) for key, value in fields.items()}
    except RecursionError:
        raise WireError("a header nested too deeply") from None
