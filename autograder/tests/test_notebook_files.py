"""Each complaint about a notebook is provoked in a small one that is otherwise right."""

import copy
import json

import pytest

from autograder import notebook_files, registry
from autograder.notebook_files import TAG, bootstrap, checked, readme_complaints, readme_row

START = "%load_ext autograder\n%reload_ext autograder"


def code(text: str, number: int, *tags: str, output: str = "") -> dict:
    outputs = [{"output_type": "stream", "name": "stdout", "text": [output]}] if output else []
    metadata = {"tags": list(tags)} if tags else {}
    lines = text.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": number, "metadata": metadata, "outputs": outputs, "source": lines}


def book(*cells: dict) -> dict:
    head = {"cell_type": "markdown", "metadata": {}, "source": ["# A chapter"]}
    return {"cells": [head, code(START, 1), *cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def checks(first: int = 2) -> list[dict]:
    names = [e.name for e in registry.exercises("log_sums")]
    return [code(f'check("{name}")', n, TAG, output="passed") for n, name in enumerate(names, first)]


@pytest.fixture
def complaints(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(registry, "stems", lambda: ("log_sums",))
    monkeypatch.setattr(notebook_files, "CLAIMS", ())

    def complaints(**books: dict) -> list[str]:
        for name, content in books.items():
            (tmp_path / f"{name.removeprefix('n')}.ipynb").write_text(json.dumps(content))
        return notebook_files.complaints()

    return complaints


def test_a_right_notebook_has_none(complaints):
    assert complaints(n02_log_sums=book(*checks())) == []


def test_an_empty_cell_at_the_end_is_none(complaints):
    assert complaints(n02_log_sums=book(*checks(), code("", None))) == []


def changed(number: int, **fields) -> dict:
    made = copy.deepcopy(book(*checks()))
    made["cells"][number] |= fields
    return made


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed(2, execution_count=None), 'code cell 2 (check("logsumexp")) has execution count None'),
        (changed(3, execution_count=7), "has execution count 7: execute and normalise"),
        (changed(2, outputs=[]), f"is tagged {TAG} and has no output to compare"),
        (changed(2, outputs=[{"output_type": "error", "ename": "A", "evalue": "", "traceback": []}]), "holds an error"),
        (changed(2, metadata={}), f"is not tagged {TAG}"),
        (changed(2, metadata={"tags": [TAG], "scrolled": True}), "cell metadata ['scrolled']"),
        (changed(0, metadata={"id": "x"}), "cell metadata ['id']"),
        (changed(2, source=["x = 1"]), "02_log_sums.ipynb never checks logsumexp"),
        (changed(1, source=["import torch"]), "the notebooks do not share one bootstrap cell"),
    ],
)
def test_a_wrong_cell_is_found(complaints, content, words):
    found = complaints(n02_log_sums=content)
    assert any(words in complaint for complaint in found), found
    assert all(complaint.startswith(("02_log_sums.ipynb", "the notebooks")) for complaint in found)


def test_a_wrong_name_is_found(complaints):
    found = complaints(n02_log_sums=book(*checks()), nlog_sums=book(*checks()))
    assert found == ["log_sums.ipynb is not named NN_STEM.ipynb"]


def test_two_notebooks_share_the_bootstrap_cell_and_no_number(complaints):
    assert complaints(n02_log_sums=book(*checks()), n03_other=book()) == []
    other = book()
    other["cells"][1]["source"] = [START + "\nimport os"]
    assert complaints(n03_other=other) == ["the notebooks do not share one bootstrap cell"]
    assert "two notebooks have the same number" in complaints(n02_other=book())


def test_a_chapter_needs_a_notebook(complaints):
    assert complaints() == ["the chapter log_sums has no notebook"]


def test_every_claim_is_judged_and_no_other(complaints, monkeypatch):
    monkeypatch.setattr(notebook_files, "CLAIMS", ("0.1", "0.2"))
    judging = [code('verdict("0.1", "true", True)', 2), code('predict("0.3", ..., f)', 3), *checks(4)]
    assert complaints(n02_log_sums=book(*judging)) == [
        "no notebook judges the claim 0.2",
        "a notebook judges 0.3, which no document claims",
    ]


def test_the_documents_make_46_claims():
    assert len(notebook_files.CLAIMS) == 46
    assert notebook_files.CLAIMS[0] == "0.1"
    assert notebook_files.CLAIMS[-1] == "4.6"


def test_the_parts():
    made = book(code('report = check("logsumexp")\ncheck("logaddexp")', 2), code("check(logmeanexp)", 3))
    assert bootstrap(made) == START
    assert checked(made) == {"logsumexp", "logaddexp"}
    assert bootstrap({"cells": []}) == ""


def test_the_readmes_table_has_a_row_for_each_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "NOTEBOOKS", tmp_path)
    judged = [code(f'verdict("{claim}", "true", True)', 2) for claim in ("3.10", "0.4", "3.2", "3.2")]
    path = tmp_path / "02_log_sums.ipynb"
    path.write_text(json.dumps(book(*judged)))
    row = readme_row(path, notebook_files.read(path))
    assert row.startswith("| [02 log_sums](notebooks/02_log_sums.ipynb) | `logsumexp`, ")
    assert row.endswith(" | 0.4, 3.2, 3.10 |")
    assert readme_complaints(f"# A course\n\n{row}\n") == []
    assert readme_complaints(f"# A course\n\n{row}, and more\n") == [f"README.md lacks the row {row}"]
