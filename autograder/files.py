"""The learner's exercise files: every change is atomic, and what it replaces is kept first."""

from dataclasses import dataclass
from pathlib import Path

from autograder import history, progress, registry
from autograder.running.gate import is_stub
from autograder.sources import SourceError, decode_exactly, find_definition, stub
from autograder.splicing import Spliced, definition, splice


@dataclass(frozen=True)
class Change:
    """What a change did: the file, where its old version is kept, and the helpers that were replaced as well."""

    path: Path
    kept: Path | None
    helpers: tuple[str, ...] = ()


def stub_text(stem: str) -> str:
    """Return a chapter's file as it is at the start.

    Raises:
        SourceError: This copy of the course has no model answers to make it from.
    """
    path = registry.ROOT / "solutions" / f"{stem}.py"
    if not path.exists():
        raise SourceError("this copy of the course has no solutions/ to make stubs from")
    return stub(path.read_text(encoding="utf-8"))


def _read(path: Path) -> tuple[str, str]:
    try:
        return decode_exactly(path.read_bytes(), path.name)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None


def _write(path: Path, text: str, encoding: str) -> Path | None:
    """Write a file, and return where its old version is kept; None where nothing changed or nothing was there."""
    try:
        data = text.encode(encoding)
    except UnicodeError:
        raise SourceError(f"{path.name} is stored as {encoding}, which lacks a character of yours: use UTF-8") from None
    try:
        old = path.read_bytes() if path.exists() else None
        if old == data:
            return None
        kept = history.keep(path.stem, old) if old is not None else None
        progress.write_atomically(path, data)
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error.strerror}; nothing was changed") from None
    return kept


def put(folder: Path, name: str, cell: str) -> Change:
    """Put a cell's function into its exercise file; a deleted file is made anew.

    Raises:
        SourceError: The cell or the file cannot be used; nothing was changed.
    """
    stem, _ = registry.find(name)
    path = folder / f"{stem}.py"
    text, encoding = _read(path) if path.exists() else (_start(stem), "utf-8")
    try:
        spliced: Spliced = splice(text, cell, name, [e.name for e in registry.exercises(stem)])
        definition(spliced.text, name)
    except SourceError as error:
        raise SourceError(str(error).replace("the file", path.name)) from None
    return Change(path, _write(path, spliced.text, encoding), spliced.helpers)


def _start(stem: str) -> str:
    try:
        return stub_text(stem)
    except SourceError:
        return "import torch\nfrom torch import Tensor\n"


def reset(folder: Path, name: str) -> Change:
    """Put the stub of an exercise, or of a whole chapter, back.

    Raises:
        SourceError: The file cannot be used; nothing was changed.
    """
    stem = name if name in registry.stems() else registry.find(name)[0]
    path, fresh, encoding = folder / f"{stem}.py", stub_text(stem), "utf-8"
    if name != stem and path.exists():
        text, encoding = _read(path)
        fresh = _replaced(path, text, name, find_definition(fresh, name))
    return Change(path, _write(path, fresh, encoding))


def _replaced(path: Path, text: str, name: str, part: str) -> str:
    try:
        return splice(text, part, name, [name]).text
    except SourceError as error:
        said = str(error).replace("the file", path.name)
        raise SourceError(f"{said}; mend it, or put the whole chapter back: reset {path.stem}") from None


def versions(name: str) -> list[history.Version]:
    """Return the kept versions of a chapter's file; of an exercise, those that differ in it and hold written work."""
    if name in registry.stems():
        return history.versions(name)
    stem, _ = registry.find(name)
    found: dict[str, history.Version] = {}
    for version in history.versions(stem):
        source = _written(version.data, name)
        if source:
            found.setdefault(source, version)
    return list(found.values())


def _written(data: bytes, name: str) -> str:
    try:
        text, _ = decode_exactly(data, name)
        node = definition(text, name)
        return "" if is_stub(node) else find_definition(text, name)
    except SourceError:
        return ""


def source(version: history.Version, name: str) -> str:
    """Return what a version holds: all of it for a chapter, one function for an exercise."""
    text, _ = decode_exactly(version.data, version.path.name)
    return text if name in registry.stems() else find_definition(text, name)


def restore(folder: Path, name: str, number: int) -> Change:
    """Bring a kept version back: of an exercise its function, of a chapter the whole file.

    Args:
        folder: The package.
        name: An exercise or a chapter.
        number: 1 is the version that was replaced last.

    Raises:
        SourceError: There is no such version, or the file cannot be used; nothing was changed.
    """
    kept = versions(name)
    if not 1 <= number <= len(kept):
        count = f"there are versions 1 to {len(kept)}" if kept else "no older version is kept"
        raise SourceError(f"{name}: {count}")
    stem = name if name in registry.stems() else registry.find(name)[0]
    path = folder / f"{stem}.py"
    text, encoding = decode_exactly(kept[number - 1].data, path.name)
    if name != stem and path.exists():
        part = find_definition(text, name)
        text, encoding = _read(path)
        text = _replaced(path, text, name, part)
    return Change(path, _write(path, text, encoding))
