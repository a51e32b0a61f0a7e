"""From scores to probabilities, and back through the gradient."""

import math

import torch
from torch import Tensor


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    r"""Return $e^{x_i} / \sum_j e^{x_j}$ along one dimension.

    The specification, for one row, as a loop in float64:

        total = sum(math.exp(v - max(row)) for v in row)
        answer = [math.exp(v - max(row)) / total for v in row]

    Args:
        x: Shape `(*batch, n)`, or any 0 to 4 dimensions; float16, bfloat16, float32 or float64;
            ±inf allowed.
        dim: The dimension that sums to 1; may be negative.

    Returns:
        Shape and dtype of `x`. Half types are computed in float32. -inf gives 0; a row of -inf,
        with +inf or with nan gives nan; an empty `dim` gives an empty result.

    Forbidden: torch.softmax, log_softmax, logsumexp, logaddexp, logcumsumexp, cross_entropy and
        what wraps them.

    Source: documents 001 and 004, the definition of softmax.
    """
    if not x.numel():
        return x.exp()  # nothing has no maximum
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    weights = (wide - wide.amax(dim, keepdim=True)).exp()
    return (weights / weights.sum(dim, keepdim=True)).to(x.dtype)


def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    r"""Return $x_i - \log \sum_j e^{x_j}$ along one dimension.

    The specification, for one row, as a loop in float64:

        total = sum(math.exp(v - max(row)) for v in row)
        answer = [v - max(row) - math.log(total) for v in row]

    Args:
        x: Shape `(*batch, n)`, or any 0 to 4 dimensions; float16, bfloat16, float32 or float64;
            ±inf allowed.
        dim: The dimension whose exponentials sum to 1; may be negative.

    Returns:
        Shape and dtype of `x`. Half types are computed in float32. -inf gives -inf; a row of -inf,
        with +inf or with nan gives nan in all its places; an empty `dim` gives an empty result.

    Forbidden: torch.softmax, log_softmax, logsumexp, logaddexp, logcumsumexp, cross_entropy and
        what wraps them.

    Source: document 001, the definition of log_softmax.
    """
    if not x.numel():
        return x.exp()
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, where_top = wide.max(dim, keepdim=True)
    shifted = wide - top
    # The maximum's own term is exactly 1: log1p adds it. In its place stands -inf, or nan if the maximum is infinite.
    others = shifted.scatter(dim, where_top, top - top - math.inf).exp_().sum(dim, keepdim=True)
    return (shifted - others.log1p()).to(x.dtype)


def softmax_vjp(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    r"""Return the gradient at the input of a softmax, $y_i (g_i - \sum_j y_j g_j)$.

    Args:
        y: The softmax's output, shape `(*batch, n)` or any 0 to 4 dimensions; float16, bfloat16,
            float32 or float64.
        grad: The gradient at that output: shape and dtype of `y`.
        dim: The dimension of the softmax; may be negative.

    Returns:
        Shape and dtype of `y`. Half types are computed in float32. A row of zeros gives zeros.

    Forbidden: torch's own backward and automatic differentiation (torch.autograd, torch.func,
        backward), softmax, log_softmax and what wraps them.

    Source: the Jacobian of softmax, $\partial y_i / \partial x_j = y_i (\delta_{ij} - y_j)$.
    """
    wide_y, wide_grad = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (y, grad))
    return (wide_y * (wide_grad - (wide_y * wide_grad).sum(dim, keepdim=True))).to(y.dtype)


def log_softmax_vjp(y: Tensor, grad: Tensor, dim: int = -1) -> Tensor:
    r"""Return the gradient at the input of a log_softmax, $g_i - e^{y_i} \sum_j g_j$.

    Args:
        y: The log_softmax's output, shape `(*batch, n)` or any 0 to 4 dimensions; float16,
            bfloat16, float32 or float64; -inf allowed.
        grad: The gradient at that output: shape and dtype of `y`.
        dim: The dimension of the log_softmax; may be negative.

    Returns:
        Shape and dtype of `y`. Half types are computed in float32.

    Forbidden: torch's own backward and automatic differentiation (torch.autograd, torch.func,
        backward), softmax, log_softmax and what wraps them.

    Source: the Jacobian of log_softmax, $\partial y_i / \partial x_j = \delta_{ij} - e^{y_j}$.
    """
    wide_y, wide_grad = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (y, grad))
    # Where e^y is nearly 1 and all of the gradient is here, g - e^y g cancels: -g expm1(y) keeps its digits.
    elsewhere = wide_grad.sum(dim, keepdim=True) - wide_grad
    return (-wide_grad * wide_y.expm1() - wide_y.exp() * elsewhere).to(y.dtype)


def masked_softmax(x: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    r"""Return the softmax of the kept entries along one dimension, and 0 for the others.

    Args:
        x: Shape `(*batch, n)`, or any 0 to 4 dimensions; float16, bfloat16, float32 or float64.
            What is not kept may hold anything, nan and ±inf too.
        mask: Boolean, broadcastable to `x`; True means keep.
        dim: The dimension that sums to 1; may be negative.

    Returns:
        Shape and dtype of `x`. Half types are computed in float32. A row with nothing kept gives 0,
        and its gradient is 0. What is not kept influences neither the value nor the gradient.

    Forbidden: torch.softmax, log_softmax, logsumexp, logaddexp, logcumsumexp, cross_entropy,
        attention and what wraps them. Your own `softmax` is welcome.

    Source: pytorch issue 41508.
    """
    kept = mask.expand_as(x)
    # A row with nothing kept becomes a row of zeros: its softmax is finite, and so is every gradient through it.
    filler = torch.where(kept.any(dim, keepdim=True), -math.inf, 0.0).to(x.dtype)
    return torch.where(kept, softmax(torch.where(kept, x, filler), dim), 0.0)
