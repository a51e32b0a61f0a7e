"""An answer is close enough, or the comparison says in which way it is not; whatever is odd fails."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.judging.closeness import compare, number, read_output
from autograder.spec import Exact, Tolerance

INF, NAN = math.inf, math.nan
ONE = Tolerance(1)
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def wide(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def narrow(*values: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype)


@given(st.sampled_from(DTYPES), st.floats(-1e4, 1e4), st.integers(0, 6), st.integers(0, 6))
def test_steps_away_are_counted_in_ulps(dtype, value, steps, allowed):
    # Not across a power of 2, where the step changes its size.
    exact = torch.tensor(math.copysign(abs(value) + 1e-3, value), dtype=dtype)
    exact = torch.where(torch.frexp(exact.double())[0].abs() > 0.9, exact * 0.75, exact)
    answer = exact
    for _ in range(steps):
        answer = torch.nextafter(answer, torch.full_like(answer, INF).copysign(exact))
    found = compare(answer, exact.double(), Tolerance(allowed), dtype, False)
    assert (found is None) == (steps <= allowed)
    if found is not None:
        assert found.kind == "error"
        assert found.ulps == steps


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("exact", [0.0, 1.0, INF, -INF, NAN])
def test_special_values_must_agree(value, exact):
    found = compare(narrow(value), wide(exact), Tolerance(1e30, floor=1e30), torch.float32, False)
    assert (found is None) == (value == exact or (math.isnan(value) and math.isnan(exact)))
    assert found is None or found.kind == "special"


@pytest.mark.parametrize("exact", [INF, -INF, NAN])
def test_a_number_is_no_special_value(exact):
    found = compare(narrow(3e38), wide(exact), Tolerance(1e30), torch.float32, False)
    assert found.kind == "special"


def test_one_nan_among_right_answers_fails():
    found = compare(narrow(1.0, NAN, 3.0), wide(1.0, 2.0, 3.0), Tolerance(1e9), torch.float32, False)
    assert (found.place, found.got, found.expected, found.wrong, found.total) == ((1,), "nan", "2", 1, 3)


def test_the_worst_place_is_shown():
    exact = wide(1.0, 1.0, 1.0, 1.0).reshape(2, 2)
    answer = (exact + wide(0, 1e-3, 2e-3, 0).reshape(2, 2)).float()
    found = compare(answer, exact, ONE, torch.float32, False)
    assert (found.place, found.wrong, found.total) == ((1, 0), 2, 4)


def test_a_special_value_is_worse_than_any_error():
    found = compare(narrow(1e30, NAN), wide(1.0, 1.0), ONE, torch.float32, False)
    assert found.place == (1,)


def test_minus_zero_is_zero():
    assert compare(narrow(-0.0), wide(0.0), Tolerance(0), torch.float32, False) is None


def test_floor_makes_the_bound_absolute_near_zero():
    exact, answer = wide(1e-9), narrow(1e-9 + 2e-7)
    assert compare(answer, exact, Tolerance(4, floor=1.0), torch.float32, False) is None
    assert compare(answer, exact, Tolerance(4), torch.float32, False).kind == "error"
    assert compare(answer, exact, Tolerance(1, floor=1.0), torch.float32, False).kind == "error"


def test_floor_leaves_large_answers_alone():
    exact = wide(1024.0)
    answer = narrow(1024.0 + 3 * 2**-13)  # 3 ulp of 1024
    assert compare(answer, exact, Tolerance(3, floor=1.0), torch.float32, False) is None
    assert compare(answer, exact, Tolerance(2, floor=1.0), torch.float32, False) is not None


def test_float64_is_compared_with_both_halves():
    # The exact answer lies a third of an ulp above 1: 1 is right, the number below 1 is 0.83 ulp off.
    exact = Exact(wide(1.0), wide(2**-52 / 3))
    assert compare(wide(1.0), exact, Tolerance(0.34), torch.float64, True) is None
    assert compare(wide(1.0), exact, Tolerance(0.33), torch.float64, True) is None  # the rounded exact answer itself
    assert compare(wide(1 + 2**-52), exact, Tolerance(0.67), torch.float64, True) is None
    assert compare(wide(1 + 2**-52), exact, Tolerance(0.66), torch.float64, True).kind == "error"


@pytest.mark.parametrize(
    ("dtype", "exact", "answer", "good"),
    [
        (torch.float16, 70000.0, INF, True),
        (torch.float16, 70000.0, 65504.0, False),
        (torch.float16, 65510.0, 65504.0, True),
        (torch.float16, 65510.0, INF, False),
        (torch.float16, -70000.0, -INF, True),
        (torch.float16, 1e-9, 0.0, True),
        (torch.bfloat16, 1e39, INF, True),
        (torch.float32, 1e39, INF, True),
        (torch.float32, 1e300, 3.4028235e38, False),
    ],
)
def test_overflow_is_that_of_the_dtype(dtype, exact, answer, good):
    found = compare(narrow(answer, dtype=dtype), wide(exact), ONE, dtype, True)
    assert (found is None) == good


@pytest.mark.parametrize("got", [(2,), (1, 3), (3, 1), ()])
def test_shape_must_agree(got):
    found = compare(torch.zeros(got), torch.zeros(3, dtype=torch.float64), ONE, torch.float32, False)
    assert (found.kind, found.got, found.expected) == ("shape", f"shape {got}", "shape (3,)")


def test_an_empty_answer_needs_its_shape_too():
    exact = torch.zeros(0, 4, dtype=torch.float64)
    assert compare(torch.zeros(0, 4), exact, ONE, torch.float32, False) is None
    assert compare(torch.zeros(4, 0), exact, ONE, torch.float32, False).kind == "shape"
    assert compare(torch.zeros(0, 4), exact, ONE, torch.float16, True).kind == "dtype"


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_integers_are_no_answer(dtype):
    found = compare(torch.ones(1).to(dtype), wide(1.0), ONE, torch.float32, False)
    assert found.kind == "dtype"


def test_dtype_counts_only_where_it_is_asked():
    answer, exact = wide(1.0), wide(1.0)
    assert compare(answer, exact, ONE, torch.float32, False) is None
    found = compare(answer, exact, ONE, torch.float32, True)
    assert (found.kind, found.got, found.expected) == ("dtype", "float64", "float32")


def test_what_is_no_tensor_is_named():
    found = compare("list", wide(1.0), ONE, torch.float32, False)
    assert (found.kind, found.got, found.expected) == ("type", "list", "a float32 tensor of shape (1,)")


def test_a_single_number_has_the_empty_place():
    found = compare(torch.tensor(2.0), torch.tensor(1.0, dtype=torch.float64), ONE, torch.float32, False)
    assert found.place == ()


@pytest.mark.parametrize(
    ("output", "word"),
    [
        (None, "nothing"),
        ({}, "nothing"),
        (7, "nothing"),
        ({"kind": "plain", "value": None, "type": "NoneType"}, "None"),
        ({"kind": "plain", "value": True, "type": "bool"}, "bool"),
        ({"kind": "plain", "value": "1.5", "type": "str"}, "str"),
        ({"kind": "plain", "value": 10**400, "type": "int"}, "int"),
        ({"kind": "several", "items": [], "type": "tuple"}, "tuple"),
        ({"kind": "several", "items": [{"kind": "plain", "value": "x"}], "type": "tuple"}, "tuple"),
        ({"kind": "several", "items": [{"kind": "tensor", "value": torch.ones(())}], "type": "list"}, "list"),
        ({"kind": "several", "items": 7, "type": "tuple"}, "tuple"),
        ({"kind": "other", "type": "Parameter"}, "Parameter"),
        ({"kind": "other"}, "something else"),
        ({"kind": "other", "type": 7}, "something else"),
        ({"kind": "tensor", "value": 7}, "something else"),
        ({"kind": "tensor"}, "something else"),
        ({"kind": "array", "value": torch.ones(1)}, "something else"),
    ],
)
def test_outputs_that_are_no_tensor(output, word):
    assert read_output(output) == word


def test_outputs_that_are_tensors():
    tensor = torch.ones(2)
    assert read_output({"kind": "tensor", "value": tensor}) is tensor
    assert torch.equal(read_output({"kind": "array", "value": np.ones(2, np.float32)}), tensor)
    number = {"kind": "plain", "value": 1.5}
    assert torch.equal(read_output(number), wide(1.5)[0])
    assert torch.equal(read_output({"kind": "several", "items": [number, number]}), wide(1.5, 1.5))


@pytest.mark.parametrize(
    ("answer", "exact", "kind"),
    [
        (torch.tensor([1, 2]), torch.tensor([1, 2]), None),
        (torch.tensor([1, 2], dtype=torch.int32), torch.tensor([1, 2]), None),
        (torch.tensor([[1, 3]]), torch.tensor([[1, 2]]), "value"),
        (torch.tensor([1.0, 2.0]), torch.tensor([1, 2]), "dtype"),
        (torch.tensor([True]), torch.tensor([1]), "dtype"),
        (torch.tensor([1]), torch.tensor([True]), "dtype"),
        (torch.tensor([True, False]), torch.tensor([True, False]), None),
        (torch.tensor([True]), torch.tensor([False]), "value"),
        (torch.tensor(3), torch.tensor(2), "value"),
        (torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), None),
        (torch.tensor([1]), torch.tensor([1, 2]), "shape"),
    ],
)
def test_integers_and_booleans_are_compared_exactly(answer, exact, kind):
    found = compare(answer, exact, Tolerance(1e9), exact.dtype, True)
    assert (found.kind if found else None) == kind


def test_a_wrong_integer_is_shown_where_it_stands():
    found = compare(torch.tensor([[1, 2], [5, 4]]), torch.tensor([[1, 2], [3, 0]]), ONE, torch.int64, True)
    assert (found.place, found.got, found.expected, found.wrong, found.total) == ((1, 0), "5", "3", 2, 4)


@given(st.sampled_from(DTYPES), st.floats(allow_nan=False, allow_infinity=False, width=16))
def test_a_printed_number_keeps_all_its_digits(dtype, value):
    exact = torch.tensor(value, dtype=dtype)
    assert torch.equal(torch.tensor(float(number(float(exact), dtype)), dtype=torch.float64).to(dtype), exact)


@pytest.mark.parametrize("kind", [None, 7, np.array([1, 2]), torch.ones(2), ["tensor"]])
def test_a_forged_kind_is_no_output(kind):
    assert read_output({"kind": kind, "value": torch.ones(1)}) == "something else"
