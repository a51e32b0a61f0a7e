"""The data classes need no test; the source of numbers does."""

import dataclasses

import pytest
import torch

from autograder import spec
from autograder.spec import Call, Draw


def test_a_seed_gives_the_same_numbers_and_another_seed_others():
    first, again, other = (Draw(seed).normal(5) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_stream_goes_on():
    draw = Draw(0)
    assert not torch.equal(draw.normal(5), draw.normal(5))


def test_numbers_are_drawn_in_float64_and_rounded_once():
    wide = Draw(1).normal(1000, scale=3, offset=7, dtype=torch.float64)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        assert torch.equal(Draw(1).normal(1000, scale=3, offset=7, dtype=dtype), wide.to(dtype))


def test_scale_and_offset():
    x = Draw(2).normal(20000, scale=3, offset=100, dtype=torch.float64)
    assert abs(x.mean() - 100) < 0.1
    assert abs(x.std() - 3) < 0.1


def test_uniform_numbers_stay_in_their_interval():
    x = Draw(3).uniform(20000, low=-2, high=5, dtype=torch.float64)
    assert (x.min() >= -2, x.max() < 5) == (True, True)
    assert abs(x.mean() - 1.5) < 0.1
    assert x.max() - x.min() > 6.9


def test_integers_reach_both_ends():
    x = Draw(4).integers(1000, low=-1, high=3)
    assert x.dtype == torch.int64
    assert sorted(set(x.tolist())) == [-1, 0, 1, 2]


@pytest.mark.parametrize("shape", [(), (0, 3), (2, 1, 4)])
def test_shapes(shape):
    draw = Draw(5)
    assert draw.normal(*shape).shape == draw.uniform(*shape, low=0, high=1).shape == shape
    assert draw.integers(*shape, low=0, high=2).shape == shape


def test_declarations_cannot_be_changed():
    for value in vars(spec).values():
        if isinstance(value, type) and dataclasses.is_dataclass(value):
            assert value.__dataclass_params__.frozen, value
    with pytest.raises(dataclasses.FrozenInstanceError):
        Call().args = (1,)
