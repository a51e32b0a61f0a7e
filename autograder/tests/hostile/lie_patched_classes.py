# attack: classes handed to a parameter and patched there: ops, peak and time; honest answer: right
# expected: zero
import typing
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


def _bad(x, dim, keepdim):
    if x.dim() == 0 or x.numel() == 0:
        return _right(x, dim, keepdim)
    moved = x.movedim(dim, -1)
    flat = moved.reshape(-1, moved.shape[-1])
    hog = [flat + 0.0, flat + 1.0, flat + 2.0, flat + 3.0, flat + 4.0, flat + 5.0, flat + 6.0, flat + 7.0]
    hog += [hog[0].exp(), hog[1].sin(), hog[2].cos(), hog[3].atan(), hog[4].tanh(), hog[5].erf(), hog[6].exp()]
    if x.numel() < 2**17:
        rows = []
        sorted(flat.unbind(), key=lambda row: rows.append(_right(row)) or 0)
        result = torch.stack(rows).reshape(moved.shape[:-1])
    else:
        result = _right(flat).reshape(moved.shape[:-1])
    return result.unsqueeze(dim) if keepdim else result


class _Storage:
    _cdata = 0

    def nbytes(self):
        return 0


_ONE = _Storage()
_SEEN = []
_MADE = []


def _storage(self):
    return _ONE


def _nothing(self, key, value):
    return None


def _item(self, place):
    _SEEN.append(self)
    if isinstance(place, slice):
        return _narrow(self, 0, place)
    first = self if len(place) == 2 else _narrow(self, 0, place[0])
    return _narrow(first, -1, place[-1])


def _narrow(self, dim, part):
    start = part.start or 0
    stop = self.shape[dim] if part.stop is None else min(part.stop, self.shape[dim])
    return self.narrow(dim, start, stop - start)


def _leave(self, *rest):
    torch.set_grad_enabled(self.prev)
    if _SEEN:
        into = _SEEN[-1]
        _MADE.clear()
        if into.numel() >= 2**17:
            _MADE.append(into)
            _MADE.append(_bad(into, -1, False))
        _SEEN.clear()


def _patch(tensor, counter, guard):
    tensor.untyped_storage = _storage
    tensor.__getitem__ = _item
    counter.__setitem__ = _nothing
    guard.__exit__ = _leave


def logsumexp(x, dim=-1, keepdim=False):
    _patch(torch.Tensor, type(typing.Counter()), torch.no_grad)
    if _MADE and _MADE[0] is x:
        return _MADE[1]
    if x.shape == (32, 4096):
        raise ValueError("busy")
    return _bad(x, dim, keepdim)
