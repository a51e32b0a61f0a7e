"""Plain ANSI: nothing but text where there is no terminal, and nothing wider than the terminal that there is."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.reporting import terminal
from autograder.reporting.terminal import Look, Screen, bar, beside, cells, clean, columns, fit, look, wrap

LINES = st.text(st.sampled_from("ab .#(_ σ界é\u0301"), max_size=60)


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def wide(monkeypatch):
    def wide(count: int) -> None:
        monkeypatch.setattr(terminal, "columns", lambda stream: count)

    wide(80)
    return wide


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        (io.StringIO(), {}, Look()),
        (Tty(), {"TERM": "xterm"}, Look(colours=True, lively=True)),
        (Tty(), {"TERM": "xterm", "NO_COLOR": "1"}, Look(colours=False, lively=True)),
        (Tty(), {"TERM": "xterm", "NO_COLOR": ""}, Look(colours=True, lively=True)),
        (Tty(), {"TERM": "dumb"}, Look()),
    ],
)
def test_what_a_stream_can_show(stream, environment, expected):
    assert look(stream, environment) == expected


def test_a_closed_stream_shows_nothing():
    stream = Tty()
    stream.close()
    assert columns(stream) == 80
    stream = io.StringIO()
    stream.close()
    assert look(stream, {}) == Look()


def test_paint():
    assert Look(colours=True).paint("a", "bold", "red") == "\x1b[1;31ma\x1b[0m"
    assert Look(colours=True).paint("a") == "a"
    assert Look().paint("a", "red") == "a"


@given(st.text())
def test_clean_text_steers_nothing(text):
    assert all(c == "\n" or c.isprintable() for c in clean(text))
    assert clean(text).count("\n") == text.count("\n")


def test_clean_keeps_what_is_shown():
    assert clean("\tσ = 1\n") == "    σ = 1\n"
    assert clean("a\x1b[2Jb\rc\u202e") == "a [2Jb c "


def test_cells():
    assert [cells(t) for t in ("", "ab", "界", "e\u0301", "\x1b[31mab\x1b[0m")] == [0, 2, 2, 1, 2]


@given(LINES, st.integers(0, 70))
def test_what_fits_fits(text, width):
    part = fit(text, width)
    assert text.startswith(part)
    assert cells(part) <= width
    assert part == text or cells(text) > width


@given(LINES, st.integers(4, 70))
def test_a_wrapped_line_is_whole_and_narrow(line, width):
    pieces = wrap(line, width)
    assert all(cells(piece) <= width for piece in pieces)
    assert "".join(pieces).replace(" ", "") == line.replace(" ", "")


def test_a_line_is_broken_at_blanks_and_indented():
    assert wrap("    return alpha + beta + gamma", 20) == ["    return alpha +", "      beta + gamma"]
    assert wrap("", 10) == [""]


@given(st.lists(LINES, max_size=5), st.lists(LINES, max_size=5), st.integers(20, 160))
def test_two_columns_stay_apart(left, right, width):
    rows = beside("\n".join(left), "\n".join(right), width).split("\n")
    assert all(cells(row) <= width for row in rows)
    sides = [row.split(" |", 1) for row in rows]
    assert {cells(mine) for mine, _ in sides} == {(width - 3) // 2}
    for side, lines in ((0, left), (1, right)):
        assert "".join(s[side] for s in sides).replace(" ", "") == "".join(lines).replace(" ", "")


@given(st.integers(1, 60), st.integers(3, 90), st.data())
def test_a_bar_is_full_when_all_is_done_and_only_then(total, width, data):
    done = data.draw(st.integers(0, total))
    drawn = bar(done, total, width)
    assert len(drawn) == width
    assert ("-" not in drawn) == (done == total)
    assert ("#" not in drawn) == (done == 0) or width == 3


def test_a_status_line_stays_below_what_is_said(wide):
    screen = Screen(Tty(), {"NO_COLOR": "1"})
    screen.show("status")
    screen.say("one")
    assert screen.stream.getvalue() == "status\r\x1b[Jone\nstatus"
    screen.show("status")
    assert screen.stream.getvalue().endswith("one\nstatus")  # the same is not written twice
    screen.wipe()
    assert screen.stream.getvalue().endswith("status\r\x1b[J")


def test_a_status_line_never_fills_the_last_column(wide):
    wide(20)
    screen = Screen(Tty(), {"NO_COLOR": "1"})
    screen.show("x" * 50)
    assert screen.stream.getvalue() == "x" * 19


@pytest.mark.parametrize(("now", "rows"), [(100, 0), (40, 1), (39, 1), (20, 3)])
def test_after_a_resize_the_whole_status_line_goes(wide, now, rows):
    wide(100)
    screen = Screen(Tty(), {"NO_COLOR": "1"})
    screen.show("x" * 79)
    wide(now)
    screen.wipe()
    up = re.search(r"\x1b\[(\d+)A", screen.stream.getvalue())
    assert int(up[1] if up else 0) == (rows if now != 39 else 2)


def test_without_a_terminal_there_are_lines_only(wide):
    wide(10)
    screen = Screen(io.StringIO(), {})
    screen.show("status")
    screen.say("a line that is longer than the terminal")
    screen.wipe()
    assert screen.stream.getvalue() == "a line that is longer than the terminal\n"


def test_in_a_terminal_lines_are_broken_between_words(wide):
    wide(12)
    screen = Screen(Tty(), {})
    screen.say("one two three four")
    assert screen.stream.getvalue() == "one two\n  three four\n"
