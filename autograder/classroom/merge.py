"""`merge`: puts the results of shards together."""

import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.classroom.grades import write_grades
from autograder.classroom.ledger import SEED, Ledger, read_journal, read_shard
from autograder.classroom.records import Record, latest, passed
from autograder.classroom.run import write_reports
from autograder.sources import SourceError


def collect(folders: Sequence[Path]) -> list[Record]:
    """Return the latest record of each learner from several results' folders.

    Raises:
        SourceError: They were graded under different circumstances, or disagree about a learner.
    """
    found: dict[str, tuple[Path, Record]] = {}
    for folder in folders:
        for record in latest(read_journal(folder)):
            other = found.setdefault(record["student"], (folder, record))
            if other[1]["key"] != record["key"]:
                raise SourceError(
                    f"{other[0]} and {folder} both graded {record['student']}, not alike (another seed, other "
                    "exercises or points, or other files): leave one of them out"
                )
    first = next(iter(found.values()), None)
    for folder, record in found.values():
        for what, words in (("seed_id", "seeds"), ("versions", "versions"), ("wall", "levels of the wall")):
            if first is not None and record.get(what) != first[1].get(what):
                raise SourceError(f"{first[0]} and {folder} were graded with different {words}: grade one of them anew")
    return [found[student][1] for student in sorted(found)]


def missing(folders: Sequence[Path]) -> list[str]:
    """Say which parts of a class are not among these folders, or not whole; nothing where no folder knows."""
    parts = {folder: part for folder in folders if (part := read_shard(folder)) is not None and part[1] > 1}
    said = []
    for count in sorted({count for _, count, _ in parts.values()}):
        there = {number for number, of, _ in parts.values() if of == count}
        said += [f"shard {n}/{count} is missing" for n in range(1, count + 1) if n not in there]
    for folder, (number, count, submissions) in parts.items():
        graded = len(latest(read_journal(folder)))
        if graded < submissions:
            said.append(f"shard {number}/{count} ({folder}) has {graded} of {submissions} submissions")
    return said


def merge(folders: Sequence[Path], out: Path) -> int:
    """Write the results of several folders into `out`; return the exit code that one run would have had."""
    folders = [folder for folder in folders if folder.resolve() != out.resolve()]
    records = collect(folders)
    lacking = missing(folders)
    with Ledger(out) as ledger:
        known = {r["student"]: r for r in ledger.latest()}
        for record in records:
            if known.get(record["student"]) != record:
                ledger.append(record)
        seeds = {int((f / SEED).read_text()) for f in folders if (f / SEED).is_file()}
        if len(seeds) == 1 and not (out / SEED).exists():
            ledger.seed(seeds.pop())
        whole = ledger.latest()
        write_grades(out, whole)
        write_reports(out, whole)
    print(f"{len(records)} submissions from {len(folders)} folders are in {out}")
    for text in lacking:
        print(f"autograder: {text}: grade it, then merge again", file=sys.stderr)
    if lacking:
        return 2
    if any(not record["key"] for record in whole):
        print("autograder: some could not be graded; grade their shard again", file=sys.stderr)
        return 2
    return 0 if all(map(passed, whole)) else 1
