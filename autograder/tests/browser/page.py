"""A notebook in JupyterLab in headless Chromium: opened, run, and read from the model and from the page."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.tests.browser.lab import Course, Lab

OPEN_MS = 60_000
RUN_MS = 150_000
POLL_MS = 200
SIZE = {"width": 1280, "height": 2200}
# Without a GPU, and without the calls home of a browser that a person uses.
FLAGS = [
    *("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

OPEN = "path => { window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'}); }"
READY = """path => {
    const book = window.jupyterapp.shell.currentWidget;
    return book?.context?.path === path && book.context.isReady
        && book.sessionContext?.session?.kernel?.status === 'idle';
}"""
RESET = """() => {
    for (const cell of window.jupyterapp.shell.currentWidget.content.widgets)
        if (cell.model.type === 'code') cell.model.executionCount = null;
}"""
# Idle alone is not enough: between two cells the kernel is idle too.
DONE = """numbers => {
    const book = window.jupyterapp.shell.currentWidget;
    const cells = book.content.widgets.filter((cell, i) => cell.model.type === 'code'
        && cell.model.sharedModel.getSource().trim() && (numbers === null || numbers.includes(i)));
    return book.sessionContext.session.kernel.status === 'idle' && cells.every(cell => cell.model.executionCount
        && cell.model.executionState !== 'running');
}"""
READ = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => {
    const code = cell.model.type === 'code';
    const output = cell.node.querySelector(code ? '.jp-Cell-outputArea' : '.jp-MarkdownOutput');
    return {
        source: cell.model.sharedModel.getSource(),
        count: code && cell.model.sharedModel.getSource().trim() ? cell.model.executionCount : null,
        outputs: code ? cell.model.outputs.toJSON() : [],
        report: output?.querySelector('.jp-RenderedHTML')?.innerText.trim() ?? '',
        alarms: output?.querySelectorAll('[data-mime-type$=stderr], [data-mime-type$=error]').length ?? 0,
        formulas: output?.querySelectorAll('mjx-container').length ?? 0,
        broken_formulas: output?.querySelectorAll('mjx-merror').length ?? 0,
        widths: [...output?.querySelectorAll('img') ?? []].map(image => image.naturalWidth),
    };
})"""
RUN_CELL = """number => {
    const book = window.jupyterapp.shell.currentWidget.content;
    book.activeCellIndex = number;
    return window.jupyterapp.commands.execute('notebook:run-cell').then(() => null);
}"""
THEME = """name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: `JupyterLab ${name}`})
    .then(() => null)"""
# For each piece of text in an element: how it stands out from what is painted behind it (WCAG's contrast ratio).
CONTRAST = """element => {
    const rgba = text => { const v = text.match(/[0-9.]+/g).map(Number); return v.length > 3 ? v : [...v, 1]; };
    const over = (top, below) => [0, 1, 2].map(i => top[3] * top[i] + (1 - top[3]) * below[i]);
    const light = colour => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
        const v = colour[i] / 255;
        return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    }, 0);
    const chain = node => node ? [...chain(node.parentElement), node] : [];
    const texts = [...element.querySelectorAll('*')].filter(node => node.checkVisibility()
        && [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()));
    return texts.map(node => {
        const line = chain(node).map(n => getComputedStyle(n));
        const behind = line.reduce((below, style) => over(rgba(style.backgroundColor), below), [255, 255, 255]);
        const style = getComputedStyle(node);
        const colour = rgba(node.namespaceURI.endsWith('svg') ? style.fill : style.color);
        colour[3] *= line.reduce((product, style) => product * Number(style.opacity), 1);
        const [a, b] = [light(over(colour, behind)), light(behind)];
        return [node.textContent.trim().slice(0, 60), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    });
}"""
# The kernel has to be gone, not just asked to go: a notebook that is opened again would get it back.
CLOSE = """async () => {
    const book = window.jupyterapp.shell.currentWidget;
    await book.sessionContext.shutdown();
    book.context.model.dirty = false;
    book.dispose();
}"""


def chromium() -> str | None:
    """Return the path of an installed Chromium."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True)
class Cell:
    """What a cell holds, and what the page shows below it."""

    source: str
    count: int | None
    outputs: list[dict[str, Any]]
    report: str
    alarms: int
    formulas: int
    broken_formulas: int
    widths: list[int]

    @property
    def checked(self) -> str:
        """The name of the exercise that the cell checks."""
        match = re.match(r'check\("(\w+)"\)', self.source)
        return match[1] if match else ""


class Book:
    """A notebook that is open in a page."""

    def __init__(self, page: Any) -> None:
        """Take a page whose kernel is ready."""
        self.page = page

    def run_all(self) -> None:
        """Run all cells and wait until the last has run."""
        self.page.evaluate(RESET)  # counts of an earlier run would look like done
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

    def _report(self, number: int) -> Any:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-RenderedHTML")

    def reveal(self, number: int) -> None:
        """Bring a cell into sight."""
        self.page.locator(".jp-Notebook .jp-Cell").nth(number).scroll_into_view_if_needed()

    def folds(self, number: int) -> list[bool]:
        """Return which folds of a cell's report are open."""
        return list(self._report(number).locator("details").evaluate_all("folds => folds.map(fold => fold.open)"))

    def unfold(self, number: int) -> list[tuple[bool, bool]]:
        """Click each closed fold of a cell's report; return which folds are open and which show their content."""
        found = []
        for fold in self._report(number).locator("details").all():
            if not fold.evaluate("fold => fold.open"):
                fold.locator("summary").click()
            shown = fold.locator("summary ~ *").first.is_visible()
            found.append((bool(fold.evaluate("fold => fold.open")), bool(shown)))
        return found

    def contrast(self, number: int) -> list[tuple[str, float]]:
        """Return each piece of text in a cell's report with its contrast."""
        return [(text, ratio) for text, ratio in self._report(number).evaluate(CONTRAST)]

    def picture(self, path: Path, dark: bool = False) -> None:
        """Store what is in sight, in the light or the dark theme."""
        self.page.evaluate(THEME, "Dark" if dark else "Light")
        self.page.wait_for_selector(f"body[data-jp-theme-light='{'false' if dark else 'true'}']", state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="hidden")  # a change of the theme covers the page
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
def opened(page: Any, course: Course, name: str) -> Iterator[Book]:
    """Open a notebook of a copy with a kernel of its own; both end with the block."""
    path = f"{course.root.name}/notebooks/{name}"
    page.evaluate(OPEN, path)
    page.wait_for_function(READY, arg=path, timeout=OPEN_MS, polling=POLL_MS)
    try:
        yield Book(page)
    finally:
        page.evaluate(CLOSE)
