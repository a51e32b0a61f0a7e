"""The learner's files: what a change replaces is kept, what cannot be changed is left alone and said."""

import pytest

from autograder import files, history, progress, registry
from autograder.sources import SourceError, find_definition

ONE = "def log1mexp(x):\n    return x\n"
TWO = "def log1mexp(x):\n    return 2 * x\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log_sums.py").write_text(files.stub_text("log_sums"))
    return tmp_path


def text(folder) -> str:
    return (folder / "log_sums.py").read_text()


def test_put_keeps_what_it_replaces(folder):
    before = (folder / "log_sums.py").read_bytes()
    change = files.put(folder, "log1mexp", ONE)
    assert ONE in text(folder)
    assert change.kept.read_bytes() == before


def test_putting_the_same_again_changes_and_keeps_nothing(folder):
    files.put(folder, "log1mexp", ONE)
    assert files.put(folder, "log1mexp", ONE).kept is None
    assert len(history.versions("log_sums")) == 1


def test_a_deleted_file_is_made_anew(folder):
    (folder / "log_sums.py").unlink()
    assert files.put(folder, "log1mexp", ONE).kept is None
    assert ONE in text(folder)
    assert "def logsumexp(" in text(folder)


def test_without_solutions_a_deleted_file_holds_the_imports(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    files.put(tmp_path, "log1mexp", ONE)
    assert text(tmp_path) == f"import torch\nfrom torch import Tensor\n\n\n{ONE}"


def test_encoding_and_line_ends_are_kept(folder):
    path = folder / "log_sums.py"
    path.write_bytes(b"\xef\xbb\xbf" + text(folder).replace("\n", "\r\n").encode())
    files.put(folder, "log1mexp", "def log1mexp(x):\n    return x  # é\n")
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\n") == data.count(b"\r\n")
    assert "# é".encode() in data


def test_a_character_that_the_files_encoding_lacks(folder):
    path = folder / "log_sums.py"
    path.write_bytes(b"# -*- coding: latin-1 -*-\n" + text(folder).encode())
    before = path.read_bytes()
    with pytest.raises(SourceError, match="stored as iso-8859-1"):
        files.put(folder, "log1mexp", "def log1mexp(x):\n    return x  # ∞\n")
    assert path.read_bytes() == before


def test_a_broken_file_is_left_alone(folder):
    (folder / "log_sums.py").write_text("def broken(:\n")
    for change in (lambda: files.put(folder, "log1mexp", ONE), lambda: files.reset(folder, "log1mexp")):
        with pytest.raises(SourceError, match=r"log_sums\.py line 1"):
            change()
    assert text(folder) == "def broken(:\n"
    assert files.reset(folder, "log_sums").kept.read_text() == "def broken(:\n"
    assert text(folder) == files.stub_text("log_sums")


def test_nothing_is_replaced_that_cannot_be_kept(folder, monkeypatch):
    monkeypatch.setattr(progress, "folder", lambda: folder / "log_sums.py" / "no folder")
    before = text(folder)
    with pytest.raises(SourceError, match="nothing was changed"):
        files.put(folder, "log1mexp", ONE)
    assert text(folder) == before


def test_a_full_disk_changes_nothing(folder, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    before = text(folder)
    monkeypatch.setattr(progress, "write_atomically", full)
    with pytest.raises(SourceError, match="No space left on device; nothing was changed"):
        files.put(folder, "log1mexp", ONE)
    assert text(folder) == before


def test_reset_puts_one_stub_back(folder):
    files.put(folder, "log1mexp", ONE)
    files.put(folder, "logsubexp", "def logsubexp(a, b):\n    return a\n")
    files.reset(folder, "log1mexp")
    assert find_definition(text(folder), "log1mexp") == find_definition(files.stub_text("log_sums"), "log1mexp")
    assert "return a\n" in text(folder)


def test_versions_of_an_exercise_are_those_that_differ_in_it(folder):
    files.put(folder, "log1mexp", ONE)
    files.put(folder, "logsubexp", "def logsubexp(a, b):\n    return a\n")
    files.put(folder, "log1mexp", TWO)
    files.reset(folder, "log1mexp")
    assert [files.source(v, "log1mexp") + "\n" for v in files.versions("log1mexp")] == [TWO, ONE]
    assert len(files.versions("log_sums")) == 4


def test_restore_brings_a_function_back_and_leaves_the_others(folder):
    files.put(folder, "log1mexp", ONE)
    files.put(folder, "log1mexp", TWO)
    files.put(folder, "logsubexp", "def logsubexp(a, b):\n    return a\n")
    change = files.restore(folder, "log1mexp", 2)
    assert ONE in text(folder)
    assert "return a\n" in text(folder)
    assert TWO in change.kept.read_text()


def test_restore_brings_a_chapter_back(folder):
    files.put(folder, "log1mexp", ONE)
    files.reset(folder, "log_sums")
    files.restore(folder, "log_sums", 1)
    assert ONE in text(folder)


@pytest.mark.parametrize(("number", "words"), [(0, "versions 1 to 1"), (2, "versions 1 to 1")])
def test_a_version_that_is_none(folder, number, words):
    files.put(folder, "log1mexp", ONE)
    files.put(folder, "log1mexp", TWO)
    with pytest.raises(SourceError, match=words):
        files.restore(folder, "log1mexp", number)


def test_nothing_is_kept_yet(folder):
    with pytest.raises(SourceError, match="log1mexp: no older version is kept"):
        files.restore(folder, "log1mexp", 1)
