"""Known wrong implementations of `floats`. Each is right but for its own mistake."""

import math

import numpy as np
import torch
from torch import Tensor

from autograder.mistakes import mistake


def _right(x: Tensor) -> Tensor:
    size = x.abs()
    above = torch.nextafter(size, torch.full_like(size, math.inf))
    return torch.where(above.isinf(), size - torch.nextafter(size, torch.zeros_like(size)), above - size)


# ulp


@mistake(
    "ulp",
    "This is eps times |x|, which grows smoothly. The steps are equal from one power of two to the next, and double there: "
    "eps * |x| is right at powers of two only, and 0 at 0.",
)
def eps_times_x(x: Tensor) -> Tensor:
    return torch.where(x.isfinite(), torch.finfo(x.dtype).eps * x.abs(), _right(x))


@mistake(
    "ulp",
    "This is eps whatever x is. eps is the step between 1 and 2; it doubles with every power of two.",
)
def eps_everywhere(x: Tensor) -> Tensor:
    return torch.where(x.isfinite(), torch.finfo(x.dtype).eps, _right(x))


@mistake(
    "ulp",
    "You measure the step towards 0. Below a power of two the floats lie twice as densely, so that 1.0 comes out half as "
    "large. The ulp is the step away from 0: nextafter(size, inf) - size.",
)
def step_towards_zero(x: Tensor) -> Tensor:
    size = x.abs()
    below = size - torch.nextafter(size, torch.zeros_like(size))
    return torch.where((size > 0) & size.isfinite(), below, _right(x))


@mistake(
    "ulp",
    "You step towards x + 1. Where the floats lie more than 1 apart, x + 1 is x again, and the step is 0: in float32 from "
    "2**24 on, in float16 from 2048 on. Step towards inf.",
)
def step_towards_x_plus_1(x: Tensor) -> Tensor:
    size = x.abs()
    step = torch.nextafter(size, size + 1) - size
    return torch.where(size.isfinite(), step, _right(x))


@mistake(
    "ulp",
    "The step towards +inf is for a negative number the step towards 0: at -1, -2, -4 it is half of the ulp. Take abs "
    "first.",
)
def sign_forgotten(x: Tensor) -> Tensor:
    step = torch.nextafter(x, torch.full_like(x, math.inf)) - x
    return torch.where(step.isfinite(), step, _right(x))


@mistake(
    "ulp",
    "The largest finite number gives inf, since the next float above it is inf. Its step is finite: measure it to the "
    "float below, `torch.where(above.isinf(), size - below, above - size)`.",
)
def largest_gives_inf(x: Tensor) -> Tensor:
    size = x.abs()
    step = torch.nextafter(size, torch.full_like(size, math.inf)) - size
    return torch.where(size.isinf(), size, step)


@mistake(
    "ulp",
    "inf gives nan: the next float after inf is inf, and inf - inf is nan. ulp(inf) is inf.",
)
def inf_gives_nan(x: Tensor) -> Tensor:
    return torch.where(x.isinf(), math.nan, _right(x))


@mistake(
    "ulp",
    "The largest number gives inf, and inf gives nan: `above - size` is right everywhere else. Choose `size - below` where "
    "`above` is infinite (torch.where): inf - (the largest number) is then inf, as it should be.",
)
def ends_forgotten(x: Tensor) -> Tensor:
    size = x.abs()
    return torch.nextafter(size, torch.full_like(size, math.inf)) - size


@mistake(
    "ulp",
    "nan has to stay nan: something on the way turns it into a number or into inf. isfinite() is False for nan as well.",
)
def nan_lost(x: Tensor) -> Tensor:
    return torch.where(x.isnan(), math.inf, _right(x))


def _without_subnormals(x: Tensor) -> Tensor:
    _, exponent = torch.frexp(x.double())
    step = torch.exp2((exponent - 1).double()) * torch.finfo(x.dtype).eps
    return torch.where(x.isfinite(), step, _right(x).double()).to(x.dtype)


@mistake(
    "ulp",
    "Below the smallest normal number the steps do not shrink any more: they stay at the least subnormal number, "
    "smallest_normal * eps. Your formula goes on halving them, down to 0.",
)
def subnormals_shrink(x: Tensor) -> Tensor:
    return torch.where(x == 0, _right(x), _without_subnormals(x))


