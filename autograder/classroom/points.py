"""An instructor's own weights: `exercise,points` as CSV or JSON."""

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder import registry
from autograder.sources import SourceError

Points = Mapping[str, float]


def read_points(path: Path) -> dict[str, float]:
    """Return the points of each exercise that a file names.

    Raises:
        SourceError: It is neither, an exercise is unknown or named twice, or its points are no number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not readable as text ({error}): save it as UTF-8") from None
    pairs = _from_json(path, text) if text.lstrip()[:1] in ("{", "[") else _from_csv(path, text)
    points: dict[str, float] = {}
    for name, value in pairs:
        points[_known(path, name, points)] = _number(path, name, value)
    if not points:
        raise SourceError(f"{path} names no exercise: write lines like `logsumexp,10`")
    return points


def _from_json(path: Path, text: str) -> list[tuple[Any, Any]]:
    try:
        data = json.loads(text, object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is no JSON: {error}") from None
    if isinstance(data, _Object):
        return list(data)
    if isinstance(data, list) and all(isinstance(row, _Object) for row in data):
        rows = [dict(row) for row in data]
        if all(row.keys() == {"exercise", "points"} for row in rows):
            return [(row["exercise"], row["points"]) for row in rows]
    raise SourceError(f'{path} should hold {{"logsumexp": 10, ...}} or [{{"exercise": ..., "points": ...}}, ...]')


class _Object(list[tuple[str, Any]]):
    """A JSON object as its pairs, so that a name given twice is seen."""


def _pairs(pairs: list[tuple[str, Any]]) -> _Object:
    return _Object(pairs)


def _from_csv(path: Path, text: str) -> list[tuple[Any, Any]]:
    rows = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(text)), 1) if any(map(str.strip, row))]
    if rows and [cell.strip().lower() for cell in rows[0][1]] == ["exercise", "points"]:
        rows = rows[1:]
    for number, row in rows:
        if len(row) != 2:
            raise SourceError(f"{path} line {number}: got {len(row)} columns, expected 2: exercise,points")
    return [(row[0].strip(), row[1].strip()) for _, row in rows]


def _known(path: Path, name: Any, points: Points) -> str:
    try:
        found = registry.find(name)[1].name
    except KeyError as error:
        raise SourceError(f"{path}: {error.args[0]}") from None
    if found in points:
        raise SourceError(f"{path} names {found} twice: keep one line")
    return found


def _number(path: Path, name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < 1e9:
        raise SourceError(f"{path}: {name} has {value!r} points; expected a number, 0 or more")
    return number


def scaled(exercise: Mapping[str, Any], points: Points | None) -> dict[str, Any]:
    """Return an exercise's record with its score in the instructor's points; its cases keep their own."""
    if points is None or exercise["name"] not in points or exercise.get("status") == "skipped":
        return dict(exercise)
    worth = points[exercise["name"]]
    share = exercise["score"] / exercise["max_score"] if exercise["max_score"] else 0.0
    return {**exercise, "score": round(worth * share, 6), "max_score": worth}
