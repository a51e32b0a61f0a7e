"""The judging of model answers and known mistakes."""

import functools

import pytest

from autograder import desk, matrix, registry
from autograder.judging.verdicts import CaseVerdict, Diagnosis, ExerciseVerdict
from autograder.matrix import Kill


def kill(mistake: str, named: str | None = "", score: int = 1) -> Kill:
    """Return a mistake that earned `score` of 2 points and is diagnosed as `named` (by default as itself)."""
    statuses = ["passed"] * score + ["failed"] * (2 - score)
    families = zip(("value", "shape"), statuses, strict=True)
    cases = tuple(CaseVerdict("a case", family, "public", status, 1) for family, status in families)
    diagnosis = None if named is None else Diagnosis(named or mistake, "")
    verdict = ExerciseVerdict("logsumexp", "log_sums", True, cases, diagnosis)
    return Kill("log_sums", "logsumexp", mistake, verdict)


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (kill("a"), None),
        (kill("a", score=0), None),
        (kill("a", score=2), "logsumexp: the mistake a loses no points"),
        (kill("a", named="b"), "logsumexp: the mistake a is diagnosed as b"),
        (kill("a", named=None), "logsumexp: the mistake a is diagnosed as None"),
    ],
)
def test_a_mistake_must_lose_points_and_be_told_apart(made, complaint):
    assert made.complaint == complaint


def test_the_table_counts_failed_cases_by_family():
    lines = matrix.table([kill("a"), kill("b", score=0)]).splitlines()
    assert lines[-6:] == [
        "## log_sums: 2 mistakes",
        "",
        "| exercise | mistake | value | shape |",
        "|---|---|---|---|",
        "| logsumexp | a |  | 1 |",
        "| logsumexp | b | 1 | 1 |",
    ]


def test_a_mistake_is_judged_as_a_submission(monkeypatch):
    wanted = tuple(m for m in registry.mistakes("log_sums") if m.id in ("no_shift", "loop_over_rows"))
    monkeypatch.setattr(registry, "mistakes", lambda stem: wanted)
    found = list(matrix.kills(["log_sums"]))
    assert [k.mistake for k in found] == ["no_shift", "loop_over_rows"]
    assert [k.complaint for k in found] == [None, None]
    assert all(c.family != "time" for k in found for c in k.verdict.cases)


def test_a_wrong_model_answer_is_told(tmp_path, monkeypatch):
    folder = tmp_path / "solutions"
    folder.mkdir()
    (folder / "log_sums.py").write_text("def log1mexp(x):\n    return (1 - x.exp()).log()\n")
    monkeypatch.setattr(desk, "select", lambda stems: ["log1mexp", "logsumexp"])
    monkeypatch.setattr(desk, "judge_package", functools.partial(desk.judge_package, clock=False))
    found = matrix.solution_complaints(tmp_path, ["log_sums"])
    assert any(c.startswith("the model answer log1mexp: FAILED") and "extremes: from -1e-30" in c for c in found)
    assert any("log1mexp misses the honours" in c for c in found)
    assert "the model answer logsumexp: ERROR: log_sums.py defines no logsumexp" in "; ".join(found)


def test_a_right_model_answer_has_no_complaint(monkeypatch):
    monkeypatch.setattr(desk, "select", lambda stems: ["log1mexp"])
    monkeypatch.setattr(desk, "judge_package", functools.partial(desk.judge_package, clock=False))
    assert matrix.solution_complaints(registry.ROOT, ["log_sums"]) == []


def test_the_summary_counts_mistakes_by_family():
    text = matrix.table([kill("a"), kill("b", score=0)])
    head, row = matrix.summary(text)
    assert head.startswith("| chapter | mistakes | rules | device |")
    assert row.count("|") == head.count("|")
    assert row.split("|")[2].strip() == "2"


def test_readme_shows_the_committed_summary(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "TABLE", tmp_path / "MATRIX.md")
    assert matrix.readme_complaints("") == []
    matrix.TABLE.write_text(matrix.table([kill("a")]))
    assert len(matrix.readme_complaints("")) == 3
    assert matrix.readme_complaints("\n".join(["1 wrong answers", *matrix.summary(matrix.TABLE.read_text())])) == []


def test_a_chapter_that_cannot_be_judged_here_keeps_its_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "TABLE", tmp_path / "MATRIX.md")
    whole = matrix.table([kill("a")])
    matrix.TABLE.write_text(whole)
    skipped = CaseVerdict("a case", "value", "public", "skipped", 1, "triton is not installed")
    unasked = Kill("log_sums", "logsumexp", "a", ExerciseVerdict("logsumexp", "log_sums", True, (skipped,)))
    assert unasked.complaint is None
    assert matrix.table([unasked]) == whole
