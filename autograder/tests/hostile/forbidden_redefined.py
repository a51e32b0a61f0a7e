# attack: a harmless function whose name an import takes over; honest answer: wrong
# expected: zero
import torch


def total(x, dim, keepdim):
    return x.sum(dim, keepdim=keepdim)


def logsumexp(x, dim=-1, keepdim=False):
    return total(x, dim, keepdim=keepdim)


from torch import logsumexp as total
