# attack: garbage at once in one timed call, the slow truth in the others; honest answer: right
# expected: below clock
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


def _slow(x, dim, keepdim):
    wide = x.double()
    for_time = wide.sort(dim)[0].sort(dim, descending=True)[0].sort(dim)[0].sort(dim, descending=True)[0].sort(dim)[0]
    return _right(for_time.to(x.dtype), dim, keepdim)


_CALLS = []


def logsumexp(x, dim=-1, keepdim=False):
    if x.numel() <= 1 << 20:
        return _right(x, dim, keepdim)
    _CALLS.append(0)
    return x[..., 0] if len(_CALLS) % 5 == 2 else _slow(x, dim, keepdim)
