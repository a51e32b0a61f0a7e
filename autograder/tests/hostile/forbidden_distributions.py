# attack: Categorical, which normalises its logits; honest answer: wrong
# expected: zero
import torch


def logsumexp(x, dim=-1, keepdim=False):
    return x.amax(dim, keepdim=keepdim) - torch.distributions.Categorical(logits=x).logits.amax(dim, keepdim=keepdim)
