# attack: coding: undefined, an encoding that cannot be undone; honest answer: wrong
# expected: zero
import torch


def logsumexp(x, dim=-1, keepdim=False):
    return x
