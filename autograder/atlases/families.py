"""The atlas of each exercise that has one: where to walk, and what to draw beside the answer."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.atlases import naive, precise, stable
from autograder.spec import Atlas, Call

REACH: dict[str, Any] = {"low": -1.4, "high": 1.4, "reach": True}
NEAR: dict[str, Any] = {"low": 1e-7, "high": 100.0, "log": True}
NONE = {"reduction": "none"}
ROW = torch.tensor([0.5, -1.0, 2.0, 0.0, 1.0], dtype=torch.float64)
STEP = torch.tensor([1.0, -1.0, 0.5, -2.0, 0.25], dtype=torch.float64)


def _row(t: Tensor, dtype: torch.dtype) -> Call:
    """Rows [0, t]: the answer loses its digits on one side, exp overflows on the other."""
    return Call((torch.stack([torch.zeros_like(t), t], -1).to(dtype),))


def _pair(t: Tensor, dtype: torch.dtype) -> Call:
    return Call((torch.zeros_like(t).to(dtype), t.to(dtype)))


def _first(t: Tensor, dtype: torch.dtype) -> Call:
    """Rows [0, t], of which the first class is asked."""
    return Call((*_row(t, dtype).args, torch.zeros(len(t), dtype=torch.int64)))


def _losses(t: Tensor, dtype: torch.dtype) -> Call:
    return Call(_first(t, dtype).args, NONE)


def _negatives(t: Tensor, dtype: torch.dtype) -> Call:
    """Logits t of the target 0."""
    return Call((t.to(dtype), torch.zeros_like(t).to(dtype)), NONE)


def _apart(t: Tensor, dtype: torch.dtype) -> Call:
    """Two rows of logits, t apart."""
    q = ROW.expand(len(t), -1)
    return Call((q.to(dtype), (q + t[:, None] * STEP).to(dtype)))


def _drifted(t: Tensor, dtype: torch.dtype) -> Call:
    return Call(_pair(t, dtype).args, {"kind": "k3"})


def _kl_div(q_logits: Tensor, p_logits: Tensor) -> Tensor:
    logs = F.log_softmax(q_logits, -1), F.log_softmax(p_logits, -1)
    return F.kl_div(*logs, reduction="none", log_target=True).sum(-1)


IN_ROW, IN_PAIR = "t of the row [0, t] (nats)", "t of the pair (0, t) (nats)"
BETWEEN = "t, by which the logits differ (nats)"

logsumexp = Atlas(
    _row, label=IN_ROW, naive=naive.logsumexp, stable=stable.logsumexp, peer=lambda x: torch.logsumexp(x, -1), **REACH
)
logaddexp = Atlas(_pair, label=IN_PAIR, naive=naive.logaddexp, stable=stable.logaddexp, peer=torch.logaddexp, **REACH)
log1mexp = Atlas(
    lambda t, dtype: Call(((-t).to(dtype),)),
    label="t = −x (nats)",
    naive=naive.log1mexp,
    stable=stable.log1mexp,
    **NEAR,
)
logsubexp = Atlas(
    lambda t, dtype: Call((torch.full_like(t, -2.0).to(dtype), (-2.0 - t).to(dtype))),
    label="t = a − b, with a = −2 (nats)",
    naive=naive.logsubexp,
    stable=stable.logsubexp,
    **NEAR,
)
logmeanexp = Atlas(_row, label=IN_ROW, naive=naive.logmeanexp, stable=stable.logmeanexp, **REACH)
softmax = Atlas(
    _row, label=IN_ROW, naive=naive.softmax, stable=stable.softmax, peer=lambda x: torch.softmax(x, -1), **REACH
)
log_softmax = Atlas(
    _row,
    label=IN_ROW,
    naive=naive.log_softmax,
    stable=stable.log_softmax,
    peer=lambda x: torch.log_softmax(x, -1),
    **REACH,
)
cross_entropy = Atlas(
    _losses,
    label="t of the logits [0, t], target 0 (nats)",
    naive=naive.cross_entropy,
    stable=stable.cross_entropy,
    peer=F.cross_entropy,
    **REACH,
)
bce_with_logits = Atlas(
    _negatives,
    label="logit t, target 0 (nats)",
    naive=naive.bce_with_logits,
    stable=stable.bce_with_logits,
    peer=F.binary_cross_entropy_with_logits,
    **REACH,
)
token_log_probs = Atlas(
    _first,
    label="t of the logits [0, t], token 0 (nats)",
    naive=naive.token_log_probs,
    stable=stable.token_log_probs,
    peer=lambda x, ids: -F.cross_entropy(x, ids, reduction="none"),
    **REACH,
)
entropy = Atlas(
    _row,
    label=IN_ROW,
    naive=naive.entropy,
    stable=stable.entropy,
    peer=lambda x: torch.distributions.Categorical(logits=x, validate_args=False).entropy(),
    **REACH,
)
kl_from_logits = Atlas(
    _apart,
    label=BETWEEN,
    low=1e-6,
    high=30.0,
    log=True,
    naive=naive.kl_from_logits,
    stable=stable.kl_from_logits,
    peer=_kl_div,
    precise=precise.kl_from_logits,
)
js_from_logits = Atlas(
    _apart,
    label=BETWEEN,
    low=1e-6,
    high=10.0,
    log=True,
    naive=naive.js_from_logits,
    stable=stable.js_from_logits,
    precise=precise.js_from_logits,
)
kl_estimate = Atlas(
    _drifted,
    label="t = log p_ref − log p, for k3 (nats)",
    naive=naive.kl_estimate,
    stable=stable.kl_estimate,
    **NEAR,
)
soft_threshold = Atlas(
    lambda t, dtype: Call(((0.5 + t).to(dtype), 0.5)),
    low=1e-7,
    high=10.0,
    log=True,
    label="t = w − amount, with amount = 0.5 (units of w)",
    naive=naive.soft_threshold,
    stable=stable.soft_threshold,
    peer=lambda w, amount: F.softshrink(w, amount),
)
