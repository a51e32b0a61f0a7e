"""Random ops under `Endpoints`: half of the numbers lie at the ends that the op can really reach."""

import pytest
import torch

from autograder.running.endpoints import Endpoints

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "draw",
    [
        lambda n, dtype: torch.rand(n, dtype=dtype),
        lambda n, dtype: torch.rand(n, dtype=dtype, generator=torch.Generator().manual_seed(1)),
        lambda n, dtype: torch.rand_like(torch.empty(n, dtype=dtype)),
        lambda n, dtype: torch.empty(n, dtype=dtype).uniform_(),
    ],
    ids=["rand", "rand with a generator", "rand_like", "uniform_"],
)
def test_uniform_numbers_reach_0_and_the_last_number_below_1(draw, dtype):
    with Endpoints():
        u = draw(100, dtype)
    assert int((u == 0).sum()) >= 25
    top = torch.nextafter(torch.ones((), dtype=dtype), torch.zeros((), dtype=dtype))
    assert u.max() == top


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_ends_are_really_drawn(dtype):
    u = torch.rand(1 << 20, dtype=dtype, generator=torch.Generator().manual_seed(0))
    assert u.min() == 0
    assert u.max() == 1 - torch.finfo(dtype).eps / 2


def test_uniform_of_another_range():
    with Endpoints():
        u = torch.empty(8).uniform_(2, 4)
    assert u.min() == 2
    assert 3.999 < u.max() <= 4  # torch rounds 4 - 2**-23 to 4 as well


def test_exponential_numbers():
    with Endpoints():
        assert torch.empty(8).exponential_().min() == 2**-24
        assert torch.empty(8, dtype=torch.float16).exponential_().min() == 0
        assert torch.empty(8).exponential_(2.0).max() == pytest.approx(24 * 0.6931472 / 2)


def test_other_ops_are_as_ever():
    x = torch.arange(4.0)
    with Endpoints():
        assert torch.equal(x * 2, torch.tensor([0.0, 2.0, 4.0, 6.0]))
        drawn = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn, torch.randn(1000, generator=torch.Generator().manual_seed(0)))


def test_empty_and_single_numbers():
    with Endpoints():
        assert torch.rand(0).shape == (0,)
        assert torch.rand(()).item() == 0
