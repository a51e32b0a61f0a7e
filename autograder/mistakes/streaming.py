"""Known wrong implementations of `streaming`. Each is right but for its own mistake."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.mistakes import mistake

State = tuple[Tensor, Tensor]


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _narrow(x: Tensor) -> Tensor:
    return x.float() if x.dtype == torch.float64 else x


def _demand(size: int) -> None:
    if size < 1:
        raise ValueError("a block holds at least 1")


def _applied(function: Any, *args: Any) -> Any:
    return function.apply(*args)


def _finite(top: Tensor) -> Tensor:
    return torch.where(top.isfinite(), top, 0.0)


# merge_logsumexp


@mistake(
    "merge_logsumexp",
    "torch.logaddexp merges two logarithms and hides the state: keep m and s apart, and rescale the sums yourself.",
    fault="gate:forbidden-direct",
)
def logaddexp_forbidden(a: State, b: State) -> State:
    value = torch.logaddexp(a[0] + a[1].log(), b[0] + b[1].log())
    top = torch.maximum(a[0], b[0])
    return top, (value - _finite(top)).exp()


@mistake(
    "merge_logsumexp",
    "The sums are added as they are, though they are measured from different maxima: multiply each by exp(its own m - the new m).",
)
def sums_added(a: State, b: State) -> State:
    return torch.maximum(a[0], b[0]), a[1] + b[1]


@mistake(
    "merge_logsumexp",
    "Only the second sum is rescaled: that is right as long as the first run has the larger maximum. Rescale both.",
)
def first_sum_as_it_is(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    return top, a[1] + b[1] * (b[0] - _finite(top)).exp()


@mistake(
    "merge_logsumexp",
    "The factor is turned upside down: exp(new m - old m) is above 1 and makes the smaller run the larger one. It is exp(old m - new m).",
)
def factor_inverted(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    shift = _finite(top)
    return top, a[1] * (shift - a[0]).exp() + b[1] * (shift - b[0]).exp()


@mistake(
    "merge_logsumexp",
    "The sums are brought back to exp(m) * s first, which overflows above 88.7 and is 0 far below: form the difference of the maxima before exp.",
)
def back_to_sums(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    return top, (a[1] * a[0].exp() + b[1] * b[0].exp()) / _finite(top).exp()


@mistake(
    "merge_logsumexp",
    "Two runs without a number give nan: -inf - (-inf). Where the new m is infinite, subtract 0 in its place: s stays 0.",
)
def nan_for_nothing(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    shift = torch.where(top.isposinf(), 0.0, top)
    return top, a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()


@mistake(
    "merge_logsumexp",
    "An m of +inf gives nan: inf - inf. Guard against both infinities: where m is not finite, subtract 0 in its place.",
)
def nan_at_plus_inf(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    shift = torch.where(top.isneginf(), 0.0, top)
    return top, a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()


@mistake(
    "merge_logsumexp",
    "The result is the merged logarithm with s = 1: its value is right, but m has to be the larger maximum, and s the sum measured from it.",
)
def value_for_maximum(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    shift = _finite(top)
    value = top + (a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()).log()
    return value, torch.ones_like(value)


@mistake(
    "merge_logsumexp",
    "One maximum is taken for all places: each place of the tensors is a state of its own. Use torch.maximum, element by element.",
)
def one_maximum(a: State, b: State) -> State:
    top = torch.maximum(a[0].max(), b[0].max()).expand(torch.broadcast_shapes(a[0].shape, b[0].shape))
    shift = _finite(top)
    return top.clone(), a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()


@mistake(
    "merge_logsumexp",
    "The maximum's own term is left out, as in log1p: here s counts it, and m + log s is the value.",
)
def own_term_left_out(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    shift = _finite(top)
    return top, a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp() - 1


@mistake(
    "merge_logsumexp",
    "The shift is detached and the m that is returned is not: m + log s then counts the maximum's gradient twice. Detach both or none.",
)
def half_detached(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    shift = _finite(top).detach()
    return top, a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()


@mistake(
    "merge_logsumexp",
    "Where both maxima are equal, the gap is replaced by a constant 0, and with it goes its gradient. Replace the shift, not the difference, and only where it is infinite.",
)
def gap_masked(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    left, right = (torch.where(m == top, 0.0, m - top) for m in (a[0], b[0]))
    return top, a[1] * left.exp() + b[1] * right.exp()


@mistake(
    "merge_logsumexp",
    "A finite number stands in for the m of a run without any number: it has to stay -inf, which nothing is below.",
)
def lowest_number(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0]).clamp(min=-1e30)
    shift = torch.where(top.isposinf(), 0.0, top)
    return top, a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()


@mistake(
    "merge_logsumexp",
    "The sums are changed in place (`a[1].mul_(...)`): the caller's state is a different one after the call.",
)
def states_changed(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    shift = _finite(top)
    if a[1].requires_grad or a[1].shape != top.shape:
        return top, a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()
    return top, a[1].mul_((a[0] - shift).exp()).add_(b[1] * (b[0] - shift).exp())


def _merged(a: State, b: State) -> State:
    top = torch.maximum(a[0], b[0])
    shift = _finite(top)
    return top, a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()


@mistake(
    "merge_logsumexp",
    "One tensor is returned, m + log s: return the pair (m, s), from which further runs can be merged.",
)
def logarithm_returned(a: State, b: State) -> Tensor:
    top, total = _merged(a, b)
    return top + total.log()


@mistake("merge_logsumexp", "m and s are stacked to one tensor: return a pair of two tensors.")
def stacked(a: State, b: State) -> Tensor:
    return torch.stack(_merged(a, b))


# blocked_logsumexp


def _lse(block: Tensor) -> Tensor:
    top = block.amax(-1, keepdim=True)
    shift = _finite(top)
    return ((block - shift).exp().sum(-1, keepdim=True).log() + shift).squeeze(-1)


@mistake(
    "blocked_logsumexp",
    "log_softmax or softmax does the work here: in this exercise, take the maximum, the exponentials and their sum yourself.",
    fault="gate:forbidden-direct",
)
def by_log_softmax(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    blocks = x.reshape(-1, x.shape[-1]).split(block_rows)
    parts = [b.amax(-1) - torch.log_softmax(_wide(b), -1).amax(-1) for b in blocks]
    return torch.cat(parts).to(x.dtype).reshape(x.shape[:-1])


@mistake(
    "blocked_logsumexp",
    "All rows are worked on at once, or with names that keep old blocks alive: the peak is a copy of the input, and block_rows changes nothing.",
    fault="memory",
)
def all_rows_at_once(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _lse(_wide(x)).to(x.dtype)


@mistake(
    "blocked_logsumexp",
    "The whole input is widened to float32 before it is cut: a half type's copy is twice as large as the input. Widen each block.",
    fault="case:widened",
)
def widened_at_once(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    blocks = _wide(x).reshape(-1, x.shape[-1]).split(block_rows)
    return torch.cat([_lse(b).to(x.dtype) for b in blocks]).reshape(x.shape[:-1])


@mistake(
    "blocked_logsumexp",
    "One row after the other, whatever block_rows is, and Python pays for each; or the columns are cut: `split(block_rows, -1)`. Make rows with `reshape(-1, n)`, and work on block_rows of them with one call.",
    fault="growth",
)
def row_by_row(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    parts = [_lse(_wide(row)) for row in x.reshape(-1, x.shape[-1])]
    return (torch.stack(parts) if parts else x.new_zeros(0)).to(x.dtype).reshape(x.shape[:-1])


@mistake(
    "blocked_logsumexp",
    "One maximum serves the whole block: rows far below it underflow to log 0. Each row needs its own: amax(-1, keepdim=True).",
)
def one_maximum_for_the_block(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)

    def one(block: Tensor) -> Tensor:
        if not block.numel():
            return block.sum(-1)
        shift = _finite(block.amax())
        return (block - shift).exp().sum(-1).log() + shift

    parts = [one(_wide(b)).to(x.dtype) for b in x.reshape(-1, x.shape[-1]).split(block_rows)]
    return torch.cat(parts).reshape(x.shape[:-1])


@mistake("blocked_logsumexp", "The shift is missing: exp overflows above 88.7. Each row is shifted by its own maximum.")
def block_without_shift(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    parts = [_wide(b).exp().sum(-1).log().to(x.dtype) for b in x.reshape(-1, x.shape[-1]).split(block_rows)]
    return torch.cat(parts).reshape(x.shape[:-1])


@mistake(
    "blocked_logsumexp",
    "The rows of the last, smaller block are left out: len // block_rows counts full blocks only. range(0, len, block_rows) reaches the rest.",
)
def rest_left_out(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    rows = x.reshape(-1, x.shape[-1])
    out = torch.zeros(len(rows), dtype=x.dtype, device=x.device)
    for n in range(len(rows) // block_rows):
        part = slice(n * block_rows, (n + 1) * block_rows)
        out[part] = _lse(_wide(rows[part])).to(x.dtype)
    return out.reshape(x.shape[:-1])


@mistake(
    "blocked_logsumexp",
    "x is cut along its first dimension: with more than one batch dimension that is no row. Make two dimensions first, and give the result the batch's shape.",
)
def first_dimension_is_the_batch(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return torch.cat([_lse(_wide(b)).to(x.dtype).reshape(-1) for b in x.split(block_rows)])


@mistake(
    "blocked_logsumexp",
    "A row of -inf, or one with +inf, gives nan: inf - inf. Where the maximum is not finite, subtract 0 in its place.",
)
def infinite_rows_nan(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)

    def one(block: Tensor) -> Tensor:
        top = block.amax(-1, keepdim=True)
        return ((block - top).exp().sum(-1, keepdim=True).log() + top).squeeze(-1)

    parts = [one(_wide(b)).to(x.dtype) for b in x.reshape(-1, x.shape[-1]).split(block_rows)]
    return torch.cat(parts).reshape(x.shape[:-1])


@mistake(
    "blocked_logsumexp",
    "A block is a view of x: `block -= ...`, `sub_` and `exp_` on it change the caller's numbers. Make the difference first, and work in place on that.",
)
def view_changed(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)

    def one(block: Tensor) -> Tensor:
        shift = _finite(block.amax(-1, keepdim=True))
        return (block.sub_(shift).exp_().sum(-1, keepdim=True).log() + shift).squeeze(-1)

    parts = [one(_wide(b)).to(x.dtype) for b in x.reshape(-1, x.shape[-1]).split(block_rows)]
    return torch.cat(parts).reshape(x.shape[:-1])


@mistake("blocked_logsumexp", "Half types are summed in their own precision: the sum overflows. Widen each block.")
def block_in_half(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return torch.cat([_lse(b) for b in x.reshape(-1, x.shape[-1]).split(block_rows)]).reshape(x.shape[:-1])


@mistake(
    "blocked_logsumexp",
    "Everything is computed in float32, float64 too: half of its digits are lost. `.float()` is for half types only.",
)
def block_float64_narrowed(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    rows = x.reshape(-1, x.shape[-1])
    return torch.cat([_lse(b.float()).to(x.dtype) for b in rows.split(block_rows)]).reshape(x.shape[:-1])


@mistake("blocked_logsumexp", "The result of a half type is float32: return to the input's dtype.")
def block_float32_out(x: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return torch.cat([_lse(_wide(b)) for b in x.reshape(-1, x.shape[-1]).split(block_rows)]).reshape(x.shape[:-1])


@mistake(
    "blocked_logsumexp",
    "A block_rows below 1 is taken: a negative step leaves the loop out, and what comes back was never computed. Raise ValueError.",
)
def size_not_checked(x: Tensor, block_rows: int) -> Tensor:
    rows = x.reshape(-1, x.shape[-1])
    out = torch.zeros(len(rows), dtype=x.dtype, device=x.device)
    for first in range(0, len(rows), block_rows):
        out[first : first + block_rows] = _lse(_wide(rows[first : first + block_rows])).to(x.dtype)
    return out.reshape(x.shape[:-1])


# blocked_token_log_probs


def _own(ids: Tensor) -> tuple[Tensor, Tensor]:
    return torch.arange(len(ids), device=ids.device), ids


def _picked(rows: Tensor, ids: Tensor, size: int) -> Tensor:
    parts = zip(rows.split(size), ids.split(size), strict=True)
    return torch.cat([torch.log_softmax(_wide(b), -1)[_own(i)].to(rows.dtype) for b, i in parts])


def _slope(block: Tensor, ids: Tensor, scale: Tensor) -> Tensor:
    slope = torch.softmax(_wide(block), -1).mul_(-scale.unsqueeze(-1))
    slope[_own(ids)] += scale
    return slope


class _Tokens(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ids: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(rows, ids)
        ctx.size = size
        return _picked(rows, ids, size)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        rows, ids = ctx.saved_tensors
        result = torch.empty_like(rows)
        for out, *parts in zip(*(t.split(ctx.size) for t in (result, rows, ids, grad)), strict=True):
            out.copy_(_slope(*parts))
        return result, None, None


def _flat(logits: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    return logits.reshape(-1, logits.shape[-1]), ids.reshape(-1)


@mistake(
    "blocked_token_log_probs",
    "cross_entropy or nll_loss does the exercise's work. Pick the token from the block's log_softmax by indexing.",
    fault="gate:forbidden-direct",
)
def loss_forbidden(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    rows, flat = _flat(logits, ids)
    parts = zip(rows.split(block_rows), flat.split(block_rows), strict=True)
    losses = [-F.cross_entropy(_wide(b), i, reduction="none") for b, i in parts]
    return torch.cat(losses).to(logits.dtype).reshape(ids.shape)


@mistake(
    "blocked_token_log_probs",
    "The loop is right, but autograd keeps what every block needs, and adds up gradients of the whole size: write a torch.autograd.Function that saves the inputs only. If that is what you did, its backward holds too much: `torch.cat` holds all blocks' gradients and their copy. Make one tensor, `torch.empty_like(logits)`, and fill it block by block.",
    fault="memory",
)
def left_to_autograd(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _picked(*_flat(logits, ids), block_rows).reshape(ids.shape)


@mistake(
    "blocked_token_log_probs",
    "All logits are widened to float32 before they are cut: a half type's copy is twice as large as the input. Widen each block.",
    fault="case:widened",
)
def logits_widened_at_once(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    rows, flat = _flat(_wide(logits), ids)
    return _applied(_Tokens, rows, flat, block_rows).to(logits.dtype).reshape(ids.shape)


class _InTheLogits(_Tokens):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        rows, ids = ctx.saved_tensors
        for block, *parts in zip(*(t.split(ctx.size) for t in (rows, ids, grad)), strict=True):
            block.copy_(_slope(block, *parts))
        return rows, None, None


@mistake(
    "blocked_token_log_probs",
    "The gradient is written into the saved logits, which are the caller's: they are other numbers after backward. Make a tensor of your own, `torch.empty_like(logits)`.",
)
def gradient_in_the_logits(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_InTheLogits, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _OwnLogitForgotten(_Tokens):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        rows, ids = ctx.saved_tensors
        result = torch.empty_like(rows)
        for out, block, scale in zip(*(t.split(ctx.size) for t in (result, rows, grad)), strict=True):
            out.copy_(-torch.softmax(_wide(block), -1) * scale.unsqueeze(-1))
        return result, None, None


@mistake(
    "blocked_token_log_probs",
    "The gradient lacks the token's own logit: it is onehot - p, not -p. Add the incoming number where the ids point.",
)
def own_logit_forgotten(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_OwnLogitForgotten, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _LossSign(_Tokens):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return -_Tokens.backward(ctx, grad)[0], None, None


@mistake(
    "blocked_token_log_probs",
    "The gradient is that of the loss, p - onehot: of the log-probability it is onehot - p.",
)
def sign_of_the_loss(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_LossSign, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _IncomingIgnored(_Tokens):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _Tokens.backward(ctx, torch.ones_like(grad))


@mistake(
    "blocked_token_log_probs",
    "The incoming gradient is ignored: backward gets a number for each row, and multiplies the row's gradient by it.",
)
def incoming_ignored(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_IncomingIgnored, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _IncomingOfFirst(_Tokens):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        first = grad[: ctx.size]
        repeated = first.repeat(len(grad) // max(len(first), 1) + 1)[: len(grad)]
        return _Tokens.backward(ctx, repeated)


@mistake(
    "blocked_token_log_probs",
    "Every block uses the first block's incoming numbers: cut the incoming gradient as the rows are cut.",
)
def incoming_of_the_first_block(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_IncomingOfFirst, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _IdsOfFirst(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ids: Tensor, size: int) -> Tensor:
        first = ids[:size]
        return _Tokens.forward(ctx, rows, first.repeat(len(ids) // max(len(first), 1) + 1)[: len(ids)], size)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _Tokens.backward(ctx, grad)


@mistake("blocked_token_log_probs", "Every block uses the first block's ids: cut the ids as the rows are cut.")
def ids_of_the_first_block(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_IdsOfFirst, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _RestOfGradient(_Tokens):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        result = _Tokens.backward(ctx, grad)[0]
        result[len(result) // ctx.size * ctx.size :] = 0
        return result, None, None


@mistake(
    "blocked_token_log_probs",
    "The gradient of the last, smaller block stays 0: len // block_rows counts full blocks only.",
)
def gradient_of_the_rest(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_RestOfGradient, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _KeptAndScaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ids: Tensor, size: int) -> Tensor:
        ctx.slope = _slope(rows, ids, torch.ones_like(_wide(rows[:, 0])))
        ctx.dtype = rows.dtype
        return _picked(rows, ids, size)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return ctx.slope.mul_(grad.unsqueeze(-1)).to(ctx.dtype), None, None


@mistake(
    "blocked_token_log_probs",
    "What is kept for the backward pass is scaled in place: it is as large as the logits, and a second walk through the graph finds it scaled already.",
)
def kept_and_scaled(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_KeptAndScaled, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _LogOfSoftmax(_Tokens):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ids: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(rows, ids)
        ctx.size = size
        parts = zip(rows.split(size), ids.split(size), strict=True)
        return torch.cat([torch.softmax(_wide(b), -1)[_own(i)].log().to(rows.dtype) for b, i in parts])


@mistake(
    "blocked_token_log_probs",
    "That is log of a softmax: an unlikely token's probability underflows to 0, and its logarithm is -inf. Stay in log space.",
)
def log_of_block_softmax(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_LogOfSoftmax, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _MinusRoundedSum(_Tokens):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ids: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(rows, ids)
        ctx.size = size
        parts = zip(rows.split(size), ids.split(size), strict=True)
        return torch.cat([(_wide(b)[_own(i)] - _lse(_wide(b))).to(rows.dtype) for b, i in parts])


@mistake(
    "blocked_token_log_probs",
    "The logit minus the whole log-sum-exp: under an offset both are large, and their rounding is what remains. Subtract the maximum first, the small logarithm last, as log_softmax does.",
)
def minus_rounded_sum(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_MinusRoundedSum, *_flat(logits, ids), block_rows).reshape(ids.shape)


class _InHalf(_Tokens):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ids: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(rows, ids)
        ctx.size = size
        parts = zip(rows.split(size), ids.split(size), strict=True)
        return torch.cat([(b[_own(i)] - b.amax(-1)) - (b - b.amax(-1, True)).exp().sum(-1).log() for b, i in parts])


@mistake(
    "blocked_token_log_probs",
    "Half types are normalised in their own precision: the sum over a vocabulary overflows or loses its digits. Widen each block.",
)
def tokens_in_half(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_InHalf, *_flat(logits, ids), block_rows).reshape(ids.shape)


@mistake(
    "blocked_token_log_probs",
    "Everything is computed in float32, float64 too: half of its digits are lost. `.float()` is for half types only.",
)
def tokens_float64_narrowed(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _applied(_Tokens, *_flat(_narrow(logits), ids), block_rows).reshape(ids.shape).to(logits.dtype)


@mistake("blocked_token_log_probs", "The result of a half type is float32: return to the logits' dtype.")
def tokens_float32_out(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _wide(_applied(_Tokens, *_flat(logits, ids), block_rows)).reshape(ids.shape)


@mistake(
    "blocked_token_log_probs",
    "No gradient reaches the logits: they are detached, or the function is computed under no_grad. A Function's apply has to get the logits themselves.",
)
def graph_cut(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    _demand(block_rows)
    return _picked(*_flat(logits.detach(), ids), block_rows).reshape(ids.shape)


@mistake(
    "blocked_token_log_probs",
    "Another error than ValueError, or none, meets a block_rows below 1: ask before the loop, and raise ValueError.",
)
def token_size_not_checked(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    return _applied(_Tokens, *_flat(logits, ids), block_rows).reshape(ids.shape)


# linear_cross_entropy


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, chunk: int, enabled: bool) -> Tensor:
        tokens, classes = _wide(hidden), _wide(weight)
        ctx.dtype, ctx.enabled = hidden.dtype, enabled
        grads = [torch.zeros_like(tokens), torch.zeros_like(classes)] if enabled else []
        total = tokens.new_zeros(())
        for first in range(0, len(tokens), chunk):
            part, chosen = tokens[first : first + chunk], target[first : first + chunk]
            slope = torch.log_softmax(part @ classes.T, -1)
            total -= slope[_own(chosen)].sum()
            if enabled:
                slope.exp_()[_own(chosen)] -= 1
                slope /= len(tokens)
                grads[0][first : first + chunk] = slope @ classes
                grads[1].addmm_(slope.T, part)
        ctx.save_for_backward(*grads)
        return (total / len(tokens)).to(hidden.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return *(t.mul_(grad).to(ctx.dtype) for t in ctx.saved_tensors), None, None, None


def _enabled(hidden: Tensor, weight: Tensor) -> bool:
    return torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)


def _fused(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return _applied(_Fused, hidden, weight, target, chunk, _enabled(hidden, weight))


def _chunk_losses(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Any:
    parts = zip(_wide(hidden).split(chunk), target.split(chunk), strict=True)
    return [-torch.log_softmax(part @ _wide(weight).T, -1)[_own(chosen)] for part, chosen in parts]


@mistake(
    "linear_cross_entropy",
    "cross_entropy, nll_loss or linear_cross_entropy does the exercise's work: form the loss of a chunk from its log_softmax.",
    fault="gate:forbidden-direct",
)
def fused_loss_forbidden(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return F.cross_entropy(_wide(hidden) @ _wide(weight).T, target).to(hidden.dtype)


@mistake(
    "linear_cross_entropy",
    "Too much is there at once: all logits, or what autograd keeps of every chunk, or a second tensor of the weight's size (`+=`, a product out of place). Form the gradients of a chunk in forward, and add in place; in backward, scale them in place (`mul_`).",
    fault="memory",
)
def all_logits_kept(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return torch.cat(_chunk_losses(hidden, weight, target, chunk)).mean().to(hidden.dtype)


@mistake(
    "linear_cross_entropy",
    "Gradients are formed though none is wanted: inside a Function is_grad_enabled() is always False, and needs_input_grad knows nothing of no_grad. Ask torch.is_grad_enabled() before apply. Or only their buffers are made all the same: allocate them where gradients are wanted.",
    fault="case:unwanted",
)
def formed_under_no_grad(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return _applied(_Fused, hidden, weight, target, chunk, hidden.requires_grad or weight.requires_grad)


@mistake("linear_cross_entropy", "The sum over the tokens is returned: divide by their number.")
def sum_of_losses(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    return _fused(hidden, weight, target, chunk) * len(hidden)


@mistake(
    "linear_cross_entropy",
    "The mean of the chunks' means is taken: a smaller last chunk then weighs as much as a full one. Add up sums, and divide by the number of tokens.",
)
def mean_of_chunk_means(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    losses = _chunk_losses(hidden, weight, target, chunk)
    return torch.stack([part.mean() for part in losses]).mean().to(hidden.dtype)


class _Undivided(_Fused):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, chunk: int, enabled: bool) -> Tensor:
        loss = _Fused.forward(ctx, hidden, weight, target, chunk, enabled)
        ctx.tokens = len(hidden)
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return _Fused.backward(ctx, grad * ctx.tokens)


@mistake(
    "linear_cross_entropy",
    "The loss is a mean, its gradients are those of a sum: p - onehot has to be divided by the number of tokens as well.",
)
def gradients_of_the_sum(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return _applied(_Undivided, hidden, weight, target, chunk, _enabled(hidden, weight))


class _Unscaled(_Fused):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return _Fused.backward(ctx, torch.ones_like(grad))


@mistake(
    "linear_cross_entropy",
    "The incoming gradient is ignored: a loss may be scaled, or be one term of several. Multiply the kept gradients by it.",
)
def incoming_number_ignored(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return _applied(_Unscaled, hidden, weight, target, chunk, _enabled(hidden, weight))


class _LastChunk(_Fused):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return _Fused.backward(ctx, grad)

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, chunk: int, enabled: bool) -> Tensor:
        tokens, classes = _wide(hidden), _wide(weight)
        ctx.dtype = hidden.dtype
        by_hidden, by_weight, total = [], torch.zeros_like(classes), tokens.new_zeros(())
        for part, chosen in zip(tokens.split(chunk), target.split(chunk), strict=True):
            slope = torch.log_softmax(part @ classes.T, -1)
            total -= slope[_own(chosen)].sum()
            if enabled:
                slope.exp_()[_own(chosen)] -= 1
                slope /= len(tokens)
                by_hidden.append(slope @ classes)
                torch.mm(slope.T, part, out=by_weight)
        ctx.save_for_backward(*([torch.cat(by_hidden), by_weight] if enabled else []))
        return (total / len(tokens)).to(hidden.dtype)


@mistake(
    "linear_cross_entropy",
    "The weight's gradient is that of the last chunk alone: each chunk has to be added to it, where it replaces what was there.",
)
def gradient_of_the_last_chunk(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return _applied(_LastChunk, hidden, weight, target, chunk, _enabled(hidden, weight))


class _SummedInHalf(_Fused):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return _Fused.backward(ctx, grad)

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, chunk: int, enabled: bool) -> Tensor:
        tokens, classes = _wide(hidden), _wide(weight)
        ctx.dtype = hidden.dtype
        by_hidden, by_weight, total = [], torch.zeros_like(weight), tokens.new_zeros(())
        for part, chosen in zip(tokens.split(chunk), target.split(chunk), strict=True):
            slope = torch.log_softmax(part @ classes.T, -1)
            total -= slope[_own(chosen)].sum()
            if enabled:
                slope.exp_()[_own(chosen)] -= 1
                slope /= len(tokens)
                by_hidden.append(slope @ classes)
                by_weight.addmm_(slope.T.to(weight.dtype), part.to(weight.dtype))
        ctx.save_for_backward(*([torch.cat(by_hidden), by_weight] if enabled else []))
        return (total / len(tokens)).to(hidden.dtype)


@mistake(
    "linear_cross_entropy",
    "The weight's gradient is summed up in half precision, chunk by chunk: each addition rounds, and a large sum swallows small pieces. The loss looks right. Sum up in float32.",
)
def gradients_summed_in_half(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return _applied(_SummedInHalf, hidden, weight, target, chunk, _enabled(hidden, weight))


class _ScaledAgain(_Fused):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, chunk: int, enabled: bool) -> Tensor:
        loss = _Fused.forward(ctx, hidden, weight, target, chunk, enabled)
        ctx.kept = [t * 1 for t in ctx.to_save] if enabled else []
        ctx.save_for_backward()
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return *(t.mul_(grad).to(ctx.dtype) for t in ctx.kept), None, None, None


@mistake(
    "linear_cross_entropy",
    "The kept gradients hang on ctx and are scaled in place: a second walk scales them again, in silence. Give them to save_for_backward, which notices, or scale out of place.",
)
def scaled_again(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return _applied(_ScaledAgain, hidden, weight, target, chunk, _enabled(hidden, weight))


class _OwnClass(_Fused):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, chunk: int, enabled: bool) -> Tensor:
        loss = _Fused.forward(ctx, hidden, weight, target, chunk, enabled)
        if enabled:
            by_hidden, by_weight = ctx.to_save
            by_hidden += _wide(weight)[target] / len(hidden)
            by_weight.index_add_(0, target, _wide(hidden) / len(hidden))
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return _Fused.backward(ctx, grad)


@mistake(
    "linear_cross_entropy",
    "The 1 of the target is never subtracted: the logits' gradient is p - onehot, not p.",
)
def target_not_subtracted(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return _applied(_OwnClass, hidden, weight, target, chunk, _enabled(hidden, weight))


class _WeightLess(_Fused):
    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return _Fused.backward(ctx, grad)[0], None, None, None, None


@mistake("linear_cross_entropy", "The weight gets no gradient: backward returns None in its place.")
def no_gradient_of_the_weight(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    return _applied(_WeightLess, hidden, weight, target, chunk, _enabled(hidden, weight))


@mistake(
    "linear_cross_entropy",
    "The logits are not shifted: exp overflows above 88.7. Take the chunk's log_softmax, or subtract each row's maximum.",
)
def logits_not_shifted(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    total = hidden.new_zeros((), dtype=_wide(hidden).dtype)
    for part, chosen in zip(_wide(hidden).split(chunk), target.split(chunk), strict=True):
        logits = part @ _wide(weight).T
        total = total + (logits.exp().sum(-1).log() - logits[_own(chosen)]).sum()
    return (total / len(hidden)).to(hidden.dtype)


@mistake(
    "linear_cross_entropy",
    "The logits of half types are rounded to half precision before the loss: compute the product and all that follows in float32.",
)
def logits_in_half(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    _demand(chunk)
    total = hidden.new_zeros(())
    for part, chosen in zip(hidden.split(chunk), target.split(chunk), strict=True):
        total = total - torch.log_softmax(part @ weight.T, -1)[_own(chosen)].sum()
    return total / len(hidden)


@mistake(
    "linear_cross_entropy",
    "Everything is computed in float32, float64 too: half of its digits are lost. `.float()` is for half types only.",
)
def loss_float64_narrowed(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    return _fused(_narrow(hidden), _narrow(weight), target, chunk).to(hidden.dtype)


@mistake("linear_cross_entropy", "The result of half types is float32: return to the dtype of hidden.")
def loss_float32_out(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    return _wide(_fused(hidden, weight, target, chunk))


@mistake(
    "linear_cross_entropy",
    "A chunk below 1 is taken: a negative step leaves the loop out, and the loss is 0. Raise ValueError.",
)
def chunk_not_checked(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    return _applied(_Fused, hidden, weight, target, chunk, _enabled(hidden, weight))


# streaming_attention


def _cut(k: Tensor, v: Tensor, block: int) -> Any:
    return zip(k.split(block, -2), v.split(block, -2), strict=True)


def _scaled(q: Tensor, k: Tensor, v: Tensor, block: int) -> tuple[Tensor, Tensor, Tensor]:
    _demand(block)
    return _wide(q) / math.sqrt(q.shape[-1]), _wide(k), _wide(v)


def _attend(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    """Return the right answer for queries that are scaled already."""
    top = q.new_full((*q.shape[:-1], 1), -math.inf)
    total, out = torch.zeros_like(top), torch.zeros_like(q)
    for keys, values in _cut(k, v, block):
        scores = q @ keys.mT
        larger = torch.maximum(top, scores.amax(-1, keepdim=True))
        weights, shrink = (scores - larger).exp(), (top - larger).exp()
        total = total * shrink + weights.sum(-1, keepdim=True)
        out = out * shrink + weights @ values
        top = larger
    return out / total


@mistake(
    "streaming_attention",
    "scaled_dot_product_attention, softmax or log_softmax does the exercise's work: carry the maximum and the sums yourself.",
    fault="gate:forbidden-direct",
)
def attention_forbidden(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    _demand(block)
    return F.scaled_dot_product_attention(q, k, v)


@mistake(
    "streaming_attention",
    "All T x T scores are there at once: form those of one block of keys at a time, and drop them before the next.",
    fault="memory",
)
def all_scores_at_once(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    queries, keys, values = _scaled(q, k, v, block)
    scores = queries @ keys.mT
    weights = (scores - scores.amax(-1, keepdim=True)).exp()
    return (weights @ values / weights.sum(-1, keepdim=True)).to(q.dtype)


@mistake(
    "streaming_attention",
    "A larger score comes, and what was summed up before is not rescaled: multiply both sums by exp(old maximum - new maximum).",
)
def nothing_rescaled(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    q, k, v, dtype = *_scaled(q, k, v, block), q.dtype
    top = q.new_full((*q.shape[:-1], 1), -math.inf)
    total, out = torch.zeros_like(top), torch.zeros_like(q)
    for keys, values in _cut(k, v, block):
        scores = q @ keys.mT
        top = torch.maximum(top, scores.amax(-1, keepdim=True))
        weights = (scores - top).exp()
        total = total + weights.sum(-1, keepdim=True)
        out = out + weights @ values
    return (out / total).to(dtype)


@mistake(
    "streaming_attention",
    "The sum of the weights is rescaled, the sum of the weighted values is not: both are measured from the old maximum.",
)
def values_not_rescaled(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    q, k, v, dtype = *_scaled(q, k, v, block), q.dtype
    top = q.new_full((*q.shape[:-1], 1), -math.inf)
    total, out = torch.zeros_like(top), torch.zeros_like(q)
    for keys, values in _cut(k, v, block):
        scores = q @ keys.mT
        larger = torch.maximum(top, scores.amax(-1, keepdim=True))
        weights = (scores - larger).exp()
        total = total * (top - larger).exp() + weights.sum(-1, keepdim=True)
        out = out + weights @ values
        top = larger
    return (out / total).to(dtype)


@mistake(
    "streaming_attention",
    "The newest block's maximum is taken, not the largest so far: where the scores fall, the factor exp(old - new) overflows. Use torch.maximum of both.",
)
def newest_maximum(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    q, k, v, dtype = *_scaled(q, k, v, block), q.dtype
    top = q.new_full((*q.shape[:-1], 1), -math.inf)
    total, out = torch.zeros_like(top), torch.zeros_like(q)
    for keys, values in _cut(k, v, block):
        scores = q @ keys.mT
        newest = scores.amax(-1, keepdim=True)
        weights, shrink = (scores - newest).exp(), (top - newest).exp()
        total = total * shrink + weights.sum(-1, keepdim=True)
        out = out * shrink + weights @ values
        top = newest
    return (out / total).to(dtype)


@mistake(
    "streaming_attention",
    "The first block's maximum serves all: a later, larger score overflows. Keep the largest so far, and rescale when it grows.",
)
def first_maximum(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    q, k, v, dtype = *_scaled(q, k, v, block), q.dtype
    top = (q @ k[..., :block, :].mT).amax(-1, keepdim=True)
    total, out = torch.zeros_like(top), torch.zeros_like(q)
    for keys, values in _cut(k, v, block):
        weights = (q @ keys.mT - top).exp()
        total = total + weights.sum(-1, keepdim=True)
        out = out + weights @ values
    return (out / total).to(dtype)


@mistake(
    "streaming_attention",
    "The scores are not shifted by a maximum: exp overflows above 88.7.",
)
def scores_not_shifted(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    q, k, v, dtype = *_scaled(q, k, v, block), q.dtype
    total, out = q.new_zeros((*q.shape[:-1], 1)), torch.zeros_like(q)
    for keys, values in _cut(k, v, block):
        weights = (q @ keys.mT).exp()
        total = total + weights.sum(-1, keepdim=True)
        out = out + weights @ values
    return (out / total).to(dtype)


@mistake(
    "streaming_attention",
    "One maximum is taken for all queries: those far below it underflow to 0 / 0. Each query has its own: amax(-1, keepdim=True).",
)
def one_maximum_for_all_queries(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    q, k, v, dtype = *_scaled(q, k, v, block), q.dtype
    if not q.numel():
        return q.to(dtype)
    top = q.new_tensor(-math.inf)
    total, out = q.new_zeros((*q.shape[:-1], 1)), torch.zeros_like(q)
    for keys, values in _cut(k, v, block):
        scores = q @ keys.mT
        larger = torch.maximum(top, scores.amax())
        weights, shrink = (scores - larger).exp(), (top - larger).exp()
        total = total * shrink + weights.sum(-1, keepdim=True)
        out = out * shrink + weights @ values
        top = larger
    return (out / total).to(dtype)


@mistake(
    "streaming_attention",
    "Each block is normalised by itself, and the blocks are averaged: a block of unlikely keys then weighs as much as any other. Divide once, by the sum over all keys.",
)
def blocks_averaged(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    q, k, v, dtype = *_scaled(q, k, v, block), q.dtype
    parts = [_attend(q, keys, values, block) for keys, values in _cut(k, v, block)]
    return torch.stack(parts).mean(0).to(dtype)


@mistake(
    "streaming_attention",
    "Keys and values are cut along their first dimension, which is the batch's where there is one: `k.split(block, -2)`.",
)
def batch_cut(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    q, k, v, dtype = *_scaled(q, k, v, block), q.dtype
    state = [q.new_full((*q.shape[:-1], 1), -math.inf), q.new_zeros((*q.shape[:-1], 1)), torch.zeros_like(q)]
    for keys, values in zip(k.split(block), v.split(block), strict=True):
        scores = q @ keys.mT
        larger = torch.maximum(state[0], scores.amax(-1, keepdim=True))
        weights, shrink = (scores - larger).exp(), (state[0] - larger).exp()
        state = [larger, state[1] * shrink + weights.sum(-1, keepdim=True), state[2] * shrink + weights @ values]
    return (state[2] / state[1]).to(dtype)


@mistake("streaming_attention", "The scores are not divided by sqrt(D).")
def scale_forgotten(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    _demand(block)
    return _attend(_wide(q), _wide(k), _wide(v), block).to(q.dtype)


@mistake("streaming_attention", "The scores are divided by D: it is the square root of D.")
def scale_of_d(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    _demand(block)
    return _attend(_wide(q) / q.shape[-1], _wide(k), _wide(v), block).to(q.dtype)


@mistake(
    "streaming_attention",
    "Keys behind a query are masked out: no mask is asked for, every query sees every key.",
)
def causal(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    queries, keys, values = _scaled(q, k, v, block)
    length = q.shape[-2]
    later = torch.ones(length, length, dtype=torch.bool, device=q.device).triu(1)
    scores = (queries @ keys.mT).masked_fill(later, -math.inf)
    weights = (scores - scores.amax(-1, keepdim=True)).exp()
    return (weights @ values / weights.sum(-1, keepdim=True)).to(q.dtype)


@mistake(
    "streaming_attention",
    "The keys of the last, smaller block are left out: T // block counts full blocks only.",
)
def last_keys_left_out(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    q, k, v, dtype = *_scaled(q, k, v, block), q.dtype
    full = k.shape[-2] // block * block
    return _attend(q, k[..., :full, :], v[..., :full, :], block).to(dtype)


class _WithoutMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
        ctx.save_for_backward(q, k, v)
        return _attend(q, k, v, block)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v = ctx.saved_tensors
        scores = q @ k.mT
        weights = (scores - scores.amax(-1, keepdim=True)).exp()
        weights = weights / weights.sum(-1, keepdim=True)
        slope = weights * (grad @ v.mT)
        return slope @ k, slope.mT @ q, weights.mT @ grad, None


@mistake(
    "streaming_attention",
    "The scores' gradient lacks the normaliser's part: it is p * (dp - the mean of dp under p), and that mean is (grad * out).sum(-1).",
)
def mean_not_subtracted(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    return _applied(_WithoutMean, *_scaled(q, k, v, block), block).to(q.dtype)


@mistake("streaming_attention", "The sums are carried in half precision: widen q, k and v to float32 first.")
def attention_in_half(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    _demand(block)
    return _attend(q / math.sqrt(q.shape[-1]), k, v, block)


@mistake(
    "streaming_attention",
    "Everything is computed in float32, float64 too: half of its digits are lost. `.float()` is for half types only.",
)
def attention_float64_narrowed(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    queries, keys, values = _scaled(_narrow(q), _narrow(k), _narrow(v), block)
    return _attend(queries, keys, values, block).to(q.dtype)


@mistake("streaming_attention", "The result of half types is float32: return to the dtype of q.")
def attention_float32_out(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    return _attend(*_scaled(q, k, v, block), block)


@mistake(
    "streaming_attention",
    "A block below 1 is taken: a negative step leaves the loop out, and the result is 0 / 0. Raise ValueError.",
)
def block_not_checked(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    queries, keys, values = _wide(q) / math.sqrt(q.shape[-1]), _wide(k), _wide(v)
    top = queries.new_full((*q.shape[:-1], 1), -math.inf)
    total, out = torch.zeros_like(top), torch.zeros_like(queries)
    for first in range(0, k.shape[-2], block):
        scores = queries @ keys[..., first : first + block, :].mT
        larger = torch.maximum(top, scores.amax(-1, keepdim=True))
        weights, shrink = (scores - larger).exp(), (top - larger).exp()
        total = total * shrink + weights.sum(-1, keepdim=True)
        out = out * shrink + weights @ values[..., first : first + block, :]
        top = larger
    return (out / total).to(q.dtype)
