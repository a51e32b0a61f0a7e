"""A made-up GPU with a clock of its own: a stopwatch for CUDA is judged where there is no CUDA.

The host's time and the device's run apart, as they do in truth: a launch returns at once and its work waits in a
queue, an event gets its time when the device comes to it, and to synchronise is to wait. Every wait is exact, so the
right answer is known.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

HOST_MS = 1e-4  # what any call costs the host


class Device:
    """The host's clock and the device's, in milliseconds, with all that was launched and measured."""

    def __init__(self, there: bool) -> None:
        """Start both clocks; `there` is whether torch sees the device."""
        self.there = there
        self.host = self.free = 0.0  # now, and when the queue will be empty
        self.launches: list[float] = []  # when the device begins each piece of work
        self.intervals: list[tuple[float, float]] = []

    def launch(self, work_ms: float) -> None:
        """Put work into the queue and return at once."""
        self.reach()
        begin = max(self.free, self.host)
        self.launches.append(begin)
        self.free = begin + work_ms

    def reach(self) -> None:
        """Spend the host's time for a call.

        Raises:
            AssertionError: There is no device; torch itself says it so.
        """
        if not self.there:
            raise AssertionError("Torch not compiled with CUDA enabled")
        self.host += HOST_MS

    def wait(self, until: float | None = None) -> None:
        """Let the host wait for a moment of the device, or for all of its work."""
        self.reach()
        self.host = max(self.host, self.free if until is None else until)

    def timed(self) -> list[int]:
        """Return which launches lie in a measured interval."""
        return [n for n, begin in enumerate(self.launches) if any(a <= begin < b for a, b in self.intervals)]


def _made_up(device: Device) -> dict[str, Any]:
    """Return what stands in for the names of torch.cuda."""

    class Event:
        def __init__(self, device_name: Any = None, enable_timing: bool = False, **_: Any) -> None:
            device.reach()
            self.timing = enable_timing or device_name is True
            self.moment: float | None = None

        def record(self, stream: Any = None) -> None:
            device.reach()
            self.moment = max(device.free, device.host)

        def query(self) -> bool:
            device.reach()
            return self.moment is None or self.moment <= device.host

        def synchronize(self) -> None:
            device.wait(self.moment or 0.0)

        def wait(self, stream: Any = None) -> None:
            device.reach()

        def elapsed_time(self, end: "Event") -> float:
            device.reach()
            if not self.timing or not end.timing:
                raise ValueError("Both events must be created with argument 'enable_timing=True'.")
            if self.moment is None or end.moment is None:
                raise ValueError("Both events must be recorded before calculating elapsed time.")
            if max(self.moment, end.moment) > device.host:
                raise RuntimeError("Both events must be completed before calculating elapsed time.")
            device.intervals.append((self.moment, end.moment))
            return end.moment - self.moment

    class Stream:
        def __init__(self, *_: Any, **__: Any) -> None:
            device.reach()

        def synchronize(self) -> None:
            device.wait()

        def record_event(self, event: Event | None = None) -> Event:
            made = event or Event()
            made.record()
            return made

        def wait_event(self, event: Event) -> None:
            device.reach()

    return {
        "Event": Event,
        "Stream": Stream,
        "synchronize": lambda device_name=None: device.wait(),
        "is_available": lambda: device.there,
        "device_count": lambda: int(device.there),
        "current_device": lambda: 0,
        "current_stream": Stream,
        "default_stream": Stream,
        "init": device.reach,
        "empty_cache": device.reach,
    }


@contextlib.contextmanager
def _swapped(names: dict[str, Any], scope: dict[str, Any]) -> Iterator[None]:
    """Let torch.cuda mean the made-up device for a while, in `scope` too, where names were imported from it."""
    real = {name: getattr(torch.cuda, name) for name in names}
    held = [(vars(torch.cuda), name, name) for name in names]
    held += [(scope, bound, n) for bound, value in scope.items() for n in names if value is real[n]]
    held.append((vars(torch), "Event", "Event"))
    before = [space[bound] for space, bound, _ in held]
    try:
        for space, bound, name in held:
            space[bound] = names[name]
        yield
    finally:
        for (space, bound, _), value in zip(held, before, strict=True):
            space[bound] = value


def run(function: Callable[..., Any], works_ms: Sequence[float], there: bool, error: str) -> dict[str, Any]:
    """Let a stopwatch measure a callable on the made-up device; return its answer, or what it raised, and the log.

    Args:
        function: The learner's stopwatch; it gets a callable without arguments.
        works_ms: How long the device needs for each call; the last ones repeat from the second on.
        there: Whether there is a device.
        error: What the callable raises, as a ValueError; nothing if empty.
    """
    device = Device(there)
    calls = 0

    def measured() -> None:
        nonlocal calls
        calls += 1
        if error:
            raise ValueError(error)
        rest = works_ms[1:]
        device.launch(works_ms[0] if calls == 1 else rest[(calls - 2) % len(rest)])

    said = ""
    answer: Any = None
    with _swapped(_made_up(device), getattr(function, "__globals__", {})):
        try:
            answer = function(measured)
        except RuntimeError as problem:
            if there:
                raise
            said = str(problem)[:600]
    return {"answer": answer if there else None, "said": said, "calls": calls, "timed": device.timed()}
