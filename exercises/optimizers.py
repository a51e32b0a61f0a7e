"""Stochastic gradient descent with an L1 penalty, in both of its forms."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


def soft_threshold(w: Tensor, amount: float) -> Tensor:
    r"""Return $\mathrm{sign}(w) \max(|w| - \mathrm{amount}, 0)$, elementwise: the proximal step of the L1 norm.

    Args:
        w: Any shape; float16, bfloat16, float32 or float64; ±inf allowed.
        amount: How far each number moves towards 0; not negative.

    Returns:
        Shape and dtype of `w`: exactly 0 where $|w| \le$ amount. nan propagates.

    Forbidden: torch.nn.functional.softshrink, hardshrink and threshold, and what wraps them.

    Source: $\arg\min_v \frac12 (v - w)^2 + \mathrm{amount} |v|$.
    """
    raise NotImplementedError("soft_threshold")


class SGDL1(torch.optim.Optimizer):
    r"""SGD with momentum, weight decay and an L1 penalty; with `l1=0` equal to torch.optim.SGD to the bit.

    With `proximal=False` the penalty's subgradient $l1 \cdot \mathrm{sign}(w)$ (0 at 0) joins the
    gradient before the momentum, as weight decay does: the weights swing around 0 and hardly ever
    rest there. With `proximal=True` the step is made without it, and the weights are then
    soft-thresholded by `lr * l1`: they reach exactly 0.

    Args:
        params: Tensors, or dicts of parameter groups as for torch.optim.SGD.
        lr: Learning rate, not negative.
        momentum: Factor of the velocity, not negative. The first velocity is the gradient itself.
        weight_decay: Factor of the weights added to the gradient, not negative.
        l1: Factor of the L1 norm in the loss, not negative.
        proximal: Whether the penalty is applied by soft-thresholding after the step.

    Raises:
        ValueError: A number is negative.

    Forbidden: torch.optim.SGD and torch.nn.functional.softshrink.

    Source: document 000 ("SGD ... L1"), and the proximal gradient method.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        proximal: bool = False,
    ) -> None:
        """Keep the numbers as the defaults of every parameter group."""
        raise NotImplementedError("__init__")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step; `closure` recomputes the loss, which is returned.

        Args:
            closure: Called with gradients enabled, or None.

        Returns:
            The closure's loss, or None.
        """
        raise NotImplementedError("step")
