"""What a watch says and does next, without a terminal and without a judge."""

import dataclasses

import pytest

from autograder import progress, registry
from autograder.reporting.terminal import Look
from autograder.sources import stub
from autograder.tests.reporting import sample
from autograder.tests.reporting.sample import case
from autograder.watching.saves import Save
from autograder.watching.session import Session

NAMES = ["logsumexp", "logaddexp", "log1mexp"]
HEAD = "def {0}(x):\n    "
STUB = HEAD + "raise NotImplementedError('{0}')\n\n\n"


def module(**bodies: str) -> str:
    """Return a chapter: stubs, and these functions written."""
    return "".join(
        HEAD.format(n) + bodies[n] + "\n\n\n" if n in bodies else STUB.format(n) for n in NAMES
    ) + bodies.get("rest", "")


def save(**bodies: str) -> list[Save]:
    return [Save("log_sums", module(**bodies))]


@pytest.fixture
def session(tmp_path):
    return Session(NAMES, tmp_path, Look(), keyed=True)


def judge(session: Session, verdict) -> str:
    """Have the exercise at the head of the queue judged so; return what is said."""
    name = session.take()
    assert name is not None
    return "\n".join(session.judged(name, dict(session.sources), dataclasses.replace(verdict, name=name)))


# the start


def test_it_starts_with_the_first_exercise_that_has_not_passed(session):
    text = "\n".join(session.start(save()))
    assert session.current == "logsumexp"
    assert "0 of 3 passed" in text
    assert "Now: logsumexp (02_log_sums.ipynb, " in text
    assert "replace its `raise NotImplementedError` at " in text
    assert "log_sums.py:1" in text
    assert session.take() is None


def test_what_was_written_meanwhile_is_judged_the_current_one_first(session):
    session.start(save(logaddexp="return x", log1mexp="return x"))
    session.current = "log1mexp"
    assert [session.take(), session.take(), session.take()] == ["log1mexp", "logaddexp", None]


def test_progress_survives_a_restart(session, tmp_path):
    session.start(save(logsumexp="return x", logaddexp="return x"))
    judge(session, sample.PASSED)
    judge(session, sample.FAILED)
    again = Session(NAMES, tmp_path, Look(), keyed=True)
    text = "\n".join(again.start(save(logsumexp="return x", logaddexp="return x")))
    assert "1 of 3 passed" in text
    assert again.current == "logaddexp"
    assert again.take() == "logaddexp"  # its report is shown once more
    assert again.take() is None


def test_with_everything_passed_it_says_so(session, tmp_path):
    bodies = dict.fromkeys(NAMES, "return x")
    session.start(save(**bodies))
    for _ in NAMES:
        judge(session, sample.PASSED)
    assert session.current is None
    again = Session(NAMES, tmp_path, Look(), keyed=True)
    assert "All 3 exercises have passed." in again.start(save(**bodies))
    assert again.next() == again.again(None) == ["All exercises have passed."]


# saves


def test_only_what_changed_is_judged(session):
    session.start(save(logsumexp="return x", logaddexp="return x"))
    judge(session, sample.PASSED)
    judge(session, sample.FAILED)
    assert session.saved(save(logsumexp="return x", logaddexp="return 2 * x")) == []
    assert (session.take(), session.take()) == ("logaddexp", None)


def test_words_alone_are_nothing_to_judge(session):
    session.start(save(logsumexp="return x"))
    judge(session, sample.FAILED)
    text = session.saved(save(logsumexp="return x  # as it should be"))
    assert text == ["no answer has changed, so there is nothing to check"]
    assert session.take() is None


def test_a_stub_says_where_to_write(session):
    session.start(save())
    (text,) = session.saved(save(rest="# thinking\n"))
    assert text.startswith("logsumexp is not written yet: replace its `raise NotImplementedError` at ")
    assert text.endswith("log_sums.py:1")


