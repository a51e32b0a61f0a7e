"""Exact answers of `streaming`: what the blocks have to come to, without blocks."""

import math
from typing import Any

import torch
from torch import Tensor

from autograder.exact import log_sums, tokens
from autograder.judging.truth import wide
from autograder.spec import Exact

State = tuple[Tensor, Tensor]


def merge_logsumexp(a: State, b: State) -> State:
    """Return the state (m, s) of two runs together, in float64."""
    (m, s), (n, t) = ((wide(top), wide(total)) for top, total in (a, b))
    top = torch.maximum(m, n)
    shift = torch.where(top.isfinite(), top, 0.0)
    return top, s * (m - shift).exp() + t * (n - shift).exp()


def value(state: State) -> Tensor:
    """Return the number that a state stands for."""
    return wide(state[0]) + wide(state[1]).log()


def blocked_logsumexp(x: Tensor, block_rows: int) -> Tensor:
    """Return log-sum-exp of each row."""
    return log_sums.logsumexp(x)


def precise_blocked_logsumexp(x: Tensor, block_rows: int) -> Exact:
    """Return the same in high precision."""
    return log_sums.precise_logsumexp(x)


def blocked_token_log_probs(logits: Tensor, ids: Tensor, block_rows: int) -> Tensor:
    """Return the log-probability of each token."""
    return tokens.token_log_probs(logits, ids)


def precise_blocked_token_log_probs(logits: Tensor, ids: Tensor, block_rows: int) -> Exact:
    """Return the same in high precision."""
    return tokens.precise_token_log_probs(logits, ids)


def linear_cross_entropy(hidden: Tensor, weight: Tensor, target: Tensor, chunk: int) -> Tensor:
    """Return the mean cross-entropy of the logits hidden @ weight.T, all of them at once."""
    return -tokens.token_log_probs(wide(hidden) @ wide(weight).T, target).mean()


def streaming_attention(q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    """Return softmax(q k^T / sqrt(D)) v with all scores at once."""
    scores = wide(q) @ wide(k).mT / math.sqrt(q.shape[-1])
    weights: Any = torch.softmax(scores, -1)
    return torch.as_tensor(weights @ wide(v))
