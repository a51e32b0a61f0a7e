"""Verdicts as plain text. No measured times and no ulps of right answers: notebooks store this form."""

from collections.abc import Sequence

from autograder.judging.messages import plural
from autograder.judging.verdicts import ORDER, CaseVerdict, ExerciseVerdict, PackageVerdict

NEXT = "write it, save the file, then check again"  # an editor's changes that are not saved look like none
SHOWN = 3  # failed cases explained in full
GOOD = ("passed", "inconclusive")
MARKS = {
    "passed": "passed",
    "failed": "FAILED",
    "not_written": "not written yet",
    "error": "ERROR",
    "skipped": "skipped",
}


def points(value: float) -> str:
    """Return "3" or "2.5"."""
    return f"{value:g}"


def headline(verdict: ExerciseVerdict) -> str:
    """Return "logsumexp: passed, 36 of 36 public cases, 37 of 37 points"."""
    if verdict.status in ("not_written", "error", "skipped"):
        return f"{verdict.name}: {MARKS[verdict.status]}"
    counts = []
    for visibility in ("public", "private"):
        cases = [c for c in verdict.graded if c.visibility == visibility]
        if cases:
            good = verdict.count(cases, *GOOD)
            counts.append(f"{good} of {len(cases)} {visibility} cases")
    score = f"{points(verdict.score)} of {points(verdict.max_score)} points"
    return f"{verdict.name}: {MARKS[verdict.status]}, {', '.join(counts)}, {score}"


def families(verdict: ExerciseVerdict) -> str:
    """Return "value 2/2, shape 9/9 ..." in the order of judging."""
    parts = []
    for family in ORDER:
        cases = [c for c in verdict.graded if c.family == family]
        if cases:
            parts.append(f"{family} {verdict.count(cases, *GOOD)}/{len(cases)}")
    return ", ".join(parts)


def honours(verdict: ExerciseVerdict) -> str:
    """Return which honours were reached and which not."""
    reached = [name for name, good in verdict.honours.items() if good]
    missed = [name for name, good in verdict.honours.items() if not good]
    text = f"honours {len(reached)} of {len(verdict.honours)}"
    return text + (f" (open: {'; '.join(missed)})" if missed else "")


def _indent(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())


def _failures(cases: Sequence[CaseVerdict]) -> list[str]:
    lines = []
    for case in cases[:SHOWN]:
        lines.append(f"  {case.status} in {case.family}: {case.name}")
        if case.message:
            lines.append(_indent(case.message, 6))
    rest = cases[SHOWN:]
    if rest:
        names = ", ".join(f"{c.name} ({c.family})" for c in rest[:8])
        more = f" and {len(rest) - 8} more" if len(rest) > 8 else ""
        lines.append(f"  {plural(len(rest), 'further case')}: {names}{more}")
    return lines


def exercise_text(verdict: ExerciseVerdict, hint: str = "") -> str:
    """Return the report of one exercise; `hint` is added to a failure."""
    lines = [headline(verdict)]
    if verdict.status == "not_written":
        lines.append(f"  exercises/{verdict.stem}.py: {verdict.name} still raises NotImplementedError: {NEXT}")
    elif verdict.status == "error":
        lines.append(_indent(verdict.problem, 2))
    elif verdict.status == "skipped":
        lines.append(_indent(verdict.cases[0].message, 2))
    else:
        lines.append(f"  {families(verdict)}")
        if verdict.honours and verdict.status == "passed":
            lines.append(f"  {honours(verdict)}")
        bad = [c for c in verdict.graded if c.status not in GOOD]
        # A refusal stands in every case: it is said once, where it was found.
        told = [c for c in bad if not c.message.startswith("not judged:")] or bad
        lines += _failures(told)
        if len(told) < len(bad):
            lines.append(f"  {plural(len(bad) - len(told), 'other case')} not judged for that reason")
        noisy = [c for c in verdict.graded if c.status == "inconclusive"]
        lines += [f"  inconclusive: {c.name}: {c.message}" for c in noisy]
        if verdict.diagnosis:
            lines.append("  diagnosis")
            lines.append(_indent(verdict.diagnosis.text, 6))
    if hint:
        lines.append(_indent(hint, 2))
    return "\n".join(lines)


def package_text(verdict: PackageVerdict, hints: dict[str, str] | None = None) -> str:
    """Return the reports of all exercises and a sum."""
    blocks = [exercise_text(e, (hints or {}).get(e.name, "")) for e in verdict.exercises]
    if len(verdict.exercises) > 1:
        passed = sum(e.status == "passed" for e in verdict.exercises)
        total = f"{passed} of {len(verdict.exercises)} exercises passed"
        blocks.append(f"{total}, {points(verdict.score)} of {points(verdict.max_score)} points")
    judged = [e for e in verdict.exercises if e.status in ("passed", "failed")]
    if judged and not any(c.visibility == "private" for e in judged for c in e.cases):
        blocks.append("These were the public cases; `grade` runs private ones too.")
    return "\n".join([*blocks, *verdict.notes])