def test_who_writes_another_exercise_gets_its_report(session):
    session.start(save())
    session.saved(save(log1mexp="return x"))
    assert session.current == "log1mexp"
    assert "FAILED" in judge(session, sample.FAILED)


def test_a_helper_that_several_use_has_them_all_judged(session):
    session.start(save(logsumexp="return _h(x)", logaddexp="return _h(x)", rest="def _h(x):\n    return x\n"))
    judge(session, sample.PASSED)
    judge(session, sample.PASSED)
    session.saved(save(logsumexp="return _h(x)", logaddexp="return _h(x)", rest="def _h(x):\n    return 2 * x\n"))
    assert judge(session, sample.PASSED).startswith("logsumexp: passed")
    assert judge(session, sample.FAILED).startswith("logaddexp: FAILED")


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (
            Save("log_sums", "x = 1\ndef f(:\n"),
            "log_sums.py:2 is no Python yet: invalid syntax. Mend that and save again.",
        ),
        (Save("log_sums", "x = '\0'\n"), "log_sums.py is no Python yet: "),
        (Save("log_sums", None, "gone"), "log_sums.py is gone: undo that in your editor, or press r for fresh stubs"),
        (Save("log_sums", None, "log_sums.py is not readable: save it as UTF-8"), "save it as UTF-8"),
    ],
)
def test_what_cannot_be_judged_is_a_line_and_the_watch_goes_on(session, saved, words):
    session.start(save(logsumexp="return x"))
    judge(session, sample.FAILED)
    (line,) = session.saved([saved])
    assert words in line
    assert session.take() is None
    assert words in "\n".join(session.again("logsumexp")) or saved.problem.endswith("UTF-8")
    session.saved(save(logsumexp="return 2 * x"))
    assert "logsumexp: passed" in judge(session, sample.PASSED)


def test_a_slip_in_a_file_takes_no_progress_away(session):
    session.start(save(logsumexp="return x"))
    judge(session, sample.PASSED)
    assert session.progress() == (1, 3)
    session.saved([Save("log_sums", "def f(:\n")])
    assert session.progress() == (1, 3)
    session.saved(save(logsumexp="return 2 * x"))
    assert session.progress() == (0, 3)


def test_a_file_of_no_chapter_may_go(session):
    session.start([*save(), Save("helpers", "x = 1\n")])
    assert "gone" not in "\n".join(session.saved([Save("helpers", None, "gone")]))


def test_a_missing_function_is_told(session):
    session.start([Save("log_sums", "import torch\n")])
    (line,) = session.again("logsumexp")
    assert "defines no logsumexp: write it there, or press r for its stub" in line


def test_an_answer_that_is_as_it_was_when_it_passed_passes_at_once(session):
    session.start(save(logsumexp="return x"))
    judge(session, sample.PASSED)
    session.saved(save(logsumexp="return 2 * x"))
    judge(session, sample.FAILED)
    text = session.saved(save(logsumexp="return x"))
    assert text[0] == "logsumexp: as it was when it passed"
    assert session.take() is None
    assert session.current == "logaddexp"


# verdicts


def test_after_a_pass_it_goes_on(session):
    session.start(save(logsumexp="return x"))
    text = judge(session, sample.PASSED)
    assert text.startswith("logsumexp: passed, ")
    assert "press s" in text
    assert "Next: logaddexp (" in text
    assert (session.current, session.passed_last) == ("logaddexp", "logsumexp")
    assert progress.of("logsumexp")["passed"]


def test_after_the_last_pass_all_is_done(session):
    session.start(save(**dict.fromkeys(NAMES, "return x")))
    text = [judge(session, sample.PASSED) for _ in NAMES][-1]
    assert text.endswith("All 3 exercises have passed.")
    assert session.progress() == (3, 3)


