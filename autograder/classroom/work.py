"""The unit of work: one submission's texts in, its judged exercises out. Whoever shares work out runs this."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from autograder import registry
from autograder.classroom import notebooks
from autograder.grading import Device, Grading
from autograder.paper import Paper
from autograder.reporting.json_form import exercise_json
from autograder.running.wall import Wall
from autograder.seat import Seat, shareable
from autograder.spec import Exercise

Outcome = dict[str, Any]  # "exercises", "layers", "seconds" and, where asked for, "notebooks"; or "trouble"


@dataclass(frozen=True)
class Examination:
    """What every submission of a class is asked: JSON values only, so that it travels anywhere."""

    seed: int
    names: tuple[str, ...]
    clock: bool = True
    notebooks: bool = False
    strict: bool = False  # run notebooks behind the full enclosure only
    device: Device = "auto"


Found = tuple[str, Exercise]


class Papers:
    """The questions and exact answers of an examination, made once."""

    def __init__(self, examination: Examination, find: Callable[[str], Found] = registry.find) -> None:
        """Prepare; `make` does the work. `find` returns stem and exercise of a name."""
        self.examination = examination
        self.exercises = {name: find(name) for name in examination.names}
        seed = examination.seed
        self.papers = {name: Paper(exercise, seed, kept=True) for name, (_, exercise) in self.exercises.items()}

    def make(self) -> None:
        """Make what every submission will need, so that processes forked from this one share it."""
        for name, paper in self.papers.items():
            registry.mistakes(self.exercises[name][0])
            paper.prepare()

    def grading(
        self, name: str, wall: Wall | None, texts: Mapping[str, str], seat: Seat | None = None, endless: str = ""
    ) -> Grading:
        """Return what judges one exercise of a submission."""
        stem, exercise = self.exercises[name]
        mistakes, asked, paper = registry.mistakes(stem), self.examination, self.papers[name]
        behind: Any = wall  # nobody asks for a worker where there is no source
        seed, clock, device = asked.seed, asked.clock, asked.device
        return Grading(behind, exercise, stem, texts, mistakes, seed, "all", clock, paper, seat, device, endless)


def settle() -> None:
    """Make this process one that does nothing but grade: one thread, and no search for garbage in what stays anyway."""
    torch.set_num_threads(1)
    gc.freeze()


class Grader:
    """Judges submissions one after the other behind one wall."""

    def __init__(self, papers: Papers, wall: Wall | None = None) -> None:
        """Start the wall; it gets ready while the caller goes on."""
        self.papers, self.wall = papers, wall or Wall()

    def layers(self) -> tuple[str, ...]:
        """Return the isolation that holds here."""
        worker = self.wall.worker()
        worker.close()
        return worker.layers

    def grade(self, texts: Mapping[str, str]) -> Outcome:
        """Judge one submission, and once more where the wall broke down meanwhile: no fault of the learner."""
        stood = self.wall.generation()
        outcome = self._grade(texts)
        outcome = outcome if self.wall.generation() == stood else self._grade(texts)
        asked = self.papers.examination
        return outcome | notebooks.outcome(texts, asked.names, asked.strict) if asked.notebooks else outcome

    def _grade(self, texts: Mapping[str, str]) -> Outcome:
        start = time.monotonic()
        together = shareable(texts) if len(self.papers.papers) > 1 else frozenset()
        seat = Seat(self.wall)
        exercises: list[dict[str, Any]] = []
        layers: tuple[str, ...] = ()
        endless: dict[str, str] = {}  # chapters whose import did not end: each of their exercises would wait as long
        try:
            for name in self.papers.papers:
                own = self.papers.exercises[name][0] not in together
                stem = self.papers.exercises[name][0]
                grading = self.papers.grading(name, self.wall, texts, None if own else seat, endless.get(stem, ""))
                exercises.append(exercise_json(grading.run()))
                endless[stem] = grading.endless
                layers = grading.layers or layers
        finally:
            seat.close()
        return {"exercises": exercises, "layers": list(layers), "seconds": time.monotonic() - start}


def unread(papers: Papers) -> list[dict[str, Any]]:
    """Return the exercises of a submission that holds nothing: no worker runs, no point is given."""
    return [exercise_json(papers.grading(name, None, {}).run()) for name in papers.papers]
