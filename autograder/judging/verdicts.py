"""What was found out about a submission: data only, as the reports show it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from autograder.answer import Row

Status = Literal["passed", "failed", "skipped", "inconclusive", "timeout", "crashed"]
ORDER = ("rules", "device", "memory", "untouched", "value", "shape", "dtype", "extremes", "gradient", "law", "time")


@dataclass(frozen=True)
class CaseVerdict:
    """One case: `message` is for the learner, `kind` for the diagnosis, `measured` and `row` for the HTML form only."""

    name: str
    family: str
    visibility: Literal["public", "private"]
    status: Status
    max_points: float
    message: str = ""
    kind: str = ""
    honours: bool = False
    measured: str = ""
    row: Row | None = None

    @property
    def points(self) -> float:
        """The points earned; an inconclusive clock counts in the learner's favour."""
        return self.max_points if self.status in ("passed", "inconclusive") else 0.0


@dataclass(frozen=True)
class Diagnosis:
    """The known mistake that explains the failures best, and what to say about it."""

    mistake: str
    text: str


@dataclass(frozen=True)
class ExerciseVerdict:
    """One exercise of one submission. `problem` says why nothing could be judged.

    Where every case is skipped without a problem, the machine lacks what the exercise needs: it counts for nobody.
    """

    name: str
    stem: str
    written: bool
    cases: tuple[CaseVerdict, ...]
    diagnosis: Diagnosis | None = None
    problem: str = ""

    @property
    def graded(self) -> tuple[CaseVerdict, ...]:
        """The cases that count: no honours, nothing skipped."""
        return tuple(c for c in self.cases if not c.honours and not (c.status == "skipped" and not self.problem))

    @property
    def status(self) -> str:
        """One of passed, failed, not_written, error, skipped."""
        if not self.written:
            return "not_written"
        if self.problem:
            return "error"
        if self.cases and not self.graded:
            return "skipped"
        return "passed" if all(c.status in ("passed", "inconclusive") for c in self.graded) else "failed"

    @property
    def score(self) -> float:
        """The points earned."""
        return sum(c.points for c in self.graded)

    @property
    def max_score(self) -> float:
        """The points that the judged cases are worth."""
        return sum(c.max_points for c in self.graded)

    @property
    def honours(self) -> dict[str, bool]:
        """Which honours were reached."""
        return {c.name: c.status == "passed" for c in self.cases if c.honours and c.status != "skipped"}

    def count(self, cases: Iterable[CaseVerdict], *statuses: str) -> int:
        """Return how many of these cases have one of these statuses."""
        return sum(c.status in statuses for c in cases)


@dataclass(frozen=True)
class PackageVerdict:
    """All exercises that were judged; `wall` names the isolation layers that held."""

    package: str
    exercises: tuple[ExerciseVerdict, ...]
    wall: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def score(self) -> float:
        """The points earned."""
        return sum(e.score for e in self.exercises)

    @property
    def max_score(self) -> float:
        """The points that the judged cases are worth."""
        return sum(e.max_score for e in self.exercises)

    @property
    def passed(self) -> bool:
        """Whether every exercise passed that can be judged here."""
        return all(e.status in ("passed", "skipped") for e in self.exercises)
