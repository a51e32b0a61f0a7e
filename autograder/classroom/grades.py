"""`grades.csv`: one line for each learner and exercise, the same bytes for the same records."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from autograder.classroom.records import Record
from autograder.progress import write_atomically

FILE = "grades.csv"
# A spreadsheet would compute what begins so; and what begins with the sign that prevents it must differ from that.
FORMULA = ("=", "+", "-", "@", "'")


def grades_csv(records: Iterable[Record]) -> str:
    """Return the table of the latest records, sorted by learner and then in the order of the exercises."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["student", "exercise", "score", "max_score"])
    for record in sorted(records, key=lambda r: str(r["student"])):
        student = str(record["student"])
        shown = "'" + student if student.startswith(FORMULA) else student
        for exercise in sorted(record["exercises"], key=lambda e: (str(e["stem"]), str(e["name"]))):
            row = [_number(float(exercise[what])) for what in ("score", "max_score")]
            writer.writerow([shown, exercise["name"], *row])
    return buffer.getvalue()


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def write_grades(folder: Path, records: Iterable[Record]) -> Path:
    """Write the table so that no reader ever sees half of it."""
    path = folder / FILE
    write_atomically(path, grades_csv(records))
    return path
