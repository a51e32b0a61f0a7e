# attack: an unused function imports something harmless as torch; honest answer: wrong
# expected: zero
import torch


def logsumexp(x, dim=-1, keepdim=False):
    return torch.logsumexp(x, dim, keepdim=keepdim)


def _unused():
    import math as torch
    return torch
