"""Grades submissions in processes of this machine, each with a wall of its own; one that dies is replaced."""

import contextlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

import torch

from autograder import desk
from autograder.classroom import notebooks
from autograder.classroom.work import Grader, Outcome, Papers, settle
from autograder.running import linux
from autograder.running.launch import WallError

START_S = 120.0
LEAST_S, EXERCISE_S = 120.0, 60.0  # what a submission may take before its process counts as stuck
BOOK_S = 2 * notebooks.LIMIT_S  # the limit, and the copying, starting and clearing away around it
TRIES = 2


@dataclass(frozen=True)
class Task:
    """One submission to grade: who it belongs to, and its sources."""

    student: str
    texts: dict[str, str]


class Shares(Protocol):
    """What shares tasks out: the local pool, or a cluster."""

    def layers(self) -> tuple[str, ...]:
        """Return the isolation that holds where the tasks run."""

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[tuple[str, Outcome]]:
        """Yield each task's student and outcome, in any order."""

    def close(self) -> None:
        """End all processes."""


@dataclass
class Job:
    """One process, the pipe to it, and what it works on."""

    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    tries: int = 0
    until: float = field(default_factory=lambda: time.monotonic() + START_S)


def serve(pipe: Connection, papers: Papers, inherited: tuple[int, ...], parent: int) -> None:
    """Grade what comes over the pipe until it is closed."""
    for fd in inherited:
        with contextlib.suppress(OSError):
            os.close(fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the first one decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    settle()
    if os.name == "posix" and hasattr(linux, "prctl"):
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    grader: Grader | None = None
    with contextlib.suppress(OSError):
        grader = Grader(papers)
    with contextlib.suppress(EOFError, OSError):
        while True:
            texts = json.loads(pipe.recv_bytes())
            try:
                grader = grader or Grader(papers)
                outcome = grader.grade(texts)
            except (WallError, MemoryError, OSError) as error:
                outcome = {"trouble": f"{type(error).__name__}: {error}"}
            except Exception as error:  # a fault of the autograder costs one submission, not the class
                outcome = {"trouble": f"the autograder failed with {type(error).__name__}: {error}"}
            pipe.send_bytes(json.dumps(outcome).encode())
    if grader is not None:
        grader.wall.close()


class Pool:
    """Keeps `count` processes busy."""

    def __init__(self, papers: Papers, count: int, private: tuple[int, ...] = ()) -> None:
        """Start nothing yet; `private` descriptors are closed in every process."""
        self._papers, self._count, self._private = papers, count, private
        # Forked processes share the papers. With a GPU torch does not bear a fork once it has computed gradients.
        forks = "fork" in multiprocessing.get_all_start_methods() and not torch.cuda.is_available() and _is_linux()
        self._context: Any = multiprocessing.get_context("fork" if forks else "spawn")
        self._forks = forks
        self._jobs: list[Job] = []
        self._made = False

    def layers(self) -> tuple[str, ...]:
        """Return the isolation that holds here."""
        with desk.wall() as wall:  # closed before anything is forked
            return Grader(self._papers, wall).layers()

    def _start(self) -> Job:
        if self._forks and not self._made:
            torch.set_num_threads(1)  # a forked child that meets a thread pool hangs
            self._papers.make()
            self._made = True
        ours, theirs = self._context.Pipe()
        inherited: tuple[int, ...] = ()
        if self._forks:
            inherited = (
                *self._private,
                ours.fileno(),
                *(job.pipe.fileno() for job in self._jobs if not job.pipe.closed),
            )
        process = self._context.Process(target=serve, args=(theirs, self._papers, inherited, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        return Job(process, ours)

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[tuple[str, Outcome]]:
        """Yield each task's student and outcome, in any order."""
        waiting = iter(tasks)
        left = True
        while left or any(job.task for job in self._jobs):
            while left and (idle := self._idle()) is not None:
                task = next(waiting, None)
                if task is None:
                    left = False
                else:
                    self._give(idle, task)
            busy = [job for job in self._jobs if job.task]
            pause = max(0.0, min((job.until for job in busy), default=0.0) - time.monotonic())
            ready = wait([thing for job in busy for thing in (job.pipe, job.process.sentinel)], min(pause, 1.0))
            for job in busy:
                if job.pipe in ready or job.process.sentinel in ready or time.monotonic() > job.until:
                    yield from self._collect(job)

    def _idle(self) -> Job | None:
        free = next((job for job in self._jobs if job.task is None), None)
        if free is None and len(self._jobs) < self._count:
            free = self._start()
            self._jobs.append(free)
        return free

    def _give(self, job: Job, task: Task) -> None:
        job.task = task
        job.tries += 1
        asked = self._papers.examination
        books = notebooks.stems_of(asked.names) if asked.notebooks else ()
        job.until = time.monotonic() + START_S + LEAST_S + EXERCISE_S * len(asked.names) + BOOK_S * len(books)
        with contextlib.suppress(OSError):  # a process that is gone shows at its sentinel
            job.pipe.send_bytes(json.dumps(task.texts).encode())

    def _collect(self, job: Job) -> Iterator[tuple[str, Outcome]]:
        assert job.task is not None
        outcome: Outcome | None = None
        try:
            if job.pipe.poll():
                outcome = json.loads(job.pipe.recv_bytes())
        except (EOFError, OSError, ValueError):
            outcome = None
        if outcome is not None and ("trouble" not in outcome or job.tries >= TRIES):
            task, job.task, job.tries = job.task, None, 0
            yield task.student, outcome
            return
        stuck = outcome is None and job.process.is_alive() and time.monotonic() > job.until
        task, tries = job.task, job.tries
        self._end(job)
        self._jobs.remove(job)
        if tries >= TRIES:
            words = "did not come to an end" if stuck else f"died twice (exit code {job.process.exitcode})"
            yield task.student, {"trouble": f"the grading process {words}"}
            return
        fresh = self._start()
        fresh.tries = tries
        self._jobs.append(fresh)
        self._give(fresh, task)

    def _end(self, job: Job) -> None:
        job.process.kill()
        job.process.join()
        job.pipe.close()

    def close(self) -> None:
        """End all processes."""
        for job in self._jobs:
            self._end(job)
        self._jobs = []


def _is_linux() -> bool:
    return os.uname().sysname == "Linux" if hasattr(os, "uname") else False
