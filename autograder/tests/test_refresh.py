"""Notebooks are normalised: executed again, an unchanged notebook is byte for byte the same."""

import copy

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder import refresh
from autograder.notebook_files import TAG
from autograder.refresh import normalise, stand_in


def book():
    report = new_output("execute_result", {"text/plain": "passed", "text/html": "<b>0.51 ulp</b>"}, execution_count=9)
    figure = new_output("display_data", {"image/png": "aaaa", "text/plain": "<Figure>"})
    cells = [
        new_markdown_cell("# A chapter", metadata={"id": "x"}),
        new_code_cell("check('f')", execution_count=9, metadata={"tags": [TAG], "scrolled": True}, outputs=[report]),
        new_code_cell("print(1); print(2)", execution_count=None, outputs=[stream("1\n"), stream("2\n"), figure]),
    ]
    made = new_notebook(cells=cells, metadata={"signature": "abc"})
    made.cells[2].outputs[-1]["transient"] = {"x": 1}  # as a kernel sends it
    return made


def stream(text: str, name: str = "stdout"):
    return new_output("stream", name=name, text=text)


def test_cells_are_counted_and_keep_their_tags_only():
    made = normalise(book())
    assert [c.get("execution_count") for c in made.cells] == [None, 1, 2]
    assert [dict(c.metadata) for c in made.cells] == [{}, {"tags": [TAG]}, {}]
    assert made.cells[1].outputs[0].execution_count == 1
    assert made.metadata == refresh.METADATA


def test_a_reports_html_is_left_out():
    made = normalise(book())
    assert dict(made.cells[1].outputs[0].data) == {"text/plain": "passed"}


def test_a_figure_stays():
    made = normalise(book())
    assert made.cells[2].outputs[-1].data["image/png"] == "aaaa"
    assert "transient" not in made.cells[2].outputs[-1]


def test_pieces_of_a_stream_are_joined_and_two_streams_are_not():
    cell = new_code_cell("x", outputs=[stream("1"), stream("2"), stream("!", "stderr"), stream("3")])
    made = normalise(new_notebook(cells=[cell]))
    assert [(o.name, o.text) for o in made.cells[0].outputs] == [("stdout", "12"), ("stderr", "!"), ("stdout", "3")]


def test_normalising_twice_changes_nothing():
    once = normalise(book())
    assert nbformat.writes(normalise(copy.deepcopy(once))) == nbformat.writes(once)


def test_the_model_answers_stand_in_for_the_exercises(tmp_path):
    solutions, folder = tmp_path / "solutions", tmp_path / "out"
    (solutions / "__pycache__").mkdir(parents=True)
    (solutions / "log_sums.py").write_text("x = 1\n")
    folder.mkdir()
    assert stand_in(solutions, folder) == folder
    assert [p.name for p in (folder / "exercises").iterdir()] == ["log_sums.py"]
