# attack: vars of a class; honest answer: wrong
# expected: zero
import torch


def logsumexp(x, dim=-1, keepdim=False):
    return vars(torch.Tensor)["logsumexp"](x, dim, keepdim)
