"""A fence never lets an answer pass that `compare` would not, and lets nearly all right ones pass."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.judging.closeness import compare
from autograder.judging.fences import fence
from autograder.judging.truth import ulp
from autograder.spec import Exact, Tolerance

NUMBERS = st.floats(-1e38, 1e38) | st.sampled_from([0.0, -0.0, 1e-45, 3.4e38, 1e39, math.inf, -math.inf, math.nan])
TOLERANCES = st.builds(Tolerance, st.sampled_from([0.5, 1, 4, 256]), st.sampled_from([0.0, 1.0, 256.0]))


@given(st.lists(NUMBERS, min_size=1, max_size=5), TOLERANCES, st.lists(st.floats(-3, 3), min_size=5, max_size=5))
def test_what_a_fence_holds_is_close(numbers, tolerance, off):
    exact = torch.tensor(numbers, dtype=torch.float64)
    unit = ulp(torch.where(exact.float().isfinite(), exact.abs().clamp(min=tolerance.floor), 1.0), torch.float32)
    answer = (exact + torch.tensor(off[: len(numbers)], dtype=torch.float64) * tolerance.ulps * unit).float()
    around = fence(exact, tolerance, torch.float32)
    if around.holds(answer):
        assert compare(answer, exact, tolerance, torch.float32, True) is None


@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_the_exact_answer_is_held(numbers):
    exact = torch.tensor(numbers, dtype=torch.float64)
    assert fence(exact, Tolerance(1), torch.float32).holds(exact.float())


@given(st.floats(-1e30, 1e30), st.sampled_from([-1, 1]))
def test_a_step_beyond_the_bound_is_not_held(number, side):
    exact = torch.tensor([number], dtype=torch.float64)
    step = ulp(exact, torch.float32)
    around = fence(exact, Tolerance(2), torch.float32)
    assert not around.holds((exact + side * 4 * step).float())


@pytest.mark.parametrize(
    "answer",
    [
        torch.zeros(3),
        torch.zeros(2, 1),
        torch.zeros(2).double(),
        torch.zeros(2).half(),
        "None",
        None,
        torch.nn.Parameter(torch.zeros(2)),
    ],
)
def test_another_shape_or_dtype_or_type_is_not_held(answer):
    assert not fence(torch.zeros(2, dtype=torch.float64), Tolerance(4), torch.float32).holds(answer)


def test_other_dtypes_have_no_fence():
    exact = torch.zeros(2, dtype=torch.float64)
    assert fence(exact, Tolerance(4), torch.float64) is None
    assert fence(exact, Tolerance(4), torch.bfloat16) is None
    assert fence(Exact(exact, exact + 1e-20), Tolerance(4), torch.float32) is None


def test_no_numbers_are_held():
    assert fence(torch.zeros(0, 3, dtype=torch.float64), Tolerance(4), torch.float32).holds(torch.zeros(0, 3))
