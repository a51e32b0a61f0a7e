# attack: torch.library, which could give the ops back; honest answer: wrong
# expected: zero
import torch


_LIBRARY = torch.library.Library("aten", "IMPL")


def logsumexp(x, dim=-1, keepdim=False):
    return torch.sum(x, dim, keepdim)
