"""A save is noticed once, when it is whole, and for what it says."""

import os

import pytest

from autograder.sources import LARGEST
from autograder.watching.saves import GONE_S, SETTLE_S, Save, Saves

REST_S = SETTLE_S + 0.01


class Desk:
    """A folder, and a clock that the test moves."""

    def __init__(self, folder):
        self.folder, self.now = folder, 0.0
        self.write("one")
        self.saves = Saves(folder)
        assert self.look() == [Save("log_sums", "one")]

    def write(self, text: str | bytes, stem: str = "log_sums") -> None:
        data = text if isinstance(text, bytes) else text.encode()
        path = self.folder / f"{stem}.py"
        path.write_bytes(data)
        self.now += 0.001
        os.utime(path, ns=(int(self.now * 1e9),) * 2)  # every write has a time of its own, however coarse the disk's

    def look(self, after_s: float = 0.0) -> list[Save]:
        self.now += after_s
        return self.saves.poll(self.now)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_save_is_told_once_it_rests(desk):
    desk.write("two")
    assert desk.look() == []
    assert desk.look(SETTLE_S / 2) == []
    assert desk.look(REST_S) == [Save("log_sums", "two")]
    assert desk.look(REST_S) == []


def test_a_file_that_is_still_written_is_not_told(desk):
    for count in range(1, 9):
        desk.write("x" * count)
        assert desk.look(SETTLE_S / 2) == []
    desk.look(REST_S)
    assert desk.saves.poll(desk.now) == []
    desk.write("whole")
    desk.look()
    assert desk.look(REST_S) == [Save("log_sums", "whole")]


def test_a_change_of_equal_size_and_time_but_another_file_is_seen(desk, tmp_path):
    stat = (tmp_path / "log_sums.py").stat()
    other = tmp_path / "new"
    other.write_text("eno")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    os.replace(other, tmp_path / "log_sums.py")  # as editors and `write_atomically` do
    desk.look()
    assert desk.look(REST_S) == [Save("log_sums", "eno")]


def test_the_same_content_again_is_no_change(desk):
    desk.write("one")
    desk.look()
    assert desk.look(REST_S) == []


def test_an_editor_that_empties_the_file_first(desk):
    desk.write("")
    desk.look()
    assert desk.look(REST_S) == []
    desk.write("two")
    desk.look()
    assert desk.look(REST_S) == [Save("log_sums", "two")]


def test_an_editor_that_removes_the_file_first(desk, tmp_path):
    (tmp_path / "log_sums.py").unlink()
    desk.look()
    assert desk.look(REST_S) == []
    desk.write("two")
    desk.look()
    assert desk.look(REST_S) == [Save("log_sums", "two")]


def test_a_file_that_stays_away_is_gone(desk, tmp_path):
    (tmp_path / "log_sums.py").unlink()
    desk.look()
    assert desk.look(GONE_S + 0.01) == [Save("log_sums", None, "gone")]
    assert desk.look(GONE_S + 0.01) == []
    desk.write("one")
    desk.look()
    assert desk.look(REST_S) == [Save("log_sums", "one")]


def test_a_file_that_stays_empty_is_empty(desk):
    desk.write("")
    desk.look()
    assert desk.look(GONE_S + 0.01) == [Save("log_sums", "")]


def test_a_folder_that_goes_takes_its_files_along(desk, tmp_path):
    (tmp_path / "log_sums.py").unlink()
    tmp_path.rmdir()
    desk.look()
    assert desk.look(GONE_S + 0.01) == [Save("log_sums", None, "gone")]


@pytest.mark.parametrize(
    ("data", "words"), [(b"\xff\xfe\x00", "save it as UTF-8"), (b"x" * (LARGEST + 1), "more than")]
)
def test_what_is_no_text_is_a_sentence(desk, data, words):
    desk.write(data)
    desk.look()
    (save,) = desk.look(REST_S)
    assert save.text is None
    assert words in save.problem


def test_only_modules_of_a_package_count(desk):
    for stem in ("Upper", "_private", ".#log_sums", "4913"):
        desk.write("x", stem)
    desk.look()
    assert desk.look(GONE_S + 0.01) == []
    desk.write("x", "floats")
    desk.look()
    assert desk.look(REST_S) == [Save("floats", "x")]


def test_a_folder_under_a_files_name_is_a_sentence(tmp_path):
    (tmp_path / "floats.py").mkdir()
    (save,) = Saves(tmp_path).poll(0.0)
    assert save.text is None
    assert save.problem.startswith("floats.py cannot be read: ")
