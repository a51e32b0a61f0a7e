"""The whole command against kill -9: of the first process, of one that grades, of one that workers come from.

Each round kills three times. STABLE_LOGPROBS_KILLS asks for more rounds than one, and for a class of 100.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder import registry
from autograder.classroom.ledger import JOURNAL, read_journal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
ROUNDS = int(os.environ.get("STABLE_LOGPROBS_KILLS", "1"))
STUDENTS, LIMIT_S = 10 if ROUNDS == 1 else 100, 240.0
ONLY = ("exp_range", "gather_last", "ulp_error")


@pytest.fixture(scope="module")
def submissions(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("class")
    texts = {s: (registry.ROOT / "solutions" / f"{s}.py").read_text() for s in ("floats", "tokens")}
    for number in range(STUDENTS):
        folder = place / f"s{number}"
        folder.mkdir()
        for stem, text in texts.items():
            wrong = text.replace("abs()", "neg()") if number % 3 == 0 else text
            (folder / f"{stem}.py").write_text(f"{wrong}# {number}\n")
    (place / "s1" / "floats.py").unlink()
    return place


def start(submissions: Path, out: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "autograder", "grade", str(submissions), "--out", str(out), "--jobs", "2"]
    command += ["--seed", "11", "--only", *ONLY]
    return subprocess.Popen(command, cwd=registry.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(submissions: Path, out: Path) -> str:
    running = start(submissions, out)
    _, err = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 1, err
    return err


def family(pid: int) -> dict[int, int]:
    """Return the parent of each process below this one."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(folder.name)] = int(fields[1])
    found, queue = {}, [pid]
    while queue:
        above = queue.pop()
        below = [child for child, parent in parents.items() if parent == above]
        found |= dict.fromkeys(below, above)
        queue += below
    return found


def victims(pid: int) -> dict[str, list[int]]:
    """Return the processes of a run by what they do: those that grade, and those that workers come from."""
    below = family(pid)
    jobs = [child for child, parent in below.items() if parent == pid]
    return {"first": [pid], "job": jobs, "zygote": [child for child, parent in below.items() if parent in jobs]}


@pytest.fixture(scope="module")
def undisturbed(submissions, tmp_path_factory) -> bytes:
    out = tmp_path_factory.mktemp("undisturbed")
    finish(submissions, out)
    return (out / "grades.csv").read_bytes()


def lines(out: Path) -> int:
    journal = out / JOURNAL
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_kill_at_any_moment_changes_no_grade(submissions, undisturbed, tmp_path, number):
    draw = random.Random(number)
    moments = sorted(draw.randrange(STUDENTS - 1) for _ in range(3))
    running = start(submissions, tmp_path)
    until = time.monotonic() + LIMIT_S
    for kind, moment in zip(("job", "zygote", "first"), moments, strict=True):
        while running.poll() is None and (lines(tmp_path) < moment or not victims(running.pid)[kind]):
            assert time.monotonic() < until
            time.sleep(0.005)
        time.sleep(draw.random() * 0.05)
        if running.poll() is None:
            for pid in draw.sample(found := victims(running.pid)[kind], min(1, len(found))):
                os.kill(pid, signal.SIGKILL)
    running.communicate(timeout=LIMIT_S)
    before = (tmp_path / JOURNAL).read_bytes()
    finish(submissions, tmp_path)
    assert (tmp_path / "grades.csv").read_bytes() == undisturbed
    assert (tmp_path / JOURNAL).read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    students = [r["student"] for r in read_journal(tmp_path)]
    assert len(students) == len(set(students)) == STUDENTS  # what was finished is not graded again


def test_ctrl_c_stops_at_once_and_leaves_no_process(submissions, undisturbed, tmp_path):
    running = start(submissions, tmp_path)
    until = time.monotonic() + LIMIT_S
    while not (tmp_path / JOURNAL).exists() or b"\n" not in (tmp_path / JOURNAL).read_bytes():
        assert running.poll() is None and time.monotonic() < until
        time.sleep(0.005)
    below = family(running.pid)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert "run again to go on" in err or running.returncode == 1
    while any(Path(f"/proc/{pid}").exists() for pid in below):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert running.returncode in (1, 2)
    written = (tmp_path / "grades.csv").read_bytes().splitlines()
    assert len(written) > 1 and set(written) <= set(undisturbed.splitlines())
