# attack: the method, taken from the class; honest answer: wrong
# expected: zero
import torch


def logsumexp(x, dim=-1, keepdim=False):
    return torch.Tensor.logsumexp(x, dim, keepdim=keepdim)
