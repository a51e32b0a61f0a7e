# attack: the autograder's own modules in the worker; honest answer: wrong
# expected: zero
import torch
from autograder.running import drivers


drivers.DRIVERS["traced"] = None


def logsumexp(x, dim=-1, keepdim=False):
    return x.sum(dim, keepdim=keepdim)
