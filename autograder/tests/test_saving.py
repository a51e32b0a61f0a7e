"""`save()` packs all that a learner wrote, overwrites nothing, and its file restores and can be handed in."""

import os
import sys
import types
import zipfile
from pathlib import Path

import pytest

from autograder import desk, progress, registry, saving
from autograder.classroom import intake
from autograder.saving import save

TEXT = "import torch\n\n\ndef ulp(x):\n    return x  # α\n"


@pytest.fixture
def course(tmp_path, monkeypatch) -> Path:
    """Return a course's folder with one exercise written."""
    root = tmp_path / "course"
    (root / "exercises" / "__pycache__").mkdir(parents=True)
    (root / "exercises" / "__pycache__" / "floats.pyc").write_bytes(b"x")
    (root / "exercises" / "floats.py").write_text(TEXT, encoding="utf-8")
    (root / "exercises" / "notes.txt").write_bytes(b"\xff\x00")
    monkeypatch.setattr(registry, "ROOT", root)
    monkeypatch.setattr(desk, "default_package", lambda: root / "exercises")
    monkeypatch.setattr(saving, "DRIVE", tmp_path / "drive")
    return root


@pytest.fixture
def downloads(monkeypatch) -> list[str]:
    """Return what Colab was asked to download."""
    asked: list[str] = []
    colab = types.ModuleType("google.colab")
    colab.files = types.SimpleNamespace(download=asked.append)
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    return asked


def packed(folder: Path) -> Path:
    (path,) = folder.glob("exercises-*.zip")
    return path


def test_all_that_a_learner_wrote_comes_back(course, tmp_path):
    progress.update("ulp", hints=2)
    report = save()
    path = packed(course)
    assert repr(report).startswith(f"saved 2 files of yours as {path}\n")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "again")
    assert (tmp_path / "again" / "exercises" / "floats.py").read_text(encoding="utf-8") == TEXT
    assert (tmp_path / "again" / "exercises" / "notes.txt").read_bytes() == b"\xff\x00"
    assert not (tmp_path / "again" / "exercises" / "__pycache__").exists()
    state = (tmp_path / "again" / ".course" / "state.json").read_bytes()
    assert state == (progress.folder() / "state.json").read_bytes()


def test_the_report_says_how_to_get_it_back(course):
    report = repr(save())
    assert report.endswith(f"unzip it in the course's folder, as in !unzip -o {packed(course).name} -d {course}")


def test_nothing_is_overwritten(course, tmp_path, monkeypatch):
    monkeypatch.setattr(saving.time, "strftime", lambda form: "20260101-120000")
    for _ in range(3):
        save(tmp_path)
    names = {p.name for p in tmp_path.glob("*.zip")}
    assert names == {f"exercises-20260101-120000{end}.zip" for end in ("", "-2", "-3")}


def test_the_file_can_be_handed_in(course, tmp_path):
    save(tmp_path / "class")
    ((_, entries),) = intake.discover(tmp_path / "class").by_student().items()
    assert entries[0].read().texts == {"floats": TEXT}


def test_on_colab_it_is_offered_for_download(course, downloads):
    assert "offered it to your browser" in repr(save())
    assert downloads == [str(packed(course))]


def test_a_mounted_drive_is_preferred(course, downloads, tmp_path):
    (tmp_path / "drive").mkdir()
    assert "on your Drive" in repr(save())
    assert packed(tmp_path / "drive").exists()
    assert downloads == []


def test_a_long_history_is_cut_to_its_latest(course, tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "MOST_STATE", 2)
    state = progress.folder()
    state.mkdir(exist_ok=True)
    for number in range(4):
        (state / f"{number}.py").write_text("x")
        os.utime(state / f"{number}.py", (number, number))
    save()
    with zipfile.ZipFile(packed(course)) as archive:
        assert {n for n in archive.namelist() if n.startswith(".course")} == {".course/2.py", ".course/3.py"}


@pytest.mark.parametrize("missing", ["exercises", "target"])
def test_what_cannot_be_saved_gets_words(course, tmp_path, missing, monkeypatch):
    if missing == "exercises":
        monkeypatch.setattr(desk, "default_package", lambda: tmp_path / "nowhere")
    (tmp_path / "file").touch()
    report = repr(save(tmp_path / "file" if missing == "target" else tmp_path))
    assert report.startswith("nothing was saved: ")
    assert not list(tmp_path.glob("*.zip"))


def test_a_full_disk_leaves_no_half_of_a_file(course, tmp_path, monkeypatch):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

        def write(self, data):
            raise OSError(28, "No space left on device")

    opened = Path.open

    def full(path, mode="r", *rest, **more):
        if mode == "xb":
            opened(path, mode).close()
            return Full()
        return opened(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", full)
    assert "No space left on device" in repr(save(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []
