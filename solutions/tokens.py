"""Log-probabilities of tokens: what a language model's logits say about a text."""

import torch
from torch import Tensor


def gather_last(x: Tensor, index: Tensor) -> Tensor:
    """Return `x[..., index[...]]`: one element of each row.

    The specification, for two dimensions, as a loop: `[x[b][index[b]] for b in range(len(x))]`.

    Args:
        x: Shape `(*batch, n)`; any dtype.
        index: Shape `(*batch)`, integers from -n to n - 1; negative ones count from the end.

    Returns:
        Shape `(*batch)`, dtype of `x`.

    Raises:
        IndexError: An index is outside of its row.

    Forbidden: torch.gather, take_along_dim, take, index_select and what wraps them. Advanced
        indexing is the exercise.

    Source: document 000, "torch.gather".
    """
    rows = x.reshape(index.numel(), x.shape[-1])
    return rows[torch.arange(index.numel(), device=x.device), index.reshape(-1)].reshape(index.shape)


def token_log_probs(logits: Tensor, ids: Tensor) -> Tensor:
    r"""Return $\log \mathrm{softmax}(\mathrm{logits})_{\mathrm{id}}$ for each position.

    Args:
        logits: Shape `(*batch, V)`; float16, bfloat16, float32 or float64; -inf allowed (classes
            that cannot occur).
        ids: Shape `(*batch)`, integers from 0 to V - 1: the token that stands at each position, not
            its place.

    Returns:
        Shape `(*batch)`, dtype of `logits`. Half types are computed in float32.

    Forbidden: torch.log_softmax, softmax, cross_entropy, nll_loss, logsumexp and what wraps them.
        Your own `gather_last` and your `logsumexp` of `log_sums` are welcome.

    Source: document 003, section 2.3.
    """
    wide = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    top, place = wide.max(-1, keepdim=True)
    others = (wide - torch.where(top.isfinite(), top, 0)).exp().scatter(-1, place, 0.0)
    # First the distance to the maximum, which is exact or nearly so; then the logarithm, which is small.
    return ((gather_last(wide, ids) - top.squeeze(-1)) - others.sum(-1).log1p()).to(logits.dtype)


def sequence_log_probs(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    r"""Return the log-probability of each sequence: the sum of its tokens' log-probabilities where the mask counts.

    Args:
        logits: Shape `(*batch, T, V)`; float16, bfloat16, float32 or float64; anything (nan too)
            where masked.
        ids: Shape `(*batch, T)`; anything (-100 too) where masked.
        mask: Shape `(*batch, T)`, boolean or 0/1: 1 counts.

    Returns:
        Shape `(*batch)`, at least float32 (the sum of many log-probs overflows half types). No
        token gives 0. What is masked has no influence, on the gradient neither.

    Forbidden: as for `token_log_probs`, which is welcome.

    Source: $\log p(t_1 \dots t_T) = \sum_i \log p(t_i \mid t_1 \dots t_{i-1})$.
    """
    kept = mask.bool()
    wide = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    # Before the logarithm, not after it: a nan that a later `where` hides comes back in the gradient as 0 * nan.
    log_probs = token_log_probs(wide.masked_fill(~kept.unsqueeze(-1), 0.0), ids.masked_fill(~kept, 0))
    return log_probs.masked_fill(~kept, 0.0).sum(-1)


def perplexity(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    r"""Return $\exp$ of the mean negative log-probability of all tokens that count.

    Args:
        logits: Shape `(*batch, T, V)`; float16, bfloat16, float32 or float64; anything (nan too)
            where masked.
        ids: Shape `(*batch, T)`; anything (-100 too) where masked.
        mask: Shape `(*batch, T)`, boolean or 0/1: 1 counts.

    Returns:
        One number, shape `()`, at least float32; nan where nothing counts.

    Forbidden: as for `token_log_probs`, which is welcome, as is `sequence_log_probs`.

    Source: the mean is over tokens, not over sequences.
    """
    return (-sequence_log_probs(logits, ids, mask).sum() / mask.bool().sum()).exp()


def entropy(logits: Tensor) -> Tensor:
    r"""Return $-\sum_i p_i \log p_i$ in nats for each row, $p = \mathrm{softmax}(\mathrm{logits})$.

    Args:
        logits: Shape `(*batch, V)`; float16, bfloat16, float32 or float64; -inf allowed, and
            contributes 0.

    Returns:
        Shape `(*batch)`, dtype of `logits`, never negative. Half types are computed in float32.

    Forbidden: torch.log_softmax, softmax, logsumexp, special.entr, distributions and what wraps
        them.

    Source: with $d = \max x - x$ and $Z = \sum e^{-d}$ it is $\log Z + \sum e^{-d} d / Z$: no term
        is negative.
    """
    wide = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    top, place = wide.max(-1, keepdim=True)
    gap = top - wide
    gap = torch.where(gap.isfinite(), gap, 0)  # 0 * inf is nan: a class that cannot occur contributes nothing
    weights = torch.where(wide.isfinite(), (-gap).exp(), 0).scatter(-1, place, 0.0)
    rest = weights.sum(-1)
    return (rest.log1p() + (weights * gap).sum(-1) / (1 + rest)).to(logits.dtype)
