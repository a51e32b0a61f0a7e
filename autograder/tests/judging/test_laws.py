"""The tests of random answers: right samplers pass, each of the classical wrong ones fails."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.judging import laws
from autograder.spec import Call

P = torch.tensor([0.2, 0.1, 0.05, 0.5, 0.15], dtype=torch.float64)
CALL = Call((P.log().float(),))


def _source(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _classes(seed: int, *shape: int) -> torch.Tensor:
    flat = torch.multinomial(P, math.prod(shape), replacement=True, generator=_source(seed))
    return flat.reshape(shape)


def test_chi_square_is_the_textbooks():
    # 10, 20, 30 against thirds: statistic 10, two degrees of freedom, exp(-5).
    p = laws.chi_square(torch.tensor([10, 20, 30]), torch.full((3,), 1 / 3))
    assert p == pytest.approx(math.exp(-5), rel=1e-6)


def test_chi_square_of_an_impossible_class():
    assert laws.chi_square(torch.tensor([10, 1]), torch.tensor([1.0, 0.0])) == 0
    assert laws.chi_square(torch.tensor([10, 0]), torch.tensor([1.0, 0.0])) == 1


def test_chi_square_pools_rare_classes():
    rare = torch.tensor([0.5, 0.49, 0.005, 0.005])
    assert laws.chi_square(torch.tensor([50, 49, 1, 0]), rare) > 0.5


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_right_draws_pass(seed):
    cells = _classes(seed, 100, 200)
    assert laws.frequencies(CALL, cells, P, "") is None
    assert laws.neighbours(CALL, cells, P, 0) is None
    assert laws.neighbours(CALL, cells, P, 1) is None


def test_wrong_frequencies_fail():
    cells = torch.where(torch.arange(20000) % 40 == 0, 1, _classes(0, 20000))
    complaint = laws.frequencies(CALL, cells, P, "")
    assert complaint is not None
    assert complaint.kind == "law-frequencies"
    assert complaint.frequencies[1] > 0.11


def test_a_class_that_is_none_fails():
    assert laws.frequencies(CALL, torch.full((20000,), 5), P, "") is not None


@pytest.mark.parametrize("dim", [0, 1])
def test_shared_noise_is_seen_along_its_dimension(dim):
    row = _classes(1, 200 if dim == 0 else 100)
    cells = (row if dim == 0 else row[:, None]).expand(100, 200)
    complaint = laws.neighbours(CALL, cells, P, dim)
    assert complaint is not None
    assert complaint.kind == f"law-dependent {dim}"


def _normal_cdf(x: torch.Tensor) -> torch.Tensor:
    return torch.special.ndtr(x)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_right_distribution_passes(seed):
    draws = torch.randn(20000, generator=_source(seed))
    assert laws.distribution(CALL, draws, _normal_cdf, "") is None


def test_another_distribution_of_the_same_variance_fails():
    draws = (torch.rand(20000, generator=_source(0)) - 0.5) * math.sqrt(12)
    complaint = laws.distribution(CALL, draws, _normal_cdf, "normal law")
    assert complaint is not None
    assert len(complaint.frequencies) == 5


def test_nan_has_no_distribution():
    assert laws.kolmogorov(torch.tensor([0.5, math.nan])) == 0


def test_kolmogorov_agrees_with_the_table():
    # The 5 % point of Kolmogorov's law is 1.358.
    n = 100_000
    levels = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    shift = 1.358 / math.sqrt(n)
    assert laws.kolmogorov((levels + shift).clamp(max=1)) == pytest.approx(0.05, abs=0.002)


def test_binomial_is_two_sided():
    assert laws.binomial(50, 100, 0.5) == 1
    assert laws.binomial(60, 100, 0.5) == pytest.approx(laws.binomial(40, 100, 0.5))
    assert laws.binomial(60, 100, 0.5) == pytest.approx(0.0455, abs=1e-4)


def _described(value):
    return {"kind": "tensor", "value": value}


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (_described(torch.zeros(2, 1)), "law-shape (2, 1)"),
        (_described(torch.zeros(2, dtype=torch.float64)), "dtype"),
        ({"kind": "plain", "value": None}, "law-type None"),
        ("rubbish", "law-type nothing"),
    ],
)
def test_the_form_comes_first(output, kind):
    judge = laws.drawn(lambda call: (2,), lambda call: torch.float32, lambda call, t: pytest.fail("was tested"))
    complaint = judge(CALL, output)
    assert complaint is not None
    assert complaint.kind == kind


def test_the_first_complaint_counts():
    said = [laws.complain(word, CALL, "a", "b") for word in ("one", "two")]
    judge = laws.drawn(
        lambda call: (2,), lambda call: torch.float32, lambda c, t: None, lambda c, t: said[0], lambda c, t: said[1]
    )
    assert judge(CALL, _described(torch.zeros(2))) is said[0]


def test_several_asks_for_tensors_of_one_shape():
    assert isinstance(laws.several(CALL, [_described(torch.zeros(2))] * 2), list)
    for second in (_described(torch.zeros(3)), {"kind": "plain", "value": None}):
        complaint = laws.several(CALL, [_described(torch.zeros(2)), second])
        assert complaint is not None
        assert complaint.kind == "law-type"


def test_the_message_shows_a_row():
    rows = torch.zeros(100, 3)
    assert "[0, 0, 0]" in laws.complain("x", Call((rows,)), "a", "b").message
