# attack: sys.modules; honest answer: wrong
# expected: zero
import sys

import torch


def logsumexp(x, dim=-1, keepdim=False):
    return sys.modules["torch"].nn.functional.softmin(-x, dim)
