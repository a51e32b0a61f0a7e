"""What an instructor is told to look at first."""

import pytest

from autograder.reporting.class_pages.overview import BROKEN, IGNORED, PROBLEM, Watch
from autograder.tests.reporting.class_sample import PASSED, exercise, record

SYNTAX = "log_sums.py line 3: SyntaxError: '(' was never closed"


def warned(*records) -> dict[str, dict[str, str]]:
    watch = Watch()
    for one in records:
        watch.add(one, "link")
    return {w.words: {name: text for name, _, text in w.rows} for w in watch.warnings()}


def broken(problem: str, *names: str) -> list:
    return [exercise(name, status="error", problem=problem) for name in names]


def test_a_chapter_that_cannot_be_judged_is_named_once_with_its_line():
    found = warned(record("ada", broken(SYNTAX, "logsumexp", "logaddexp")), record("bo", [PASSED]))
    assert found == {BROKEN: {"ada": SYNTAX}} | {w: t for w, t in found.items() if w != BROKEN}


@pytest.mark.parametrize("problem", ["there is no file log_sums.py: `python3 course.py reset log_sums` makes it anew"])
def test_a_chapter_that_was_not_handed_in_is_no_error(problem):
    assert BROKEN not in warned(record("ada", broken(problem, "logsumexp")))


def test_a_submission_with_a_problem_is_told_by_that_alone():
    found = warned(record("ada", broken("two zips", "logsumexp"), problem="two zips"))
    assert found == {PROBLEM: {"ada": "two zips"}}


def test_ignored_files_beyond_the_first_are_counted():
    many = record("ada", [PASSED]) | {"ignored": [f"{n}.txt" for n in range(23)]}
    assert warned(many)[IGNORED]["ada"].endswith("19.txt and 3 more")
