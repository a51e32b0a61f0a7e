"""`card("logsumexp")`: what a call costs, counted and timed, beside the naive form and torch.

The learner's function is counted and timed behind the wall; the others are counted here, and timed in workers of their
own.
"""

import contextlib
import functools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from autograder import desk, registry
from autograder.answer import Answer
from autograder.judging import messages
from autograder.report import Report
from autograder.reporting.card import Row, Work, card_html, card_text
from autograder.running.launch import WallError
from autograder.running.tracing import trace
from autograder.running.turns import take_turns
from autograder.running.wall import Wall, Worker
from autograder.sources import SourceError, mistake_source, read_package
from autograder.spec import Call, Draw, Exercise
from autograder.trial import LOAD_S, Trial

SIZE = (256, 4096)  # rows and classes of the counted call
COUNT_S = 5.0
FIRST = 400  # inputs are rolled by so many places at most in the first round


@dataclass(frozen=True)
class Form:
    """A form beside the learner's: the function, how a worker loads it, and keywords that are not the call's own."""

    name: str
    function: Any
    do: str
    loading: Mapping[str, Any]
    kwargs: Mapping[str, Any] | None = None


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
        call, others = exercise.trace(*SIZE), forms(exercise)
        with Trial(desk.wall(), exercise, stem, sources) as trial:
            rows = [_yours(call, trial), *(_ours(form, call) for form in others)]
            rows = _timed(rows, others, trial)
        title = f"performance card of {name}, counted for {SIZE[0]} rows of {SIZE[1]}"
        return Report(card_text(title, rows), card_html(title, rows))
    except KeyError as error:
        return Report(str(error.args[0]))
    except (SourceError, WallError) as error:
        return Report(str(error))
    except Exception as error:  # a card is no reason to stop a notebook
        return Report(f"the card cannot be made: {type(error).__name__}: {messages.clean(str(error))}")


def forms(exercise: Exercise) -> list[Form]:
    """Return what stands beside the learner's function: the naive form, and the function that the clock compares."""
    found = []
    if exercise.atlas is not None:
        source = mistake_source(exercise.atlas.naive, exercise.name)
        loading = {"texts": {"naive": source}, "stem": "naive", "function": exercise.name}
        found.append(Form("naive", exercise.atlas.naive, "load", loading))
    for timed in exercise.times[:1]:
        function = functools.reduce(getattr, timed.reference.split(".")[1:], torch)
        found.append(Form(timed.reference, function, "load_reference", {"path": timed.reference}, timed.kwargs))
    return found


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
    answer = trial.ask("traced", COUNT_S, **_meta(call), wrt=(), weigh=True)
    masks = "boolean_masks" in trial.exercise.rules.allows
    if masks and not isinstance(answer, str) and answer.outcome == "raised":  # a mask needs the numbers
        answer = trial.ask("traced", COUNT_S, args=tuple(call.args), kwargs=dict(call.kwargs), wrt=(), weigh=True)
    if isinstance(answer, str):
        return Row("yours", notes=(answer,))
    if answer.outcome != "returned":
        return Row("yours", notes=(f"not counted: {Trial.why(answer)}",))
    counted = work(answer.result)
    if counted and not answer.result.get("outputs"):
        return Row("yours", notes=("it returns no tensor",))
    return Row("yours", counted, notes=() if counted else ("not counted: the answer has not the form of a trace",))


def _ours(form: Form, call: Call) -> Row:
    kwargs = call.kwargs if form.kwargs is None else form.kwargs
    try:
        return Row(form.name, work(trace(form.function, _meta(call)["args"], dict(kwargs), (), weigh=True)))
    except (RuntimeError, TypeError) as error:  # a yardstick may take other arguments
        return Row(form.name, notes=(f"not counted: {messages.clean(str(error), 100)}",))


@contextlib.contextmanager
def _loaded(wall: Wall, others: Sequence[Form]) -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    try:
        for form in others:
            workers.append(wall.worker())
            workers[-1].ask(form.do, LOAD_S, **form.loading)
        yield workers
    finally:
        for worker in workers:
            worker.close()


def _timed(rows: list[Row], others: Sequence[Form], trial: Trial) -> list[Row]:
    """Return the rows with the ratio of the learner's time to each form's."""
    mine = trial.load() if trial.exercise.times and rows[0].work else ""
    if isinstance(mine, str):  # the learner's row says why
        return rows
    call = trial.exercise.times[0].make(Draw(desk.PUBLIC_SEED))
    kwargs = [call.kwargs, *(call.kwargs if form.kwargs is None else form.kwargs for form in others)]
    with _loaded(trial.wall, others) as workers:
        yours, *theirs = take_turns([mine, *workers], tuple(call.args), kwargs, random.randrange(1, FIRST))
    found = [rows[0] if yours.failure is None else _untimed(rows[0], yours.failure)]
    for row, timed in zip(rows[1:], theirs, strict=True):
        if timed.failure is not None:
            row = _untimed(row, timed.failure)
        elif timed.seconds and yours.seconds:
            row = replace(row, ratio=yours.seconds / timed.seconds)
        found.append(row)
    return found


def _untimed(row: Row, failure: Answer) -> Row:
    return replace(row, notes=(*row.notes, f"not timed: {Trial.why(failure)}"))
