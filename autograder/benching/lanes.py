"""Log-sum-exp in a form that a compiler makes fast: four places of a row at a time, and no shift where none is needed.

A compiled reduction keeps one running sum, and each addition to it waits for the one before. Here four exponentials are
added up first, so that the running sum is touched a quarter as often.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

LANES = 4
Sums = Callable[[Tensor], Tensor]


def lane_sums(x: Tensor) -> Tensor:
    """Return the sums of exp(x), `(*batch, n)` to `(*batch)`; each step adds the numbers of LANES places."""
    width = x.shape[-1] // LANES
    lanes = x[..., : LANES * width].unflatten(-1, (LANES, width)).exp().unbind(-2)
    total: Tensor = sum(lanes[1:], lanes[0]).sum(-1)
    rest = x[..., LANES * width :]
    if rest.shape[-1]:  # a compiler has no use for an empty loop
        total = total + rest.exp().sum(-1)
    return total


def in_lanes(sums: Sums, otherwise: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a log-sum-exp by `sums` without a shift; where a row's sum shows that it needs one, by `otherwise`."""

    def logsumexp(x: Tensor) -> Tensor:
        if not x.numel():
            return otherwise(x)
        total = sums(x)
        least, largest = total.aminmax()
        # Far above the least float no term counts that was lost. A comparison with nan is False.
        fine = float(least) >= math.sqrt(torch.finfo(x.dtype).tiny) and float(largest) < math.inf
        return total.log_() if fine else otherwise(x)

    return logsumexp
