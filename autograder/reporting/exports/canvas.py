"""Fills one column of the gradebook that Canvas exports, and leaves every other byte as it was."""

import codecs
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.reporting.exports import cells
from autograder.reporting.records import Record, RecordsError
from autograder.reporting.text import points
from autograder.reporting.visible import line

IDENTITY = ("Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section")
KEYS = ("SIS Login ID", "SIS User ID", "Integration ID", "ID", "Student")  # what a learner's id is looked up in
# Canvas drops columns with such titles on import without a word.
IGNORED = re.compile(r"(Current|Final) (Score|Points|Grade)")
# Canvas names downloaded submissions doejane_LATE_1234_5678_exercises.zip: 1234 is the learner's Canvas ID.
DOWNLOADED = re.compile(r"[^_]+_(?:LATE_)?([0-9]+)_[0-9]+_.+")
TEST_STUDENT = ("Student, Test", "Test Student")


@dataclass(frozen=True)
class Filled:
    """The new file, how many cells were filled, and who could not be: learners without a row, rows without a grade."""

    data: bytes
    count: int
    points: float | None
    unknown: tuple[str, ...]
    ungraded: tuple[str, ...]
    missing: tuple[str, ...]


def fill(roster: bytes, column: str, records: Sequence[Record], raw: bool = False) -> Filled:
    """Return the roster with the grades in one column.

    Grades are scaled to the column's points possible; with `raw`, or where none are stated, points go in as they are.

    Raises:
        RecordsError: The roster is none, has no such column, or names two learners alike.
    """
    mark = codecs.BOM_UTF8 if roster.startswith(codecs.BOM_UTF8) else b""
    try:
        lines = cells.split(roster[len(mark) :])
        texts = [[cell.text for cell in found] for found in lines]
    except UnicodeDecodeError:
        raise RecordsError("the roster is not UTF-8: export it from Canvas anew, and do not save it in Excel") from None
    except ValueError as error:
        raise RecordsError(f"the roster is no CSV file: {error}") from None
    header = [text.strip() for text in texts[0]] if texts else []
    if "Student" not in header or not {"ID", "SIS User ID", "SIS Login ID"} & set(header):
        raise RecordsError("the roster's first line has no `Student` and `ID`: give the file that Canvas exports")
    place = _place(header, column)
    first, possible = _possible(texts, place)
    rows = _rows(texts, header, first)
    taken: dict[int, Record] = {}
    unknown = []
    for record in records:
        row = _find(str(record["student"]), rows, texts)
        if row is None:
            unknown.append(str(record["student"]))
        elif row in taken:
            both = f"{taken[row]['student']!r} and {record['student']!r}"
            raise RecordsError(f"{both} are the same row of the roster, line {row + 1}: grade one of them")
        else:
            taken[row] = record
    ungraded, count = [], 0
    for row, record in taken.items():
        if record["max_score"] <= 0 or place >= len(lines[row]):
            ungraded.append(str(record["student"]))
            continue
        scale = 1.0 if raw or possible is None else possible / float(record["max_score"])
        lines[row][place].raw = points(round(float(record["score"]) * scale, 2)).encode()
        count += 1
    people = [row for row in range(first, len(texts)) if row not in taken and _is_person(texts[row], header)]
    missing = tuple(texts[row][header.index("Student")] for row in people)
    used = None if raw else possible
    return Filled(mark + cells.join(lines), count, used, tuple(unknown), tuple(ungraded), missing)


def _place(header: list[str], column: str) -> int:
    titles = [title for title in header if title not in IDENTITY and not IGNORED.search(title)]
    if IGNORED.search(column) or column in IDENTITY:
        raise RecordsError(f"Canvas does not import the column {column!r}: give an assignment's, `TITLE (123)`")
    if header.count(column) > 1:
        raise RecordsError(f"the roster has {header.count(column)} columns {column!r}: take all but one out")
    if column not in header:
        near = difflib.get_close_matches(column, titles, 1, 0.4)
        also = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, titles)) or 'no assignment'}"
        raise RecordsError(f"the roster has no column {column!r}; {also}")
    if not re.search(r"\([0-9]+\)$", column):
        raise RecordsError(f"{column!r} does not end in an assignment's number, `(123)`: Canvas would make a new one")
    return header.index(column)


def _possible(texts: list[list[str]], place: int) -> tuple[int, float | None]:
    """Return the first line of a learner and the points possible of a column; other lines may stand before."""
    for row, found in enumerate(texts[1:5], 1):
        if found and found[0].strip().startswith("Points Possible"):
            stated = found[place].strip() if place < len(found) else ""
            if stated == "(read only)":
                raise RecordsError("Canvas computes that column itself (read only): give an assignment's")
            try:
                value = float(stated.replace(",", "."))
            except ValueError:
                value = 0.0
            return row + 1, value if value > 0 else None
    return 1, None


def _is_person(row: list[str], header: list[str]) -> bool:
    name = row[header.index("Student")].strip() if header.index("Student") < len(row) else ""
    return bool(name) and name not in TEST_STUDENT


def _rows(texts: list[list[str]], header: list[str], first: int) -> dict[tuple[str, str], list[int]]:
    """Return the rows of the learners by each of their names in the roster."""
    rows: dict[tuple[str, str], list[int]] = {}
    for row in range(first, len(texts)):
        for key in KEYS:
            place = header.index(key) if key in header else len(texts[row])
            value = texts[row][place].strip().casefold() if place < len(texts[row]) else ""
            if value and _is_person(texts[row], header):
                rows.setdefault((key, value), []).append(row)
    return rows


def _find(student: str, rows: dict[tuple[str, str], list[int]], texts: list[list[str]]) -> int | None:
    downloaded = DOWNLOADED.fullmatch(student)
    looked_up = [(key, student.strip().casefold()) for key in KEYS]
    looked_up += [("ID", downloaded[1])] if downloaded else []
    for key in looked_up:
        found = rows.get(key, [])
        if len(found) > 1:
            where = ", ".join(str(row + 1) for row in found[:5])
            raise RecordsError(
                f"{line(student)!r} is the {key[0]} of several rows of the roster ({where}): use another id"
            )
        if found:
            return found[0]
    return None
