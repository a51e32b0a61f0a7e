"""Every notebook in JupyterLab: "Run all" with the stubs and with the model answers, and the report of a wrong one."""

import re

import pytest

from autograder import registry
from autograder.tests.browser.crew import Run, alone, run_books
from autograder.tests.browser.lab import Lab
from autograder.tests.browser.page import Book

NAMES = [p.name for p in sorted(registry.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))]
PICTURED = ("01_floats.ipynb", "02_log_sums.ipynb", "08_sampling.ipynb")
READABLE, VISIBLE = 4.5, 3.0  # contrast of words and of single signs, WCAG level AA
WRONG = "import torch\n\n\ndef ulp(x):\n    return torch.full_like(x, 1e-7)\n"
pytestmark = pytest.mark.slow


class Phase:
    """All notebooks after "Run all", and the exercises before and after it."""

    def __init__(self, lab: Lab, solved: bool, look) -> None:
        lab.write(solved)
        self.word = "passed" if solved else "not written yet"
        self.before = lab.files()
        self.runs = run_books(lab, NAMES, look)
        self.after = lab.files()

    def run(self, name: str) -> Run:
        assert not self.runs[name].problem, self.runs[name].problem
        return self.runs[name]


@pytest.fixture(scope="module", params=["stubs", "answers"])
def phase(request, lab, pictures) -> Phase:
    def look(name: str, book: Book) -> None:
        if name in PICTURED:
            book.reveal(next(i for i, cell in enumerate(book.cells()) if cell.checked))
            for dark in (False, True):
                book.picture(pictures / f"{name[:-6]}-{request.param}-{'dark' if dark else 'light'}.png", dark)

    return Phase(lab, request.param == "answers", look)


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_fails_and_nothing_is_printed_in_red(phase, name):
    red = [
        (cell.source, output)
        for cell in phase.run(name).cells
        for output in cell.outputs
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert red == []
    assert [cell.source for cell in phase.run(name).cells if cell.alarms] == []


@pytest.mark.parametrize("name", NAMES)
def test_all_cells_ran_once_in_a_new_kernel(phase, name):
    counts = [cell.count for cell in phase.run(name).cells if cell.count is not None]
    assert counts == list(range(1, len(counts) + 1))
    assert len(counts) > 10


@pytest.mark.parametrize("name", NAMES)
def test_each_check_shows_its_report(phase, name):
    checks = [cell for cell in phase.run(name).cells if cell.checked]
    assert checks
    for cell in checks:
        assert re.match(rf"{cell.checked}: {phase.word}\b", cell.report), cell.report[:300]
        assert "text/html" in cell.outputs[-1]["data"]


@pytest.mark.parametrize("name", NAMES)
def test_formulas_and_figures_are_drawn(phase, name):
    cells = phase.run(name).cells
    assert sum(cell.formulas for cell in cells) > 0
    assert [cell.source for cell in cells if cell.broken_formulas] == []
    for cell in cells:
        figures = sum("image/png" in output.get("data", {}) for output in cell.outputs)
        assert len([width for width in cell.widths if width > 0]) >= figures, cell.source


def test_run_all_leaves_the_exercises_as_they_are(phase):
    assert phase.after == phase.before


def test_the_report_of_a_wrong_answer_can_be_unfolded_and_read(lab, pictures):
    lab.write(solved=False)
    (lab.exercises / "floats.py").write_text(WRONG)

    def act(book: Book):
        cells = book.cells()
        start = next(i for i, cell in enumerate(cells) if "reload_ext autograder" in cell.source)
        check = next(i for i, cell in enumerate(cells) if cell.checked == "ulp")
        book.run(start, check)
        book.reveal(check)
        folded = book.folds(check)
        contrast = {}
        for theme in ("light", "dark"):
            book.picture(pictures / f"wrong-{theme}.png", theme == "dark")
            contrast[theme] = book.contrast(check)
        return book.cells()[check].report, folded, book.unfold(check), contrast

    report, folded, unfolded, contrast = alone(lab, "01_floats.ipynb", act)
    assert report.startswith("ulp: FAILED")
    assert "hint 1 of 3" in report
    assert False in folded
    assert unfolded == [(True, True)] * len(folded)
    assert len(contrast["dark"]) > 10
    faint = [
        (theme, text, ratio)
        for theme, texts in contrast.items()
        for text, ratio in texts
        if ratio < (READABLE if len(text) > 1 else VISIBLE)
    ]
    assert faint == []
