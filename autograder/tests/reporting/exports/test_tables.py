"""The tables are CSV that Python's own reader and a spreadsheet read alike, and no cell is a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.reporting.exports.tables import FORMULA, long, wide
from autograder.tests.reporting.class_sample import FAILED, PASSED, UNWRITTEN, record


def read(text):
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_the_long_form_has_a_line_for_each_learner_and_exercise():
    assert read(long([record("ada", [PASSED, FAILED]), record("bo", [])])) == [
        ["student", "exercise", "score", "max_score"],
        ["ada", "logsumexp", "2", "2"],
        ["ada", "logaddexp", "2", "6"],
    ]


def test_the_wide_form_leaves_what_was_not_graded_empty():
    records = [record("ada", [PASSED, UNWRITTEN]), record("bo", [FAILED], problem="two zips")]
    assert read(wide(records)) == [
        ["student", "logsumexp", "log_softmax", "logaddexp", "score", "max_score", "problem"],
        ["ada", "2", "0", "", "2", "5", ""],
        ["bo", "", "", "2", "2", "6", "two zips"],
    ]


@pytest.mark.parametrize("student", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
@pytest.mark.parametrize("form", [long, wide])
def test_no_cell_is_a_formula(form, student):
    for row in read(form([record(student, [PASSED], problem=student)]))[1:]:
        assert not any(cell.startswith(tuple(set(FORMULA) - {"'"})) for cell in row)


@pytest.mark.parametrize("form", [long, wide])
def test_ids_that_differ_stay_apart(form):
    ids = ["=1+1", "'=1+1", "''=1+1", "O'Brien"]
    rows = read(form([record(student, [PASSED]) for student in ids]))[1:]
    assert len({row[0] for row in rows}) == len(ids)
    assert "O'Brien" in [row[0] for row in rows]


@given(st.text(st.characters(codec=None)))
def test_any_id_stays_on_its_line(student):
    for form in (long, wide):
        text = form([record(student, [PASSED]), record("bo", [PASSED])])
        rows = read(text.encode("utf-8").decode("utf-8"))
        assert len(rows) == 3
        assert {len(row) for row in rows} == {len(rows[0])}
        assert len(text.splitlines()) == 3


def test_fractions_have_no_dust():
    part = PASSED | {"score": 0.1 + 0.2, "max_score": 1.0}
    assert read(long([record("ada", [part])]))[1] == ["ada", "logsumexp", "0.3", "1"]
