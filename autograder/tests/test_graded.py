"""The graded run: one pytest item per case, which passes or fails as the case did."""

import pytest

from autograder import registry, tracks
from autograder.graded.test_cases import listed
from autograder.graded.test_cases import test_case as graded_case
from autograder.judging.verdicts import CaseVerdict, Diagnosis, ExerciseVerdict

SOLUTIONS = registry.ROOT / "solutions"
NAME = "logsumexp_numpy"  # the chapter's only exercise without the clock's cases


class Recorder:
    """A plugin that notes the outcome and the message of each item."""

    def __init__(self) -> None:
        self.outcomes: dict[str, tuple[str, str]] = {}

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid.rpartition("[")[2]] = (report.outcome, report.longreprtext)


def run(package, *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Run pytest once more in this process: it shares the wall."""
    recorder = Recorder()
    command = ["-p", "no:cacheprovider", "-c", str(registry.ROOT / "pyproject.toml")]
    command += ["--package", str(package), str(registry.ROOT / "autograder" / "graded"), "-k", NAME, *arguments]
    return int(pytest.main(command, plugins=[recorder])), recorder.outcomes


def count(private: bool = False) -> int:
    return sum(name == NAME for name, _, _ in listed(private))


def test_the_model_answer_passes_item_by_item():
    code, outcomes = run(SOLUTIONS)
    assert code == 0
    assert len(outcomes) == count()
    assert {outcome for outcome, _ in outcomes.values()} == {"passed"}
    assert f"{NAME}-shape-keepdim]" in outcomes


def test_a_wrong_answer_fails_with_the_learners_message(tmp_path):
    (tmp_path / "log_sums.py").write_text("def logsumexp_numpy(x, axis=-1, keepdims=False):\n    return x.sum(axis)\n")
    code, outcomes = run(tmp_path, "--private")
    assert code == 1
    assert len(outcomes) == count(private=True)
    outcome, text = outcomes[f"{NAME}-shape-keepdim]"]
    assert outcome == "failed"
    assert "expected  shape (3, 1)" in text
    assert "Traceback" not in text
    assert "test_cases.py" not in text
    assert any("a private case of the family 'shape' failed" in text for _, text in outcomes.values())


def test_a_missing_package_is_bad_usage():
    assert run("/nowhere/at/all") == (pytest.ExitCode.USAGE_ERROR, {})


def test_every_case_that_counts_is_listed_once():
    for private in (False, True):
        rows = list(listed(private))
        assert len(rows) == len(set(rows))
        for name in registry.everything():
            exercise = registry.find(name)[1]
            graded = [c for c in exercise.cases if not c.honours and (private or c.public)]
            expected = len(graded) + len(exercise.times) + len(tracks.rows(exercise))
            assert sum(row[0] == name for row in rows) == expected


def item(status: str, message: str = "given     a", diagnosis=None, problem: str = "", written: bool = True) -> None:
    row = CaseVerdict("ties", "value", "public", status, 1, message)
    honours = CaseVerdict("ties", "value", "public", "failed", 0, "no", honours=True)
    verdict = ExerciseVerdict("f", "log_sums", written, (honours, row), diagnosis, problem)
    graded_case(lambda name: verdict, "f", "value", "ties")


@pytest.mark.parametrize("status", ["passed", "inconclusive"])
def test_a_good_case_passes(status):
    item(status)


@pytest.mark.parametrize("status", ["failed", "timeout", "crashed"])
def test_a_bad_case_fails_with_message_and_diagnosis(status):
    with pytest.raises(pytest.fail.Exception) as caught:
        item(status, diagnosis=Diagnosis("no_shift", "You do not shift."))
    assert str(caught.value) == f"{status}\ngiven     a\n\ndiagnosis: You do not shift."


def test_a_skipped_case_is_skipped():
    with pytest.raises(pytest.skip.Exception, match="there is no CUDA here"):
        item("skipped", "there is no CUDA here")


def test_what_cannot_be_judged_fails():
    with pytest.raises(pytest.fail.Exception, match="SyntaxError"):
        item("skipped", "log_sums.py line 2: SyntaxError", problem="log_sums.py line 2: SyntaxError")


def test_what_is_not_written_fails():
    with pytest.raises(pytest.fail.Exception, match="f is not written yet"):
        item("skipped", written=False)


@pytest.mark.parametrize("source", ["def f(:\n", "", "raise ValueError\n"])
def test_every_item_of_an_unjudged_exercise_has_its_row(wall, source):
    """The names are listed before anything is judged: each must be found again, the clock's too."""
    from autograder.grading import Grading

    for name in ("logsumexp", NAME):
        stem, exercise = registry.find(name)
        verdict = Grading(wall, exercise, stem, {stem: source}).run()
        for _, family, case in (row for row in listed(False) if row[0] == name):
            with pytest.raises(pytest.fail.Exception):
                graded_case(lambda _, v=verdict: v, name, family, case)
