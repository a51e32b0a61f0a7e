"""The results' folder: torn lines, one writer, a seed drawn once."""

import json
import os
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.classroom import ledger as module
from autograder.classroom.ledger import JOURNAL, SEED, Ledger, read_journal
from autograder.sources import SourceError


def record(student: str, key: str = "k") -> dict:
    return {"schema": "grade/1", "student": student, "key": key, "seed_id": "s", "problem": None, "exercises": []}


def test_what_is_appended_is_there_next_time(tmp_path):
    with Ledger(tmp_path / "new" / "out") as ledger:
        ledger.append(record("ann"))
        ledger.append(record("ann", "later"))
        ledger.append(record("bob"))
    with Ledger(tmp_path / "new" / "out") as ledger:
        assert [(r["student"], r["key"]) for r in ledger.latest()] == [("ann", "later"), ("bob", "k")]
        assert len(ledger.records) == 3


@given(st.integers(0, 400), st.booleans())
def test_a_torn_last_line_is_dropped_and_the_others_stay(tmp_path_factory, cut, long):
    folder = tmp_path_factory.mktemp("out")
    lines = [json.dumps(record(name * (70_000 if long else 1))).encode() + b"\n" for name in ("a", "b")]
    whole = b"".join(lines)
    kept = whole[: len(whole) - min(cut, len(whole))]
    (folder / JOURNAL).write_bytes(kept)
    finished = kept.count(b"\n")
    with Ledger(folder) as ledger:
        assert len(ledger.records) == finished
        ledger.append(record("c"))
    assert (folder / JOURNAL).read_bytes().startswith(b"".join(lines[:finished]))
    assert [r["student"] for r in read_journal(folder)][-1] == "c"
    assert len(read_journal(folder)) == finished + 1


def test_lines_that_are_no_records_are_moved_away_and_nothing_is_lost(tmp_path):
    good, bad = json.dumps(record("ann")).encode() + b"\n", b'{"schema": "other"}\n'
    (tmp_path / JOURNAL).write_bytes(bad + good + b"\x00\xff\n")
    with Ledger(tmp_path) as ledger:
        assert (ledger.broken, len(ledger.records)) == (2, 1)
    assert (tmp_path / JOURNAL).read_bytes() == good
    assert (tmp_path / module.BROKEN).read_bytes() == bad + b"\x00\xff\n"


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path):
    with Ledger(tmp_path), pytest.raises(SourceError, match="in use by another run"):
        Ledger(tmp_path)
    with Ledger(tmp_path):
        pass


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_killed_writer_leaves_no_lock(tmp_path):
    text = f"import sys; sys.path.insert(0, {os.getcwd()!r})\n"
    text += "from pathlib import Path\nfrom autograder.classroom.ledger import Ledger\n"
    text += f"ledger = Ledger(Path({str(tmp_path)!r}))\n"
    holder = subprocess.Popen(
        [sys.executable, "-c", text + "print(1, flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline().strip() == b"1"
    with pytest.raises(SourceError, match="in use"):
        Ledger(tmp_path)
    holder.kill()
    holder.communicate()
    with Ledger(tmp_path):
        pass


def test_the_seed_is_drawn_once_and_private(tmp_path):
    with Ledger(tmp_path) as ledger:
        seed = ledger.seed()
        assert ledger.seed() == ledger.seed(seed) == seed
        with pytest.raises(SourceError, match="another seed than"):
            ledger.seed(seed + 1)
    assert os.name == "nt" or stat.S_IMODE((tmp_path / SEED).stat().st_mode) == 0o600
    with Ledger(tmp_path / "other") as ledger:
        assert ledger.seed() != seed
    with Ledger(tmp_path / "third") as ledger:
        assert ledger.seed(7) == 7


def test_a_seed_that_is_none_is_not_replaced(tmp_path):
    (tmp_path / SEED).write_text("soup")
    with Ledger(tmp_path) as ledger, pytest.raises(SourceError, match="put the seed back"):
        ledger.seed()


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        ledger.append(record("ann"))
        size = (tmp_path / JOURNAL).stat().st_size
        write = os.write

        def full(handle, data):
            if len(data) == whole:
                return write(handle, data[:20])
            raise OSError(28, "No space left on device")

        whole = len(json.dumps(record("bob"), separators=(",", ":"))) + 1
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            ledger.append(record("bob"))
        monkeypatch.undo()
        assert (tmp_path / JOURNAL).stat().st_size == size
        assert [r["student"] for r in ledger.latest()] == ["ann"]
        ledger.append(record("bob"))
    assert len(read_journal(tmp_path)) == 2


@pytest.mark.parametrize(("place", "left"), [("write", ["ann"]), ("fsync", ["ann", "bob"])])
def test_after_an_interrupt_the_journal_tells_what_is_there(tmp_path, monkeypatch, place, left):
    def interrupted(handle: int, *line: memoryview) -> None:
        for part in line:
            write(handle, part[:10])
        raise KeyboardInterrupt

    write = os.write
    with Ledger(tmp_path) as ledger:
        ledger.append(record("ann"))
        with monkeypatch.context() as patched:
            patched.setattr(module.os, place, interrupted)
            with pytest.raises(KeyboardInterrupt):
                ledger.append(record("bob"))
        ledger.reread()
        assert [r["student"] for r in ledger.latest()] == left
        ledger.append(record("cid"))
    assert [r["student"] for r in read_journal(tmp_path)] == [*left, "cid"]


def test_no_journal_is_said(tmp_path):
    with pytest.raises(SourceError, match=r"holds no results\.jsonl"):
        read_journal(tmp_path)
