"""The worker's bench: what a timed call says of itself."""

from types import SimpleNamespace

import torch

from autograder.running.worker import Bench


def bench(device=None):
    made = Bench()
    made.function = lambda x: x + 1
    made.prepare((torch.zeros(3),), {}, device)
    made.fresh(1)
    return made


def test_on_the_cpu_a_timed_call_says_nothing_of_its_time():
    for device in (None, "cpu"):
        made = bench(device)
        assert made.go() is None
        assert torch.equal(made.fetch()["value"], torch.ones(3))


def test_on_a_gpu_a_timed_call_tells_the_time_between_two_events(monkeypatch):
    done = []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            done.append("record")

        def elapsed_time(self, end):
            return 250.0  # milliseconds

    monkeypatch.setattr(torch, "cuda", SimpleNamespace(Event=Event, synchronize=lambda: done.append("synchronize")))
    made = bench()
    made.device, made.function = "cuda", lambda x: done.append("call")
    assert made.go() == 0.25
    assert done == ["synchronize", "record", "call", "record", "synchronize"]
