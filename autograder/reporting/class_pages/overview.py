"""The first page of a class: what stands out, and how it was graded."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.reporting.class_pages.figures import UNFINISHED
from autograder.reporting.class_pages.heat import Entry
from autograder.reporting.records import Record
from autograder.reporting.text import points
from autograder.reporting.visible import line

SHOWN = 200  # learners named in one warning
MOST_NAMED = 20  # ignored files of a learner
ABSENT = "there is no file"  # a chapter that was not handed in is no error
PROBLEM = "Submissions with a problem"
BROKEN = "Chapters that cannot be judged (an error in the file, or a name that is missing)"
STUCK = "Learners whose answers crashed or did not end"
UNCLEAR = "Learners with a case that the clock could not decide (its points are given)"
IGNORED = "Submissions with files that were ignored"


@dataclass(frozen=True)
class Warning:
    """Something that an instructor should look at: name, link and text of each learner it concerns."""

    words: str
    count: int
    rows: tuple[tuple[str, str, str], ...]


class Watch:
    """Notes what an instructor should look at, and how the class was graded, record by record."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._rows: dict[str, list[tuple[str, str, str]]] = {
            words: [] for words in (PROBLEM, BROKEN, STUCK, UNCLEAR, IGNORED)
        }
        self._counts: Counter[str] = Counter()
        self._ways: dict[str, Counter[str]] = {
            name: Counter() for name in ("wall", "its layers", "versions", "the seed's fingerprint")
        }
        self._seconds: list[float] = []
        self.passed = 0
        self.most = 0.0

    def add(self, record: Record, link: str) -> None:
        """Note one record."""
        exercises = record["exercises"]
        self.passed += bool(exercises) and all(e["status"] == "passed" for e in exercises)
        self.most = max(self.most, record["max_score"])
        texts = {PROBLEM: line(str(record["problem"])) if record["problem"] else ""}
        if not record["problem"]:
            told = [e["problem"] for e in exercises if e["status"] == "error" and e.get("problem")]
            texts[BROKEN] = "; ".join(line(text) for text in dict.fromkeys(told) if not text.startswith(ABSENT))
        texts[STUCK] = ", ".join(e["name"] for e in exercises if any(c["status"] in UNFINISHED for c in e["cases"]))
        texts[UNCLEAR] = ", ".join(
            e["name"] for e in exercises if any(c["status"] == "inconclusive" for c in e["cases"])
        )
        texts[IGNORED] = ", ".join(line(str(name)) for name in record["ignored"][:MOST_NAMED])
        if len(record["ignored"]) > MOST_NAMED:
            texts[IGNORED] += f" and {len(record['ignored']) - MOST_NAMED} more"
        for words, text in texts.items():
            self._counts[words] += bool(text)
            if text and len(self._rows[words]) < SHOWN:
                self._rows[words].append((str(record["student"]), link, text))
        self._note_ways(record)

    def _note_ways(self, record: Record) -> None:
        versions = sorted((record.get("versions") or {}).items())
        self._ways["wall"][line(str(record.get("wall") or "none"))] += 1
        self._ways["its layers"][", ".join(map(line, record.get("layers") or [])) or "none"] += 1
        self._ways["versions"][", ".join(line(f"{name} {version}") for name, version in versions)] += 1
        self._ways["the seed's fingerprint"][line(str(record.get("seed_id") or "none"))] += 1
        if record.get("seconds") is not None:
            self._seconds.append(float(record["seconds"]))

    def warnings(self) -> list[Warning]:
        """Return what to look at, the gravest first."""
        return [Warning(w, self._counts[w], tuple(sorted(rows))) for w, rows in self._rows.items() if rows]

    def ways(self) -> list[tuple[str, str]]:
        """Return how the class was graded; where learners differ in it, how many."""
        found = []
        for name, values in self._ways.items():
            told = [f"{value} ({n} learners)" if len(values) > 1 else value for value, n in values.most_common()]
            found.append((name, "; ".join(told)))
        if self._seconds:
            middle, longest = statistics.median(self._seconds), max(self._seconds)
            text = f"{sum(self._seconds):.0f} in all, median {middle:.1f}, {longest:.1f} at most"
            found.append(("seconds per learner", text))
        return found


def facts(entries: Sequence[Entry], watch: Watch) -> list[tuple[str, str]]:
    """Return the numbers at the head of the page."""
    parts = [e.part for e in entries] or [0.0]
    return [
        (str(len(entries)), "learners"),
        (f"{100 * statistics.fmean(parts):.0f} %", "of the points, mean"),
        (f"{100 * statistics.median(parts):.0f} %", "of the points, median"),
        (str(watch.passed), "passed everything"),
        (points(round(watch.most, 2)), "points at most"),
    ]
