"""Known wrong implementations of `log_sums`. Each is right but for its own mistake."""

import math

import numpy as np
import torch
from torch import Tensor

from autograder.mistakes import mistake


def _finite(top: Tensor) -> Tensor:
    return torch.where(top.isfinite(), top, 0)


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _right(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    """Return log-sum-exp by the textbook, with infinities and half types handled: full marks, no honours."""
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = _wide(x)
    shift = _finite(wide.amax(dim, keepdim=True).detach())
    # The tiny number only stands in for a sum of 0, whose logarithm has no finite gradient.
    total = (wide - shift).exp().sum(dim, keepdim=True)
    result = shift + torch.where(total > 0, total, 1).log()
    result = torch.where(total > 0, result, wide.sum(dim, keepdim=True))
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


# logsumexp


@mistake(
    "logsumexp",
    "This is log(sum(exp(x))) as it is written, without a shift: in float32 exp overflows above 88.7 and underflows to 0 "
    "below -104. Subtract the maximum of each row first, and add it back.",
)
def no_shift(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return x.exp().sum(dim, keepdim=keepdim).log()


@mistake(
    "logsumexp",
    "You subtract one maximum for the whole batch: rows far below it underflow to log 0 = -inf. Take the maximum along "
    "dim, with keepdim=True, so that each row has its own.",
)
def one_maximum_for_the_batch(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    top = x.max()
    return top + (x - top).exp().sum(dim, keepdim=keepdim).log()


@mistake(
    "logsumexp",
    "You subtract one maximum for the whole batch: rows far below it underflow to log 0 = -inf, and with one -inf or +inf "
    "in the batch no row is shifted well. Take the maximum along dim, with keepdim=True, so that each row has its own.",
)
def one_finite_maximum_for_the_batch(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.numel() == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = _finite(wide.max())
    return (top + (wide - top).exp().sum(dim, keepdim=keepdim).log()).to(x.dtype)


@mistake(
    "logsumexp",
    "You clamp the inputs into a range that exp can bear (clamp to +-80): the overflow is gone, and so is the answer. "
    "Beyond the bound every number counts the same. Shift by the maximum instead; nothing is lost then.",
)
def clamp_to_80(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return x.clamp(-80, 80).exp().sum(dim, keepdim=keepdim).log()


@mistake(
    "logsumexp",
    "You clamp the inputs at the largest number that exp can bear: the overflow is gone, and so is the answer. Beyond the "
    "bound every number counts the same, and far below 0 all still underflow. Shift by the maximum instead.",
)
def clamp_above(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _wide(x).clamp(max=88).exp().sum(dim, keepdim=keepdim).log().to(x.dtype)


@mistake(
    "logsumexp",
    "`.squeeze()` without a dimension removes every dimension of length 1: for shape (3, 1, 4) the sum then broadcasts to "
    "(3, 3), for a batch of one the batch is gone. Say which: `.squeeze(dim)`. (This is document 000's code.)",
)
def squeeze_everything(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    result = top.squeeze() + (wide - _finite(top)).exp().sum(dim).clamp(min=1).log()
    return (result.unsqueeze(dim) if keepdim else result).to(x.dtype)


@mistake(
    "logsumexp",
    "`.squeeze()` without a dimension removes every dimension of length 1: for a batch of one the batch is gone as well. "
    "Say which: `.squeeze(dim)`.",
)
def squeeze_at_the_end(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    result = _right(x, dim, True)
    return result if keepdim else result.squeeze()


@mistake(
    "logsumexp",
    "The maximum is taken without keepdim=True: x has shape (B, n), its maximum (B,), and x - max broadcasts along the "
    "wrong dimension or not at all. Keep the dimension: x.amax(dim, keepdim=True), x.max(dim, keepdim=True).",
)
def maximum_without_keepdim(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim)
    return (top + (wide - _finite(top)).exp().sum(dim, keepdim=keepdim).clamp(min=1).log()).to(x.dtype)


@mistake(
    "logsumexp",
    "The maximum of shape (B, 1) is added to a sum of shape (B,): together they broadcast to (B, B). Keep the dimension in "
    "both, or squeeze it in both.",
)
def outer_sum(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    return (top + (wide - _finite(top)).exp().sum(dim, keepdim=keepdim).clamp(min=1).log()).to(x.dtype)


@mistake(
    "logsumexp",
    "x.max(dim) returns a pair, the values and their places: x - pair is no subtraction. Take `.values` (or [0]), or use "
    "amax, which returns the values alone.",
)
def pair_for_the_maximum(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    return x - x.max(dim, keepdim=True)  # type: ignore[operator]


@mistake(
    "logsumexp",
    "A loop over the rows: Python pays for every row, and a GPU waits for Python. Let one call work on all rows: every "
    "reduction in torch takes `dim`.",
    fault="gate:loop",
)
def loop_over_rows(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    rows = x.movedim(dim, -1).reshape(-1, x.shape[dim])
    out = torch.empty(rows.shape[0], dtype=x.dtype)
    for i in range(rows.shape[0]):
        out[i] = _right(rows[i])
    out = out.reshape(x.movedim(dim, -1).shape[:-1])
    return out.unsqueeze(dim) if keepdim else out


@mistake(
    "logsumexp",
    "A list comprehension and a stack are still a loop over the rows: Python pays for every row, and a GPU waits for "
    "Python. Let one call work on all rows with `dim`.",
    fault="gate:comprehension",
)
def comprehension_over_rows(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    rows = x.movedim(dim, -1).reshape(-1, x.shape[dim])
    out = torch.stack([_right(row) for row in rows]).reshape(x.movedim(dim, -1).shape[:-1])
    return out.unsqueeze(dim) if keepdim else out


@mistake(
    "logsumexp",
    "A function that calls itself on a smaller piece is a loop in disguise: the work is done row by row.",
    fault="gate:recursion",
)
def recursion_over_rows(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    x = x.movedim(dim, -1)
    if x.dim() == 1 or x.shape[0] <= 1:
        return _right(x, -1, keepdim)
    return torch.cat([recursion_over_rows(x[:1], -1, keepdim), recursion_over_rows(x[1:], -1, keepdim)])


@mistake(
    "logsumexp",
    "torch.logsumexp, or a function that does its work, is forbidden here: it is the exercise. exp, log, log1p, max and "
    "sum are all that is needed.",
    fault="gate:forbidden-direct",
)
def forbidden_function(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return torch.logsumexp(x, dim, keepdim)


@mistake(
    "logsumexp",
    "x.logsumexp(...) is the forbidden torch.logsumexp, spelled as a method. exp, log, log1p, max and sum are all that is "
    "needed.",
    fault="gate:forbidden-method",
)
def forbidden_method(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return x.logsumexp(dim, keepdim)


@mistake(
    "logsumexp",
    "getattr with a name that is put together reaches the forbidden torch.logsumexp, or may: write attributes as "
    "attributes. exp, log, log1p, max and sum are all that is needed.",
    fault="gate:forbidden-getattr",
)
def forbidden_getattr(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return getattr(torch, "log" + "sumexp")(x, dim, keepdim)


@mistake(
    "logsumexp",
    "No gradient reaches x: the maximum and the sum are both detached (or computed under no_grad). The shift may be "
    "detached, the sum of exponentials carries the gradient and must not be.",
)
def detached(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x.detach(), dim, keepdim)


@mistake(
    "logsumexp",
    "The gradient is wrong by the gradient of the maximum: the sum of exponentials is detached, the maximum is not, so "
    "all of the gradient goes to the largest number. Detach the shift if anything, never the sum.",
)
def sum_detached(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    top = x.amax(dim, keepdim=True)
    result = top + (_right(x, dim, True) - top).detach()
    return result if keepdim else result.squeeze(dim)


HALF_DETACHED = (
    "The maximum is detached in one of its two places only, so its gradient no longer cancels. Detach it once, where it is "
    "computed, and use the same tensor in the difference and in the sum; or do not detach it at all."
)


@mistake("logsumexp", HALF_DETACHED)
def half_detached(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    total = (wide - _finite(top).detach()).exp().sum(dim, keepdim=True)
    result = top + total.clamp(min=1).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake("logsumexp", HALF_DETACHED)
def detached_where_it_is_added(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    total = (wide - _finite(top)).exp().sum(dim, keepdim=True)
    result = top.detach() + total.clamp(min=1).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "The shift is detached, but the sum lacks the maximum's own term: then its gradient does not come back. In the log1p "
    "form the maximum must not be detached.",
)
def log1p_detached(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top, place = wide.max(dim, keepdim=True)
    others = (wide - _finite(top).detach()).exp().scatter(dim, place, 0.0)
    result = top + others.sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "The result is in float64 whatever came in. Compute in a wider type where it helps, and return x.dtype.",
)
def float64_result(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x.double(), dim, keepdim)


@mistake(
    "logsumexp",
    "The result of a half type comes back as float32. Compute in float32, then return to x.dtype.",
)
def float32_result(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(_wide(x), dim, keepdim)


@mistake(
    "logsumexp",
    "The computation passes through float16: 11 bits of precision, and inf above 65504. Half types are computed in "
    "float32, never the other way round.",
)
def through_float16(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x.half(), dim, keepdim).to(x.dtype)


@mistake(
    "logsumexp",
    "The computation passes through bfloat16: 8 bits of precision. Half types are computed in float32, never the other "
    "way round.",
)
def through_bfloat16(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(_wide(x.bfloat16()), dim, keepdim).bfloat16().to(x.dtype)


@mistake(
    "logsumexp",
    "The exponentials are computed in float16: 11 bits of precision, and 0 below e^-17. They are what the digits of the "
    "answer come from: keep them in float32.",
)
def exponentials_in_float16(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    top = x.amax(dim, keepdim=True)
    total = (x - _finite(top)).half().exp().sum(dim, keepdim=True, dtype=torch.float32)
    result = top + total.clamp(min=1).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "The sum is formed in float16: it is inf from 65520 equal numbers on, as in torch itself. Widen half types to float32 "
    "before the sum.",
)
def half_not_widened(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.dtype != torch.float16 or x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    top = _finite(x.amax(dim, keepdim=True))
    result = top + (x - top).exp().sum(dim, keepdim=True).log()
    return result if keepdim else result.squeeze(dim)


@mistake(
    "logsumexp",
    "Your function changes its input: an operation in place (`x -= ...`, `x.sub_(...)`, `exp_()`) writes into the "
    "caller's tensor, and autograd refuses it. Make a new tensor.",
)
def in_place(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    top = x.amax(dim, keepdim=True).detach().clone()
    x -= _finite(top)
    return _right(x + _finite(top), dim, keepdim)


@mistake(
    "logsumexp",
    "`dim` is ignored: you reduce over the last dimension whatever was asked. Pass dim on to max and to sum.",
)
def dim_ignored(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x, -1, keepdim)


@mistake(
    "logsumexp",
    "`dim` is ignored: you reduce over dimension 1 whatever was asked. Pass dim on to max and to sum.",
)
def dim_always_1(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x, 1, keepdim)


@mistake(
    "logsumexp",
    "`dim` is ignored: you reduce over dimension 0 whatever was asked. Pass dim on to max and to sum.",
)
def dim_always_0(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x, 0, keepdim)


@mistake(
    "logsumexp",
    "`dim` is passed on to the maximum only: the sum runs over the last dimension whatever was asked. Pass dim to both.",
)
def dim_for_the_maximum_only(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    result = top + (wide - _finite(top)).exp().sum(-1, keepdim=True).clamp(min=1).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "`dim` is passed on to the sum only: the maximum is that of the last dimension whatever was asked. Pass dim to both.",
)
def dim_for_the_sum_only(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(-1, keepdim=True)
    result = top + (wide - _finite(top)).exp().sum(dim, keepdim=True).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "The sum runs over all dimensions: one number for the whole batch. Pass dim to max and to sum.",
)
def everything_summed(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x.flatten(), -1, keepdim)


@mistake(
    "logsumexp",
    "`keepdim` is ignored: with keepdim=True the reduced dimension stays, with length 1.",
)
def keepdim_ignored(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x, dim, False)


@mistake(
    "logsumexp",
    "The reduced dimension is always kept. Without keepdim it has to go: `.squeeze(dim)` at the end.",
)
def keepdim_always(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x, dim, True)


@mistake(
    "logsumexp",
    "The maximum is subtracted and never added back: log(sum(exp(x - max))) is too small by max.",
)
def not_added_back(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    result = _right(x, dim, True) - _finite(x.amax(dim, keepdim=True))
    return result if keepdim else result.squeeze(dim)


@mistake(
    "logsumexp",
    "You subtract the mean instead of the maximum: a row with one large number still overflows.",
)
def mean_for_maximum(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    wide = _wide(x)
    shift = _finite(wide.mean(dim, keepdim=True))
    result = shift + (wide - shift).exp().sum(dim, keepdim=True).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "A small number added inside the logarithm (log(sum + eps)) changes right answers and makes a row of -inf finite. "
    "After the shift the sum is at least 1: nothing needs protection.",
)
def epsilon_in_log(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) + math.log(1e-8)
    wide = _wide(x)
    shift = _finite(wide.amax(dim, keepdim=True).detach())
    result = shift + ((wide - shift).exp().sum(dim, keepdim=True) + 1e-8).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "You subtract the minimum: the exponentials of the larger numbers overflow all the more. Subtract the maximum.",
)
def minimum_for_maximum(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    wide = _wide(x)
    shift = _finite(wide.amin(dim, keepdim=True))
    result = shift + (wide - shift).exp().sum(dim, keepdim=True).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "nan and inf are replaced by numbers (nan_to_num): the caller can no longer see that the input was broken. A nan in "
    "x has to come out as nan, +inf as +inf, a row of -inf as -inf.",
)
def nan_to_num(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x, dim, keepdim).nan_to_num()


@mistake(
    "logsumexp",
    "The mean is taken instead of the sum: the answer is too small by log n. That is logmeanexp.",
)
def mean_of_exponentials(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    n = x.shape[dim] if x.shape else 1
    return _right(x, dim, keepdim) - (math.log(n) if n else 0)


@mistake(
    "logsumexp",
    "The logarithm is missing at the end, or the result is turned back by exp: the answer stays in log space.",
)
def not_in_log_space(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x, dim, keepdim).exp()


@mistake(
    "logsumexp",
    "A Python `if` on the numbers of a tensor makes a GPU stop and wait, and decides for all rows at once. Use "
    "torch.where, which decides element by element.",
    fault="sync",
)
def branch_on_numbers(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.numel() and x.max() < 80 and x.min() > -80 and x.dtype == torch.float32:
        return x.exp().sum(dim, keepdim=keepdim).log()
    return _right(x, dim, keepdim)


@mistake(
    "logsumexp",
    "A tensor made without device=x.device lives on the CPU: with x on a GPU this line fails, or copies.",
    fault="leak",
)
def cpu_constant(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    result = _right(x, dim, keepdim)
    return result + torch.zeros(result.shape, dtype=x.dtype)


@mistake(
    "logsumexp",
    "float32 is computed in float64: the last digits are right, at six times the memory of the input and many times the "
    "time. The log1p form reaches them in float32.",
    fault="memory",
)
def float64_inside(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = x.double()
    top, place = wide.max(dim, keepdim=True)
    others = (wide - _finite(top)).exp().scatter(dim, place, 0.0)
    result = top + others.sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "The work is done piece by piece: the number of operations grows with the batch or with the classes. One call should "
    "do it for all.",
    fault="growth",
)
def vmap_in_chunks(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    rows = x.movedim(dim, -1)
    flat = rows.reshape(-1, rows.shape[-1])
    out = torch.vmap(_right, chunk_size=1)(flat).reshape(rows.shape[:-1])
    return out.unsqueeze(dim) if keepdim else out


@mistake(
    "logsumexp",
    "An empty dimension has no maximum, and max raises. The sum of nothing is 0, so the answer is log 0 = -inf.",
)
def empty_raises(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    x.max(dim)
    return _right(x, dim, keepdim)


@mistake(
    "logsumexp",
    "+inf gives nan: inf - inf. Subtract 0 where the maximum is infinite (torch.where(top.isfinite(), top, 0)).",
)
def inf_gives_nan(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    result = _right(x, dim, keepdim)
    return torch.where(result == math.inf, math.nan, result)


@mistake(
    "logsumexp",
    "A row of -inf gives nan: its maximum is -inf, and -inf - (-inf) is nan. Subtract 0 where the maximum is infinite "
    "(torch.where(top.isfinite(), top, 0)); then the answer is -inf by itself. +inf is mended by the same line.",
)
def nan_on_infinite_rows(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    result = top + (wide - top).exp().sum(dim, keepdim=True).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "A row of -inf gives nan: its maximum is -inf, and -inf - (-inf) is nan. Subtract 0 where the maximum is -inf.",
)
def nan_on_a_row_of_minus_inf(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    shift = torch.where(top == math.inf, 0, top)
    result = shift + (wide - shift).exp().sum(dim, keepdim=True).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "The value of a row of -inf is right, its gradient is nan: log has an infinite slope at 0 (log1p at -1, where `sum - 1` "
    "leads), and 0 * inf is nan. A torch.where after the fact does not stop it: give the logarithm a harmless input there, "
    "or leave the maximum's own term out of the sum. (To subtract its 1 from the finished sum is too late for the digits.)",
)
def nan_gradient_at_minus_inf(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = _wide(x)
    shift = _finite(wide.amax(dim, keepdim=True))
    result = shift + (wide - shift).exp().sum(dim, keepdim=True).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


SHIFT_ADDED = (
    "You add the shift back. With log1p the infinities stand in the maximum alone, its own term is out of the sum: add the "
    "maximum, subtract the shift. (Else a row of -inf gives 0, and +inf or nan beside a 0 gives log 2.)"
)


@mistake("logsumexp", SHIFT_ADDED)
def shift_for_the_maximum(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top, place = wide.max(dim, keepdim=True)
    shift = _finite(top)
    result = shift + (wide - shift).exp().scatter(dim, place, 0.0).sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake("logsumexp", SHIFT_ADDED)
def shift_for_an_infinite_maximum(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top, place = wide.max(dim, keepdim=True)
    shift = torch.where(top.isinf(), 0, top)
    result = shift + (wide - shift).exp().scatter(dim, place, 0.0).sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "Every number that equals the maximum is left out of the sum, but log1p puts back a single 1: ties are lost. Leave out "
    "one place of each row: x.max(dim, keepdim=True) says which.",
)
def ties_left_out(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    others = torch.where(wide == top, 0, (wide - _finite(top)).exp())
    result = top + others.sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "The gradient is wrong at ties: amax shares it among all the equal numbers, but only the one at argmax's place is left "
    "out of the sum. Take the value and its place from the same call: x.max(dim, keepdim=True).",
)
def amax_beside_argmax(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top, place = wide.amax(dim, keepdim=True), wide.argmax(dim, keepdim=True)
    result = top + (wide - _finite(top)).exp().scatter(dim, place, 0.0).sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "log1p of the whole sum counts the maximum's own term twice: it is a 1 in the sum, and log1p adds another. Leave that "
    "term out of the sum.",
)
def log1p_of_the_whole_sum(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    result = top + (wide - _finite(top)).exp().sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "Every dtype is computed in float32 (x.float()), float64 too: half of its digits are gone. Widen half types only, "
    "float64 stays float64.",
)
def float32_for_every_dtype(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x.float(), dim, keepdim).to(x.dtype)


@mistake(
    "logsumexp",
    "Half types are computed as they are. The sum of float16 is inf from 65520 equal numbers on, and every step rounds to 11 "
    "or 8 bits: widen to float32 before the exponentials, and return to x.dtype at the end.",
)
def log1p_in_half(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    top, place = x.max(dim, keepdim=True)
    result = top + (x - _finite(top)).exp().scatter(dim, place, 0.0).sum(dim, keepdim=True).log1p()
    return result if keepdim else result.squeeze(dim)


@mistake(
    "logsumexp",
    "`scatter_` writes into the exponentials, and exp needs its result for the gradient: autograd refuses. `scatter`, without "
    "the underscore, returns a copy.",
)
def scatter_in_place(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top, place = wide.max(dim, keepdim=True)
    result = top + (wide - _finite(top)).exp().scatter_(dim, place, 0.0).sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logsumexp",
    "x.max(dim) without keepdim=True returns the values and their places without that dimension: x - values does not line "
    "up, and scatter wants places with as many dimensions as x. Write x.max(dim, keepdim=True).",
)
def places_without_keepdim(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right(x, dim, keepdim)
    wide = _wide(x)
    top, place = wide.max(dim)
    others = (wide - _finite(top)).exp().scatter(dim, place, 0.0)
    return (top + others.sum(dim, keepdim=keepdim).log1p()).to(x.dtype)


# logaddexp


def _right_add(a: Tensor, b: Tensor) -> Tensor:
    wide_a, wide_b = _wide(a), _wide(b)
    top, low = torch.maximum(wide_a, wide_b), torch.minimum(wide_a, wide_b)
    return (top + torch.where(low == top, 0, low - top).exp().log1p()).to(a.dtype)


@mistake(
    "logaddexp",
    "log(exp(a) + exp(b)) as it is written overflows above 88.7 and gives -inf below -104. Take the larger one out.",
)
def add_no_shift(a: Tensor, b: Tensor) -> Tensor:
    return (a.exp() + b.exp()).log()


@mistake(
    "logaddexp",
    "You always take out the first number: where the second is much larger, exp(b - a) overflows. Take out the larger of "
    "the two, element by element (torch.maximum).",
)
def first_taken_out(a: Tensor, b: Tensor) -> Tensor:
    return (_wide(a) + (_wide(b) - _wide(a)).exp().log1p()).to(a.dtype)


@mistake(
    "logaddexp",
    "Equal infinities give nan: inf - inf. Set the gap to 0 where both are equal.",
)
def equal_infinities_nan(a: Tensor, b: Tensor) -> Tensor:
    top, low = torch.maximum(_wide(a), _wide(b)), torch.minimum(_wide(a), _wide(b))
    return (top + (low - top).exp().log1p()).to(a.dtype)


@mistake(
    "logaddexp",
    "You subtract one maximum for the whole tensor: pairs far below it underflow to log 0 = -inf. Take the larger of each "
    "pair, element by element (torch.maximum).",
)
def add_one_maximum(a: Tensor, b: Tensor) -> Tensor:
    top = torch.maximum(a.max(), b.max())
    return top + ((a - top).exp() + (b - top).exp()).log()


@mistake(
    "logaddexp",
    "Half types are computed as they are: every step rounds to 11 or 8 bits. Widen to float32 at the start, and return to "
    "the inputs' dtype at the end.",
)
def add_in_half(a: Tensor, b: Tensor) -> Tensor:
    top, low = torch.maximum(a, b), torch.minimum(a, b)
    return top + torch.where(low == top, 0, low - top).exp().log1p()


@mistake(
    "logaddexp", "torch.logaddexp is the exercise; log1p, exp, maximum are its parts.", fault="gate:forbidden-direct"
)
def add_forbidden(a: Tensor, b: Tensor) -> Tensor:
    return torch.logaddexp(a, b)


@mistake("logaddexp", "The inputs are changed in place.")
def add_in_place(a: Tensor, b: Tensor) -> Tensor:
    result = _right_add(a, b)
    a.add_(1)
    return result


@mistake(
    "logaddexp",
    "The smaller number is dropped: max alone is right only far apart. The correction log1p(exp(low - top)) is up to log 2.",
)
def maximum_alone(a: Tensor, b: Tensor) -> Tensor:
    return torch.maximum(a, b)


@mistake(
    "logaddexp",
    "The gradient at equal inputs is not 1/2 and 1/2: the gap loses it (abs has slope 0 at 0, a where with a constant "
    "cuts it). maximum and minimum share it equally.",
)
def abs_gap(a: Tensor, b: Tensor) -> Tensor:
    wide_a, wide_b = _wide(a), _wide(b)
    first = wide_a >= wide_b
    top, low = torch.where(first, wide_a, wide_b), torch.where(first, wide_b, wide_a)
    return (top + torch.where(low == top, 0, low - top).exp().log1p()).to(a.dtype)


@mistake(
    "logaddexp",
    "You always take out the second number: where the first is much larger, exp(a - b) overflows. Take out the larger of "
    "the two, element by element (torch.maximum).",
)
def second_taken_out(a: Tensor, b: Tensor) -> Tensor:
    return (_wide(b) + (_wide(a) - _wide(b)).exp().log1p()).to(a.dtype)


@mistake(
    "logaddexp",
    "You always take out the second number: where one of them is infinite, b + softplus(a - b) is nan. Take out the larger "
    "of the two, element by element (torch.maximum).",
)
def softplus_beside_the_second(a: Tensor, b: Tensor) -> Tensor:
    return (_wide(b) + torch.nn.functional.softplus(_wide(a) - _wide(b))).to(a.dtype)


@mistake(
    "logaddexp",
    "You always take out the first number: where one of them is infinite, a + softplus(b - a) is nan. Take out the larger of "
    "the two, element by element (torch.maximum).",
)
def softplus_beside_the_first(a: Tensor, b: Tensor) -> Tensor:
    return (_wide(a) + torch.nn.functional.softplus(_wide(b) - _wide(a))).to(a.dtype)


@mistake(
    "logaddexp",
    "The gap has the wrong sign: beside the maximum stands log1p(exp(-|a - b|)). The exponent is never positive; yours is "
    "never negative.",
)
def gap_with_the_wrong_sign(a: Tensor, b: Tensor) -> Tensor:
    wide_a, wide_b = _wide(a), _wide(b)
    return (torch.maximum(wide_a, wide_b) + (wide_a - wide_b).abs().exp().log1p()).to(a.dtype)


@mistake(
    "logaddexp",
    "torch.stack wants equal shapes, and the inputs broadcast: `a, b = torch.broadcast_tensors(a, b)` comes first. "
    "torch.maximum(a, b) broadcasts by itself.",
)
def stacked_without_broadcasting(a: Tensor, b: Tensor) -> Tensor:
    return _right_add(*torch.stack([a, b]).unbind())


@mistake(
    "logaddexp",
    "Every dtype is computed in float32, float64 too: half of its digits are gone. Widen half types only.",
)
def add_float32_for_every_dtype(a: Tensor, b: Tensor) -> Tensor:
    return _right_add(a.float(), b.float()).to(a.dtype)


@mistake(
    "logaddexp",
    "The value at two -inf is right, its gradient is nan: log has an infinite slope at 0, and 0 * inf is nan. log1p of the "
    "smaller one's exponential has the slope 1 there.",
)
def add_nan_gradient(a: Tensor, b: Tensor) -> Tensor:
    wide_a, wide_b = _wide(a), _wide(b)
    shift = _finite(torch.maximum(wide_a, wide_b))
    return (shift + ((wide_a - shift).exp() + (wide_b - shift).exp()).log()).to(a.dtype)


# log1mexp


@mistake(
    "log1mexp",
    "log(1 - exp(x)) as it is written: near 0 the difference 1 - e^x has no digits left, far below 0 it is 1 and the "
    "answer 0. Use expm1 on one side of -log 2, log1p on the other.",
)
def one_minus_exp(x: Tensor) -> Tensor:
    return (1 - _wide(x).exp()).log().to(x.dtype)


@mistake(
    "log1mexp",
    "log1p(-exp(x)) everywhere: near 0, exp(x) rounds to 1 and the digits of x are gone. Use log(-expm1(x)) there.",
)
def log1p_everywhere(x: Tensor) -> Tensor:
    return (-_wide(x).exp()).log1p().to(x.dtype)


@mistake(
    "log1mexp",
    "log(-expm1(x)) everywhere: far below 0, expm1(x) rounds to -1 and the answer is 0. Use log1p(-exp(x)) there.",
)
def expm1_everywhere(x: Tensor) -> Tensor:
    return (-_wide(x).expm1()).log().to(x.dtype)


@mistake(
    "log1mexp",
    "The gradient is nan near 0, though the value is right: torch.where lets the untaken branch's 0 * inf through. Give "
    "each branch a harmless input where it is not taken.",
)
def where_after_the_fact(x: Tensor) -> Tensor:
    wide = _wide(x)
    return torch.where(wide > -math.log(2), (-wide.expm1()).log(), (-wide.exp()).log1p()).to(x.dtype)


@mistake(
    "log1mexp",
    "The branches are swapped: expm1 belongs near 0, log1p far below it.",
)
def branches_swapped(x: Tensor) -> Tensor:
    wide = _wide(x)
    near = wide > -math.log(2)
    log1p = (-torch.where(near, wide, -1.0).exp()).log1p()
    return torch.where(near, log1p, (-torch.where(near, -1.0, wide).expm1()).log()).to(x.dtype)


@mistake(
    "log1mexp",
    "Numbers above 0 have no answer: log of a negative number is nan, and has to stay nan (no clamp, no abs).",
)
def clamped_domain(x: Tensor) -> Tensor:
    wide = torch.where(_wide(x) > 0, 0.0, _wide(x))
    near = wide > -math.log(2)
    log1p = (-torch.where(near, -1.0, wide).exp()).log1p()
    return torch.where(near, (-torch.where(near, wide, -1.0).expm1()).log(), log1p).to(x.dtype)


@mistake(
    "log1mexp",
    "Numbers above 0 have no answer: with abs they get that of another question. log of a negative number is nan, and has "
    "to stay nan.",
)
def abs_of_x(x: Tensor) -> Tensor:
    return _right_log1mexp(-_wide(x).abs()).to(x.dtype)


@mistake(
    "log1mexp",
    "x is kept away from 0 by a small number: numbers nearer to 0 all get the same answer, and 0 itself is no longer -inf. "
    "expm1 needs no protection: it is exact there.",
)
def kept_from_zero(x: Tensor) -> Tensor:
    return _right_log1mexp(_wide(x).clamp(max=-1e-7)).to(x.dtype)


@mistake(
    "log1mexp",
    "Half types are computed as they are: every step rounds to 11 or 8 bits. Widen to float32 at the start, and return to "
    "x.dtype at the end.",
)
def log1mexp_in_half(x: Tensor) -> Tensor:
    return _right_log1mexp(x)


def _with_border(x: Tensor, border: float) -> Tensor:
    wide = _wide(x)
    near = wide > border
    log1p = (-torch.where(near, border - 1, wide).exp()).log1p()
    return torch.where(near, (-torch.where(near, wide, border / 2).expm1()).log(), log1p).to(x.dtype)


@mistake(
    "log1mexp",
    "The border lies too far below 0: between it and -log 2, expm1(x) is near -1 and the digits of the answer are lost. "
    "-log 2 = -0.693 is where both branches are equally good.",
)
def border_far_below(x: Tensor) -> Tensor:
    return _with_border(x, -10.0)


@mistake(
    "log1mexp",
    "The border lies too near 0: between -log 2 and the border, exp(x) is near 1 and the digits of x are lost. -log 2 = -0.693 "
    "is where both branches are equally good.",
)
def border_near_zero(x: Tensor) -> Tensor:
    return _with_border(x, -1e-3)


@mistake(
    "log1mexp",
    "Every dtype is computed in float32, float64 too: half of its digits are gone. Widen half types only.",
)
def log1mexp_float32_for_every_dtype(x: Tensor) -> Tensor:
    return _right_log1mexp(x.float()).to(x.dtype)


# logsubexp


def _right_log1mexp(x: Tensor) -> Tensor:
    near = x > -math.log(2)
    log1p = (-torch.where(near, -1.0, x).exp()).log1p()
    return torch.where(near, (-torch.where(near, x, -1.0).expm1()).log(), log1p)


def _right_sub(a: Tensor, b: Tensor) -> Tensor:
    wide_a, wide_b = _wide(a), _wide(b)
    nothing = (wide_a == -math.inf) & (wide_b == -math.inf)
    return (wide_a + _right_log1mexp(torch.where(nothing, 0, wide_b - wide_a))).to(a.dtype)


@mistake("logsubexp", "log(exp(a) - exp(b)) as it is written overflows and cancels. Take a out: a + log1mexp(b - a).")
def sub_no_shift(a: Tensor, b: Tensor) -> Tensor:
    return (a.exp() - b.exp()).log()


@mistake("logsubexp", "log(1 - exp(b - a)) loses the digits of nearly equal inputs: use your log1mexp.")
def sub_without_log1mexp(a: Tensor, b: Tensor) -> Tensor:
    gap = torch.where((a == -math.inf) & (b == -math.inf), 0, _wide(b) - _wide(a))
    return (_wide(a) + (1 - gap.exp()).log()).to(a.dtype)


@mistake("logsubexp", "Two -inf give nan: nothing minus nothing is nothing, -inf. Set the gap to 0 there.")
def sub_two_nothings(a: Tensor, b: Tensor) -> Tensor:
    return (_wide(a) + _right_log1mexp(_wide(b) - _wide(a))).to(a.dtype)


@mistake("logsubexp", "a < b has no answer, the logarithm of a negative number is nan: the inputs may not be swapped.")
def sub_swapped(a: Tensor, b: Tensor) -> Tensor:
    return _right_sub(torch.maximum(a, b), torch.minimum(a, b))


@mistake(
    "logsubexp",
    "a < b has no answer, the logarithm of a negative number is nan: clamped to the border, the question is another one.",
)
def sub_clamped(a: Tensor, b: Tensor) -> Tensor:
    return _right_sub(a, torch.minimum(a, b))


@mistake(
    "logsubexp",
    "Half types are computed as they are: every step rounds to 11 or 8 bits. Widen to float32 at the start, and return to "
    "the inputs' dtype at the end.",
)
def sub_in_half(a: Tensor, b: Tensor) -> Tensor:
    nothing = (a == -math.inf) & (b == -math.inf)
    return a + _right_log1mexp(torch.where(nothing, 0, b - a))


@mistake("logsubexp", "The difference is taken the wrong way round: a is the larger one, b is subtracted.")
def sub_reversed(a: Tensor, b: Tensor) -> Tensor:
    return _right_sub(b, a)


@mistake(
    "logsubexp",
    "Equal inputs give -inf, but for two +inf: inf - inf has no answer, nan. Single out two -inf alone.",
)
def sub_equal_is_nothing(a: Tensor, b: Tensor) -> Tensor:
    same = a == b
    return torch.where(same, -math.inf, _right_sub(a, torch.where(same, a - 1, b))).to(a.dtype)


@mistake(
    "logsubexp",
    "You take out b, the smaller one: exp(a - b) overflows for wide gaps, and b = -inf gives nan. Take out a: "
    "e^a (1 - e^(b-a)).",
)
def sub_smaller_taken_out(a: Tensor, b: Tensor) -> Tensor:
    return (_wide(b) + (_wide(a) - _wide(b)).expm1().log()).to(a.dtype)


@mistake(
    "logsubexp",
    "Every dtype is computed in float32, float64 too: half of its digits are gone. Widen half types only.",
)
def sub_float32_for_every_dtype(a: Tensor, b: Tensor) -> Tensor:
    return _right_sub(a.float(), b.float()).to(a.dtype)


# logmeanexp


@mistake("logmeanexp", "The mean is missing: subtract log n, n = x.shape[dim].")
def mean_is_sum(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right(x, dim, keepdim)


@mistake("logmeanexp", "n is the number of all elements; it has to be that of the reduced dimension, x.shape[dim].")
def mean_over_everything(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) * math.nan
    return (_right(_wide(x), dim, keepdim) - math.log(max(x.numel(), 1))).to(x.dtype)


@mistake("logmeanexp", "n is the length of the last dimension whatever dim is: use x.shape[dim].")
def mean_over_the_last(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) * math.nan
    return (_right(_wide(x), dim, keepdim) - math.log(x.shape[-1] if x.shape else 1)).to(x.dtype)


@mistake("logmeanexp", "n is the length of the first dimension (len(x)) whatever dim is: use x.shape[dim].")
def mean_over_the_first(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) * math.nan
    return (_right(_wide(x), dim, keepdim) - math.log((x.shape[0] if x.shape else 1) or 1)).to(x.dtype)


@mistake("logmeanexp", "log n is added: a mean is a sum divided by n, so log n is subtracted.")
def mean_log_n_added(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    n = x.shape[dim] if x.shape else 1
    return (_right(_wide(x), dim, keepdim) + (math.log(n) if n else math.nan)).to(x.dtype)


@mistake("logmeanexp", "The logarithm is divided by n: dividing the sum by n subtracts log n from its logarithm.")
def mean_divided_by_n(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    n = x.shape[dim] if x.shape else 1
    return (_right(_wide(x), dim, keepdim) / (n or math.nan)).to(x.dtype)


@mistake("logmeanexp", "log(mean(exp(x))) as it is written overflows above 88.7: shift by the maximum first.")
def mean_no_shift(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return x.exp().mean(dim, keepdim=keepdim).log()


@mistake("logmeanexp", "An empty dimension is 0/0, nan; yours is -inf or an exception.")
def mean_of_nothing(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    n = x.shape[dim] if x.shape else 1
    return (_right(_wide(x), dim, keepdim) - math.log(n or 1)).to(x.dtype)


@mistake(
    "logmeanexp",
    "math.log(0) raises: an empty dimension is 0/0, nan. Ask for n == 0 first, or take the logarithm of a tensor.",
)
def mean_of_nothing_raises(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    n = x.shape[dim] if x.shape else 1
    return (_right(_wide(x), dim, keepdim) - math.log(n)).to(x.dtype)


@mistake(
    "logmeanexp",
    "Half types are rounded on the way, at the sum or at the logarithm, and log n leaves that error alone. Widen to float32 "
    "at the start, and return to x.dtype at the very end.",
)
def mean_in_half(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) * math.nan
    return _right(x, dim, keepdim) - math.log(x.shape[dim] if x.shape else 1)


def _right_mean(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) * math.nan
    return (_right(_wide(x), dim, keepdim) - math.log(x.shape[dim] if x.shape else 1)).to(x.dtype)


@mistake("logmeanexp", "`keepdim` is ignored: with keepdim=True the reduced dimension stays, with length 1.")
def mean_keepdim_ignored(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right_mean(x, dim)


@mistake(
    "logmeanexp", "The reduced dimension is always kept. Without keepdim it has to go: `.squeeze(dim)` at the end."
)
def mean_keepdim_always(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right_mean(x, dim, True)


@mistake("logmeanexp", "`dim` is ignored: you reduce over the last dimension whatever was asked.")
def mean_dim_ignored(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right_mean(x, -1, keepdim)


@mistake(
    "logmeanexp",
    "Every dtype is computed in float32, float64 too: half of its digits are gone. Widen half types only.",
)
def mean_float32_for_every_dtype(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    return _right_mean(x.float(), dim, keepdim).to(x.dtype)


@mistake(
    "logmeanexp",
    "A row of -inf gives nan, and so does +inf: inf - inf. Subtract 0 where the maximum is infinite, or call your logsumexp.",
)
def mean_nan_on_infinite_rows(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right_mean(x, dim, keepdim)
    wide = _wide(x)
    top = wide.amax(dim, keepdim=True)
    result = top + (wide - top).exp().mean(dim, keepdim=True).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


@mistake(
    "logmeanexp",
    "The value of a row of -inf is right, its gradient is nan: log has an infinite slope at 0, and 0 * inf is nan. Your "
    "logsumexp has solved this: call it.",
)
def mean_nan_gradient(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if x.shape and x.shape[dim] == 0:
        return _right_mean(x, dim, keepdim)
    wide = _wide(x)
    shift = _finite(wide.amax(dim, keepdim=True))
    result = shift + (wide - shift).exp().mean(dim, keepdim=True).log()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


# logsumexp_numpy


def _right_numpy(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    if x.shape[axis] == 0:
        return x.sum(axis, keepdims=keepdims) - x.dtype.type(np.inf)
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    top = wide.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0)
    with np.errstate(all="ignore"):
        result = shift + np.log(np.exp(wide - shift).sum(axis=axis, keepdims=True))
    return (result if keepdims else result.squeeze(axis)).astype(x.dtype)


@mistake("logsumexp_numpy", "np.exp overflows above 88.7 in float32: subtract the maximum of each row first.")
def numpy_no_shift(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))


@mistake(
    "logsumexp_numpy",
    "np.logaddexp (with or without reduce) does the exercise's work, and torch is another exercise: np.exp, np.log, max and "
    "sum are all that is needed.",
    fault="gate:forbidden-direct",
)
def numpy_forbidden(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    return np.logaddexp.reduce(x, axis=axis, keepdims=keepdims)


@mistake("logsumexp_numpy", "`axis` is ignored: you reduce over the last axis whatever was asked.")
def numpy_axis_ignored(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    return _right_numpy(x, -1, keepdims)


@mistake("logsumexp_numpy", "`axis` is ignored: you reduce over axis 1 whatever was asked.")
def numpy_axis_always_1(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    return _right_numpy(x, 1, keepdims)


@mistake(
    "logsumexp_numpy",
    "`.squeeze()` without an axis removes every dimension of length 1: for a batch of one the batch is gone as well. Say "
    "which: `.squeeze(axis)`.",
)
def numpy_squeeze_everything(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    result = _right_numpy(x, axis, True)
    return result if keepdims else result.squeeze()


@mistake(
    "logsumexp_numpy",
    "You subtract one maximum for the whole array: rows far below it underflow to log 0 = -inf. Take the maximum along "
    "axis, with keepdims=True, so that each row has its own.",
)
def numpy_one_maximum(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    top = x.max()
    with np.errstate(all="ignore"):
        return top + np.log(np.exp(x - top).sum(axis=axis, keepdims=keepdims))


@mistake(
    "logsumexp_numpy",
    "The sum is formed in float16: it overflows from 65520 equal numbers on. Widen to float32 before the exponentials.",
)
def numpy_in_float16(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    if x.dtype != np.float16 or x.shape[axis] == 0:
        return _right_numpy(x, axis, keepdims)
    top = x.max(axis=axis, keepdims=True)
    with np.errstate(all="ignore"):
        result = top + np.log(np.exp(x - np.where(np.isfinite(top), top, 0).astype(x.dtype)).sum(axis, keepdims=True))
    return (result if keepdims else result.squeeze(axis)).astype(x.dtype)


@mistake(
    "logsumexp_numpy",
    "The maximum is taken without keepdims=True: x has shape (B, n), its maximum (B,), and x - max broadcasts along the "
    "wrong axis or not at all. Keep the axis: x.max(axis=axis, keepdims=True).",
)
def numpy_maximum_without_keepdims(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    if x.shape[axis] == 0:
        return _right_numpy(x, axis, keepdims)
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    top = wide.max(axis=axis)
    with np.errstate(all="ignore"):
        result = top + np.log(np.exp(wide - np.where(np.isfinite(top), top, 0)).sum(axis=axis, keepdims=keepdims))
    return result.astype(x.dtype)


@mistake("logsumexp_numpy", "`keepdims` is ignored.")
def numpy_keepdims_ignored(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    return _right_numpy(x, axis)


@mistake("logsumexp_numpy", "The result is in float64 whatever came in: return x.dtype.")
def numpy_float64(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    return np.asarray(_right_numpy(x.astype(np.float64), axis, keepdims))


@mistake(
    "logsumexp_numpy", "A loop over rows (or np.apply_along_axis, np.vectorize): pass axis.", fault="gate:comprehension"
)
def numpy_apply_along_axis(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    out = np.apply_along_axis(_right_numpy, axis, x)
    return np.expand_dims(out, axis) if keepdims else out


@mistake("logsumexp_numpy", "A row of -inf gives nan: -inf - (-inf). Subtract 0 where the maximum is infinite.")
def numpy_nan_rows(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    if x.shape[axis] == 0:
        return x.sum(axis, keepdims=keepdims) - x.dtype.type(np.inf)
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    top = wide.max(axis=axis, keepdims=True)
    with np.errstate(all="ignore"):
        result = top + np.log(np.exp(wide - top).sum(axis=axis, keepdims=True))
    return (result if keepdims else result.squeeze(axis)).astype(x.dtype)


@mistake(
    "logsumexp_numpy",
    "The maximum of shape (B, 1) is added to a sum of shape (B,): together they broadcast to (B, B). Reduce both with "
    "keepdims=True, and squeeze the axis at the end.",
)
def numpy_outer_sum(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    if x.shape[axis] == 0:
        return _right_numpy(x, axis, keepdims)
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    top = wide.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0)
    with np.errstate(all="ignore"):
        return (shift + np.log(np.exp(wide - shift).sum(axis, keepdims=keepdims))).astype(x.dtype)


@mistake(
    "logsumexp_numpy",
    "NumPy's words are axis and keepdims: keepdim= and dim= are torch's, and raise a TypeError.",
)
def numpy_keepdim(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    if x.shape[axis] == 0:
        return _right_numpy(x, axis, keepdims)
    x.max(axis=axis, keepdim=True)
    return _right_numpy(x, axis, keepdims)


@mistake(
    "logsumexp_numpy",
    "Every dtype is computed in float32, float64 too: half of its digits are gone. Widen float16 only.",
)
def numpy_float32_for_every_dtype(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    return np.asarray(_right_numpy(x.astype(np.float32), axis, keepdims)).astype(x.dtype)


def _numpy_log1p(x: np.ndarray, axis: int, keepdims: bool, left_out: str, added: str = "maximum") -> np.ndarray:
    if x.shape[axis] == 0:
        return _right_numpy(x, axis, keepdims)
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    place = wide.argmax(axis, keepdims=True)
    top = np.take_along_axis(wide, place, axis)
    shift = np.where(np.isfinite(top), top, 0)
    with np.errstate(all="ignore"):
        terms = np.exp(wide - shift)
        if left_out == "one":
            np.put_along_axis(terms, place, 0, axis)
        if left_out == "ties":
            terms = np.where(wide == top, 0, terms)
        result = (top if added == "maximum" else shift) + np.log1p(terms.sum(axis=axis, keepdims=True))
    return (result if keepdims else result.squeeze(axis)).astype(x.dtype)


@mistake(
    "logsumexp_numpy",
    "Every number that equals the maximum is left out of the sum, but np.log1p puts back a single 1: ties are lost. Leave "
    "out one place of each row: argmax says which.",
)
def numpy_ties_left_out(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    return _numpy_log1p(x, axis, keepdims, "ties")


@mistake(
    "logsumexp_numpy",
    "np.log1p of the whole sum counts the maximum's own term twice: it is a 1 in the sum, and log1p adds another. Leave that "
    "term out of the sum.",
)
def numpy_log1p_of_the_whole_sum(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    return _numpy_log1p(x, axis, keepdims, "nothing")


@mistake("logsumexp_numpy", SHIFT_ADDED)
def numpy_shift_for_the_maximum(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    return _numpy_log1p(x, axis, keepdims, "one", "shift")
