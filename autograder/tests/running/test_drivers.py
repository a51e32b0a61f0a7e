"""The drivers: what a worker does with a function, and what it says of the result."""

import math

import numpy as np
import pytest
import torch

from autograder.running import drivers
from autograder.running.drivers import DRIVERS, describe, describe_error, freshen, moved


class Subclass(torch.Tensor):
    pass


class Number(float):
    pass


@pytest.mark.parametrize(
    ("output", "described"),
    [
        (None, {"kind": "plain", "value": None, "type": "NoneType"}),
        (1.5, {"kind": "plain", "value": 1.5, "type": "float"}),
        ("text", {"kind": "plain", "value": "text", "type": "str"}),
        (torch.zeros(2).as_subclass(Subclass), {"kind": "other", "type": "Subclass"}),
        (torch.nn.Parameter(torch.zeros(2)), {"kind": "other", "type": "Parameter"}),
        (Number(1), {"kind": "other", "type": "Number"}),
        (print, {"kind": "other", "type": "builtin_function_or_method"}),
        ({}, {"kind": "other", "type": "dict"}),
        (
            (1, None),
            {
                "kind": "several",
                "items": [
                    {"kind": "plain", "value": 1, "type": "int"},
                    {"kind": "plain", "value": None, "type": "NoneType"},
                ],
                "type": "tuple",
            },
        ),
    ],
)
def test_only_true_values_are_passed_on(output, described):
    assert describe(output) == described


def test_a_tensor_is_passed_on_without_its_graph():
    x = torch.ones(2, requires_grad=True)
    described = describe(x * 2)
    assert (described["kind"], described["grad"], described["device"]) == ("tensor", True, "cpu")
    assert not described["value"].requires_grad


@pytest.mark.parametrize("output", [np.ones(2, np.float16), np.float32(1)])
def test_arrays_and_their_scalars_are_passed_on(output):
    described = describe(output)
    assert described["kind"] == "array"
    assert described["value"].dtype == output.dtype


def fail_in(filename: str):
    scope: dict[str, object] = {}
    exec(
        compile("def inner(x):\n    raise ValueError('no ' + x)\n\ndef f(x):\n    return inner(x)\n", filename, "exec"),
        scope,
    )
    return scope["f"]


def test_an_exception_is_told_with_the_learners_own_last_line():
    with pytest.raises(ValueError) as caught:
        fail_in("log_sums.py")("way")
    assert describe_error(caught.value) == {"type": "ValueError", "message": "no way", "file": "log_sums.py", "line": 2}


def test_lines_of_libraries_are_not_told():
    with pytest.raises(ValueError) as caught:
        fail_in("/usr/lib/library.py")("way")
    assert (describe_error(caught.value)["file"], describe_error(caught.value)["line"]) == (None, None)


def test_a_syntax_error_is_told_with_its_line():
    with pytest.raises(SyntaxError) as caught:
        compile("x = 1\ny = (\n", "log_sums.py", "exec")
    assert (describe_error(caught.value)["file"], describe_error(caught.value)["line"]) == ("log_sums.py", 2)


def test_a_message_may_be_long_or_fail():
    class Mute(Exception):
        def __str__(self):
            raise KeyboardInterrupt

    assert describe_error(Mute())["message"] == "(its message could not be made)"
    assert len(describe_error(ValueError("x" * 10**6))["message"]) == 600


def test_value():
    assert torch.equal(DRIVERS["value"](torch.add, (torch.ones(2), 1), {"alpha": 3})["value"], torch.full((2,), 4.0))


def test_untouched_returns_the_inputs_as_they_are_afterwards():
    found = DRIVERS["untouched"](lambda x, y: x.add_(1), (torch.zeros(2),), {"y": torch.ones(1)})
    assert torch.equal(found["args"][0], torch.ones(2))
    assert torch.equal(found["kwargs"]["y"], torch.ones(1))


def gradient(function, *inputs, wrt=(0,), second=None, cotangent=None):
    weight = torch.tensor([1.0, 2.0]) if cotangent is None else cotangent
    return DRIVERS["gradient"](function, inputs, {}, wrt=wrt, cotangent=weight, second=second)


def test_gradient_is_weighted_by_the_cotangent():
    found = gradient(lambda x: x**2, torch.tensor([3.0, 4.0]))
    assert torch.equal(found["grads"][0], torch.tensor([6.0, 16.0]))
    assert found["seconds"] is None
    assert torch.equal(found["output"]["value"], torch.tensor([9.0, 16.0]))


def test_inputs_that_a_backward_pass_has_changed_come_back():
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(y)
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * grad, ctx.saved_tensors[0].fill_(7)

    y = torch.tensor([math.nan, 1.0])
    found = gradient(Doubled.apply, torch.ones(2), y)
    assert torch.equal(found["changed"].pop("1"), torch.tensor([7.0, 7.0])) and not found["changed"]
    assert gradient(lambda x, y: x + 0 * y, torch.ones(2), torch.tensor([math.nan, 1.0]))["changed"] == {}


def test_gradient_of_several_inputs():
    x, y = torch.tensor([3.0, 4.0]), torch.tensor([5.0, 6.0])
    found = gradient(lambda a, b: a * b, x, y, wrt=(1, 0))
    assert torch.equal(found["grads"][0], torch.tensor([3.0, 8.0]))
    assert torch.equal(found["grads"][1], torch.tensor([5.0, 12.0]))
    assert gradient(lambda a, b: a * 1, x, y, wrt=(0, 1))["grads"][1] is None


def test_second_gradient():
    found = gradient(lambda x: x**3, torch.tensor([2.0, 3.0]), second=torch.tensor([1.0, 10.0]))
    assert torch.equal(found["grads"][0], torch.tensor([12.0, 54.0]))
    assert torch.equal(found["seconds"][0], torch.tensor([12.0, 360.0]))


