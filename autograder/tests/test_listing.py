"""The list: narrow enough, plain where it is piped, and its sums are right."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import registry
from autograder.listing import duration, table, total
from autograder.reporting.terminal import Look, cells
from autograder.standing import WORDS, Standing, standings


def course(**statuses: str) -> list[Standing]:
    return [
        dataclasses.replace(s, status=statuses.get(s.name, "not_written")) for s in standings({}, registry.everything())
    ]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "0 min"),
        (5, "5 min"),
        (59, "59 min"),
        (60, "1 h"),
        (80, "1.5 h"),
        (340, "5.5 h"),
        (360, "6 h"),
        (790, "13 h"),
    ],
)
def test_durations(minutes, words):
    assert duration(minutes) == words


def test_the_sum():
    rows = [Standing(str(n), "log_sums", 30, 1, "passed" if n < 12 else "failed") for n in range(24)]
    assert total(rows) == "12 of 24 passed, about 6 h left"
    assert total(rows[:12]) == "12 of 12 passed"
    assert total([]) == "0 of 0 passed"


def test_a_changed_answer_is_not_passed():
    assert total([Standing("f", "log_sums", 30, 1, "changed")]) == "0 of 1 passed, about 30 min left"


@given(
    st.dictionaries(st.sampled_from(list(registry.everything())), st.sampled_from(list(WORDS))), st.integers(60, 200)
)
def test_no_line_is_wider_than_the_terminal_and_every_exercise_has_one(statuses, width):
    text = table(course(**statuses), width, Look(colours=True))
    assert all(cells(line) <= width for line in text.split("\n"))
    plain = table(course(**statuses), width, Look())
    rows = {line.split()[0]: line for line in plain.split("\n") if line.startswith("  ")}
    assert list(rows) == list(registry.everything())
    assert all(WORDS[status] in rows[name] for name, status in statuses.items())


def test_eighty_columns_show_everything():
    rows = [line for line in table(course(), 80, Look()).split("\n") if line.startswith("  ")]
    assert all(line.endswith(" of 5") and " min  difficulty " in line for line in rows)


def test_without_colours_there_is_no_code_and_only_ascii():
    assert table(course(ulp="passed"), 80, Look()).isascii()
    assert "\x1b" not in table(course(ulp="passed"), 80, Look())
    assert "\x1b[32m" in table(course(ulp="passed"), 80, Look(colours=True))


def test_chapters_are_summed_up():
    text = table(course(ulp="passed", exp_range="passed"), 80, Look())
    assert "01_floats                      [#######---] 2 of 3 passed, about 20 min left" in text.split("\n")
    assert text.split("\n")[-1].startswith(f"2 of {len(registry.everything())} passed, about ")


def test_the_current_one_is_marked():
    rows = table(course(), 80, Look(), "ulp_error").split("\n")
    assert [row.split()[1] for row in rows if row.startswith(">")] == ["ulp_error"]
