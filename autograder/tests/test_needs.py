"""What a machine may lack is told, and takes no points."""

import importlib.util
from dataclasses import replace

import pytest

from autograder import desk, needs, registry
from autograder.classroom.points import scaled
from autograder.judging.verdicts import PackageVerdict
from autograder.reporting.html import exercise_html
from autograder.reporting.json_form import exercise_json
from autograder.reporting.text import exercise_text

EXERCISE = registry.find("logsumexp")[1]
REAL = importlib.util.find_spec


@pytest.fixture
def nothing_here(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in needs.WAYS else REAL(name, *a))


def test_what_needs_nothing_lacks_nothing(nothing_here):
    assert needs.missing(EXERCISE) == ""
    assert needs.versions() == {}


def test_a_missing_package_is_named_with_the_way_to_it(nothing_here):
    text = needs.missing(replace(EXERCISE, needs="triton"))
    assert "triton is not installed" in text and "pip install triton" in text


def test_a_package_that_is_here_is_not_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: object())
    assert needs.missing(replace(EXERCISE, needs="triton")) == ""
    assert set(needs.versions()) == {"triton"}


@pytest.mark.parametrize("source", ["", "def triton_softmax(x):\n    return x\n"])
def test_an_exercise_is_skipped_whatever_was_written(nothing_here, source):
    verdict = desk.judge_package({"gpu_kernels": source}, ["triton_softmax"], "p").exercises[0]
    assert (verdict.status, verdict.score, verdict.max_score, verdict.problem) == ("skipped", 0, 0, "")
    assert PackageVerdict("p", (verdict,)).passed
    assert exercise_text(verdict).startswith("triton_softmax: skipped\n  triton is not installed")
    assert "triton is not installed" in exercise_html(verdict)
    assert scaled(exercise_json(verdict), {"triton_softmax": 7.0})["max_score"] == 0


def test_the_other_exercises_of_the_file_are_judged(nothing_here, solutions):
    verdict = desk.judge_package(solutions, ["cuda_time_ms", "triton_logsumexp"], "solutions")
    assert [e.status for e in verdict.exercises] == ["passed", "skipped"]
