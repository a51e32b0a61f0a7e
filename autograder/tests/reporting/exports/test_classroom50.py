"""result.json is checked against a schema written from Classroom 50's contract; the workflow is YAML."""

import datetime
import json
import re

import jsonschema
import pytest

from autograder.reporting.exports.classroom50 import FIELDS, instant, result, result_text, summary, workflow
from autograder.tests.reporting.class_sample import ERROR, FAILED, PASSED, SECRET, UNWRITTEN, case, exercise, record

TEXT = {"type": "string", "minLength": 1}
SCORE = {"type": "integer", "minimum": 0}
TEST = {
    "type": "object",
    "required": ["test-name", "passed", "score", "max-score"],
    "properties": {"test-name": TEXT, "passed": {"type": "boolean"}, "score": SCORE, "max-score": SCORE},
    "additionalProperties": False,
}
CONTRACT = {
    "type": "object",
    "required": ["schema", *FIELDS, "datetime", "score", "max-score", "tests"],
    "properties": {
        "schema": {"const": "classroom50/result/v1"},
        **{field: TEXT for field in ("classroom", "assignment", "submission", "commit", "release", "review")},
        "datetime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        "score": SCORE,
        "max-score": SCORE,
        "tests": {"type": "array", "items": TEST},
    },
    "additionalProperties": False,
}
IDENTITY = {field: f"the {field}" for field in FIELDS}
WHEN = "2026-06-01T14:32:01Z"
HALF = exercise(cases=[case(points=0.5), case(points=0.25)])


@pytest.mark.parametrize(
    "exercises", [[], [PASSED], [PASSED, FAILED, UNWRITTEN, ERROR], [HALF, PASSED]], ids=["none", "one", "all", "half"]
)
def test_it_keeps_the_contract(exercises):
    found = json.loads(result_text(record(exercises=exercises), IDENTITY, WHEN))
    jsonschema.validate(found, CONTRACT)
    assert found["score"] == sum(test["score"] for test in found["tests"])
    assert found["max-score"] == sum(test["max-score"] for test in found["tests"])
    assert [test["test-name"] for test in found["tests"]] == [e["name"] for e in exercises]


def test_passed_is_passed():
    found = result(record(exercises=[PASSED, FAILED]), IDENTITY, WHEN)
    assert [test["passed"] for test in found["tests"]] == [True, False]
    assert (found["score"], found["max-score"]) == (4, 8)


def test_fractions_are_stated_in_hundredths():
    found = result(record(exercises=[HALF, PASSED]), IDENTITY, WHEN)
    assert [(test["score"], test["max-score"]) for test in found["tests"]] == [(75, 75), (200, 200)]


def test_times_are_utc():
    east = datetime.timezone(datetime.timedelta(hours=2))
    assert instant(datetime.datetime(2026, 6, 1, 16, 32, 1, 999, east)) == WHEN


def test_the_summary_keeps_private_cases_private_and_markup_harmless():
    hostile = "<img src=x> | [link](http://x) `code` @team\n# title"
    told = exercise(status="failed", cases=[case()], diagnosis={"mistake": "m", "text": hostile})
    text = summary(record(exercises=[FAILED, told], problem=hostile))
    assert SECRET not in text
    assert not re.search(r"(?<!\\)[<>`@\[]", text)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
    assert len(rows) == 4
    assert not any(line.startswith("# ") for line in text.splitlines())


@pytest.mark.parametrize("course", [None, "owner/course"])
@pytest.mark.parametrize("names", [(), ("log_sums", "ulp")])
def test_the_workflow_is_yaml_with_what_github_wants(course, names):
    yaml = pytest.importorskip("yaml")
    text = workflow(names, course, "v1" if course else None)
    assert "@" not in re.sub(r"actions/[a-z-]+@v\d+", "", text)
    read = yaml.safe_load(text)
    job = read["jobs"]["grade"]
    assert read[True] == ["push", "workflow_dispatch"]  # YAML 1.1 takes `on` for true; GitHub does not
    assert read["permissions"] == {"contents": "read"}
    assert all("uses" in step or "run" in step for step in job["steps"])
    script = "\n".join(step.get("run", "") for step in job["steps"])
    assert ("--only log_sums ulp" in script) == bool(names)
    assert f"python3 {'course' if course else '.'}/course.py grade" in script
    assert "${{" not in script  # what a pusher may name never becomes part of a script
