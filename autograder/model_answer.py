"""The model answer beside the learner's own: for those who have passed."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from autograder import progress, registry
from autograder.fingerprint import UNREADABLE, reached
from autograder.reporting.html import PRE
from autograder.reporting.terminal import beside, clean
from autograder.sources import SourceError, decode

WIDE = 150  # columns from which on the two stand side by side
MINE, MODEL = "Your answer", "The model answer"


class Locked(SourceError):
    """The exercise has not passed: its model answer is not shown yet."""


@dataclass(frozen=True)
class Comparison:
    """An exercise's two answers without their docstrings; `mine` is empty where none can be read."""

    name: str
    mine: str
    model: str
    why: str


def readable(folder: Path) -> dict[str, str]:
    """Return the texts of a package by stem; a file that cannot be read is left out."""
    texts = {}
    for path in sorted(folder.glob("*.py")):
        if registry.valid_stem(path.stem):
            try:
                texts[path.stem] = decode(path.read_bytes(), path.name)
            except (OSError, SourceError):
                continue
    return texts


def compare(name: str, folder: Path) -> Comparison:
    """Return an exercise's answers: the one of a learner's folder and the model.

    Raises:
        KeyError: There is no such exercise.
        Locked: The learner has not passed.
        SourceError: This copy of the course holds no model answers.
    """
    stem, exercise = registry.find(name)
    if progress.of(name)["passed"] is None:
        raise Locked(
            f"the model answer is shown once {name} has passed: write it in {stem}.py, check it, and ask for a hint "
            "where you are stuck (there are three)"
        )
    model = excerpt(readable(registry.ROOT / "solutions"), stem, name)
    if not model:
        raise SourceError("this copy of the course has no solutions/ to show")
    return Comparison(name, excerpt(readable(folder), stem, name), model, exercise.why)


def excerpt(sources: Mapping[str, str], stem: str, name: str) -> str:
    """Return an exercise's definition and the helpers of its file that it uses, as written but for docstrings."""
    try:
        uses = {place.name for place in reached(sources, stem, name) if place.stem == stem}
        tree = ast.parse(sources[stem])
    except (KeyError, *UNREADABLE):
        return ""
    lines = sources[stem].split("\n")
    others = {e.name for e in registry.exercises(stem)} - {name}
    parts = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in uses - others:
            parts.append((node.name != name, _undocumented(node, lines)))
    if not any(not helper for helper, _ in parts):
        return ""
    return "\n\n\n".join(text for _, text in sorted(parts, key=lambda part: part[0]))


def _undocumented(node: ast.FunctionDef | ast.ClassDef, lines: list[str]) -> str:
    """Return a definition's lines without those of docstrings."""
    hidden: set[int] = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(inner, clean=False) is not None:
            first, *others = inner.body
            shared = first.lineno == inner.lineno or (others and others[0].lineno == first.end_lineno)
            if others and not shared:
                hidden |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
                while not lines[max(hidden)].strip():
                    hidden.add(max(hidden) + 1)
    first_line = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return "\n".join(lines[n - 1] for n in range(first_line, (node.end_lineno or first_line) + 1) if n not in hidden)


def comparison_text(comparison: Comparison, width: int) -> str:
    """Return both answers, side by side where `width` columns allow it, and why the model is written so."""
    mine = f"{MINE}\n\n{clean(comparison.mine) or '(the file holds none just now)'}"
    model = f"{MODEL}\n\n{comparison.model}"
    both = beside(mine, model, width) if width >= WIDE and comparison.mine else f"{mine}\n\n{model}"
    return f"{comparison.name}\n\n{both}\n\nWhy it is written so: {comparison.why}"


def comparison_html(comparison: Comparison) -> str:
    """Return both answers in two columns; on a narrow page one stands below the other."""
    cells = "".join(
        f'<div><b>{title}</b><pre style="{PRE};white-space:pre;overflow-x:auto">{escape(text)}</pre></div>'
        for title, text in ((MINE, comparison.mine), (MODEL, comparison.model))
        if text
    )
    return (
        '<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(min(34em,100%),1fr));gap:0 16px">'
        f"{cells}</div><div><b>Why it is written so</b><br>{escape(comparison.why)}</div>"
    )
