"""Messages come out as they went in; whatever else comes over the pipe is a WireError, in time and without memory."""

import contextlib
import json
import math
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.running import forms, wire
from autograder.spec import Seed

SHORT_S = 0.15
LONG_S = 20.0


@contextlib.contextmanager
def pipe():
    receiving, sending = os.pipe()
    ends = {receiving, sending}
    try:
        yield receiving, sending
    finally:
        for end in ends:
            with contextlib.suppress(OSError):
                os.close(end)


def frame(header: bytes, payload: bytes = b"", magic: bytes = wire.MAGIC) -> bytes:
    header += b" " * forms.padding(len(header))
    return wire.FRAME.pack(magic, len(header), len(payload)) + header + payload


def deliver(data: bytes, **options):
    """Return what `receive` makes of these bytes when the sender closes the pipe after them."""
    with pipe() as (receiving, sending):
        writer = threading.Thread(target=lambda: (os.write(sending, data) if data else 0, os.close(sending)))
        writer.start()
        try:
            return wire.receive(receiving, time.monotonic() + LONG_S, **options)
        finally:
            writer.join()


def sent(message: dict, prepared: wire.Prepared | None = None, **options) -> dict:
    with pipe() as (receiving, sending):
        thread = threading.Thread(target=wire.send, args=(sending, message, None, prepared))
        thread.start()
        try:
            return wire.receive(receiving, time.monotonic() + LONG_S, **options)
        finally:
            thread.join()


def bits(tensor: torch.Tensor) -> bytes:
    copy = torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor)
    return bytes(copy.reshape(-1).view(torch.uint8).tolist()) if copy.numel() else b""


