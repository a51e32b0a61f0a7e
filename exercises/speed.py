"""Time and memory: how to measure them, and a log-sum-exp that needs less of both."""

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def measure(
    functions: dict[str, Callable[[Any], Any]], make_input: Callable[[], Any], repeats: int = 20, threads: int = 1
) -> dict[str, tuple[float, float]]:
    """Time several functions against each other: the least time of each, and its ratio to the first one's.

    Every function is called once to warm up, which does not count. Then come `repeats` rounds, and
    each round calls every function once: what slows the machine for a while slows them all. Every
    call, the first one too, gets an input of its own, made by `make_input` while no clock runs; a
    function may spoil its input.

    Args:
        functions: Callables of one argument by name; the first is the yardstick. On a GPU each has
            to wait for its own work (torch.cuda.synchronize).
        make_input: Makes a new input, and may be slow.
        repeats: Rounds, at least 1.
        threads: torch's threads during the calls, at least 1. Afterwards torch has as many as
            before, also where a function raises; its exception passes through.

    Returns:
        For each name, in the order of `functions`, two Python floats: the least of its times in
        seconds, and that time over the first function's.

    Raises:
        ValueError: `repeats` or `threads` is below 1, or there are no functions.

    Forbidden: nothing. Loops are allowed here, and the modules time, gc and statistics.

    Source: of all statistics the minimum is the least disturbed, because other work only ever adds
        time.
    """
    raise NotImplementedError("measure")


def fast_logsumexp(x: Tensor) -> Tensor:
    r"""Return $\log \sum_i e^{x_i}$ over the last dimension, block by block: faster and smaller than torch.logsumexp.

    Forward only: the result has no gradient. Beside the result it holds a few MiB, however large
    `x` is.

    Args:
        x: Shape `(*batch, n)`, n = 0 too; float16, bfloat16, float32 or float64; ±inf allowed.

    Returns:
        Shape `(*batch)`, dtype of `x`; as torch.logsumexp at ±inf, nan and n = 0. Half types are
        computed in float32.

    Forbidden: torch.logsumexp, logaddexp, logcumsumexp and what wraps them. log_softmax and softmax
        are allowed, and so is a loop over blocks of rows; a loop over single rows is not.

    Source: the shifted sum of `02_log_sums`; for long rows, the log-sum-exp of the pieces'
        log-sum-exps.
    """
    raise NotImplementedError("fast_logsumexp")
