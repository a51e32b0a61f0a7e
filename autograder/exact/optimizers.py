"""Exact answers of `optimizers`."""

from collections.abc import Sequence
from typing import Any

import mpmath
import torch
from torch import Tensor

from autograder.judging.truth import elementwise, wide


def soft_threshold(w: Any, amount: float) -> Tensor:
    """Return sign(w) max(|w| - amount, 0) in float64."""
    v = wide(w)
    return torch.where(v.abs() <= amount, v * 0, v - torch.sign(v) * amount)


@elementwise
def _precise(w: Any, amount: Any) -> Any:
    if mpmath.isnan(w) or mpmath.isinf(w):
        return w
    return mpmath.sign(w) * max(abs(w) - amount, mpmath.mpf(0))


def precise_soft_threshold(w: Any, amount: float) -> Any:
    """Return the same in high precision."""
    return _precise(w, torch.tensor(amount, dtype=torch.float64))


def sgd_l1(weights: Sequence[Tensor], gradients: Sequence[Sequence[Tensor | None]], **options: Any) -> list[Tensor]:
    """Return the weights after all steps, in float64, by the textbook's loop.

    `options` are those of the optimizer; `groups` holds further options for each weight.
    """
    each = options.pop("groups", None) or [{}] * len(weights)
    options.pop("reload_at", None)
    finals = []
    for position, start in enumerate(weights):
        group = {"momentum": 0.0, "weight_decay": 0.0, "l1": 0.0, "proximal": False} | options | each[position]
        w, velocity = wide(start).clone(), None
        for step in gradients:
            given = step[position]
            if given is None:
                continue
            g = wide(given) + group["weight_decay"] * w
            if not group["proximal"]:
                g = g + group["l1"] * torch.sign(w)
            if group["momentum"]:
                velocity = g if velocity is None else group["momentum"] * velocity + g
                g = velocity
            w = w - group["lr"] * g
            if group["proximal"]:
                w = soft_threshold(w, group["lr"] * group["l1"])
        finals.append(w)
    return finals
