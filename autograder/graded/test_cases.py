"""The cases of every exercise as pytest items; their names are known before anything is judged."""

from collections.abc import Callable, Iterator

import pytest

from autograder import registry, tracks
from autograder.judging.verdicts import ExerciseVerdict


def listed(private: bool) -> Iterator[tuple[str, str, str]]:
    """Yield exercise, family and name of every case that counts."""
    for name in registry.everything():
        exercise = registry.find(name)[1]
        yield from ((name, family, case) for (case, family), _ in tracks.rows(exercise))
        cases = [c for c in exercise.cases if not c.honours and (c.public or private)]
        yield from ((name, case.family, case.name) for case in cases)
        yield from ((name, "time", timed.name) for timed in exercise.times)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item per case."""
    rows = list(listed(metafunc.config.getoption("--private")))
    metafunc.parametrize(("name", "family", "case"), rows, ids=[f"{n}-{f}-{c}" for n, f, c in rows])


def test_case(judged: Callable[[str], ExerciseVerdict], name: str, family: str, case: str) -> None:
    """Pass where the case passed; fail with the message that a learner gets."""
    verdict = judged(name)
    if not verdict.written:
        pytest.fail(f"{name} is not written yet", pytrace=False)
    row = next(c for c in verdict.cases if (c.name, c.family) == (case, family) and not c.honours)
    if row.status == "skipped" and not verdict.problem:
        pytest.skip(row.message)
    if row.status not in ("passed", "inconclusive"):
        diagnosis = f"\n\ndiagnosis: {verdict.diagnosis.text}" if verdict.diagnosis else ""
        pytest.fail(f"{row.status}\n{row.message}{diagnosis}", pytrace=False)
