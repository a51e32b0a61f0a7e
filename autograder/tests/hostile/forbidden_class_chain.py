# attack: torch.Tensor as an attribute of a class; honest answer: wrong
# expected: zero
import torch


class _Table:
    of = torch.Tensor


def logsumexp(x, dim=-1, keepdim=False):
    return _Table.of.logsumexp(x, dim, keepdim)
