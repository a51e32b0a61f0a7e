"""Chooses the sources of one submission among its files: `STEM.py`, directly or under `exercises/`."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from autograder.classroom.archives import Refused
from autograder.registry import valid_stem
from autograder.sources import LARGEST, LARGEST_PACKAGE, SourceError, decode

Read = Callable[[int], bytes]  # takes the most bytes that are wanted, and may give one more
MOST_LISTED = 50  # ignored files that a record names


@dataclass(frozen=True)
class Submission:
    """What a learner handed in: texts by stem, hashes by file name, what was left aside, and why nothing can be used.

    `ours` marks a problem of this machine: the submission is tried again next time.
    """

    student: str
    source: str
    texts: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    problem: str | None = None
    ours: bool = False


def _printable(text: str) -> str:
    clean = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else "?" for c in clean)[:200]


def _usable(path: str) -> str | None:
    """Return the stem of a path that a source may have."""
    folder, _, name = path.rpartition("/")
    stem = name.removesuffix(".py")
    return stem if folder in ("", "exercises") and name.endswith(".py") and valid_stem(stem) else None


def unwrapped(files: Mapping[str, Read]) -> dict[str, Read]:
    """Return the files without the folder that wraps them all, if no source lies where it should."""
    if any(_usable(path) for path in files):
        return dict(files)
    tops = {path.split("/")[0] for path in files if "/" in path}
    for top in tops if len(tops) == 1 else ():
        return {path.removeprefix(top + "/"): read for path, read in files.items()}
    return dict(files)


def choose(student: str, source: str, files: Mapping[str, Read]) -> Submission:
    """Return the submission that these files make.

    Raises:
        Refused: Nothing of it can be used, or two files claim one place.
    """
    texts: dict[str, str] = {}
    hashes: dict[str, str] = {}
    ignored: list[str] = []
    for path, read in sorted(unwrapped(files).items()):
        stem = _usable(path)
        if stem is None:
            if path.rpartition("/")[2] != "__init__.py":
                ignored.append(_printable(path))
            continue
        data = read(LARGEST)
        try:
            text = decode(data, path)
        except SourceError as error:
            ignored.append(_printable(f"{path}: {error}"))
            hashes[path] = hashlib.sha256(data).hexdigest()
            continue
        if texts.get(stem, text) != text:
            raise Refused(f"{stem}.py is there twice, with different text: keep the one under exercises/")
        texts[stem] = text
        hashes[path] = hashlib.sha256(data).hexdigest()
        if sum(map(len, texts.values())) > LARGEST_PACKAGE:
            raise Refused(
                f"there are more than {LARGEST_PACKAGE} characters of Python: hand in the STEM.py files alone"
            )
    if len(ignored) > MOST_LISTED:
        ignored = [*ignored[:MOST_LISTED], f"and {len(ignored) - MOST_LISTED} more"]
    problem = None
    if not texts:
        packed = any(path.lower().endswith(".zip") for path in files)
        problem = (
            "an archive inside an archive: unpack it" if packed else "no STEM.py, neither directly nor in exercises/"
        )
        problem = f"{problem} ({', '.join(ignored[:3])})" if ignored else problem
    return Submission(student, source, texts, hashes, tuple(ignored), problem)
