"""The naive form of each exercise: its formula word for word, in the input's own dtype.

Torch alone is used here: a function's source is sent to a worker, where it is timed.
"""

from torch import Tensor


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.mean()


def logsumexp(x: Tensor) -> Tensor:
    """Return log(sum(exp(x)))."""
    return x.exp().sum(-1).log()


def logaddexp(a: Tensor, b: Tensor) -> Tensor:
    """Return log(e^a + e^b)."""
    return (a.exp() + b.exp()).log()


def log1mexp(x: Tensor) -> Tensor:
    """Return log(1 - e^x)."""
    return (1 - x.exp()).log()


def logsubexp(a: Tensor, b: Tensor) -> Tensor:
    """Return log(e^a - e^b)."""
    return (a.exp() - b.exp()).log()


def logmeanexp(x: Tensor) -> Tensor:
    """Return log(mean(exp(x)))."""
    return x.exp().mean(-1).log()


def softmax(x: Tensor) -> Tensor:
    """Return e^x / sum(e^x)."""
    weights = x.exp()
    return weights / weights.sum(-1, keepdim=True)


def log_softmax(x: Tensor) -> Tensor:
    """Return the logarithm of e^x / sum(e^x)."""
    return softmax(x).log()


def token_log_probs(logits: Tensor, ids: Tensor) -> Tensor:
    """Return the logarithm of each token's softmax."""
    return softmax(logits).gather(-1, ids.unsqueeze(-1)).squeeze(-1).log()


def cross_entropy(logits: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return minus the logarithm of the target's softmax."""
    return _reduced(-token_log_probs(logits, target), reduction)


def entropy(logits: Tensor) -> Tensor:
    """Return -sum(p log p)."""
    p = softmax(logits)
    return -(p * p.log()).sum(-1)


def bce_with_logits(x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return -t log s - (1 - t) log(1 - s) with s = 1 / (1 + e^-x)."""
    s = 1 / (1 + (-x).exp())
    return _reduced(-(target * s.log() + (1 - target) * (1 - s).log()), reduction)


def kl_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    """Return sum(p (log p - log q))."""
    q, p = softmax(q_logits), softmax(p_logits)
    return (p * (p.log() - q.log())).sum(-1)


def js_from_logits(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    """Return half of sum(p log(p/m)) and half of sum(q log(q/m)), with m between p and q."""
    q, p = softmax(q_logits), softmax(p_logits)
    m = (p + q) / 2
    return (p * (p / m).log() + q * (q / m).log()).sum(-1) / 2


def kl_estimate(log_probs: Tensor, ref_log_probs: Tensor, kind: str = "k3") -> Tensor:
    """Return e^d - 1 - d; the other two kinds have but one form."""
    d = ref_log_probs - log_probs
    if kind == "k3":
        return d.exp() - 1 - d
    return -d if kind == "k1" else d * d / 2


def soft_threshold(w: Tensor, amount: float) -> Tensor:
    """Return w times 1 - amount / |w| where that is positive, the shrinkage as a factor."""
    return w * (1 - amount / w.abs()).clamp(min=0)
