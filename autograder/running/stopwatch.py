"""The driver of `measure`: functions that sleep for known times, and a record of how they were called.

A sleep never ends early, and each function notes how long its own call took: so what the learner's clock must have
seen is known, however busy the machine is. The record is judged by the grader.
"""

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

MOST_CALLS = 2000  # a loop of calls without end becomes an exception
MOST_ITEMS = 16  # of an answer; no case has as many functions
THREADS_BEFORE = 3  # what torch is set to when `measure` is called: neither the usual number nor one that is asked for


class Planned(RuntimeError):
    """What a function raises where its case says so."""


class Script:
    """The functions and inputs of one call of `measure`; `calls` gets a row for each call of a function.

    A row holds the function's name, its input's serial number, torch's threads, and the seconds that it took.
    """

    def __init__(
        self, sleeps: Mapping[str, Sequence[float]], make_ms: float = 0.0, fail_at: Sequence[Any] | None = None
    ) -> None:
        """Take the milliseconds that each function sleeps in its first call, its second ...; the last one stays.

        `make_ms` is what making an input takes; `fail_at` names a function and the number of the call that raises.
        """
        self.sleeps, self.make_ms, self.fail_at = sleeps, make_ms, fail_at
        self.calls: list[list[Any]] = []
        self.serial = self.alive = self.most_alive = 0
        self.planned: Planned | None = None

    def make_input(self) -> torch.Tensor:
        """Return a new input, which holds its serial number."""
        time.sleep(self.make_ms / 1000)
        self.serial += 1
        made = torch.tensor(self.serial)
        self.alive += 1
        self.most_alive = max(self.most_alive, self.alive)
        weakref.finalize(made, self._forget)
        return made

    def _forget(self) -> None:
        self.alive -= 1

    def functions(self) -> dict[str, Callable[[Any], None]]:
        """Return the functions by name."""
        return {name: self._function(name) for name in self.sleeps}

    def _function(self, name: str) -> Callable[[Any], None]:
        def function(x: Any) -> None:
            start = time.perf_counter()
            if len(self.calls) >= MOST_CALLS:
                raise RuntimeError(f"the functions were called {MOST_CALLS} times")
            number = sum(call[0] == name for call in self.calls)
            planned = self.sleeps[name]
            time.sleep(planned[min(number, len(planned) - 1)] / 1000)
            row = [name, int(x), torch.get_num_threads()]
            x.zero_().sub_(1)  # it works in place: an input that is used again has no number
            self.calls.append([*row, time.perf_counter() - start])
            if self.fail_at is not None and list(self.fail_at) == [name, number]:
                self.planned = Planned(f"call {number} of {name} fails")
                raise self.planned

        return function


def stopwatch(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Let `measure` time functions that sleep; return what it did and what it answered.

    `args` holds the milliseconds of each function by name. Of `kwargs`, `make_ms` and `fail_at` go to the script, and
    `refuses` says that an exception is expected; the others go to `measure`.
    """
    options = dict(kwargs)
    refuses = options.pop("refuses", False)
    (sleeps,) = args
    script = Script(sleeps, options.pop("make_ms", 0.0), options.pop("fail_at", None))
    functions = script.functions()
    answer, raised = None, None
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS_BEFORE)
    try:
        answer = function(functions, script.make_input, **options)
    except Exception as error:
        if not refuses and error is not script.planned:
            raise
        raised = "Planned" if error is script.planned else type(error).__name__[:100]
    finally:
        after = torch.get_num_threads()
        torch.set_num_threads(threads)
    return {
        "calls": script.calls,
        "answer": told(answer),
        "raised": raised,
        "before": THREADS_BEFORE,
        "after": after,
        "names": [name if type(name) is str else type(name).__name__ for name in functions],
        "alive": script.most_alive,
    }


def told(answer: Any) -> Any:
    """Return an answer as data: a list of [name, seconds, ratio], with words where something else stands."""
    if not isinstance(answer, dict):
        return f"a {type(answer).__name__[:60]}"
    return [[_word(name), *_pair(value)] for name, value in list(answer.items())[:MOST_ITEMS]]


def _word(name: Any) -> str:
    return name[:60] if type(name) is str else f"a {type(name).__name__[:60]}"


def _pair(value: Any) -> list[Any]:
    if not isinstance(value, (tuple, list)):
        return [f"a {type(value).__name__[:60]}"]
    return [item if type(item) is float else f"a {type(item).__name__[:60]}" for item in value[:3]]
