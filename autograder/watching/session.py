"""Decides what a watch says and does next. It touches no terminal and no file of the learner's."""

import ast
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from autograder import registry
from autograder.fingerprint import UNREADABLE, fingerprint
from autograder.judging.verdicts import ExerciseVerdict
from autograder.listing import duration, total
from autograder.reporting.terminal import Look, clean
from autograder.reporting.text import exercise_text, families, headline, honours
from autograder.standing import Standing, note, place, standings
from autograder.watching.saves import Save

OPEN = ("changed", "unchecked")  # written, and not judged as it is now


class Session:
    """The exercises that are watched: which one is current, which wait to be judged, and what was said of each."""

    def __init__(self, names: Sequence[str], folder: Path, look: Look, keyed: bool) -> None:
        """Begin without any file; `keyed` tells whether there are keys to speak of."""
        self.names, self.folder, self.look, self.keyed = tuple(names), folder, look, keyed
        self.sources: dict[str, str] = {}
        self.standings: tuple[Standing, ...] = ()
        self.current: str | None = None
        self.passed_last: str | None = None
        self._passed_names: set[str] = set()  # a slip of the pen in a file takes nothing away from it
        self._waiting: list[str] = []
        self._marks: dict[str, str | None] = {}
        self._verdicts: dict[str, tuple[str | None, ExerciseVerdict]] = {}

    # what is known

    def status(self, name: str) -> str:
        """Return the status of a watched exercise."""
        return next(s.status for s in self.standings if s.name == name)

    def path(self, stem: str, line: int | None = None) -> str:
        """Return a file as a terminal makes a link of it: "exercises/log_sums.py:24"."""
        path = self.folder / f"{stem}.py"
        short = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
        return f"{short}:{line}" if line else short

    def _how(self, key: str, command: str) -> str:
        return f"press {key}" if self.keyed else f"run `python -m autograder {command}`"

    def _refresh(self) -> None:
        self.standings = standings(self.sources, self.names)
        self._passed_names -= {s.name for s in self.standings if s.status != "unreadable"}
        self._passed_names |= {s.name for s in self.standings if s.status == "passed"}
        self._marks = {s.name: fingerprint(self.sources, s.stem, s.name) for s in self.standings}

    # what comes in

    def start(self, saves: Iterable[Save]) -> list[str]:
        """Take the files as they are; return the greeting."""
        problems = self._store(saves)
        self._refresh()
        self._waiting = [s.name for s in self.standings if s.status in OPEN]
        self.current = next((s.name for s in self.standings if s.status != "passed"), None)
        if self.current and self.status(self.current) == "failed":
            self._queue(self.current)
        keys = " Press ? for the keys." if self.keyed else " Ctrl-C ends it."
        greeting = f"Watching {self.path('x')[:-5]}: {total(self.standings)}. Save a file and it is checked.{keys}"
        return [self.look.paint(greeting, "bold"), *problems, *self._announce("Now")]

    def saved(self, saves: Sequence[Save]) -> list[str]:
        """Take changed files; queue the exercises whose answer is another one than before."""
        before = self._marks
        problems = self._store(saves)
        self._refresh()
        changed = [s for s in self.standings if self._marks[s.name] != before[s.name]]
        self._waiting = [n for n in self._waiting if self.status(n) in (*OPEN, "failed")]
        written = [s.name for s in changed if s.status in (*OPEN, "failed")]
        for name in written:
            self._queue(name)
        if written and self.current not in [s.name for s in changed]:
            self.current = written[0]
        if problems or written:
            return problems
        back = [s.name for s in changed if s.status == "passed" and before[s.name] is not None]
        if back:
            return [f"{', '.join(back)}: as it was when it passed", *self._leave_passed()]
        return self._unwritten([save.stem for save in saves])

    def judged(self, name: str, sources: Mapping[str, str], verdict: ExerciseVerdict) -> list[str]:
        """Take a verdict, remember it, and return what to say; one on code of the past says nothing."""
        stem = registry.find(name)[0]
        mark = fingerprint(sources, stem, name)
        if mark != self._marks.get(name):
            return []
        had_passed = any(s.name == name and s.status == "changed" for s in self.standings)
        note(verdict, sources)
        self._verdicts[name] = (mark, verdict)
        self._refresh()
        if verdict.status == "passed":
            return self._passed(name, verdict)
        if verdict.status == "skipped":
            return [self.look.paint(clean(exercise_text(verdict)), "yellow")]
        if name != self.current:
            text = self.look.paint(clean(headline(verdict)), "red")
            return [f"{text}{' (it had passed: it uses what you changed)' if had_passed else ''}"]
        return self._report(verdict)

    def failed_to_judge(self, problem: str) -> list[str]:
        """Return what to say when there is no verdict, by no fault of the learner."""
        return [self.look.paint(clean(problem), "red")]

    # what goes out

    def take(self) -> str | None:
        """Return the exercise to judge next, the current one first, and strike it off."""
        if not self._waiting:
            return None
        name = self.current if self.current in self._waiting else self._waiting[0]
        self._waiting.remove(name)
        return name

    def again(self, name: str | None) -> list[str]:
        """Queue an exercise once more."""
        if name is None:
            return ["All exercises have passed."]
        status = self.status(name)
        if status in ("not_written", "unreadable"):
            return self._missing(name)
        self._queue(name)
        return []

    def next(self) -> list[str]:
        """Go to the next exercise that has not passed."""
        found = self._following()
        if found is None:
            return ["All exercises have passed." if self.current is None else f"{self.current} is the only one left."]
        self.current = found
        mark, verdict = self._verdicts.get(found, (None, None))
        lines = self._announce("Now")
        if verdict is not None and mark == self._marks[found]:
            return lines + self._report(verdict)
        if self.status(found) == "failed":
            self._queue(found)
        return lines

    def progress(self) -> tuple[int, int]:
        """Return how many of how many have passed."""
        return len(self._passed_names), len(self.names)

    # how it is said

    def _queue(self, name: str) -> None:
        if name not in self._waiting:
            self._waiting.append(name)

    def _following(self) -> str | None:
        """Return the first exercise after the current one, and around, that has not passed."""
        start = self.names.index(self.current) + 1 if self.current else 0
        around = [*self.names[start:], *self.names[:start]]
        return next((n for n in around if n != self.current and self.status(n) != "passed"), None)

    def _store(self, saves: Iterable[Save]) -> list[str]:
        """Take texts in; return a line for each file that cannot be judged."""
        lines = []
        for save in saves:
            self.sources.pop(save.stem, None)
            if save.text is not None:
                self.sources[save.stem] = save.text
                problem = self._syntax(save)
            elif save.problem == "gone":
                problem = self._gone(save.stem) if any(registry.find(n)[0] == save.stem for n in self.names) else ""
            else:
                problem = save.problem
            if problem:
                lines.append(self.look.paint(clean(problem), "red"))
        return lines

    def _gone(self, stem: str) -> str:
        first = next(n for n in self.names if registry.find(n)[0] == stem)
        fresh = self._how("r", f"reset {self.current or first}")
        return f"{self.path(stem)} is gone: undo that in your editor, or {fresh} for fresh stubs"

    def _syntax(self, save: Save) -> str:
        try:
            ast.parse(save.text or "")
        except UNREADABLE as error:
            line = getattr(error, "lineno", None)
            what = getattr(error, "msg", None) or str(error) or type(error).__name__
            return f"{self.path(save.stem, line)} is no Python yet: {what}. Mend that and save again."
        return ""

    def _unwritten(self, stems: Sequence[str]) -> list[str]:
        """Say that nothing is to be judged: the current exercise is a stub still, or only words have changed."""
        if self.current and registry.find(self.current)[0] in stems and self.status(self.current) == "not_written":
            return self._missing(self.current)
        return ["no answer has changed, so there is nothing to check"]

    def _missing(self, name: str) -> list[str]:
        """Say what to do about an exercise of which there is nothing to judge."""
        stem = registry.find(name)[0]
        if stem not in self.sources:
            return [self._gone(stem)]
        try:
            line = place(self.sources[stem], name)
        except UNREADABLE:
            return [self._syntax(Save(stem, self.sources[stem]))]
        if line is None:
            fresh = self._how("r", f"reset {name}")
            return [f"{self.path(stem)} defines no {name}: write it there, or {fresh} for its stub"]
        return [f"{name} is not written yet: replace its `raise NotImplementedError` at {self.path(stem, line)}"]

    def _announce(self, word: str) -> list[str]:
        """Say which exercise is the current one, and where it is written."""
        if self.current is None:
            return [self.look.paint(f"All {len(self.names)} exercises have passed.", "bold", "green")]
        stem, exercise = registry.find(self.current)
        book = registry.notebook(stem)
        about = f"{f'{book.name}, ' if book else ''}{duration(exercise.minutes)}, difficulty {exercise.difficulty} of 5"
        head = f"{word}: {self.look.paint(self.current, 'bold')} ({about})"
        status = self.status(self.current)
        if status in ("not_written", "unreadable"):
            return ["", head, *(f"  {line}" for line in self._missing(self.current))]
        return ["", head, f"  it stands at {self.path(stem, place(self.sources[stem], self.current))}"]

    def _passed(self, name: str, verdict: ExerciseVerdict) -> list[str]:
        lines = [self.look.paint(headline(verdict), "green")]
        if name != self.current:
            return lines
        lines.append(f"  {families(verdict)}")
        lines += [f"  {honours(verdict)}"] if verdict.honours else []
        lines.append(f"  for the model answer and why it is written so, {self._how('s', f'solution {name}')}")
        return lines + self._leave_passed()

    def _leave_passed(self) -> list[str]:
        """Move on if the current exercise has passed."""
        if self.current is None or self.status(self.current) != "passed":
            return []
        self.passed_last = self.current
        self.current = self._following()
        return self._announce("Next")

    def _report(self, verdict: ExerciseVerdict) -> list[str]:
        if verdict.status == "error":
            return [self.look.paint(clean(f"{verdict.name}: {verdict.problem}"), "red"), "  mend that and save again"]
        first, *rest = clean(exercise_text(verdict)).split("\n")
        if any(c.status == "timeout" or c.message.startswith("no answer") for c in verdict.graded):
            rest.append("  is there an endless loop? What did not answer was stopped; mend it and save again")
        stuck = f"  stuck? For a hint, {self._how('h', f'hint {verdict.name}')}"
        return [self.look.paint(first, "red"), *rest, stuck]
