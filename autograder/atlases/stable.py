"""The stable form of each exercise, for finite inputs only: half types in float32, rounded once."""

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

HALVES = (torch.float16, torch.bfloat16)


def widened(formula: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Compute half types in float32; the result has the dtype of the first argument."""

    @functools.wraps(formula)
    def function(first: Tensor, *others: Any, **options: Any) -> Tensor:
        rest = (v.float() if isinstance(v, Tensor) and v.dtype in HALVES else v for v in others)
        return formula(first.float() if first.dtype in HALVES else first, *rest, **options).to(first.dtype)

    return function


def _others(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maximum of each row, kept, and the row's exponentials below it without the maximum's own."""
    top, place = x.max(-1, keepdim=True)
    return top, (x - top).exp().scatter(-1, place, 0.0)


@widened
def logsumexp(x: Tensor) -> Tensor:
    """Return the maximum plus log1p of the other terms."""
    top, others = _others(x)
    return (top + others.sum(-1, keepdim=True).log1p()).squeeze(-1)


@widened
def logaddexp(a: Tensor, b: Tensor) -> Tensor:
    """Return the larger plus log1p of e to minus the distance."""
    return torch.maximum(a, b) + (-(a - b).abs()).exp().log1p()


@widened
def log1mexp(x: Tensor) -> Tensor:
    """Return log(-expm1(x)) near 0, log1p(-e^x) far below it."""
    return torch.where(x > -math.log(2), (-x.expm1()).log(), (-x.exp()).log1p())


@widened
def logsubexp(a: Tensor, b: Tensor) -> Tensor:
    """Return a + log1mexp(b - a)."""
    return a + log1mexp(b - a)


@widened
def logmeanexp(x: Tensor) -> Tensor:
    """Return logsumexp less log n."""
    return logsumexp(x) - math.log(x.shape[-1])


@widened
def softmax(x: Tensor) -> Tensor:
    """Return the shifted exponentials over their sum."""
    weights = (x - x.amax(-1, keepdim=True)).exp()
    return weights / weights.sum(-1, keepdim=True)


@widened
def log_softmax(x: Tensor) -> Tensor:
    """Return the distance to the maximum less log1p of the other terms."""
    top, others = _others(x)
    return (x - top) - others.sum(-1, keepdim=True).log1p()


@widened
def token_log_probs(logits: Tensor, ids: Tensor) -> Tensor:
    """Return the log_softmax of each token."""
    return log_softmax(logits).gather(-1, ids.unsqueeze(-1)).squeeze(-1)


@widened
def cross_entropy(logits: Tensor, target: Tensor, reduction: str) -> Tensor:
    """Return minus the log_softmax of each target."""
    return -token_log_probs(logits, target)


@widened
def entropy(logits: Tensor) -> Tensor:
    """Return log Z + sum(p gap) with the gap to the maximum: no term is negative."""
    top, others = _others(logits)
    rest = others.sum(-1)
    return rest.log1p() + (others * (top - logits)).sum(-1) / (1 + rest)


@widened
def bce_with_logits(x: Tensor, target: Tensor, reduction: str) -> Tensor:
    """Return t softplus(-x) + (1 - t) softplus(x): no term is negative."""
    tail = (-x.abs()).exp().log1p()
    return target * ((-x).relu() + tail) + (1 - target) * (x.relu() + tail)


def _parts(q_logits: Tensor, p_logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return p, q and log p - log q, formed from the difference of the logits."""
    norm_q, norm_p = logsumexp(q_logits).unsqueeze(-1), logsumexp(p_logits).unsqueeze(-1)
    return (p_logits - norm_p).exp(), (q_logits - norm_q).exp(), (p_logits - q_logits) - (norm_p - norm_q)


@widened
def kl_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    """Return sum(p (d + e^-d - 1)), or sum(p d + q - p) where d is large: no term is negative."""
    p, q, d = _parts(q_logits, p_logits)
    return torch.where(d.abs() < 1, p * (d + (-d).expm1()), p * d + (q - p)).sum(-1)


@widened
def js_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    """Return the two halves in the never negative form."""
    p, q, d = _parts(q_logits, p_logits)
    to_p, to_q = -((-d).expm1() / 2).log1p(), -(d.expm1() / 2).log1p()  # log(p/m), log(q/m)
    return (p * (to_p + (-to_p).expm1()) + q * (to_q + (-to_q).expm1())).sum(-1) / 2


@widened
def kl_estimate(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    """Return k3: the series of e^d - 1 - d near 0, expm1(d) - d elsewhere."""
    d = ref_log_probs - log_probs
    series = sum((d**n / math.factorial(n) for n in reversed(range(2, 19))), torch.zeros_like(d))
    return torch.where(d.abs() < 0.5, series, d.expm1() - d)


@widened
def soft_threshold(w: Tensor, amount: float) -> Tensor:
    """Return w less amount towards 0, and 0 where it is no larger."""
    return w.sign() * (w.abs() - amount).relu()
