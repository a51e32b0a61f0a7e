"""The status of an exercise follows from the files and from what was judged before."""

import dataclasses

import pytest

from autograder import progress, registry
from autograder.fingerprint import fingerprint
from autograder.sources import stub
from autograder.standing import WORDS, is_written, note, place, standings, status
from autograder.tests.reporting.sample import ERROR, FAILED, PASSED, UNWRITTEN

RIGHT = "def logsumexp(x):\n    return x\n"
OTHER = "def logsumexp(x):\n    return 2 * x\n"


def now(text: str | None, name: str = "logsumexp") -> str:
    sources = {} if text is None else {"log_sums": text}
    return standings(sources, [name])[0].status


def judged(verdict, text: str) -> None:
    note(dataclasses.replace(verdict, name="logsumexp"), {"log_sums": text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "unreadable"),
        ("def logsumexp(:\n", "unreadable"),
        ("", "not_written"),
        ("def logsumexp(x):\n    raise NotImplementedError('logsumexp')\n", "not_written"),
        (RIGHT, "unchecked"),
    ],
)
def test_before_any_check(text, expected):
    assert now(text) == expected


def test_after_passing():
    judged(PASSED, RIGHT)
    assert now(RIGHT) == "passed"
    assert now("# words\n" + RIGHT + "\n\ndef logaddexp(a, b):\n    return a\n") == "passed"
    assert now(OTHER) == "changed"
    judged(FAILED, OTHER)
    assert now(OTHER) == "failed"
    assert now(RIGHT) == "passed"
    assert progress.of("logsumexp")["passed"] == fingerprint({"log_sums": RIGHT}, "log_sums", "logsumexp")


@pytest.mark.parametrize("verdict", [FAILED, ERROR])
def test_after_failing(verdict):
    judged(verdict, RIGHT)
    assert now(RIGHT) == "failed"
    assert now(OTHER) == "unchecked"


def test_a_stub_is_not_remembered():
    judged(UNWRITTEN, RIGHT)
    assert now(RIGHT) == "unchecked"


def test_a_failure_keeps_hints_and_passes():
    progress.update("logsumexp", hints=2, failed=1)
    judged(FAILED, RIGHT)
    assert progress.of("logsumexp")["hints"] == 2
    judged(PASSED, RIGHT)
    assert progress.of("logsumexp")["failed"] == 0


@pytest.mark.parametrize("state", [{"passed": 7}, {"passed": [], "judged": {}}, {}])
def test_a_strange_state_is_no_pass(state):
    assert status({"log_sums": RIGHT}, "log_sums", "logsumexp", state) in ("unchecked", "changed")


def test_a_standing_holds_what_the_spec_says():
    standing = standings({}, ["logsumexp"])[0]
    exercise = registry.find("logsumexp")[1]
    assert (standing.stem, standing.minutes, standing.difficulty) == ("log_sums", exercise.minutes, exercise.difficulty)


def test_stubs_are_not_written_and_solutions_are(solutions):
    stubs = {stem: stub(text) for stem, text in solutions.items() if stem in registry.stems()}
    names = list(registry.everything())
    assert {s.status for s in standings(stubs, names)} == {"not_written"}
    assert {s.status for s in standings(solutions, names)} == {"unchecked"}
    assert not is_written("def f(:\n", "f")


def test_a_place_is_a_line():
    assert place("x = 1\n\ndef f():\n    pass\n", "f") == 3
    assert place("", "f") is None


def test_every_status_has_a_word():
    assert {s.status for s in standings({}, registry.everything())} <= WORDS.keys()
