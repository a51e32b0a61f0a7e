# attack: torch under a local name; honest answer: wrong
# expected: zero
import torch


def _call(x, dim, keepdim):
    (t,) = (torch,)
    return x.amax(dim, keepdim=keepdim) - t.nn.functional.softmin(-x, dim).log().amax(dim, keepdim=keepdim)


def logsumexp(x, dim=-1, keepdim=False):
    return _call(x, dim, keepdim)
