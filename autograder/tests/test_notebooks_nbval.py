"""The notebooks under nbval: with the model answers every cell passes, with the stubs just the checks fail."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder import desk, registry
from autograder.nbval_rules import has_cuda, has_triton
from autograder.notebook_files import TAG
from autograder.refresh import stand_in
from autograder.reporting.text import exercise_text
from autograder.sources import stub

SOLUTIONS = registry.ROOT / "solutions"
NOTEBOOKS = sorted((registry.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
CELL_S = 180
PASSED = [new_output("stream", name="stdout", text="f: passed\n  value 1/1\n")]


@pytest.fixture
def answers(tmp_path) -> Path:
    """Return a folder whose package `exercises` holds the model answers."""
    return stand_in(SOLUTIONS, tmp_path)


@pytest.fixture
def stubs(tmp_path) -> Path:
    """Return a folder whose package `exercises` holds the stubs."""
    folder = stand_in(SOLUTIONS, tmp_path)
    for path in (folder / "exercises").glob("[a-z]*.py"):
        path.write_text(stub(path.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def run(book: Path, exercises: Path) -> tuple[dict[int, str], str]:
    """Return each code cell's outcome under nbval and what pytest printed; `exercises` comes first on the path."""
    report = exercises / "report.xml"
    command = [sys.executable, "-m", "pytest", str(book), "-p", "autograder.nbval_rules", "-p", "no:cacheprovider"]
    command += ["-rs", "--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_S}", f"--junitxml={report}"]
    changed = {"PYTHONPATH": str(exercises), "STABLE_LOGPROBS_STATE": str(exercises / "state")}
    changed |= {"IPYTHONDIR": str(exercises / "ipython"), "PY_COLORS": "0"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=registry.ROOT, env=os.environ | changed, check=False
    )
    outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        number = int(case.get("name", "").removeprefix("Cell "))
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        outcomes[number] = kinds[0] if kinds else "passed"
    return outcomes, done.stdout + done.stderr


def sources(book: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(book, as_version=4).cells if cell.cell_type == "code"]


def checks(book: Path) -> set[int]:
    """Return the numbers of the cells that check an exercise."""
    return {number for number, text in enumerate(sources(book)) if re.search(r"(?m)^check\(", text)}


def result(text: str) -> list:
    return [new_output("execute_result", {"text/plain": text})]


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a small notebook of sources, tags and stored outputs."""

    def written(*cells: tuple[str, list[str], list]) -> Path:
        made = [
            new_code_cell(text, metadata={"tags": tags}, outputs=outputs, execution_count=number)
            for number, (text, tags, outputs) in enumerate(cells, 1)
        ]
        path = tmp_path / "99_small.ipynb"
        nbformat.write(new_notebook(cells=made), path)
        return path

    return written


def test_tagged_outputs_are_compared_the_rest_is_run_and_a_gpu_is_not_demanded(written, answers):
    book = written(
        ("1 + 1", [TAG], result("2")),
        ("1 + 1", [TAG], result("3")),
        ("1 + 1", [], result("3")),
        ("1 / 0", [], []),
        ("raise SystemError" if not has_cuda() else "1", ["gpu"], []),
        ("2 + 2", [TAG], result("4")),
        ('print("f: passed\\n  value 1/1\\n  inconclusive: wide rows: the machine was too busy")', [TAG], PASSED),
        ("import triton", ["triton"], []),
    )
    outcomes, text = run(book, answers)
    gpu, triton = ("passed" if here else "skipped" for here in (has_cuda(), has_triton()))
    right = {0: "passed", 1: "failure", 2: "passed", 3: "failure", 4: gpu, 5: "passed", 6: "passed", 7: triton}
    assert outcomes == right
    assert ("there is no CUDA here" in text) != has_cuda()


@pytest.fixture
def small(written, solutions) -> Path:
    """Return a notebook whose second cell checks an exercise, with what a right answer gets."""
    verdict = desk.judge_package(solutions, ["logsumexp_numpy"], "solutions").exercises[0]
    return written(
        ("from autograder import check", [], []),
        ('check("logsumexp_numpy")', [TAG], result(exercise_text(verdict))),
        ("import exercises\nexercises.__path__ == []", [TAG], result("False")),
    )


def test_a_check_passes_with_the_answers_and_its_html_is_not_compared(small, answers):
    outcomes, text = run(small, answers)
    assert set(outcomes.values()) == {"passed"}, text[-3000:]


def test_a_check_fails_with_the_stubs_and_nothing_else_does(small, stubs):
    outcomes, _ = run(small, stubs)
    assert {number for number, outcome in outcomes.items() if outcome == "failure"} == checks(small) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("book", NOTEBOOKS, ids=lambda p: p.stem)
def test_with_the_answers_every_cell_passes(book, answers):
    outcomes, text = run(book, answers)
    assert len(outcomes) == len(sources(book))
    bad = {number for number, outcome in outcomes.items() if outcome not in ("passed", "skipped")}
    assert not bad, text[-6000:]


@pytest.mark.slow
@pytest.mark.parametrize("book", NOTEBOOKS, ids=lambda p: p.stem)
def test_with_the_stubs_the_checks_fail_and_nothing_else_does(book, stubs):
    outcomes, text = run(book, stubs)
    skipped = {number for number, outcome in outcomes.items() if outcome == "skipped"}
    bad = {number for number, outcome in outcomes.items() if outcome not in ("passed", "skipped")}
    assert bad == checks(book) - skipped, text[-6000:]
