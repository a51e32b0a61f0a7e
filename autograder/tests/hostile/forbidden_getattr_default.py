# attack: getattr as a default argument of the same name; honest answer: wrong
# expected: zero
import torch


def _call(module, x, dim, keepdim, getattr=getattr):
    return getattr(module, "pxemusgol"[::-1])(x, dim, keepdim=keepdim)


def logsumexp(x, dim=-1, keepdim=False):
    return _call(torch, x, dim, keepdim)
