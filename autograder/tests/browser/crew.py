"""Two threads, each with a browser and a copy of the course of its own, that run all notebooks."""

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from autograder.tests.browser.lab import Course, Lab
from autograder.tests.browser.page import Book, Cell, opened, started

PHASES = ("stubs", "answers")


@dataclass(frozen=True)
class Run:
    """What a notebook looks like after all its cells have run, and the exercises before and after."""

    cells: tuple[Cell, ...]
    before: dict[str, bytes]
    after: dict[str, bytes]


def run_books(lab: Lab, names: list[str], look: Callable[[str, str, Book], None]) -> dict[tuple[str, str], Run | str]:
    """Run all cells of these notebooks with the stubs, then once more with the model answers, and `look` at each.

    Returns:
        By phase and name, the run, or what went wrong; a notebook that fails does not stop the others.
    """
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        waiting.put(name)
    runs: dict[tuple[str, str], Run | str] = {}

    def work(course: Course) -> None:
        with started(lab, course.root.name) as page:
            while not waiting.empty():
                try:
                    name = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    _run_twice(page, course, name, look, runs)
                except Exception as error:
                    for phase in PHASES:
                        runs.setdefault((phase, name), f"{type(error).__name__}: {error}")

    with ThreadPoolExecutor(len(lab.courses)) as pool:
        try:
            for done in [pool.submit(work, course) for course in lab.courses]:
                done.result()
        finally:
            while not waiting.empty():  # after Ctrl-C, or when a browser does not start
                waiting.get()
    return runs


def _run_twice(
    page: Any, course: Course, name: str, look: Callable[[str, str, Book], None], runs: dict[tuple[str, str], Run | str]
) -> None:
    course.write(solved=False)
    with opened(page, course, name) as book:
        for phase in PHASES:
            course.write(solved=phase == "answers")
            before = course.files()
            book.run_all()
            look(phase, name, book)
            runs[phase, name] = Run(tuple(book.cells()), before, course.files())


def alone(lab: Lab, name: str, act: Callable[[Book], Any]) -> Any:
    """Open one notebook of the first copy in a browser of its own and return what `act` does with it.

    A thread of its own, since Playwright leaves an event loop running in the one that it is started in.
    """

    def work() -> Any:
        with started(lab, "alone") as page, opened(page, lab.courses[0], name) as book:
            return act(book)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
