"""`atlas("logsumexp")`: one picture of how far an answer lies from the exact one, beside the naive form, the stable one
and torch's own.

The learner's function runs behind the wall; the other forms are the course's own and run here.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograder import desk, registry
from autograder.answer import Answer
from autograder.judging import messages
from autograder.judging.closeness import read_output
from autograder.judging.curves import Curve, Panel, curve
from autograder.judging.questions import exact_answer
from autograder.report import Report
from autograder.reporting.atlas import atlas_text, picture
from autograder.running.launch import WallError
from autograder.sources import SourceError, read_package
from autograder.spec import Atlas, Call, Exact, Exercise
from autograder.trial import Trial

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
POINTS = 160  # an even number: no point lies in the middle, where a family may have an exact 0
LIMIT_S = 5.0


class Picture(Report):
    """A report that JupyterLab shows as a picture."""

    def __init__(self, text: str, png: bytes) -> None:
        """Hold both forms."""
        super().__init__(text)
        self.png = png

    def _repr_png_(self) -> bytes:
        return self.png


def atlas(name: str, package: str | Path | None = None) -> Report:
    """Draw the errors of an exercise's function over a family of inputs, for each dtype.

    Args:
        name: The exercise's name.
        package: The folder that holds the STEM.py files; by default the package `exercises`.
    """
    try:
        stem, exercise = registry.find(name)
        if exercise.atlas is None:
            return Report(f"there is no error atlas of {name}; there is one of {', '.join(drawn())}")
        sources = read_package(Path(package) if package else desk.default_package())
        with Trial(desk.wall(), exercise, stem, sources) as trial:
            panels = [_panel(exercise, exercise.atlas, dtype, trial) for dtype in DTYPES]
        text = atlas_text(name, panels, exercise.atlas.label)
        return Picture(text, picture(name, panels, exercise.atlas.label, exercise.atlas.log))
    except KeyError as error:
        return Report(str(error.args[0]))
    except (SourceError, WallError) as error:
        return Report(str(error))
    except Exception as error:  # a picture is no reason to stop a notebook
        return Report(f"the error atlas cannot be drawn: {type(error).__name__}: {messages.clean(str(error))}")


def drawn() -> list[str]:
    """Return the names of the exercises that have an atlas."""
    return [e.name for stem in registry.stems() for e in registry.exercises(stem) if e.atlas is not None]


def points(family: Atlas, dtype: torch.dtype) -> Tensor:
    """Return the values of a family's parameter for one dtype, float64."""
    unit = math.log(torch.finfo(dtype).max) if family.reach else 1.0
    low, high = family.low * unit, family.high * unit
    if not family.log:
        return torch.linspace(low, high, POINTS, dtype=torch.float64)
    return torch.logspace(math.log10(low), math.log10(high), POINTS, dtype=torch.float64)


def truth(exercise: Exercise, family: Atlas, call: Call, dtype: torch.dtype) -> Exact | Tensor:
    """Return the exact answers of a family's call."""
    if dtype == torch.float64 and family.precise is not None:
        return family.precise(*call.args, **call.kwargs)
    return exact_answer(exercise, call)


def _panel(exercise: Exercise, family: Atlas, dtype: torch.dtype, trial: Trial) -> Panel:
    t = points(family, dtype)
    call = family.make(t, dtype)
    exact = truth(exercise, family, call, dtype)
    answer = trial.ask("value", LIMIT_S, args=tuple(call.args), kwargs=dict(call.kwargs))
    curves = [_yours(answer, exact, dtype), *_ours(family, call, exact, dtype)]
    return Panel(dtype, t, tuple(curves))


def _yours(answer: Answer | str, exact: Exact | Tensor, dtype: torch.dtype) -> Curve:
    if isinstance(answer, str):
        return Curve("yours", note=answer)
    if answer.outcome != "returned":
        return Curve("yours", note=Trial.why(answer))
    try:
        return curve("yours", read_output(answer.result), exact, dtype)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        # No driver of ours answers so: the learner's process has written the reply itself.
        return Curve("yours", note="the answer was not readable: it has not the form of an answer")


def _ours(family: Atlas, call: Call, exact: Exact | Tensor, dtype: torch.dtype) -> Sequence[Curve]:
    forms: dict[str, Callable[..., Any] | None] = {"naive": family.naive, "stable": family.stable, "torch": family.peer}
    with torch.no_grad():
        return [
            curve(name, form(*call.args, **call.kwargs), exact, dtype)
            for name, form in forms.items()
            if form is not None
        ]
