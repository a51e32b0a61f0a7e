"""Times a learner's function against a trusted reference, with the grader's clock, interleaved.

Both run in workers of their own on the same fresh inputs, which are sent and prepared while no clock runs. The minimum
over pairs is the only estimate that other load on the machine does not spoil.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal

from autograder.answer import Answer
from autograder.running.wall import Worker, scheduled

BATCH = 5  # pairs between two looks at the ratio
MOST_PAIRS = 40
GPU_ROUNDS = 20  # the first ones compile kernels and fill caches
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


@dataclass(frozen=True)
class Taken:
    """What one call took: seconds by the clock without the waits for a processor, and seconds of processor time.

    The processor time is 0 where the system does not tell it. `failure` is an answer that was none.
    """

    seconds: float
    cpu_s: float
    failure: Answer | None = None


def one_call(worker: Worker, turn: int, limit_s: float, events: bool = False) -> Taken:
    """Call a prepared function once on the inputs of `turn`; `events` takes a GPU's own word for the time.

    On a busy machine both processes stand in line for a processor again and again. The scheduler notes how long, and
    that is no time of the function; sleeping, or waiting for another thread, is.
    """
    fresh = worker.ask("fresh", limit_s, turn=turn)
    if fresh.outcome != "returned":
        return Taken(0.0, 0.0, fresh)
    mine, theirs = scheduled("thread-self"), worker.scheduled()
    start = time.perf_counter()
    answer = worker.ask("go", limit_s)
    wall_s = time.perf_counter() - start
    failure = None if answer.outcome == "returned" else answer
    if events and type(answer.result) is float and 0 < answer.result <= wall_s:
        return Taken(answer.result, 0.0, failure)
    mine_now, theirs_now = scheduled("thread-self"), worker.scheduled()
    if mine is None or theirs is None or mine_now is None or theirs_now is None:
        return Taken(wall_s, 0.0, failure)
    cpu_s = (theirs_now.cpu_ns - theirs.cpu_ns) / 1e9
    waited_s = (theirs_now.delay_ns - theirs.delay_ns + mine_now.delay_ns - mine.delay_ns) / 1e9
    # The two may have stood in line at the same time.
    return Taken(min(wall_s, max(wall_s - waited_s, cpu_s)), cpu_s, failure)


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
    pairs: list[tuple[Taken, Taken]] = []
    ratio, fastest, fastest_turn, output = 0.0, float("inf"), turns, None
    status: Status | None = None
    stop = time.perf_counter() + most_s
    while len(pairs) < MOST_PAIRS and (len(pairs) < BATCH or time.perf_counter() < stop):
        for _ in range(BATCH):
            turn = turns + len(pairs)
            my_own = one_call(mine, turn, limit_s)
            if my_own.failure is not None:
                return Timing("failed", 0.0, len(pairs), my_own.failure)
            if my_own.seconds < fastest:  # one call in five may be garbage at once: it is the one to look at
                fetched = mine.ask("fetch", limit_s)
                if fetched.outcome != "returned":
                    return Timing("failed", 0.0, len(pairs), fetched)
                fastest, fastest_turn, output = my_own.seconds, turn, fetched.result
            their_own = one_call(theirs, turn, limit_s)
            if their_own.failure is not None:
                return Timing("inconclusive", 0.0, len(pairs), their_own.failure)
            pairs.append((my_own, their_own))
        least = [min(pair[i].seconds for pair in pairs) for i in (0, 1)]
        ratio = least[0] / max(least[1], LEAST_CALL_S)
        if ratio <= budget:
            status = "passed"
            break
    if status is None:
        reference = sorted(their_own.seconds for _, their_own in pairs)
        noisy = reference[len(reference) // 2] > NOISY * reference[0]
        my_cpu, their_cpu = (min(pair[i].cpu_s for pair in pairs) for i in (0, 1))
        status = "inconclusive" if noisy and 0 < my_cpu <= budget * max(their_cpu, LEAST_CALL_S) else "failed"
    return Timing(status, ratio, len(pairs), None, fastest_turn, output)


def on_a_gpu(
    mine: Worker, theirs: Worker, message: dict[str, Any], reference_kwargs: dict[str, Any], device: str, limit_s: float
) -> float | Answer:
    """Return how long `mine` takes on a GPU, in units of `theirs`, by events there; or the answer that was none."""
    workers = (mine, message["kwargs"]), (theirs, reference_kwargs)
    for worker, kwargs in workers:
        ready = worker.ask("prepare", limit_s, args=message["args"], kwargs=kwargs, device=device)
        if ready.outcome != "returned":
            return ready
    least = [float("inf"), float("inf")]
    for turn in range(GPU_ROUNDS):
        for number, (worker, _) in enumerate(workers):
            taken = one_call(worker, turn, limit_s, events=True)
            if taken.failure is not None:
                return taken.failure
            least[number] = min(least[number], taken.seconds)
    return least[0] / least[1]
