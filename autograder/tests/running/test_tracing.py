"""What the meta run sees of a call: its ops, its peak bytes, the CPU tensors that take part."""

import pytest
import torch

from autograder.running.tracing import count, trace

ROWS, CLASSES = 256, 4096
INPUT = ROWS * CLASSES * 4


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, device="meta")


def seen(function, *args, wrt=(), **kwargs):
    return trace(function, args or (meta(ROWS, CLASSES),), kwargs, wrt, weigh=True)


def textbook(x):
    top = x.amax(-1, keepdim=True)
    return ((x - top).exp().sum(-1, keepdim=True).log() + top).squeeze(-1)


def test_ops_are_counted_by_name():
    assert seen(textbook)["ops"] == {
        "aten::amax": 1,
        "aten::sub": 1,
        "aten::exp": 1,
        "aten::sum": 1,
        "aten::log": 1,
        "aten::add": 1,
        "aten::squeeze": 1,
    }


def test_a_loop_over_rows_grows_and_a_batched_function_does_not():
    def loop(x):
        return torch.stack([textbook(row) for row in x])

    def total(function, rows):
        return sum(seen(function, meta(rows, 6))["ops"].values())

    assert total(loop, 12) > total(loop, 4)
    assert total(textbook, 12) == total(textbook, 4)
    assert total(torch.vmap(textbook), 12) == total(torch.vmap(textbook), 4)


@pytest.mark.parametrize("spelled", [lambda x: torch.logsumexp(x, -1), lambda x: torch.special.logsumexp(x, -1)])
def test_a_function_is_seen_under_any_name(spelled):
    assert "aten::logsumexp" in seen(spelled)["ops"]


def test_peak_is_exact():
    narrow = ROWS * 4
    assert seen(lambda x: x.exp())["peak"] == INPUT
    assert seen(lambda x: x.exp().sum(-1))["peak"] == INPUT + narrow
    # Two large temporaries live while the second is made, the first is gone when the third is.
    assert seen(lambda x: ((x + 1) * 2 - 3).sum(-1))["peak"] == 2 * INPUT
    assert seen(lambda x: x.sum(-1))["peak"] == narrow
    assert seen(lambda x: x.max(-1)[0])["peak"] == narrow + ROWS * 8


def test_memory_that_is_given_back_does_not_count_twice():
    def one_after_the_other(x):
        for _ in range(5):
            (x * 2).sum()
        return x.sum()

    assert INPUT <= seen(one_after_the_other)["peak"] < 1.01 * INPUT


def test_views_cost_nothing():
    assert seen(lambda x: x.t()[1:].unsqueeze(0).expand(9, -1, -1))["peak"] == 0


def test_writing_in_place_costs_nothing():
    assert seen(lambda x: x.add(1).exp_().mul_(2))["peak"] == INPUT


def test_the_backward_pass_counts_with_its_saved_tensors():
    forward = seen(lambda x: x.exp().sum(-1))
    both = seen(lambda x: x.exp().sum(-1), wrt=(0,))
    assert both["peak"] >= 2 * INPUT > forward["peak"]
    assert "aten::mul" in both["ops"]


ALL, ONE = INPUT, ROWS * 4  # bytes of the matrix, and of one number for each row


@pytest.mark.parametrize(
    ("function", "moved"),
    [
        (lambda x: x.exp(), 2 * ALL),
        (lambda x: x.sum(-1), ALL + ONE),
        (lambda x: x - x.amax(-1, keepdim=True), ALL + ONE + ALL + ONE + ALL),
        (lambda x: x * x, 2 * ALL),  # read once
        (lambda x: x.t()[1:].unsqueeze(0), 0),  # views
        (lambda x: x.new_empty(ROWS, CLASSES), 0),
        (lambda x: x.new_zeros(ROWS, CLASSES), ALL),
        (lambda x: torch.empty_like(x).copy_(x), 2 * ALL),  # what is written over is not read
        (lambda x: torch.empty_like(x).fill_(1.0), ALL),
        (lambda x: torch.empty_like(x).normal_(), ALL),
        (lambda x: torch.empty_like(x).exp_(), 2 * ALL),
        (lambda x: x[:, :1].expand(-1, CLASSES).exp(), ONE + ALL),  # an expanded row is stored once
        (lambda x: x.gather(-1, meta(ROWS, 1).long()), (ONE + 2 * ONE) + 2 * ONE + ONE + ONE),  # with .long()
        (lambda x: meta(0, 4).exp(), 0),
    ],
)
def test_traffic_is_what_the_ops_read_and_write(function, moved):
    assert seen(function)["moved"] == moved


def test_input_bytes_are_those_of_the_floating_point_inputs():
    found = seen(lambda x, i, y: x.gather(-1, i) + y, meta(4, 6), meta(4, 1).long(), meta(4, 1))
    assert found["input_bytes"] == 4 * 6 * 4 + 4 * 4


def test_the_same_call_gives_the_same_figures():
    assert seen(textbook, wrt=(0,)) == seen(textbook, wrt=(0,))


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (lambda x: x.gather(-1, torch.zeros(ROWS, 1, dtype=torch.int64)), "aten::gather"),
        (lambda x: x[torch.arange(ROWS)], "aten::index"),
        (lambda x: (torch.zeros(CLASSES), x.sum())[1], "aten::zeros"),
    ],
)
def test_a_cpu_tensor_is_a_leak(function, op):
    assert op in seen(function)["leaks"]


@pytest.mark.parametrize(
    "function",
    [textbook, lambda x: x + torch.tensor(2.0), lambda x: torch.where(x > 0, x, 0.0), lambda x: x.new_zeros(3).sum()],
)
def test_what_stays_on_the_device_is_no_leak(function):
    assert seen(function)["leaks"] == []


def test_a_result_on_the_cpu_is_told():
    assert seen(lambda x: torch.tensor(0.0))["outputs"] == [["float32", [], "cpu"]]
    assert seen(textbook)["outputs"] == [["float32", [ROWS], "meta"]]
    assert seen(lambda x: (x.half(), x.sum()))["outputs"] == [
        ["float16", [ROWS, CLASSES], "meta"],
        ["float32", [], "meta"],
    ]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sum().item(),
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x.tolist(),
        lambda x: x.numpy(),
        lambda x: x[x > 0],
        lambda x: x.cpu(),
        lambda x: torch.zeros(ROWS, CLASSES).copy_(x),
    ],
)
def test_what_needs_the_numbers_raises(function):
    with pytest.raises((RuntimeError, NotImplementedError, TypeError)):
        seen(function)


def test_keyword_arguments_are_watched_too():
    index = torch.zeros(4, 1, dtype=torch.int64)
    assert seen(lambda x, index: x.gather(-1, index), meta(4, 6), index=index)["leaks"] == ["aten::gather"]


def test_the_callers_tensors_are_left_alone():
    x = meta(4, 6)
    trace(textbook, (x,), {}, (0,))
    assert not x.requires_grad


def test_on_the_cpu_the_inputs_may_be_there():
    found = trace(lambda x: x[x > 0].sum(), (torch.ones(4, 6),), {}, ())
    assert found["leaks"] == []
    assert found["outputs"] == [["float32", [], "cpu"]]


def test_printing_is_no_work(capsys):
    quiet = count(lambda x: x.exp(), (torch.zeros(64),), {})
    loud = count(lambda x: (print("x is", x), x.exp())[1], (torch.zeros(64),), {})
    assert loud["calls"] <= quiet["calls"] + 4
    assert loud["ops"] == quiet["ops"]
    print("still works")
    assert capsys.readouterr().out == "still works\n"
