"""`%%exercise NAME`: spliced, judged, bound; whatever the cell holds, there is a report and no exception."""

import functools

import pytest
import torch

from autograder import desk, exercise_cells, files, magic
from autograder.exercise_cells import text

RIGHT = """def log1mexp(x):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    near = torch.where(wide > -0.6931, wide, -1.0)
    far = torch.where(wide > -0.6931, -1.0, wide)
    return torch.where(wide > -0.6931, (-near.expm1()).log(), (-far.exp()).log1p()).to(x.dtype)
"""
WRONG = "def log1mexp(x):\n    return (1 - x.exp()).log()\n"


class Shell:
    """As much of an IPython shell as the magic needs."""

    def __init__(self):
        self.user_ns, self.magics = {}, {}

    def register_magic_function(self, function, kind, name):
        self.magics[kind, name] = function


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setattr(desk, "judge_package", functools.partial(desk.judge_package, clock=False))
    monkeypatch.setattr(desk, "default_package", lambda: tmp_path)
    (tmp_path / "log_sums.py").write_text(files.stub_text("log_sums"))
    made = Shell()
    magic.register(made)
    made.file = tmp_path / "log_sums.py"
    return made


def run(shell, line: str, cell: str):
    return shell.magics["cell", "exercise"](line, cell)


def test_a_right_answer_passes_and_is_bound(shell):
    report = run(shell, "log1mexp", RIGHT)
    assert report.passed
    assert RIGHT in shell.file.read_text()
    assert torch.equal(shell.user_ns["log1mexp"](torch.zeros(1)), torch.tensor([-torch.inf]))
    assert "The version before is kept" in report.text


def test_a_wrong_answer_is_bound_too_and_told(shell):
    report = run(shell, " log1mexp ", WRONG)
    assert "log1mexp: FAILED" in report.text
    assert "log1mexp" in shell.user_ns


def test_the_fresh_function_is_bound(shell):
    run(shell, "log1mexp", RIGHT)
    run(shell, "log1mexp", "def log1mexp(x):\n    return 7\n")
    assert shell.user_ns["log1mexp"](0) == 7


def test_a_stub_changes_nothing(shell):
    run(shell, "log1mexp", RIGHT)
    before = shell.file.read_text()
    report = run(shell, "log1mexp", text("log1mexp").partition("\n")[2])
    assert report.text == "log1mexp: write it here and run the cell, or write it in exercises/log_sums.py."
    assert shell.file.read_text() == before


@pytest.mark.parametrize(
    ("line", "cell", "words"),
    [
        ("log1mex", WRONG, "did you mean"),
        ("", WRONG, "%%exercise NAME"),
        ("log1mexp", "def log1mexp(x:\n", "log1mexp was not changed: the cell line 1"),
        ("log1mexp", "def other(x):\n    return x\n", "the cell defines other, not log1mexp"),
        ("log1mexp", WRONG + "print(1)\n", "the cell line 3: log_sums.py takes imports"),
        ("log1mexp", "", "the cell defines nothing"),
    ],
)
def test_a_cell_that_cannot_be_used_gets_words(shell, line, cell, words):
    before = shell.file.read_text()
    assert words in run(shell, line, cell).text
    assert shell.file.read_text() == before


def test_what_cannot_be_imported_is_not_bound(shell):
    report = run(shell, "log1mexp", "def _no():\n    raise OSError\n\n\nX = _no()\n\n\n" + RIGHT)
    assert "cannot be imported" in report.text
    assert "log1mexp" not in shell.user_ns


def test_html_escapes_what_the_cell_holds(shell):
    report = run(shell, "log1mexp", "B = '<script>'\n\n\n" + WRONG)
    assert "<script>" not in (report.html or "")


# the notebooks' cells


def test_a_cell_is_the_stub():
    assert text("logsumexp").startswith("%%exercise logsumexp\ndef logsumexp(")
    assert text("SGDL1").startswith("%%exercise SGDL1\nclass SGDL1(")


def _book(*sources: str) -> dict:
    return {"cells": [{"cell_type": "code", "metadata": {}, "source": [s]} for s in sources]}


def test_cells_are_put_before_the_first_check():
    book = exercise_cells.refreshed(_book("1", 'check("ulp")', 'check("ulp")', "%%exercise ulp\nold"))
    sources = ["".join(c["source"]) for c in book["cells"]]
    assert sources == ["1", text("ulp"), 'check("ulp")', 'check("ulp")']
    assert exercise_cells.refreshed(book) == book
    assert exercise_cells.complaints("n", book) == []


def test_a_stale_cell_is_found():
    assert "check of ulp is not its stub" in exercise_cells.complaints("n", _book("1", 'check("ulp")'))[0]
