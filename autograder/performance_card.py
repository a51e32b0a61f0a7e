"""`card("logsumexp")`: what a call costs, counted and timed, beside the naive form and torch.

The learner's function is counted and timed behind the wall; the others are counted here, and timed in workers of their
own.
"""

import functools
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from autograder import desk, registry
from autograder.judging import messages
from autograder.report import Report
from autograder.reporting.card import Row, Work, card_html, card_text
from autograder.running.launch import WallError
from autograder.running.timing import race
from autograder.running.tracing import trace
from autograder.running.wall import Worker
from autograder.sources import SourceError, mistake_source, read_package
from autograder.spec import Call, Draw, Exercise, Time
from autograder.trial import LOAD_S, Trial

SIZE = (256, 4096)  # rows and classes of the counted call
COUNT_S = 10.0
RACE_S = 2.0
TURNS = 400  # inputs are rolled by so many places at most


def card(name: str, package: str | Path | None = None) -> Report:
    """Count and time a call of an exercise's function.

    Args:
        name: The exercise's name.
        package: The folder that holds the STEM.py files; by default the package `exercises`.
    """
    try:
        stem, exercise = registry.find(name)
        if exercise.trace is None or exercise.rules.skips_meta is not None:
            reason = exercise.rules.skips_meta or "it has no call that can be counted"
            return Report(f"there is no performance card of {name}: {reason}")
        sources = read_package(Path(package) if package else desk.default_package())
        with Trial(desk.wall(), exercise, stem, sources) as trial:
            rows = _rows(exercise, exercise.trace(*SIZE), trial)
        title = f"performance card of {name}, counted for {SIZE[0]} rows of {SIZE[1]}"
        return Report(card_text(title, rows), card_html(title, rows))
    except KeyError as error:
        return Report(str(error.args[0]))
    except (SourceError, WallError) as error:
        return Report(str(error))
    except Exception as error:  # a card is no reason to stop a notebook
        return Report(f"the card cannot be made: {type(error).__name__}: {messages.clean(str(error))}")


def _rows(exercise: Exercise, call: Call, trial: Trial) -> list[Row]:
    yours = _yours(call, trial)
    timed = exercise.times[0] if exercise.times else None
    rows = [yours]
    if exercise.atlas is not None:
        row = _ours("naive", exercise.atlas.naive, call, call.kwargs)
        source = mistake_source(exercise.atlas.naive, exercise.name)
        loading = {"texts": {"naive": source}, "stem": "naive", "function": exercise.name}
        rows.append(_raced(row, trial, timed, "load", loading, None))
    if timed is not None:
        row = _ours(timed.reference, _function(timed.reference), call, timed.kwargs)
        rows.append(_raced(row, trial, timed, "load_reference", {"path": timed.reference}, timed.kwargs))
    return rows


def _function(path: str) -> Any:
    """Return torch's function of a path, "torch.logsumexp"."""
    return functools.reduce(getattr, path.split(".")[1:], torch)


def _meta(call: Call) -> dict[str, Any]:
    def moved(value: Any) -> Any:
        return value.to("meta") if isinstance(value, torch.Tensor) else value

    return {"args": tuple(map(moved, call.args)), "kwargs": {k: moved(v) for k, v in call.kwargs.items()}}


def work(result: Any) -> Work | None:
    """Return what a trace counted, or None for anything that is no trace: a worker may answer as it likes."""
    if not isinstance(result, dict) or not isinstance(result.get("ops"), dict):
        return None
    counts = [*result["ops"].values(), *(result.get(key) for key in ("moved", "peak", "input_bytes"))]
    if any(type(count) is not int or count < 0 for count in counts):
        return None
    return Work(sum(result["ops"].values()), result["moved"], result["peak"], result["input_bytes"])


def _yours(call: Call, trial: Trial) -> Row:
    answer = trial.ask("traced", COUNT_S, **_meta(call), wrt=())
    if isinstance(answer, str):
        return Row("yours", notes=(answer,))
    if answer.outcome == "raised" and "boolean_masks" in trial.exercise.rules.allows:  # a mask needs the numbers
        answer = trial.ask("traced", COUNT_S, args=tuple(call.args), kwargs=dict(call.kwargs), wrt=())
        if isinstance(answer, str):
            return Row("yours", notes=(answer,))
    if answer.outcome != "returned":
        return Row("yours", notes=(f"not counted: {Trial.why(answer)}",))
    counted = work(answer.result)
    return Row("yours", counted, notes=() if counted else ("not counted: the answer has not the form of a trace",))


def _ours(name: str, function: Any, call: Call, kwargs: Mapping[str, Any]) -> Row:
    try:
        return Row(name, work(trace(function, _meta(call)["args"], dict(kwargs), ())))
    except (RuntimeError, TypeError) as error:  # a yardstick may take other arguments
        return Row(name, notes=(f"not counted: {messages.clean(str(error), 100)}",))


def _raced(
    row: Row, trial: Trial, timed: Time | None, do: str, loading: dict[str, Any], kwargs: Mapping[str, Any] | None
) -> Row:
    """Return the row with the ratio of the learner's time to that of the form that `do` loads."""
    mine = trial.load()
    if timed is None or isinstance(mine, str):  # the learner's row says why
        return row
    call = timed.make(Draw(desk.PUBLIC_SEED))
    theirs: Worker = trial.wall.worker()
    try:
        loaded = theirs.ask(do, LOAD_S, **loading)
        if loaded.outcome != "returned":
            return replace(row, notes=(*row.notes, f"not timed: {Trial.why(loaded)}"))
        message = {"args": tuple(call.args), "kwargs": dict(call.kwargs)}
        own = dict(call.kwargs if kwargs is None else kwargs)
        timing = race(mine, theirs, message, own, 0.0, random.randrange(1, TURNS), most_s=RACE_S)
    finally:
        theirs.close()
    if timing.failure is not None:
        return replace(row, notes=(*row.notes, f"not timed: {Trial.why(timing.failure)}"))
    return replace(row, ratio=timing.ratio)
