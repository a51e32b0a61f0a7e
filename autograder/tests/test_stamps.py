"""The badge, the bootstrap cell and the metadata of the notebooks come from one template."""

import copy
import json

import pytest

from autograder import HOMES, registry, stamps
from autograder.stamps import address, badge, bootstrap, complaints, metadata, stamped

REPOSITORY = "https://github.com/someone/some-course"
OTHER = "https://github.com/else/where"


def cell(kind: str, text: str, **more) -> dict:
    return {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)} | more


def book() -> dict:
    output = {"output_type": "stream", "name": "stdout", "text": ["4\n"]}
    cells = [
        cell("markdown", "# 1. Floats\n\nA computer holds floats."),
        cell("code", "old\n%reload_ext autograder\nfrom autograder import check", execution_count=1, outputs=[]),
        cell("code", "print(4)", execution_count=2, outputs=[output]),
    ]
    return {"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}


def text(made: dict, number: int) -> list[str]:
    return "".join(made["cells"][number]["source"]).split("\n")


def test_the_badge_is_the_second_line():
    made = stamped(book(), "01_floats.ipynb", REPOSITORY)
    assert text(made, 0) == ["# 1. Floats", badge("01_floats.ipynb", REPOSITORY), "", "A computer holds floats."]
    assert "/github/someone/some-course/blob/main/notebooks/01_floats.ipynb" in text(made, 0)[1]


def test_the_bootstrap_cell_is_replaced_and_the_rest_stays():
    before = book()
    made = stamped(copy.deepcopy(before), "01_floats.ipynb", REPOSITORY)
    assert "\n".join(text(made, 1)) == bootstrap(REPOSITORY)
    assert made["cells"][1]["execution_count"] == 1
    assert made["cells"][2] == before["cells"][2]
    assert made["metadata"] == before["metadata"]


def test_stamping_twice_changes_nothing_and_a_new_address_everywhere():
    once = stamped(book(), "01_floats.ipynb", REPOSITORY)
    assert stamped(once, "01_floats.ipynb", REPOSITORY) == once
    moved = stamped(once, "01_floats.ipynb", OTHER)
    assert moved == stamped(book(), "01_floats.ipynb", OTHER)
    assert "someone" not in json.dumps(moved)


def test_the_bootstrap_cell_offers_all_that_a_notebook_uses():
    names = set(HOMES) - {"load_ipython_extension"}
    scope: dict = {}
    exec(bootstrap(REPOSITORY).split(stamps.MARK)[1], scope)
    assert names <= set(scope)
    assert max(map(len, bootstrap(REPOSITORY).splitlines())) <= 120


def test_a_gpu_is_asked_for_where_a_cell_needs_one():
    wanted, tagged = book(), {"tags": ["gpu"]}
    wanted["cells"][2]["metadata"] = tagged
    made = stamped(wanted, "01_floats.ipynb", REPOSITORY)
    assert made["metadata"] == book()["metadata"] | stamps.GPU
    made["cells"][2]["metadata"] = {}
    assert stamped(made, "01_floats.ipynb", REPOSITORY)["metadata"] == book()["metadata"]
    assert metadata(book()["cells"]) == {}


@pytest.mark.parametrize(("number", "words"), [(0, "does not begin with a title"), (1, "has no cell with %reload_ext")])
def test_what_cannot_be_stamped(number, words):
    broken = book()
    broken["cells"][number]["source"] = ["nothing of it"]
    with pytest.raises(ValueError, match=f"01_floats.ipynb {words}"):
        stamped(broken, "01_floats.ipynb", REPOSITORY)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "NOTEBOOKS", tmp_path)
    return tmp_path / "01_floats.ipynb"


def test_a_stale_notebook_is_found_and_mended(folder, capsys):
    folder.write_text(json.dumps(book(), indent=1))
    assert complaints() == ["01_floats.ipynb: badge or bootstrap cell is stale: python -m autograder notebooks --stamp"]
    assert stamps.main() == 0
    assert capsys.readouterr().out == "stamped 01_floats.ipynb\n"
    assert complaints() == []
    written = folder.read_bytes()
    assert stamps.main() == 0
    assert (folder.read_bytes(), capsys.readouterr().out) == (written, "")


def test_a_notebook_that_cannot_be_stamped_is_found(folder):
    folder.write_text(json.dumps(book() | {"cells": []}))
    assert complaints() == ["01_floats.ipynb does not begin with a title, as in # 1. Floats"]


def test_the_courses_notebooks_carry_the_address_of_pyproject():
    assert address().startswith("https://github.com/")
    assert complaints() == []
