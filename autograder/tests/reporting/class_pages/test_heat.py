"""The heat map says the same in marks as in shades."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.reporting.class_pages.heat import bands, entry, ranked, rows
from autograder.tests.reporting.class_sample import case, exercise, record

NAMES = ("logsumexp", "logaddexp")


def part(done, of, status="failed"):
    cases = [case(str(i)) for i in range(done)] + [case(str(i), "failed") for i in range(done, of)]
    return exercise(status=status, cases=cases)


def cell(*exercises):
    return next(rows([entry(record(exercises=exercises), "")], NAMES)).cells[0]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (part(4, 4, "passed"), ("✓", "full")),
        (part(0, 4), ("0", "h0")),
        (part(199, 200), ("99", "h4")),
        (part(1, 2), ("50", "h2")),
        (exercise(status="not_written"), ("·", "blank")),
        (exercise(status="error"), ("!", "error")),
    ],
)
def test_a_cell(found, expected):
    assert cell(found) == expected


def test_an_exercise_without_a_verdict_is_empty():
    assert cell() == ("", "none")


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(1, 60))
def test_bands_part_the_class_without_losing_anyone(scores, count):
    entries = ranked([entry(record(str(i), [part(s, 20)]), "") for i, s in enumerate(scores)])
    count = min(count, len(entries))
    found = list(bands(entries, NAMES, count))
    assert len(found) == count
    assert found[0].label.startswith("1 to ")
    assert found[-1].label.endswith(f" to {len(entries)}")
    assert [b.percent for b in found] == sorted((b.percent for b in found), reverse=True)


def test_the_most_points_stand_first_and_equal_ones_by_id():
    entries = [entry(record(name, [part(done, 4)]), "") for name, done in (("bo", 1), ("ada", 1), ("cy", 3))]
    assert [e.student for e in ranked(entries)] == ["cy", "ada", "bo"]
