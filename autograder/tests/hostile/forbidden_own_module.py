# attack: the file itself, imported relatively; honest answer: wrong
# expected: zero
import torch

from . import log_sums as me


def _call(f, x, dim):
    return f.softmin(-x, dim)


def logsumexp(x, dim=-1, keepdim=False):
    return _call(me.torch.nn.functional, x, dim)
