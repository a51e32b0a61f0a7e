"""The HTML form: everything that a learner wrote is escaped, nothing is fetched, every tag is closed."""

import math
from dataclasses import replace

import pytest

from autograder.answer import Row
from autograder.reporting.html import exercise_html
from autograder.tests.reporting.markup import Page
from autograder.tests.reporting.sample import ALL, ERROR, FAILED, HOSTILE, PASSED, REFUSED, UNWRITTEN, hostile

CHAPTER = (("logsumexp", "passed"), ("logaddexp", "changed"), ("log1mexp", "not_written"))
ROW = Row((1.0, math.inf, 3.0), (1.0, 2.0, 3.0), (0.0, math.inf, 0.0), 4.0, 1)


@pytest.mark.parametrize("verdict", ALL.exercises, ids=lambda v: v.name)
def test_tags_are_balanced_and_nothing_is_fetched(verdict):
    page = Page(exercise_html(verdict, ["think", "think again"], CHAPTER))
    assert set(page.tags) <= {"div", "pre", "progress", "details", "summary", "table", "tr", "td", "b", "br", "span"}
    assert {name for name, _ in page.attributes} <= {"style", "value", "max", "open", "class", "title"}
    assert not any("url" in (value or "") for _, value in page.attributes)
    assert "hint 1 of 3think" in page.text
    assert "hint 2 of 3think again" in page.text


def test_whatever_a_learner_wrote_is_text():
    page = Page(exercise_html(hostile(), [HOSTILE], [(HOSTILE, HOSTILE)]))
    assert not {"script", "img"} & set(page.tags)
    assert page.text.count(HOSTILE) >= 7  # headline, summary, message, diagnosis, two cells, hint


def test_a_problem_is_text_too():
    broken = ERROR.__class__(HOSTILE, HOSTILE, True, (), None, HOSTILE)
    page = Page(exercise_html(broken))
    assert set(page.tags) == {"div", "pre"}
    assert HOSTILE in page.text


def test_measured_figures_are_here():
    assert "0.51 ulp" in Page(exercise_html(PASSED)).text


def test_passed_and_failed_say_so():
    assert "logsumexp: passed, 3 of 3 public cases, 4 of 4 points" in exercise_html(PASSED)
    failed = Page(exercise_html(FAILED)).text
    for part in ("shape: broadcast", "expected  c", "You do not shift.", "a private case"):
        assert part in failed
    assert "log1mexp still raises NotImplementedError" in exercise_html(UNWRITTEN)
    assert "was never closed" in exercise_html(ERROR)


def test_the_first_failure_is_open_and_the_diagnosis_stands_before_it():
    text = exercise_html(FAILED)
    assert [name for name, _ in Page(text).attributes].count("open") == 1
    assert text.index("Diagnosis") < text.index("<details open")


def test_a_failure_may_have_a_picture():
    bad = next(c for c in FAILED.cases if c.status == "failed")
    drawn = replace(FAILED, cases=(replace(bad, row=ROW),))
    assert "<svg" in exercise_html(drawn)
    assert "<svg" not in exercise_html(FAILED)


def test_the_chapter_is_shown_by_boxes():
    text = exercise_html(PASSED, (), CHAPTER)
    assert "1 of 3 exercises of this chapter passed" in text
    assert text.count('title="') == 3
    assert text.count("outline:") == 1


def test_a_refusal_is_said_once():
    assert Page(exercise_html(REFUSED)).text.count("log_sums.py line 3") == 1
