"""Tells whether a learner's code has changed the classes that the worker's own code relies on.

The gate refuses to store attributes on what a file has not made. This is the second look: what a patched class would
answer is not taken for an answer.
"""

import collections
import weakref

import torch

CLASSES: tuple[type, ...] = (
    *(torch.Tensor, torch.nn.Parameter, torch.UntypedStorage, torch.Generator, torch.Size),
    *(torch.no_grad, torch.enable_grad, torch.set_grad_enabled, torch.inference_mode),
    *(torch.autograd.Function, torch.optim.Optimizer, collections.Counter, weakref.ref),
)
_as_they_were = [(kind, dict(vars(kind))) for kind in CLASSES]


class Tampered(RuntimeError):
    """A class of torch's or Python's own is no longer what it was."""


def demand() -> None:
    """Look at the classes.

    Raises:
        Tampered: One has changed.
    """
    for kind, before in _as_they_were:
        if vars(kind) != before:
            raise Tampered(f"the code has changed {kind.__name__}, which is not its own: nothing that it says counts")
