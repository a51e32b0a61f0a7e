"""The laws of `sampling`, in float64."""

import itertools

import torch
from torch import Tensor


def probabilities(logits: Tensor) -> Tensor:
    """Return softmax(logits) of one row, shape (n,)."""
    return logits.double().softmax(-1)


def ordered_pairs(logits: Tensor) -> Tensor:
    """Return the probability of each ordered pair (i, j) of two draws without replacement, shape (n * n,)."""
    p = probabilities(logits)
    pairs = p[:, None] * p[None, :] / (1 - p[:, None])
    return (pairs * (1 - torch.eye(len(p), dtype=torch.float64))).reshape(-1)


def orders(logits: Tensor) -> Tensor:
    """Return the probability of each permutation of the classes, in lexicographic order, shape (n!,)."""
    p = probabilities(logits)
    found = []
    for order in itertools.permutations(range(len(p))):
        left, product = torch.ones((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
        for place in order:
            product = product * p[place] / left
            left = left - p[place]
        found.append(product)
    return torch.stack(found)


def gumbel_cdf(g: Tensor) -> Tensor:
    """Return P(G <= g)."""
    return (-(-g).exp()).exp()


def logistic_cdf(x: Tensor) -> Tensor:
    """Return P(L <= x): the law of a difference of two Gumbel numbers."""
    return torch.sigmoid(x)


def relaxed_gradient(sample: Tensor, cotangent: Tensor, tau: float, dim: int) -> Tensor:
    """Return the vector-Jacobian product of softmax(z / tau) at a sample, for z: p (w - <w, p>) / tau."""
    p, w = sample.double(), cotangent.double()
    return p * (w - (w * p).sum(dim, keepdim=True)) / tau
