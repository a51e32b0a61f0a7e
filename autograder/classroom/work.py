"""The unit of work: one submission's texts in, its judged exercises out. Whoever shares work out runs this."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autograder import registry
from autograder.grading import Grading
from autograder.paper import Paper
from autograder.reporting.json_form import exercise_json
from autograder.running.wall import Wall
from autograder.seat import Seat, shareable

Outcome = dict[str, Any]  # "exercises", "layers" and "seconds", or "trouble"


@dataclass(frozen=True)
class Examination:
    """What every submission of a class is asked: JSON values only, so that it travels anywhere."""

    seed: int
    names: tuple[str, ...]
    clock: bool = True


class Papers:
    """The questions and exact answers of an examination, made once."""

    def __init__(self, examination: Examination) -> None:
        """Prepare; `make` does the work."""
        self.examination = examination
        self.papers = {name: Paper(registry.find(name)[1], examination.seed, kept=True) for name in examination.names}

    def make(self) -> None:
        """Make what every submission will need, so that processes forked from this one share it."""
        for name, paper in self.papers.items():
            registry.mistakes(registry.find(name)[0])
            paper.prepare()


class Grader:
    """Judges submissions one after the other behind one wall."""

    def __init__(self, papers: Papers, wall: Wall | None = None) -> None:
        """Start the wall."""
        self.examination, self.papers = papers.examination, papers.papers
        self.wall = wall or Wall()

    def layers(self) -> tuple[str, ...]:
        """Return the isolation that holds here."""
        worker = self.wall.worker()
        worker.close()
        return worker.layers

    def grade(self, texts: Mapping[str, str]) -> Outcome:
        """Judge one submission, and once more where the wall broke down meanwhile: no fault of the learner."""
        start, stood = time.monotonic(), self.wall.generation()
        outcome = self._grade(texts)
        if self.wall.generation() != stood:
            outcome = self._grade(texts)
        return {**outcome, "seconds": time.monotonic() - start}

    def _grade(self, texts: Mapping[str, str]) -> Outcome:
        seat = Seat(self.wall) if shareable(texts) and len(self.papers) > 1 else None
        exercises: list[dict[str, Any]] = []
        layers: tuple[str, ...] = ()
        try:
            for name, paper in self.papers.items():
                stem, exercise = registry.find(name)
                grading = Grading(
                    self.wall, exercise, stem, texts, registry.mistakes(stem),
                    self.examination.seed, "all", self.examination.clock, paper, seat,
                )  # fmt: skip
                exercises.append(exercise_json(grading.run()))
                layers = grading.layers or layers
        finally:
            if seat is not None:
                seat.close()
        return {"exercises": exercises, "layers": list(layers)}


def unread(papers: Papers) -> list[dict[str, Any]]:
    """Return the exercises of a submission that holds nothing: no worker runs, no point is given."""
    rows = []
    for name in papers.papers:
        stem, exercise = registry.find(name)
        grading = Grading(None, exercise, stem, {}, (), papers.examination.seed, "all", papers.examination.clock)  # type: ignore[arg-type]
        rows.append(exercise_json(grading.run()))
    return rows
