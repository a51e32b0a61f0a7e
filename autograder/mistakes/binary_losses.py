"""Known wrong implementations of `binary_losses`. Each is right but for its own mistake."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.mistakes import mistake


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _reduced(loss: Tensor, weight: Tensor | None, reduction: str, dtype: torch.dtype) -> Tensor:
    loss = loss if weight is None else loss * weight
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction)
    return (loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()).to(dtype)


def _hit(p: Tensor) -> Tensor:
    never = p < math.exp(-100)
    return torch.where(never, -100, torch.where(never, 1, p).log())


def _miss(p: Tensor) -> Tensor:
    return torch.where(p == 1, -100, (-torch.where(p == 1, 0, p)).log1p())


def _right(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    p, t = _wide(probs), _wide(target)
    return _reduced(-(t * _hit(p) + (1 - t) * _miss(p)), weight, reduction, probs.dtype)


# bce


@mistake(
    "bce",
    "The logarithms are not clamped: a probability of 0 or 1 gives inf, and 0 * -inf is nan even where the answer is 0. "
    "Let no logarithm be below -100.",
)
def no_clamp(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    p, t = _wide(probs), _wide(target)
    return _reduced(-(t * p.log() + (1 - t) * (-p).log1p()), weight, reduction, probs.dtype)


@mistake(
    "bce",
    "The gradient is nan at 0 and 1, though the value is right: clamp passes on 0 times the infinite slope of the "
    "logarithm, and that is nan. Give the logarithm a harmless input there: torch.where(p == 0, 1, p).log().",
)
def nan_gradient_at_the_ends(
    probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    p, t = _wide(probs), _wide(target)
    loss = -(t * p.log().clamp(min=-100) + (1 - t) * (-p).log1p().clamp(min=-100))
    return _reduced(loss, weight, reduction, probs.dtype)


@mistake(
    "bce",
    "The probabilities are clamped (p.clamp(1e-7, 1 - 1e-7)): every loss above 16 is cut off, and with it its gradient. It "
    "is the logarithm that is clamped, at -100.",
)
def clamped_probabilities(
    probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    return _right(_wide(probs).clamp(1e-7, 1 - 1e-7), target, weight, reduction).to(probs.dtype)


@mistake(
    "bce",
    "A small number is added inside the logarithms (log(p + 1e-8)): right answers change, and 0 costs 18 instead of 100. "
    "Clamp the logarithm at -100 instead.",
)
def epsilon_in_log(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    p, t = _wide(probs), _wide(target)
    return _reduced(-(t * (p + 1e-8).log() + (1 - t) * (1 - p + 1e-8).log()), weight, reduction, probs.dtype)


@mistake(
    "bce",
    "log(1 - p) for small p: 1 - p rounds to 1 and the digits of p are gone, at 1e-9 in float32 the loss is 0. log1p(-p) "
    "keeps them.",
)
def log_of_one_minus_p(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    p, t = _wide(probs), _wide(target)
    rest = 1 - p
    miss = torch.where(rest == 0, -100, torch.where(rest == 0, 1, rest).log())
    return _reduced(-(t * _hit(p) + (1 - t) * miss), weight, reduction, probs.dtype)


@mistake(
    "bce",
    "The clamp comes after the factor: t * log p is clamped at -100, so a target of 1/2 at p = 0 costs 100 instead of 50. "
    "Clamp each logarithm, then multiply.",
)
def clamped_after_the_factor(
    probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    p, t = _wide(probs), _wide(target)
    hit = torch.where((p == 0).logical_and(t > 0), -100, t * torch.where(p == 0, 1, p).log()).clamp(min=-100)
    miss = torch.where((p == 1).logical_and(t < 1), -100, (1 - t) * (-torch.where(p == 1, 0, p)).log1p())
    return _reduced(-(hit + miss), weight, reduction, probs.dtype)


@mistake(
    "bce",
    "-100 is put where p is 0 and nowhere else: in float64 the logarithm goes on down to -745. Clamp it at -100.",
)
def only_zero_is_clamped(
    probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    p, t = _wide(probs), _wide(target)
    hit = torch.where(p == 0, -100, torch.where(p == 0, 1, p).log())
    return _reduced(-(t * hit + (1 - t) * _miss(p)), weight, reduction, probs.dtype)


@mistake(
    "bce",
    "The term of the negatives is missing: -t log p alone is 0 for every target 0. Add -(1 - t) log(1 - p).",
)
def positives_only(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return _reduced(-_wide(target) * _hit(_wide(probs)), weight, reduction, probs.dtype)


@mistake("bce", "The sign is missing: a loss is not negative. It is minus the logarithm of the probability.")
def no_minus(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return -_right(probs, target, weight, reduction)


@mistake(
    "bce",
    "Probabilities and targets are swapped: the logarithm is that of the prediction, the target is its factor.",
)
def swapped(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return _right(target, probs, weight, reduction)


@mistake(
    "bce",
    "The inputs are taken for logits: a sigmoid is applied to what already is a probability.",
)
def taken_for_logits(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return _right(_wide(probs).sigmoid(), target, weight, reduction).to(probs.dtype)


@mistake(
    "bce",
    "Targets between 0 and 1 are rounded (target > 0.5, target.bool(), torch.where(target == 1, ...)): a target is a "
    "probability and a factor of its term.",
)
def targets_rounded(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return _right(probs, (target > 0.5).to(target.dtype), weight, reduction)


@mistake("bce", "`weight` is ignored: each loss is multiplied by its weight before the reduction.")
def weight_ignored(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return _right(probs, target, None, reduction)


@mistake(
    "bce",
    "The weight is a factor of the positive term only: that is what pos_weight does, in bce_with_logits. `weight` is a "
    "factor of the whole loss.",
)
def weight_on_positives(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    p, t = _wide(probs), _wide(target)
    factor = t if weight is None else t * weight
    return _reduced(-(factor * _hit(p) + (1 - t) * _miss(p)), None, reduction, probs.dtype)


@mistake(
    "bce",
    "The weighted mean is divided by the sum of the weights. Here, unlike in cross_entropy, it is divided by the number "
    "of losses.",
)
def mean_by_weights(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    if reduction != "mean" or weight is None:
        return _right(probs, target, weight, reduction)
    return _right(probs, target, weight, "sum") / torch.broadcast_to(weight, probs.shape).sum()


@mistake(
    "bce",
    "The weight comes after the reduction: the mean of the losses times the weights is no single number. Multiply each "
    "loss first.",
)
def weight_after_the_mean(
    probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    reduced = _right(probs, target, None, reduction)
    return reduced if weight is None else reduced * weight


@mistake("bce", "`reduction` is ignored: the answer is always the mean. 'none' keeps the losses, 'sum' adds them.")
def always_the_mean(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction)
    return _right(probs, target, weight, "mean")


@mistake(
    "bce",
    "'mean' divides by the number of rows: that is what other libraries call batchmean. Divide by the number of losses.",
)
def mean_over_rows(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    if reduction != "mean" or probs.dim() < 2:
        return _right(probs, target, weight, reduction)
    total = _right(_wide(probs), _wide(target), weight, "sum")
    return (total / probs.shape[0] if probs.shape[0] else total * math.nan).to(probs.dtype)


@mistake(
    "bce",
    "An unknown `reduction` is taken for one of the three: a slip of the pen then trains with the wrong loss. Raise "
    "ValueError.",
)
def any_reduction(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return _right(probs, target, weight, reduction if reduction in ("none", "sum") else "mean")


@mistake(
    "bce",
    "nan is replaced by a number (nan_to_num): the caller can no longer see that the input was broken. A nan has to come "
    "out as nan.",
)
def nan_to_num(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    loss = _right(probs, target, weight, "none")
    return _reduced(loss if not loss.numel() else loss.nan_to_num(), None, reduction, probs.dtype)


@mistake("bce", "No gradient reaches the probabilities: they are detached, or the loss is computed under no_grad.")
def detached(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return _right(probs.detach(), target, weight, reduction)


@mistake("bce", "The result of a half type comes back as float32. Compute in float32, then return to probs.dtype.")
def float32_result(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return _right(_wide(probs), _wide(target), weight, reduction)


@mistake("bce", "The result is in float64 whatever came in: return probs.dtype.")
def float64_result(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return _right(probs.double(), target.double(), weight, reduction)


@mistake(
    "bce",
    "Your function changes its input: an operation in place (clamp_, log_, neg_) writes into the caller's tensor. Make a "
    "new one.",
)
def in_place(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    loss = _right(probs, target, weight, reduction)
    probs.detach().clamp_(0.2, 0.8)
    return loss


@mistake(
    "bce",
    "A loop over the rows: Python pays for every row, and a GPU waits for Python. Every operation here is elementwise.",
    fault="gate:loop",
)
def loop_over_rows(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    losses = torch.empty(probs.shape, dtype=_wide(probs).dtype)
    for i in range(probs.shape[0]):
        losses[i] = _right(_wide(probs)[i], _wide(target)[i], None, "none")
    return _reduced(losses, weight, reduction, probs.dtype)


@mistake(
    "bce",
    "torch's binary_cross_entropy, or a function that does its work, is forbidden here: it is the exercise. log, log1p and "
    "where are all that is needed.",
    fault="gate:forbidden-direct",
)
def forbidden_function(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    return F.binary_cross_entropy(probs, target, weight, reduction=reduction)


@mistake(
    "bce",
    "A Python `if` on the numbers of a tensor makes a GPU stop and wait, and decides for all of them at once. torch.where "
    "decides element by element.",
    fault="sync",
)
def branch_on_numbers(probs: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    if probs.numel() and probs.min() > 0 and probs.max() < 1 and probs.dtype == torch.float32:
        loss = -(target * probs.log() + (1 - target) * (-probs).log1p())
        return _reduced(loss, weight, reduction, probs.dtype)
    return _right(probs, target, weight, reduction)


# bce_with_logits


def _logit_losses(x: Tensor, t: Tensor, positive: Tensor) -> Tensor:
    zero = x.new_zeros(())
    above, below = torch.maximum(x, zero), torch.minimum(x, zero)
    hit, miss = t * positive, 1 - t
    tail = (below - above).exp().log1p()
    return miss * torch.where(miss == 0, 0, above) - hit * torch.where(hit == 0, 0, below) + (hit + miss) * tail


def _one(x: Tensor, pos_weight: Tensor | None) -> Tensor:
    return x.new_ones(()) if pos_weight is None else pos_weight


def _right_logits(
    x: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    losses = _logit_losses(_wide(x), _wide(target), _one(x, pos_weight))
    return _reduced(losses, weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "The sigmoid comes first, then the clamped logarithms of bce: in float32 sigmoid(17) is 1, so from there on a wrong "
    "target costs 100 and has the gradient 0. Stay with the logit: log(1 - sigmoid(x)) is -log(1 + e^x).",
)
def sigmoid_then_bce(x, target, weight=None, pos_weight=None, reduction="mean"):
    p, t = _wide(x).sigmoid(), _wide(target)
    loss = -(t * _one(x, pos_weight) * _hit(p) + (1 - t) * _miss(p))
    return _reduced(loss, weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "The logarithm of a sigmoid: sigmoid(x) rounds to 1 above 17 and to 0 below -89 in float32, and the logarithm is "
    "infinite. Use -log sigmoid(x) = log(1 + e^-x), with the larger term taken out.",
)
def log_of_sigmoid(x, target, weight=None, pos_weight=None, reduction="mean"):
    p, t = _wide(x).sigmoid(), _wide(target)
    loss = -(t * _one(x, pos_weight) * p.log() + (1 - t) * (1 - p).log())
    return _reduced(loss, weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "log(1 + e^x) as it is written overflows above 88.7. Take the larger term out: max(x, 0) + log1p(exp(-|x|)).",
)
def exp_overflows(x, target, weight=None, pos_weight=None, reduction="mean"):
    v, t = _wide(x), _wide(target)
    loss = t * _one(x, pos_weight) * (-v).exp().log1p() + (1 - t) * v.exp().log1p()
    return _reduced(loss, weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "The value is right, the gradient at x = 0 is not 1/2 - t: relu and abs have the slope 0 there, and half of it is lost. "
    "torch.maximum(x, zero) and torch.minimum(x, zero) share the slope.",
)
def relu_and_abs(x, target, weight=None, pos_weight=None, reduction="mean"):
    v, t = _wide(x), _wide(target)
    hit, miss = t * _one(x, pos_weight), 1 - t
    linear = miss * torch.where(miss == 0, 0, v.relu()) + hit * torch.where(hit == 0, 0, (-v).relu())
    return _reduced(linear + (hit + miss) * (-v.abs()).exp().log1p(), weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "The value is right, the gradient at x = 0 is not 1/2 - t: clamp(min=0) has the slope 1 there and abs 0. "
    "torch.maximum(x, zero) and torch.minimum(x, zero) share the slope.",
)
def clamp_and_abs(x, target, weight=None, pos_weight=None, reduction="mean"):
    v, t = _wide(x), _wide(target)
    hit, miss = t * _one(x, pos_weight), 1 - t
    linear = miss * torch.where(miss == 0, 0, v.clamp(min=0)) - hit * torch.where(hit == 0, 0, v.clamp(max=0))
    return _reduced(linear + (hit + miss) * (-v.abs()).exp().log1p(), weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "F.softplus gives x itself above 20: in float64 half a million ulps too little. max(x, 0) + log1p(exp(-|x|)) needs no "
    "threshold.",
)
def softplus_threshold(x, target, weight=None, pos_weight=None, reduction="mean"):
    v, t = _wide(x), _wide(target)
    hit, miss = t * _one(x, pos_weight), 1 - t
    loss = hit * torch.where(hit == 0, 0, F.softplus(-v)) + miss * torch.where(miss == 0, 0, F.softplus(v))
    return _reduced(loss, weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "An infinite logit on the right side gives nan: 0 * inf, as in torch itself. Where a factor is 0, put 0 in the place of "
    "what it multiplies: torch.where(factor == 0, 0, value).",
)
def infinite_logit_nan(x, target, weight=None, pos_weight=None, reduction="mean"):
    v, t = _wide(x), _wide(target)
    hit = t * _one(x, pos_weight)
    zero = v.new_zeros(())
    above, below = torch.maximum(v, zero), torch.minimum(v, zero)
    loss = (1 - t) * above - hit * below + (hit + 1 - t) * (below - above).exp().log1p()
    return _reduced(loss, weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "The logits are clamped: beyond the bound every loss is the same and the gradient 0. Nothing here overflows once the "
    "larger term is out of the exponential.",
)
def logits_clamped(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _right_logits(_wide(x).clamp(-50, 50), _wide(target), weight, pos_weight, reduction).to(x.dtype)


@mistake(
    "bce_with_logits",
    "-max is missing in one exponential (log(e^-m + e^(-x-m)) with m = max(x, 0) for max(-x, 0)): far below 0 it overflows. "
    "The number taken out has to be the larger one.",
)
def wrong_maximum(x, target, weight=None, pos_weight=None, reduction="mean"):
    v, t = _wide(x), _wide(target)
    hit, miss = t * _one(x, pos_weight), 1 - t
    zero = v.new_zeros(())
    top = torch.where(v.isfinite(), torch.maximum(v, zero), 0)
    soft = top + ((-top).exp() + (-v - top).exp()).log()
    loss = miss * torch.where(miss == 0, 0, v) + (hit + miss) * torch.where((v == -math.inf) & (t == 0), 0, soft)
    right = _logit_losses(v, t, _one(x, pos_weight))
    return _reduced(torch.where(v < -20, loss, right), weight, reduction, x.dtype)


@mistake("bce_with_logits", "`pos_weight` is ignored: it is a factor of the term with t.")
def pos_weight_ignored(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _right_logits(x, target, weight, None, reduction)


@mistake(
    "bce_with_logits",
    "`pos_weight` multiplies the whole loss: it belongs to the term with t only. The other one is `weight`.",
)
def pos_weight_everywhere(x, target, weight=None, pos_weight=None, reduction="mean"):
    losses = _right_logits(_wide(x), _wide(target), None, None, "none") * _one(x, pos_weight)
    return _reduced(losses, weight, reduction, x.dtype)


@mistake("bce_with_logits", "`pos_weight` multiplies the term of the negatives: it belongs to the term with t.")
def pos_weight_on_negatives(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _right_logits(-x, 1 - target, weight, pos_weight, reduction)


@mistake("bce_with_logits", "The sign of the logit is turned round: a large logit means that t = 1 is likely.")
def sign_turned(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _right_logits(-x, target, weight, pos_weight, reduction)


@mistake("bce_with_logits", "The sigmoid is missing: x is taken for a probability.")
def taken_for_probabilities(x, target, weight=None, pos_weight=None, reduction="mean"):
    p, t = _wide(x), _wide(target)
    loss = -(t * _one(x, pos_weight) * p.clamp(0, 1).log().clamp(min=-100) + (1 - t) * (1 - p.clamp(0, 1)).log())
    return _reduced(loss.clamp(max=100), weight, reduction, x.dtype)


@mistake("bce_with_logits", "Targets between 0 and 1 are rounded: a target is a probability and a factor of its term.")
def logit_targets_rounded(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _right_logits(x, (target > 0.5).to(target.dtype), weight, pos_weight, reduction)


@mistake("bce_with_logits", "`weight` is ignored: each loss is multiplied by its weight before the reduction.")
def logit_weight_ignored(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _right_logits(x, target, None, pos_weight, reduction)


@mistake(
    "bce_with_logits",
    "The weighted mean is divided by the sum of the weights. Here, unlike in cross_entropy, it is divided by the number "
    "of losses.",
)
def logit_mean_by_weights(x, target, weight=None, pos_weight=None, reduction="mean"):
    if reduction != "mean" or weight is None:
        return _right_logits(x, target, weight, pos_weight, reduction)
    return _right_logits(x, target, weight, pos_weight, "sum") / torch.broadcast_to(weight, x.shape).sum()


@mistake("bce_with_logits", "`reduction` is ignored: the answer is always the mean.")
def logit_always_the_mean(x, target, weight=None, pos_weight=None, reduction="mean"):
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction)
    return _right_logits(x, target, weight, pos_weight, "mean")


@mistake("bce_with_logits", "An unknown `reduction` is taken for one of the three. Raise ValueError.")
def logit_any_reduction(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _right_logits(x, target, weight, pos_weight, reduction if reduction in ("none", "sum") else "mean")


@mistake(
    "bce_with_logits",
    "The second gradient is missing: the first one was computed by hand and detached (or once_differentiable). Build it out "
    "of torch functions of x.",
)
def once_differentiable(x, target, weight=None, pos_weight=None, reduction="mean"):
    losses = _right_logits(_wide(x), _wide(target), None, pos_weight, "none")
    v, t = _wide(x), _wide(target)
    slope = ((1 - t) * v.sigmoid() - t * _one(x, pos_weight) * (-v).sigmoid()).detach()
    return _reduced(losses.detach() + slope * (v - v.detach()).nan_to_num(), weight, reduction, x.dtype)


@mistake("bce_with_logits", "The result of a half type comes back as float32: return to x.dtype.")
def logit_float32_result(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _right_logits(_wide(x), _wide(target), weight, pos_weight, reduction)


@mistake(
    "bce_with_logits",
    "Half types are computed as they come: each step rounds to 11 or 8 bits. Widen to float32 first, round once at the end.",
)
def half_not_widened(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _reduced(_logit_losses(x, target, _one(x, pos_weight)), weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "torch's binary_cross_entropy_with_logits, or a function that does its work, is forbidden here: it is the exercise.",
    fault="gate:forbidden-direct",
)
def logit_forbidden_function(x, target, weight=None, pos_weight=None, reduction="mean"):
    return F.binary_cross_entropy_with_logits(x, target, weight, reduction=reduction, pos_weight=pos_weight)


@mistake(
    "bce_with_logits",
    "A tensor made without device=x.device lives on the CPU: with x on a GPU this line fails. x.new_zeros and "
    "torch.zeros_like take the device along.",
    fault="leak",
)
def cpu_constant(x, target, weight=None, pos_weight=None, reduction="mean"):
    losses = _right_logits(_wide(x), _wide(target), None, pos_weight, "none")
    return _reduced(losses + torch.zeros(losses.shape, dtype=losses.dtype), weight, reduction, x.dtype)


@mistake(
    "bce_with_logits",
    "float32 is computed in float64: many digits more than are kept, at twice the memory. Terms of one sign reach them in "
    "float32.",
    fault="memory",
)
def float64_inside(x, target, weight=None, pos_weight=None, reduction="mean"):
    return _right_logits(x.double(), target.double(), weight, pos_weight, reduction).to(x.dtype)


@mistake("bce_with_logits", "The target is changed in place (mul_, sub_, neg_): make a new tensor.")
def target_in_place(x, target, weight=None, pos_weight=None, reduction="mean"):
    loss = _right_logits(x, target, weight, pos_weight, reduction)
    target.neg_().add_(1)
    return loss


# multilabel_soft_margin_loss


def _right_rows(x: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean") -> Tensor:
    losses = _right_logits(_wide(x), _wide(target), weight, None, "none")
    return _reduced(losses.mean(-1), None, reduction, x.dtype)


@mistake(
    "multilabel_soft_margin_loss",
    "The mean over the labels is missing: 'none' gives one loss for each row, of shape `(*batch)`.",
)
def no_class_mean(x, target, weight=None, reduction="mean"):
    return _right_logits(x, target, weight, None, reduction)


@mistake(
    "multilabel_soft_margin_loss", "The losses of the labels are added: a row's loss is their mean, so divide by C."
)
def class_sum(x, target, weight=None, reduction="mean"):
    losses = _right_logits(_wide(x), _wide(target), weight, None, "none")
    return _reduced(losses.sum(-1), None, reduction, x.dtype)


@mistake(
    "multilabel_soft_margin_loss",
    "The mean is taken over dimension 1: with three dimensions the labels are in the last one, as in torch.",
)
def mean_over_dimension_1(x, target, weight=None, reduction="mean"):
    losses = _right_logits(_wide(x), _wide(target), weight, None, "none")
    return _reduced(losses.mean(1 if x.dim() > 1 else 0), None, reduction, x.dtype)


@mistake(
    "multilabel_soft_margin_loss",
    "The mean runs over the rows and leaves the labels: it is one loss for each row, the mean over the last dimension.",
)
def mean_over_rows_first(x, target, weight=None, reduction="mean"):
    losses = _right_logits(_wide(x), _wide(target), weight, None, "none")
    return _reduced(losses.mean(0), None, reduction, x.dtype)


@mistake(
    "multilabel_soft_margin_loss",
    "The weighted mean over the labels is divided by the sum of their weights: it is divided by C.",
)
def row_mean_by_weights(x, target, weight=None, reduction="mean"):
    if weight is None:
        return _right_rows(x, target, None, reduction)
    losses = _right_logits(_wide(x), _wide(target), weight, None, "none")
    return _reduced(losses.sum(-1) / torch.broadcast_to(weight, x.shape).sum(-1), None, reduction, x.dtype)


@mistake("multilabel_soft_margin_loss", "`weight` is ignored: it is a factor of each label's loss.")
def label_weight_ignored(x, target, weight=None, reduction="mean"):
    return _right_rows(x, target, None, reduction)


@mistake(
    "multilabel_soft_margin_loss",
    "A softmax over the labels: that is cross_entropy, where one label excludes the others. Here each label is a yes or no "
    "of its own, with a sigmoid.",
)
def softmax_over_labels(x, target, weight=None, reduction="mean"):
    logged = _wide(x).log_softmax(-1)
    losses = -_wide(target) * logged
    return _reduced((losses if weight is None else losses * weight).mean(-1), None, reduction, x.dtype)


@mistake(
    "multilabel_soft_margin_loss",
    "The negative labels are forgotten: a label that is not there costs log(1 + e^x).",
)
def positive_labels_only(x, target, weight=None, reduction="mean"):
    losses = _wide(target) * _right_logits(_wide(x), torch.ones_like(_wide(x)), weight, None, "none")
    return _reduced(losses.mean(-1), None, reduction, x.dtype)


@mistake(
    "multilabel_soft_margin_loss",
    "The logarithm of a sigmoid: it is infinite or nan far out. Use your bce_with_logits, which never forms the sigmoid.",
)
def row_log_of_sigmoid(x, target, weight=None, reduction="mean"):
    p, t = _wide(x).sigmoid(), _wide(target)
    losses = -(t * p.log() + (1 - t) * (1 - p).log())
    return _reduced((losses if weight is None else losses * weight).mean(-1), None, reduction, x.dtype)


@mistake(
    "multilabel_soft_margin_loss",
    "The gradient at x = 0 is not 1/2 - t: relu and abs have the slope 0 there. torch.maximum(x, zero) has 1/2.",
)
def row_relu_and_abs(x, target, weight=None, reduction="mean"):
    v, t = _wide(x), _wide(target)
    linear = (1 - t) * torch.where(t == 1, 0, v.relu()) + t * torch.where(t == 0, 0, (-v).relu())
    losses = linear + (-v.abs()).exp().log1p()
    return _reduced((losses if weight is None else losses * weight).mean(-1), None, reduction, x.dtype)


@mistake("multilabel_soft_margin_loss", "An unknown `reduction` is taken for one of the three. Raise ValueError.")
def row_any_reduction(x, target, weight=None, reduction="mean"):
    return _right_rows(x, target, weight, reduction if reduction in ("none", "sum") else "mean")


@mistake(
    "multilabel_soft_margin_loss",
    "torch's multilabel_soft_margin_loss, or a function that does its work, is forbidden here: it is the exercise. Your own "
    "bce_with_logits is welcome.",
    fault="gate:forbidden-direct",
)
def row_forbidden_function(x, target, weight=None, reduction="mean"):
    return F.multilabel_soft_margin_loss(x, target, weight, reduction=reduction)


@mistake(
    "multilabel_soft_margin_loss",
    "A loop over the labels: Python pays for every one. One call works on all of them, and `.mean(-1)` takes their mean.",
    fault="gate:loop",
)
def loop_over_labels(x, target, weight=None, reduction="mean"):
    total = torch.zeros(x.shape[:-1], dtype=_wide(x).dtype, device=x.device)
    for c in range(x.shape[-1]):
        total = total + _right_logits(_wide(x)[..., c], _wide(target)[..., c], None, None, "none")
    return _reduced(total / x.shape[-1], None, reduction, x.dtype)
