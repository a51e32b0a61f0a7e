"""Small notebooks in the enclosure, kernels and all, with right, endless, dying and hostile functions."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder import desk, registry
from autograder.classroom import notebooks
from autograder.classroom.ledger import read_journal
from autograder.classroom.records import Record, latest
from autograder.notebook_files import TAG
from autograder.reporting.text import exercise_text
from autograder.tests.running.test_enclosure import tree_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="nothing can be enclosed on Windows")]
ASK = "from exercises.floats import exp_range\nexp_range(None)"


@pytest.fixture
def book(tmp_path):
    """Return a function that writes a notebook: sources, and for those whose output is compared the output."""

    def book(*cells: tuple[str, str | None]) -> Path:
        made = [
            new_code_cell(
                text,
                metadata={"tags": [TAG]} if output else {},
                outputs=[new_output("execute_result", {"text/plain": output})] if output else [],
                execution_count=number,
            )
            for number, (text, output) in enumerate(cells, 1)
        ]
        path = tmp_path / "98_small.ipynb"
        nbformat.write(new_notebook(cells=made), path)
        return path

    return book


@pytest.fixture(autouse=True)
def _nothing_is_left():
    before = set(Path(tempfile.gettempdir()).glob("enclosed-*"))
    yield
    until = time.monotonic() + 10  # where the grader was killed, a keeper is tidying up
    while set(Path(tempfile.gettempdir()).glob("enclosed-*")) - before:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_with_the_right_functions_a_notebook_passes(book, solutions):
    verdict = desk.judge_package(solutions, ["exp_range"], "solutions").exercises[0]
    path = book(
        ("%reload_ext autograder\nfrom autograder import check, progress", None),
        ('check("exp_range")', exercise_text(verdict)),
        ("from exercises.floats import exp_range\nimport torch\nround(exp_range(torch.float32)[1], 2)", "88.72"),
        ("progress.folder().is_relative_to(__import__('os').environ['HOME'])", "True"),
    )
    made = notebooks.run(path, solutions)
    assert (made["status"], made["failed_cells"], made["total"]) == ("passed", [], 4)


def test_with_wrong_functions_the_cells_that_differ_are_named(book, solutions):
    wrong = {"floats": solutions["floats"].replace("math.log", "math.sqrt")}
    ask = "import torch\nfrom exercises.floats import exp_range\nround(exp_range(torch.float32)[1], 2)"
    made = notebooks.run(book(("1 + 1", "2"), (ask, "88.72"), ("2 + 2", "4")), wrong)
    assert (made["status"], made["failed_cells"]) == ("failed", [2])


def test_an_endless_loop_ends_at_the_limit_and_leaves_no_process(book):
    mark = f"loop of {os.getpid()}"
    endless = f"""
import subprocess, sys
def exp_range(dtype):
    subprocess.Popen([sys.executable, "-I", "-S", "-c", "while True: pass  # {mark}"], start_new_session=True)
    while True: pass
"""
    made = notebooks.run(book(("1 + 1", "2"), (ASK, None), ("2 + 2", "4")), {"floats": endless}, limit_s=12.0)
    assert (made["status"], made["failed_cells"]) == ("timeout", [2])
    assert tree_of(mark) == []


def test_a_function_that_ends_the_kernel_ends_the_run_there(book):
    ending = "import os\ndef exp_range(dtype): os._exit(0)\n"
    made = notebooks.run(book(("1 + 1", "2"), (ASK, None), ("2 + 2", "4")), {"floats": ending})
    assert (made["status"], made["failed_cells"]) == ("crashed", [2])


HOSTILE = """
import os, socket
def exp_range(dtype):
    refused = []
    for attempt in (
        lambda: open({course!r} + "/exercises/mark", "w"),
        lambda: open({course!r} + "/solutions/floats.py"),
        lambda: open({outside!r} + "/mark", "w"),
        lambda: socket.create_connection(("127.0.0.1", {port}), 2),
        lambda: os.kill({grader}, 0),
        lambda: open("/proc/{grader}/environ").read()[0],
    ):
        try:
            attempt()
            refused.append(False)
        except OSError:
            refused.append(True)
    if os.fork() == 0:
        os.setsid()
        os.execv({python!r}, [{python!r}, "-I", "-S", "-c", "import time; time.sleep(600)  # {mark}"])
    return all(refused)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's layers exist on Linux only")
def test_a_hostile_function_reaches_nothing_outside(book, tmp_path):
    mark = f"hostile of {os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = {"course": str(registry.ROOT), "outside": str(tmp_path), "port": server.getsockname()[1]}
        text = HOSTILE.format(**names, grader=os.getpid(), python=sys.executable, mark=mark)
        made = notebooks.run(book((ASK, "True")), {"floats": text})
    if made["wall"] != "full":
        pytest.skip(f"this machine's enclosure is {made['wall']}")
    assert made["status"] == "passed"
    assert tree_of(mark) == []


FORGER = """
import glob, os
for path in glob.glob("/proc/[0-9]*/fd/3"):
    try:
        with open(path, "w") as report:
            report.write("0 passed\\n1 passed\\n2 passed\\n" + '{"score": 99}' * 100)
    except OSError:
        pass
def exp_range(dtype): os._exit(0)
"""


@pytest.fixture
def graded(tmp_path):
    """Return a function that grades one learner's file with the whole command and returns the record."""

    def graded(text: str) -> Record:
        (tmp_path / "class" / "ann").mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / "ann" / "floats.py").write_text(text)
        (tmp_path / "class" / "ann" / "01_floats.ipynb").write_text("{}")
        command = [sys.executable, "-m", "autograder", "grade", str(tmp_path / "class"), "--out", str(tmp_path / "out")]
        command += ["--only", "exp_range", "--notebooks", "--jobs", "1", "--seed", "5"]
        done = subprocess.run(command, cwd=registry.ROOT, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return latest(read_journal(tmp_path / "out"))[0]

    return graded


def test_the_whole_command_runs_the_courses_own_notebook_and_a_forger_gains_nothing(graded):
    record = graded(FORGER)
    assert record["score"] == 0 < record["max_score"]
    assert [run["notebook"] for run in record["notebooks"]] == ["01_floats.ipynb"]
    assert record["ignored"] == ["01_floats.ipynb"]
    again = graded(FORGER)
    assert again == record  # nothing changed: nothing is run


def test_a_grader_that_is_killed_leaves_no_kernel(book):
    mark = f"killed {os.getpid()}"
    program = """
import sys
from pathlib import Path
from autograder.classroom import notebooks
notebooks.run(Path(sys.argv[1]), {})
"""
    sleeper = f"import time; time.sleep(600)  # {mark}"
    cell = f"import subprocess, sys\nsubprocess.run([sys.executable, '-I', '-S', '-c', {sleeper!r}])"
    running = subprocess.Popen([sys.executable, "-c", program, str(book((cell, None)))], cwd=registry.ROOT)
    until = time.monotonic() + 100
    while not tree_of(f"# {mark}"):
        assert time.monotonic() < until and running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    while tree_of(f"# {mark}"):
        assert time.monotonic() < until
        time.sleep(0.05)
