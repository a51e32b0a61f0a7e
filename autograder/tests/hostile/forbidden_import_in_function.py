# attack: imported inside a helper, under a name that is global; honest answer: wrong
# expected: zero
import torch


def _load():
    global total
    from torch import logsumexp as total


def logsumexp(x, dim=-1, keepdim=False):
    return _load() or total(x, dim, keepdim=keepdim)
