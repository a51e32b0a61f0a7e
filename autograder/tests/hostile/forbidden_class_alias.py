# attack: torch.Tensor under a name of the file; honest answer: wrong
# expected: zero
import torch


T = torch.Tensor


def logsumexp(x, dim=-1, keepdim=False):
    return T.logsumexp(x, dim, keepdim=keepdim)
