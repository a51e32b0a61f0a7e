"""`grade`: one record for each submission, only what changed is graded, and whatever is finished stays."""

import hashlib
import importlib
import importlib.util
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from autograder import desk, registry, similarity
from autograder.classroom import notebooks
from autograder.classroom.grades import write_grades
from autograder.classroom.intake import Entry, discover
from autograder.classroom.ledger import BROKEN, Ledger
from autograder.classroom.points import read_points
from autograder.classroom.pool import Pool, Shares, Task
from autograder.classroom.progress import Progress, clock
from autograder.classroom.records import Circumstances, Record, passed
from autograder.classroom.selection import Submission
from autograder.classroom.work import Examination, Papers, unread
from autograder.grading import Device
from autograder.sources import SourceError, read_package

REPORTS = "autograder.reporting.classroom"
Sharing = Callable[[Papers, int, tuple[int, ...]], Shares]


@dataclass(frozen=True)
class Settings:
    """What the command line asks for."""

    submissions: Path
    out: Path
    only: tuple[str, ...] = ()
    points: Path | None = None
    jobs: int = 1
    shard: tuple[int, int] = (1, 1)
    seed: int | None = None
    require_sandbox: bool = False
    similarity: bool = False
    clock: bool = True
    notebooks: bool = False
    device: Device = "auto"


def _device(settings: Settings) -> Device:
    """Return where the cases' inputs are; the full wall has no way to a GPU.

    Raises:
        SourceError: There is no CUDA, or it is asked for behind the full wall.
    """
    desk.demand(settings.device)
    if settings.require_sandbox and settings.device == "cuda":
        raise SourceError("--device cuda: a GPU needs holes in the wall, and --require-sandbox wants a wall without")
    return "cpu" if settings.require_sandbox else settings.device


def in_shard(student: str, shard: tuple[int, int]) -> bool:
    """Return whether a learner belongs to shard i of n, by id alone."""
    number, count = shard
    return int(hashlib.sha256(student.encode()).hexdigest(), 16) % count == number - 1


def exercises_of(settings: Settings, points: dict[str, float] | None) -> tuple[str, ...]:
    """Return the exercises to grade: those named, else those that have points, else all.

    Raises:
        SourceError: One that is named has no points.
        KeyError: A name is unknown.
    """
    names = (
        desk.select(settings.only)
        if settings.only or points is None
        else [n for n in registry.everything() if n in points]
    )
    for name in names if points is not None else ():
        if name not in points:  # type: ignore[operator]
            raise SourceError(f"{settings.points} gives {name} no points: add a line for it, or leave it out of --only")
    return tuple(names)


def grade(settings: Settings, sharing: Sharing = Pool) -> int:
    """Grade a class and return the exit code."""
    on = _device(settings)
    points = read_points(settings.points) if settings.points else None
    names = exercises_of(settings, points)
    found = discover(settings.submissions, settings.out)
    groups = {student: g for student, g in found.by_student().items() if in_shard(student, settings.shard)}
    if found.stray:
        _say(f"no submissions, left aside: {_few(found.stray)}")
    if not found.entries:
        raise SourceError(f"{settings.submissions} holds no submissions: expected a folder or .zip for each learner")
    with Ledger(settings.out) as ledger:
        seed, strict = ledger.seed(settings.seed), settings.require_sandbox
        ledger.note_shard(*settings.shard, len(groups))
        examination = Examination(seed, names, settings.clock, settings.notebooks, strict, on)
        papers = Papers(examination)
        shares = sharing(papers, settings.jobs, ledger.descriptors())
        try:
            device = on if on != "auto" else "cpu and cuda" if torch.cuda.is_available() else "cpu"
            books = notebooks.marks(names) if settings.notebooks else None
            around = Circumstances(seed, names, shares.layers(), points, device, books)
            if settings.require_sandbox and around.level != "full":
                held = ", ".join(around.layers)
                raise SourceError(
                    f"the wall's level here is {around.level!r} ({held}); --require-sandbox asks for 'full'"
                )
            if settings.notebooks:
                notebooks.demand(strict)
            return Run(ledger, shares, around, groups, papers, settings.similarity).run()
        finally:
            shares.close()


MOST_NAMED = 20  # submissions with a problem that the terminal lists


