"""A function that raises the same exception everywhere is told so, once, with advice; any other is not."""

import pytest

from autograder.answer import Answer
from autograder.judging.diagnosis import Experience
from autograder.judging.questions import Question
from autograder.judging.stumble import stumble
from autograder.spec import Call, Case, Raises, Tolerance, Value

NAMES = {"gumbel_noise", "logsumexp"}


def met(answer: Answer, ask=None) -> Experience:
    case = Case("c", "value", lambda d: Call(), ask or Value(Tolerance(1)))
    return Experience(case, Call(), Question("value", {}, {}), answer, None)


def raised(kind: str, message: str, line: int = 3) -> Answer:
    return Answer("raised", error={"type": kind, "message": message, "file": "m.py", "line": line})


@pytest.mark.parametrize(
    ("kind", "message", "advice"),
    [
        ("NameError", "name 'gumbel_noize' is not defined", "is `gumbel_noise` meant?"),
        ("NameError", "name 'xyzzy' is not defined", "from .log_sums import logsumexp"),
        ("UnboundLocalError", "cannot access local variable 'logsumexxp' where it is", "is `logsumexp` meant?"),
        ("NotImplementedError", "gumbel_noise", "`gumbel_noise` is not written yet"),
        ("TypeError", "f() takes 1 positional argument", "m.py line 3: TypeError: f() takes 1"),
    ],
)
def test_one_exception_everywhere(kind, message, advice):
    told = stumble([met(raised(kind, message))] * 3, NAMES)
    assert told is not None
    assert told.mistake == "raises"
    assert advice in told.text
    assert told.text.startswith("Every call ends in the same place: m.py line 3")


@pytest.mark.parametrize(
    "answers",
    [
        [raised("TypeError", "a"), Answer("returned")],
        [raised("TypeError", "a"), raised("ValueError", "a")],
        [raised("TypeError", "a"), raised("TypeError", "a", line=4)],
        [raised("TypeError", "a")],
        [Answer("timeout"), Answer("timeout")],
        [],
    ],
)
def test_anything_else_is_no_stumble(answers):
    assert stumble([met(a) for a in answers], NAMES) is None


def test_what_has_to_raise_does_not_count():
    errors = [met(raised("ValueError", "tau")), met(Answer("returned"), Raises(("ValueError",)))]
    assert stumble([*errors, met(raised("ValueError", "tau"))], NAMES) is not None
