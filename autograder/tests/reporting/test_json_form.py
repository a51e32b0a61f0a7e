"""The JSON form is the contract `check/1`: these keys, these types, these words."""

import json

from autograder.reporting.json_form import package_json
from autograder.tests.reporting.sample import ALL

FORM = package_json(ALL)
STATUSES = {"passed", "failed", "not_written", "error", "skipped"}
CASE_STATUSES = {"passed", "failed", "skipped", "inconclusive", "timeout", "crashed"}


def test_the_object():
    assert set(FORM) == {"schema", "package", "score", "max_score", "wall", "exercises"}
    assert (FORM["schema"], FORM["package"], FORM["score"], FORM["max_score"]) == ("check/1", "exercises", 6, 17)
    assert FORM["wall"] == ["session", "landlock"]


def test_the_exercises():
    for exercise in FORM["exercises"]:
        assert set(exercise) == {
            *("name", "stem", "status", "score", "max_score", "honours", "problem", "diagnosis", "cases"),
        }
        assert exercise["status"] in STATUSES
        assert all(type(reached) is bool for reached in exercise["honours"].values())
        assert exercise["diagnosis"] is None or set(exercise["diagnosis"]) == {"mistake", "text"}
    assert [e["status"] for e in FORM["exercises"]] == ["passed", "failed", "failed", "not_written", "error"]
    assert FORM["exercises"][0]["honours"] == {"1 ulp": True, "memory within 2": False}
    assert FORM["exercises"][1]["diagnosis"] == {"mistake": "no_shift", "text": "You do not shift.\nAlso: you loop."}


def test_the_cases():
    for exercise in FORM["exercises"]:
        for case in exercise["cases"]:
            assert set(case) == {"name", "family", "visibility", "status", "points", "max_points", "message"}
            assert case["status"] in CASE_STATUSES
            assert case["visibility"] in ("public", "private")
            assert 0 <= case["points"] <= case["max_points"]


def test_honours_are_no_cases():
    assert "1 ulp" not in [case["name"] for case in FORM["exercises"][0]["cases"]]


def test_the_cases_points_add_up_to_the_score():
    for exercise in FORM["exercises"]:
        counted = [
            c for c in exercise["cases"] if c["status"] != "skipped" or exercise["status"] in ("not_written", "error")
        ]
        assert sum(c["points"] for c in counted) == exercise["score"]
        assert sum(c["max_points"] for c in counted) == exercise["max_score"]


def test_it_is_strict_json():
    assert json.loads(json.dumps(FORM, allow_nan=False)) == FORM
