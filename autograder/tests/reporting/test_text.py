"""The text form: short, in the order of judging, without measured figures."""

from autograder.judging.verdicts import PackageVerdict
from autograder.reporting.text import exercise_text, families, headline, honours, package_text
from autograder.tests.reporting.sample import ALL, ERROR, FAILED, PASSED, REFUSED, UNWRITTEN, case


def test_passed():
    assert exercise_text(PASSED).splitlines() == [
        "logsumexp: passed, 3 of 3 public cases, 4 of 4 points",
        "  rules 1/1, value 1/1, time 1/1",
        "  honours 1 of 2 (open: memory within 2)",
        "  inconclusive: wide rows: the machine was too busy to tell; the points are given",
    ]


def test_failed():
    assert exercise_text(FAILED, "hint 1 of 3: think").splitlines() == [
        "logaddexp: FAILED, 1 of 5 public cases, 0 of 1 private cases, 2 of 7 points",
        "  rules 1/1, value 0/1, shape 0/1, extremes 0/3",
        "  failed in shape: broadcast",
        "      given     a",
        "      got       b",
        "      expected  c",
        "  timeout in extremes: ties",
        "      no answer",
        "  crashed in extremes: nan",
        "      died",
        "  2 further cases: inf (extremes), hidden (value)",
        "  diagnosis",
        "      You do not shift.",
        "      Also: you loop.",
        "  hint 1 of 3: think",
    ]


def test_a_refusal_is_said_once():
    assert exercise_text(REFUSED).splitlines() == [
        "logmeanexp: FAILED, 0 of 3 public cases, 0 of 4 points",
        "  rules 0/1, value 0/2",
        "  failed in rules: no loops, nothing forbidden",
        "      log_sums.py line 3: `torch.logsumexp`",
        "  2 other cases not judged for that reason",
    ]


def test_not_written_and_error():
    assert exercise_text(UNWRITTEN).splitlines() == [
        "log1mexp: not written yet",
        "  exercises/log_sums.py: log1mexp still raises NotImplementedError: write it, save the file, then check again",
    ]
    assert exercise_text(ERROR).splitlines() == [
        "logsubexp: ERROR",
        "  log_sums.py line 2: SyntaxError: '(' was never closed",
    ]


def test_many_failures_are_listed_shortly():
    cases = tuple(case(f"case {i}", "failed", message=f"message {i}") for i in range(20))
    text = exercise_text(PASSED.__class__("f", "log_sums", True, cases))
    assert "message 2" in text
    assert "message 3" not in text
    assert "17 further cases: case 3 (value), case 4 (value)" in text
    assert text.endswith("case 10 (value) and 9 more")


def test_no_measured_figure_is_shown():
    assert "0.51" not in package_text(ALL)


def test_a_package_adds_up():
    lines = package_text(ALL).splitlines()
    assert "1 of 5 exercises passed, 6 of 17 points" in lines


def test_only_a_public_run_says_that_there_is_more():
    public = "These were the public cases; `grade` runs private ones too."
    assert package_text(PackageVerdict("x", (PASSED,))).splitlines()[-1] == public
    assert public not in package_text(PackageVerdict("x", (FAILED,)))
    assert "exercises passed" not in package_text(PackageVerdict("x", (PASSED,)))


def test_notes_come_last():
    assert package_text(PackageVerdict("x", (PASSED,), (), ("a note",))).endswith("\na note")


def test_hints_go_with_their_exercise():
    text = package_text(ALL, {"logaddexp": "hint 2 of 3: b"})
    assert text.count("hint 2 of 3") == 1
    assert text.index("logaddexp:") < text.index("hint 2 of 3") < text.index("logmeanexp:")


def test_the_parts():
    assert headline(PASSED).startswith("logsumexp: passed, ")
    assert families(UNWRITTEN) == "value 0/1"
    assert honours(PASSED) == "honours 1 of 2 (open: memory within 2)"
