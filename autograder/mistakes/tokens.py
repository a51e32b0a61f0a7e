"""Known wrong implementations of `tokens`. Each is right but for its own mistake."""

import torch
from torch import Tensor

from autograder.mistakes import mistake


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _pick(x: Tensor, index: Tensor) -> Tensor:
    rows = x.reshape(index.numel(), x.shape[-1])
    return rows[torch.arange(index.numel(), device=x.device), index.reshape(-1)].reshape(index.shape)


def _normalizer(wide: Tensor) -> tuple[Tensor, Tensor]:
    top, place = wide.max(-1, keepdim=True)
    others = (wide - torch.where(top.isfinite(), top, 0)).exp().scatter(-1, place, 0.0)
    return top.squeeze(-1), others.sum(-1).log1p()


def _tokens(logits: Tensor, ids: Tensor) -> Tensor:
    wide = _wide(logits)
    top, rest = _normalizer(wide)
    return (_pick(wide, ids) - top - rest).to(logits.dtype)


def _sequence(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    kept = mask.bool()
    safe = _wide(logits).masked_fill(~kept.unsqueeze(-1), 0.0)
    return _tokens(safe, ids.masked_fill(~kept, 0)).masked_fill(~kept, 0.0).sum(-1)


# gather_last


@mistake(
    "gather_last",
    "torch.gather, or a function that does its work, is forbidden here: pick with index tensors, x[rows, columns].",
    fault="gate:forbidden-direct",
)
def gather_forbidden(x: Tensor, index: Tensor) -> Tensor:
    return torch.gather(x, -1, index.unsqueeze(-1)).squeeze(-1)


@mistake(
    "gather_last",
    "x.gather(...) is the forbidden torch.gather, spelled as a method: pick with index tensors, x[rows, columns].",
    fault="gate:forbidden-method",
)
def gather_method(x: Tensor, index: Tensor) -> Tensor:
    return x.gather(-1, index.unsqueeze(-1)).squeeze(-1)


@mistake(
    "gather_last",
    "x[:, index] takes every index from every row: a table of n by n. Pair each row with its own index: x[rows, index].",
)
def all_pairs(x: Tensor, index: Tensor) -> Tensor:
    return x[..., index]


@mistake(
    "gather_last",
    "A one-hot mask and a sum build a tensor as large as x to read one number of each row, and inf or nan beside it spoil it (0 * inf is nan).",
)
def one_hot(x: Tensor, index: Tensor) -> Tensor:
    n = x.shape[-1]
    hot = (torch.arange(n, device=x.device) == (index % n).unsqueeze(-1)).to(x.dtype)
    return (x * hot).sum(-1)


@mistake(
    "gather_last",
    "A comprehension over the rows is a loop: one index pair of tensors picks from all rows at once.",
    fault="gate:comprehension",
)
def loop_of_rows(x: Tensor, index: Tensor) -> Tensor:
    flat, places = x.reshape(-1, x.shape[-1]), index.reshape(-1)
    return torch.stack([flat[i, places[i]] for i in range(len(places))]).reshape(index.shape)


@mistake(
    "gather_last",
    "Indices are clamped (or taken modulo n) into the row: a wrong index then gives a wrong number in silence. Let it raise.",
)
def clamped_index(x: Tensor, index: Tensor) -> Tensor:
    n = x.shape[-1]
    return _pick(x, torch.where(index < 0, index + n, index).clamp(0, n - 1))


@mistake("gather_last", "The rows are counted on the CPU: torch.arange needs device=x.device.", fault="leak")
def rows_on_the_cpu(x: Tensor, index: Tensor) -> Tensor:
    rows = x.reshape(index.numel(), x.shape[-1])
    return rows[torch.arange(index.numel()), index.reshape(-1)].reshape(index.shape)


@mistake("gather_last", "The result keeps a last dimension of length 1: its shape is that of index.")
def kept_dimension(x: Tensor, index: Tensor) -> Tensor:
    return _pick(x, index).unsqueeze(-1)


@mistake(
    "gather_last",
    "Only two dimensions are handled: (batch, n). Make one dimension of all rows first, and give the result the index's shape.",
)
def two_dimensions_only(x: Tensor, index: Tensor) -> Tensor:
    return x[torch.arange(x.shape[0], device=x.device), index]


# token_log_probs


@mistake(
    "token_log_probs",
    "log_softmax does the exercise's work, for the whole vocabulary. The token's logit minus your logsumexp is enough.",
    fault="gate:forbidden-direct",
)
def log_softmax_forbidden(logits: Tensor, ids: Tensor) -> Tensor:
    return _pick(torch.log_softmax(logits, -1), ids)


@mistake("token_log_probs", "The normaliser is log(sum(exp(x))) without a shift: it overflows above 88.7.")
def unshifted_normalizer(logits: Tensor, ids: Tensor) -> Tensor:
    wide = _wide(logits)
    return (_pick(wide, ids) - wide.exp().sum(-1).log()).to(logits.dtype)


@mistake(
    "token_log_probs",
    "That is log of a softmax: the probability of an unlikely token underflows to 0, and its logarithm is -inf. Stay in log space.",
)
def log_of_softmax(logits: Tensor, ids: Tensor) -> Tensor:
    wide = _wide(logits)
    weights = (wide - wide.amax(-1, keepdim=True).detach()).exp()
    return (_pick(weights, ids) / weights.sum(-1)).log().to(logits.dtype)


@mistake("token_log_probs", "The normaliser is missing: a logit is no log-probability.")
def logits_alone(logits: Tensor, ids: Tensor) -> Tensor:
    return _pick(logits, ids)


@mistake("token_log_probs", "The sign is turned: that is the loss. Log-probabilities are never positive.")
def negated(logits: Tensor, ids: Tensor) -> Tensor:
    return -_tokens(logits, ids)


@mistake(
    "token_log_probs",
    "Logits at t are set against the ids at t + 1 (or t - 1): they are aligned already, shifting is the caller's.",
)
def shifted(logits: Tensor, ids: Tensor) -> Tensor:
    return _tokens(logits, ids.roll(-1, -1) if ids.dim() else ids)


@mistake(
    "token_log_probs",
    "Half types are normalised in their own precision: the sum over a vocabulary overflows or loses its digits. Widen to float32 first.",
)
def in_half(logits: Tensor, ids: Tensor) -> Tensor:
    top, rest = _normalizer(logits)
    return _pick(logits, ids) - top - rest


@mistake("token_log_probs", "The result of a half type is float32: return to the logits' dtype.")
def float32_out(logits: Tensor, ids: Tensor) -> Tensor:
    return _tokens(_wide(logits), ids)


@mistake("token_log_probs", "The exponential of the log-probability is returned: stay in log space.")
def probabilities(logits: Tensor, ids: Tensor) -> Tensor:
    return _tokens(logits, ids).exp()


@mistake(
    "token_log_probs",
    "The normaliser is detached: the gradient lacks the softmax, and only the token's own logit moves.",
)
def normalizer_detached(logits: Tensor, ids: Tensor) -> Tensor:
    wide = _wide(logits)
    top, rest = _normalizer(wide.detach())
    return (_pick(wide, ids) - top - rest).to(logits.dtype)


@mistake(
    "token_log_probs",
    "All rows are normalised together: the sum runs over the batch as well. Each row has its own normaliser: sum over the last dimension.",
)
def one_normalizer(logits: Tensor, ids: Tensor) -> Tensor:
    wide = _wide(logits)
    top, rest = _normalizer(wide.reshape(-1))
    return (_pick(wide, ids) - top - rest).to(logits.dtype)


# sequence_log_probs


@mistake("sequence_log_probs", "The mask is ignored: padding is summed as if it were text.")
def mask_ignored(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return _tokens(_wide(logits), ids.clamp(min=0)).sum(-1)


@mistake(
    "sequence_log_probs",
    "The mask is multiplied in after the logarithm: 0 * nan is nan, and -100 is no index. Mend the inputs under the mask first.",
)
def mask_multiplied(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return (_tokens(_wide(logits), ids.clamp(min=0)) * mask).sum(-1)


@mistake(
    "sequence_log_probs",
    "The value under the mask is right, its gradient is nan: a where after the logarithm hides a nan from the value only. Fill the logits before.",
)
def masked_afterwards(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    kept = mask.bool()
    return torch.where(kept, _tokens(_wide(logits), ids.masked_fill(~kept, 0)), 0.0).sum(-1)


@mistake(
    "sequence_log_probs",
    "The sum is formed in half precision: it leaves the range of float16 at -65504, and loses its digits long before. Return at least float32.",
)
def summed_in_half(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return _sequence(logits, ids, mask).to(logits.dtype)


@mistake("sequence_log_probs", "The mean over the tokens is returned: the log-probability of a sequence is their sum.")
def mean_for_sum(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return _sequence(logits, ids, mask) / mask.bool().sum(-1).clamp(min=1)


@mistake(
    "sequence_log_probs",
    "Everything is summed to one number: each sequence has its own, sum over the last dimension only.",
)
def summed_over_the_batch(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return _sequence(logits, ids, mask).sum()


@mistake("sequence_log_probs", "The mask is read the wrong way round: 1 counts, 0 is padding.")
def mask_inverted(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return _sequence(torch.nan_to_num(logits), ids.clamp(min=0), ~mask.bool())


@mistake(
    "sequence_log_probs",
    "~mask on a mask of numbers is not its negation (~1 is -2): make it boolean first, mask.bool().",
)
def bitwise_not(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return _sequence(logits, ids, (~mask) == 0)


# perplexity


@mistake(
    "perplexity",
    "That is the mean of the sequences' perplexities (or of their means): the mean is over all tokens that count.",
)
def mean_of_sequences(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return (-_sequence(logits, ids, mask) / mask.bool().sum(-1)).mean().exp()


@mistake("perplexity", "The mean is taken over all positions, padding too: divide by the number of tokens that count.")
def mean_over_positions(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return (-_sequence(logits, ids, mask).sum() / max(mask.numel(), 1)).exp()


@mistake("perplexity", "The sign is missing: perplexity is at least 1.")
def perplexity_sign(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return (_sequence(logits, ids, mask).sum() / mask.bool().sum()).exp()


@mistake("perplexity", "The exponential is missing: that is the mean loss in nats.")
def perplexity_in_nats(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return -_sequence(logits, ids, mask).sum() / mask.bool().sum()


@mistake("perplexity", "2 to the power of nats: the logarithm was natural, so is the exponential.")
def perplexity_base_2(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return 2 ** (-_sequence(logits, ids, mask).sum() / mask.bool().sum())


@mistake(
    "perplexity", "The result is in half precision: above 11.09 nats it is inf in float16. Return at least float32."
)
def perplexity_in_half(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return (-_sequence(logits, ids, mask).sum() / mask.bool().sum()).exp().to(logits.dtype)


@mistake(
    "perplexity",
    "Where nothing counts, 0 / 0 is nan and should stay so: a clamp of the count makes a perplexity of 1 out of nothing.",
)
def perplexity_of_nothing(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return (-_sequence(logits, ids, mask).sum() / mask.bool().sum().clamp(min=1)).exp()


# entropy


def _entropy(logits: Tensor) -> Tensor:
    wide = _wide(logits)
    top, rest = _normalizer(wide)
    log_probs = wide - top.unsqueeze(-1) - rest.unsqueeze(-1)
    log_probs = torch.where(log_probs == -torch.inf, 0.0, log_probs)
    return -(torch.where(wide == -torch.inf, 0.0, log_probs.exp()) * log_probs).sum(-1)


@mistake(
    "entropy",
    "A class that cannot occur gives nan: 0 * (-inf). Its term is 0: set its log-probability to 0 before the product.",
)
def zero_times_inf(logits: Tensor) -> Tensor:
    wide = _wide(logits)
    top, rest = _normalizer(wide)
    log_probs = wide - top.unsqueeze(-1) - rest.unsqueeze(-1)
    return -(log_probs.exp() * log_probs).sum(-1).to(logits.dtype)


@mistake(
    "entropy", "A small number inside the logarithm (log(p + eps)) changes every answer, and more so the smaller p is."
)
def epsilon_in_entropy(logits: Tensor) -> Tensor:
    wide = _wide(logits)
    top, rest = _normalizer(wide)
    probs = (wide - top.unsqueeze(-1) - rest.unsqueeze(-1)).exp()
    return -(probs * (probs + 1e-6).log()).sum(-1).to(logits.dtype)


@mistake("entropy", "The sign is turned: an entropy is never negative.")
def entropy_sign(logits: Tensor) -> Tensor:
    return -_entropy(logits).to(logits.dtype)


@mistake("entropy", "The entropy is in bits (log2): nats are asked for.")
def entropy_in_bits(logits: Tensor) -> Tensor:
    return (_entropy(logits) * 1.4426950408889634).to(logits.dtype)


@mistake("entropy", "The logits are taken for probabilities, or for log-probabilities: normalise first.")
def not_normalized(logits: Tensor) -> Tensor:
    wide = _wide(logits)
    safe = torch.where(wide == -torch.inf, 0.0, wide)
    return -(torch.where(wide == -torch.inf, 0.0, safe.exp()) * safe).sum(-1).to(logits.dtype)


@mistake("entropy", "The mean over the classes is taken: the entropy is the sum of -p log p.")
def mean_over_classes(logits: Tensor) -> Tensor:
    return (_entropy(logits) / logits.shape[-1]).to(logits.dtype)


@mistake("entropy", "Everything is reduced to one number: each row has its own entropy.")
def entropy_of_the_batch(logits: Tensor) -> Tensor:
    return _entropy(logits).mean().to(logits.dtype)


@mistake("entropy", "The result of a half type is float32: return to the logits' dtype.")
def entropy_float32(logits: Tensor) -> Tensor:
    return _entropy(logits)


@mistake(
    "entropy",
    "The value at a class that cannot occur is right, the gradient is nan: the where comes after the product. Set the log-probability to 0 before it.",
)
def entropy_nan_gradient(logits: Tensor) -> Tensor:
    wide = _wide(logits)
    top, rest = _normalizer(wide)
    log_probs = wide - top.unsqueeze(-1) - rest.unsqueeze(-1)
    terms = log_probs.exp() * log_probs
    return -torch.where(wide == -torch.inf, 0.0, terms).sum(-1).to(logits.dtype)


@mistake("entropy", "The probabilities are detached: the gradient of p is missing.")
def probs_detached(logits: Tensor) -> Tensor:
    wide = _wide(logits)
    top, rest = _normalizer(wide)
    log_probs = wide - top.unsqueeze(-1) - rest.unsqueeze(-1)
    log_probs = torch.where(log_probs == -torch.inf, 0.0, log_probs)
    probs = torch.where(wide == -torch.inf, 0.0, log_probs.exp()).detach()
    return -(probs * log_probs).sum(-1).to(logits.dtype)
