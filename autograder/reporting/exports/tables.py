"""Grades as CSV: one line per learner and exercise, or one line per learner."""

import csv
import io
from collections.abc import Sequence

from autograder.reporting.records import Record, by_name, exercises
from autograder.reporting.text import points
from autograder.reporting.visible import line

# A spreadsheet takes a cell that begins with one of these for a formula, and runs it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def safe(text: str) -> str:
    """Return a text that no spreadsheet computes with; control characters are spelled."""
    shown = line(text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def _write(rows: Sequence[Sequence[str]]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue()


def _number(value: float) -> str:
    return points(round(float(value), 4))


def long(records: Sequence[Record]) -> str:
    """Return `student,exercise,score,max_score`, a line for each learner and exercise."""
    rows = [["student", "exercise", "score", "max_score"]]
    for record in records:
        student = safe(str(record["student"]))
        rows += [[student, e["name"], _number(e["score"]), _number(e["max_score"])] for e in record["exercises"]]
    return _write(rows)


def wide(records: Sequence[Record]) -> str:
    """Return a line for each learner: the score of each exercise, the sum, the most there was, what went wrong.

    An exercise in which a learner has no verdict is an empty cell.
    """
    names = list(exercises(records))
    rows = [["student", *names, "score", "max_score", "problem"]]
    for record in records:
        found = by_name(record)
        scores = [_number(found[name]["score"]) if name in found else "" for name in names]
        sums = [_number(record["score"]), _number(record["max_score"])]
        rows.append([safe(str(record["student"])), *scores, *sums, safe(str(record["problem"] or ""))])
    return _write(rows)