def alike(one, other) -> bool:
    """Return whether two values are the same, bit for bit, tensors and containers included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        if (one.shape, one.dtype, one.is_meta) != (other.shape, other.dtype, other.is_meta):
            return False
        return one.is_meta or bits(one) == bits(other)
    if isinstance(one, np.ndarray):
        return (one.shape, one.dtype) == (other.shape, other.dtype) and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other or (one != one and other != other)


shapes = st.lists(st.integers(0, 4), max_size=4)


@st.composite
def tensors(draw) -> torch.Tensor:
    dtype = draw(st.sampled_from(list(forms.DTYPES.values())))
    shape = draw(shapes)
    count = math.prod(shape) * dtype.itemsize
    data = bytearray(draw(st.binary(min_size=count, max_size=count)))
    if dtype == torch.bool:
        data = bytearray(b & 1 for b in data)
    flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
    tensor = flat.reshape(shape)
    change = draw(st.sampled_from(["none", "permute", "slice", "expand", "meta"]))
    if change == "permute":
        tensor = tensor.permute(draw(st.permutations(range(tensor.dim()))))
    elif change == "slice" and shape:
        tensor = tensor[..., :: draw(st.integers(1, 3))]
    elif change == "expand":
        tensor = tensor.unsqueeze(-1).expand(*shape, 3)
    elif change == "meta":
        tensor = tensor.to("meta")
    return tensor


@st.composite
def arrays(draw) -> np.ndarray:
    dtype = np.dtype(draw(st.sampled_from(forms.ARRAY_DTYPES)))
    shape = draw(shapes)
    count = math.prod(shape) * dtype.itemsize
    data = draw(st.binary(min_size=count, max_size=count))
    if dtype.kind == "b":
        data = bytes(b & 1 for b in data)
    array = np.frombuffer(data, dtype=dtype).reshape(shape)
    return array.T if draw(st.booleans()) else array


plain = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
leaves = plain | st.sampled_from(list(forms.DTYPES.values())) | tensors() | arrays()
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.tuples(st.integers()), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=3))
@example({"a": torch.zeros(1).expand(3)})
@example({"a": torch.zeros(1, 1).expand(1, 4)[:, :1]})
@example({"a": np.array(1.5, np.float32)})
def test_round_trip(message):
    assert alike(sent(message), message)


@given(
    st.dictionaries(st.text(max_size=5), values, max_size=3), st.dictionaries(st.text(max_size=5), plain, max_size=2)
)
def test_what_is_prepared_arrives_each_time_with_the_words_of_its_message(message, words):
    prepared = wire.prepare(message)
    for _ in range(2):
        assert alike(sent(words, prepared), {**words, **message})


def test_two_parts_with_tensors_are_refused_by_the_sender():
    with pytest.raises(wire.WireError, match="places"):
        wire.send(-1, {"x": torch.ones(1)}, None, wire.prepare({"y": torch.ones(1)}))


def test_large_tensors_arrive_whole():
    message = {"x": torch.arange(300_001.0), "y": torch.arange(7), "z": torch.arange(200_000).short()}
    assert alike(sent(message), message)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3).t(),
        torch.arange(24.0).reshape(2, 3, 4).movedim(0, -1),
        torch.arange(12.0).reshape(3, 4)[:, ::2],
        torch.arange(12.0).reshape(3, 4)[:, :2],
    ],
)
def test_strides_come_along(tensor):
    arrived = sent({"x": tensor})["x"]
    assert arrived.stride() == tensor.stride()
    assert torch.equal(arrived, tensor)


@pytest.mark.parametrize(
    "tensor",
    [torch.ones(()).expand(3), torch.ones(1, 3).expand(4, 3), torch.arange(4.0).as_strided((3, 2), (1, 1))],
)
def test_an_expanded_tensor_arrives_with_memory_of_its_own(tensor):
    arrived = sent({"x": tensor})["x"]
    assert torch.equal(arrived, tensor)
    arrived.add_(1)
    assert torch.equal(arrived, tensor + 1)


def test_arrived_tensors_can_be_written_and_share_nothing():
    x = torch.zeros(3)
    message = sent({"x": x, "y": x, "z": x.numpy()})
    message["x"].add_(1)
    message["z"] += 2
    assert torch.equal(message["y"], torch.zeros(3))
    assert torch.equal(x, torch.zeros(3))
    assert message["x"].untyped_storage().nbytes() == x.nbytes  # no way to its neighbours' bytes


def test_a_seed_arrives_as_its_generator():
    generator = sent({"g": Seed(7)})["g"]
    assert generator.initial_seed() == 7
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=torch.Generator().manual_seed(7)))


def test_a_parameter_arrives_as_a_tensor_without_history():
    x = sent({"x": torch.nn.Parameter(torch.ones(2))})["x"]
    assert type(x) is torch.Tensor
    assert not x.requires_grad


class Lie(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "value",
    [
        object(),
        print,
        b"bytes",
        1j,
        {1, 2},
        torch.zeros(2, dtype=torch.complex64),
        np.zeros(2, np.complex64),
        np.array(["text"]),
        np.array([object()]),
        torch.zeros(2).as_subclass(Lie),
        torch.zeros(2).to_sparse(),
        torch.Generator(),
    ],
    ids=lambda v: type(v).__name__,
)
def test_what_has_no_form_on_the_wire_is_refused_by_the_sender(value):
    with pytest.raises(wire.WireError):
        forms.encode([value], [])


def test_replies_bring_no_tensors_without_numbers():
    message = {"deep": [({"x": torch.empty(2, device="meta")},)]}
    assert sent(message)["deep"][0][0]["x"].is_meta
    with pytest.raises(wire.WireError):
        sent(message, meta=False)


@pytest.mark.parametrize("number", [10**400, -(10**30)])
def test_replies_bring_no_numbers_that_nobody_can_reckon_with(number):
    assert sent({"deep": [number]}) == {"deep": [number]}
    with pytest.raises(wire.WireError, match="reckon"):
        sent({"deep": [number]}, meta=False)
    assert sent({"deep": [1 << 62]}, meta=False) == {"deep": [1 << 62]}


@pytest.mark.parametrize(
    "head",
    [
        wire.FRAME.pack(b"HTTP", 2, 0),
        wire.FRAME.pack(wire.MAGIC, wire.HEADER_CAP + 1, 0),
        wire.FRAME.pack(wire.MAGIC, 64, wire.PAYLOAD_CAP + 1),
        wire.FRAME.pack(wire.MAGIC, 2, 0),
        wire.FRAME.pack(wire.MAGIC, 2**32 - 1, 2**64 - 1),
    ],
)
def test_an_oversized_or_foreign_frame_is_refused_by_its_first_bytes(head):
    with pipe() as (receiving, sending):
        os.write(sending, head)
        with pytest.raises(wire.WireError, match="oversized"):  # not TimedOut: nothing more is waited for
            wire.receive(receiving, time.monotonic() + LONG_S)


CLAIM = """
import os, resource
from autograder.running import wire
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
receiving, sending = os.pipe()
os.write(sending, wire.FRAME.pack(wire.MAGIC, 64, wire.PAYLOAD_CAP) + b"{}".ljust(64) + b"x" * 1000)
os.close(sending)
before = most()
try:
    wire.receive(receiving)
