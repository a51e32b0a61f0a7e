"""One column of Canvas's own export is filled, all else keeps its bytes; who cannot be filled in is named."""

import csv
import io

import pytest

from autograder.reporting.exports.canvas import fill
from autograder.reporting.records import RecordsError
from autograder.tests.reporting.class_sample import PASSED, record

COLUMN = "Log-probs, part 1 (4711)"
# As Canvas writes it: a line of posting policies, points possible, quoted names, computed columns, the test student.
ROSTER = (
    'Student,ID,SIS User ID,SIS Login ID,Section,Essay (12),"Log-probs, part 1 (4711)",Current Score\r\n'
    ",,,,,Manual Posting,,\r\n"
    "    Points Possible,,,,,5,10,(read only)\r\n"
    '"Lovelace, Ada",101,u1,ada@example.org,"Section ""A""\nMonday",4,,80.0\r\n'
    '"Öz, Bo",102,u2,bo,"A and B",,7,\r\n'
    '"Student, Test",999,,test,,,,\r\n'
)


def graded(student, score=3.0, most=4.0):
    return record(student, [PASSED | {"score": score, "max_score": most}])


def column(data, name=COLUMN):
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    return {row[0]: row[rows[0].index(name)] for row in rows[1:]}


def test_the_column_is_filled_scaled_to_the_points_possible():
    filled = fill(ROSTER.encode(), COLUMN, [graded("ada@example.org"), graded("u2", 1, 3)])
    assert column(filled.data)["Lovelace, Ada"] == "7.5"
    assert column(filled.data)["Öz, Bo"] == "3.33"
    assert (filled.count, filled.points, filled.unknown, filled.missing) == (2, 10, (), ())


def test_with_raw_points_go_in_as_they_are():
    assert column(fill(ROSTER.encode(), COLUMN, [graded("bo", 33, 44)], raw=True).data)["Öz, Bo"] == "33"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_other_byte_stays(mark, end):
    roster = mark + ROSTER.replace("\r\n", end).encode()
    filled = fill(roster, COLUMN, [graded("bo")])
    assert filled.data == roster.replace(b",7,", b",7.5,")


def test_nothing_to_fill_in_changes_nothing():
    filled = fill(ROSTER.encode(), COLUMN, [])
    assert filled.data == ROSTER.encode()
    assert filled.missing == ("Lovelace, Ada", "Öz, Bo")


def test_points_possible_posting_policy_and_test_student_are_no_learners():
    found = column(fill(ROSTER.encode(), COLUMN, [graded(s) for s in ("test", "999", "", "Points Possible")]).data)
    assert (found["    Points Possible"], found["Student, Test"], found[""]) == ("10", "", "")


@pytest.mark.parametrize("student", ["u1", "U1", "101", "Ada@Example.org", "Lovelace, Ada", "lovelaceada_101_5_x.zip"])
def test_a_learner_is_found_by_any_name_in_the_roster(student):
    assert column(fill(ROSTER.encode(), COLUMN, [graded(student)]).data)["Lovelace, Ada"] == "7.5"


def test_a_late_download_is_found_too():
    assert fill(ROSTER.encode(), COLUMN, [graded("ozbo_LATE_102_77_exercises")]).count == 1


def test_unknown_and_missing_learners_are_listed():
    filled = fill(ROSTER.encode(), COLUMN, [graded("bo"), graded("eve")])
    assert (filled.unknown, filled.missing) == (("eve",), ("Lovelace, Ada",))


def test_without_points_to_earn_no_grade_is_invented():
    filled = fill(ROSTER.encode(), COLUMN, [graded("ada@example.org", 0, 0)])
    assert (filled.ungraded, filled.count, filled.data) == (("ada@example.org",), 0, ROSTER.encode())


def test_semicolons_and_decimal_commas_of_other_countries():
    roster = "Student;ID;SIS Login ID;Section;HW (1)\n    Points Possible;;;;2,5\nBo;1;bo;A;\n"
    assert fill(roster.encode(), "HW (1)", [graded("bo", 2, 4)]).data == roster.encode()[:-1] + b"1.25\n"


def test_without_points_possible_points_go_in_as_they_are():
    roster = "Student,ID,HW (1)\nBo,1,\n"
    filled = fill(roster.encode(), "HW (1)", [graded("1", 2, 4)])
    assert (filled.points, filled.data) == (None, roster.encode()[:-1] + b"2\n")


@pytest.mark.parametrize(
    ("roster", "wanted", "words"),
    [
        (ROSTER, "Log-probs, part 2 (4711)", "did you mean 'Log-probs, part 1 \\(4711\\)'"),
        (ROSTER, "zzzz", "it has 'Essay \\(12\\)'"),
        (ROSTER, "Current Score", "Canvas does not import the column 'Current Score'"),
        (ROSTER, "Student", "Canvas does not import the column 'Student'"),
        (ROSTER.replace("Essay (12)", "Essay"), "Essay", "does not end in an assignment's number"),
        (ROSTER.replace("Essay (12)", '"' + COLUMN + '"'), COLUMN, "the roster has 2 columns"),
        (ROSTER.replace(",5,10,", ",5,(read only),"), COLUMN, "Canvas computes that column itself"),
        ("name,score\nada,1\n", COLUMN, "give the file that Canvas exports"),
        ("", COLUMN, "give the file that Canvas exports"),
        (ROSTER.replace('"Öz, Bo"', '"Öz, Bo'), COLUMN, "the roster is no CSV file: in line 6"),
    ],
)
def test_a_roster_that_is_no_good_is_refused(roster, wanted, words):
    with pytest.raises(RecordsError, match=words):
        fill(roster.encode(), wanted, [graded("bo")])


def test_a_roster_that_is_not_utf_8_is_refused():
    with pytest.raises(RecordsError, match="not UTF-8"):
        fill(ROSTER.encode("latin-1"), COLUMN, [graded("bo")])


def test_two_learners_for_one_row_are_refused():
    with pytest.raises(RecordsError, match="'bo' and 'u2' are the same row"):
        fill(ROSTER.encode(), COLUMN, [graded("bo"), graded("u2")])


def test_an_id_that_stands_for_two_rows_is_refused():
    twice = ROSTER.replace("u2", "u1")
    with pytest.raises(RecordsError, match="'u1' is the SIS User ID of several rows of the roster \\(4, 5\\)"):
        fill(twice.encode(), COLUMN, [graded("u1")])
