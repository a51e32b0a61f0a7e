"""Every notebook in JupyterLab: "Run all" with the stubs and with the model answers, and the report of a wrong one."""

import re

import pytest

from autograder import needs, registry
from autograder.tests.browser.crew import PHASES, Run, alone, run_books
from autograder.tests.browser.page import Book

NAMES = [p.name for p in sorted(registry.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))]
PICTURED = ("01_floats.ipynb", "02_log_sums.ipynb", "08_sampling.ipynb")
READABLE, VISIBLE = 4.5, 3.0  # contrast of words and of single signs, WCAG level AA
SAYS = {"stubs": "not written yet", "answers": "passed"}
WRONG = "import torch\n\n\ndef ulp(x):\n    return torch.full_like(x, 1e-7)\n"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(lab, pictures) -> dict[tuple[str, str], Run | str]:
    def look(phase: str, name: str, book: Book) -> None:
        if name in PICTURED:
            book.reveal(next(i for i, cell in enumerate(book.cells()) if cell.checked))
            for theme in ("dark", "light"):
                book.picture(pictures / f"{name[:-6]}-{phase}-{theme}.png", theme == "dark")

    return run_books(lab, NAMES, look)


@pytest.fixture(params=[(phase, name) for phase in PHASES for name in NAMES], ids="-".join)
def key(request) -> tuple[str, str]:
    return request.param


@pytest.fixture
def run(runs, key) -> Run:
    assert isinstance(runs[key], Run), runs[key]
    return runs[key]


def test_no_cell_fails_and_nothing_is_printed_in_red(run):
    red = [
        (cell.source, output)
        for cell in run.cells
        for output in cell.outputs
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert red == []
    assert [cell.source for cell in run.cells if cell.alarms] == []


def test_all_cells_ran_in_order_and_the_first_time_in_a_new_kernel(run, key):
    counts = [cell.count for cell in run.cells if cell.count is not None]
    first = 1 if key[0] == "stubs" else len(counts) + 1
    assert counts == list(range(first, first + len(counts)))
    assert len(counts) > 10


def test_each_check_shows_its_report(run, key):
    checks = [cell for cell in run.cells if cell.checked]
    assert checks
    for cell in checks:
        says = "skipped" if needs.missing(registry.find(cell.checked)[1]) else SAYS[key[0]]
        assert re.match(rf"{cell.checked}: {says}\b", cell.report), cell.report[:300]
        assert "text/html" in cell.outputs[-1]["data"]


def test_formulas_and_figures_are_drawn(run):
    cells = run.cells
    assert sum(cell.formulas for cell in cells) > 0
    assert [cell.source for cell in cells if cell.broken_formulas] == []
    for cell in cells:
        figures = sum("image/png" in output.get("data", {}) for output in cell.outputs)
        assert len([width for width in cell.widths if width > 0]) >= figures, cell.source


def test_run_all_leaves_the_exercises_as_they_are(run):
    assert len(run.before) > len(NAMES)
    assert run.after == run.before


def test_the_report_of_a_wrong_answer_can_be_unfolded_and_read(lab, pictures):
    lab.courses[0].write(solved=False)
    (lab.courses[0].exercises / "floats.py").write_text(WRONG)

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
