"""Judges one exercise at a time in the background: keys and saves are noticed meanwhile."""

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autograder.judging.verdicts import ExerciseVerdict, PackageVerdict

Judging = Callable[[Mapping[str, str], list[str]], PackageVerdict]


@dataclass(frozen=True)
class Outcome:
    """What became of one question: a verdict, or the reason why there is none."""

    name: str
    sources: Mapping[str, str]
    verdict: ExerciseVerdict | None
    problem: str = ""


class Judge:
    """A thread that answers one question after the other."""

    def __init__(self, judging: Judging) -> None:
        """Start the thread; it ends with the program."""
        self._judging = judging
        self._questions: queue.SimpleQueue[tuple[str, Mapping[str, str]]] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.asked: str | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, name: str, sources: Mapping[str, str]) -> None:
        """Have an exercise judged; `answer` will tell."""
        self.asked = name
        self._questions.put((name, dict(sources)))

    def answer(self) -> Outcome | None:
        """Return the outcome if there is one by now."""
        try:
            outcome = self._outcomes.get_nowait()
        except queue.Empty:
            return None
        self.asked = None
        return outcome

    def _run(self) -> None:
        while True:
            name, sources = self._questions.get()
            try:
                self._outcomes.put(Outcome(name, sources, self._judging(sources, [name]).exercises[0]))
            except Exception as error:  # whatever it is, the watch goes on
                text = f"{name} could not be judged ({type(error).__name__}: {error}); c tries again"
                self._outcomes.put(Outcome(name, sources, None, text))
