"""Exact answers of `tokens`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import torch
from torch import Tensor

from autograder.exact.log_sums import logsumexp
from autograder.judging.truth import DIGITS, wide
from autograder.spec import Exact


def gather_last(x: Tensor, index: Tensor) -> Tensor:
    """Return one element of each row, in float64."""
    n = x.shape[-1]
    return wide(x).gather(-1, (index % n if n else index).unsqueeze(-1)).squeeze(-1)


def token_log_probs(logits: Tensor, ids: Tensor) -> Tensor:
    """Return the log-probability of each token in float64: the distance to the maximum, then a small logarithm."""
    v = wide(logits)
    top, place = v.max(-1, keepdim=True)
    others = (v - torch.where(top.isfinite(), top, 0)).exp().scatter(-1, place, 0.0)
    return (gather_last(v, ids) - top.squeeze(-1)) - others.sum(-1).log1p()


def sequence_log_probs(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Return the sum of the log-probabilities of the tokens that count."""
    kept = mask.bool()
    safe = torch.where(kept.unsqueeze(-1), wide(logits), 0.0)
    return torch.where(kept, token_log_probs(safe, torch.where(kept, ids, 0)), 0.0).sum(-1)


def perplexity(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Return exp of the mean negative log-probability of the tokens that count."""
    return torch.exp(-sequence_log_probs(logits, ids, mask).sum() / mask.bool().sum())


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy of each row in nats, as a sum of terms that are not negative."""
    v = wide(logits)
    log_p = v - logsumexp(v, -1, True)
    top, place = v.max(-1, keepdim=True)
    gap = torch.where((top - v).isfinite(), top - v, 0)
    weights = torch.where(log_p == -math.inf, 0, (-gap).exp()).scatter(-1, place, 0.0)
    rest = weights.sum(-1)
    return rest.log1p() + (weights * gap).sum(-1) / (1 + rest)


def _precise(formula: Callable[..., Any], logits: Tensor, *others: Tensor) -> Exact:
    rows = wide(logits).reshape(math.prod(logits.shape[:-1]), logits.shape[-1]).tolist()
    columns = [other.flatten().tolist() for other in others]
    with mpmath.workdps(DIGITS):
        exact = [formula([mpmath.mpf(v) for v in row], *values) for row, *values in zip(rows, *columns, strict=True)]
        highs = [float(number) for number in exact]
        lows = [float(n - mpmath.mpf(h)) if math.isfinite(h) else 0.0 for n, h in zip(exact, highs, strict=True)]
    shape = logits.shape[:-1]
    return Exact(*(torch.tensor(part, dtype=torch.float64).reshape(shape) for part in (highs, lows)))


def _log_prob(row: list[Any], place: int) -> Any:
    top = max(row)
    others = list(row)
    others.remove(top)
    return row[place] - top - mpmath.log1p(mpmath.fsum(mpmath.exp(v - top) for v in others))


def precise_token_log_probs(logits: Tensor, ids: Tensor) -> Exact:
    """Return the log-probability of each token in high precision."""
    return _precise(_log_prob, logits, ids)


def precise_entropy(logits: Tensor) -> Exact:
    """Return the entropy of each row in high precision."""

    def one(row: list[Any]) -> Any:
        log_probs = [_log_prob(row, place) for place in range(len(row)) if row[place] != mpmath.ninf]
        return -mpmath.fsum(mpmath.exp(v) * v for v in log_probs)

    return _precise(one, logits)
