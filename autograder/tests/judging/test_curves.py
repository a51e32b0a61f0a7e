"""Errors point by point: ulps of the exact answer, and what stands for wrong infinities and nans."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.judging.curves import curve, errors
from autograder.judging.truth import ulp
from autograder.spec import Exact

F32 = torch.float32
INF, NAN = math.inf, math.nan


def one(got, exact, dtype=F32):
    return float(errors(torch.tensor([got], dtype=dtype), torch.tensor([exact], dtype=torch.float64), dtype)[0])


@given(st.floats(2**-60, 2**60), st.integers(-1000, 1000), st.sampled_from([torch.float32, torch.bfloat16]))
def test_a_number_of_steps_is_that_many_ulps(size, steps, dtype):
    exact = torch.tensor([size], dtype=dtype).double()
    got = exact + steps * ulp(exact, dtype)
    assert float(errors(got, exact, dtype)[0]) == abs(steps)


def test_the_error_is_measured_from_the_exact_number_not_from_its_rounding():
    exact = 1 + 2**-24  # half an ulp above 1
    assert one(1.0, exact) == pytest.approx(0.5)


def test_the_low_part_of_an_exact_answer_counts():
    exact = Exact(torch.ones(1, dtype=torch.float64), torch.full((1,), 2.0**-54, dtype=torch.float64))
    assert float(errors(torch.ones(1, dtype=torch.float64), exact, torch.float64)[0]) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("got", "exact", "expected"),
    [
        (INF, INF, 0.0),
        (-INF, -INF, 0.0),
        (NAN, NAN, 0.0),
        (0.0, 0.0, 0.0),
        (INF, 1e39, 0.0),  # the exact answer lies beyond the dtype
        (INF, 1.0, INF),
        (-INF, INF, INF),
        (3e38, INF, INF),
        (1.0, NAN, INF),
        (INF, NAN, INF),
        (NAN, 1.0, NAN),
        (NAN, INF, NAN),
        (1e-45, 0.0, 1.0),  # the least number beside an exact 0
    ],
)
def test_special_values(got, exact, expected):
    assert one(got, exact) == expected or (math.isnan(expected) and math.isnan(one(got, exact)))


def test_a_row_counts_by_its_worst_number():
    got = torch.tensor([[1.0, 1.0], [1.0, 1.0 + 3 * 2**-23], [1.0, INF], [NAN, INF]])
    found = errors(got, torch.ones(4, 2, dtype=torch.float64), F32)
    assert found[:3].tolist() == [0.0, 3.0, INF]
    assert found[3].isnan()


def test_rows_of_nothing_have_no_error():
    assert errors(torch.ones(3, 0), torch.ones(3, 0, dtype=torch.float64), F32).tolist() == [0.0] * 3


@pytest.mark.parametrize(
    ("got", "words"),
    [
        ("str", "it returns str, not a tensor"),
        ("a\nb" * 100, "it returns a b"),
        (torch.ones(()), "it returns shape (), expected is (2,)"),
        (torch.ones(2, dtype=torch.int64), "it returns int64"),
        (torch.ones(2, dtype=torch.complex64), "it returns complex64"),
    ],
)
def test_what_is_no_curve_gets_words(got, words):
    found = curve("yours", got, torch.ones(2, dtype=torch.float64), F32)
    assert found.errors is None
    assert found.note.startswith(words)
    assert len(found.note) < 100


def test_an_answer_of_another_float_dtype_is_drawn():
    found = curve("yours", torch.ones(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64), F32)
    assert found.note == ""
    assert found.errors.tolist() == [0.0, 0.0]
