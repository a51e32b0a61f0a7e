"""Times functions side by side: in rounds, each once a round, so that whatever else the machine does hits all alike."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

try:
    import resource
except ImportError:  # Windows counts no page faults for us
    resource = None  # type: ignore[assignment]

LEAST, MOST = 7, 200  # rounds
NOISY = 1.5  # the median over the minimum
Call = Callable[[], Any]


@dataclass(frozen=True)
class Timed:
    """One function's seconds over all rounds, and the page faults of its fastest call (None where nobody counts)."""

    least_s: float
    median_s: float
    rounds: int
    page_faults: int | None

    @property
    def noisy(self) -> bool:
        """Whether the machine was too busy for this figure to be worth much."""
        return self.median_s > NOISY * self.least_s


def _faults() -> int | None:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt if resource else None


def cpu_seconds(call: Call) -> float:
    """Time one call on the CPU."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def cuda_seconds(call: Call) -> float:
    """Time one call on the GPU: from event to event in its queue, whatever Python does meanwhile."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000


def interleaved(
    calls: Mapping[str, Call],
    most_s: float,
    seconds: Callable[[Call], float] = cpu_seconds,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timed]:
    """Time each function once a round, after one call each that does not count.

    Args:
        calls: Functions of no arguments by name.
        most_s: No further round begins after it, once there were `LEAST`.
        seconds: Times one call.
        clock: Tells how long all of it takes.
    """
    for call in calls.values():
        call()
    found: dict[str, list[tuple[float, int | None]]] = {name: [] for name in calls}
    stop, done = clock() + most_s, 0
    collecting = gc.isenabled()
    gc.disable()
    try:
        while done < LEAST or (done < MOST and clock() < stop):
            for name, call in calls.items():
                before = _faults()
                took = seconds(call)
                after = _faults()
                found[name].append((took, None if before is None or after is None else after - before))
            done += 1
    finally:
        if collecting:
            gc.enable()
    return {name: _timed(taken) for name, taken in found.items()}


def _timed(taken: list[tuple[float, int | None]]) -> Timed:
    least, faults = min(taken, key=lambda one: one[0])
    return Timed(least, statistics.median(t for t, _ in taken), len(taken), faults)
