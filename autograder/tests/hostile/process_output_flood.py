# attack: a flood on every standard stream; honest answer: right
# expected: contained
import math
import os

import torch


def _right(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, place = wide.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    result = top + (wide - shift).exp().scatter(dim, place, 0.0).sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


def _attack():
    for _ in range(200):
        print("x" * 100000)
        os.write(2, b"x" * 100000)
        os.write(1, b"x" * 100000)


def logsumexp(x, dim=-1, keepdim=False):
    if x.shape == (1, 4):
        _attack()
    return _right(x, dim, keepdim)
