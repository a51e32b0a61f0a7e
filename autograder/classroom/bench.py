"""Measures what grading a class costs: `python -m autograder bench grade`, and how it grows: `... bench growth`."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from autograder import registry
from autograder.classroom.pool import Pool, Task
from autograder.classroom.work import Examination, Grader, Papers, settle
from autograder.running.launch import Zygote
from autograder.running.wall import Wall
from autograder.sources import read_package
from autograder.spec import Exercise

CLASS, TEN = 200, 10
COURSE = 3  # whole submissions that are measured, after one that is not
BARS = {1: 0.05, 2: 0.03}  # seconds a submission, by jobs
COURSE_BAR_S = 1.5  # processor time of a whole submission
SIZES = (10, 100, 1000, 10_000)  # submissions of a class
GROWN, LINEAR = "exp_range", 1.2  # the exercise, and how much more a further submission may cost in a larger class


def ten_values(name: str) -> tuple[str, Exercise]:
    """Return an exercise cut down to ten cases that ask for values."""
    stem, exercise = registry.find(name)
    values = [case for case in exercise.cases if case.family in ("value", "shape") and not case.honours]
    return stem, replace(exercise, cases=tuple(values[:TEN]), trace=None, memory=None, times=())


def class_of_copies(jobs: int, count: int = CLASS) -> float:
    """Return the seconds a submission of a class that answers one exercise, once all processes are warm."""
    texts = read_package(registry.ROOT / "solutions")
    tasks = (Task(str(number), {"log_sums": f"{texts['log_sums']}# {number}\n"}) for number in range(count))
    pool = Pool(Papers(Examination(1, ("logsumexp",)), ten_values), jobs)
    moments: list[float] = []
    try:
        for _, outcome in pool.outcomes(tasks):
            assert outcome["exercises"][0]["status"] == "passed", outcome
            moments.append(time.monotonic())
    finally:
        pool.close()
    warm = 4 * jobs  # by then every process has its wall
    return (moments[-1] - moments[warm - 1]) / (count - warm)


def _cpu_s(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def whole_course() -> Iterator[float]:
    """Yield the processor seconds of grading all model answers, all families but time, both sides of the wall."""
    texts = read_package(registry.ROOT / "solutions")
    papers = Papers(Examination(1, tuple(registry.everything()), clock=False))
    papers.make()
    settle()  # as every process that grades a class
    launcher = Zygote()
    with Wall(launcher) as wall:
        grader = Grader(papers, wall)
        grader.grade(texts)
        for number in range(COURSE):
            fresh = {stem: f"{text}# {number}\n" for stem, text in texts.items()}  # so that nothing is known of it
            start = time.process_time() + _cpu_s(launcher._process.pid)
            grader.grade(fresh)
            yield time.process_time() + _cpu_s(launcher._process.pid) - start


def grade() -> bool:
    """Print the figures beside their bars; return whether all hold."""
    good = True
    for jobs, bar in BARS.items():
        seconds = class_of_copies(jobs)
        print(f"{CLASS} submissions of one exercise, {jobs} jobs: {seconds:.3f} s each; bar {bar:g}", flush=True)
        good &= seconds <= bar
    course = min(whole_course())
    count = len(registry.everything())
    print(f"{count} exercises, all families but time: {course:.2f} CPU-seconds a submission; bar {COURSE_BAR_S:g}")
    return good and course <= COURSE_BAR_S


def _copies(folder: Path, count: int) -> None:
    """Write a class of copies under names of their own; each file differs, so that none is known already."""
    text = (registry.ROOT / "solutions" / "floats.py").read_text(encoding="utf-8")
    for number in range(count):
        (folder / f"s{number:05}").mkdir(parents=True)
        (folder / f"s{number:05}" / "floats.py").write_text(f"{text}# {number}\n", encoding="utf-8")


def growth(sizes: Sequence[int] = SIZES) -> bool:
    """Print what the whole command takes for classes of several sizes, reports included; is the growth linear?"""
    seconds = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as place:
            _copies(Path(place, "class"), size)
            command = [sys.executable, "-m", "autograder", "grade", f"{place}/class", "--out", f"{place}/out"]
            start = time.perf_counter()
            subprocess.run([*command, "--only", GROWN], check=True, cwd=registry.ROOT, capture_output=True)
            seconds.append(time.perf_counter() - start)
            written = sum(path.stat().st_size for path in Path(place, "out").rglob("*") if path.is_file())
        print(
            f"{size:6} submissions: {seconds[-1]:7.1f} s, {1e3 * seconds[-1] / size:6.1f} ms each; "
            f"{written / size / 1024:.0f} KiB written for each",
            flush=True,
        )
    further = [
        (after - before) / (more - less)
        for (less, more), (before, after) in zip(pairwise(sizes), pairwise(seconds), strict=True)
    ]
    steps = ", ".join(f"{1e3 * s:.1f} ms" for s in further)
    print(f"each further one: {steps}; bar for the last: {LINEAR:g} times the one before")
    return further[-1] <= LINEAR * further[-2]  # in small classes the start outweighs all else
