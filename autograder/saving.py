"""`save()`: everything a learner wrote, in one zip file. It is also what a learner hands in."""

import io
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder import desk, progress, registry
from autograder.report import Report

DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts a learner's Drive
MOST_STATE = 1000  # files; a submission with more than 2000 is refused
CACHES = {"__pycache__", ".ipynb_checkpoints"}


def save(folder: str | Path | None = None) -> Report:
    """Write the exercises and the learner's state to a new zip file; nothing is ever overwritten.

    Args:
        folder: Where to write it. By default the mounted Drive on Colab, else the course's folder; on Colab without
            a Drive the file is offered for download as well.
    """
    exercises = desk.default_package()
    target = Path(folder) if folder is not None else _usual_folder()
    try:
        if not exercises.is_dir():
            return Report(f"nothing was saved: there is no folder {exercises}")
        data, count = _packed(exercises, progress.folder())
        path = _written(target, data)
    except OSError as error:
        where = error.filename or target
        return Report(f'nothing was saved: {where}: {error.strerror}; name another folder, as in save("/tmp")')
    back = f"To get it back: unzip it in the course's folder, as in !unzip -o {path.name} -d {registry.ROOT}"
    return Report(f"saved {count} files of yours as {path}{_offered(path, target)}\n{back}")


def _usual_folder() -> Path:
    return DRIVE if DRIVE.is_dir() else registry.ROOT


def _files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each file of a folder with its path in it; caches and links are no work of a learner."""
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and not CACHES & set(inner.parts):
            yield path, inner


def _latest(files: Iterable[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    return sorted(files, key=lambda pair: pair[0].stat().st_mtime)[-MOST_STATE:]


def _packed(exercises: Path, state: Path) -> tuple[bytes, int]:
    """Return the zip file and how many exercise files are in it; unpacked in the course's folder, it restores both."""
    buffer = io.BytesIO()
    count = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path, inner in _files(exercises):
            archive.write(path, Path("exercises", inner))
            count += 1
        for path, inner in _latest(_files(state)) if state.is_dir() else ():
            archive.write(path, Path(".course", inner))
    return buffer.getvalue(), count


def _written(folder: Path, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"exercises-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    while True:
        path = folder / (f"{stem}.zip" if number == 1 else f"{stem}-{number}.zip")
        try:
            file = path.open("xb")
        except FileExistsError:
            number += 1
            continue
        try:
            with file:
                file.write(data)
        except OSError:
            path.unlink()  # half of it, on a full disk
            raise
        return path


def _offered(path: Path, folder: Path) -> str:
    """Offer the file for download where the machine is lost at the end; say so."""
    files = getattr(sys.modules.get("google.colab"), "files", None)
    if files is None:
        return ""
    if folder.is_relative_to(DRIVE):
        return ", on your Drive"
    files.download(str(path))
    return ", and offered it to your browser for download (Colab's machine is lost at the end)"
