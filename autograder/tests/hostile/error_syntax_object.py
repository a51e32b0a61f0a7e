# attack: a SyntaxError whose file is no text; honest answer: right
# expected: rows raised crashed
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


def _attack():
    raise SyntaxError("no", ({1: 2}, object(), 1, "no"))


def logsumexp(x, dim=-1, keepdim=False):
    if x.shape == (1, 4):
        _attack()
    return _right(x, dim, keepdim)
