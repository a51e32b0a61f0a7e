"""The ulp against math and torch, and how precise references take their inputs."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.judging import truth

INF = math.inf
DTYPES = sorted(truth.PRECISION, key=str)
dtypes = st.sampled_from(DTYPES)


@st.composite
def numbers(draw, dtype: torch.dtype) -> torch.Tensor:
    """Draw a finite number of a dtype, by its bits: subnormals and the largest are as likely as any."""
    bits = draw(st.integers(0, 2 ** (8 * dtype.itemsize - 1) - 1))
    kind = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
    value = torch.tensor(bits, dtype=kind).view(dtype)
    return value if value.isfinite() else torch.tensor(1.0, dtype=dtype)


@given(st.data(), dtypes)
def test_ulp_is_the_step_to_the_next_number(data, dtype):
    value = data.draw(numbers(dtype))
    above = torch.nextafter(value, torch.tensor(INF, dtype=dtype)).double()
    below = torch.nextafter(value, torch.tensor(-INF, dtype=dtype)).double()
    step = above - value.double() if above.isfinite() else value.double() - below
    assert truth.ulp(value.double(), dtype) == step
    assert truth.ulp(-value.double(), dtype) == step


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_ulp_is_that_of_math_in_float64(value):
    assert float(truth.ulp(torch.tensor(value, dtype=torch.float64), torch.float64)) == math.ulp(value)


@given(dtypes, st.floats(1e-10, 1e10))
def test_ulp_of_a_number_between_two_is_that_of_the_binade(dtype, value):
    found = float(truth.ulp(torch.tensor(value, dtype=torch.float64), dtype))
    expected = 2.0 ** (math.frexp(value)[1] - truth.PRECISION[dtype])
    assert found == max(expected, 2.0 ** truth.LEAST_EXPONENT[dtype])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_precision_and_least_exponent_are_torchs(dtype):
    information = torch.finfo(dtype)
    assert 2.0 ** (1 - truth.PRECISION[dtype]) == information.eps
    assert 2.0 ** truth.LEAST_EXPONENT[dtype] == information.smallest_normal * information.eps


@truth.elementwise
def product(a, b):
    return a * b


@truth.rowwise
def total(row):
    return mpmath.fsum(row)


def test_elementwise_broadcasts_and_keeps_both_halves():
    third = 1 / 3
    found = product(
        torch.tensor([[third], [2.0]], dtype=torch.float64), torch.tensor([third, 1.0], dtype=torch.float64)
    )
    assert found.high.shape == found.low.shape == (2, 2)
    with mpmath.workdps(50):
        whole = mpmath.mpf(float(found.high[0, 0])) + mpmath.mpf(float(found.low[0, 0]))
        assert abs(whole - mpmath.mpf(third) ** 2) < mpmath.mpf(10) ** -32
    assert found.low[0, 0] != 0


def test_rowwise_takes_dim_and_keepdim():
    x = torch.arange(24.0).reshape(2, 3, 4)
    for dim in (0, 1, -1, -3):
        assert torch.equal(total(x, dim).high, x.double().sum(dim))
        assert torch.equal(total(x, dim, True).high, x.double().sum(dim, True))


@pytest.mark.parametrize(("shape", "result"), [((0,), ()), ((2, 0), (2,)), ((0, 3), (0,)), ((), ())])
def test_rowwise_takes_empty_rows_and_single_numbers(shape, result):
    found = total(torch.zeros(shape))
    assert found.high.shape == found.low.shape == result
    assert (found.high == 0).all()


@pytest.mark.parametrize("value", [INF, -INF, math.nan])
def test_special_values_have_no_low_half(value):
    found = product(value, 1.0)
    assert str(float(found.high)) == str(value)
    assert found.low == 0


def test_inputs_may_be_arrays_and_half_types():
    assert total(np.ones(3, np.float16)).high == 3
    assert total(torch.ones(3, dtype=torch.bfloat16)).high == 3
    assert truth.wide(np.float32(1.5)).dtype == torch.float64
    assert truth.as_tensor(np.ones(2, np.float16)).dtype == torch.float16
