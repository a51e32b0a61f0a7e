"""results.json is checked against a schema written from Gradescope's specification."""

import json

import jsonschema
import pytest

from autograder.reporting.exports.gradescope_form import LONGEST, results, total
from autograder.tests.reporting.class_sample import ERROR, FAILED, PASSED, REFUSED, SECRET, UNWRITTEN, case, exercise

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
TEST = {
    "type": "object",
    "properties": {
        "score": {"type": "number"},
        "max_score": {"type": "number"},
        "status": {"enum": ["passed", "failed"]},
        "name": {"type": "string"},
        "name_format": FORMAT,
        "number": {"type": "string"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "tags": {"type": "array", "items": {"type": "string"}},
        "visibility": VISIBILITY,
        "extra_data": {"type": "object"},
    },
    "additionalProperties": False,
}
SPECIFICATION = {
    "type": "object",
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {"type": "array", "items": TEST},
        "leaderboard": {"type": "array"},
    },
    "anyOf": [{"required": ["score"]}, {"properties": {"tests": {"minItems": 1, "items": {"required": ["score"]}}}}],
    "additionalProperties": False,
}
ALL = [PASSED, FAILED, REFUSED, UNWRITTEN, ERROR]


def form(*exercises, private="hidden"):
    found = results(list(exercises), private, "as it went", 1.25, {"wall": "full"})
    jsonschema.validate(json.loads(json.dumps(found, allow_nan=False)), SPECIFICATION)
    return found


@pytest.mark.parametrize("exercises", [[], *([e] for e in ALL), ALL], ids=lambda e: str(len(e)))
def test_it_keeps_the_specification_and_the_points(exercises):
    found = form(*exercises)
    assert found["score"] == sum(e["score"] for e in exercises)
    assert sum(test["score"] for test in found["tests"]) == found["score"]
    assert sum(test["max_score"] for test in found["tests"]) == sum(e["max_score"] for e in exercises)
    assert found["stdout_visibility"] == "hidden"


@pytest.mark.parametrize("private", ["hidden", "after_due_date"])
def test_private_cases_are_in_tests_of_their_own_and_say_only_how_many(private):
    tests = form(FAILED, private=private)["tests"]
    kept = [test for test in tests if test["visibility"] != "visible"]
    assert [(t["name"], t["visibility"], t["output"]) for t in kept] == [
        ("logaddexp: value (private)", private, "1 of 2 right")
    ]
    assert SECRET not in json.dumps(tests)


def test_a_public_failure_brings_its_data_and_the_diagnosis_comes_once():
    tests = {test["name"]: test for test in form(FAILED)["tests"]}
    assert "given     a\ngot       b\nexpected  c" in tests["logaddexp: shape"]["output"]
    assert tests["logaddexp: shape"]["status"] == "failed"
    assert [name for name, test in tests.items() if "You do not shift." in test["output"]] == ["logaddexp: value"]
    assert "logaddexp: device" not in tests  # skipped, and worth nothing


def test_a_refusal_is_said_once_in_each_test():
    assert all(test["output"].count("torch.softmax") == 1 for test in form(REFUSED)["tests"])


def test_what_was_not_judged_says_why():
    assert [test["output"] for test in form(UNWRITTEN)["tests"]] == ["not written yet"]
    assert "never closed" in form(ERROR)["tests"][0]["output"]


def test_an_inconclusive_clock_gives_the_points_and_says_so():
    tests = {test["name"]: test for test in form(PASSED)["tests"]}
    assert tests["logsumexp: time"]["status"] == "passed"
    assert "too busy to tell" in tests["logsumexp: time"]["output"]
    assert "honours 1 of 2" in tests["logsumexp: value"]["output"]


def test_what_steers_a_screen_is_spelled_and_long_outputs_are_cut():
    tests = form(exercise(status="failed", cases=[case(status="failed", message="\x1b[31m" + "x" * 9999)]))["tests"]
    assert "\\x1b[31m" in tests[0]["output"]
    assert len(tests[0]["output"]) <= LONGEST


def test_the_total_is_what_there_is_to_earn():
    assert total([PASSED, UNWRITTEN]) == "5"
