"""Log-sum-exp in pieces: running states, and what they save: losses and attention that never hold all their scores."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _demand(size: int, name: str) -> None:
    if size < 1:
        raise ValueError(f"{name} is {size}: a block holds at least 1")


def merge_logsumexp(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    r"""Return the state of two runs of numbers together; a state $(m, s)$ stands for $m + \log s$.

    A run's $m$ is its largest number, its $s$ the sum of $e^{x - m}$: the largest number's own term
    counts, 1.

    Args:
        a: Two tensors of one shape `(*shape)`, float32 or float64: $m$ and $s$ of a run. The run
            without any number is $(-\infty, 0)$. ±inf allowed as $m$.
        b: Another run's state; its shape broadcasts with the first.

    Returns:
        $m$ and $s$ of both runs, a pair; $m$ is the larger of the two. The order of merges does not
        matter, and $(-\infty, 0)$ changes nothing. With an $m$ of +inf, $m + \log s$ is +inf
        whatever the finite numbers are; nan propagates. The gradient flows, and is finite beside
        $(-\infty, 0)$ too.

    Forbidden: torch.logsumexp, logaddexp, logcumsumexp, softmax, log_softmax, cross_entropy and
        what wraps them.

    Source: "Online normalizer calculation for softmax" (Milakov and Gimelshein, 2018).
    """
    top = torch.maximum(a[0], b[0])
    # Two empty runs: their gap would be -inf - -inf.
    shift = torch.where(top.isfinite(), top, 0.0)
    return top, a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()


def _logsumexp(rows: Tensor) -> Tensor:
    top = rows.amax(-1, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0.0)
    return ((rows - shift).exp_().sum(-1, keepdim=True).log() + shift).squeeze(-1)


def blocked_logsumexp(x: Tensor, block_rows: int) -> Tensor:
    r"""Return log-sum-exp over the last dimension, `block_rows` rows at a time: the input is never copied as a whole.

    The error is at most $1.5 \cdot 2^{-23} \max(1, |\mathrm{result}|)$ in float32. Near 0 the
    `logsumexp` of `log_sums` is better: it keeps the digits of $\log(1 + r)$, and pays for it with
    a second pass.

    Args:
        x: Shape `(*batch, n)`, n at least 1; float16, bfloat16, float32 or float64; ±inf allowed.
        block_rows: How many rows are worked on at once; the last block may be smaller.

    Returns:
        Shape `(*batch)`, dtype of `x`; half types are computed in float32, block by block. A row of
        -inf gives -inf, a row with +inf gives +inf, nan propagates. No gradient is asked for.

    Raises:
        ValueError: `block_rows` is less than 1.

    Forbidden: torch.logsumexp, logaddexp, softmax, log_softmax, cross_entropy and what wraps them.
        A loop over blocks is allowed.

    Source: rows do not know of each other, so a reduction over each of them can be done in any
        groups.
    """
    _demand(block_rows, "block_rows")
    blocks = x.reshape(-1, x.shape[-1]).split(block_rows)
    # In a function of its own nothing of a block outlives it.
    return torch.cat([_logsumexp(_wide(block)).to(x.dtype) for block in blocks]).reshape(x.shape[:-1])


class _TokenLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ids: Tensor, block_rows: int) -> Tensor:
        ctx.save_for_backward(rows, ids)
        ctx.block_rows = block_rows
        picked = rows.new_empty(len(rows))
        for out, block, chosen in zip(*(t.split(block_rows) for t in (picked, rows, ids)), strict=True):
            out.copy_(torch.log_softmax(_wide(block), -1)[torch.arange(len(chosen), device=ids.device), chosen])
        return picked

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        rows, ids = ctx.saved_tensors
        result = torch.empty_like(rows)
        parts = (t.split(ctx.block_rows) for t in (result, rows, ids, grad))
        for out, block, chosen, scale in zip(*parts, strict=True):
            # The gradient of log p_id is onehot - p.
            slope = torch.softmax(_wide(block), -1).mul_(-scale.unsqueeze(-1))
            slope[torch.arange(len(chosen), device=ids.device), chosen] += scale
            out.copy_(slope)
        return result, None, None


def blocked_token_log_probs(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    r"""Return $\log \mathrm{softmax}(\mathrm{logits})_{\mathrm{id}}$ for each position, block by block, both ways.

    Forward and backward work on `block_rows` rows at a time. Between them nothing is kept but the
    inputs and at most one number for each row; the backward pass makes one tensor of the logits'
    size, the gradient itself.

    Args:
        logits: Shape `(*batch, V)`; float16, bfloat16, float32 or float64; -inf allowed (classes
            that cannot occur).
        ids: Shape `(*batch)`, integers from 0 to V - 1.
        block_rows: How many rows are worked on at once; the last block may be smaller.

    Returns:
        Shape `(*batch)`, dtype of `logits`. Half types are computed in float32, block by block.
        Differentiable once. The error is at most $1.5 \cdot 2^{-23} \max(1, |\mathrm{result}|)$ in
        float32; `token_log_probs` of `tokens` keeps the digits of a likely token as well.

    Raises:
        ValueError: `block_rows` is less than 1.
        IndexError: An id is not below V.

    Forbidden: torch.logsumexp, cross_entropy, nll_loss and what wraps them. Allowed here: softmax
        and log_softmax of a block, which are the fastest way to its exponentials; a class derived
        from torch.autograd.Function.

    Source: $\partial \log p_{\mathrm{id}} / \partial x_j = [j = \mathrm{id}] - p_j$: the logits are
        all it takes.
    """
    _demand(block_rows, "block_rows")
    picked: Tensor = _TokenLogProbs.apply(logits.reshape(-1, logits.shape[-1]), ids.reshape(-1), block_rows)
    return picked.reshape(ids.shape)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor, chunk: int, enabled: bool) -> Tensor:
        tokens, classes = _wide(hidden), _wide(weight)
        # Under no_grad an input may still say that it requires a gradient.
        wanted = [enabled and needed for needed in ctx.needs_input_grad[:2]]
        grads = [torch.zeros_like(t) if want else None for t, want in zip((tokens, classes), wanted, strict=True)]
        total = tokens.new_zeros(())
        for first in range(0, len(tokens), chunk):
            part, chosen = tokens[first : first + chunk], target[first : first + chunk]
            own = torch.arange(len(part), device=target.device), chosen
            logits = part @ classes.T  # (chunk, V), the only tensor with all classes; what follows works in place
            logits -= logits.amax(-1, keepdim=True)
            picked = logits[own]
            sums = logits.exp_().sum(-1)
            total += (sums.log() - picked).sum()
            if any(wanted):
                logits /= (sums * len(tokens)).unsqueeze(-1)
                logits[own] -= 1 / len(tokens)  # (p - onehot) / N now
            if grads[0] is not None:
                torch.mm(logits, classes, out=grads[0][first : first + chunk])
            if grads[1] is not None:
                grads[1].addmm_(logits.T, part)  # in place: `+=` would make a second tensor of the weight's size
            del logits  # or it lives on beside the next chunk's
        ctx.save_for_backward(*grads)
        ctx.dtype = hidden.dtype
        return (total / len(tokens)).to(hidden.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        # Scaled in place, before half types are rounded; a second walk finds them changed, and raises.
        scaled = [None if t is None else t.mul_(grad).to(ctx.dtype) for t in ctx.saved_tensors]
        return (*scaled, None, None, None)


def linear_cross_entropy(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    r"""Return the mean cross-entropy of the logits hidden @ weight.T, never holding them all.

    `chunk` tokens at a time get their logits. The gradients are formed at once, in the forward
    pass, while the chunk's logits are there; the backward pass only scales them. Where no gradient
    is wanted (under torch.no_grad too), none is formed.

    Args:
        hidden: Shape `(N, H)`; float16, bfloat16, float32 or float64; finite.
        weight: Shape `(V, H)`, a row for each class, dtype of `hidden`; finite.
        target: Shape `(N)`, integers from 0 to V - 1.
        chunk: How many tokens are worked on at once; the last chunk may be smaller.

    Returns:
        One number, dtype of `hidden`. Half types are computed, and their gradients summed up, in
        float32. Gradients with respect to `hidden` and `weight`; differentiable once; a second walk
        back through the same graph gives the same gradients or raises RuntimeError. The error of
        the mean is at most $1.5 \cdot 2^{-23} \max(1, |\mathrm{result}|)$ in float32, beside what
        the matrix product rounds.

    Raises:
        ValueError: `chunk` is less than 1.
        IndexError: A target is not below V.

    Forbidden: torch.nn.functional.linear_cross_entropy, cross_entropy, nll_loss, torch.logsumexp
        and what wraps them. Allowed here: softmax and log_softmax of a chunk; a class derived from
        torch.autograd.Function.

    Source: $\partial L / \partial \mathrm{logits} = (p - \mathrm{onehot}) / N$; "Cut Your Losses in
        Large-Vocabulary Language Models" (2024) streams over the vocabulary as well.
    """
    _demand(chunk, "chunk")
    loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, target, chunk, torch.is_grad_enabled())
    return loss


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
        top = q.new_full((*q.shape[:-1], 1), -math.inf)
        total, out = torch.zeros_like(top), torch.zeros_like(q)
        for keys, values in zip(k.split(block, -2), v.split(block, -2), strict=True):
            scores = q @ keys.mT  # (*batch, T, block)
            larger = torch.maximum(top, scores.amax(-1, keepdim=True))
            weights, shrink = (scores - larger).exp_(), (top - larger).exp()
            total = total * shrink + weights.sum(-1, keepdim=True)
            out = out * shrink + weights @ values
            top = larger
        out /= total
        ctx.save_for_backward(q, k, v, out, top + total.log())
        ctx.block = block
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, out, normalizer = ctx.saved_tensors
        grads = [torch.zeros_like(t) for t in (q, k, v)]
        mean = (grad * out).sum(-1, keepdim=True)  # of grad . v under the weights
        for keys, values, dk, dv in zip(*(t.split(ctx.block, -2) for t in (k, v, *grads[1:])), strict=True):
            weights = (q @ keys.mT - normalizer).exp_()
            dv += weights.mT @ grad
            weights *= grad @ values.mT - mean  # the scores' gradient
            grads[0] += weights @ keys
            dk += weights.mT @ q
        return grads[0], grads[1], grads[2], None


def streaming_attention(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    r"""Return $\mathrm{softmax}(q k^\top / \sqrt D) \, v$, `block` keys at a time, never holding all scores.

    Each query carries its running maximum, its running sum and its running weighted sum of the
    values; a new block of keys rescales the last two, as `merge_logsumexp` does.

    Args:
        q: Queries, shape `(*batch, T, D)`; float16, bfloat16, float32 or float64; finite. nan
            propagates to the rows that it reaches; with infinite numbers the result is unspecified.
        k: Keys, the same shape and dtype.
        v: Values, the same shape and dtype.
        block: How many keys are worked on at once; the last block may be smaller.

    Returns:
        Shape `(*batch, T, D)`, dtype of `q`; half types are computed in float32. Differentiable
        once with respect to q, k and v. Full marks do not ask that the backward pass does without
        all scores; honours do.

    Raises:
        ValueError: `block` is less than 1.

    Forbidden: scaled_dot_product_attention, softmax, log_softmax, torch.logsumexp, cross_entropy
        and what wraps them.

    Source: "FlashAttention" (Dao et al., 2022), algorithm 1, without its tiles of queries.
    """
    _demand(block, "block")
    scaled = _wide(q) / math.sqrt(q.shape[-1])
    out: Tensor = _Attention.apply(scaled, _wide(k), _wide(v), block)
    return out.to(q.dtype)