@mistake(
    "ulp",
    "0 has a step as well: the least subnormal number, smallest_normal * eps. As an exponent 0 has none, so a formula with "
    "frexp or log2 needs it as a case of its own.",
)
def zero_forgotten(x: Tensor) -> Tensor:
    return torch.where(x == 0, 0, _right(x))


@mistake(
    "ulp",
    "floor(log2(|x|)) is one too large just below a power of two: the logarithm itself is rounded up to a whole number. "
    "torch.frexp reads the exponent off the bits, and never errs.",
)
def exponent_by_log2(x: Tensor) -> Tensor:
    info = torch.finfo(x.dtype)
    size = (x.float() if x.dtype in (torch.float16, torch.bfloat16) else x).abs().clamp(min=info.smallest_normal)
    step = torch.exp2(size.log2().floor()) * info.eps
    return torch.where(size.isfinite(), step, size).to(x.dtype)


@mistake(
    "ulp",
    "The step is that of float32 whatever came in. It belongs to x's own dtype: float16 has 11 bits and bfloat16 has 8 "
    "where float32 has 24. Measure before you widen.",
)
def step_of_float32(x: Tensor) -> Tensor:
    return _right(x.float()).to(x.dtype)


@mistake(
    "ulp",
    "The result is in float64 whatever came in: return x.dtype.",
)
def float64_result(x: Tensor) -> Tensor:
    return _right(x).double()


@mistake(
    "ulp",
    "math.ulp takes one number at a time: a loop over all of them, and always in float64. torch.nextafter takes the whole "
    "tensor.",
    fault="gate:comprehension",
)
def math_ulp_each(x: Tensor) -> Tensor:
    return torch.tensor([math.ulp(v) for v in x.flatten().tolist()], dtype=x.dtype).reshape(x.shape)


@mistake(
    "ulp",
    "NumPy leaves the device, and has no bfloat16. torch.nextafter takes the tensor as it is.",
    fault="gate:numpy",
)
def numpy_spacing(x: Tensor) -> Tensor:
    return torch.from_numpy(np.abs(np.spacing(x.numpy())))


@mistake(
    "ulp",
    "A Python `if` on the numbers of a tensor decides for all of them at once, and makes a GPU stop and wait. torch.where "
    "decides element by element.",
    fault="sync",
)
def branch_on_numbers(x: Tensor) -> Tensor:
    size = x.abs()
    above = torch.nextafter(size, torch.full_like(size, math.inf))
    if above.isinf().any():
        return size - torch.nextafter(size, torch.zeros_like(size))
    return above - size


@mistake(
    "ulp",
    "The input is changed: abs_() and the like, with the underscore, write into the caller's tensor. abs() makes a new "
    "one.",
)
def abs_in_place(x: Tensor) -> Tensor:
    return _right(x.abs_())


# ulp_error


def _right_error(actual: Tensor, exact: Tensor) -> Tensor:
    rounded = exact.to(actual.dtype)
    error = (actual.double() - exact).abs() / _right(rounded).double()
    return _special(error, actual, rounded)


def _special(error: Tensor, actual: Tensor, rounded: Tensor) -> Tensor:
    error = torch.where(rounded.isinf(), math.inf, error)
    right = torch.where(rounded.isinf(), actual == rounded, actual.isnan() & rounded.isnan())
    return torch.where(right, 0.0, error)


@mistake(
    "ulp_error",
    "exact is rounded to actual's dtype before the difference is taken: half an ulp is lost, and every error is a whole "
    "number. Only the step is that of the rounded number; the difference is actual.double() - exact.",
)
def exact_rounded_first(actual: Tensor, exact: Tensor) -> Tensor:
    rounded = exact.to(actual.dtype)
    error = (actual.double() - rounded.double()).abs() / _right(rounded).double()
    return _special(error, actual, rounded)


@mistake(
    "ulp_error",
    "The step is taken at actual. The yardstick has to be that of the exact answer: a wrong answer that is large would "
    "otherwise be measured with a large step, and look good.",
)
def step_at_actual(actual: Tensor, exact: Tensor) -> Tensor:
    error = (actual.double() - exact).abs() / _right(actual).double()
    return _special(error, actual, exact.to(actual.dtype))


@mistake(
    "ulp_error",
    "The step is float64's, since exact is in float64: every float32 answer then looks 1e8 ulps off. Round exact to "
    "actual's dtype and take the ulp of that.",
)
def step_of_float64(actual: Tensor, exact: Tensor) -> Tensor:
    error = (actual.double() - exact).abs() / _right(exact)
    return _special(error, actual, exact.to(actual.dtype))


