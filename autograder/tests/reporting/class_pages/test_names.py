"""Names of pages are safe for any id, and differ for different ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.reporting.class_pages.names import PATTERN, page_name

IDS = st.text(st.characters(codec=None))


@given(IDS)
def test_a_name_is_safe_on_every_file_system(student):
    name = page_name(student)
    assert PATTERN.fullmatch(name)
    assert len(name) <= 64


@pytest.mark.parametrize("student", ["../../etc/passwd", "a/b", "C:\\x", "con", "", ".", "\x00", "x" * 5000, "\ud800"])
def test_ids_that_are_no_names_have_one(student):
    assert PATTERN.fullmatch(page_name(student))


@given(IDS, IDS)
def test_different_ids_have_different_names(one, other):
    assert (page_name(one) == page_name(other)) == (one == other)


def test_ids_that_look_alike_have_different_names_even_without_case():
    names = {page_name(student).lower() for student in ("Ada", "ada", "ADA", "ada ", "áda", "a-da", "a_da")}
    assert len(names) == 7


def test_records_of_one_id_have_pages_of_their_own():
    assert len({page_name("ada", nth) for nth in range(3)}) == 3
