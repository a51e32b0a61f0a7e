"""Cuts the first rows and classes out of a call's arguments: the same parts on both sides of the wall."""

from typing import Any

import torch


def cut(args: tuple[Any, ...], rows: int, width: int) -> tuple[Any, ...]:
    """Return the arguments with so many `rows` of each tensor that has the first one's batch, `width` classes wide."""
    batch = next(a.shape[0] for a in args if isinstance(a, torch.Tensor) and a.dim())
    return tuple(_cut(value, batch, rows, width) for value in args)


def _cut(value: Any, batch: int, rows: int, width: int) -> Any:
    if not isinstance(value, torch.Tensor) or not value.dim() or value.shape[0] != batch:
        return value
    part = value[:rows] if value.dim() == 1 else value[:rows, ..., :width]
    # A part holds on to the memory of the whole only where it is most of it.
    return part if part.is_contiguous() and 2 * part.numel() >= value.numel() else part.clone()
