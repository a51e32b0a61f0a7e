"""A learner's state is never half written, never in the way, and never the reason for an exception."""

import json
import os
import stat
import threading

import pytest

from autograder import progress


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STABLE_LOGPROBS_STATE", str(tmp_path / "mine"))
    assert progress.folder() == tmp_path / "mine"
    progress.update("logsumexp", failed=2)
    assert json.loads((tmp_path / "mine" / "state.json").read_text())["logsumexp"]["failed"] == 2


@pytest.mark.parametrize("value", [None, ""])
def test_without_it_the_folder_is_the_courses(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("STABLE_LOGPROBS_STATE")
    else:
        monkeypatch.setenv("STABLE_LOGPROBS_STATE", value)
    assert progress.folder() == progress.ROOT / ".course"


def test_what_is_new_is_empty():
    assert progress.of("logsumexp") == {"failed": 0, "hints": 0, "passed": None}


def test_an_update_keeps_the_rest():
    progress.update("logsumexp", failed=1)
    progress.update("logsumexp", hints=2)
    progress.update("logaddexp", passed="abc")
    assert progress.of("logsumexp") == {"failed": 1, "hints": 2, "passed": None}
    assert progress.of("logaddexp")["passed"] == "abc"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '{"logsumexp": 7}',
        '{"logsumexp": null}',
        "\x00",
        '{"logsumexp": {"failed": "many"}}',
    ],
)
def test_a_corrupt_state_counts_as_none(text):
    file = progress.folder() / "state.json"
    file.write_text(text)
    assert progress.of("logsumexp") == {"failed": 0, "hints": 0, "passed": None}
    progress.update("logsumexp", failed=1)
    assert progress.of("logsumexp")["failed"] == 1


def test_bytes_that_are_no_text_count_as_none():
    (progress.folder() / "state.json").write_bytes(b"\xff\xfe\xff")
    assert progress.load() == {}


def test_a_folder_that_cannot_be_made_costs_the_memory_only(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("STABLE_LOGPROBS_STATE", str(tmp_path / "file" / "state"))
    progress.update("logsumexp", failed=1)
    assert progress.of("logsumexp")["failed"] == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_costs_the_memory_only(tmp_path, monkeypatch):
    monkeypatch.setenv("STABLE_LOGPROBS_STATE", str(tmp_path))
    tmp_path.chmod(0o500)
    progress.update("logsumexp", failed=1)
    tmp_path.chmod(0o700)
    assert progress.of("logsumexp")["failed"] == 0


def test_a_full_disk_costs_the_memory_only(monkeypatch):
    progress.update("logsumexp", failed=1)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    progress.update("logsumexp", failed=2)
    assert progress.of("logsumexp")["failed"] == 1
    assert [p.name for p in progress.folder().iterdir()] == ["state.json"]


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a" / "b.txt"
    progress.write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        progress.write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_line_ends_and_mode_are_kept(tmp_path):
    path = tmp_path / "b.txt"
    progress.write_atomically(path, "one\ntwo\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o600)
    progress.write_atomically(path, "three\n")
    assert path.read_bytes() == b"three\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_reader_sees_half_of_a_file(tmp_path):
    path, texts = tmp_path / "b.txt", ["a" * 200000, "b" * 200000]
    progress.write_atomically(path, texts[0])
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for text in texts:
                progress.write_atomically(path, text)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert all(path.read_text() in texts for _ in range(200))
    finally:
        stop.set()
        thread.join()


def test_a_digest_is_that_of_the_text():
    assert progress.digest("a") == progress.digest("a") != progress.digest("b")
    assert len(progress.digest("ä" * 1000)) == 16
