"""What the tests share: one warm wall for the whole run, and a learner's state that is nobody's."""

import hypothesis
import pytest

from autograder import desk, registry
from autograder.running.wall import Wall
from autograder.sources import read_package

# A loaded machine is no reason to fail, and a run must not depend on luck or on an earlier run.
hypothesis.settings.register_profile("course", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("course")


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("STABLE_LOGPROBS_STATE", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def wall() -> Wall:
    return desk.wall()


@pytest.fixture(scope="session")
def solutions() -> dict[str, str]:
    return read_package(registry.ROOT / "solutions")
