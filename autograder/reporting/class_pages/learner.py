"""What a learner may see of a record: public cases with their data, private ones by family only."""

from collections.abc import Iterable
from dataclasses import dataclass

from autograder.judging.verdicts import ORDER
from autograder.reporting.records import Record
from autograder.reporting.text import GOOD

PLACES = {name: place for place, name in enumerate(ORDER)}


@dataclass(frozen=True)
class Failure:
    """A public case that failed, and what to say of it."""

    status: str
    family: str
    name: str
    message: str


@dataclass(frozen=True)
class Section:
    """One exercise on a learner's page.

    `public` and `private` count the right cases by family, `unjudged` those that a refusal kept from being judged.
    """

    name: str
    stem: str
    status: str
    score: float
    max_score: float
    problem: str
    public: str
    private: str
    failures: tuple[Failure, ...]
    unjudged: int
    notes: tuple[str, ...]
    diagnosis: str
    reached: tuple[str, ...]
    open: tuple[str, ...]


@dataclass(frozen=True)
class NotebookRow:
    """How one of the course's notebooks ran with the learner's functions."""

    notebook: str
    status: str
    words: str


def notebook_row(run: Record) -> NotebookRow:
    """Return the line about one notebook: which cells failed, or where it came to an end."""
    cells, status = [int(n) for n in run["failed_cells"]], str(run["status"])
    total = int(run["total"])
    told = {
        "passed": f"all {total} cells",
        "failed": f"{len(cells)} of {total} cells: {', '.join(map(str, cells))}",
        "timeout": f"not done in time: cell {cells[-1] if cells else '?'} of {total}",
        "crashed": f"ended early: cell {cells[-1] if cells else '?'} of {total}",
    }
    return NotebookRow(str(run["notebook"]), status, told.get(status, ""))


def _families(cases: Iterable[Record]) -> str:
    """Return "value 2/2, shape 8/9" in the order of judging."""
    counts: dict[str, list[bool]] = {}
    for case in cases:
        counts.setdefault(case["family"], []).append(case["status"] in GOOD)
    known = sorted(counts, key=lambda name: (PLACES.get(name, len(ORDER)), name))
    return ", ".join(f"{name} {sum(counts[name])}/{len(counts[name])}" for name in known)


def section(exercise: Record) -> Section:
    """Return what a learner may see of one exercise."""
    judged = exercise["status"] in ("passed", "failed")
    cases = [c for c in exercise["cases"] if c["status"] != "skipped"] if judged else []
    public = [c for c in cases if c["visibility"] == "public"]
    bad = [c for c in public if c["status"] not in GOOD]
    told = [c for c in bad if not c["message"].startswith("not judged:")] or bad
    honours = exercise["honours"] if judged else {}
    return Section(
        name=exercise["name"],
        stem=exercise["stem"],
        status=exercise["status"],
        score=exercise["score"],
        max_score=exercise["max_score"],
        problem=str(exercise.get("problem") or "") if exercise["status"] == "error" else "",
        public=_families(public),
        private=_families(c for c in cases if c["visibility"] != "public"),
        failures=tuple(Failure(c["status"], c["family"], c["name"], c["message"]) for c in told),
        unjudged=len(bad) - len(told),
        notes=tuple(f"{c['name']}: {c['message']}" for c in public if c["status"] == "inconclusive"),
        diagnosis=exercise["diagnosis"]["text"] if exercise["diagnosis"] else "",
        reached=tuple(name for name, good in honours.items() if good),
        open=tuple(name for name, good in honours.items() if not good),
    )
