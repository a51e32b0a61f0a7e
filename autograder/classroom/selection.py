"""Chooses the sources of one submission among its files: `STEM.py`, directly or under `exercises/`."""

import codecs
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from autograder.classroom.archives import Refused
from autograder.registry import stems, valid_stem
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


def _as_python_reads(data: bytes) -> bytes:
    """Return a source that an editor saved as UTF-16 in UTF-8, the only Unicode that Python imports."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and len(data) % 2 == 0:
        return data.decode("utf-16", "surrogatepass").encode("utf-8", "replace")
    return data


def _meant(path: str) -> str:
    """Return the name that a file was probably to have: "log_sums (1).py", "Log_Sums-2.py"; nothing if none."""
    found = re.fullmatch(r"(\w+?)(?:[ _-]*(?:\(\d+\)|-\d+|copy))?\.py", path.rpartition("/")[2], re.IGNORECASE)
    stem = found[1].lower() if found else ""
    return f"{stem}.py" if stem in stems() else ""


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
    unreadable: list[str] = []
    for path, read in sorted(unwrapped(files).items()):
        stem = _usable(path)
        if stem is None:
            if path.rpartition("/")[2] != "__init__.py":
                ignored.append(_printable(path))
            continue
        data = _as_python_reads(read(LARGEST))
        try:
            text = decode(data, path)
        except SourceError as error:
            ignored.append(_printable(str(error)))
            unreadable.append(ignored[-1])
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
        near = next(((path, meant) for path in sorted(files) if (meant := _meant(path))), None)
        if unreadable:
            problem = "; ".join(unreadable[:3])
        elif near is not None and not packed:
            problem = f"{_printable(near[0])}: rename it to {near[1]}"
        elif ignored:
            problem = f"{problem} ({', '.join(ignored[:3])})"
    return Submission(student, source, texts, hashes, tuple(ignored), problem)
