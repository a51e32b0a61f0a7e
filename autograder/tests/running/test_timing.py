"""The race against the reference, with workers and a clock that are made up."""

import pytest

from autograder.answer import Answer
from autograder.running import timing
from autograder.running.timing import BATCH, MOST_PAIRS, on_a_gpu, one_call, race
from autograder.running.wall import Scheduled
from autograder.tests.running.stopwatch import Runner, made_up_clock

MS = 0.001


@pytest.fixture
def clock(monkeypatch):
    return made_up_clock(monkeypatch, timing)


def run(mine, theirs, budget=3.0, **options):
    return race(mine, theirs, {"args": (1,), "kwargs": {"dim": 0}}, {"dim": -1}, budget, turns=7, most_s=1e9, **options)


def test_a_fast_function_passes_after_one_batch(clock):
    mine, theirs = Runner(clock, [2 * MS]), Runner(clock, [1 * MS])
    found = run(mine, theirs)
    assert (found.status, found.pairs) == ("passed", BATCH)
    assert found.ratio == pytest.approx(2)


def test_a_slow_function_fails_after_all_pairs(clock):
    found = run(Runner(clock, [3.1 * MS]), Runner(clock, [1 * MS]))
    assert (found.status, found.pairs) == ("failed", MOST_PAIRS)
    assert found.ratio == pytest.approx(3.1)


def test_the_ratio_is_that_of_the_minima(clock):
    # One quiet moment each is enough, whenever it comes.
    noisy = [9 * MS] * 11 + [2 * MS] + [9 * MS] * 200
    found = run(Runner(clock, noisy), Runner(clock, [8 * MS] * 3 + [1 * MS] + [8 * MS] * 200))
    assert (found.status, found.pairs) == ("passed", 3 * BATCH)
    assert found.ratio == pytest.approx(2)


def test_time_runs_out_after_at_least_one_batch(clock):
    found = race(
        Runner(clock, [9 * MS]), Runner(clock, [1 * MS]), {"args": (), "kwargs": {}}, {}, 3.0, turns=0, most_s=0.0
    )
    assert (found.status, found.pairs) == ("failed", BATCH)


def test_a_reference_too_short_to_measure_counts_as_the_shortest(clock):
    found = run(Runner(clock, [1.4 * MS]), Runner(clock, [0.01 * MS]))
    assert found.status == "passed"
    assert found.ratio == pytest.approx(1.4 * MS / timing.LEAST_CALL_S)


def noisy_reference(clock, busy=1.0):
    return Runner(clock, [1 * MS] + [2 * MS] * 9, busy=busy)  # median twice the minimum


def test_a_busy_machine_and_a_fitting_processor_ratio_are_inconclusive(clock):
    found = run(Runner(clock, [4 * MS], busy=0.25, sleeps=True), noisy_reference(clock))
    assert (found.status, found.pairs) == ("inconclusive", MOST_PAIRS)


def test_a_busy_machine_is_no_excuse_for_processor_time(clock):
    assert run(Runner(clock, [4 * MS], busy=1.0), noisy_reference(clock)).status == "failed"


def test_a_fitting_processor_ratio_is_no_excuse_on_a_quiet_machine(clock):
    assert run(Runner(clock, [4 * MS], busy=0.25, sleeps=True), Runner(clock, [1 * MS])).status == "failed"


def test_without_processor_times_nothing_is_inconclusive(clock):
    assert run(Runner(clock, [4 * MS], busy=None), noisy_reference(clock, busy=None)).status == "failed"


def test_waiting_for_a_processor_is_no_time_of_the_function(clock):
    found = run(Runner(clock, [40 * MS], busy=0.05), Runner(clock, [1 * MS]))
    assert (found.status, found.pairs) == ("passed", BATCH)
    assert found.ratio == pytest.approx(2)


def test_a_reference_that_waits_makes_no_slow_function_pass(clock):
    assert run(Runner(clock, [9 * MS]), Runner(clock, [30 * MS], busy=1 / 30)).status == "failed"


