"""Times a learner's function against a trusted reference, with the grader's clock, interleaved.

Both run in workers of their own on the same fresh inputs, which are sent and prepared while no clock runs. The minimum
over pairs is the only estimate that other load on the machine does not spoil.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal

from autograder.answer import Answer
from autograder.running.wall import Worker

BATCH = 5  # pairs between two looks at the ratio
MOST_PAIRS = 40
Status = Literal["passed", "failed", "inconclusive"]
LEAST_CALL_S = 0.0005  # below, the pipes' own time flattens the ratio
NOISY = 1.6  # the reference's median over its minimum on a machine too busy to judge on


@dataclass(frozen=True)
class Timing:
    """The outcome: `ratio` is min/min; `failure` is an answer that was no answer."""

    status: Status
    ratio: float
    pairs: int
    failure: Answer | None = None
    turn: int = 0  # the fastest call's, and its output: the grader checks that what counts was also right
    output: Any = None


def one_call(worker: Worker, turn: int, limit_s: float) -> tuple[float, int, Answer | None]:
    """Call a prepared function once on the inputs of `turn`.

    Returns the seconds by the grader's clock, the worker's processor time in nanoseconds (0 where the system does not
    tell it), and the answer where it was none.
    """
    fresh = worker.ask("fresh", limit_s, turn=turn)
    if fresh.outcome != "returned":
        return 0.0, 0, fresh
    cpu = worker.cpu_ns() or 0
    start = time.perf_counter()
    answer = worker.ask("go", limit_s)
    wall = time.perf_counter() - start
    return wall, (worker.cpu_ns() or 0) - cpu, None if answer.outcome == "returned" else answer


def race(
    mine: Worker,
    theirs: Worker,
    message: dict[str, Any],
    reference_kwargs: dict[str, Any],
    budget: float,
    turns: int,
    limit_s: float = 2.0,
    most_s: float = 4.0,
) -> Timing:
    """Time `mine` against `theirs` until the ratio is within budget, or the pairs or `most_s` are used up.

    `turns` is a private number: the inputs of every call differ, from call to call and from run to run.
    """
    for worker, kwargs in ((mine, message["kwargs"]), (theirs, reference_kwargs)):
        ready = worker.ask("prepare", limit_s, args=message["args"], kwargs=kwargs)
        if ready.outcome != "returned":
            return Timing("failed", 0.0, 0, ready)
    walls: list[tuple[float, float]] = []
    cpus: list[tuple[int, int]] = []
    ratio, fastest, fastest_turn, output = 0.0, float("inf"), turns, None
    status: Status | None = None
    stop = time.perf_counter() + most_s
    while len(walls) < MOST_PAIRS and (len(walls) < BATCH or time.perf_counter() < stop):
        for _ in range(BATCH):
            turn = turns + len(walls)
            my_wall, my_cpu, failure = one_call(mine, turn, limit_s)
            if failure is not None:
                return Timing("failed", 0.0, len(walls), failure)
            if my_wall < fastest:  # one call in five may be garbage at once: it is the one to look at
                fetched = mine.ask("fetch", limit_s)
                if fetched.outcome != "returned":
                    return Timing("failed", 0.0, len(walls), fetched)
                fastest, fastest_turn, output = my_wall, turn, fetched.result
            their_wall, their_cpu, failure = one_call(theirs, turn, limit_s)
            if failure is not None:
                return Timing("inconclusive", 0.0, len(walls), failure)
            walls.append((my_wall, their_wall))
            cpus.append((my_cpu, their_cpu))
        ratio = min(w[0] for w in walls) / max(min(w[1] for w in walls), LEAST_CALL_S)
        if ratio <= budget:
            status = "passed"
            break
    if status is None:
        reference = sorted(w[1] for w in walls)
        noisy = reference[len(reference) // 2] > NOISY * reference[0]
        my_cpu, their_cpu = (min(c[i] for c in cpus) for i in (0, 1))
        status = "inconclusive" if noisy and 0 < my_cpu <= budget * max(their_cpu, 1) else "failed"
    return Timing(status, ratio, len(walls), None, fastest_turn, output)
