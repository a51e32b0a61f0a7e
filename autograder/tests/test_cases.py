"""The builders of cases, and what every declared case must fulfil."""

import numpy as np
import pytest
import torch

from autograder import cases, registry
from autograder.cases import case, columns, numpy_case, reduction_cases, rows, transposed
from autograder.judging.questions import question
from autograder.judging.verdicts import ORDER
from autograder.running import wire
from autograder.running.drivers import DRIVERS
from autograder.spec import Call, Draw, Tolerance, Untouched, Value


def made(declared) -> Call:
    return declared.make(Draw(0))


def test_one_argument_or_several():
    x = torch.ones(2)
    assert made(case("a", "value", lambda d: x)).args == (x,)
    assert made(case("a", "value", lambda d: (x, 2))).args == (x, 2)
    call = Call((x,), {"dim": 1})
    assert made(case("a", "value", lambda d: call)) is call
    assert made(case("a", "value", lambda d: x, kwargs={"dim": 0})).kwargs == {"dim": 0}


def test_what_a_case_is_worth_and_who_sees_it():
    plain, private, honours = (
        case("a", "value", rows([[1.0]]), **k) for k in ({}, {"private": True}, {"honours": True})
    )
    assert [(c.points, c.public, c.honours) for c in (plain, private, honours)] == [
        (1, True, False),
        (1, False, False),
        (0, True, True),
    ]


def test_a_case_asks_for_the_value_unless_told_otherwise():
    assert case("a", "value", rows([[1.0]])).ask == Value(cases.TEXTBOOK)
    assert case("a", "untouched", rows([[1.0]]), Untouched()).ask == Untouched()


def test_makers():
    draw = Draw(0)
    assert torch.equal(rows([[1.0, 2.0]], torch.float64)(draw), torch.tensor([[1.0, 2.0]], dtype=torch.float64))
    first, second = columns([1.0], [2.0], torch.float16)(draw)
    assert (first.item(), second.item(), first.dtype) == (1, 2, torch.float16)
    assert not transposed(draw).is_contiguous()


def test_a_numpy_case_is_the_same_with_an_array():
    declared = case("a", "shape", lambda d: d.normal(2, 3), Value(Tolerance(1)), private=True, kwargs={"axis": 0})
    changed = numpy_case(declared)
    assert isinstance(made(changed).args[0], np.ndarray)
    assert np.array_equal(made(changed).args[0], made(declared).args[0].numpy())
    assert (changed.name, changed.family, changed.ask, changed.points, changed.public, changed.honours) == (
        "a",
        "shape",
        declared.ask,
        1,
        False,
        False,
    )
    assert made(changed).kwargs == {"axis": 0}


def test_the_shared_cases_use_the_given_keywords():
    used = {key for c in reduction_cases("keepdims", "axis") for key in made(c).kwargs}
    assert used == {"keepdims", "axis"}


@pytest.mark.parametrize("name", registry.everything())
def test_the_cases_of_an_exercise_have_names_of_their_own(name):
    exercise = registry.find(name)[1]
    named = [(c.family, c.name) for c in exercise.cases] + [("time", t.name) for t in exercise.times]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("name", registry.everything())
def test_an_exercise_declares_what_the_commands_show(name):
    exercise = registry.find(name)[1]
    assert len(exercise.hints) == 3
    assert all(hint.strip() for hint in (*exercise.hints, exercise.why))
    assert exercise.minutes > 0
    assert {c.family for c in exercise.cases} <= set(ORDER)
    assert any(c.public for c in exercise.cases)


@pytest.mark.parametrize("name", registry.everything())
def test_a_case_makes_the_same_call_for_the_same_seed(name):
    for declared in registry.find(name)[1].cases:
        sent = []
        for _ in range(2):
            blobs: list[bytes] = []
            call = declared.make(Draw(7))
            sent.append((wire.encode([call.args, dict(call.kwargs)], blobs), blobs))
        assert sent[0] == sent[1], declared.name


@pytest.mark.parametrize("name", registry.everything())
def test_a_case_has_an_exact_answer(name):
    exercise = registry.find(name)[1]
    for declared in exercise.cases:
        draw = Draw(7)
        assert question(exercise, declared, declared.make(draw), draw).driver in DRIVERS, declared.name
