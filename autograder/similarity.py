"""Finds answers that are the same but for names and formatting: a hint for a person to look, never a verdict."""

import ast
import functools
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.fingerprints import fingerprints
from autograder.progress import write_atomically
from autograder.reporting.class_pages.render import environment

PAIRED = 12  # a function that more learners share is common property: a group, but no pairs
SHOWN = 500
NAMED = 3
Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Group:
    """Learners whose function is the same; `in_model` says that the model answer has it too."""

    function: str
    students: tuple[str, ...]
    in_model: bool


@dataclass(frozen=True)
class Pair:
    """Two learners and the functions they share; `weight` is higher the fewer others share them."""

    first: str
    second: str
    functions: tuple[str, ...]
    weight: float


@functools.lru_cache(maxsize=256)  # whole classes hand in the same unwritten chapters
def _marks(text: str) -> tuple[tuple[str, str], ...]:
    """Return name and fingerprint of each function of a file; one that does not parse has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a learner's odd escapes
            return tuple(fingerprints(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _functions(sources: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield "STEM.NAME" and fingerprint of each function of a package."""
    for stem, text in sorted(sources.items()):
        yield from ((f"{stem}.{name}", mark) for name, mark in _marks(text))


def groups(texts_by_student: Texts, model: Mapping[str, str] | None = None) -> list[Group]:
    """Return the functions that several learners share, or that a learner shares with the model answer."""
    known = {mark for _, mark in _functions(model or {})}
    holders: dict[str, dict[str, str]] = {}
    for student in sorted(texts_by_student):
        for name, mark in _functions(texts_by_student[student]):
            holders.setdefault(mark, {}).setdefault(student, name)
    found = []
    for mark, named in holders.items():
        if len(named) > 1 or mark in known:
            names = " = ".join(sorted(set(named.values()))[:NAMED])  # one function may go by several names
            found.append(Group(names, tuple(named), mark in known))
    return sorted(found, key=lambda g: (g.in_model, len(g.students), g.function, g.students))


def paired(found: Iterable[Group], class_size: int) -> list[Pair]:
    """Return the pairs in small groups, those who share most first.

    What the model answer has too makes no pair: it is public.
    """
    shared: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for group in found:
        if group.in_model or len(group.students) > PAIRED:
            continue
        weight = math.log2(max(class_size, 2) / len(group.students)) + 0.1
        for two in itertools.combinations(group.students, 2):
            shared.setdefault(two, []).append((group.function, weight))
    pairs = [
        Pair(*two, tuple(sorted(name for name, _ in named)), round(sum(w for _, w in named), 1))
        for two, named in shared.items()
    ]
    return sorted(pairs, key=lambda p: (-len(p.functions), -p.weight, p.first, p.second))


def pairs(texts_by_student: Texts, model: Mapping[str, str] | None = None) -> list[Pair]:
    """Return pairs of learners with functions that are the same but for names and formatting.

    Args:
        texts_by_student: The sources of each learner by stem.
        model: The model answers by stem, if they are to be told apart.

    Returns:
        Those who share most first. Time grows with the sources, and with at most `PAIRED` times the learners.
    """
    return paired(groups(texts_by_student, model), len(texts_by_student))


def from_model(found: Iterable[Group]) -> list[Pair]:
    """Return for each learner the functions that the model answer has too, as a pair with it."""
    named: dict[str, list[str]] = {}
    for group in found:
        if group.in_model:
            for student in group.students:
                named.setdefault(student, []).append(group.function)
    return sorted(
        (Pair(student, "model answer", tuple(sorted(names)), 0.0) for student, names in named.items()),
        key=lambda p: (-len(p.functions), p.first),
    )


def report(folder: Path, texts_by_student: Texts, model: Mapping[str, str] | None = None) -> None:
    """Write FOLDER/report/similarity.html."""
    found = groups(texts_by_student, model)
    alike, taken = paired(found, len(texts_by_student)), from_model(found)
    common = sorted((g for g in found if not g.in_model and len(g.students) > PAIRED), key=lambda g: -len(g.students))
    text = (
        environment()
        .get_template("similarity.html")
        .render(
            title="Answers that are alike",
            learners=len(texts_by_student),
            pairs=alike[:SHOWN],
            more_pairs=max(0, len(alike) - SHOWN),
            model=taken[:SHOWN],
            more_model=max(0, len(taken) - SHOWN),
            has_model=model is not None,
            common=common[:SHOWN],
            paired=PAIRED,
        )
    )
    write_atomically(folder / "report" / "similarity.html", text)
