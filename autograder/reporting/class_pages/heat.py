"""The heat map: learners by exercises, and bands of learners where there are many."""

import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograder.reporting.class_pages.figures import share
from autograder.reporting.records import Record
from autograder.reporting.text import points

STEPS = 5  # shades between nothing and everything
MARKS = {"passed": ("✓", "full"), "not_written": ("·", "blank"), "error": ("!", "error")}
NOTHING = ("", "none")


@dataclass(frozen=True)
class Entry:
    """What the class page keeps of a learner: status and part of the points of each exercise, and the sum."""

    student: str
    link: str
    score: float
    part: float
    seconds: float | None
    exercises: Mapping[str, tuple[str, float | None]]


@dataclass(frozen=True)
class Row:
    """One line of the heat map. A cell is its mark and the name of its shade: no cell rests on colour alone."""

    label: str
    link: str
    score: str
    percent: int
    seconds: str
    cells: tuple[tuple[str, str], ...]


def entry(record: Record, link: str) -> Entry:
    """Return what the class page keeps of a record."""
    found = {e["name"]: (e["status"], share(e)) for e in record["exercises"]}
    seconds = record.get("seconds")
    return Entry(str(record["student"]), link, record["score"], share(record) or 0.0, seconds, found)


def ranked(entries: Sequence[Entry]) -> list[Entry]:
    """Return the learners, the most points first; equal ones by id."""
    return sorted(entries, key=lambda e: (-e.part, -e.score, e.student))


def _shade(part: float) -> str:
    """Return h0 to h5; only full marks are h5."""
    return f"h{STEPS if part >= 1 else int(part * STEPS)}"


def _cell(found: tuple[str, float | None] | None) -> tuple[str, str]:
    """Return mark and shade: a number is the percentage of the points, rounded down."""
    if found is None:
        return NOTHING
    status, part = found
    if status in MARKS:
        return MARKS[status]
    return NOTHING if part is None else (str(min(99, int(100 * part))), _shade(min(part, 0.999)))


def rows(entries: Sequence[Entry], names: Sequence[str]) -> Iterator[Row]:
    """Yield the line of each learner."""
    for e in entries:
        seconds = f"{e.seconds:.0f}" if e.seconds is not None else ""
        cells = tuple(_cell(e.exercises.get(name)) for name in names)
        yield Row(e.student, e.link, points(round(e.score, 2)), int(100 * e.part), seconds, cells)


def bands(entries: Sequence[Entry], names: Sequence[str], count: int) -> Iterator[Row]:
    """Yield a line for each of `count` equal parts of the ranking: a cell is the mean percentage of the points."""
    edges = [len(entries) * i // count for i in range(count + 1)]
    for first, last in itertools.pairwise(edges):
        group = entries[first:last]
        cells = []
        for name in names:
            parts = [part for e in group if (part := e.exercises.get(name, ("", None))[1]) is not None]
            mean = statistics.fmean(parts) if parts else None
            cells.append(NOTHING if mean is None else (str(int(100 * mean)), _shade(mean)))
        percent = int(100 * statistics.fmean(e.part for e in group))
        yield Row(f"{first + 1} to {last}", "", "", percent, "", tuple(cells))