def test_a_failure_shows_the_report_and_no_hint_unasked(session):
    session.start(save(logsumexp="return x"))
    text = judge(session, sample.FAILED)
    assert "failed in shape: broadcast" in text
    assert "diagnosis" in text
    assert text.endswith("stuck? For a hint, press h")
    assert "hint 1 of 3" not in text
    assert progress.of("logsumexp")["failed"] == 0  # every save is a check: they do not count as tries
    assert session.current == "logsumexp"


def test_an_endless_loop_is_named(session):
    session.start(save(logsumexp="return x"))
    assert "is there an endless loop?" in judge(session, sample.FAILED)
    slow = dataclasses.replace(sample.FAILED, cases=(case("a", "failed", message="wrong"),))
    session.again("logsumexp")
    assert "endless" not in judge(session, slow)


def test_an_error_says_what_to_do(session):
    session.start(save(logsumexp="return x"))
    text = judge(session, dataclasses.replace(sample.ERROR, problem="log_sums.py cannot be imported: NameError"))
    assert text == "logsumexp: log_sums.py cannot be imported: NameError\n  mend that and save again"


def test_a_verdict_on_code_of_the_past_says_nothing(session):
    session.start(save(logsumexp="return x"))
    name, sources = session.take(), dict(session.sources)
    session.saved(save(logsumexp="return 2 * x"))
    assert session.judged(name, sources, sample.PASSED) == []
    assert progress.of("logsumexp")["passed"] is None
    assert session.take() == "logsumexp"


def test_what_a_learner_wrote_steers_no_terminal(session):
    session.start(save(logsumexp="return x"))
    hostile = dataclasses.replace(sample.FAILED, cases=(case("\x1b[2J", "failed", message="\x1b]0;title\x07\r"),))
    assert "\x1b" not in judge(session, hostile)
    assert "\x1b" not in "".join(session.failed_to_judge("\x1b[2J"))
    assert "\x1b" not in "".join(session.saved([Save("log_sums", None, "\x1b[2J")]))


# going on


def test_next_goes_around(session):
    session.start(save())
    seen = []
    for _ in range(4):
        session.next()
        seen.append(session.current)
    assert seen == ["logaddexp", "log1mexp", "logsumexp", "logaddexp"]


def test_next_shows_the_report_that_is_known(session):
    session.start(save(logsumexp="return x", logaddexp="return x"))
    judge(session, sample.FAILED)
    assert "broadcast" not in judge(session, sample.FAILED)  # it is not the current one: a line will do
    assert "failed in shape: broadcast" in "\n".join(session.next())
    assert session.take() is None


def test_next_has_nowhere_to_go_from_the_last(session):
    session.start(save(logsumexp="return x", logaddexp="return x"))
    judge(session, sample.PASSED)
    judge(session, sample.PASSED)
    assert session.next() == ["log1mexp is the only one left."]


def test_again_is_once_more(session):
    session.start(save(logsumexp="return x"))
    judge(session, sample.FAILED)
    assert session.again("logsumexp") == session.again("logsumexp") == []
    assert (session.take(), session.take()) == ("logsumexp", None)


def test_without_keys_commands_are_named(tmp_path):
    session = Session(NAMES, tmp_path, Look(), keyed=False)
    text = "\n".join(session.start(save(logsumexp="return x")))
    assert "Ctrl-C ends it" in text
    text = judge(session, sample.FAILED)
    assert "For a hint, run `python -m autograder hint logsumexp`" in text
    assert "press" not in text
    (line,) = session.saved([Save("log_sums", None, "gone")])
    assert "run `python -m autograder reset logsumexp`" in line


def test_the_whole_course_can_be_watched(tmp_path, solutions):
    session = Session(list(registry.everything()), tmp_path, Look(), keyed=True)
    session.start([Save(stem, stub(text)) for stem, text in solutions.items() if stem in registry.stems()])
    assert session.current == next(iter(registry.everything()))
    assert session.take() is None
    session.saved([Save(stem, text) for stem, text in solutions.items() if stem in registry.stems()])
    taken = []
    while (name := session.take()) is not None:
        taken.append(name)
    assert taken == list(registry.everything())