class Run:
    """One run over a class."""

    def __init__(
        self,
        ledger: Ledger,
        shares: Shares,
        around: Circumstances,
        groups: dict[str, list[Entry]],
        papers: Papers,
        similarity: bool = False,
    ) -> None:
        """Look at nothing yet."""
        self.ledger, self.shares, self.around, self.groups = ledger, shares, around, groups
        self._similarity = similarity
        self._blank = unread(papers)
        self._known = {(record["student"], record["key"]): record for record in ledger.records if record["key"]}
        self._current = {record["student"]: record["key"] for record in ledger.records}
        self._flying: dict[str, Submission] = {}
        self._progress: Progress | None = None
        self._troubles = 0

    def run(self) -> int:
        """Grade what changed; return the exit code."""
        start = time.monotonic()
        self._notes()
        todo = [student for student in self.groups if not self._unchanged(student)]
        _say(f"{len(self.groups)} submissions, {len(todo)} to grade; the wall's level is {self.around.level!r}")
        self._progress = Progress(len(todo), sys.stderr)
        before, code = len(self.ledger.records), None
        usual = _let_term_interrupt()
        try:
            for student, outcome in self.shares.outcomes(self._tasks(todo)):
                submission = self._flying.pop(student)
                trouble = outcome.get("trouble")
                problem = f"could not be graded: {trouble}" if trouble else None
                exercises = self._blank if trouble else outcome["exercises"]
                seconds, books = outcome.get("seconds", 0.0), outcome.get("notebooks", ())
                self._keep(self.around.record(submission, exercises, seconds, problem, books))
        except KeyboardInterrupt:
            self.ledger.reread()  # it may have come while a record was written
            done = {record["student"] for record in self.ledger.records[before:]}
            _say(f"stopped: {len(done)} of {len(todo)} are recorded; run again to go on")
            code = 2
        except OSError as error:
            _say(f"a grade could not be recorded: {error.filename or self.ledger.folder}: {error.strerror or error}")
            code = 2
        finally:
            _restore(usual)
        written = self._write()
        anew = {r["student"] for r in self.ledger.records[before:]}
        self._summary(time.monotonic() - start, len(anew))
        records = {r["student"]: r for r in self.ledger.latest()}
        if code is None and not self._troubles and written and self.groups.keys() <= records.keys():
            return 0 if all(passed(records[student]) for student in self.groups) else 1
        return 2

    def _notes(self) -> None:
        if self.ledger.broken:
            _say(f"{self.ledger.broken} lines of the journal were no records and are in {BROKEN} now")
        others = {e["name"] for r in self.ledger.latest() for e in r["exercises"]} - set(self.around.names)
        if others:
            text = "the results will hold what is graded now alone; grades of other exercises stay in the journal, and"
            _say(f"{text} come back when they are asked for ({_few(sorted(others))})")
        gone = sorted({r["student"] for r in self.ledger.records} - self.groups.keys())
        if gone:
            _say(f"recorded earlier and not among these submissions, kept in the results: {_few(gone)}")

    def _submissions(self, student: str) -> list[Submission]:
        entries = self.groups[student]
        if len(entries) == 1:
            return [entries[0].read()]
        sources = ", ".join(entry.source for entry in entries)
        problem = f"{len(entries)} submissions carry the id {student}: {sources}; keep one of them"
        return [Submission(student, entry.source, problem=problem) for entry in entries]

    def _unchanged(self, student: str) -> bool:
        """Return whether the journal holds the record that would be made; an old one becomes the latest again."""
        key = self.around.key(self._submissions(student)[-1])
        record = self._known.get((student, key))
        if record is None:
            return False
        if self._current[student] != key:
            try:
                self.ledger.append(record)
            except OSError:
                return False  # the disk is full, for one: what is graded anew meets it too, and says so
        return True

    def _tasks(self, todo: list[str]) -> Iterator[Task]:
        """Yield what must be judged; what cannot be is recorded at once."""
        for student in todo:
            submissions = self._submissions(student)
            if len(submissions) == 1 and submissions[0].problem is None:
                self._flying[student] = submissions[0]
                yield Task(student, dict(submissions[0].texts))
                continue
            for number, submission in enumerate(submissions):
                blank = [exercise | {"problem": submission.problem} for exercise in self._blank]
                self._keep(self.around.record(submission, blank, 0.0), last=number == len(submissions) - 1)

    def _keep(self, record: Record, last: bool = True) -> None:
        self.ledger.append(record)
        if not record["key"]:
            self._troubles += 1
            _say(f"{record['student']}: {record['problem']}")
        if last and self._progress is not None:
            self._progress.step(record["student"])

    def _write(self) -> bool:
        records, what = self.ledger.latest(), "grades.csv"
        try:
            write_grades(self.ledger.folder, records)
            if self._similarity:
                what = "the report of similar answers"
                similarity.report(self.ledger.folder, self._texts(), model_answers())
            what = "the report"
            write_reports(self.ledger.folder, records)
        except Exception as error:  # the journal holds every grade: nothing is lost
            _say(f"{what} could not be written: {type(error).__name__}: {error}")
            return False
        return True

    def _texts(self) -> dict[str, dict[str, str]]:
        return {student: dict(self._submissions(student)[-1].texts) for student in self.groups}

    def _summary(self, seconds: float, anew: int) -> None:
        records = [r for r in self.ledger.latest() if r["student"] in self.groups]
        whole, bad = sum(map(passed, records)), sum(r["problem"] is not None for r in records)
        print(
            f"{len(records)} of {len(self.groups)} submissions are recorded in {self.ledger.folder}"
            f" ({anew} anew, {clock(seconds)})"
        )
        print(
            f"{whole} passed everything, {len(records) - whole - bad} did not, {bad} could not be graded as handed in"
        )
        for record in [r for r in records if r["problem"] is not None][:MOST_NAMED]:
            print(f"  {record['student']}: {record['problem']}")
        if bad > MOST_NAMED:
            print(f"  and {bad - MOST_NAMED} more; the class page names all")


def model_answers() -> dict[str, str] | None:
    """Return the model answers, which every learner may have read, if this copy of the course has them."""
    folder = registry.ROOT / "solutions"
    return read_package(folder) if folder.is_dir() else None


def write_reports(folder: Path, records: list[Record]) -> None:
    """Write the pages for people, where that part of the autograder is there."""
    if importlib.util.find_spec(REPORTS) is not None:
        importlib.import_module(REPORTS).write(folder, records)


def _let_term_interrupt() -> Any:
    try:
        return signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not the main thread
        return None


def _restore(usual: Any) -> None:
    if usual is not None:
        signal.signal(signal.SIGTERM, usual)


def _few(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _say(text: str) -> None:
    print(f"autograder: {text}", file=sys.stderr, flush=True)
