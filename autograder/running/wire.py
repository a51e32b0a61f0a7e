"""Messages between the grader and a worker: a JSON header and raw bytes. Nothing is unpickled or evaluated."""

import json
import os
import select
import struct
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.running.forms import Blob, Payload, WireError, decode, encode, padding

MAGIC = b"SLP1"
FRAME = struct.Struct("<4sIQ")  # magic, header bytes, payload bytes
HEADER_CAP = 1 << 20
REQUEST_HEADER_CAP = 1 << 23  # sources travel in the header, and escaping may make six characters of one
PAYLOAD_CAP = 1 << 28
CHUNK = 1 << 16
READY_TO_READ, READY_TO_WRITE = "read", "write"
_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Closed(WireError):
    """The other side closed the pipe."""


class TimedOut(WireError):
    """The other side said nothing in time."""


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

    fields: str
    blobs: tuple[Blob, ...]
    size: int


def prepare(message: dict[str, Any]) -> Prepared:
    """Encode a message, or a part of one that is sent again and again.

    Raises:
        WireError: A value has no form on the wire.
    """
    blobs: list[Blob] = []
    fields = _json({key: encode(value, blobs) for key, value in message.items()})[1:-1]
    size = sum(len(b) for b in blobs)
    return Prepared(fields, tuple(blobs) if size > CHUNK else (b"".join(blobs),), size)


def pack(message: dict[str, Any], prepared: Prepared | None = None) -> list[Blob]:
    """Return a message as it goes over the wire: one piece, or several that are too large to be joined.

    Raises:
        WireError: A value has no form on the wire, or two parts of the message bring tensors.
    """
    own = prepare(message)
    fields, blobs, size = own.fields, own.blobs, own.size
    if prepared is not None:
        if size:
            raise WireError("the tensors of a prepared message have their places already")
        fields = f"{fields},{prepared.fields}" if fields and prepared.fields else fields or prepared.fields
        blobs, size = prepared.blobs, prepared.size
    header = f"{{{fields}}}".encode()
    header += b" " * padding(len(header))  # so that the payload begins where a tensor may
    parts: list[Blob] = [FRAME.pack(MAGIC, len(header), size), header, *blobs]
    return [b"".join(parts)] if size <= CHUNK else parts


def send(fd: int, message: dict[str, Any], until: float | None = None, prepared: Prepared | None = None) -> None:
    """Write one message; `until` is a time.monotonic() deadline. What is `prepared` belongs to it.

    Raises:
        WireError: As `pack`.
        Closed: Nobody reads any more.
        TimedOut: `until` passed.
    """
    write(fd, pack(message, prepared), until)


def write(fd: int, parts: Iterable[Blob], until: float | None = None) -> None:
    """Write what `pack` made.

    Raises:
        Closed: Nobody reads any more.
        TimedOut: `until` passed.
    """
    for part in parts:
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
    magic, header_size, payload_size = FRAME.unpack(_read(fd, FRAME.size, until))
    if magic != MAGIC or header_size > header_cap or payload_size > payload_cap or padding(header_size):
        raise WireError("an oversized or foreign frame")
    body = _read(fd, header_size + payload_size, until)
    payload = Payload(body[header_size:])
    try:
        fields = json.loads(bytes(body[:header_size]))
    except (ValueError, RecursionError):
        raise WireError("a header that is no JSON") from None
    if type(fields) is not dict:
        raise WireError("a header that is no object")
    try:
        return {key: decode(value, payload, meta) for key, value in fields.items()}
    except RecursionError:
        raise WireError("a header nested too deeply") from None