@mistake(
    "ulp_error",
    "The difference is divided by eps * |exact|: that is a relative error. An ulp is a step, equal from one power of two to "
    "the next, and not 0 at 0: use your ulp.",
)
def relative_error(actual: Tensor, exact: Tensor) -> Tensor:
    error = (actual.double() - exact).abs() / (exact.abs() * torch.finfo(actual.dtype).eps)
    return _special(error, actual, exact.to(actual.dtype))


@mistake(
    "ulp_error",
    "The difference is not divided by the step: an absolute error in place of one in ulps.",
)
def not_in_ulps(actual: Tensor, exact: Tensor) -> Tensor:
    return _special((actual.double() - exact).abs(), actual, exact.to(actual.dtype))


@mistake(
    "ulp_error",
    "The error has a sign: answers that are too small come out negative, and a maximum over them hides them. Take abs.",
)
def signed(actual: Tensor, exact: Tensor) -> Tensor:
    rounded = exact.to(actual.dtype)
    return _special((actual.double() - exact) / _right(rounded).double(), actual, rounded)


@mistake(
    "ulp_error",
    "The result is in actual's dtype. Errors are float64 whatever was measured: in float16 they end at 65504 ulps.",
)
def result_in_actual_dtype(actual: Tensor, exact: Tensor) -> Tensor:
    return _right_error(actual, exact).to(actual.dtype)


@mistake(
    "ulp_error",
    "Equal infinities give nan: inf - inf. They are the right answer, with error 0: decide by `actual == rounded` where "
    "the rounded exact answer is infinite.",
)
def equal_infinities_nan(actual: Tensor, exact: Tensor) -> Tensor:
    rounded = exact.to(actual.dtype)
    error = torch.where(rounded.isinf(), math.inf, _right_error(actual, exact))
    error = torch.where(exact.isinf() & (actual == exact), math.nan, error)
    return torch.where(rounded.isinf() & ~exact.isinf() & (actual == rounded), 0.0, error)


@mistake(
    "ulp_error",
    "nan against nan gives nan: where the exact answer is nan, nan is the right one, with error 0. nan == nan is False, so "
    "ask isnan() of both.",
)
def nan_against_nan(actual: Tensor, exact: Tensor) -> Tensor:
    return torch.where(actual.isnan() & exact.isnan(), math.nan, _right_error(actual, exact))


@mistake(
    "ulp_error",
    "A nan against a number counts as no error, or as inf: set to 0 only what is nan on both sides.",
)
def nan_counts_as_right(actual: Tensor, exact: Tensor) -> Tensor:
    return torch.where(actual.isnan() | exact.isnan(), 0.0, _right_error(actual, exact))


@mistake(
    "ulp_error",
    "Where exact is beyond the largest number of actual's dtype, every answer comes out well: the step there is inf, and "
    "dividing by inf gives 0. Only that infinity is right there; everything else is inf ulps off.",
)
def infinite_step_hides(actual: Tensor, exact: Tensor) -> Tensor:
    rounded = exact.to(actual.dtype)
    hidden = rounded.isinf() & exact.isfinite() & actual.isfinite()
    return torch.where(hidden, 0.0, _right_error(actual, exact))


@mistake(
    "ulp_error",
    "inf, where exact is finite but rounds to inf, is the right answer of that dtype: its error is 0. Compare actual with "
    "the rounded exact answer, not with exact itself.",
)
def rounding_to_inf_is_wrong(actual: Tensor, exact: Tensor) -> Tensor:
    overflow = exact.to(actual.dtype).isinf() & exact.isfinite()
    return torch.where(overflow, math.inf, _right_error(actual, exact))


@mistake(
    "ulp_error",
    "inf and -inf count as equal: isinf() is true of both. Compare the numbers, `actual == rounded`.",
)
def infinities_of_any_sign(actual: Tensor, exact: Tensor) -> Tensor:
    return torch.where(actual.isinf() & exact.to(actual.dtype).isinf(), 0.0, _right_error(actual, exact))


@mistake(
    "ulp_error",
    "One number for the whole tensor: the error is asked of each element. Whoever measures takes the maximum.",
)
def largest_error_only(actual: Tensor, exact: Tensor) -> Tensor:
    return torch.stack([_right_error(actual, exact).sum(), exact.new_zeros(())]).amax()


