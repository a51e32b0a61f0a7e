"""Notices saved files of a package by their times and their content, and not before they are whole."""

from dataclasses import dataclass
from pathlib import Path

from autograder.registry import valid_stem
from autograder.sources import LARGEST, SourceError, decode

SETTLE_S = 0.15  # a file that has not changed for so long is whole
GONE_S = 0.8  # some editors empty or remove a file before they write it anew
Signature = tuple[int, int, int]


@dataclass(frozen=True)
class Save:
    """What a file holds now: its text, or None and the reason why there is none ("gone", or a sentence)."""

    stem: str
    text: str | None
    problem: str = ""


class Saves:
    """Compares a folder's `STEM.py` files with what they were."""

    def __init__(self, folder: Path) -> None:
        """Look at nothing yet; the first `poll` reports every file."""
        self.folder = folder
        self._seen: dict[str, tuple[Signature | None, float]] = {}  # the last look at a file, and since when
        self._told: dict[str, Signature | None] = {}
        self._saves: dict[str, Save] = {}
        self._started = False  # the first time everything is taken as it is

    def poll(self, now_s: float) -> list[Save]:
        """Return the files whose content has changed and come to rest since the last call."""
        present = self._signatures()
        changed = []
        for stem in sorted(present.keys() | self._seen.keys()):
            signature = present.get(stem)
            last, since = self._seen.get(stem, (None, now_s))
            if stem not in self._seen or signature != last:
                self._seen[stem] = (signature, since := now_s)
            if stem in self._told and signature == self._told[stem]:
                continue
            empty = signature is None or signature[1] == 0
            if self._started and now_s - since < (GONE_S if empty else SETTLE_S):
                continue
            save = self._read(stem, signature)
            if signature != self._signature(self.folder / f"{stem}.py"):
                continue  # written to just now
            self._told[stem] = signature
            if save != self._saves.get(stem):
                self._saves[stem] = save
                changed.append(save)
        self._started = True
        return changed

    def _signatures(self) -> dict[str, Signature]:
        found = {}
        for path in self.folder.glob("*.py"):
            signature = self._signature(path) if valid_stem(path.stem) else None
            if signature is not None:
                found[path.stem] = signature
        return found

    @staticmethod
    def _signature(path: Path) -> Signature | None:
        try:
            stat = path.stat()
        except OSError:
            return None
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def _read(self, stem: str, signature: Signature | None) -> Save:
        path = self.folder / f"{stem}.py"
        if signature is None:
            return Save(stem, None, "gone")
        try:
            with path.open("rb") as file:
                return Save(stem, decode(file.read(LARGEST + 1), path.name))
        except SourceError as error:
            return Save(stem, None, str(error))
        except OSError as error:
            return Save(stem, None, f"{path.name} cannot be read: {error.strerror}")
