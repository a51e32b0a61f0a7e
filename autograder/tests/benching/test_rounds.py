"""Timing in rounds, with a clock that is made up."""

import gc

import pytest

from autograder.benching.rounds import LEAST, MOST, cpu_seconds, interleaved


class Clock:
    def __init__(self):
        self.now, self.order = 0.0, []

    def __call__(self):
        return self.now

    def taking(self, name, *seconds):
        """Return a function whose calls take these seconds in turn, the last one ever after."""
        left = list(seconds)

        def call():
            self.order.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return call

    def seconds(self, call):
        before = self.now
        call()
        return self.now - before


def run(clock, most_s=0.0, **calls):
    return interleaved(calls, most_s, clock.seconds, clock)


def test_a_first_call_does_not_count_and_the_least_does():
    clock = Clock()
    found = run(clock, a=clock.taking("a", 0.5, 3.0, 2.0, 3.0), b=clock.taking("b", 9.0, 4.0))
    assert [(t.least_s, t.median_s, t.rounds) for t in found.values()] == [(2.0, 3.0, LEAST), (4.0, 4.0, LEAST)]


def test_rounds_are_interleaved():
    clock = Clock()
    run(clock, a=clock.taking("a", 1.0), b=clock.taking("b", 1.0))
    assert clock.order == ["a", "b"] * (LEAST + 1)


@pytest.mark.parametrize(("most_s", "rounds"), [(0.0, LEAST), (50.0, 50), (1e9, MOST)])
def test_time_and_rounds_are_bounded(most_s, rounds):
    clock = Clock()
    assert run(clock, most_s, a=clock.taking("a", 1.0))["a"].rounds == rounds


def test_a_busy_machine_is_told():
    clock = Clock()
    assert run(clock, a=clock.taking("a", 1.0, 1.0, 3.0))["a"].noisy
    assert not run(clock, a=clock.taking("a", 1.0, 1.0, 1.4))["a"].noisy


def test_nothing_is_collected_meanwhile_and_always_again_afterwards():
    seen = []

    def fails():
        seen.append(gc.isenabled())
        if len(seen) == 3:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        interleaved({"a": fails}, 0.0)
    assert seen == [True, False, False]
    assert gc.isenabled()


def test_the_cpu_s_clock_counts_what_a_call_takes():
    assert 0 <= cpu_seconds(lambda: None) < 0.1
