"""A class full of attackers, graded by the whole command: they hurt neither each other nor the honest ones among them.

STABLE_LOGPROBS_CORPUS=all takes every file of the corpus, otherwise it is every third.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import registry
from autograder.classroom.ledger import read_journal
from autograder.tests.classroom.test_kill import family
from autograder.tests.test_hostile import FILES, NOBODY, expected_of, left_behind

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
STEP = 1 if os.environ.get("STABLE_LOGPROBS_CORPUS") == "all" else 3
ATTACKERS = FILES[::STEP]
HONEST = 6
LIMIT_S = 900.0


def sockets_of(user: int) -> list[str]:
    """Return the TCP sockets of a user, closed ones that are not yet forgotten (which belong to nobody) excepted."""
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return [line for line in lines if int(line.split()[7]) == user]


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> dict[str, dict]:
    """Return the record of each submission; honest learners stand at regular places among the others."""
    place, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("out")
    right = (registry.ROOT / "solutions" / "log_sums.py").read_text(encoding="utf-8")
    for number, path in enumerate(ATTACKERS):
        folder = place / f"{number:03}-{path.stem}"
        folder.mkdir()
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            (folder / (file.name if path.is_dir() else "log_sums.py")).write_bytes(file.read_bytes())
    for number in range(HONEST):
        folder = place / f"{number * len(ATTACKERS) // HONEST:03}-zz-honest"
        folder.mkdir()
        (folder / "log_sums.py").write_text(f"{right}# {number}\n", encoding="utf-8")
    command = [sys.executable, "-m", "autograder", "grade", str(place), "--out", str(out), "--only", "logsumexp"]
    run = subprocess.Popen(
        [*command, "--jobs", "2"], cwd=registry.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, err = run.communicate(timeout=LIMIT_S)
    finally:
        below = family(run.pid)
        run.kill()
    assert run.returncode == 1, err.decode()
    assert not below
    assert not sockets_of(NOBODY)
    return {record["student"]: record for record in read_journal(out)}


def test_there_are_enough_of_them():
    assert len(ATTACKERS) >= 50


def test_every_submission_has_a_record_and_the_run_comes_to_its_end(graded):
    assert len(graded) == len(ATTACKERS) + HONEST
    assert all(len(record["exercises"]) == 1 for record in graded.values())


def test_the_honest_ones_have_full_marks(graded):
    honest = [record["exercises"][0] for student, record in graded.items() if student.endswith("-zz-honest")]
    assert len(honest) == HONEST
    assert [e["score"] for e in honest] == [e["max_score"] for e in honest]


def test_no_attack_earns_full_marks_but_for_honest_answers_in_odd_clothes(graded):
    odd = {f"{number:03}-{path.stem}" for number, path in enumerate(ATTACKERS) if expected_of(path) == ["full"]}
    full = {
        student
        for student, record in graded.items()
        if record["exercises"][0]["score"] == record["exercises"][0]["max_score"]
    }
    assert {student for student in full if not student.endswith("-zz-honest")} == odd


def test_nothing_is_left_behind(graded):
    assert left_behind() == []
