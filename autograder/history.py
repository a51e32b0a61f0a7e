"""Every version of an exercise file that was replaced: nothing that a learner wrote is ever lost."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from autograder import progress

NAME = re.compile(r"(\d{8}-\d{6})-[0-9a-f]{16}\.py")


@dataclass(frozen=True)
class Version:
    """One kept version: its place, when it was replaced (local time), and its bytes."""

    path: Path
    moment: str
    data: bytes


def folder(stem: str) -> Path:
    """Return where the versions of a chapter's file lie."""
    return progress.folder() / "history" / stem


def keep(stem: str, data: bytes) -> Path:
    """Keep a version; one that is kept already is not kept twice.

    Raises:
        OSError: The folder cannot be written: nothing may be replaced then.
    """
    digest = progress.digest(data.decode("utf-8", "replace"))
    same = next((v.path for v in versions(stem) if v.data == data), None)
    if same is not None:
        return same
    path = folder(stem) / f"{time.strftime('%Y%m%d-%H%M%S')}-{digest}.py"
    progress.write_atomically(path, data)
    return path


def versions(stem: str) -> list[Version]:
    """Return the kept versions of a chapter's file, the latest first."""
    found = []
    for path in sorted(folder(stem).glob("*.py"), key=lambda p: (p.name[:15], p.stat().st_mtime_ns), reverse=True):
        match = NAME.fullmatch(path.name)
        if match:
            moment = time.strptime(match[1], "%Y%m%d-%H%M%S")
            found.append(Version(path, time.strftime("%Y-%m-%d %H:%M:%S", moment), path.read_bytes()))
    return found
