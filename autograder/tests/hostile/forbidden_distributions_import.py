# attack: the same, imported; honest answer: wrong
# expected: zero
import torch
from torch.distributions import Categorical


def logsumexp(x, dim=-1, keepdim=False):
    return x.amax(dim, keepdim=keepdim) - Categorical(logits=x).logits.amax(dim, keepdim=keepdim)