@mistake(
    "ulp_error",
    "A step of 0 near 0: eps times a power of two underflows, and a division by 0 gives inf or nan. The steps end at the "
    "least subnormal number: use your ulp.",
)
def step_of_zero(actual: Tensor, exact: Tensor) -> Tensor:
    rounded = exact.to(actual.dtype)
    step = torch.where(rounded.abs() < torch.finfo(actual.dtype).smallest_normal, 0.0, _right(rounded).double())
    return _special((actual.double() - exact).abs() / step, actual, rounded)


@mistake(
    "ulp_error",
    "A loop over the elements: subtraction, division and torch.where take the whole tensor at once.",
    fault="gate:loop",
)
def loop_over_elements(actual: Tensor, exact: Tensor) -> Tensor:
    a, e = torch.broadcast_tensors(actual, exact)
    out = torch.empty(e.shape, dtype=torch.float64).flatten()
    for i in range(out.numel()):
        out[i] = _right_error(a.flatten()[i], e.flatten()[i])
    return out.reshape(e.shape)


@mistake(
    "ulp_error",
    "An assignment through a boolean mask (error[mask] = 0) has to know how many numbers there are, and a GPU waits for "
    "it. torch.where writes the same without asking.",
    fault="sync",
)
def mask_assignment(actual: Tensor, exact: Tensor) -> Tensor:
    error = _right_error(actual, exact)
    right = (actual == exact.to(actual.dtype)) & exact.isinf()
    error[right] = error[right].clamp(max=0.0)
    return error


# exp_range


@mistake(
    "exp_range",
    "smallest_normal is not the least number: the subnormals go on below it, down to smallest_normal * eps.",
)
def normal_numbers_only(dtype: torch.dtype) -> tuple[float, float]:
    info = torch.finfo(dtype)
    return math.log(info.smallest_normal), math.log(info.max)


@mistake(
    "exp_range",
    "eps is the step between 1 and 2, not the least number: that is smallest_normal * eps.",
)
def log_of_eps(dtype: torch.dtype) -> tuple[float, float]:
    info = torch.finfo(dtype)
    return math.log(info.eps), math.log(info.max)


@mistake(
    "exp_range",
    "These are logarithms to base 2: exponents of 2, not of e. Use math.log.",
)
def base_two(dtype: torch.dtype) -> tuple[float, float]:
    info = torch.finfo(dtype)
    return math.log2(info.smallest_normal) + math.log2(info.eps), math.log2(info.max)


@mistake(
    "exp_range",
    "The two are swapped: the logarithm of the least number comes first.",
)
def swapped(dtype: torch.dtype) -> tuple[float, float]:
    info = torch.finfo(dtype)
    return math.log(info.max), math.log(info.smallest_normal * info.eps)


@mistake(
    "exp_range",
    "The range is not symmetric: the subnormal numbers reach further down than the largest number reaches up.",
)
def symmetric(dtype: torch.dtype) -> tuple[float, float]:
    top = math.log(torch.finfo(dtype).max)
    return -top, top


@mistake(
    "exp_range",
    "This is the border where a result is rounded to 0, half of the least number. Asked is the logarithm of the least "
    "number itself.",
)
def border_of_rounding(dtype: torch.dtype) -> tuple[float, float]:
    info = torch.finfo(dtype)
    return math.log(info.smallest_normal * info.eps) - math.log(2), math.log(info.max)


@mistake(
    "exp_range",
    "These are the numbers of float32 whatever dtype is: ask torch.finfo(dtype).",
)
def always_float32(dtype: torch.dtype) -> tuple[float, float]:
    info = torch.finfo(torch.float32)
    return math.log(info.smallest_normal * info.eps), math.log(info.max)


@mistake(
    "exp_range",
    "The logarithms are rounded to the dtype that they describe: in bfloat16 only 3 digits of them are left. Take them "
    "with math.log, which works in float64.",
)
def rounded_to_its_dtype(dtype: torch.dtype) -> tuple[float, float]:
    info = torch.finfo(dtype)
    ends = math.log(info.smallest_normal * info.eps), math.log(info.max)
    return torch.tensor(ends[0], dtype=dtype).item(), torch.tensor(ends[1], dtype=dtype).item()


@mistake(
    "exp_range",
    "Tensors come back where two Python floats are asked for: math.log gives them, `.item()` makes them.",
)
def tensors_returned(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    info = torch.finfo(dtype)
    least, most = info.smallest_normal * info.eps, info.max
    return torch.tensor(least, dtype=torch.float64).log(), torch.tensor(most, dtype=torch.float64).log()
