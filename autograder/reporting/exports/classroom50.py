"""A record as the result.json of Classroom 50, as a summary in Markdown, and the workflow that makes both."""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.reporting.records import Record
from autograder.reporting.text import points
from autograder.reporting.visible import line

SCHEMA = "classroom50/result/v1"
FIELDS = ("classroom", "assignment", "submission", "commit", "release", "review")


def instant(when: datetime.datetime) -> str:
    """Return a time as Classroom 50 wants it: UTC, whole seconds, Z."""
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def result(record: Record, identity: Mapping[str, str], when: str) -> dict[str, Any]:
    """Return a record as result.json: a test for each exercise, whole numbers as scores.

    Scores that are no whole numbers are stated in hundredths, all of them.
    """
    exercises = record["exercises"]
    whole = all(float(e[key]).is_integer() for e in exercises for key in ("score", "max_score"))
    unit = 1 if whole else 100
    tests = [
        {
            "test-name": e["name"],
            "passed": e["status"] == "passed",
            "score": round(e["score"] * unit),
            "max-score": round(e["max_score"] * unit),
        }
        for e in exercises
    ]
    return {
        "schema": SCHEMA,
        **{field: identity[field] for field in FIELDS},
        "datetime": when,
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def result_text(record: Record, identity: Mapping[str, str], when: str) -> str:
    """Return result.json as text."""
    return json.dumps(result(record, identity, when), indent=1) + "\n"


def _cell(text: str) -> str:
    """Return a text that stays inside its cell of a Markdown table and is no markup."""
    kept = "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+!|~&@" else c for c in line(text))
    return kept or " "


def summary(record: Record) -> str:
    """Return a record as Markdown for a step summary; it says of private cases only how many are right."""
    score, top = points(round(record["score"], 2)), points(round(record["max_score"], 2))
    lines = [f"## {score} of {top} points", ""]
    if record["problem"]:
        lines += [f"Not graded: {_cell(str(record['problem']))}", ""]
    lines += ["| exercise | | points | diagnosis |", "| --- | --- | ---: | --- |"]
    for e in record["exercises"]:
        told = e["diagnosis"]["text"] if e["diagnosis"] else ""
        earned = f"{points(round(e['score'], 2))} of {points(round(e['max_score'], 2))}"
        lines.append(f"| {_cell(e['name'])} | {e['status'].replace('_', ' ')} | {earned} | {_cell(told)} |")
    return "\n".join(lines) + "\n"


def workflow(names: tuple[str, ...], course: str | None, reference: str | None) -> str:
    """Return the workflow that grades a push; the course's own repository, not the learner's, holds the autograder.

    Args:
        names: Exercises or chapters to grade; none means all.
        course: The course's repository, OWNER/NAME; without it, the learner's own copy grades.
        reference: The commit, tag or branch of the course; None means its default branch.
    """
    checkout = ["- uses: actions/checkout@v4"]
    if course:
        ref = f", ref: {json.dumps(reference)}" if reference else ""
        checkout.append("  with: {path: work}")
        checkout.append("- uses: actions/checkout@v4")
        checkout.append(f"  with: {{repository: {json.dumps(course)}{ref}, path: course}}")
    filled = {
        "@CHECKOUT@": "\n".join("      " + line for line in checkout),
        "@COURSE@": "course" if course else ".",
        "@EXERCISES@": "work/exercises" if course else "exercises",
        "@ONLY@": f" --only {' '.join(names)}" if names else "",
    }
    text = (Path(__file__).parent / "files" / "grade.yml").read_text(encoding="utf-8")
    for mark, words in filled.items():
        text = text.replace(mark, words)
    return text
