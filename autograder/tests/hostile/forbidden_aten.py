# attack: the dispatcher's own name; honest answer: wrong
# expected: zero
import torch


def logsumexp(x, dim=-1, keepdim=False):
    return torch.ops.aten.logsumexp(x, [dim], keepdim)
