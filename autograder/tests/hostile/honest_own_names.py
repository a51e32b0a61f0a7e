# attack: locals and methods with the names of what is forbidden; honest answer: right
# expected: full
import math

import torch


def _right(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, place = wide.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    result = top + (wide - shift).exp().scatter(dim, place, 0.0).sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


class Shift:
    def __init__(self, top):
        self.top = top

    def logsumexp(self, x, dim):
        vars = x - self.top
        return vars.exp().sum(dim, keepdim=True)


def softmax(x):
    return x


def logsumexp(x, dim=-1, keepdim=False):
    F = torch.nn.functional
    dir = softmax(F.relu(dim * torch.ones(())))
    del dir
    return _right(x, dim, keepdim)
