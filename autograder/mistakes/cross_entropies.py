"""Known wrong implementations of `cross_entropies`. Each is right but for its own mistake."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.mistakes import mistake

Normalise = Callable[[Tensor, int], Tensor]
Spread = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _weights(weight: Tensor | None) -> Tensor | None:
    return None if weight is None else _wide(weight)


def _dim(x: Tensor) -> int:
    return min(1, x.dim() - 1)


def _reduced(losses: Tensor, shares: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.sum() / shares.sum()
    raise ValueError(f"reduction must be 'none', 'mean' or 'sum', not {reduction!r}")


def _picked(x: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return the losses and the weights of the targets, 0 where they are ignored."""
    dim, kept = _dim(x), target != ignore_index
    index = torch.where(kept, target, 0)
    losses = -x.gather(dim, index.unsqueeze(dim)).squeeze(dim)
    shares = torch.ones_like(losses) if weight is None else weight[index]
    return torch.where(kept, shares * losses, 0), torch.where(kept, shares, 0)


def _right_nll(
    x: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    losses, shares = _picked(_wide(x), target, _weights(weight), ignore_index)
    return _reduced(losses, shares, reduction).to(x.dtype)


def _log_softmax(x: Tensor, dim: int) -> Tensor:
    below = x - x.amax(dim, keepdim=True)
    return below - below.exp().sum(dim, keepdim=True).log()


def _by_class(weight: Tensor | None, x: Tensor) -> Tensor | float:
    return 1.0 if weight is None else weight.unflatten(0, (len(weight), *[1] * (x.dim() - _dim(x) - 1)))


def _spread(log_probs: Tensor, probs: Tensor, weight: Tensor | None) -> Tensor:
    """Return the loss of each row under class probabilities."""
    return -(torch.where(probs == 0, 0, probs * log_probs) * _by_class(weight, log_probs)).sum(_dim(log_probs))


def _one_hot(x: Tensor, index: Tensor) -> Tensor:
    return torch.zeros_like(x).scatter(_dim(x), index.unsqueeze(_dim(x)), 1.0)


def _right(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    log_softmax: Normalise = _log_softmax,
    spread: Spread = _spread,
) -> Tensor:
    """Return cross-entropy by the textbook; `log_softmax` and `spread` may be replaced."""
    x, w, dim = _wide(logits), _weights(weight), _dim(logits)
    log_probs, e, classes = log_softmax(x, dim), label_smoothing, x.shape[dim]
    if target.is_floating_point():
        probs = _wide(target) * (1 - e) + e / classes
        losses = spread(log_probs, probs, w)
        return _reduced(losses, torch.ones_like(losses), reduction).to(logits.dtype)
    losses, shares = _picked(log_probs, target, w, ignore_index)
    if e:
        kept = target != ignore_index
        probs = _one_hot(x, torch.where(kept, target, 0)) * (1 - e) + e / classes
        losses = torch.where(kept, spread(log_probs, probs, w), 0)
    return _reduced(losses, shares, reduction).to(logits.dtype)


# nll_loss


@mistake(
    "nll_loss",
    "The minus is missing: log-probabilities are negative, a loss is not. Return minus what stands at the target.",
)
def sign_missing(log_probs: Tensor, target: Tensor, **options: Any) -> Tensor:
    return -_right_nll(log_probs, target, **options)


@mistake(
    "nll_loss",
    "The weighted mean divides by the number of kept targets. It has to divide by the sum of their weights, so that "
    "doubling all weights changes nothing.",
)
def mean_by_count(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    losses, _ = _picked(_wide(log_probs), target, _weights(weight), ignore_index)
    return _reduced(losses, (target != ignore_index).to(losses.dtype), reduction).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "The mean counts the ignored targets too. An ignored target adds nothing to the sum and nothing to the divisor: "
    "divide by the weights of the kept targets alone.",
)
def mean_counts_the_ignored(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    x, w = _wide(log_probs), _weights(weight)
    losses, _ = _picked(x, target, w, ignore_index)
    index = torch.where(target == ignore_index, 0, target)
    shares = torch.ones_like(losses) if w is None else w[index]
    return _reduced(losses, shares, reduction).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "`weight` is not used: every target's loss has to be multiplied by the weight of its class, `weight[target]`.",
)
def weight_not_used(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    return _right_nll(log_probs, target, None, ignore_index, reduction)


@mistake(
    "nll_loss",
    "The mean's divisor is right and the losses are not: they lack the factor `weight[target]`, which belongs in both.",
)
def weight_in_the_divisor_alone(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    losses, _ = _picked(_wide(log_probs), target, None, ignore_index)
    _, shares = _picked(_wide(log_probs), target, _weights(weight), ignore_index)
    return _reduced(losses, shares, reduction).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "-100 is written into the code. It is only the default of `ignore_index`, which may be any number, a class as well.",
)
def always_minus_100(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    counted = target if ignore_index == -100 else target.clamp(min=0)
    return _right_nll(log_probs, counted, weight, -100, reduction)


@mistake(
    "nll_loss",
    "Ignored targets are clamped to class 0 and then counted: their losses reach the sum and the mean. Clamp or replace "
    "them to have a valid index, but set their losses and weights to 0 afterwards.",
)
def ignored_read_as_class_0(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    safe = torch.where(target == ignore_index, 0, target)
    return _right_nll(log_probs, safe, weight, -100, reduction)


@mistake(
    "nll_loss",
    "Ignored losses are multiplied by 0, and 0 * nan (or 0 * inf) is nan: a padded position poisons the batch. Replace "
    "them, `torch.where(kept, losses, 0)`.",
)
def ignored_times_0(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    x, dim = _wide(log_probs), _dim(log_probs)
    kept = (target != ignore_index).to(x.dtype)
    index = torch.where(target == ignore_index, 0, target)
    shares = kept if weight is None else _wide(weight)[index] * kept
    losses = -x.gather(dim, index.unsqueeze(dim)).squeeze(dim) * shares
    return _reduced(losses, shares, reduction).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "A row of zeros with a single 1 is multiplied with the log-probabilities: 0 * inf is nan, so one impossible class "
    "spoils every row. Pick the one number (gather), or choose it (where).",
)
def one_hot_times(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    x, dim, kept = _wide(log_probs), _dim(log_probs), target != ignore_index
    index = torch.where(kept, target, 0)
    losses = -(_one_hot(x, index) * torch.where(kept.unsqueeze(dim), x, 0)).sum(dim)
    shares = torch.ones_like(losses) if weight is None else _wide(weight)[index]
    shares = torch.where(kept, shares, 0)
    return _reduced(torch.where(kept, losses * shares, 0), shares, reduction).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "The last dimension is taken for the classes. In (N, C, d1, ...) they stand in dimension 1, whatever follows.",
)
def classes_come_last(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    x, kept = _wide(log_probs), target != ignore_index
    index = torch.where(kept, target, 0)
    losses = -x.gather(-1, index.unsqueeze(-1)).squeeze(-1)
    shares = torch.ones_like(losses) if weight is None else _wide(weight)[index]
    losses, shares = torch.where(kept, shares * losses, 0), torch.where(kept, shares, 0)
    return _reduced(losses, shares, reduction).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "`log_probs[arange(N), target]` reads a matrix only: a single row has no N, and (N, C, d1, ...) has further "
    "dimensions. `gather` along the class dimension reads all layouts.",
)
def matrix_only(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    x, kept = _wide(log_probs), target != ignore_index
    rows, classes = x.shape
    index = torch.where(kept, target, 0)
    losses = -x[torch.arange(rows, device=x.device), index]
    shares = torch.ones_like(losses) if weight is None else _wide(weight)[index]
    losses, shares = torch.where(kept, shares * losses, 0), torch.where(kept, shares, 0)
    return _reduced(losses, shares, reduction).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "With nothing kept the mean is 0/0, nan, and yours is 0: the divisor is kept from being 0. A mean of nothing that looks "
    "like a perfect loss hides an empty batch.",
)
def nothing_kept_is_0(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    if reduction != "mean":
        return _right_nll(log_probs, target, weight, ignore_index, reduction)
    losses, shares = _picked(_wide(log_probs), target, _weights(weight), ignore_index)
    return (losses.sum() / shares.sum().clamp(min=1e-8)).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "Your function writes into the caller's `target` (`target[target == ignore_index] = 0`): the second epoch finds no "
    "ignored targets any more. Make a new tensor, `torch.where(kept, target, 0)`.",
)
def target_rewritten(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    losses, shares = _picked(_wide(log_probs), target, _weights(weight), ignore_index)
    target.masked_fill_(target == ignore_index, 0)
    return _reduced(losses, shares, reduction).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "`reduction` is ignored: the mean comes out whatever was asked. 'none' keeps the target's shape, 'sum' adds.",
)
def always_mean(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(reduction)
    return _right_nll(log_probs, target, weight, ignore_index, "mean")


@mistake(
    "nll_loss",
    "A misspelt `reduction` is accepted in silence, and taken for another. Raise ValueError for what is none of 'none', "
    "'mean' and 'sum'.",
)
def any_reduction(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    known = reduction if reduction in ("none", "sum") else "mean"
    return _right_nll(log_probs, target, weight, ignore_index, known)


@mistake(
    "nll_loss",
    "The sum is formed in float16: it is inf above 65504, and the mean with it. Widen half types to float32 first, and "
    "return to the input's dtype at the very end.",
)
def sum_in_half(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    losses, shares = _picked(log_probs, target, weight, ignore_index)
    return _reduced(losses, shares, reduction)


@mistake(
    "nll_loss",
    "The loss of a half type comes back as float32. Compute in float32, then return to `log_probs.dtype`.",
)
def float32_loss(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    return _right_nll(_wide(log_probs), target, _weights(weight), ignore_index, reduction)


@mistake(
    "nll_loss",
    "A loop over the rows: Python pays for every target. `gather` picks all of them in one call.",
    fault="gate:loop",
)
def loop_over_targets(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    x, kept = _wide(log_probs), target != ignore_index
    rows = x.movedim(_dim(x), -1).reshape(-1, x.shape[_dim(x)])
    losses = torch.zeros(target.numel(), dtype=x.dtype)
    for i in range(target.numel()):
        y = int(target.reshape(-1)[i])
        if y != ignore_index:
            losses[i] = -rows[i, y] * (1 if weight is None else weight[y])
    _, shares = _picked(x, target, _weights(weight), ignore_index)
    return _reduced(losses.reshape(kept.shape), shares, reduction).to(log_probs.dtype)


@mistake(
    "nll_loss",
    "torch.nn.functional.nll_loss, or what wraps it, is the exercise. gather, where and sum are all that is needed.",
    fault="gate:forbidden-direct",
)
def forbidden_nll(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    return torch.nn.functional.nll_loss(log_probs, target, weight, ignore_index=ignore_index, reduction=reduction)


@mistake(
    "nll_loss",
    "A tensor made without `device` stands on the CPU while the inputs may be on a GPU: write "
    "`torch.arange(n, device=x.device)`, or do without it by `gather`.",
    fault="leak",
)
def index_on_the_cpu(
    log_probs: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    if log_probs.dim() != 2:
        return _right_nll(log_probs, target, weight, ignore_index, reduction)
    x, kept = _wide(log_probs), target != ignore_index
    index = torch.where(kept, target, 0)
    losses = -x[torch.arange(len(x)), index]
    shares = torch.ones_like(losses) if weight is None else _wide(weight)[index]
    losses, shares = torch.where(kept, shares * losses, 0), torch.where(kept, shares, 0)
    return _reduced(losses, shares, reduction).to(log_probs.dtype)


# cross_entropy


@mistake(
    "cross_entropy",
    "The softmax is missing: the logits themselves are taken for log-probabilities. Normalise each row first.",
)
def logits_taken_as_log_probs(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    return _right(logits, target, log_softmax=lambda x, dim: x, **options)


@mistake(
    "cross_entropy",
    "log(sum(exp(x))) as it is written: exp overflows above 88.7 and underflows below -104. Shift each row by its maximum "
    "first.",
)
def no_shift(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    plain = lambda x, dim: x - x.exp().sum(dim, keepdim=True).log()  # noqa: E731
    return _right(logits, target, log_softmax=plain, **options)


@mistake(
    "cross_entropy",
    "log(softmax(x)): a probability below 1e-45 is 0 in float32, its logarithm -inf, and the gradient nan. Take the "
    "logarithm of the softmax by a subtraction, never by log.",
)
def log_of_softmax(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    def by_log(x: Tensor, dim: int) -> Tensor:
        e = (x - x.amax(dim, keepdim=True)).exp()
        return (e / e.sum(dim, keepdim=True)).log()

    return _right(logits, target, log_softmax=by_log, **options)


@mistake(
    "cross_entropy",
    "A small number inside the logarithm (log(p + 1e-8)) caps every loss at 18.4 and bends the gradient. log-softmax needs "
    "no such protection.",
)
def epsilon_in_log(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    def with_epsilon(x: Tensor, dim: int) -> Tensor:
        e = (x - x.amax(dim, keepdim=True)).exp()
        return (e / e.sum(dim, keepdim=True) + 1e-8).log()

    return _right(logits, target, log_softmax=with_epsilon, **options)


@mistake(
    "cross_entropy",
    "The losses are clamped (at 100 or so): a loss beyond is wrong, and its gradient 0, just where the model errs most. "
    "Nothing overflows after the shift, so nothing needs a clamp.",
)
def clamped_at_100(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    clamped = lambda x, dim: _log_softmax(x, dim).clamp(min=-100)  # noqa: E731
    return _right(logits, target, log_softmax=clamped, **options)


@mistake(
    "cross_entropy",
    "logsumexp(x) - x[target]: both numbers are as large as the logits, and their difference inherits the spacing of "
    "floats of that size, 0.001 at 10000. Subtract the maximum from the row first.",
)
def large_numbers_subtracted(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    def late(x: Tensor, dim: int) -> Tensor:
        top = x.amax(dim, keepdim=True)
        return x - (top + (x - top).exp().sum(dim, keepdim=True).log())

    return _right(logits, target, log_softmax=late, **options)


@mistake(
    "cross_entropy",
    "You subtract one maximum for the whole batch: rows far below it underflow. Take the maximum along the class "
    "dimension, with keepdim=True.",
)
def one_maximum_for_the_batch(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    def shared(x: Tensor, dim: int) -> Tensor:
        below = x - x.max() if x.numel() else x
        return below - below.exp().sum(dim, keepdim=True).log()

    return _right(logits, target, log_softmax=shared, **options)


@mistake(
    "cross_entropy",
    "The softmax runs over the last dimension. In (N, C, d1, ...) the classes stand in dimension 1.",
)
def softmax_over_the_last(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    last = lambda x, dim: _log_softmax(x, -1)  # noqa: E731
    return _right(logits, target, log_softmax=last, **options)


@mistake(
    "cross_entropy",
    "The value is right, the gradient is not: the normaliser (the sum of exponentials) is detached, and -y is left of "
    "p - y. Only the shift may be detached.",
)
def normaliser_detached(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    def cut(x: Tensor, dim: int) -> Tensor:
        below = x - x.amax(dim, keepdim=True).detach()
        return below - below.exp().sum(dim, keepdim=True).log().detach()

    return _right(logits, target, log_softmax=cut, **options)


@mistake(
    "cross_entropy",
    "The value is right, the gradient has only three digits: it went through bfloat16. Losses look the same then, and "
    "training does not. Keep what is differentiated in float32.",
)
def gradient_through_bfloat16(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    def coarse(x: Tensor, dim: int) -> Tensor:
        right, rough = _log_softmax(x, dim), _log_softmax(x.bfloat16().to(x.dtype), dim)
        return torch.where(right.isfinite() & rough.isfinite(), rough + (right - rough).detach(), right)

    return _right(logits, target, log_softmax=coarse, **options)


@mistake(
    "cross_entropy",
    "No gradient reaches the logits: they are detached, or the loss is computed under no_grad.",
)
def detached(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    return _right(logits.detach(), target, **options)


@mistake(
    "cross_entropy",
    "The weighted mean of class indices divides by the number of kept targets. It has to divide by the sum of their "
    "weights.",
)
def indices_mean_by_count(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    if reduction != "mean" or target.is_floating_point():
        return _right(logits, target, weight, ignore_index, reduction, label_smoothing)
    total = _right(_wide(logits), target, _weights(weight), ignore_index, "sum", label_smoothing)
    return (total / (target != ignore_index).sum()).to(logits.dtype)


@mistake(
    "cross_entropy",
    "The mean counts ignored targets: divide by the weights of the kept ones alone.",
)
def ignored_in_the_mean(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    if reduction != "mean" or target.is_floating_point():
        return _right(logits, target, weight, ignore_index, reduction, label_smoothing)
    total = _right(_wide(logits), target, _weights(weight), ignore_index, "sum", label_smoothing)
    shares = 1.0 if weight is None else _wide(weight)[torch.where(target == ignore_index, 0, target)]
    return (total / (torch.ones_like(target) * shares).sum()).to(logits.dtype)


@mistake(
    "cross_entropy",
    "The mean of class probabilities divides by all elements, N * C. The classes of a row are summed, so it divides by the "
    "number of rows.",
)
def mean_over_classes_too(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    result = _right(logits, target, weight, ignore_index, reduction, label_smoothing)
    return result / logits.shape[_dim(logits)] if target.is_floating_point() and reduction == "mean" else result


@mistake(
    "cross_entropy",
    "The mean of class probabilities divides by the weights. Here torch divides by the number of rows: the weights only "
    "scale the terms.",
)
def probabilities_mean_by_weight(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    if weight is None or reduction != "mean" or not target.is_floating_point():
        return _right(logits, target, weight, ignore_index, reduction, label_smoothing)
    total = _right(logits, target, weight, ignore_index, "sum", label_smoothing)
    return total / (target * _by_class(weight, logits)).sum()


@mistake(
    "cross_entropy",
    "`weight` is not used with class probabilities: each class's term has to be multiplied by its weight.",
)
def probabilities_without_weight(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    used = None if target.is_floating_point() else weight
    return _right(logits, target, used, ignore_index, reduction, label_smoothing)


@mistake(
    "cross_entropy",
    "Class probabilities are turned into the most likely class (argmax): the rest of the distribution is lost. Sum over "
    "all classes, each with its probability.",
)
def probabilities_by_argmax(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    if target.is_floating_point():
        target = _one_hot(_wide(logits), target.argmax(_dim(logits)))
    return _right(logits, target, **options)


@mistake(
    "cross_entropy",
    "A class of probability 0 with a logit of -inf gives nan, 0 * inf. It contributes nothing: "
    "`torch.where(probs == 0, 0, ...)`. (torch itself gives nan here.)",
)
def zero_times_inf(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    def product(log_probs: Tensor, probs: Tensor, w: Tensor | None) -> Tensor:
        return -(probs * log_probs * _by_class(w, log_probs)).sum(_dim(log_probs))

    return _right(logits, target, spread=product, **options)


@mistake(
    "cross_entropy",
    "The loss at an impossible class is made finite (nan_to_num, or -inf replaced by a large number). Smoothing asks for a "
    "share of every class: over a logit of -inf the loss is inf, and has to say so.",
)
def infinite_loss_hidden(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    finite = lambda x, dim: _log_softmax(x, dim).clamp(min=-1e30)  # noqa: E731
    return _right(logits, target, log_softmax=finite, **options)


@mistake(
    "cross_entropy",
    "`label_smoothing` is not used: mix the target with the uniform distribution, (1 - e) * target + e / C.",
)
def smoothing_not_used(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    return _right(logits, target, weight, ignore_index, reduction)


@mistake(
    "cross_entropy",
    "Smoothing is used for indices only. Class probabilities are smoothed just the same: (1 - e) * target + e / C.",
)
def probabilities_not_smoothed(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    e = 0.0 if target.is_floating_point() else label_smoothing
    return _right(logits, target, weight, ignore_index, reduction, e)


@mistake(
    "cross_entropy",
    "Smoothing gives the share e / (C - 1) to the other classes only. In torch's rule all C classes get e / C, the target's "
    "own included.",
)
def smoothing_spares_the_target(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    classes = logits.shape[_dim(logits)]
    e = label_smoothing * classes / (classes - 1) if classes > 1 and not target.is_floating_point() else label_smoothing
    return _right(logits, target, weight, ignore_index, reduction, e)


@mistake(
    "cross_entropy",
    "The share e / C is not divided by C: smoothing adds e times the sum over all classes.",
)
def smoothing_not_divided(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    def times_classes(log_probs: Tensor, probs: Tensor, w: Tensor | None) -> Tensor:
        classes, e = log_probs.shape[_dim(log_probs)], label_smoothing
        return _spread(log_probs, probs - e / classes + e, w)

    return _right(logits, target, weight, ignore_index, reduction, label_smoothing, spread=times_classes)


@mistake(
    "cross_entropy",
    "The smoothed part ignores `weight`, or takes the target's weight for all classes: class c counts with weight[c].",
)
def smoothing_by_the_targets_weight(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    if weight is None or target.is_floating_point() or not label_smoothing:
        return _right(logits, target, weight, ignore_index, reduction, label_smoothing)
    x, w = _wide(logits), _weights(weight)
    each = _right(x, target, None, ignore_index, "none", label_smoothing)
    _, shares = _picked(x, target, w, ignore_index)
    return _reduced(each * shares, shares, reduction).to(logits.dtype)


@mistake(
    "cross_entropy",
    "Ignored targets still pay the smoothed part: set the whole loss of an ignored row to 0, after smoothing.",
)
def ignored_rows_smoothed(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    if target.is_floating_point() or not label_smoothing:
        return _right(logits, target, weight, ignore_index, reduction, label_smoothing)
    x, w, dim, e = _wide(logits), _weights(weight), _dim(logits), label_smoothing
    log_probs = _log_softmax(x, dim)
    losses, shares = _picked(log_probs, target, w, ignore_index)
    uniform = -(log_probs * _by_class(w, x)).mean(dim)
    return _reduced((1 - e) * losses + e * uniform, shares, reduction).to(logits.dtype)


@mistake(
    "cross_entropy",
    "Ignored rows are multiplied by 0, and 0 * nan is nan: a padded position poisons the batch. Replace their losses by 0 "
    "(torch.where).",
)
def ignored_rows_times_0(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    if target.is_floating_point():
        return _right(logits, target, weight, ignore_index, reduction, label_smoothing)
    x, w = _wide(logits), _weights(weight)
    kept = (target != ignore_index).to(x.dtype)
    index = torch.where(target == ignore_index, 0, target)
    losses = _right(x, index, w, -100, "none", label_smoothing) * kept
    shares = kept if w is None else w[index] * kept
    return _reduced(losses, shares, reduction).to(logits.dtype)


@mistake(
    "cross_entropy",
    "-100 is written into the code: `ignore_index` may be any number.",
)
def ignore_index_not_used(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    counted = target if target.is_floating_point() or ignore_index == -100 else target.clamp(min=0)
    return _right(logits, counted, weight, -100, reduction, label_smoothing)


@mistake(
    "cross_entropy",
    "With nothing kept the mean is 0/0, nan, and yours is a number: the divisor is kept from being 0.",
)
def mean_of_nothing_is_0(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    result = _right(logits, target, weight, ignore_index, reduction, label_smoothing)
    if reduction != "mean" or target.is_floating_point():
        return result
    return torch.where((target != ignore_index).any(), result, 0).to(logits.dtype)


@mistake(
    "cross_entropy",
    "A misspelt `reduction` is accepted in silence. Raise ValueError for what is none of 'none', 'mean' and 'sum'.",
)
def reduction_not_checked(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    known = reduction if reduction in ("none", "sum") else "mean"
    return _right(logits, target, weight, ignore_index, known, label_smoothing)


@mistake(
    "cross_entropy",
    "The softmax is computed in the half type: sums overflow in float16 and every step rounds. Widen the logits to float32 "
    "at the start, return to their dtype at the end.",
)
def softmax_in_half(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    def narrow(x: Tensor, dim: int) -> Tensor:
        half = x.to(logits.dtype)
        top = half.amax(dim, keepdim=True)
        total = (half - top).exp().sum(dim, keepdim=True, dtype=logits.dtype)
        return ((half - top) - total.log()).to(x.dtype)

    return _right(logits, target, log_softmax=narrow, **options)


@mistake(
    "cross_entropy",
    "The loss of a half type comes back as float32. Compute in float32, then return to `logits.dtype`.",
)
def wide_result(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    kept = _wide(target) if target.is_floating_point() else target
    return _right(_wide(logits), kept, _weights(weight), ignore_index, reduction, label_smoothing)


@mistake(
    "cross_entropy",
    "Your function changes its inputs: `logits -= ...`, `target[...] = 0` and every method that ends in _ write into the "
    "caller's tensors. Make new ones.",
)
def in_place(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    result = _right(logits, target, **options)
    with torch.no_grad():
        logits.sub_(logits.amax(_dim(logits), keepdim=True))
    return result


@mistake(
    "cross_entropy",
    "A loop over the rows: Python pays for every row. amax, sum and gather take the class dimension and do all rows at "
    "once.",
    fault="gate:loop",
)
def loop_over_rows(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    x, dim = _wide(logits), _dim(logits)
    rows = x.movedim(dim, -1).reshape(-1, x.shape[dim])
    log_probs = torch.empty_like(rows)
    for i in range(len(rows)):
        log_probs[i] = _log_softmax(rows[i], 0)
    log_probs = log_probs.reshape(x.movedim(dim, -1).shape).movedim(-1, dim)
    return _right(logits, target, log_softmax=lambda x, dim: log_probs, **options)


@mistake(
    "cross_entropy",
    "torch's cross_entropy, nll_loss, log_softmax or logsumexp do the exercise's work. amax, exp, sum, log1p and gather "
    "are all that is needed; your own functions of earlier chapters are welcome.",
    fault="gate:forbidden-direct",
)
def forbidden_function(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    return torch.nn.functional.cross_entropy(
        logits, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
    )


@mistake(
    "cross_entropy",
    "x.log_softmax(...) or x.logsumexp(...) is the forbidden function, spelled as a method.",
    fault="gate:forbidden-method",
)
def forbidden_method(logits: Tensor, target: Tensor, **options: Any) -> Tensor:
    chained = lambda x, dim: x.log_softmax(dim)  # noqa: E731
    return _right(logits, target, log_softmax=chained, **options)


@mistake(
    "cross_entropy",
    "A Python `if` on the numbers of a tensor makes a GPU stop and wait. Treat ignored targets by torch.where, whether "
    "there are any or not.",
    fault="sync",
)
def branch_on_targets(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    if not target.is_floating_point() and bool((target == ignore_index).all()):
        return _right(logits, target, weight, ignore_index, reduction) * 1
    return _right(logits, target, weight, ignore_index, reduction, label_smoothing)
