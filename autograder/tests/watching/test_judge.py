"""One question after the other, in the background; a judge that stumbles goes on."""

import threading
import time

from autograder.judging.verdicts import PackageVerdict
from autograder.tests.reporting.sample import PASSED
from autograder.watching.judge import Judge, Outcome


def wait(judge: Judge) -> Outcome:
    until = time.monotonic() + 10
    while (outcome := judge.answer()) is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    return outcome


def test_an_answer_comes_in_its_own_time():
    go = threading.Event()
    judge = Judge(lambda sources, names: go.wait(10) and PackageVerdict("p", (PASSED,)))
    assert (judge.asked, judge.answer()) == (None, None)
    judge.ask("logsumexp", {"log_sums": "x"})
    assert judge.answer() is None
    assert judge.asked == "logsumexp"
    go.set()
    assert wait(judge) == Outcome("logsumexp", {"log_sums": "x"}, PASSED)
    assert judge.asked is None


def test_what_is_judged_is_what_was_there_when_it_was_asked():
    sources = {"log_sums": "one"}
    go = threading.Event()
    judge = Judge(lambda sources, names: go.wait(10) and PackageVerdict(sources["log_sums"], (PASSED,)))
    judge.ask("logsumexp", sources)
    sources["log_sums"] = "two"
    go.set()
    assert wait(judge).sources == {"log_sums": "one"}


def test_an_error_is_an_answer_and_the_next_question_is_heard():
    def judging(sources, names):
        if names == ["logsumexp"]:
            raise ValueError("no")
        return PackageVerdict("p", (PASSED,))

    judge = Judge(judging)
    judge.ask("logsumexp", {})
    outcome = wait(judge)
    assert outcome.verdict is None
    assert outcome.problem == "logsumexp could not be judged (ValueError: no); c tries again"
    judge.ask("logaddexp", {})
    assert wait(judge).verdict == PASSED
