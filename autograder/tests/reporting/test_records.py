"""Records are read as `grade` leaves them: the last of each learner, an unfinished line left out."""

import pytest

from autograder.reporting.records import RecordsError, by_name, exercises, read
from autograder.tests.reporting.class_sample import FAILED, PASSED, UNWRITTEN, journal, record


def test_the_last_record_of_each_learner_counts_and_ids_are_sorted(tmp_path):
    folder = journal(tmp_path, record("bo", score=1), record("ada"), record("bo", score=2))
    assert [(r["student"], r["score"]) for r in read(folder)] == [("ada", record()["score"]), ("bo", 2)]


def test_an_unfinished_last_line_is_no_record(tmp_path):
    folder = journal(tmp_path, record("ada"), record("bo"))
    path = folder / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert [r["student"] for r in read(folder)] == ["ada"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no results.jsonl in"),
        ("", "holds no grade yet"),
        ("\n", "holds no grade yet"),
        ("nonsense\n", "line 1 is no JSON"),
        ("[]\n", "line 1 is 'list', expected schema 'grade/1'"),
        ('{"schema": "check/1"}\n', "line 1 is 'check/1', expected schema 'grade/1'"),
    ],
)
def test_what_is_no_record_is_said(tmp_path, content, words):
    if content is not None:
        (tmp_path / "results.jsonl").write_text(content)
    with pytest.raises(RecordsError, match=words):
        read(tmp_path)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(RecordsError, match="there is no folder"):
        read(tmp_path / "nowhere")


def test_exercises_stand_in_the_order_of_the_records():
    records = [record(exercises=[PASSED, FAILED]), record(exercises=[UNWRITTEN, PASSED])]
    assert exercises(records) == {"logsumexp": "log_sums", "logaddexp": "log_sums", "log_softmax": "normalizers"}
    assert by_name(records[1])["logsumexp"] is PASSED
