"""A learner's function behind the wall, for pictures and counts: it is there, or words say why not."""

from collections.abc import Mapping
from typing import Any

from autograder.answer import Answer
from autograder.judging import messages
from autograder.running import gate
from autograder.running.confinement import wall_level
from autograder.running.wall import Wall, Worker
from autograder.spec import Exercise

LOAD_S = 10.0
DEATHS = 2  # after so many workers lost, no further one is started


class Trial:
    """Asks one function of one package; what the gate refuses does not run."""

    def __init__(self, wall: Wall, exercise: Exercise, stem: str, sources: Mapping[str, str]) -> None:
        """Examine the source; nothing runs yet."""
        self.wall, self.exercise, self.stem, self.sources = wall, exercise, stem, dict(sources)
        self._worker: Worker | None = None
        self._deaths = 0
        self.refusal = self._examine()

    def _examine(self) -> str:
        """Say why the function must not run, or nothing."""
        report = gate.examine(self.sources, self.stem, self.exercise.name, self.exercise.rules)
        if report.state == "not_written":
            return f"{self.exercise.name} is not written yet"
        finding = report.findings[0] if report.findings else None
        if report.state != "written" or report.refused:
            assert finding is not None
            place = f"{finding.stem}.py line {finding.line}: " if finding.line else ""
            return place + messages.clean(finding.text)
        if any(f.kind == "process" for f in report.findings):
            worker = self.wall.worker()
            level = wall_level(worker.layers)
            worker.close()
            if level != "full":
                return "the file reaches for the system, and this machine cannot wall it off"
        return ""

    def load(self) -> Worker | str:
        """Return a worker that holds the function, or the words for why there is none."""
        if self.refusal:
            return self.refusal
        if self._worker is not None and self._worker.alive:
            return self._worker
        if self._deaths >= DEATHS:
            return f"not run after {DEATHS} calls without an answer"
        self._worker = self.wall.worker()
        barred = tuple(sorted(self.exercise.rules.forbidden.ops))
        message = {"texts": self.sources, "stem": self.stem, "function": self.exercise.name, "barred": barred}
        answer = self._worker.ask("load", LOAD_S, **message)
        if answer.outcome == "returned":
            return self._worker
        self.refusal = f"{self.stem}.py cannot be imported: {self.why(answer)}"
        self.close()
        return self.refusal

    def ask(self, driver: str, limit_s: float, **message: Any) -> Answer | str:
        """Return the answer to one question, or the words for why it was not asked."""
        worker = self.load()
        if isinstance(worker, str):
            return worker
        answer = worker.ask("drive", limit_s, driver=driver, **message)
        self._deaths += not worker.alive
        return answer

    @staticmethod
    def why(answer: Answer) -> str:
        """Say in one line why an answer is none."""
        if answer.outcome == "raised" and answer.error is not None:
            return messages.error_line(answer.error)
        words = {"timeout": "", "crashed": "the process died: ", "garbled": "the answer was not readable: "}
        return words[answer.outcome] + messages.clean(answer.detail)

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()

    def __enter__(self) -> "Trial":
        """Use the trial in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the worker."""
        self.close()
