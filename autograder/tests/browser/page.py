"""A notebook in JupyterLab in headless Chromium: opened, run, and read from the model and from the page."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.tests.browser.lab import Lab

OPEN_MS = 60_000
RUN_MS = 150_000
POLL_MS = 200
SIZE = {"width": 1280, "height": 2200}
# Without a GPU, and without the calls home of a browser that a person uses.
FLAGS = (
    "--no-sandbox --disable-dev-shm-usage --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --disable-quic --no-first-run"
).split()

OPEN = """path => window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'})"""
READY = """path => {
    const book = window.jupyterapp.shell.currentWidget;
    return book?.context?.path === path && book.context.isReady
        && book.sessionContext?.session?.kernel?.status === 'idle';
}"""
# Idle alone is not enough: between two cells the kernel is idle too.
DONE = """numbers => {
    const book = window.jupyterapp.shell.currentWidget;
    const cells = book.content.widgets.filter((cell, i) => cell.model.type === 'code'
        && cell.model.sharedModel.getSource().trim() && (numbers === null || numbers.includes(i)));
    return book.sessionContext.session.kernel.status === 'idle' && cells.every(cell => cell.model.executionCount
        && cell.model.executionState !== 'running');
}"""
READ = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => ({
    kind: cell.model.type,
    source: cell.model.sharedModel.getSource(),
    outputs: cell.model.type === 'code' ? cell.model.outputs.toJSON() : [],
    shown: cell.node.querySelector(cell.model.type === 'code' ? '.jp-Cell-outputArea' : '.jp-MarkdownOutput')?.innerText
        ?? '',
}))"""
RUN_CELL = """number => {
    const book = window.jupyterapp.shell.currentWidget.content;
    book.activeCellIndex = number;
    return window.jupyterapp.commands.execute('notebook:run-cell');
}"""
THEME = "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: `JupyterLab ${name}`})"
# Shutting down is not awaited: the server takes seconds to see a kernel off.
CLOSE = """() => {
    const book = window.jupyterapp.shell.currentWidget;
    book.sessionContext.shutdown();
    book.context.model.dirty = false;
    book.dispose();
}"""


def chromium() -> str | None:
    """Return the path of an installed Chromium."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True)
class Cell:
    """What a cell holds and what the page shows below it."""

    kind: str
    source: str
    outputs: list[dict[str, Any]]
    shown: str


class Book:
    """A notebook that is open in a page."""

    def __init__(self, page: Any) -> None:
        """Take a page whose kernel is ready."""
        self.page = page

    def run_all(self) -> None:
        """Run all cells and wait until the last has run."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        self.page.wait_for_function(DONE, arg=None, timeout=RUN_MS, polling=POLL_MS)

    def run(self, *numbers: int) -> None:
        """Run some cells, by their place among all cells."""
        for number in numbers:
            self.page.evaluate(RUN_CELL, number)
        self.page.wait_for_function(DONE, arg=list(numbers), timeout=RUN_MS, polling=POLL_MS)

    def cells(self) -> list[Cell]:
        """Return all cells."""
        return [Cell(**cell) for cell in self.page.evaluate(READ)]

    def element(self, number: int) -> Any:
        """Return the page's element of a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def picture(self, path: Path, dark: bool = False) -> None:
        """Store what is in sight, in the light or the dark theme."""
        self.page.evaluate(THEME, "Dark" if dark else "Light")
        self.page.wait_for_selector(f"body[data-jp-theme-light='{'false' if dark else 'true'}']", state="attached")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)


@contextlib.contextmanager
def started(lab: Lab, name: str) -> Iterator[Any]:
    """Start JupyterLab in a headless browser; it belongs to the thread that started it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        program = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            page = program.new_page(viewport=SIZE)
            page.goto(f"{lab.address}/lab/workspaces/{name}?reset", timeout=OPEN_MS)
            page.wait_for_function("window.jupyterapp?.restored.then(() => true)", timeout=OPEN_MS)
            yield page
        finally:
            program.close()


@contextlib.contextmanager
def opened(page: Any, name: str) -> Iterator[Book]:
    """Open a notebook with a kernel of its own; both end with the block."""
    path = f"notebooks/{name}"
    page.evaluate(OPEN, path)
    page.wait_for_function(READY, arg=path, timeout=OPEN_MS, polling=POLL_MS)
    try:
        yield Book(page)
    finally:
        page.evaluate(CLOSE)