except wire.Closed:
    print(most() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nobody counts a process's memory so")
def test_memory_that_is_claimed_and_not_sent_is_not_taken():
    run = subprocess.run([sys.executable, "-c", CLAIM], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit < wire.PAYLOAD_CAP / 8


def test_caps_can_be_set():
    data = frame(b'{"a": 1}', b"x" * 64)
    assert deliver(data, payload_cap=64, header_cap=64) == {"a": 1}
    for caps in ({"payload_cap": 63}, {"header_cap": 63}):
        with pytest.raises(wire.WireError, match="oversized"):
            deliver(data, **caps)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"no json",
        b"[1]",
        b"7",
        b'{"a": 1.5}',
        b'{"a": NaN}',
        b'{"a": []}',
        b'{"a": {}}',
        b'{"a": {"x": 1}}',
        b'{"a": {"f": "1", "u": []}}',
        b'{"a": {"f": 3}}',
        b'{"a": {"f": "pi"}}',
        b'{"a": {"y": "complex64"}}',
        b'{"a": {"y": ["float32"]}}',
        b'{"a": {"d": [[[], 1]]}}',
        b'{"a": {"d": [[{"l": []}, 1]]}}',
        b'{"a": {"d": [[1]]}}',
        b'{"a": {"u": 5}}',
        b'{"a": {"g": "x"}}',
        b'{"a": {"g": 1e400}}',
        b'{"a": {"e": ["float32", [-1]]}}',
        b'{"a": {"e": ["float32", [1, 1, 1, 1, 1, 1, 1, 1, 1]]}}',
        b'{"a": {"e": ["float32", [1099511627775, 1099511627775, 1099511627775]]}}',
        b'{"a": {"n": ["object", []]}}',
        b'{"a": {"n": ["float32", [17]]}}',
        b'{"a": {"n": ["float32"]}}',
        b'{"a": {"o": [["x", 1]]}}',
        b'{"a": {"o": {"x": 1.5}}}',
        b'{"a": {"t": ["float32", [2], ["a"]]}}',
        b'{"a": {"t": ["float32", [2], [2, 1]]}}',
        b'{"a": {"t": ["float32", [2], 1]}}',
        b'{"a": {"t": ["float32", [2.0], null]}}',
        b'{"a": {"t": ["float32", [true], null]}}',
        b'{"a": {"t": ["float32", [17], null]}}',
        b'{"a": {"t": ["float32", [2]]}}',
        b'{"a": {"t": ["float32", [2], null, 0]}}',
        b'{"a": {"u": [{"t": ["bool", [65], null]}]}}',
        b'{"a": {"t": ["bool", [1], null]}, "b": {"t": ["bool", [1], null]}}',
        b'{"a": {"t": {"shape": [2]}}}',
        b'{"a": {"t": "float32"}}',
        b'{"a": ' + b'{"l": [' * 3000 + b"]}" * 3000 + b"}",
        b'{"a": ' + b"[" * 100000 + b"]" * 100000 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xff\xfe{}",
    ],
    ids=range(44),
)
def test_malformed_headers(header):
    with pytest.raises(wire.WireError):
        deliver(frame(header, b"\0" * 64))


