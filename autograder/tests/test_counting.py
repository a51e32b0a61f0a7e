"""The count of a call's work with numbers: over which parts, and when it says that something grows."""

import pytest
import torch

from autograder.answer import Answer
from autograder.counting import LEAST_BYTES, Count, count, growth, hunger, parts, question
from autograder.running.drivers import DRIVERS
from autograder.spec import Call


def shapes(call: Call) -> list[list[tuple[int, ...]]]:
    return [[tuple(a.shape) for a in part.args if isinstance(a, torch.Tensor)] for part in parts(call)]


def test_parts_are_some_rows_half_of_them_and_half_of_the_classes():
    assert shapes(Call((torch.zeros(256, 100),))) == [[(64, 100)], [(32, 100)], [(64, 50)]]
    assert shapes(Call((torch.zeros(10, 4, 6),))) == [[(10, 4, 6)], [(5, 4, 6)], [(10, 4, 3)]]


def test_of_wide_rows_as_much_is_taken_as_shows_a_hunger_for_memory():
    made = shapes(Call((torch.zeros(70, 20_000), torch.zeros(70, 20_000))))
    assert made == [[(64, 4096)] * 2, [(32, 4096)] * 2, [(64, 2048)] * 2]
    assert LEAST_BYTES <= 64 * 4096 * 4


def test_indices_keep_the_width_of_wide_rows_and_get_fewer_of_them():
    made = shapes(Call((torch.zeros(70, 20_000), torch.zeros(70, dtype=torch.int64))))
    assert made == [[(32, 20_000), (32,)], [(16, 20_000), (16,)]]


def test_indices_are_cut_with_their_rows_and_keep_their_classes():
    call = Call((torch.zeros(8, 6), torch.zeros(8, dtype=torch.int64), 3), {"reduction": "mean"})
    made = parts(call)
    assert [[tuple(a.shape) for a in p.args[:2]] for p in made] == [[(8, 6), (8,)], [(4, 6), (4,)]]
    assert all(p.args[2] == 3 and p.kwargs == {"reduction": "mean"} for p in made)


@pytest.mark.parametrize("shape", [(4, 4), (64, 4096), (70, 20_000), (1000, 30), (200, 3, 50)])
def test_a_part_does_not_hold_on_to_a_whole_that_is_much_larger(shape):
    for part in parts(Call((torch.zeros(shape),))):
        assert part.args[0].is_contiguous()
        assert part.args[0].untyped_storage().nbytes() <= 2 * part.args[0].nbytes


def counted(ops: int = 7, calls: int = 100, peak: int = 0, rows: int = 4) -> Count:
    return Count(Call((torch.zeros(rows, 6),)), None, ops, calls, peak)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([], ""),
        ([counted(), counted(rows=2)], ""),
        ([counted(calls=100), counted(calls=130, rows=2)], ""),
        ([counted(ops=7), counted(ops=5, rows=2)], "piece by piece: 7 ops for shape (4, 6), 5 ops for shape (2, 6)"),
        ([counted(calls=1000), counted(calls=500, rows=2)], "1000 Python calls for shape (4, 6)"),
    ],
)
def test_growth_is_told_by_ops_and_by_pythons_calls(counts, words):
    assert words in growth(counts)
    assert bool(growth(counts)) == bool(words)


def test_hunger_is_told_where_the_inputs_are_large_enough():
    wide = Call((torch.zeros(64, 8192),))
    size = wide.args[0].nbytes
    assert hunger([Count(wide, None, 1, 1, 2 * size)], 2.0) == ""
    assert "a peak of 3 times" in hunger([Count(wide, None, 1, 1, 3 * size)], 2.0)
    assert hunger([counted(peak=10**9)], 2.0) == ""
    assert hunger([], 2.0) == ""


def answer(call: Call, function=lambda x: x + 1) -> Answer:
    return Answer("returned", DRIVERS["counted_parts"](function, **question(call)))


def test_the_first_call_is_not_counted():
    seen = []

    def note(x):
        seen.append(tuple(x.shape))
        return x + len(seen)

    counts = count(Call((torch.zeros(8, 6),)), answer(Call((torch.zeros(8, 6),)), note))
    assert seen == [(4, 6), (8, 6), (4, 6), (8, 3)]
    assert [float(c.output["value"].max()) for c in counts] == [2, 3, 4]
    assert [c.ops for c in counts] == [1, 1, 1]


def test_each_call_has_inputs_of_its_own():
    counts = count(Call((torch.zeros(8, 6),)), answer(Call((torch.zeros(8, 6),)), lambda x: x.add_(1)))
    assert [float(c.output["value"].max()) for c in counts] == [1, 1, 1]


def test_what_is_counted_is_what_the_grader_compares_with():
    call = Call((torch.arange(600.0).reshape(100, 6), torch.arange(100), 3))
    counts = count(call, answer(call, lambda x, index, _: x.sum(-1) + index))
    assert [c.output["value"].tolist() for c in counts] == [
        (c.call.args[0].sum(-1) + c.call.args[1]).tolist() for c in counts
    ]


GOOD = {"ops": 7, "calls": 1, "peak": 0, "output": None}


@pytest.mark.parametrize(
    "reply",
    [
        Answer("timeout"),
        Answer("returned", None),
        Answer("returned", []),
        Answer("returned", [GOOD] * 3),
        Answer("returned", [GOOD] * 5),
        Answer("returned", [GOOD, GOOD, GOOD, {"ops": "7"}]),
        Answer("returned", [GOOD, GOOD, GOOD, GOOD | {"peak": True}]),
        Answer("returned", [GOOD, GOOD, GOOD, 7]),
    ],
)
def test_without_a_sound_answer_nothing_is_counted(reply):
    assert count(Call((torch.zeros(8, 6),)), reply) == []
    assert len(count(Call((torch.zeros(8, 6),)), Answer("returned", [GOOD] * 4))) == 3
