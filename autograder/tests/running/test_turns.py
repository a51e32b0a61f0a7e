"""Times in turns, with workers and a clock that are made up."""

import pytest

from autograder.answer import Answer
from autograder.running import timing, turns
from autograder.running.turns import LEAST, MOST, take_turns
from autograder.tests.running.stopwatch import Runner, made_up_clock


@pytest.fixture
def clock(monkeypatch):
    return made_up_clock(monkeypatch, timing, turns)


def run(*runners, **options):
    return take_turns(runners, (1,), [{"k": n} for n in range(len(runners))], 7, **({"most_s": 1e9} | options))


def test_the_least_of_all_rounds_counts(clock):
    found = run(Runner(clock, [3.0] * 11 + [1.0] + [3.0] * 100), Runner(clock, [5.0, 4.0]))
    assert [t.seconds for t in found] == pytest.approx([1.0, 4.0])


def test_every_round_has_inputs_of_its_own_and_every_function_its_keywords(clock):
    first, second = Runner(clock, [1.0]), Runner(clock, [1.0])
    run(first, second)
    assert first.turns == second.turns == list(range(7, 7 + MOST))
    assert (first.prepared["kwargs"], second.prepared["kwargs"]) == ({"k": 0}, {"k": 1})


def test_time_runs_out_after_the_least_rounds(clock):
    runner = Runner(clock, [1.0])
    run(runner, most_s=0.0)
    assert runner.calls == LEAST


def test_waits_for_a_processor_do_not_count_and_sleep_does(clock):
    found = run(Runner(clock, [2.0], busy=0.25), Runner(clock, [2.0], busy=0.25, sleeps=True))
    assert [t.seconds for t in found] == pytest.approx([0.5, 2.0])


def test_the_clock_alone_counts_where_nobody_notes_waits(clock):
    assert run(Runner(clock, [2.0], busy=None))[0].seconds == pytest.approx(2.0)


@pytest.mark.parametrize(("fail", "at"), [("prepare", 0), ("fresh", 0), ("go", 3)])
def test_one_that_fails_leaves_the_others(clock, fail, at):
    bad, good = run(Runner(clock, [1.0], fail={fail: Answer("crashed", detail=fail)}, at=at), Runner(clock, [2.0]))
    assert (bad.seconds, bad.failure.detail) == (None, fail)
    assert (good.seconds, good.failure) == (pytest.approx(2.0), None)
