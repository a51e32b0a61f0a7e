"""One submission inside Gradescope's container: results.json tells the truth from the first moment to the last."""

import json
import shutil

import jsonschema
import pytest

from autograder import desk, gradescope, registry
from autograder.tests.reporting.exports.test_gradescope_form import SPECIFICATION

SETTINGS = {"exercises": ["exp_range", "ulp_error"], "seed": 11, "private": "hidden", "limit_s": 500}


@pytest.fixture
def grade(tmp_path):
    (tmp_path / "submission").mkdir()

    def grade(**changes):
        try:
            gradescope.main(tmp_path, SETTINGS | changes)
        finally:
            found = json.loads((tmp_path / "results" / "results.json").read_text())
            jsonschema.validate(found, SPECIFICATION)
            grade.found = found
        return found

    grade.submission = tmp_path / "submission"
    return grade


def test_an_empty_submission_says_what_to_hand_in(grade):
    found = grade()
    assert found["output"].startswith("Nothing could be graded: no STEM.py")
    assert {test["score"] for test in found["tests"]} == {0}
    assert sum(test["max_score"] for test in found["tests"]) > 0
    assert all("no STEM.py" in t["output"] for t in found["tests"] if t["visibility"] == "visible")


def test_a_link_is_not_followed(grade, tmp_path):
    (tmp_path / "secret").write_text("the seed")
    (grade.submission / "floats.py").symlink_to(tmp_path / "secret")
    found = grade()
    assert "symbolic link" in found["output"]
    assert "the seed" not in json.dumps(found)


def test_when_the_time_is_up_what_was_judged_counts(grade, monkeypatch):
    shutil.copy(registry.ROOT / "solutions" / "floats.py", grade.submission)
    judge = desk.judge_package
    now = iter([0.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(gradescope.time, "monotonic", lambda: next(now, 1000.0))
    monkeypatch.setattr(desk, "judge_package", lambda *args: judge(*args, clock=False))
    found = grade()
    first = [test for test in found["tests"] if test["name"].startswith("exp_range")]
    assert found["output"].startswith("The time was up after 1 of 2 exercises")
    assert found["score"] == sum(test["max_score"] for test in first) > 0


def test_when_the_grader_breaks_off_what_was_judged_counts(grade, monkeypatch):
    shutil.copy(registry.ROOT / "solutions" / "floats.py", grade.submission)
    judge = desk.judge_package

    def broken(sources, names, *rest):
        if sources and list(names) == ["ulp_error"]:
            raise MemoryError
        return judge(sources, names, *rest, clock=False)

    monkeypatch.setattr(desk, "judge_package", broken)
    with pytest.raises(MemoryError):
        grade()
    assert grade.found["output"] == "1 of 2 exercises judged so far."
    assert grade.found["score"] > 0
    unjudged = [t for t in grade.found["tests"] if t["name"].startswith("ulp_error")]
    assert all("not judged yet" in t["output"] for t in unjudged if t["visibility"] == "visible")
