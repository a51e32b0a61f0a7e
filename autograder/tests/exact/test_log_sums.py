"""The references of log_sums against mpmath, called here directly."""

import inspect
import math

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.exact import log_sums

INF, NAN = math.inf, math.nan
# Not the tiniest: the mean of e^x and e^-x then differs from 1 by less than the references' digits tell.
ordinary = st.floats(-800, 800).map(lambda v: v if abs(v) > 1e-60 else 0.0)
DIGITS = 800  # more than the references use: 1 + e^-1600 is not 1
HALF_ULP, LEAST = 2.0**-53, math.ulp(0.0)
BOTH_LOGSUMEXP = [log_sums.logsumexp, lambda x: log_sums.precise_logsumexp(x).high]
BOTH_LOGMEANEXP = [log_sums.logmeanexp, lambda x: log_sums.precise_logmeanexp(x).high]


def exact(formula, *values: float) -> mpmath.mpf:
    with mpmath.workdps(DIGITS):
        return formula(*map(mpmath.mpf, values))


def close(actual: torch.Tensor, expected: mpmath.mpf, relative: float, absolute: float = LEAST) -> bool:
    with mpmath.workdps(DIGITS):
        return abs(mpmath.mpf(float(actual)) - expected) <= relative * abs(expected) + absolute


def same(actual: float, expected: float) -> bool:
    return actual == expected or (math.isnan(actual) and math.isnan(expected))


@given(st.lists(ordinary, min_size=1, max_size=6))
def test_logsumexp(row):
    expected = exact(lambda *v: mpmath.log(mpmath.fsum(map(mpmath.exp, v))), *row)
    x = torch.tensor(row, dtype=torch.float64)
    assert close(log_sums.logsumexp(x), expected, 1e-15, 1e-12)
    precise = log_sums.precise_logsumexp(x)
    assert close(precise.high, expected, HALF_ULP)


@given(st.lists(ordinary, min_size=1, max_size=6))
def test_logmeanexp(row):
    expected = exact(lambda *v: mpmath.log(mpmath.fsum(map(mpmath.exp, v)) / len(v)), *row)
    x = torch.tensor(row, dtype=torch.float64)
    assert close(log_sums.logmeanexp(x), expected, 1e-15, 1e-12)
    assert close(log_sums.precise_logmeanexp(x).high, expected, HALF_ULP)


@given(ordinary, ordinary)
def test_logaddexp(a, b):
    expected = exact(lambda u, v: mpmath.log(mpmath.exp(u) + mpmath.exp(v)), a, b)
    assert close(log_sums.logaddexp(a, b), expected, 1e-15, 1e-12)
    assert close(log_sums.precise_logaddexp(a, b).high, expected, HALF_ULP)


@given(st.floats(-40, -1e-40))
def test_log1mexp(x):
    expected = exact(lambda v: mpmath.log(-mpmath.expm1(v)), x)
    assert close(log_sums.log1mexp(x), expected, 4e-16)
    assert close(log_sums.precise_log1mexp(x).high, expected, HALF_ULP)


@given(ordinary, st.floats(1e-6, 50))
def test_logsubexp(b, gap):
    a = b + gap
    expected = exact(lambda u, v: u + mpmath.log(-mpmath.expm1(v - u)), a, b)
    assert close(log_sums.precise_logsubexp(a, b).high, expected, HALF_ULP)
    # Where a + log1mexp(b - a) cancels, float64 is absolute; and b - a is rounded.
    assert close(log_sums.logsubexp(a, b), expected, 1e-15, 1e-12 + 1e-12 / gap)


def test_the_low_part_holds_what_the_high_part_has_not():
    x = torch.tensor([0.0, -30.0], dtype=torch.float64)
    found = log_sums.precise_logsumexp(x)
    expected = exact(lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)), 0, -30)
    with mpmath.workdps(DIGITS):
        whole = mpmath.mpf(float(found.high)) + mpmath.mpf(float(found.low))
        assert abs(whole - expected) < abs(expected) * mpmath.mpf(10) ** -30
    assert found.low != 0


