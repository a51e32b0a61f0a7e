"""What is made of a notebook's run, nothing of it run here: what counts, what is shown, what makes a grade stale."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import registry
from autograder.classroom import notebooks
from autograder.classroom.records import Circumstances
from autograder.classroom.selection import Submission
from autograder.classroom.work import Examination, Grader, Papers
from autograder.reporting.class_pages.learner import notebook_row
from autograder.reporting.class_pages.render import environment
from autograder.reporting.classroom import learner_page
from autograder.running.confinement import LAYERS
from autograder.running.enclosure import Ended
from autograder.running.launch import WallError
from autograder.sources import SourceError, read_package, stub

BOOK = "01_floats.ipynb"
WHOLE = ("session", "rlimits", "namespaces", "landlock", "setuid", "seccomp")
ANN = Submission("ann", "ann", {"floats": ""}, {"floats.py": "0"})


def ended(report: str, how: str = "exited") -> Ended:
    return Ended(how, 0, WHOLE, report.encode())


def outcomes(*words: str) -> str:
    return "".join(f"{number} {word}\n" for number, word in enumerate(words))


@pytest.mark.parametrize(
    "report, how, status, failed",
    [
        (outcomes("passed", "skipped", "passed"), "exited", "passed", []),
        (outcomes("passed", "failed", "failed"), "exited", "failed", [2, 3]),
        (outcomes("passed"), "limit", "timeout", [2]),
        (outcomes("failed", "passed"), "limit", "timeout", [1, 3]),
        (outcomes("passed", "passed"), "exited", "crashed", [3]),
        (outcomes("passed"), "memory", "crashed", [2]),
        ("", "exited", "crashed", [1]),
    ],
)
def test_a_run_comes_to_its_status_and_cells_count_from_one(report, how, status, failed):
    assert notebooks.result(BOOK, 3, ended(report, how), 1.23) == {
        "notebook": BOOK, "status": status, "failed_cells": failed, "total": 3, "seconds": 1.2, "wall": "full"
    }  # fmt: skip


def test_a_later_line_takes_no_failure_back():
    assert notebooks.reported(b"0 failed\n0 passed\n", 1) == {0: "failed"}


@given(st.binary(max_size=200) | st.text("0123456789 \npasedfilk-", max_size=200).map(str.encode), st.integers(0, 9))
def test_whatever_is_reported_a_result_keeps_its_form(report, total):
    made = notebooks.result(BOOK, total, Ended("exited", 0, WHOLE, report), 1.0)
    assert made["status"] in notebooks.STATUSES
    assert all(type(n) is int and 1 <= n <= total for n in made["failed_cells"])


def around(books: dict[str, str] | None) -> Circumstances:
    return Circumstances(1, ("exp_range",), LAYERS, notebooks=books)


FAILED = {"status": "failed", "name": "exp_range", "stem": "floats", "score": 0.0, "max_score": 7.0}
FAILED |= {"honours": {}, "problem": "", "diagnosis": None, "cases": []}
RUNS = [notebooks.result(BOOK, 2, ended(outcomes("passed", word)), 1.0) for word in ("passed", "failed")]


@pytest.mark.parametrize("run", [*RUNS, {"notebook": BOOK, "status": "passed", "score": 99, "max_score": 99}])
def test_no_notebook_earns_a_point(run):
    record = around({BOOK: "0"}).record(ANN, [FAILED], 1.0, notebooks=[run])
    plain = around(None).record(ANN, [FAILED], 1.0)
    assert record["notebooks"] == [run] and "notebooks" not in plain
    assert {k: v for k, v in record.items() if k not in ("notebooks", "key")} == {
        k: v for k, v in plain.items() if k != "key"
    }


def test_the_option_and_what_the_notebooks_hold_make_a_grade_stale():
    keys = [around(books).key(ANN) for books in (None, {}, {BOOK: "0"}, {BOOK: "1"}, {BOOK: "1"})]
    assert len(set(keys)) == 4 and keys[3] == keys[4]


def test_the_marks_are_of_the_chapters_asked():
    assert list(notebooks.marks(["exp_range", "ulp"])) == [BOOK]
    assert notebooks.marks(["exp_range"])[BOOK] != notebooks.marks(["gather_last"])["06_tokens.ipynb"]


@pytest.mark.parametrize("form", ["stub", "empty", "broken", "answer"])
def test_a_notebook_is_run_where_something_of_its_chapter_is_written(solutions, form):
    texts = {"stub": stub(solutions["floats"]), "empty": "", "broken": "def ulp(:", "answer": solutions["floats"]}
    assert notebooks.begun({"floats": texts[form]}, ["floats", "tokens"]) == (["floats"] if form == "answer" else [])


def test_a_submission_of_stubs_runs_none(wall, solutions, monkeypatch):
    monkeypatch.setattr(notebooks, "enclose", None)
    papers = Papers(Examination(1, ("exp_range",), clock=False, notebooks=True))
    assert Grader(papers, wall).grade({"floats": stub(solutions["floats"])})["notebooks"] == []


def test_without_the_option_none_is_run(wall, solutions, monkeypatch):
    monkeypatch.setattr(notebooks, "enclose", None)
    papers = Papers(Examination(1, ("exp_range",), clock=False))
    assert "notebooks" not in Grader(papers, wall).grade({"floats": solutions["floats"]})


def test_the_package_is_the_stubs_with_the_learners_files():
    package = notebooks.package({"floats": "mine", "helpers": "mine too"})
    assert package["floats"] == "mine" and package["helpers"] == "mine too"
    assert package["tokens"] == stub(read_package(registry.ROOT / "solutions")["tokens"])


def test_no_answer_travels_into_the_enclosure():
    made = notebooks.task(registry.NOTEBOOKS / BOOK, {"floats": "mine"}, 1.0)
    assert not [place for place in (*made.texts, *made.copies) if "solutions" in place]
    assert made.texts["course/exercises/floats.py"] == "mine"
    assert all("raise NotImplementedError" in t for p, t in made.texts.items() if p == "course/exercises/tokens.py")


def test_less_than_the_full_enclosure_is_refused_where_it_is_demanded(monkeypatch):
    partly = dataclasses.replace(ended(""), layers=("session", "rlimits"))
    monkeypatch.setattr(notebooks, "enclose", lambda enclosed: partly)
    with pytest.raises(WallError, match=r"only in part here \(session, rlimits\)"):
        notebooks.run(registry.NOTEBOOKS / BOOK, {}, strict=True)
    assert notebooks.run(registry.NOTEBOOKS / BOOK, {})["wall"] == "split"
    monkeypatch.setattr(notebooks, "layers_here", lambda: partly.layers)
    with pytest.raises(SourceError, match="leave --notebooks or --require-sandbox out"):
        notebooks.demand(strict=True)
    notebooks.demand(strict=False)


def test_a_machine_that_runs_none_is_told_before_a_class_is_graded(monkeypatch):
    def refuse():
        raise WallError("nothing can be enclosed here")

    monkeypatch.setattr(notebooks, "layers_here", refuse)
    with pytest.raises(SourceError, match="nothing can be enclosed here; leave --notebooks out"):
        notebooks.demand(strict=False)


def test_a_learners_page_shows_the_notebooks_and_escapes():
    record = around({BOOK: "0"}).record(ANN, [FAILED], 1.0, notebooks=RUNS)
    page = learner_page(environment(), record)
    assert "all 2 cells" in page and "1 of 2 cells: 2" in page and "They earn no points" in page
    forged = RUNS[0] | {"notebook": "<script>", "status": "<b>"}
    page = learner_page(environment(), around({}).record(ANN, [FAILED], 1.0, notebooks=[forged]))
    assert "<script>" not in page and "<b>" not in page.split("Notebooks", 1)[1].split("</table>")[0]


def test_a_page_without_notebooks_says_nothing_of_them():
    assert "Notebooks" not in learner_page(environment(), around(None).record(ANN, [FAILED], 1.0))


@pytest.mark.parametrize("status", notebooks.STATUSES)
def test_each_status_has_its_words(status):
    assert notebook_row({"notebook": BOOK, "status": status, "failed_cells": [3], "total": 9}).words
