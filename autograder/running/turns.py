"""Times several functions on the same fresh inputs, in turns, for a card: no verdict hangs on it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.answer import Answer
from autograder.running.timing import one_call
from autograder.running.wall import Worker

LEAST, MOST = 5, 30  # rounds


@dataclass(frozen=True)
class Timed:
    """One function's least seconds, or the answer that was none."""

    seconds: float | None
    failure: Answer | None = None


def take_turns(
    workers: Sequence[Worker],
    args: tuple[Any, ...],
    kwargs: Sequence[Mapping[str, Any]],
    first: int,
    limit_s: float = 2.0,
    most_s: float = 4.0,
) -> list[Timed]:
    """Time each worker's function in rounds, until `MOST` are done or `most_s` are used up.

    Args:
        workers: Each holds a function.
        args: The positional arguments of all calls; each round has inputs of its own, counted from `first`.
        kwargs: Each function's keyword arguments.
        first: The first round's turn.
        limit_s: The time that one call may take.
        most_s: No further round begins after it, once there were `LEAST`.
    """
    failures: dict[int, Answer] = {}
    seconds: list[list[float]] = [[] for _ in workers]
    for number, worker in enumerate(workers):
        ready = worker.ask("prepare", limit_s, args=args, kwargs=dict(kwargs[number]))
        if ready.outcome != "returned":
            failures[number] = ready
    stop = time.perf_counter() + most_s
    for done in range(MOST):
        if done >= LEAST and time.perf_counter() > stop:
            break
        for number, worker in enumerate(workers):
            if number in failures:
                continue
            taken = one_call(worker, first + done, limit_s)
            if taken.failure is not None:
                failures[number] = taken.failure
                continue
            seconds[number].append(taken.seconds)
    return [Timed(None, failures[n]) if n in failures else Timed(min(seconds[n])) for n in range(len(workers))]
