"""Grades one submission inside Gradescope's container: `python -m autograder.gradescope ROOT`.

results.json is there from the first moment on, and is written anew after each exercise: whatever ends this process,
what was judged until then counts.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder import desk, registry
from autograder.classroom.intake import Entry, folder_files
from autograder.progress import write_atomically
from autograder.reporting.exports.gradescope_form import results
from autograder.reporting.json_form import exercise_json
from autograder.reporting.text import points
from autograder.running.confinement import wall_level

SETTINGS = "gradescope.json"


class Run:
    """One submission: its verdicts so far, and where they are written."""

    def __init__(self, root: Path, settings: Mapping[str, Any]) -> None:
        """Start with every exercise unjudged."""
        self.target = root / "results" / "results.json"
        self.settings = settings
        self.start = time.monotonic()
        self.layers: tuple[str, ...] = ()
        unjudged = desk.judge_package({}, settings["exercises"], "", "all")
        self.exercises = {e.name: exercise_json(e) for e in unjudged.exercises}
        for exercise in self.exercises.values():
            exercise["problem"] = "not judged yet: the time was up, or the grading broke off"

    def write(self, output: str) -> None:
        """Write results.json as things stand."""
        extra = {
            "wall": wall_level(self.layers),
            "layers": list(self.layers),
            "honours": {name: e["honours"] for name, e in self.exercises.items() if e["honours"]},
        }
        seconds = time.monotonic() - self.start
        form = results(list(self.exercises.values()), self.settings["private"], output, seconds, extra)
        write_atomically(self.target, json.dumps(form, indent=1))

    def judge(self, texts: Mapping[str, str]) -> None:
        """Judge one exercise after the other until the time is up."""
        for done, name in enumerate(self.exercises):
            if time.monotonic() - self.start > self.settings["limit_s"]:
                self.write(f"The time was up after {done} of {len(self.exercises)} exercises; the others count as 0.")
                return
            verdict = desk.judge_package(texts, [name], "", "all", self.settings["seed"])
            self.layers = verdict.wall or self.layers
            self.exercises[name] = exercise_json(verdict.exercises[0])
            self.write(f"{done + 1} of {len(self.exercises)} exercises judged so far.")
        self.write(self._summary())

    def _summary(self) -> str:
        passed = sum(e["status"] == "passed" for e in self.exercises.values())
        public = [c for e in self.exercises.values() for c in e["cases"] if c["visibility"] == "public"]
        earned = points(round(sum(c["points"] for c in public), 2))
        return f"{passed} of {len(self.exercises)} exercises passed; {earned} points in public cases."


def main(root: Path, settings: Mapping[str, Any]) -> None:
    """Grade ROOT/submission into ROOT/results/results.json."""
    run = Run(root, settings)
    run.write("The grading broke off before the first exercise was judged. Submit again, or tell your instructor.")
    submission = Entry("", "submission", lambda: folder_files(root / "submission")).read()
    if submission.problem:
        for exercise in run.exercises.values():
            exercise["problem"] = submission.problem
        run.write(f"Nothing could be graded: {submission.problem}")
    else:
        run.judge(submission.texts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads((registry.ROOT / SETTINGS).read_text(encoding="utf-8")))
    sys.stdout.flush()
    os._exit(0)  # nothing is left to be done, and no thread or child may hold the result back
