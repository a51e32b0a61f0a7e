"""What the class page says of exercises, cases and mistakes, counted record by record."""

import statistics
from collections import Counter
from dataclasses import dataclass, field

from autograder.reporting.records import Record
from autograder.reporting.text import GOOD

UNFINISHED = ("timeout", "crashed")


@dataclass
class ExerciseFigures:
    """How the class did in one exercise; shares are of the points, over those who have a verdict in it."""

    name: str
    stem: str
    statuses: Counter[str] = field(default_factory=Counter)
    shares: list[float] = field(default_factory=list)
    honours: list[int] = field(default_factory=list)
    asked: int = 0

    def add(self, exercise: Record) -> None:
        """Count one learner's verdict."""
        self.statuses[exercise["status"]] += 1
        part = share(exercise)
        if part is not None:
            self.shares.append(part)
        if exercise["honours"]:
            self.honours.append(sum(exercise["honours"].values()))
            self.asked = max(self.asked, len(exercise["honours"]))

    @property
    def share(self) -> float:
        """The mean part of the points."""
        return statistics.fmean(self.shares) if self.shares else 0.0

    @property
    def reached(self) -> str:
        """The mean number of honours, "1.5 of 3"; empty where none are asked."""
        return f"{statistics.fmean(self.honours):.1f} of {self.asked}" if self.honours else ""


@dataclass(frozen=True)
class CaseFigures:
    """A case, how many answered it, how many of them wrongly, and how many of those had no answer at all."""

    exercise: str
    family: str
    name: str
    visibility: str
    tried: int
    failed: int
    unfinished: int

    @property
    def share(self) -> float:
        """The part of those who tried that failed."""
        return self.failed / self.tried


@dataclass(frozen=True)
class MistakeFigures:
    """A diagnosis, how many learners got it, and its words."""

    exercise: str
    mistake: str
    count: int
    text: str


def share(part: Record) -> float | None:
    """Return the part of the points that a record or an exercise earned; None where there were none to earn."""
    top = float(part["max_score"])
    return max(0.0, min(1.0, float(part["score"]) / top)) if top > 0 else None


class Tally:
    """Counts exercises, cases and mistakes over a class."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.exercises: dict[str, ExerciseFigures] = {}
        self._tried: Counter[tuple[str, str, str, str]] = Counter()
        self._failed: Counter[tuple[str, str, str, str]] = Counter()
        self._unfinished: Counter[tuple[str, str, str, str]] = Counter()
        self._mistakes: Counter[tuple[str, str]] = Counter()
        self._texts: dict[tuple[str, str], str] = {}

    def add(self, record: Record) -> None:
        """Count one record."""
        for exercise in record["exercises"]:
            name = exercise["name"]
            self.exercises.setdefault(name, ExerciseFigures(name, exercise["stem"])).add(exercise)
            if exercise["diagnosis"]:
                key = (name, exercise["diagnosis"]["mistake"])
                self._mistakes[key] += 1
                self._texts.setdefault(key, exercise["diagnosis"]["text"])
            self._count_cases(exercise)

    def _count_cases(self, exercise: Record) -> None:
        # A refused answer fails every case: it says nothing about any of them.
        refused = any(case["message"].startswith("not judged:") for case in exercise["cases"])
        if exercise["status"] not in ("passed", "failed") or refused:
            return
        for case in exercise["cases"]:
            if case["status"] != "skipped":
                key = (exercise["name"], case["family"], case["name"], case["visibility"])
                self._tried[key] += 1
                self._failed[key] += case["status"] not in GOOD
                self._unfinished[key] += case["status"] in UNFINISHED

    def hardest(self, most: int) -> list[CaseFigures]:
        """Return the cases that most of those who tried them fail, hardest first."""
        tried, unfinished = self._tried, self._unfinished
        found = [CaseFigures(*key, tried[key], n, unfinished[key]) for key, n in self._failed.items() if n]
        return sorted(found, key=lambda c: (-c.share, -c.failed, c.exercise, c.family, c.name))[:most]

    def mistakes(self, most: int) -> list[MistakeFigures]:
        """Return the diagnoses that most learners got."""
        found = [MistakeFigures(*key, count, self._texts[key]) for key, count in self._mistakes.items()]
        return sorted(found, key=lambda m: (-m.count, m.exercise, m.mistake))[:most]
