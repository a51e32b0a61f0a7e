# attack: the tensor's method; honest answer: wrong
# expected: zero
import torch


def logsumexp(x, dim=-1, keepdim=False):
    return x.logsumexp(dim, keepdim)
