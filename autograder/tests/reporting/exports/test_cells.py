"""A CSV file as cells: joined again it is the same bytes, and each cell is what Python's own reader reads."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.reporting.exports.cells import join, split

CELL = st.text(st.sampled_from('ab, ;"\n=é'), max_size=6)
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=4)


@given(ROWS, st.sampled_from([",", ";"]), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_cells_are_what_the_csv_reader_reads_and_bytes_stay(rows, comma, end, quoted, closed):
    rows = [["head", "line", "of", "five", "cells"], *rows]
    file = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(file, delimiter=comma, lineterminator=end, quoting=quoting).writerows(rows)
    text = file.getvalue() if closed else file.getvalue().removesuffix(end)
    lines = split(text.encode())
    assert join(lines) == text.encode()
    assert [[cell.text for cell in line] for line in lines] == rows


@given(st.binary(max_size=40))
def test_any_bytes_stay_or_are_refused(data):
    try:
        lines = split(data)
    except ValueError:
        return
    assert join(lines) == data


@pytest.mark.parametrize("data", [b'a,b\n"c,d\ne,f\n', b'a,b\n"c"d,e\n'])
def test_quotes_that_do_not_match_are_refused_with_their_line(data):
    with pytest.raises(ValueError, match="in line 2 the quotes of a cell do not match"):
        split(data)


@pytest.mark.parametrize("data", [b"", b"\n", b"a", b"a,", b",", b"a,b\n\n", b'""'])
def test_edges(data):
    assert join(split(data)) == data
