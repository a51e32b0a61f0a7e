"""What a notebook calls: check, hint, solution, break_it. Nothing here raises into a learner's cell."""

import contextlib
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autograder import desk, magic, needs, progress, registry, skipping
from autograder.answer import Answer
from autograder.grading import run_mistake
from autograder.judging import messages
from autograder.judging.questions import judge, question
from autograder.judging.truth import as_tensor
from autograder.judging.verdicts import ExerciseVerdict
from autograder.lineup import Lineup
from autograder.model_answer import compare, comparison_html, comparison_text
from autograder.report import Report
from autograder.reporting.html import exercise_html
from autograder.reporting.text import exercise_text
from autograder.running.launch import WallError
from autograder.sources import SourceError, read_package, replace_definition
from autograder.spec import Call, Case, Draw, Driven, Exercise, Tolerance, Value
from autograder.standing import standings


def check(target: str | Callable[..., Any], package: str | Path | None = None) -> Report:
    """Judge an exercise and return the report.

    Args:
        target: The exercise's or the chapter's name, or a function: one of a package's module, or one defined in a
            cell under the exercise's name, which is judged as if it stood in the file.
        package: The folder that holds the STEM.py files; by default the package `exercises`.
    """
    try:
        return _check(target, package)
    except KeyError as error:
        return Report(str(error.args[0]))
    except (SourceError, WallError) as error:
        return Report(str(error))


def _check(target: str | Callable[..., Any], package: str | Path | None) -> Report:
    folder = Path(package) if package else desk.default_package()
    if isinstance(target, str):
        names, sources = desk.select([target]), read_package(folder)
    elif callable(target) and hasattr(target, "__name__"):
        names = [registry.find(target.__name__)[1].name]
        folder, sources = _sources_of(target, folder)
    else:
        return Report('check takes the name of an exercise, check("logsumexp"), or a function')
    verdict = desk.judge_package(sources, names, str(folder))
    hints = {e.name: desk.remember(e, sources) for e in verdict.exercises}
    text = "\n".join(exercise_text(e, hints[e.name]) for e in verdict.exercises)
    html = "".join(_html(e, hints[e.name], sources) for e in verdict.exercises)
    return Report(text, html, verdict.exercises)


def _html(verdict: ExerciseVerdict, said: str, sources: dict[str, str]) -> str:
    hints = desk.unlocked(verdict.name) if verdict.status == "failed" else ()
    note = desk.UNCHANGED if desk.UNCHANGED in said else ""
    return exercise_html(verdict, hints, _chapter(verdict.stem, sources), note)


def _chapter(stem: str, sources: dict[str, str]) -> list[tuple[str, str]]:
    return [(s.name, s.status) for s in standings(sources, [e.name for e in registry.exercises(stem)])]


def _sources_of(function: Callable[..., Any], folder: Path) -> tuple[Path, dict[str, str]]:
    """Return the package that a function belongs to; a cell's function is put into the texts of `folder`."""
    stem = registry.find(function.__name__)[0]
    try:
        source = textwrap.dedent(inspect.getsource(function))
        path = Path(inspect.getsourcefile(function) or "")
    except (OSError, TypeError):
        raise SourceError(f"the source of {function.__name__} cannot be found: define it in a cell or a file") from None
    if path.stem == stem and path.is_file():
        return path.parent, read_package(path.parent)
    texts = read_package(folder) if folder.is_dir() else {}
    helpers = _helpers(function, {function.__name__})
    texts[stem] = replace_definition(texts.get(stem, "import torch\n"), function.__name__, source, helpers)
    return folder, texts


def _helpers(function: Callable[..., Any], seen: set[str]) -> list[str]:
    """Return the sources of the functions of the same notebook that `function` uses."""
    found: list[str] = []
    scope = getattr(function, "__globals__", {})
    for name in getattr(getattr(function, "__code__", None), "co_names", ()):
        value = scope.get(name)
        if name not in seen and inspect.isfunction(value) and value.__module__ == function.__module__:
            seen.add(name)
            with contextlib.suppress(OSError, TypeError):
                found += [*_helpers(value, seen), textwrap.dedent(inspect.getsource(value))]
    return found


