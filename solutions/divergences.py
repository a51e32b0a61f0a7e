"""Divergences between distributions that are given by logits or log-probabilities."""

import math

import torch
from torch import Tensor


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    r"""Return the pointwise terms $p (\log p - \log q)$ of KL(p‖q), reduced, as torch.nn.functional.kl_div.

    Args:
        input: $\log q$, any shape; float16, bfloat16, float32 or float64; -inf allowed.
        target: $p$, same shape and dtype; with `log_target` it is $\log p$, and -inf is allowed.
        reduction: 'none', 'sum', 'mean' (over all elements: no divergence) or 'batchmean' (over the
            first dimension).
        log_target: Whether `target` holds logarithms.

    Returns:
        The shape of `input` for 'none', else a scalar; dtype of `input`. $p = 0$ contributes 0
        whatever q is; $p > 0$ where $q = 0$ gives inf. Half types are computed in float32.

    Raises:
        ValueError: `reduction` is none of the four.

    Forbidden: torch.nn.functional.kl_div, KLDivLoss, distributions and what wraps them.

    Source: document 002.
    """
    if reduction not in ("none", "sum", "mean", "batchmean"):
        raise ValueError(f"reduction must be 'none', 'sum', 'mean' or 'batchmean', got {reduction!r}")
    half = input.dtype in (torch.float16, torch.bfloat16)
    log_q, given = (input.float(), target.float()) if half else (input, target)
    p = given.exp() if log_target else given
    there = p > 0
    log_p = given if log_target else torch.where(there, p, 1).log()
    # Where p is 0 nothing is computed: 0 * inf would be nan, in the value or in the gradient.
    terms = p * torch.where(there, log_p - log_q, 0)
    terms = torch.where(p.isnan(), math.nan, terms)
    result = terms
    if reduction == "mean":
        result = terms.mean()
    elif reduction != "none":
        result = terms.sum() / (input.shape[0] if reduction == "batchmean" else 1)
    return result.to(input.dtype)


def _normalizer(x: Tensor) -> Tensor:
    """Return log-sum-exp over the last dimension, kept."""
    top, place = x.max(-1, keepdim=True)
    others = (x - torch.where(top.isfinite(), top, 0)).exp().scatter(-1, place, 0.0)
    return top + others.sum(-1, keepdim=True).log1p()


