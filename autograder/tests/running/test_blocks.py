"""The drivers of what works block by block."""

import torch

from autograder.running.drivers import DRIVERS

STATES = ((torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0])), (torch.tensor([2.0, 0.5]), torch.tensor([1.0, 3.0])))
COTANGENT = torch.tensor([1.0, 10.0])


def merge(a, b):
    top = torch.maximum(a[0], b[0])
    return top, a[1] * (a[0] - top).exp() + b[1] * (b[0] - top).exp()


def states():
    return tuple(tuple(t.clone() for t in one) for one in STATES)


def slopes(function):
    return DRIVERS["state"](function, states(), {"cotangent": COTANGENT})["grads"]


class Kept(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.slope = 2 * x
        return x * x

    @staticmethod
    def backward(ctx, grad):
        return ctx.slope.mul_(grad)


class Saved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(2 * x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        return ctx.saved_tensors[0].mul_(grad)


def walks(function):
    x, cotangents = torch.tensor([1.0, 3.0]), (torch.tensor([1.0, 1.0]), torch.tensor([2.0, 2.0]))
    return DRIVERS["twice"](function, (x,), {"cotangents": cotangents})["walks"]


def test_the_gradients_of_a_state_are_those_of_its_value():
    found = slopes(merge)
    (m, s), (n, t) = STATES
    both = s * m.exp() + t * n.exp()
    for mine, right in zip(found, (s * m.exp(), m.exp(), t * n.exp(), n.exp()), strict=True):
        assert torch.allclose(mine, COTANGENT * right / both)


def test_a_shift_that_is_detached_as_a_whole_changes_nothing():
    found = slopes(lambda a, b: merge((a[0], a[1]), (b[0], b[1])))
    cut = slopes(
        lambda a, b: (
            (top := torch.maximum(a[0], b[0]).detach()),
            a[1] * (a[0] - top).exp() + b[1] * (b[0] - top).exp(),
        )
    )
    assert all(torch.allclose(mine, other) for mine, other in zip(found, cut, strict=True))


def test_what_is_no_pair_or_has_no_graph_has_no_gradients():
    assert slopes(lambda a, b: a[0]) is None
    assert slopes(lambda a, b: (a[0], 1.0)) is None
    assert slopes(lambda a, b: (a[0][:1], a[1][:1])) is None
    assert slopes(lambda a, b: (a[0].detach(), a[1].detach())) is None


def test_a_call_that_wants_no_gradient_is_weighed():
    x = torch.ones(1000)
    assert DRIVERS["unwanted"](lambda x: x * 2, (x,), {})["peak"] == 4000
    assert DRIVERS["unwanted"](lambda x: (x * 2).exp(), (x,), {})["peak"] == 8000


def test_under_no_grad_inputs_still_ask_for_gradients():
    seen = []
    DRIVERS["unwanted"](
        lambda x, n: seen.append((x.requires_grad, torch.is_grad_enabled(), n)) or x, (torch.ones(2), 3), {}
    )
    assert seen == [(True, False, 3)]


def test_a_graph_may_be_walked_twice():
    first, second = walks(torch.square)
    assert torch.equal(first[0], torch.tensor([2.0, 6.0]))
    assert torch.equal(second[0], 2 * first[0])


def test_what_is_scaled_in_place_shows_on_the_second_walk():
    first, second = walks(lambda x: Kept.apply(x) * 3)
    assert torch.equal(first[0], torch.tensor([6.0, 18.0]))
    assert not torch.equal(second[0], 2 * first[0])


def test_a_second_walk_may_raise():
    first, second = walks(Saved.apply)
    assert torch.equal(first[0], torch.tensor([2.0, 6.0]))
    assert second is None


def test_the_second_walk_uses_options_of_the_function_too():
    x, cotangents = torch.tensor([1.0]), (torch.tensor([1.0]), torch.tensor([1.0]))
    found = DRIVERS["twice"](lambda x, factor: x * factor, (x,), {"factor": 5.0, "cotangents": cotangents})
    assert found["walks"][1][0].item() == 5.0