def hint(name: str, level: int | None = None) -> Report:
    """Show the next hint of an exercise, or the one of a level from 1 to 3."""
    try:
        stem, exercise = registry.find(name)
    except KeyError as error:
        return Report(str(error.args[0]))
    seen = int(progress.of(name)["hints"])
    number = min(seen + 1, 3) if level is None else level
    if number not in (1, 2, 3):
        return Report("there are hints of level 1, 2 and 3")
    progress.update(name, hints=max(seen, number))
    more = f' hint("{name}") shows the next one.' if number < 3 else " This is the last one."
    return Report(f"hint {number} of 3 for {name} ({stem}.py): {exercise.hints[number - 1]}{more}")


def solution(name: str, package: str | Path | None = None) -> Report:
    """Show the model answer beside the learner's, once the exercise has passed.

    Args:
        name: The exercise.
        package: The folder that holds the learner's STEM.py files; by default the package `exercises`.
    """
    try:
        both = compare(name, Path(package) if package else desk.default_package())
    except (KeyError, SourceError) as error:
        return Report(str(error.args[0]))
    return Report(comparison_text(both, 0), comparison_html(both))


def break_it(name: str, mistake: str, *args: Any, **kwargs: Any) -> Report:
    """Judge an input that is meant to separate a known mistake from the right answer.

    Args:
        name: The exercise.
        mistake: The id of one of its known mistakes.
        *args: The arguments that the learner chose; `...` is no choice yet.
        **kwargs: Keyword arguments of the call.
    """
    try:
        stem, exercise = registry.find(name)
    except KeyError as error:
        return Report(str(error.args[0]))
    wrong = next((m for m in registry.mistakes(stem) if m.id == mistake and m.exercise == name), None)
    if wrong is None:
        ids = ", ".join(m.id for m in registry.mistakes(stem) if m.exercise == name)
        return Report(f"{name} has no known mistake {mistake!r}; there are {ids}")
    if not args or any(a is ... for a in (*args, *kwargs.values())):
        return Report(f"Replace ... by an input on which `{mistake}` and the right {name} differ.")
    call = Call(args, kwargs)
    ask = _loosely(exercise) if exercise.sound is None else Driven("value", exercise.sound)
    case = Case("chosen", "value", lambda draw: call, ask)
    unlike = _unlike(call, exercise.cases[0].make(Draw(0)))
    unlike = unlike or (exercise.domain(call) if exercise.domain else "")
    if unlike:
        return Report(f"That input is none for {name}: {unlike}")
    try:
        asked = question(exercise, case, call, Draw(0))
    except Exception as error:
        return Report(f"That input is none for {name}: {type(error).__name__}: {messages.clean(str(error))}")
    lacking = needs.missing(exercise)
    if lacking:
        return Report(f"{name}: {lacking}")
    with Lineup(desk.wall(), stem) as lineup:
        answer: Answer = lineup.run(wrong, asked) if exercise.needs else run_mistake(wrong, asked)
    complaint = judge(case, call, asked, answer)
    if complaint is None:
        return Report(f"Not broken: on that input `{mistake}` gives the right answer.")
    return Report(f"Broken.\n{textwrap.indent(complaint.message, '  ')}")


def _loosely(exercise: Exercise) -> Value:
    """Ask as the exercise's first value case does, but with room for any honest rounding."""
    usual = next((c.ask for c in exercise.cases if isinstance(c.ask, Value)), Value(Tolerance(4, 1.0)))
    return Value(Tolerance(16 * usual.tolerance.ulps, usual.tolerance.floor), dtype=True, answer=usual.answer)


def _unlike(chosen: Call, usual: Call) -> str:
    """Say which argument is not of the usual kind: the right function would not take it either."""
    for position, (mine, theirs) in enumerate(zip(chosen.args, usual.args, strict=False), 1):
        if not isinstance(theirs, (torch.Tensor, np.ndarray)):
            continue
        if type(mine) is not type(theirs):
            return f"argument {position} is a {type(mine).__name__}, not a {type(theirs).__name__}"
        if as_tensor(mine).is_floating_point() != as_tensor(theirs).is_floating_point():
            return f"argument {position} is of {mine.dtype}, not of {theirs.dtype}"
    return ""


def load_ipython_extension(shell: Any) -> None:
    """Make `%%exercise` known, and start the process behind the wall: the first check then does not wait for it."""
    if shell is not None:
        magic.register(shell)
        skipping.skip_nothing(shell)  # the first cells of a notebook work without what later ones need
    with contextlib.suppress(WallError, OSError):
        desk.wall()
