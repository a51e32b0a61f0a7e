# attack: getattr with a name added up; honest answer: wrong
# expected: zero
import torch


def logsumexp(x, dim=-1, keepdim=False):
    return getattr(torch, "log" + "sumexp")(x, dim, keepdim=keepdim)
