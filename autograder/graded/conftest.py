"""Options of the graded run, and one judgement per exercise for all of its items."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from autograder import desk
from autograder.judging.verdicts import ExerciseVerdict
from autograder.sources import SourceError, read_package


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a graded run."""
    group = parser.getgroup("graded")
    group.addoption("--package", type=Path, default=None, help="the folder that holds the STEM.py files")
    group.addoption("--private", action="store_true", help="judge the private cases too")


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest) -> Callable[[str], ExerciseVerdict]:
    """Return a function that judges an exercise once and remembers the verdict."""
    folder = request.config.getoption("--package") or desk.default_package()
    try:
        sources = read_package(folder)
    except SourceError as error:
        raise pytest.UsageError(str(error)) from None
    verdicts: dict[str, ExerciseVerdict] = {}
    level: Literal["public", "all"] = "all" if request.config.getoption("--private") else "public"

    def judge(name: str) -> ExerciseVerdict:
        if name not in verdicts:
            verdicts[name] = desk.judge_package(sources, [name], str(folder), level).exercises[0]
        return verdicts[name]

    return judge
