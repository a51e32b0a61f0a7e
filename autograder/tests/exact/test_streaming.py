"""The references of streaming: the laws of merging, and the formulas written out."""

import math

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from autograder.exact import log_sums, streaming
from autograder.judging.closeness import as_exact

INF = math.inf
EMPTY = (torch.tensor(-INF), torch.tensor(0.0))
numbers = st.floats(-800, 800)
runs = st.lists(numbers, max_size=5)


def state(run):
    x = torch.tensor(run, dtype=torch.float64)
    return (x.max(), (x - x.max()).exp().sum()) if run else EMPTY


def close(mine, other):
    """Compare two states: the maxima are equal, the sums nearly so."""
    return bool(mine[0] == other[0]) and math.isclose(mine[1], other[1], rel_tol=1e-12)


@given(runs, runs, runs)
def test_merging_is_associative(a, b, c):
    a, b, c = map(state, (a, b, c))
    merge = streaming.merge_logsumexp
    assert close(merge(merge(a, b), c), merge(a, merge(b, c)))


@given(runs, runs)
def test_merging_is_commutative(a, b):
    assert close(streaming.merge_logsumexp(state(a), state(b)), streaming.merge_logsumexp(state(b), state(a)))


@given(runs)
def test_the_empty_run_changes_nothing(a):
    assert close(streaming.merge_logsumexp(state(a), EMPTY), state(a))
    assert close(streaming.merge_logsumexp(EMPTY, state(a)), state(a))


@given(runs, runs)
def test_a_state_stands_for_its_log_sum_exp(a, b):
    merged = streaming.value(streaming.merge_logsumexp(state(a), state(b)))
    whole = log_sums.logsumexp(torch.tensor(a + b, dtype=torch.float64))
    assert bool(merged == whole) or math.isclose(merged, whole, rel_tol=1e-14, abs_tol=1e-12)


def test_infinite_and_undefined_maxima():
    one = torch.tensor(1.0)
    for m, expected in ((INF, INF), (math.nan, math.nan)):
        merged = streaming.merge_logsumexp((torch.tensor(m), one), (torch.tensor(2.0), one))
        assert torch.allclose(streaming.value(merged), torch.tensor(expected, dtype=torch.float64), equal_nan=True)


@given(st.integers(1, 9))
def test_blocks_change_no_reference(size):
    x, ids = torch.linspace(-3, 5, 28, dtype=torch.float64).reshape(7, 4), torch.arange(7) % 4
    right = torch.log_softmax(x, -1).gather(-1, ids[:, None])[:, 0]
    for reference in (streaming.blocked_token_log_probs, streaming.precise_blocked_token_log_probs):
        assert torch.allclose(as_exact(reference(x, ids, size)).high, right, atol=1e-13)
    for reference in (streaming.blocked_logsumexp, streaming.precise_blocked_logsumexp):
        assert torch.allclose(as_exact(reference(x, size)).high, torch.logsumexp(x, -1), atol=1e-13)


def test_linear_cross_entropy():
    hidden, weight = torch.linspace(-1, 2, 12).reshape(4, 3).double(), torch.linspace(3, -2, 15).reshape(5, 3).double()
    target = torch.tensor([0, 4, 2, 2])
    expected = F.cross_entropy(hidden @ weight.T, target)
    assert torch.allclose(streaming.linear_cross_entropy(hidden, weight, target, 2), expected, atol=1e-14)


def test_streaming_attention():
    q, k, v = torch.linspace(-2, 3, 3 * 2 * 5 * 4, dtype=torch.float64).reshape(3, 2, 5, 4).sin()
    expected = F.scaled_dot_product_attention(q, k, v)
    assert torch.allclose(streaming.streaming_attention(q, k, v, 2), expected, atol=1e-14)
