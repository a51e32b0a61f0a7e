"""Kernels in Triton: one program for each row, blocks of columns, masks at the end of the row."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

try:
    import triton
    import triton.language as tl
except ImportError:  # this file can be imported without it, and the stopwatch used; the kernels cannot run

    class triton:
        jit = staticmethod(lambda kernel: kernel)

    class tl:
        constexpr = Any


LARGEST_BLOCK = 16384  # numbers that a program holds in registers: 16 for each of 1024 threads


@triton.jit
def _load(row_ptr, start, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    """Load a block of a row; what lies beyond its end reads as -inf, which adds nothing."""
    columns = start + tl.arange(0, BLOCK)
    return tl.load(row_ptr + columns, mask=columns < n, other=-float("inf")).to(WIDE)


@triton.jit
def _finite(top):
    """Return what is taken off before exp: the maximum, but 0 for an infinite one, as inf - inf is nan."""
    return tl.where(tl.abs(top) == float("inf"), 0.0, top)


@triton.jit
def _add(top, total, x):
    """Add a block to a running maximum and the sum of exponentials that belongs to it."""
    higher = tl.maximum(top, tl.max(x, 0))
    shift = _finite(higher)
    return higher, total * tl.exp(top - shift) + tl.sum(tl.exp(x - shift), 0)


@triton.jit
def _start(x):
    """Return the running maximum and sum of a first block."""
    top = tl.max(x, 0)
    return top, tl.sum(tl.exp(x - _finite(top)), 0)


@triton.jit
def _logsumexp(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)  # row * n passes 2**31 in a large batch
    top, total = _start(_load(x_ptr + row * n, 0, n, BLOCK, WIDE))
    for start in range(BLOCK, n, BLOCK):
        top, total = _add(top, total, _load(x_ptr + row * n, start, n, BLOCK, WIDE))
    tl.store(out_ptr + row, _finite(top) + tl.log(total))


@triton.jit
def _softmax(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    first = _load(x_ptr + row * n, 0, n, BLOCK, WIDE)
    top, total = _start(first)
    for start in range(BLOCK, n, BLOCK):
        top, total = _add(top, total, _load(x_ptr + row * n, start, n, BLOCK, WIDE))
    # A row with +inf, or of -inf alone, has no softmax: nan, as torch has it.
    total = tl.where(tl.abs(top) == float("inf"), float("nan"), total)
    shift = _finite(top)
    # The first block still lies in registers: a row that fits into it is read once.
    tl.store(out_ptr + row * n + columns, tl.exp(first - shift) / total, mask=columns < n)
    for start in range(BLOCK, n, BLOCK):
        x = _load(x_ptr + row * n, start, n, BLOCK, WIDE)  # from the L2 cache, if the row is not too long for it
        tl.store(out_ptr + row * n + start + columns, tl.exp(x - shift) / total, mask=start + columns < n)


@triton.jit
def _loss(x_ptr, target_ptr, loss_ptr, lse_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _start(_load(x_ptr + row * n, 0, n, BLOCK, WIDE))
    for start in range(BLOCK, n, BLOCK):
        top, total = _add(top, total, _load(x_ptr + row * n, start, n, BLOCK, WIDE))
    total = tl.where(tl.abs(top) == float("inf"), float("nan"), total)
    picked = tl.load(x_ptr + row * n + tl.load(target_ptr + row)).to(WIDE)
    tl.store(loss_ptr + row, tl.log(total) - (picked - _finite(top)))
    tl.store(lse_ptr + row, _finite(top) + tl.log(total))


@triton.jit
def _loss_gradient(x_ptr, target_ptr, lse_ptr, scale_ptr, grad_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)  # a second axis of programs in place of a loop
    x = _load(x_ptr + row * n, tl.program_id(1) * BLOCK, n, BLOCK, WIDE)
    hot = tl.where(columns == tl.load(target_ptr + row), 1.0, 0.0)
    grad = (tl.exp(x - tl.load(lse_ptr + row)) - hot) * tl.load(scale_ptr)
    tl.store(grad_ptr + row * n + columns, grad, mask=columns < n)


def _wide(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _options(x: Tensor) -> dict[str, Any]:
    """Return how a kernel is made for rows of this length: block, arithmetic, warps of 32 threads."""
    block = min(triton.next_power_of_2(max(x.shape[-1], 1)), LARGEST_BLOCK)
    wide = tl.float64 if x.dtype == torch.float64 else tl.float32
    return {"BLOCK": block, "WIDE": wide, "num_warps": min(max(block // 512, 1), 32)}


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor) -> Tensor:
        rows, n = target.numel(), logits.shape[-1]
        x, flat = logits.contiguous(), target.contiguous()
        losses, lse = (torch.empty(rows, dtype=_wide(x), device=x.device) for _ in range(2))
        _loss[(rows,)](x, flat, losses, lse, n, **_options(x))
        ctx.save_for_backward(x, flat, lse)
        return losses.mean().to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        x, target, lse = ctx.saved_tensors
        options, rows = _options(x), max(target.numel(), 1)
        scale = grad.to(lse.dtype) / rows
        out = torch.empty_like(x)
        grid = (target.numel(), triton.cdiv(x.shape[-1], options["BLOCK"]))
        _loss_gradient[grid](x, target, lse, scale, out, x.shape[-1], **options)
        return out, None


def triton_logsumexp(x: Tensor) -> Tensor:
    r"""Return $\log \sum_i e^{x_i}$ over the last dimension, by a kernel of your own. Forward only.

    One program for each row. A row that is longer than a block is read block by block, with the
    running maximum and the running sum of the chapter on streaming: each number is read once.

    Args:
        x: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; ±inf allowed. `n` may be any
            length.

    Returns:
        Shape `(*batch)`, dtype of `x`; a row of -inf gives -inf, one with +inf gives +inf, nan
        propagates. Half types are computed in float32.

    Forbidden: torch's exponentials, torch.logsumexp, softmax, cross_entropy and what wraps them; a
        Python loop outside of a kernel. What a kernel does is free.

    Source: Milakov and Gimelshein, "Online normalizer calculation for softmax" (arXiv 1805.02867).
    """
    x = x.contiguous()
    out = torch.empty(x.shape[:-1], dtype=x.dtype, device=x.device)
    _logsumexp[(out.numel(),)](x, out, x.shape[-1], **_options(x))
    return out


def triton_softmax(x: Tensor) -> Tensor:
    r"""Return $e^{x_i} / \sum_j e^{x_j}$ over the last dimension, by a kernel of your own. Forward only.

    One program for each row: it finds maximum and sum, then writes the shares. Nothing of the size
    of `x` is stored but the result.

    Args:
        x: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; ±inf allowed. `n` may be any
            length.

    Returns:
        Shape and dtype of `x`. A row of -inf, or with +inf or nan, gives nan, as torch has it. Half
        types are computed in float32.

    Forbidden: as for `triton_logsumexp`.

    Source: the Triton tutorial "Fused softmax" for rows of one block; the recurrence of
        `triton_logsumexp` for others.
    """
    x = x.contiguous()
    out = torch.empty_like(x)
    if x.numel():
        _softmax[(x.numel() // x.shape[-1],)](x, out, x.shape[-1], **_options(x))
    return out


def triton_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    r"""Return the mean over all rows of $-\log \mathrm{softmax}(\mathrm{logits})_{\mathrm{target}}$, with its gradient.

    A kernel makes each row's loss without ever storing a log-probability. The backward is a kernel
    too: it reads the logits again and writes
    $(p - \mathrm{onehot}(\mathrm{target})) / \mathrm{rows}$, times the incoming gradient.

    Args:
        logits: Shape `(*batch, V)`; float16, bfloat16, float32 or float64; -inf allowed (classes
            that cannot occur).
        target: Shape `(*batch)`, int64, from 0 to V - 1.

    Returns:
        One number, shape `()`, dtype of `logits`; nan for no row at all, and where a row has no
        softmax. Differentiable once with respect to `logits`. Half types are computed in float32.

    Forbidden: as for `triton_logsumexp`.

    Source: $\partial (\log \sum_j e^{x_j} - x_t) / \partial x_i = p_i - [i = t]$.
    """
    return _CrossEntropy.apply(logits, target)


def cuda_time_ms(fn: Callable[[], Any]) -> float:
    """Return the median time that a GPU needs for what `fn` launches, in milliseconds.

    At least one call of `fn` is made first and not timed: it compiles kernels and fills caches. At
    least 10 more calls are timed one by one, by CUDA events: a GPU works on while Python runs
    ahead, so a host's clock sees the launch.

    Args:
        fn: Called without arguments; what it returns is dropped, and what it raises is passed on.

    Returns:
        The median of the single calls' times, a Python float.

    Raises:
        RuntimeError: There is no CUDA; `fn` is not called then.

    Source: the CUDA programming guide: launches are asynchronous, events are recorded by the device
        itself.
    """
    if not torch.cuda.is_available():
        raise RuntimeError("cuda_time_ms needs a CUDA device, and torch sees none: time CPU code with measure()")
    for _ in range(3):
        fn()
    pairs = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(25)]
    for start, end in pairs:
        start.record()
        fn()
        end.record()
    torch.cuda.synchronize()  # an event has a time only once the device has come past it
    return sorted(start.elapsed_time(end) for start, end in pairs)[len(pairs) // 2]
