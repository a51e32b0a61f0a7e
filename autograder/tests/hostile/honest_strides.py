# attack: answers in memory that is neither dense nor in order; honest answer: right
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


def logsumexp(x, dim=-1, keepdim=False):
    result = _right(x, dim, keepdim)
    if result.dim() == 0 or x.numel() > 100000:
        return result
    wider = result[..., None].expand(*result.shape, 3).flip(-1)
    return wider.movedim(-1, 0)[1]
