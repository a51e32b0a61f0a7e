"""The form for a compiler: the same numbers, and another way where the shift is needed."""

import math

import pytest
import torch
from torch import Tensor

from autograder.benching.lanes import in_lanes, lane_sums


def _refuse(x: Tensor) -> Tensor:
    raise AssertionError("no shift is needed here")


@pytest.mark.parametrize("n", [1, 3, 4, 7, 1000, 1003])
def test_sums_are_those_of_the_row(n: int) -> None:
    x = torch.randn(3, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    torch.testing.assert_close(lane_sums(x), x.exp().sum(-1), rtol=1e-14, atol=0)


def test_logits_near_zero_need_no_shift() -> None:
    x = torch.randn(5, 130, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(in_lanes(lane_sums, _refuse)(x), x.logsumexp(-1), rtol=1e-14, atol=0)


@pytest.mark.parametrize("value", [100.0, -100.0, math.inf, -math.inf, math.nan])
def test_rows_that_need_the_shift_go_the_other_way(value: float) -> None:
    x = torch.zeros(4, 9)
    x[2] = value
    fast = in_lanes(lane_sums, lambda rows: rows.logsumexp(-1))
    assert torch.equal(fast(x).nan_to_num(7.0), x.logsumexp(-1).nan_to_num(7.0))
    with pytest.raises(AssertionError, match="no shift"):
        in_lanes(lane_sums, _refuse)(x)


@pytest.mark.parametrize("shape", [(3, 0), (0, 4)])
def test_no_numbers_go_the_other_way(shape: tuple[int, int]) -> None:
    assert in_lanes(lane_sums, lambda rows: rows.logsumexp(-1))(torch.empty(shape)).shape == shape[:1]
