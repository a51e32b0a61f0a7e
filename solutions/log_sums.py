"""Sums of numbers that are known by their logarithms."""

import math

import numpy as np
import torch
from torch import Tensor


def logsumexp(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    r"""Return $\log \sum_i e^{x_i}$ along one dimension.

    The specification, for one row, as a loop in float64:

        total = sum(math.exp(v - max(row)) for v in row)
        answer = max(row) + math.log(total)

    Args:
        x: Shape `(*batch, n)`, or any 0 to 4 dimensions; float16, bfloat16, float32 or float64;
            ±inf allowed.
        dim: The dimension to sum over; may be negative.
        keepdim: Whether the result keeps that dimension, with length 1.

    Returns:
        Shape of `x` without `dim`, dtype of `x`. Half types are computed in float32. A row of -inf
        gives -inf with a finite gradient, a row with +inf gives +inf, nan propagates, an empty
        `dim` gives -inf.

    Forbidden: torch.logsumexp, logaddexp, logcumsumexp, softmax, log_softmax, cross_entropy and
        what wraps them.

    Source: documents 000 and 003, "Log-Sum-Exp Trick".
    """
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf  # an empty sum is 0, and log 0 is -inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, where_top = wide.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)  # -inf - (-inf) would be nan
    # Without the maximum's own term, which is exactly 1, log1p keeps every digit of what the others add.
    others = (wide - shift).exp().scatter(dim, where_top, 0.0)
    result = top + others.sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


def logaddexp(a: Tensor, b: Tensor) -> Tensor:
    r"""Return $\log(e^a + e^b)$, elementwise.

    Args:
        a: Any shape; float16, bfloat16, float32 or float64; ±inf allowed.
        b: Same dtype, shape broadcastable with `a`.

    Returns:
        The broadcast shape, dtype of the inputs. Two -inf give -inf with a finite gradient; +inf
        gives +inf.

    Forbidden: torch.logaddexp, logaddexp2, logsumexp, logcumsumexp and what wraps them.

    Source: document 000, "torch.logaddexp".
    """
    wide_a, wide_b = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (a, b))
    top, low = torch.maximum(wide_a, wide_b), torch.minimum(wide_a, wide_b)
    gap = torch.where(low == top, 0, low - top)  # equal infinities: their difference would be nan
    return (top + gap.exp().log1p()).to(a.dtype)


def log1mexp(x: Tensor) -> Tensor:
    r"""Return $\log(1 - e^x)$, elementwise, for $x \le 0$.

    Args:
        x: Any shape; float16, bfloat16, float32 or float64; -inf allowed.

    Returns:
        Shape and dtype of `x`: -inf at 0, 0 at -inf, nan above 0. The gradient is never nan below
        0.

    Forbidden: nothing; torch has no such function.

    Source: Mächler, "Accurately Computing log(1 - exp(-|a|))" (2012).
    """
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    near_zero = wide > -math.log(2)
    # Each branch sees only what it is good for: a `where` after the fact would still let nan gradients through.
    near = torch.where(near_zero, wide, -1.0)
    far = torch.where(near_zero, -1.0, wide)
    return torch.where(near_zero, (-near.expm1()).log(), (-far.exp()).log1p()).to(x.dtype)


def logsubexp(a: Tensor, b: Tensor) -> Tensor:
    r"""Return $\log(e^a - e^b)$, elementwise, for $a \ge b$.

    Args:
        a: Any shape; float16, bfloat16, float32 or float64; ±inf allowed.
        b: Same dtype, shape broadcastable with `a`.

    Returns:
        The broadcast shape, dtype of the inputs. Equal inputs give -inf (two -inf too), two +inf
        give nan, a < b gives nan.

    Forbidden: nothing; torch has no such function.

    Source: $e^a - e^b = e^a (1 - e^{b-a})$ and `log1mexp`.
    """
    wide_a, wide_b = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (a, b))
    nothing = (wide_b == -math.inf).logical_and(wide_a == -math.inf)
    gap = torch.where(nothing, 0, wide_b - wide_a)
    return (wide_a + log1mexp(gap)).to(a.dtype)


def logmeanexp(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    r"""Return $\log \frac{1}{n} \sum_i e^{x_i}$ along one dimension.

    Args:
        x: Shape `(*batch, n)`, or any 0 to 4 dimensions; float16, bfloat16, float32 or float64;
            ±inf allowed.
        dim: The dimension to average over; may be negative.
        keepdim: Whether the result keeps that dimension, with length 1.

    Returns:
        Shape of `x` without `dim`, dtype of `x`. Half types are computed in float32. A row of -inf
        gives -inf with a finite gradient, +inf gives +inf, nan propagates, an empty `dim` gives
        nan.

    Forbidden: torch.logsumexp, logaddexp, logcumsumexp, softmax, log_softmax, cross_entropy and
        what wraps them. Your own `logsumexp` is welcome.

    Source: $\log \frac{1}{n} \sum_i e^{x_i} = \mathrm{logsumexp}(x) - \log n$.
    """
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) * math.nan  # 0 / 0
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    n = x.shape[dim] if x.shape else 1
    return (logsumexp(wide, dim, keepdim) - math.log(n)).to(x.dtype)


def logsumexp_numpy(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    r"""Return $\log \sum_i e^{x_i}$ along one axis, in NumPy.

    Args:
        x: Shape `(*batch, n)`, or any 1 to 4 dimensions; float16, float32 or float64; ±inf allowed.
        axis: The axis to sum over; may be negative.
        keepdims: Whether the result keeps that axis, with length 1.

    Returns:
        Array of the shape of `x` without `axis`, dtype of `x`. float16 is computed in float32. A
        row of -inf gives -inf, a row with +inf gives +inf, nan propagates, an empty axis gives
        -inf.

    Forbidden: np.logaddexp, logaddexp2 and their `reduce`; torch.

    Source: document 000, which asks for the same function without `np.logaddexp`.
    """
    if x.shape[axis] == 0:
        return x.sum(axis, keepdims=keepdims) - x.dtype.type(np.inf)
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    where_top = wide.argmax(axis, keepdims=True)
    top = np.take_along_axis(wide, where_top, axis)
    shift = np.where(np.isfinite(top), top, 0)
    others = np.exp(wide - shift)
    np.put_along_axis(others, where_top, 0, axis)
    result = top + np.log1p(others.sum(axis=axis, keepdims=True))
    return (result if keepdims else result.squeeze(axis)).astype(x.dtype)
