"""A clock and workers that are made up: no machine is too slow for tests of the timing."""

from types import SimpleNamespace

from autograder.answer import Answer
from autograder.running import timing
from autograder.running.wall import Scheduled


def made_up_clock(monkeypatch, *modules):
    """Put a clock that only moves when it is told to in the place of the modules' `time`; this thread never waits."""
    clock = SimpleNamespace(now=1000.0)
    clock.perf_counter = lambda: clock.now
    for module in modules:
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(timing, "scheduled", lambda task: Scheduled(0, 0))
    return clock


class Runner:
    """Stands for a worker: its calls take the given seconds in turn, its processor time is `busy` of them.

    Of the rest it waits for a processor, or sleeps if it `sleeps`. Where `busy` is None, nobody notes anything.
    `events` is what a GPU says of each call. `fail` maps a request to the answer it gets instead, after `at` calls, or
    at once and ever where that is None.
    """

    def __init__(self, clock, seconds, busy=1.0, fail=None, at=None, sleeps=False, events=None):
        self.clock, self.seconds, self.busy, self.fail, self.at = clock, seconds, busy, fail or {}, at
        self.calls, self.turns, self.prepared, self.sleeps = 0, [], None, sleeps
        self.noted, self.events = Scheduled(0, 0), events

    def ask(self, do, limit_s, **message):
        if do in self.fail and self.at in (None, self.calls):
            return self.fail[do]
        if do == "prepare":
            self.prepared = message
        elif do == "fresh":
            self.turns.append(message["turn"])
            self.clock.now += 0.5  # must not be measured
        elif do == "go":
            took = self.seconds[self.calls % len(self.seconds)]
            self.calls += 1
            self.clock.now += took
            cpu = took * (self.busy or 0.0)
            delay = 0.0 if self.sleeps else took - cpu
            self.noted = Scheduled(self.noted.cpu_ns + int(cpu * 1e9), self.noted.delay_ns + int(delay * 1e9))
        return Answer("returned", result={"fetch": "the output", "go": self.events}.get(do))

    def scheduled(self):
        return None if self.busy is None else self.noted
