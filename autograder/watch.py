"""Watches the exercises: each save is judged at once, single keys do the rest. One loop; nothing here decides."""

import argparse
import contextlib
import io
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from autograder import desk
from autograder.listing import table
from autograder.model_answer import compare, comparison_text
from autograder.reporting.terminal import Screen, bar
from autograder.sources import SourceError
from autograder.watching.judge import Judge
from autograder.watching.keyboard import END, Keyboard
from autograder.watching.saves import Saves
from autograder.watching.session import Session

TICK_S = 0.1
KEYS = {
    "h": "the next hint",
    "l": "the list of exercises",
    "n": "go to the next exercise that has not passed",
    "r": "put the stub back (your version is kept)",
    "s": "the model answer beside yours, after passing",
    "c": "check again",
    "q": "quit",
    "?": "these keys",
}
SHOWN_KEYS = (
    "h hint  l list  n next  r reset  s solution  c check  q quit",
    "h hint  l list  n next  q quit  ? more",
    "? keys",
)


def status_line(done: int, total: int, doing: str, width: int) -> str:
    """Return the line below everything: how far, at what, and as many keys as the width allows."""
    start = f"{bar(done, total, min(total, max(width // 5, 8)) + 2)} {done} of {total}  {doing}"
    return next((line for keys in SHOWN_KEYS if len(line := f"{start}  {keys}") < width), start)


class Watch:
    """Joins a session with its screen, keyboard, files and judge."""

    def __init__(self, session: Session, screen: Screen, keyboard: Keyboard, saves: Saves, judge: Judge) -> None:
        """Hold the parts."""
        self.session, self.screen, self.keyboard, self.saves, self.judge = session, screen, keyboard, saves, judge
        self._since = 0.0
        self._asking: str | None = None  # the exercise whose reset waits for y or n
        self._stale = False

    def run(self) -> int:
        """Watch until q; return 0 if all has passed, else 1."""
        self._say(self.session.start(self.saves.poll(time.monotonic())))
        while True:
            for key in self.keyboard.read(TICK_S):
                if self._asking is None and key in ("q", END):
                    self.screen.wipe()
                    done, total = self.session.progress()
                    return 0 if done == total else 1
                self._say(self.press(key))
            self.step(time.monotonic())

    def step(self, now_s: float) -> None:
        """Look once at the files and at the judge."""
        saves = self.saves.poll(now_s)
        if saves:
            files = ", ".join(f"{save.stem}.py" for save in saves)
            self._say([self.screen.look.paint(f"-- {time.strftime('%H:%M:%S')} {files} --", "cyan")])
            self._say(self.session.saved(saves))
        outcome = self.judge.answer()
        if outcome is not None:
            if self._stale:  # the program was stopped meanwhile: its clocks ran on
                self._stale = False
                self.session.again(outcome.name)
            elif outcome.verdict is None:
                self._say(self.session.failed_to_judge(outcome.problem))
            else:
                self._say(self.session.judged(outcome.name, outcome.sources, outcome.verdict))
        if self.judge.asked is None:
            name = self.session.take()
            if name is not None:
                self.judge.ask(name, self.session.sources)
                self._since = now_s
        self.screen.show(self._status(now_s))

    def interrupted(self) -> None:
        """Note that the program was stopped and goes on: what was judged meanwhile is judged again."""
        self._stale = self.judge.asked is not None
        self.screen.show(self._status(time.monotonic()))

    def _status(self, now_s: float) -> str:
        if self._asking is not None:
            return f"Put the stub of {self._asking} back? Your version is kept under .course/history. (y/n)"
        doing = self.session.current or "all passed"
        if self.judge.asked is not None:
            seconds = int(now_s - self._since)
            doing = f"checking {self.judge.asked}{f', {seconds} s' if seconds > 1 else ''}"
        return status_line(*self.session.progress(), doing, self.screen.width if self.keyboard.attached else 0)

    def _say(self, lines: Sequence[str]) -> None:
        if lines:
            self.screen.say("\n".join(lines))

    def press(self, key: str) -> list[str]:
        """Do what a key stands for; return what to say."""
        current = self.session.current
        if self._asking is not None:
            name, self._asking = self._asking, None
            return _reset(name, self.session.folder) if key == "y" else [f"{name} stays as it is"]
        if key == "?":
            return [f"  {key}  {words}" for key, words in KEYS.items()]
        if key == "l":
            return table(self.session.standings, self.screen.width, self.screen.look, current).split("\n")
        if key == "n":
            return self.session.next()
        if key == "c":
            return self.session.again(current)
        if key == "s":
            return self._solution(current)
        if key in ("h", "r"):
            if current is None:
                return ["All exercises have passed."]
            if key == "h":
                from autograder.notebook import hint

                return [hint(current).text.replace(f'hint("{current}")', "h")]
            self._asking = current
            return []
        return [f"{key} is no key here; ? shows them"] if key.isprintable() and key.strip() else []

    def _solution(self, current: str | None) -> list[str]:
        last = self.session.passed_last
        try:
            try:
                shown = compare(current or "", self.session.folder)
            except (KeyError, SourceError):
                if last is None:
                    raise
                shown = compare(last, self.session.folder)
        except (KeyError, SourceError) as error:
            return [str(error.args[0])]
        return comparison_text(shown, self.screen.width).split("\n")


def _reset(name: str, folder: Path) -> list[str]:
    """Put a stub back by the command `reset`; return what that said."""
    from autograder import commands

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        commands.run(argparse.Namespace(command="reset", name=name, package=folder), None)
    return said.getvalue().rstrip("\n").split("\n")


def main(names: Sequence[str]) -> int:
    """Watch the default package until the learner ends it.

    Raises:
        KeyError: A name is neither an exercise nor a chapter.
        SourceError: There is no folder to watch.
    """
    chosen, folder = desk.select(names), desk.default_package()
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder} to watch: `python -m autograder stubs` makes it")
    screen, saves = Screen(sys.stdout, os.environ), Saves(folder)
    with Keyboard(sys.stdin, screen.wipe, lambda: watch.interrupted()) as keyboard:
        session = Session(chosen, folder, screen.look, keyboard.attached)
        judge = Judge(lambda sources, names: desk.judge_package(sources, names, str(folder)))
        watch = Watch(session, screen, keyboard, saves, judge)
        try:
            return watch.run()
        except KeyboardInterrupt:
            done, total = session.progress()
            return 0 if done == total else 1
        finally:
            screen.wipe()
