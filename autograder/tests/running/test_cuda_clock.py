"""The made-up GPU: launches return at once, marks get the device's time, and nothing stays behind."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.running import cuda_clock
from autograder.running.cuda_clock import Device

WORKS = st.lists(st.floats(0.01, 100), min_size=2, max_size=8)
NAMES = ("Event", "Stream", "synchronize", "is_available", "current_stream")


def stopwatch(fn) -> float:
    """Return the last of three calls' times."""
    for _ in range(2):
        fn()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    fn()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


def test_a_launch_returns_at_once_and_a_wait_lasts_as_long_as_the_work():
    device = Device(there=True)
    device.launch(5.0)
    device.launch(7.0)
    assert device.host < 0.001
    device.wait()
    assert device.host == pytest.approx(12.0, abs=0.001)


@given(WORKS)
def test_events_measure_the_work_between_them(works):
    found = cuda_clock.run(stopwatch, works, True, "")
    rest = works[1:]
    assert found["answer"] == pytest.approx(rest[1 % len(rest)], abs=0.002)
    assert (found["calls"], found["timed"]) == (3, [2])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (lambda a, b: (a.record(), b.record(), a.elapsed_time(b)), None),
        (lambda a, b: a.elapsed_time(b), ValueError),
    ],
)
def test_marks_without_a_moment_have_no_time(body, error):
    def measure(fn):
        body(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True))

    if error is None:
        cuda_clock.run(measure, (1.0, 1.0), True, "")
    else:
        with pytest.raises(error, match="recorded"):
            cuda_clock.run(measure, (1.0, 1.0), True, "")


def test_a_mark_that_lies_ahead_has_no_time_yet():
    def hasty(fn):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        fn()
        end.record()
        return start.elapsed_time(end)

    with pytest.raises(RuntimeError, match="completed"):
        cuda_clock.run(hasty, (1.0, 1.0), True, "")


def test_a_mark_without_timing_has_none():
    def untimed(fn):
        torch.cuda.Event().elapsed_time(torch.cuda.Event())

    with pytest.raises(ValueError, match="enable_timing"):
        cuda_clock.run(untimed, (1.0, 1.0), True, "")


@pytest.mark.parametrize("there", [True, False])
def test_torch_is_as_it_was_afterwards_also_after_an_error(there):
    before = {name: getattr(torch.cuda, name) for name in NAMES} | {"torch": torch.Event}

    def broken(fn):
        raise KeyError("mine")

    with pytest.raises(KeyError):
        cuda_clock.run(broken, (1.0, 1.0), there, "")
    assert before == {name: getattr(torch.cuda, name) for name in NAMES} | {"torch": torch.Event}


def test_names_imported_from_torch_cuda_are_made_up_too():
    scope = {"Mark": torch.cuda.Event, "wait": torch.cuda.synchronize}
    exec(
        "def measure(fn):\n"
        "    a, b = Mark(enable_timing=True), Mark(enable_timing=True)\n"
        "    a.record(); fn(); b.record(); wait()\n"
        "    return a.elapsed_time(b)\n",
        scope,
    )
    real = dict(scope)
    assert cuda_clock.run(scope["measure"], (3.0, 1.0), True, "")["answer"] == pytest.approx(3.0, abs=0.002)
    assert scope["Mark"] is real["Mark"] and scope["wait"] is real["wait"]


def test_without_a_device_a_refusal_is_told_and_anything_else_passes():
    def polite(fn):
        if not torch.cuda.is_available():
            raise RuntimeError("no CUDA")

    assert cuda_clock.run(polite, (1.0, 1.0), False, "") == {"answer": None, "said": "no CUDA", "calls": 0, "timed": []}
    with pytest.raises(AssertionError, match="CUDA"):
        cuda_clock.run(stopwatch, (1.0, 1.0), False, "")


def test_what_the_callable_raises_passes():
    with pytest.raises(ValueError, match="broken"):
        cuda_clock.run(stopwatch, (1.0, 1.0), True, "broken")
