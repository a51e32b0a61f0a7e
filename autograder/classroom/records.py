"""One record for each submission, `grade/1`: what was graded, under which circumstances, and what came of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from autograder import needs, registry
from autograder.classroom.points import Points, scaled
from autograder.classroom.selection import Submission
from autograder.running.confinement import wall_level

SCHEMA = "grade/1"
Record = dict[str, Any]
# What judges: a change there makes every grade stale. Reports, commands and this package do not.
JUDGES = ("specs", "mistakes", "judging", "running", "exact")
JUDGING = (
    *("answer", "atlases", "cases", "counting", "faults", "forbidden", "grading", "interview", "lineup"),
    *("needs", "paper", "reach", "registry", "seat", "sources", "spec", "tracks"),
)


@cache
def judges_hash() -> str:
    """Return a hash of the sources that decide about grades."""
    root = Path(__file__).resolve().parents[1]
    files = [path for name in JUDGES for path in root.glob(f"{name}/**/*.py")]
    files += [root / f"{name}.py" for name in JUDGING]
    total = hashlib.sha256()
    for path in sorted(p for p in files if p.is_file()):
        total.update(f"{path.relative_to(root).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


@cache
def versions() -> dict[str, str]:
    """Return the versions that a grade may depend on."""
    try:
        own = metadata.version("stable-logprobs")
    except metadata.PackageNotFoundError:
        own = "0"
    return {"autograder": own, "torch": torch.__version__, "judges": judges_hash()[:16]} | needs.versions()


def seed_id(seed: int) -> str:
    """Return a name for a seed that does not give it away."""
    return hashlib.sha256(f"stable-logprobs/{seed}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Circumstances:
    """What a class is graded under: the same for all submissions of a run."""

    seed: int
    names: tuple[str, ...]
    layers: tuple[str, ...]
    points: Points | None = None
    device: str = "cpu"
    notebooks: Mapping[str, str] | None = None  # hashes by name of those that may be run; None: they are not asked for

    @property
    def level(self) -> str:
        """The wall's level."""
        return wall_level(self.layers)

    def key(self, submission: Submission) -> str:
        """Return the hash of all that a submission's grade depends on; empty where it must be tried again."""
        if submission.ours:
            return ""
        parts = {
            "files": dict(sorted(submission.hashes.items())),
            "ignored": list(submission.ignored),
            "problem": submission.problem,
            "judges": judges_hash(),
            "seed": self.seed,
            "versions": versions(),
            "device": self.device,
            "wall": self.level,
            "exercises": list(self.names),
            "points": dict(sorted(self.points.items())) if self.points else None,
        }
        if self.notebooks is not None:
            parts["notebooks"] = dict(sorted(self.notebooks.items()))
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def record(
        self,
        submission: Submission,
        exercises: Sequence[Mapping[str, Any]],
        seconds: float,
        problem: str | None = None,
        notebooks: Sequence[Mapping[str, Any]] = (),
    ) -> Record:
        """Return the record of a submission; a `problem` of ours is given in place of the submission's own.

        What notebooks came to is kept beside the exercises, and counts for nothing.
        """
        graded = [scaled(exercise, self.points) for exercise in exercises]
        shown = {} if self.notebooks is None else {"notebooks": [dict(one) for one in notebooks]}
        return shown | {
            "schema": SCHEMA,
            "student": submission.student,
            "source": submission.source,
            "key": "" if problem else self.key(submission),
            "files": dict(submission.hashes),
            "ignored": list(submission.ignored),
            "problem": problem or submission.problem,
            "wall": self.level,
            "layers": list(self.layers),
            "seed_id": seed_id(self.seed),
            "versions": versions() | {"device": self.device},
            "seconds": round(seconds, 3),
            "score": total(graded, "score"),
            "max_score": total(graded, "max_score"),
            "exercises": graded,
        }


def total(exercises: Iterable[Mapping[str, Any]], what: str) -> float:
    """Return the sum of a field, without the dust of adding up fractions."""
    return round(sum(float(e[what]) for e in exercises), 6)


def passed(record: Record) -> bool:
    """Return whether a submission passed all of its exercises."""
    return record["problem"] is None and all(e["status"] in ("passed", "skipped") for e in record["exercises"])


def is_record(value: object) -> bool:
    """Return whether a line of a journal is a record of this form."""
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        return False
    texts = all(isinstance(value.get(name), str) for name in ("student", "key", "seed_id"))
    return texts and isinstance(value.get("exercises"), list) and "problem" in value


def latest(records: Iterable[Record]) -> list[Record]:
    """Return the last record of each learner, in the order of their ids."""
    last = {record["student"]: record for record in records}
    return [last[student] for student in sorted(last)]


def unknown(names: Iterable[str]) -> str:
    """Return the message about the first name that is no exercise, or nothing."""
    for name in names:
        try:
            registry.find(name)
        except KeyError as error:
            return str(error.args[0])
    return ""
