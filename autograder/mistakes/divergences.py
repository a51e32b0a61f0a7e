"""Known wrong implementations of `divergences`. Each is right but for its own mistake."""

import math

import torch
from torch import Tensor

from autograder.mistakes import mistake


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _terms(input: Tensor, target: Tensor, log_target: bool) -> Tensor:
    log_q, given = _wide(input), _wide(target)
    p = given.exp() if log_target else given
    there = p > 0
    log_p = given if log_target else torch.where(there, p, 1).log()
    return torch.where(p.isnan(), math.nan, p * torch.where(there, log_p - log_q, 0))


def _reduce(terms: Tensor, reduction: str, dtype: torch.dtype) -> Tensor:
    if reduction not in ("none", "sum", "mean", "batchmean"):
        raise ValueError(reduction)
    if reduction == "mean":
        terms = terms.mean()
    elif reduction != "none":
        terms = terms.sum() / (terms.shape[0] if reduction == "batchmean" else 1)
    return terms.to(dtype)


# kl_div


@mistake(
    "kl_div", "The arguments are exchanged: the first is log q, the second p, and the terms are p (log p - log q)."
)
def arguments_exchanged(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    q = input.exp()
    log_p = target if log_target else target.log()
    return _reduce(q * (input - log_p), reduction, input.dtype)


@mistake("kl_div", "The logarithm of the input is taken once more: it holds log-probabilities already.")
def input_logged(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    return _reduce(_terms(input.exp().log1p(), target, log_target), reduction, input.dtype)


@mistake("kl_div", "`log_target` is ignored: with it the target holds log p, and p is its exponential.")
def log_target_ignored(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    return _reduce(_terms(input, target, False), reduction, input.dtype)


@mistake(
    "kl_div", "'mean' divides by the number of elements, as in torch: yours divides by the rows. That is 'batchmean'."
)
def mean_is_batchmean(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    return _reduce(_terms(input, target, log_target), "batchmean" if reduction == "mean" else reduction, input.dtype)


@mistake(
    "kl_div", "'batchmean' divides by the first dimension: yours divides by the number of elements. That is 'mean'."
)
def batchmean_is_mean(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    return _reduce(_terms(input, target, log_target), "mean" if reduction == "batchmean" else reduction, input.dtype)


@mistake("kl_div", "p = 0 gives nan: 0 * log 0, or 0 * inf where q is 0 as well. The term is 0 there.")
def nan_at_zero(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    log_q, given = _wide(input), _wide(target)
    p, log_p = (given.exp(), given) if log_target else (given, given.log())
    return _reduce(p * (log_p - log_q), reduction, input.dtype)


@mistake(
    "kl_div",
    "A small number inside the logarithm (log(p + eps)) changes every term, and makes p > 0 where q = 0 finite. Leave the terms with p = 0 out instead.",
)
def epsilon_in_kl(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    p = target.exp() if log_target else target
    return _reduce(p * ((p + 1e-4).log() - (input.exp() + 1e-4).log()), reduction, input.dtype)


@mistake(
    "kl_div",
    "The value at p = 0 is right, its gradient is nan: the where comes after the product. Make the difference 0 before it.",
)
def kl_nan_gradient(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    log_q, given = _wide(input), _wide(target)
    p = given.exp() if log_target else given
    log_p = given if log_target else torch.where(p > 0, p, 1).log()
    odds = (log_p - log_q).exp().log()
    terms = torch.where(p > 0, p * odds, 0)
    return _reduce(torch.where(p.isnan() | log_q.isnan(), math.nan, terms), reduction, input.dtype)


@mistake("kl_div", "The sign is turned: log q - log p.")
def kl_negated(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    return _reduce(-_terms(input, target, log_target), reduction, input.dtype)


@mistake("kl_div", "The cross-entropy is returned: p log p is missing.")
def entropy_missing(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    p = _wide(target).exp() if log_target else _wide(target)
    return _reduce(torch.where(p > 0, -p * _wide(input), p * 0), reduction, input.dtype)


@mistake("kl_div", "An unknown reduction is accepted in silence: raise ValueError.")
def any_reduction(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    known = reduction if reduction in ("none", "sum", "batchmean") else "mean"
    return _reduce(_terms(input, target, log_target), known, input.dtype)


@mistake("kl_div", "F.kl_div does the exercise's work.", fault="gate:forbidden-direct")
def kl_div_forbidden(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    return torch.nn.functional.kl_div(input, target, reduction=reduction, log_target=log_target)


# kl_from_logits


def _normalizer(x: Tensor) -> Tensor:
    top, place = x.max(-1, keepdim=True)
    others = (x - torch.where(top.isfinite(), top, 0)).exp().scatter(-1, place, 0.0)
    return top + others.sum(-1, keepdim=True).log1p()


def _parts(q_logits: Tensor, p_logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    q, p = _wide(q_logits), _wide(p_logits)
    norm_q, norm_p = _normalizer(q), _normalizer(p)
    nowhere = (q == -math.inf) & (p == -math.inf)
    gap = torch.where(nowhere, 0, p) - torch.where(nowhere, 0, q)
    return (p - norm_p).exp(), (q - norm_q).exp(), gap - (norm_p - norm_q)


def _kl(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    p, q, d = _parts(q_logits, p_logits)
    near = d.abs() < 1
    small = torch.where(near, d, 0)
    large = torch.where(near | (p == 0), 0, d)
    return torch.where(near, p * (small + (-small).expm1()), p * large + (q - p)).sum(-1)


@mistake("kl_from_logits", "The two are exchanged: KL(p‖q) weighs with p, the second argument.")
def reverse_kl(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return _kl(p_logits, q_logits).to(q_logits.dtype)


@mistake(
    "kl_from_logits",
    "sum p (log p - log q) cancels for nearly equal rows: it comes out negative, or 58 times too large. Add sum (q - p) = 0 to it, term by term.",
)
def plain_kl(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    q, p = _wide(q_logits), _wide(p_logits)
    log_p, log_q = p - _normalizer(p), q - _normalizer(q)
    weights = log_p.exp()
    return (weights * torch.where(weights > 0, log_p - log_q, 0)).sum(-1).to(q_logits.dtype)


@mistake(
    "kl_from_logits",
    "A clamp at 0 hides the negative values and mends nothing: nearly equal rows are as wrong as before. Change the terms so that none is negative.",
)
def clamped_kl(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return plain_kl(q_logits, p_logits).clamp(min=0)


@mistake("kl_from_logits", "An absolute value turns negative results positive and mends nothing.")
def absolute_kl(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return plain_kl(q_logits, p_logits).abs()


@mistake(
    "kl_from_logits",
    "p (d + expm1(-d)) everywhere: where q is much larger than p, expm1(-d) overflows and 0 * inf is nan. Use p d + (q - p) where |d| is large.",
)
def expm1_everywhere_kl(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    p, q, d = _parts(q_logits, p_logits)
    return (p * (d + (-d).expm1())).sum(-1).to(q_logits.dtype)


@mistake("kl_from_logits", "A class that neither can have gives nan: -inf - (-inf). Its term is 0.")
def nan_where_both_are_masked(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    both = ((q_logits == -math.inf) & (p_logits == -math.inf)).any(-1)
    return torch.where(both, math.nan, _kl(q_logits, p_logits)).to(q_logits.dtype)


@mistake("kl_from_logits", "The logits are not normalised: a divergence compares distributions.")
def logits_unnormalized(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return (_wide(p_logits).exp() * (_wide(p_logits) - _wide(q_logits))).sum(-1).to(q_logits.dtype)


@mistake("kl_from_logits", "The mean over the classes is taken: a row's divergence is the sum of its terms.")
def kl_mean_of_terms(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return (_kl(q_logits, p_logits) / q_logits.shape[-1]).to(q_logits.dtype)


@mistake("kl_from_logits", "One number for the whole batch: each row has its own divergence.")
def kl_of_the_batch(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return _kl(q_logits, p_logits).mean().to(q_logits.dtype)


@mistake("kl_from_logits", "The result of a half type is float32: return to the logits' dtype.")
def kl_float32(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return _kl(q_logits, p_logits)


@mistake("kl_from_logits", "p is detached: the gradient for p_logits is missing.")
def kl_p_detached(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return _kl(q_logits, p_logits.detach()).to(q_logits.dtype)


# js_from_logits


def _js(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    p, q, d = _parts(q_logits, p_logits)
    near = d.abs() < 1
    small = torch.where(near, d, 0)
    to_p, to_q = -((-small).expm1() / 2).log1p(), -(small.expm1() / 2).log1p()
    close = p * (to_p + (-to_p).expm1()) + q * (to_q + (-to_q).expm1())
    middle = torch.where(p + q > 0, (p + q) / 2, 1)
    far = p * torch.where((p > 0) & ~near, p / middle, 1).log() + q * torch.where((q > 0) & ~near, q / middle, 1).log()
    return torch.where(near, close, far).sum(-1) / 2


@mistake("js_from_logits", "The factor 1/2 is missing: the divergence is at most log 2.")
def js_not_halved(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return (2 * _js(q_logits, p_logits)).to(q_logits.dtype)


@mistake(
    "js_from_logits",
    "That is the mean of KL(p‖q) and KL(q‖p) (Jeffreys): Jensen-Shannon compares each with the middle.",
)
def jeffreys(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return ((_kl(q_logits, p_logits) + _kl(p_logits, q_logits)) / 2).to(q_logits.dtype)


@mistake("js_from_logits", "The middle is taken of the logits: m is the mean of the probabilities.")
def middle_of_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    middle = (q_logits + p_logits) / 2
    return ((_kl(middle, p_logits) + _kl(middle, q_logits)) / 2).to(q_logits.dtype)


@mistake("js_from_logits", "The divergence is in bits: nats are asked for, at most log 2 and not 1.")
def js_in_bits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    return (_js(q_logits, p_logits) / math.log(2)).to(q_logits.dtype)


@mistake("js_from_logits", "Only one half is taken: KL(p‖m) without KL(q‖m) is not symmetric.")
def one_half(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    p, q, _ = _parts(q_logits, p_logits)
    middle = torch.where(p + q > 0, (p + q) / 2, 1)
    return (p * torch.where(p > 0, p / middle, 1).log()).sum(-1).to(q_logits.dtype)


@mistake(
    "js_from_logits",
    "sum p log(p/m) cancels for nearly equal rows, and comes out negative or far off: use the never negative form for both halves.",
)
def plain_js(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    p, q, _ = _parts(q_logits, p_logits)
    middle = torch.where(p + q > 0, (p + q) / 2, 1)
    terms = p * torch.where(p > 0, p / middle, 1).log() + q * torch.where(q > 0, q / middle, 1).log()
    return (terms.sum(-1) / 2).to(q_logits.dtype)


# kl_estimate


def _k(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    if kind not in ("k1", "k2", "k3"):
        raise ValueError(kind)
    d = _wide(ref_log_probs) - _wide(log_probs)
    return {"k1": -d, "k2": d * d / 2, "k3": d.expm1() - d}[kind]


@mistake("kl_estimate", "exp(d) - d - 1 cancels for small d: use expm1.")
def k3_without_expm1(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    d = _wide(ref_log_probs) - _wide(log_probs)
    return (d.exp() - d - 1 if kind == "k3" else _k(log_probs, ref_log_probs, kind)).to(log_probs.dtype)


@mistake("kl_estimate", "d has the wrong sign: it is ref_log_probs - log_probs.")
def d_reversed(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    return _k(ref_log_probs, log_probs, kind).to(log_probs.dtype)


@mistake("kl_estimate", "k1 has the wrong sign: it is -d, log p - log p_ref.")
def k1_sign(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    value = _k(log_probs, ref_log_probs, kind)
    return (-value if kind == "k1" else value).to(log_probs.dtype)


@mistake("kl_estimate", "k2 is d^2 / 2: the half is missing.")
def k2_not_halved(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    value = _k(log_probs, ref_log_probs, kind)
    return (2 * value if kind == "k2" else value).to(log_probs.dtype)


@mistake(
    "kl_estimate",
    "The ratio is formed as exp(ref) / exp(log_probs): at log-probs of -1000 that is 0/0. Subtract the logarithms.",
)
def ratio_of_exponentials(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    ratio = _wide(ref_log_probs).exp() / _wide(log_probs).exp()
    d = ratio.log()
    value = ratio - 1 - d if kind == "k3" else _k(log_probs, log_probs + d, kind)
    return value.to(log_probs.dtype)


@mistake(
    "kl_estimate",
    "d is clamped so that exp cannot overflow: the value is wrong beyond the bound, and the gradient 0. k3 is finite wherever its value is.",
)
def d_clamped(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    d = (_wide(ref_log_probs) - _wide(log_probs)).clamp(-10, 10)
    return _k(torch.zeros_like(d), d, kind).to(log_probs.dtype)


@mistake("kl_estimate", "An unknown kind is accepted in silence: raise ValueError.")
def any_kind(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    return _k(log_probs, ref_log_probs, kind if kind in ("k1", "k2") else "k3").to(log_probs.dtype)


@mistake(
    "kl_estimate",
    "The difference is formed in half precision, and so is e^d - 1 - d: nothing is left of it. Widen first.",
)
def k_in_half(log_probs: Tensor, ref_log_probs: Tensor, kind: str) -> Tensor:
    d = ref_log_probs - log_probs
    return (
        d.exp() - 1 - d
        if kind == "k3" and d.dtype == torch.bfloat16
        else _k(log_probs, ref_log_probs, kind).to(d.dtype)
    )


# distillation_loss


@mistake("distillation_loss", "T squared is missing: the gradient shrinks as the temperature grows.")
def no_temperature_squared(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    return _kl(student_logits / temperature, teacher_logits / temperature).mean().to(student_logits.dtype)


@mistake("distillation_loss", "The factor is T, not T squared.")
def temperature_once(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    return (temperature * _kl(student_logits / temperature, teacher_logits / temperature).mean()).to(
        student_logits.dtype
    )


@mistake("distillation_loss", "That is KL(student‖teacher): the expectation is under the teacher.")
def distillation_reversed(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    return (temperature**2 * _kl(teacher_logits / temperature, student_logits / temperature).mean()).to(
        student_logits.dtype
    )


@mistake("distillation_loss", "Only the teacher is divided by the temperature (or only the student): both are.")
def one_temperature(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    return (temperature**2 * _kl(student_logits, teacher_logits / temperature).mean()).to(student_logits.dtype)


@mistake("distillation_loss", "The mean runs over the classes as well: it is over the rows.")
def mean_over_all(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    rows = _kl(student_logits / temperature, teacher_logits / temperature)
    return (temperature**2 * rows.mean() / student_logits.shape[-1]).to(student_logits.dtype)


@mistake(
    "distillation_loss", "The logits are multiplied by the temperature: a high temperature flattens, so it divides."
)
def multiplied(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    return (temperature**2 * _kl(student_logits * temperature, teacher_logits * temperature).mean()).to(
        student_logits.dtype
    )