def test_reductions_take_dim_and_keepdim():
    x = torch.randn(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for dim in (0, 1, -1, -3):
        for keepdim in (False, True):
            expected = torch.logsumexp(x, dim, keepdim)
            for found in (log_sums.logsumexp(x, dim, keepdim), log_sums.precise_logsumexp(x, dim, keepdim).high):
                assert found.shape == expected.shape
                assert torch.allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("function", BOTH_LOGSUMEXP, ids=["f64", "mp"])
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([-INF, -INF], -INF),
        ([], -INF),
        ([INF, 0.0], INF),
        ([INF, -INF], INF),
        ([NAN, 0.0], NAN),
        ([NAN, INF], NAN),
        ([-INF, 3.0], 3.0),
        ([1e308, 1e308], 1e308),
        ([5e-324], 5e-324),
    ],
)
def test_logsumexp_of_special_rows(function, row, expected):
    assert same(float(function(torch.tensor(row, dtype=torch.float64))), expected)


@pytest.mark.parametrize("function", BOTH_LOGMEANEXP, ids=["f64", "mp"])
@pytest.mark.parametrize(("row", "expected"), [([-INF, -INF], -INF), ([], NAN), ([INF, 0.0], INF), ([NAN, 0.0], NAN)])
def test_logmeanexp_of_special_rows(function, row, expected):
    assert same(float(function(torch.tensor(row, dtype=torch.float64))), expected)


ELEMENTWISE = {
    "logaddexp": [
        ((-INF, -INF), -INF),
        ((INF, INF), INF),
        ((INF, -INF), INF),
        ((-INF, 2.0), 2.0),
        ((NAN, 0.0), NAN),
        ((INF, NAN), NAN),
    ],
    "log1mexp": [((0.0,), -INF), ((-0.0,), -INF), ((-INF,), 0.0), ((1.0,), NAN), ((INF,), NAN), ((NAN,), NAN)],
    "logsubexp": [
        ((1.0, 1.0), -INF),
        ((-INF, -INF), -INF),
        ((INF, INF), NAN),
        ((0.0, 1.0), NAN),
        ((-INF, 0.0), NAN),
        ((INF, 1.0), INF),
        ((INF, -INF), INF),
        ((3.0, -INF), 3.0),
        ((NAN, 0.0), NAN),
    ],
}


@pytest.mark.parametrize("precise", [False, True], ids=["f64", "mp"])
@pytest.mark.parametrize(
    ("name", "inputs", "expected"),
    [(name, inputs, expected) for name, rows in ELEMENTWISE.items() for inputs, expected in rows],
)
def test_elementwise_special_values(name, precise, inputs, expected):
    if precise:
        found = getattr(log_sums, f"precise_{name}")(*inputs).high
    else:
        found = getattr(log_sums, name)(*(torch.tensor(v, dtype=torch.float64) for v in inputs))
    assert same(float(found), expected)


def test_elementwise_references_broadcast():
    a, b = torch.zeros(3, 1), torch.ones(4)
    assert log_sums.precise_logaddexp(a, b).high.shape == log_sums.logaddexp(a, b).shape == (3, 4)


def test_gradient_of_a_row_of_minus_infinity_is_finite():
    x = torch.tensor([[-INF, -INF], [0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(log_sums.logsumexp(x).sum(), x)
    assert grad.isfinite().all()
    assert torch.allclose(grad[1], torch.softmax(x[1], -1))


@pytest.mark.parametrize("name", ["logsumexp", "logmeanexp", "logaddexp", "log1mexp", "logsubexp"])
def test_references_have_right_gradients(name):
    function = getattr(log_sums, name)
    draw = torch.Generator().manual_seed(1)
    low = -torch.rand(2, 3, dtype=torch.float64, generator=draw) - 0.5
    inputs = {"logsubexp": (low + 3, low), "logaddexp": (low, low.flip(0))}.get(name, (low,))
    inputs = tuple(v.clone().requires_grad_() for v in inputs)
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


def test_every_precise_reference_is_tested_here():
    names = {n for n, f in vars(log_sums).items() if n.startswith("precise_") and inspect.isfunction(f)}
    source = inspect.getsource(inspect.getmodule(test_every_precise_reference_is_tested_here))
    assert {n for n in names if f"log_sums.{n}(" not in source} == set()