def _log_ratio(q_logits: Tensor, p_logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Return p, q and $\log p - \log q$ of two rows of logits."""
    norm_q, norm_p = _normalizer(q_logits), _normalizer(p_logits)
    nowhere = (q_logits == -math.inf).logical_and(p_logits == -math.inf)
    gap = torch.where(nowhere, 0, p_logits) - torch.where(nowhere, 0, q_logits)
    # The difference of the logits is nearly exact; an error of the normalisers shifts all of d, which cancels in KL.
    return (p_logits - norm_p).exp(), (q_logits - norm_q).exp(), gap - (norm_p - norm_q)


def kl_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    r"""Return KL(p‖q) of each row, never negative, for p = softmax(p_logits) and q = softmax(q_logits).

    Args:
        q_logits: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; -inf allowed.
        p_logits: Same shape and dtype; -inf allowed.

    Returns:
        Shape `(*batch)`, dtype of the logits. $p = 0$ contributes 0, $p > 0$ where $q = 0$ gives
        inf. Half types are computed in float32.

    Forbidden: torch.nn.functional.kl_div, softmax, log_softmax, logsumexp, distributions and what
        wraps them.

    Source: with $d = \log p - \log q$: $\sum p d = \sum p (d + e^{-d} - 1)$, and no term of that is
        negative.
    """
    half = q_logits.dtype in (torch.float16, torch.bfloat16)
    p, q, d = _log_ratio(*((q_logits.float(), p_logits.float()) if half else (q_logits, p_logits)))
    near = d.abs() < 1
    small = torch.where(near, d, 0)  # before expm1: a `where` after it lets nan gradients through
    large = torch.where(near.logical_or(p == 0), 0, d)
    return torch.where(near, p * (small + (-small).expm1()), p * large + (q - p)).sum(-1).to(q_logits.dtype)


def js_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    r"""Return the Jensen-Shannon divergence of each row, in nats: between 0 and log 2, symmetric.

    Args:
        q_logits: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; -inf allowed.
        p_logits: Same shape and dtype; -inf allowed.

    Returns:
        Shape `(*batch)`, dtype of the logits. Half types are computed in float32.

    Forbidden: as for `kl_from_logits`.

    Source: $\frac12 KL(p‖m) + \frac12 KL(q‖m)$ with $m = (p + q) / 2$, each in its never negative
        form.
    """
    half = q_logits.dtype in (torch.float16, torch.bfloat16)
    p, q, d = _log_ratio(*((q_logits.float(), p_logits.float()) if half else (q_logits, p_logits)))
    near = d.abs() < 1
    small = torch.where(near, d, 0)
    to_p, to_q = -((-small).expm1() / 2).log1p(), -(small.expm1() / 2).log1p()  # log(p/m), log(q/m)
    close = p * (to_p + (-to_p).expm1()) + q * (to_q + (-to_q).expm1())
    middle = (p + q) / 2
    safe = torch.where(middle > 0, middle, 1)
    ratio_p, ratio_q = (torch.where((v > 0).logical_and(~near), v / safe, 1) for v in (p, q))
    far = p * ratio_p.log() + q * ratio_q.log()
    return (torch.where(near, close, far).sum(-1) / 2).clamp(0, math.log(2)).to(q_logits.dtype)


def kl_estimate(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    r"""Return an estimate of KL(policy‖reference) for each sampled token, with $d$ = ref_log_probs - log_probs.

    Args:
        log_probs: Any shape; float16, bfloat16, float32 or float64: the policy's, of tokens drawn
            from it.
        ref_log_probs: Same shape and dtype: the reference's, of the same tokens.
        kind: 'k1': $-d$; 'k2': $d^2 / 2$; 'k3': $e^d - 1 - d$, never negative.

    Returns:
        The inputs' shape and dtype; inf only where the exact value exceeds the dtype. Half types
        are computed in float32.

    Raises:
        ValueError: `kind` is none of the three.

    Forbidden: nothing; torch has no such function.

    Source: Schulman, "Approximating KL Divergence" (2020).
    """
    if kind not in ("k1", "k2", "k3"):
        raise ValueError(f"kind must be 'k1', 'k2' or 'k3', got {kind!r}")
    half = log_probs.dtype in (torch.float16, torch.bfloat16)
    d = ref_log_probs.float() - log_probs.float() if half else ref_log_probs - log_probs
    if kind == "k1":
        return (-d).to(log_probs.dtype)
    if kind == "k2":
        return (d * d / 2).to(log_probs.dtype)
    # expm1(d) - d cancels for small d: there the series of e^d - 1 - d, its small terms first.
    near = d.abs() < 0.5
    small = torch.where(near, d, 0)
    series = sum(small**n / math.factorial(n) for n in reversed(range(2, 19)))
    large = torch.where(near, 1.0, d)
    return torch.where(near, series, large.expm1() - large).to(log_probs.dtype)


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    r"""Return $T^2$ times the mean over all rows of KL(teacher‖student) at temperature T.

    Args:
        student_logits: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; -inf allowed.
        teacher_logits: Same shape and dtype; -inf allowed.
        temperature: T > 0; both logits are divided by it.

    Returns:
        A scalar, dtype of the logits. Its gradient is that for the student.

    Forbidden: as for `kl_from_logits`, which is welcome.

    Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015): $T^2$
        keeps the gradient's size.
    """
    half = student_logits.dtype in (torch.float16, torch.bfloat16)
    student, teacher = (v.float() if half else v for v in (student_logits, teacher_logits))
    rows = kl_from_logits(student / temperature, teacher / temperature)
    return (temperature**2 * rows.mean()).to(student_logits.dtype)