@pytest.mark.parametrize(("waited_ms", "seconds"), [(0, 0.010), (2, 0.008), (7, 0.004), (100, 0.004)])
def test_what_both_waited_at_the_same_time_counts_once(clock, monkeypatch, waited_ms, seconds):
    """Expect never less than the processor time: 4 of the 10 ms."""
    notes = iter([Scheduled(0, 0), Scheduled(0, waited_ms * 10**6)])
    monkeypatch.setattr(timing, "scheduled", lambda task: next(notes))
    assert one_call(Runner(clock, [0.010], busy=0.4, sleeps=True), 1, 1.0).seconds == pytest.approx(seconds)


@pytest.mark.parametrize("step", ["prepare", "fresh", "go"])
@pytest.mark.parametrize("outcome", ["timeout", "crashed", "raised", "garbled"])
def test_no_answer_ends_the_race(clock, step, outcome):
    answer = Answer(outcome)
    found = run(Runner(clock, [1 * MS], fail={step: answer}), Runner(clock, [1 * MS]))
    assert (found.status, found.failure) == ("failed", answer)


def test_no_answer_in_a_later_batch_ends_the_race_too(clock):
    answer = Answer("timeout")
    found = run(Runner(clock, [9 * MS], fail={"go": answer}, at=12), Runner(clock, [1 * MS]))
    assert (found.status, found.failure) == ("failed", answer)


def test_every_pair_gets_inputs_of_its_own(clock):
    mine, theirs = Runner(clock, [9 * MS]), Runner(clock, [1 * MS])
    found = run(mine, theirs)
    assert mine.turns == theirs.turns == list(range(7, 7 + MOST_PAIRS))
    assert found.turn in mine.turns


def test_the_fastest_calls_output_comes_back(clock):
    mine = Runner(clock, [9 * MS, 9 * MS, 1 * MS, 9 * MS, 9 * MS])
    found = run(mine, Runner(clock, [1 * MS]))
    assert (found.turn, found.output) == (mine.turns[2], "the output")


def test_an_output_that_cannot_be_fetched_ends_the_race(clock):
    answer = Answer("raised", error={"type": "WireError", "message": ""})
    found = run(Runner(clock, [1 * MS], fail={"fetch": answer}), Runner(clock, [1 * MS]))
    assert (found.status, found.failure) == ("failed", answer)


def test_each_side_gets_its_own_keywords(clock):
    mine, theirs = Runner(clock, [1 * MS]), Runner(clock, [1 * MS])
    run(mine, theirs)
    assert mine.prepared == {"args": (1,), "kwargs": {"dim": 0}}
    assert theirs.prepared == {"args": (1,), "kwargs": {"dim": -1}}


def told(mine, theirs):
    return on_a_gpu(mine, theirs, {"args": (1,), "kwargs": {"dim": 0}}, {"dim": -1}, "cuda", 1.0)


def test_on_a_gpu_its_own_events_count(clock):
    mine, theirs = Runner(clock, [5 * MS], events=3 * MS), Runner(clock, [5 * MS], events=2 * MS)
    assert told(mine, theirs) == pytest.approx(1.5)
    assert mine.prepared == {"args": (1,), "kwargs": {"dim": 0}, "device": "cuda"}
    assert theirs.prepared == {"args": (1,), "kwargs": {"dim": -1}, "device": "cuda"}
    assert len(set(mine.turns)) == len(mine.turns) > 1


@pytest.mark.parametrize("events", [None, "soon", 0.0, -1.0, 1.0, float("nan")])
def test_events_that_cannot_be_are_not_believed(clock, events):
    assert told(Runner(clock, [6 * MS], events=events), Runner(clock, [2 * MS], events=2 * MS)) == pytest.approx(3)


def test_in_the_race_nobodys_word_counts(clock):
    assert run(Runner(clock, [9 * MS], events=1e-6), Runner(clock, [1 * MS])).status == "failed"


@pytest.mark.parametrize("step", ["prepare", "fresh", "go"])
def test_a_call_that_fails_on_a_gpu_is_told(clock, step):
    answer = Answer("timeout")
    assert told(Runner(clock, [1 * MS], fail={step: answer}), Runner(clock, [1 * MS])) is answer
