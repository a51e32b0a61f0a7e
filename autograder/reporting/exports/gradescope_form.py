"""Exercises as the results.json of Gradescope."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from autograder.judging.verdicts import ORDER
from autograder.reporting.records import Record
from autograder.reporting.text import GOOD, points
from autograder.reporting.visible import visible

Private = Literal["hidden", "after_due_date"]
LONGEST = 4000  # characters of one test's output: its page shows them all
PLACES = {name: place for place, name in enumerate(ORDER)}


def results(exercises: Sequence[Record], private: Private, output: str, seconds: float, extra: Record) -> Record:
    """Return results.json: a test for each exercise and family, private cases in tests of their own.

    Args:
        exercises: As in `check --json`, private cases included.
        private: Who sees the private tests; Gradescope hides the total too until what is `after_due_date` is shown.
        output: What to say of the whole submission.
        seconds: How long grading took.
        extra: Data for the instructor's records.
    """
    tests = [test for number, e in enumerate(exercises, 1) for test in _tests(e, number, private)]
    return {
        "score": round(sum(test["score"] for test in tests), 4),
        "execution_time": round(seconds, 1),
        "output": visible(output),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": extra,
        "tests": tests,
    }


def _tests(exercise: Record, number: int, private: Private) -> Iterable[dict[str, Any]]:
    judged = exercise["status"] in ("passed", "failed", "skipped")
    cases = [c for c in exercise["cases"] if not (judged and c["status"] == "skipped")]
    groups: dict[tuple[bool, str], list[Record]] = {}
    for case in cases:
        groups.setdefault((case["visibility"] != "public", case["family"]), []).append(case)
    ordered = sorted(groups, key=lambda key: (key[0], PLACES.get(key[1], len(ORDER)), key[1]))
    for place, (is_private, family) in enumerate(ordered, 1):
        found = groups[is_private, family]
        name = f"{exercise['name']}: {family}{' (private)' if is_private else ''}"
        told = _counted(found, judged) if is_private else _output(exercise, found, judged, place == 1)
        good = judged and all(c["status"] in GOOD for c in found)
        yield {
            "name": name,
            "number": f"{number}.{place}",
            "score": round(float(sum(c["points"] for c in found)), 4) if judged else 0.0,
            "max_score": round(float(sum(c["max_points"] for c in found)), 4),
            "status": "passed" if good else "failed",
            "visibility": private if is_private else "visible",
            "output": visible(told)[:LONGEST],
            "output_format": "text",
            "tags": [exercise["stem"], family],
        }


def _output(exercise: Record, cases: Sequence[Record], judged: bool, first: bool) -> str:
    """Return what a learner is told: why nothing was judged, or the failed cases and, once, diagnosis and honours."""
    if not judged:
        written = exercise["status"] != "not_written"
        return str(exercise.get("problem") or "could not be judged") if written else "not written yet"
    bad = [c for c in cases if c["status"] not in GOOD]
    told = [c for c in bad if not c["message"].startswith("not judged:")]
    parts = [f"{c['status']}: {c['name']}\n{c['message']}".rstrip() for c in told]
    parts += sorted({c["message"] for c in bad} - {c["message"] for c in told})  # a refusal is said once
    parts += [f"inconclusive: {c['name']}: {c['message']}" for c in cases if c["status"] == "inconclusive"]
    if first and exercise["diagnosis"]:
        parts.insert(0, f"diagnosis: {exercise['diagnosis']['text']}")
    if first and exercise["honours"]:
        parts.append(f"honours {sum(exercise['honours'].values())} of {len(exercise['honours'])}")
    return "\n\n".join([_counted(cases, judged), *parts])


def _counted(cases: Sequence[Record], judged: bool) -> str:
    """Return how many cases are right: all that is said of private ones."""
    good = sum(c["status"] in GOOD for c in cases) if judged else 0
    return f"{good} of {len(cases)} right"


def total(exercises: Iterable[Record]) -> str:
    """Return the points that there are, as a person types them."""
    return points(round(sum(float(e["max_score"]) for e in exercises), 2))
