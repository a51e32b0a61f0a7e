# attack: getattr that a nested function's argument seems to shadow; honest answer: wrong
# expected: zero
import torch


def logsumexp(x, dim=-1, keepdim=False):
    return getattr(torch, "pxemusgol"[::-1])(x, dim, keepdim=keepdim)


def _unused():
    from math import exp as getattr
    return getattr
