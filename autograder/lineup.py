"""Puts questions to known mistakes behind the wall, where they need what this process must not import."""

from autograder.answer import Answer
from autograder.judging.questions import Question
from autograder.running.wall import Wall, Worker
from autograder.sources import mistake_source
from autograder.spec import Mistake

LOAD_S = 10.0
LIMIT_S = 5.0


class Lineup:
    """One worker that becomes one mistake of a chapter after the other; use it in a `with` block."""

    def __init__(self, wall: Wall, stem: str) -> None:
        """Prepare; the worker is started on first use."""
        self.wall, self.stem = wall, stem
        self._worker: Worker | None = None
        self._loaded = ""

    def run(self, mistake: Mistake, asked: Question) -> Answer:
        """Put a question to a known mistake."""
        if self._worker is None or not self._worker.alive:
            self._worker, self._loaded = self.wall.worker(), ""
        if self._loaded != mistake.id:
            texts = {self.stem: mistake_source(mistake.function, mistake.exercise)}
            loaded = self._worker.ask("load", LOAD_S, texts=texts, stem=self.stem, function=mistake.exercise)
            if loaded.outcome != "returned":
                return loaded
            self._loaded = mistake.id
        return self._worker.ask("drive", LIMIT_S, driver=asked.driver, **asked.message)

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()

    def __enter__(self) -> "Lineup":
        """Use the lineup in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the worker."""
        self.close()
