"""Floating-point numbers: where they lie, and how far an answer is from the truth."""

import math

import torch
from torch import Tensor


def ulp(x: Tensor) -> Tensor:
    r"""Return the unit in the last place: the distance from $|x|$ to the next larger float of its dtype, elementwise.

    The specification, for one float64 number:

        answer = math.ulp(x)

    Args:
        x: Any shape; float16, bfloat16, float32 or float64; ±inf and nan allowed.

    Returns:
        Shape and dtype of `x`: a power of two. 0 gives the least subnormal number. The largest
        finite number has no finite float above it and gives the distance to the one below. ±inf
        gives inf, nan gives nan.

    Forbidden: nothing; torch has no such function. torch.nextafter and torch.frexp are building
        blocks.

    Source: IEEE 754; Python's `math.ulp`.
    """
    raise NotImplementedError("ulp")


def ulp_error(actual: Tensor, exact: Tensor) -> Tensor:
    r"""Return $|actual - exact|$ in ulps of the exact answer, elementwise: the course's measuring stick.

    One ulp is the `ulp` of `exact` after rounding to the dtype of `actual`. A correctly rounded
    answer is at most 0.5 away.

    Args:
        actual: Any shape; float16, bfloat16, float32 or float64; ±inf and nan allowed.
        exact: float64, shape broadcastable with `actual`; ±inf and nan allowed.

    Returns:
        The broadcast shape, float64, not negative. nan against nan gives 0. Where `exact` rounds to
        ±inf, that infinity gives 0 and anything else inf. nan against a number gives nan.

    Forbidden: nothing; torch has no such function. Your own `ulp` is welcome.
    """
    raise NotImplementedError("ulp_error")


def exp_range(dtype: torch.dtype) -> tuple[float, float]:
    r"""Return where $e^x$ leaves a floating-point type: the logarithms of its least and its largest positive number.

    Args:
        dtype: torch.float16, torch.bfloat16, torch.float32 or torch.float64.

    Returns:
        Two Python floats, computed in float64: the natural logarithms of the least positive
        subnormal number and of the largest finite number of `dtype`.

    Forbidden: nothing; `torch.finfo` and `math.log` do it.
    """
    raise NotImplementedError("exp_range")
