"""The records of a graded class, as `grade` leaves them in results.jsonl."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SCHEMA = "grade/1"
JOURNAL = "results.jsonl"

Record = dict[str, Any]


class RecordsError(ValueError):
    """Records that cannot be read or used; the message says what to do."""


def latest(lines: Iterable[bytes], name: str) -> list[Record]:
    """Return the last record of each learner, sorted by id; an unfinished last line is no record.

    Raises:
        RecordsError: A line is no record of this schema.
    """
    found: dict[str, Record] = {}
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            break  # `grade` was killed while it wrote this one, and will write it again
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            raise RecordsError(f"{name} line {number} is no JSON: run `grade` again, which mends its journal") from None
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            got = record.get("schema") if isinstance(record, dict) else type(record).__name__
            raise RecordsError(f"{name} line {number} is {got!r}, expected schema {SCHEMA!r}")
        found[str(record["student"])] = record
    return [found[student] for student in sorted(found)]


def read(folder: Path) -> list[Record]:
    """Return the last record of each learner of a folder that `grade` wrote.

    Raises:
        RecordsError: There is no such folder, it holds no grades, or they cannot be read.
    """
    path = folder / JOURNAL
    if not folder.is_dir():
        raise RecordsError(f"there is no folder {folder}: give the folder that `grade ... --out` wrote")
    if not path.is_file():
        raise RecordsError(f"there is no {JOURNAL} in {folder}: give the folder that `grade ... --out` wrote")
    with path.open("rb") as file:
        records = latest(file, str(path))
    if not records:
        raise RecordsError(f"{path} holds no grade yet: run `grade` to its end first")
    return records


def exercises(records: Iterable[Record]) -> dict[str, str]:
    """Return the stem of every exercise in the records by name, in the order in which they first stand."""
    return {e["name"]: e["stem"] for record in records for e in record["exercises"]}


def by_name(record: Record) -> dict[str, Record]:
    """Return the exercises of a record by name."""
    return {e["name"]: e for e in record["exercises"]}
