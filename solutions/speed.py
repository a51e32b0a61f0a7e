"""Time and memory: how to measure them, and a log-sum-exp that needs less of both."""

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

BLOCK_BYTES = 1 << 20  # well below the cache that a core has for itself
UNSHIFTED = 0.68  # of the largest logarithm: sums of 2**18 such terms do not overflow, and none that counts underflows


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
    if repeats < 1 or threads < 1 or not functions:
        raise ValueError(
            f"repeats={repeats} and threads={threads} must be at least 1, and {len(functions)} functions too"
        )
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for function in functions.values():
            _seconds(function, make_input())
        least = dict.fromkeys(functions, math.inf)
        for _ in range(repeats):
            for name, function in functions.items():
                least[name] = min(least[name], _seconds(function, make_input()))
    finally:
        torch.set_num_threads(before)
    first = next(iter(least.values()))
    return {name: (seconds, seconds / first) for name, seconds in least.items()}


def _seconds(function: Callable[[Any], Any], x: Any) -> float:
    start = time.perf_counter()
    function(x)
    return time.perf_counter() - start


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
    n = x.shape[-1]
    if x.requires_grad:
        x = x.detach()
    if not x.numel():  # there is no maximum
        return x.new_full(x.shape[:-1], -math.inf)
    wide = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
    size = BLOCK_BYTES // wide.itemsize
    if x.numel() <= size:  # in small calls, each operation's own microsecond counts
        whole = x if x.dtype == wide else x.to(wide)
        result = whole.exp().sum(-1).log_() if _near_zero(whole) else _shifted(whole)
        return result if x.dtype == wide else result.to(x.dtype)
    if n > size:  # a row is longer than a block
        parts = [fast_logsumexp(part.to(wide)) for part in x.split(size, -1)]
        return fast_logsumexp(torch.stack(parts, -1)).to(x.dtype)
    # One buffer for all blocks: it stays in the cache, and the system hands out its pages only once.
    buffer = torch.empty(size // n, n, dtype=wide, device=x.device)
    blocks = x.reshape(-1, n).split(size // n)
    near, results = _near_zero(blocks[0].to(wide)), []
    for block in blocks:
        rows, out = block.to(wide), buffer[: len(block)]
        result = _unshifted(rows, out) if near else None
        near = result is not None
        results.append(_shifted(rows, out) if result is None else result)
    return torch.cat(results).reshape(x.shape[:-1]).to(x.dtype)


def _near_zero(x: Tensor) -> bool:
    """Return whether no row's maximum is near the ends of the range of exp, as in most logits.

    There the shift is a pass over memory for nothing. To know it costs a look at one number, which is free on a CPU; a
    GPU would have to be waited for.
    """
    if x.device.type != "cpu":
        return False
    return float(x.amax(-1).abs().max()) <= UNSHIFTED * math.log(torch.finfo(x.dtype).max)


def _unshifted(x: Tensor, out: Tensor) -> Tensor | None:
    """Return the result without a shift, or None where the sums show that it would be wrong.

    An overflow makes a sum infinite, and beside a sum far above the least float no term counts that was lost.
    """
    sums = torch.exp(x, out=out).sum(-1)
    least, largest = sums.aminmax()
    # A comparison with nan is False.
    fine = float(least) >= math.sqrt(torch.finfo(x.dtype).tiny) and float(largest) < math.inf
    return sums.log_() if fine else None


def _shifted(x: Tensor, out: Tensor | None = None) -> Tensor:
    top = x.amax(-1, keepdim=True)
    result = torch.sub(x, top, out=out).exp_().sum(-1, keepdim=True).log_().add_(top)
    # An infinite maximum makes inf - inf, which is nan. fmax passes over a nan, and takes the maximum there; elsewhere
    # a log-sum-exp is never below it.
    return torch.fmax(result, top).squeeze(-1)
