"""Options of the graded run, and one judgement per exercise for all of its items."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from autograder import desk
from autograder.judging.verdicts import ExerciseVerdict
from autograder.sources import SourceError, read_package

PACKAGE = pytest.StashKey[tuple[str, dict[str, str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a graded run."""
    group = parser.getgroup("graded")
    group.addoption("--package", type=Path, default=None, help="the folder that holds the STEM.py files")
    group.addoption("--private", action="store_true", help="judge the private cases too")


def pytest_configure(config: pytest.Config) -> None:
    """Read the package before anything is collected: a wrong folder is bad usage, said once."""
    folder = config.getoption("--package") or desk.default_package()
    try:
        config.stash[PACKAGE] = (str(folder), read_package(folder))
    except SourceError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest) -> Callable[[str], ExerciseVerdict]:
    """Return a function that judges an exercise once and remembers the verdict."""
    folder, sources = request.config.stash[PACKAGE]
    verdicts: dict[str, ExerciseVerdict] = {}
    level: Literal["public", "all"] = "all" if request.config.getoption("--private") else "public"

    def judge(name: str) -> ExerciseVerdict:
        if name not in verdicts:
            verdicts[name] = desk.judge_package(sources, [name], folder, level).exercises[0]
        return verdicts[name]

    return judge
