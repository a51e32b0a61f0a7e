# attack: imported under another name; honest answer: wrong
# expected: zero
import torch
from torch import logsumexp as total


def logsumexp(x, dim=-1, keepdim=False):
    return total(x, dim, keepdim=keepdim)