@pytest.mark.parametrize("function", [lambda x: x.detach(), lambda x: [x], lambda x: x.sum(), lambda x: None])
def test_where_there_is_no_graph_there_are_no_gradients(function):
    assert gradient(function, torch.ones(2))["grads"] is None


def test_a_gradient_without_a_graph_has_no_second():
    found = gradient(lambda x: x * 2, torch.ones(2), second=torch.ones(2))
    assert found["grads"] is not None
    assert found["seconds"] is None


def test_traced():
    found = DRIVERS["traced"](torch.exp, (torch.empty(2, device="meta"),), {}, wrt=())
    assert found["ops"] == {"aten::exp": 1}


def test_every_driver_goes_by_its_name():
    assert all(DRIVERS[name] is getattr(drivers, name) for name in DRIVERS)


def test_fresh_inputs_differ_from_turn_to_turn_and_are_reproducible():
    x = torch.arange(1.0, 9.0).reshape(2, 4)
    turns = [freshen(x, turn) for turn in range(1, 6)]
    assert len({tuple(t.flatten().tolist()) for t in turns}) == 5
    assert torch.equal(freshen(x, 3), turns[2])
    assert torch.equal(x, torch.arange(1.0, 9.0).reshape(2, 4))


def test_fresh_inputs_keep_dtype_shape_and_size():
    for x in (torch.ones(2, 3, dtype=torch.float16), np.ones((2, 3), np.float32)):
        fresh = freshen(x, 400)
        assert (fresh.dtype, fresh.shape) == (x.dtype, x.shape)
        assert 0.5 <= float(fresh.min()) <= 1


def test_what_is_no_floating_point_data_stays():
    index = torch.arange(3)
    assert freshen(index, 5) is index
    assert freshen((index, 2, "mean"), 5) == (index, 2, "mean")
    assert isinstance(freshen([1.0], 5), list)
    scalar = torch.tensor(2.0)
    assert freshen(scalar, 5) is scalar


def test_memory_that_nobody_needs_is_used_again_with_the_same_numbers():
    x = torch.randn(3, 7)
    old = freshen((x, 1), 2)
    fresh = freshen((x, 1), 3, old)
    assert fresh[0].data_ptr() == old[0].data_ptr()
    assert torch.equal(fresh[0], freshen(x, 3))


@pytest.mark.parametrize("old", [torch.zeros(2, 2), torch.zeros(3, 7, dtype=torch.float64), torch.zeros(7, 3).t(), 5])
def test_memory_that_does_not_fit_is_left_alone(old):
    x = torch.randn(3, 7)
    before = old.clone() if isinstance(old, torch.Tensor) else old
    assert torch.equal(freshen(x, 3, old), freshen(x, 3))
    assert bool(torch.as_tensor(old == before).all())


@pytest.mark.parametrize("turn", [7, 14, 400])
def test_a_roll_may_go_round(turn):
    x = torch.randn(2, 7)
    assert torch.equal(freshen(x, turn), x.roll(turn, -1) * (1 - turn / 1024))


def test_tensors_and_arrays_are_freshened_alike():
    x = torch.arange(1.0, 9.0).reshape(2, 4)
    assert np.array_equal(freshen(x.numpy(), 3), freshen(x, 3).numpy())


def test_moved_reaches_every_tensor_and_nothing_else():
    message = {"args": (torch.ones(2), [torch.ones(1)], "x"), "kwargs": {"n": 3}}
    found = moved(message, "meta")
    assert found["args"][0].is_meta
    assert found["args"][1][0].is_meta
    assert found["args"][2] == "x"
    assert found["kwargs"] == {"n": 3}


def test_generators_and_devices_are_moved_too():
    source = torch.Generator().manual_seed(7)
    assert moved({"generator": source}, "cpu")["generator"].initial_seed() == 7
    assert moved({"device": "cpu", "reduction": "mean"}, "meta") == {"device": "meta", "reduction": "mean"}


def test_each_calls_once_for_each_pair():
    asked = (((torch.ones(2),), {"alpha": 2}), ((torch.zeros(2),), {}))
    answers = DRIVERS["each"](lambda x, alpha=1: x * alpha, asked, {})
    assert [a["value"].tolist() for a in answers] == [[2, 2], [0, 0]]


def test_endpoints_brings_draws_to_their_ends():
    answer = DRIVERS["endpoints"](lambda x: torch.rand(8) + x, (torch.zeros(8),), {})
    assert answer["value"].min() == 0


def _relaxed(x, hard=False, generator=None, tau=1.0):
    soft = ((x + torch.rand(x.shape, generator=generator)) / tau).softmax(-1)
    return (soft > 0.5).to(soft) - soft.detach() + soft if hard else soft


def test_soft_and_hard_draw_the_same():
    source = torch.Generator().manual_seed(7)
    logits, cotangent = torch.zeros(4, 3), torch.randn(4, 3)
    soft, hard = DRIVERS["soft_and_hard"](_relaxed, (logits, cotangent), {"generator": source, "tau": 0.5})
    assert torch.equal(soft["grad"], hard["grad"])
    assert not torch.equal(soft["output"]["value"], hard["output"]["value"])


def test_soft_and_hard_without_a_gradient():
    source = torch.Generator().manual_seed(7)
    found = DRIVERS["soft_and_hard"](
        lambda x, hard, generator: x.detach(), (torch.zeros(2), torch.ones(2)), {"generator": source}
    )
    assert [part["grad"] for part in found] == [None, None]


def test_a_number_too_large_for_any_answer_is_named_by_its_type():
    assert describe(10**30) == {"kind": "other", "type": "int"}
    assert describe(1 << 62)["kind"] == "plain"
