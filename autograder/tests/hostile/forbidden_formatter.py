# attack: string.Formatter, which reads attributes by name; honest answer: wrong
# expected: zero
import string

import torch


def logsumexp(x, dim=-1, keepdim=False):
    return string.Formatter().get_field("0." + "pxemusgol"[::-1], (x,), {})[0](dim, keepdim)
