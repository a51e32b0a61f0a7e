"""The results' folder: one writer at a time, a seed that is drawn once, and a journal that survives any kill."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from autograder.classroom.records import Record, is_record, latest
from autograder.progress import write_atomically
from autograder.sources import SourceError

JOURNAL, BROKEN, SEED, LOCK, SHARD = "results.jsonl", "results.broken", "seed", ".lock", "shard.json"
BITS = 62


class Ledger:
    """Opens `folder` for writing; use it in a `with` block."""

    def __init__(self, folder: Path) -> None:
        """Take the lock and mend the journal's end.

        Raises:
            SourceError: Another run has the lock.
            OSError: The folder cannot be written.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock: int | None = _take_lock(folder / LOCK, folder)
        try:
            lines = self.reread()
            self.broken = len(lines) - len(self.records)
            if self.broken:
                _set_aside(folder, lines)
            self._journal = os.open(folder / JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except BaseException:
            os.close(self._lock)
            raise

    def reread(self) -> list[tuple[bytes, Record | None]]:
        """Take the records from the journal, less a last line that was not written whole; return all its lines."""
        _mend(self.folder / JOURNAL)
        lines = [(line, _parse(line)) for line in _lines(self.folder / JOURNAL)]
        self.records: list[Record] = [record for _, record in lines if record is not None]
        return lines

    def descriptors(self) -> tuple[int, ...]:
        """Return what a forked process must close: a lock is held as long as anybody has it open."""
        return (self._journal, self._lock) if self._lock is not None else ()

    def seed(self, wanted: int | None = None) -> int:
        """Return the folder's seed, drawn or set on first use.

        Raises:
            SourceError: The folder has another one than `wanted`, or none that can be read.
        """
        path = self.folder / SEED
        if not path.exists():
            _write_seed(path, wanted if wanted is not None else secrets.randbits(BITS))
        try:
            kept = int(path.read_text(encoding="ascii"))
        except ValueError:
            raise SourceError(f"{path} holds no number: put the seed back, or grade into a new folder") from None
        if wanted not in (None, kept):
            raise SourceError(
                f"{self.folder} has another seed than {wanted}: leave --seed out, or grade into a new folder"
            )
        return kept

    def note_shard(self, number: int, count: int, submissions: int) -> None:
        """Say which part of a class lies here, and how many submissions it has: `merge` asks."""
        said = {"shard": number, "of": count, "submissions": submissions}
        write_atomically(self.folder / SHARD, json.dumps(said) + "\n")

    def append(self, record: Record) -> None:
        """Write one record so that it is there, whole, when this returns.

        Raises:
            OSError: It is not there, and nothing of it is (the disk is full, for one).
            KeyboardInterrupt: It may be there, or a part of it: `reread` tells.
        """
        line = json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        size = os.fstat(self._journal).st_size
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._journal, left) :]
            os.fsync(self._journal)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._journal, size)
            raise
        self.records.append(record)

    def latest(self) -> list[Record]:
        """Return the last record of each learner."""
        return latest(self.records)

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._journal)
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> "Ledger":
        """Use the ledger in a `with` block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Give the lock back."""
        self.close()


def _take_lock(path: Path, folder: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise SourceError(f"{folder} is in use by another run: wait for its end, or stop it") from None
    return handle


def _mend(path: Path) -> None:
    """Cut off the line that a kill in the middle of a write has left."""
    with contextlib.suppress(FileNotFoundError), path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - (1 << 16))
            file.seek(start)
            last = file.read(end - start).rfind(b"\n")
            if last >= 0:
                end = start + last + 1
                break
            end = start
        file.truncate(end)


def _set_aside(folder: Path, lines: list[tuple[bytes, Record | None]]) -> None:
    """Move the lines that are no records out of the journal: nobody can read on behind them."""
    with (folder / BROKEN).open("ab") as file:
        file.write(b"".join(line for line, record in lines if record is None))
    write_atomically(folder / JOURNAL, b"".join(line for line, record in lines if record is not None))


def _lines(path: Path) -> Iterator[bytes]:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        yield from file


def _parse(line: bytes) -> Record | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if is_record(value) else None


def _write_seed(path: Path, seed: int) -> None:
    temporary = path.with_name(f".{path.name}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{seed}\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read_shard(folder: Path) -> tuple[int, int, int] | None:
    """Return which part of a class a folder holds: number, count, submissions; None where that is not known."""
    try:
        said = json.loads((folder / SHARD).read_text(encoding="utf-8"))
        number, count, submissions = (said[word] for word in ("shard", "of", "submissions"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (number, count, submissions) if all(type(n) is int for n in (number, count, submissions)) else None


def read_journal(folder: Path) -> list[Record]:
    """Return the records of a results' folder without touching it; a line that is no record is left out.

    Raises:
        SourceError: There is no journal.
    """
    if not (folder / JOURNAL).is_file():
        raise SourceError(f"{folder} holds no {JOURNAL}: give folders that `grade` has written")
    return [record for line in _lines(folder / JOURNAL) if (record := _parse(line)) is not None]
