"""Exact answers of `divergences`."""

import math
from typing import Any

import mpmath
import torch
from torch import Tensor

from autograder.exact.log_sums import logsumexp
from autograder.judging.truth import elementwise, wide


def excess(d: Tensor) -> Tensor:
    """Return e^d - 1 - d in float64, by its series where it would cancel."""
    near = d.abs() < 0.5
    small, large = torch.where(near, d, 0), torch.where(near, 1.0, d)
    series = sum((small**n / math.factorial(n) for n in reversed(range(2, 19))), torch.zeros_like(d))
    return torch.where(near, series, large.expm1() - large)


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return the pointwise terms p (log p - log q), reduced."""
    log_q, given = wide(input), wide(target)
    p = given.exp() if log_target else given
    log_p = given if log_target else torch.where(p > 0, p, 1).log()
    terms = torch.where(p.isnan(), math.nan, p * torch.where(p > 0, log_p - log_q, 0))
    if reduction == "none":
        return terms
    count = {"sum": 1, "mean": terms.numel(), "batchmean": terms.shape[0] if terms.dim() else 1}[reduction]
    return terms.sum() / count if count else terms.sum() * math.nan


def _parts(q_logits: Tensor, p_logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    q, p = wide(q_logits), wide(p_logits)
    norm_q, norm_p = logsumexp(q, -1, True), logsumexp(p, -1, True)
    nowhere = (q == -math.inf) & (p == -math.inf)
    gap = torch.where(nowhere, 0, p) - torch.where(nowhere, 0, q)
    return (p - norm_p).exp(), (q - norm_q).exp(), gap - (norm_p - norm_q)


def kl_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    """Return KL(p‖q) of each row as a sum of terms that are not negative."""
    p, q, d = _parts(q_logits, p_logits)
    near = d.abs() < 1
    large = torch.where(near | (p == 0), 0, d)
    return torch.where(near, p * excess(torch.where(near, -d, 0)), p * large + (q - p)).sum(-1)


def js_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence of each row."""
    p, q, d = _parts(q_logits, p_logits)
    near = d.abs() < 1
    small = torch.where(near, d, 0)
    to_p, to_q = -((-small).expm1() / 2).log1p(), -(small.expm1() / 2).log1p()
    close = p * excess(-to_p) + q * excess(-to_q)
    middle = torch.where(p + q > 0, (p + q) / 2, 1)
    far = sum(v * torch.where((v > 0) & ~near, v / middle, 1).log() for v in (p, q))
    return torch.where(near, close, far).sum(-1) / 2


def kl_estimate(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    """Return k1, k2 or k3 of each token."""
    d = wide(ref_log_probs) - wide(log_probs)
    return {"k1": lambda: -d, "k2": lambda: d * d / 2, "k3": lambda: excess(d)}[kind]()


def precise_kl_estimate(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Any:
    """Return k1, k2 or k3 of each token in high precision."""

    @elementwise
    def one(log_prob: Any, ref_log_prob: Any) -> Any:
        d = ref_log_prob - log_prob
        if mpmath.isnan(d) or mpmath.isinf(d):
            return mpmath.nan if mpmath.isnan(d) else -d if kind == "k1" else mpmath.inf
        return {"k1": lambda: -d, "k2": lambda: d * d / 2, "k3": lambda: mpmath.expm1(d) - d}[kind]()

    return one(log_probs, ref_log_probs)


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Return T^2 times the mean of KL(teacher‖student) at temperature T."""
    rows = kl_from_logits(wide(student_logits) / temperature, wide(teacher_logits) / temperature)
    return temperature**2 * rows.mean()
