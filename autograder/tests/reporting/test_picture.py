"""The picture of a wrong row: well-formed, with every number in it, and none where it says nothing."""

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.answer import Row
from autograder.reporting.picture import row_svg

NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=32)


def marks(svg: str) -> list[str]:
    return [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()]


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0, 1e30) | st.just(math.inf)), min_size=2, max_size=24))
def test_any_row_gives_a_picture(triples):
    got, expected, ulps = zip(*triples, strict=True)
    svg = row_svg(Row(got, expected, ulps, 4.0, 0))
    assert marks(svg)[0] == "svg"
    assert "nan" not in svg.replace(">nan<", "")
    assert "inf" not in svg.replace(">inf<", "").replace(">-inf<", "")


def test_numbers_that_differ_visibly_are_drawn_as_dots():
    row = Row((1.0, 2.0), (1.0, 3.0), (0.0, 1e6), 4.0, 1)
    assert marks(row_svg(row)).count("circle") == 2 + 4  # the legend's, and two for each number


def test_numbers_that_differ_invisibly_are_drawn_as_errors():
    row = Row((1.0, 2.0, 3.0), (1.0, 2.00001, 3.0), (0.0, 42.0, 0.0), 4.0, 1)
    assert marks(row_svg(row)).count("circle") == 0
    assert ">42<" in row_svg(row)
    assert marks(row_svg(row)).count("rect") == 1 + 3


@pytest.mark.parametrize(("value", "word"), [(math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan")])
def test_special_numbers_are_written(value, word):
    assert f">{word}<" in row_svg(Row((value, 1.0), (0.0, 1.0), (math.inf, 0.0), 4.0, 0))
    assert f">{word}<" in row_svg(Row((0.0, 1.0), (value, 1.0), (math.inf, 0.0), 4.0, 0))


def test_one_number_needs_no_picture():
    assert row_svg(Row((1.0,), (2.0,), (1e6,), 4.0, 0)) == ""


def test_places_are_those_of_the_row():
    row = Row((1.0, 2.0), (1.0, 3.0), (0.0, 1e6), 4.0, 1, first=500)
    assert ">500<" in row_svg(row)
