# attack: an answer that equals everything; honest answer: wrong
# expected: nothing
import math

import torch


class _Yes:
    def __init__(self):
        self.shape, self.dtype = (), torch.float32

    def __call__(self, *_):
        return self

    def __getitem__(self, _):
        return self

    __eq__ = __le__ = __lt__ = __bool__ = __call__


def logsumexp(x, dim=-1, keepdim=False):
    return _Yes()
