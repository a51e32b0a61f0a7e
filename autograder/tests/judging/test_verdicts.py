"""The arithmetic of scores: what counts, what does not, and what the sum is out of."""

from typing import get_args

import pytest

from autograder.judging.verdicts import ORDER, CaseVerdict, ExerciseVerdict, PackageVerdict
from autograder.spec import Family


def row(status, points=1.0, family="value", **extra) -> CaseVerdict:
    return CaseVerdict("a case", family, extra.pop("visibility", "public"), status, points, **extra)


def verdict(*cases, written=True, problem="") -> ExerciseVerdict:
    return ExerciseVerdict("logsumexp", "log_sums", written, cases, None, problem)


@pytest.mark.parametrize(
    ("status", "points"),
    [("passed", 2), ("inconclusive", 2), ("failed", 0), ("skipped", 0), ("timeout", 0), ("crashed", 0)],
)
def test_points_of_a_case(status, points):
    assert row(status, 2.0).points == points


def test_score_is_the_sum_over_what_counts():
    found = verdict(row("passed", 2), row("failed", 1.5), row("inconclusive", 0.5), row("timeout", 3))
    assert (found.score, found.max_score) == (2.5, 7)


def test_skipped_cases_do_not_count():
    found = verdict(row("passed"), row("skipped", 5))
    assert (found.score, found.max_score, found.status) == (1, 1, "passed")


def test_honours_do_not_count():
    found = verdict(row("passed"), row("failed", 5, honours=True), row("passed", 5, honours=True))
    assert (found.score, found.max_score, found.status) == (1, 1, "passed")


def test_an_error_counts_all_cases_as_lost():
    found = verdict(row("skipped", 2), row("skipped", 3, visibility="private"), problem="a syntax error")
    assert (found.score, found.max_score, found.status) == (0, 5, "error")


def test_what_is_not_written_counts_all_cases_as_lost():
    found = verdict(row("skipped", 2), row("skipped", 3), written=False, problem="not written yet")
    assert (found.score, found.max_score, found.status) == (0, 5, "not_written")


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["passed", "inconclusive", "skipped"], "passed"),
        (["passed", "failed"], "failed"),
        (["passed", "timeout"], "failed"),
        (["passed", "crashed"], "failed"),
    ],
)
def test_status(statuses, status):
    assert verdict(*map(row, statuses)).status == status


def test_honours_are_told_by_name():
    cases = [CaseVerdict(s, "value", "public", s, 0, honours=True) for s in ("passed", "failed", "skipped")]
    assert verdict(row("passed"), *cases).honours == {"passed": True, "failed": False}


def test_count():
    cases = [row(s) for s in ("passed", "failed", "passed", "timeout")]
    assert verdict().count(cases, "passed", "timeout") == 3


def test_a_package_is_the_sum_of_its_exercises():
    good, bad = verdict(row("passed", 2)), verdict(row("failed", 3))
    both = PackageVerdict("folder", (good, bad))
    assert (both.score, both.max_score, both.passed) == (2, 5, False)
    assert PackageVerdict("folder", (good, good)).passed


def test_the_order_knows_every_family():
    assert set(ORDER) == set(get_args(Family))


def test_what_the_machine_lacks_counts_for_nobody():
    skipped = CaseVerdict("a", "value", "public", "skipped", 2.0, "triton is not installed")
    found = ExerciseVerdict("f", "log_sums", True, (skipped,))
    assert (found.status, found.score, found.max_score) == ("skipped", 0, 0)
    assert PackageVerdict("p", (found,)).passed
