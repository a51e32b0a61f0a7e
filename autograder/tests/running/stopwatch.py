"""A clock and workers that are made up: no machine is too slow for tests of the timing."""

from types import SimpleNamespace

from autograder.answer import Answer


def made_up_clock(monkeypatch, *modules):
    """Put a clock that only moves when it is told to in the place of the modules' `time`."""
    clock = SimpleNamespace(now=1000.0)
    clock.perf_counter = lambda: clock.now
    for module in modules:
        monkeypatch.setattr(module, "time", clock)
    return clock


class Runner:
    """Stands for a worker: its calls take the given seconds in turn, its processor time is `busy` of them.

    `fail` maps a request to the answer it gets instead, after `at` calls, or at once and ever where that is None.
    """

    def __init__(self, clock, seconds, busy=1.0, fail=None, at=None):
        self.clock, self.seconds, self.busy, self.fail, self.at = clock, seconds, busy, fail or {}, at
        self.calls, self.turns, self.prepared, self.used = 0, [], None, 0

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
            self.used += int(took * self.busy * 1e9)
        return Answer("returned", result="the output" if do == "fetch" else None)

    def cpu_ns(self):
        return self.used if self.busy else None
