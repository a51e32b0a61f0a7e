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
    raise NotImplementedError("triton_logsumexp")


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
    raise NotImplementedError("triton_softmax")


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
    raise NotImplementedError("triton_cross_entropy")


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
    raise NotImplementedError("cuda_time_ms")
