"""How far a learner is: the status of each exercise, from what stands in the files and what was judged before."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from autograder import progress, registry
from autograder.fingerprint import UNREADABLE, fingerprint
from autograder.judging.verdicts import ExerciseVerdict
from autograder.running.gate import is_stub

WORDS = {
    "passed": "passed",
    "changed": "changed since it passed",
    "failed": "failed",
    "unchecked": "not checked",
    "not_written": "not written",
    "unreadable": "cannot be read",
}


@dataclass(frozen=True)
class Standing:
    """One exercise and its status, a key of `WORDS`."""

    name: str
    stem: str
    minutes: int
    difficulty: int
    status: str


def place(text: str, name: str) -> int | None:
    """Return the line at which a module's text defines a name, None if it does not.

    Raises:
        SyntaxError: As `ast.parse`; the other errors of `UNREADABLE` as well.
    """
    node = _definition(text, name)
    return node.lineno if node else None


def _definition(text: str, name: str) -> ast.FunctionDef | ast.ClassDef | None:
    found = [n for n in ast.parse(text).body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name == name]
    return found[-1] if found else None


def is_written(text: str, name: str) -> bool:
    """Return whether a module's text defines a name by more than a stub."""
    try:
        node = _definition(text, name)
    except UNREADABLE:
        return False
    return node is not None and not is_stub(node)


def status(sources: Mapping[str, str], stem: str, name: str, state: Mapping[str, Any]) -> str:
    """Return an exercise's status, given a package's texts by stem and what is remembered of it."""
    mark = fingerprint(sources, stem, name) if stem in sources else None
    if mark is None:
        return "unreadable"
    if not is_written(sources[stem], name):
        return "not_written"
    if state.get("passed") == mark:
        return "passed"
    if state.get("judged") == mark:
        return "failed"
    return "unchecked" if state.get("passed") is None else "changed"


def standings(sources: Mapping[str, str], names: Iterable[str]) -> tuple[Standing, ...]:
    """Return how the learner stands in these exercises."""
    found = []
    for name in names:
        stem, exercise = registry.find(name)
        now = status(sources, stem, name, progress.of(name))
        found.append(Standing(name, stem, exercise.minutes, exercise.difficulty, now))
    return tuple(found)


def note(verdict: ExerciseVerdict, sources: Mapping[str, str]) -> None:
    """Remember a verdict, and the code that it is on."""
    mark = fingerprint(sources, verdict.stem, verdict.name)
    if verdict.status == "passed":
        progress.update(verdict.name, failed=0, passed=mark, judged=mark)
    elif verdict.written and verdict.status != "skipped" and mark is not None:
        progress.update(verdict.name, judged=mark)
