"""Random draws at the ends of their range: what happens once in millions of draws happens in each call."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


def _ends(name: str, args: tuple[Any, ...], output: torch.Tensor) -> tuple[float, float] | None:
    """Return the least and the largest number that a random op can draw; None for any other op.

    torch draws uniform numbers as multiples of half an eps below 1, and exponential ones of at least that; in float16
    those round to 0 now and then.
    """
    step = torch.finfo(output.dtype).eps / 2 if output.is_floating_point() else 0.0
    if name in ("aten::rand", "aten::rand_like"):
        return 0.0, 1.0 - step
    if name in ("aten::uniform_", "aten::uniform"):
        low, high = (*args[1:], 0.0, 1.0)[:2] if len(args) != 2 else (args[1], 1.0)
        return low, low + (high - low) * (1.0 - step)
    if name in ("aten::exponential_", "aten::exponential"):
        rate = args[1] if len(args) > 1 else 1.0
        return (0.0 if output.dtype == torch.float16 else step / rate), -torch.tensor(step).log().item() / rate
    return None


class Endpoints(TorchDispatchMode):
    """Put the least number that a random op can draw, and the largest, in two of every four places of its output."""

    def __init__(self) -> None:
        """Start when entered."""
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the op; if it is random, move half of its numbers to the ends."""
        output = func(*args, **(kwargs or {}))
        ends = _ends(func._schema.name, args, output) if isinstance(output, torch.Tensor) else None
        if ends is not None:
            turn = torch.arange(output.numel(), device=output.device).reshape(output.shape) % 4
            low, high = (torch.full_like(output, end) for end in ends)
            output.copy_(torch.where(turn == 0, low, torch.where(turn == 1, high, output)))
        return output
