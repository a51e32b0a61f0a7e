"""Characters that steer a screen are spelled; all others stay."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.reporting.visible import line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\x00b\x7f", "a\\x00b\\x7f"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("שלום, 王小明, é, 😀", "שלום, 王小明, é, 😀"),
    ],
)
def test_what_steers_is_spelled(text, shown):
    assert visible(text) == shown


@given(st.text(st.characters(codec=None)))
def test_nothing_that_steers_is_left_and_all_of_it_can_be_written(text):
    shown = visible(text)
    assert not {unicodedata.category(c) for c in shown if c not in "\t\n"} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(c) for c in shown} & {"RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "FSI", "PDI"}
    shown.encode("utf-8")


@given(st.text(st.characters(codec=None)))
def test_a_line_is_one_line(text):
    assert len(line(text).splitlines()) <= 1
