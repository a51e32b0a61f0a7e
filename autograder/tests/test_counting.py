"""The count of a call's work with numbers: over which parts, and when it says that something grows."""

import pytest
import torch

from autograder.answer import Answer
from autograder.counting import LEAST_BYTES, Count, count, growth, hunger, parts
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


def test_indices_keep_the_width_of_wide_rows():
    made = shapes(Call((torch.zeros(70, 20_000), torch.zeros(70, dtype=torch.int64))))
    assert made == [[(64, 20_000), (64,)], [(32, 20_000), (32,)]]


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


def test_the_first_call_is_not_counted():
    answers = iter(range(4))
    call = Call((torch.zeros(8, 6),))

    def ask(driver, message, limit_s):
        assert driver == "counted"
        return Answer("returned", {"ops": next(answers), "calls": 1, "peak": 0, "output": None})

    assert [c.ops for c in count(call, ask)] == [1, 2, 3]


@pytest.mark.parametrize("answer", [Answer("timeout"), Answer("returned", {"ops": "7"}), Answer("returned", None)])
def test_without_a_sound_answer_nothing_is_counted(answer):
    assert count(Call((torch.zeros(8, 6),)), lambda *_: answer) == []
