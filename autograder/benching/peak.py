"""Counts the bytes that a call takes beyond its inputs, its results and the temporaries of torch's kernels included."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

# The profiler's own lines about its stages, which are no figures.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")


@dataclass(frozen=True)
class Peak:
    """Bytes beyond the inputs: the most at any moment, and those of the results, which stay."""

    most: int
    results: int

    @property
    def passing(self) -> int:
        """The bytes that are gone when the call is over."""
        return self.most - self.results


def _results(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.untyped_storage().nbytes()
    return sum(map(_results, value)) if isinstance(value, (tuple, list)) else 0


def cpu_peak(call: Callable[[], Any]) -> Peak:
    """Return the peak of one call on the CPU: every allocation and release, as torch's own profiler notes them."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        kept = call()
    todo, steps = list(profile.profiler.kineto_results.experimental_event_tree()), []
    while todo:
        event = todo.pop()
        todo += event.children
        if str(event.tag).endswith("Allocation"):
            steps.append((event.start_time_ns, event.extra_fields.alloc_size))
    in_use = accumulate(size for _, size in sorted(steps, key=lambda step: step[0]))
    return Peak(max(in_use, default=0), _results(kept))


def cuda_peak(call: Callable[[], Any]) -> Peak:
    """Return the peak of one call on the GPU, by the counters of torch's allocator."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    kept = call()
    torch.cuda.synchronize()
    return Peak(torch.cuda.max_memory_allocated() - before, _results(kept))
