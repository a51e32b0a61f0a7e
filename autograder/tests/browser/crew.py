"""Two threads, each with a browser of its own, that run all notebooks of the copy."""

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from autograder.tests.browser.lab import Lab
from autograder.tests.browser.page import Book, Cell, opened, started

AT_ONCE = 2


@dataclass(frozen=True)
class Run:
    """What a notebook looks like after all its cells have run, or why they did not."""

    cells: tuple[Cell, ...] = ()
    problem: str = ""


def run_books(lab: Lab, names: list[str], look: Callable[[str, Book], None]) -> dict[str, Run]:
    """Run all cells of these notebooks, then `look` at each; one that fails does not stop the others."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        waiting.put(name)
    runs: dict[str, Run] = {}

    def work(number: int) -> None:
        with started(lab, f"crew{number}") as page:
            while True:
                try:
                    name = waiting.get_nowait()
                except queue.Empty:
                    return
                runs[name] = _run(page, name, look)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for done in [pool.submit(work, number) for number in range(AT_ONCE)]:
                done.result()
        finally:
            while not waiting.empty():  # after Ctrl-C, or when a browser does not start
                waiting.get()
    return runs


def _run(page: Any, name: str, look: Callable[[str, Book], None]) -> Run:
    try:
        with opened(page, name) as book:
            book.run_all()
            look(name, book)
            return Run(tuple(book.cells()))
    except Exception as error:
        return Run(problem=f"{type(error).__name__}: {error}")


def alone(lab: Lab, name: str, act: Callable[[Book], Any]) -> Any:
    """Open one notebook in a browser of its own and return what `act` does with it.

    A thread of its own, since Playwright leaves an event loop running in the one that it is started in.
    """

    def work() -> Any:
        with started(lab, "alone") as page, opened(page, name) as book:
            return act(book)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