@pytest.mark.parametrize("strides", [[1 << 20], [1 << 40], [-1], [0], [1 << 70]])
def test_an_odd_stride_buys_no_memory(strides):
    header = json.dumps({"a": {"t": ["float32", [2], strides]}}).encode()
    try:
        tensor = deliver(frame(header, b"\0" * 64))["a"]
    except wire.WireError:
        return
    assert tensor.untyped_storage().nbytes() <= 64


@given(st.binary(max_size=80))
def test_noise_is_a_wire_error(data):
    with pytest.raises(wire.WireError):
        deliver(data)


KINDS = ["f", "t", "n", "u", "l", "o", "d", "y", "e", "g", "", "ul", "x"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 1 << 66) | st.floats() | st.sampled_from(["float32", "bool", "0x1p0"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*KINDS, "x"]), inner, max_size=3)
        | st.tuples(st.sampled_from(KINDS), inner).map(lambda pair: {pair[0]: pair[1]})
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=3))
def test_a_made_up_header_is_a_message_or_a_wire_error(fields):
    with contextlib.suppress(wire.WireError):
        assert isinstance(deliver(frame(json.dumps(fields).encode(), b"\0" * 64)), dict)


@given(st.integers(0, 300), st.binary(min_size=1, max_size=6))
def test_a_damaged_frame_is_a_message_or_a_wire_error(place, noise):
    blobs: list[bytes] = []
    message = {"a": torch.arange(6.0).reshape(2, 3).t(), "b": [Seed(1), torch.float16, (1.5, None)], "c": np.ones(3)}
    header = json.dumps({key: forms.encode(value, blobs) for key, value in message.items()}).encode()
    data = bytearray(frame(header, b"".join(blobs)))
    data[place % len(data) : place % len(data) + len(noise)] = noise
    with contextlib.suppress(wire.WireError):
        assert isinstance(deliver(bytes(data)), dict)


@pytest.mark.parametrize("cut", [0, 5, wire.FRAME.size, wire.FRAME.size + 3, wire.FRAME.size + 12, -1])
def test_a_frame_that_breaks_off_is_closed(cut):
    data = frame(b'{"a": 1, "b": 2}', b"x" * 64)
    with pytest.raises(wire.Closed):
        deliver(data[:cut])


@pytest.mark.parametrize("cut", [0, 5, wire.FRAME.size + 3])
def test_a_frame_that_stops_is_timed_out(cut):
    with pipe() as (receiving, sending):
        os.write(sending, frame(b'{"a": 1, "b": 2}')[:cut])
        start = time.monotonic()
        with pytest.raises(wire.TimedOut):
            wire.receive(receiving, start + SHORT_S)
        assert SHORT_S <= time.monotonic() - start < LONG_S / 2


def test_a_trickle_does_not_move_the_deadline():
    with pipe() as (receiving, sending):
        stop = threading.Event()

        def trickle():
            os.write(sending, wire.FRAME.pack(wire.MAGIC, wire.HEADER_CAP, 0))
            while not stop.wait(0.01):
                os.write(sending, b" ")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            with pytest.raises(wire.TimedOut):
                wire.receive(receiving, time.monotonic() + SHORT_S)
        finally:
            stop.set()
            thread.join()


def test_sending_to_one_who_does_not_read_is_timed_out():
    with pipe() as (_, sending):
        os.set_blocking(sending, False)
        with pytest.raises(wire.TimedOut):
            wire.send(sending, {"x": torch.zeros(1 << 20)}, time.monotonic() + SHORT_S)


def test_sending_to_one_who_is_gone_is_closed():
    with pipe() as (receiving, sending):
        os.close(receiving)
        os.set_blocking(sending, False)
        with pytest.raises(wire.Closed):
            wire.send(sending, {"x": 1}, time.monotonic() + LONG_S)


def test_two_messages_do_not_mix():
    with pipe() as (receiving, sending):
        wire.send(sending, {"a": 1, "x": torch.ones(3)})
        wire.send(sending, {"b": 2})
        until = time.monotonic() + LONG_S
        assert wire.receive(receiving, until)["a"] == 1
        assert wire.receive(receiving, until) == {"b": 2}
