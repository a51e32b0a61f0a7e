"""Exact answers of `gpu_kernels` that other chapters do not have in this form."""

from torch import Tensor

from autograder.exact import cross_entropies
from autograder.spec import Exact


def mean_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean over all rows of the last dimension, in float64."""
    return cross_entropies.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))


def precise_mean_cross_entropy(logits: Tensor, target: Tensor) -> Exact:
    """Return the mean over all rows of the last dimension, for float64."""
    return cross_entropies.precise_cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))
