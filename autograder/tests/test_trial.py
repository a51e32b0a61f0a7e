"""A function behind the wall: what the gate refuses does not run, and what dies says how."""

import pytest
import torch

from autograder import registry, trial
from autograder.answer import Answer
from autograder.running.wall import Worker
from autograder.trial import Trial

EXERCISE = registry.find("log1mexp")[1]
X = {"args": (torch.tensor([-1.0]),), "kwargs": {}}
HEAD = "import os\nimport torch\n\n\ndef log1mexp(x):\n"


def of(wall, body):
    return Trial(wall, EXERCISE, "log_sums", {"log_sums": HEAD + body})


def test_a_function_answers(wall):
    with of(wall, "    return x + 1\n") as made:
        answer = made.ask("value", 5.0, **X)
        assert float(answer.result["value"]) == 0.0
        worker = made.load()
        assert worker is made.load()
    assert not worker.alive


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({}, "there is no file log_sums.py"),
        ({"log_sums": "def log1mexp(x):\n    raise NotImplementedError\n"}, "log1mexp is not written yet"),
        ({"log_sums": "def log1mexp(x\n"}, "log_sums.py line 1: "),
        ({"log_sums": "import torch\ndef log2mexp(x):\n    return x\n"}, "log_sums.py defines no log1mexp"),
    ],
)
def test_what_cannot_be_read_does_not_run(wall, monkeypatch, sources, words):
    monkeypatch.setattr(Worker, "ask", lambda *_, **__: pytest.fail("it was run"))
    assert Trial(wall, EXERCISE, "log_sums", sources).ask("value", 5.0, **X).startswith(words)


def test_what_the_gate_refuses_does_not_run(wall, monkeypatch):
    monkeypatch.setattr(Worker, "ask", lambda *_, **__: pytest.fail("it was run"))
    exercise = registry.find("logsumexp")[1]
    text = "import torch\n\n\ndef logsumexp(x, dim=-1, keepdim=False):\n    return torch.logsumexp(x, dim, keepdim)\n"
    assert "line 5" in Trial(wall, exercise, "log_sums", {"log_sums": text}).ask("value", 5.0, **X)


def test_what_reaches_for_the_system_runs_only_where_the_wall_is_whole(wall, monkeypatch):
    monkeypatch.setattr(trial, "wall_level", lambda layers: "partial")
    assert "this machine cannot wall it off" in of(wall, "    os.getcwd()\n    return x\n").refusal
    monkeypatch.setattr(trial, "wall_level", lambda layers: "full")
    assert of(wall, "    os.getcwd()\n    return x\n").refusal == ""


def test_a_file_that_cannot_be_imported_is_tried_once(wall, monkeypatch):
    text = "import torch\n1 / 0\n\n\ndef log1mexp(x):\n    return x\n"
    made = Trial(wall, EXERCISE, "log_sums", {"log_sums": text})
    words = made.ask("value", 5.0, **X)
    assert words == "log_sums.py cannot be imported: log_sums.py line 2: ZeroDivisionError: division by zero"
    monkeypatch.setattr(made, "wall", None)
    assert made.ask("value", 5.0, **X) == words


def test_after_two_lost_workers_no_further_one_is_started(wall):
    with of(wall, "    while True:\n        pass\n") as made:
        first, second, third = (made.ask("value", 0.2, **X) for _ in range(3))
    assert first.outcome == second.outcome == "timeout"
    assert third == "not run after 2 calls without an answer"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer("timeout", detail="no answer within 2 s"), "no answer within 2 s"),
        (Answer("crashed", detail="signal\x1b 11"), "the process died: signal  11"),
        (Answer("garbled", detail="?"), "the answer was not readable: ?"),
        (
            Answer("raised", error={"type": "ValueError", "message": "no", "file": "a.py", "line": 3}),
            "a.py line 3: ValueError: no",
        ),
    ],
)
def test_why_an_answer_is_none(answer, words):
    assert Trial.why(answer) == words
