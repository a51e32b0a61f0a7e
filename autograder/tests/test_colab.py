"""What a notebook does on Colab: fetched by the bootstrap cell into an empty folder, on Colab's IPython 7.34."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import registry, stamps
from autograder.sources import find_definition
from autograder.tests.browser.lab import copy

IPYTHON = "7.34.0"
ANSWER = find_definition((registry.ROOT / "solutions" / "floats.py").read_text(encoding="utf-8"), "ulp")
STUB = find_definition((registry.ROOT / "exercises" / "floats.py").read_text(encoding="utf-8"), "ulp")
FAKE = """import sys, types
sys.modules["google.colab"] = colab = types.ModuleType("google.colab")
colab.files = types.SimpleNamespace(download=lambda path: open("downloads.txt", "a").write(path))
"""
CELLS = {
    "bootstrap": stamps.bootstrap(stamps.address()),
    "bootstrap again": stamps.bootstrap(stamps.address()),
    "stub": 'check("ulp")',
    "magic, stub": f"%%exercise ulp\n{STUB}",
    "magic": f"%%exercise ulp\n{ANSWER}",
    "bound": "import torch\nulp(torch.tensor(1.0)).item()",
    "check": 'check("ulp")',
    "hint": 'hint("ulp_error")',
    "solution": 'solution("ulp")',
    "predict": 'predict("tenths", False, lambda: 0.1 + 0.2 == 0.3)',
    "verdict": 'verdict("0.1", "true", True)',
    "break_it": 'break_it("ulp", "step_towards_zero", torch.tensor([3.0, -0.7]))',
    "break_it, found": 'break_it("ulp", "step_towards_zero", torch.tensor([1.0]))',
    "calibration": 'calibration("floats")',
    "save": 'save("saved")',
    "atlas": 'atlas("logaddexp")',
    "card": 'card("ulp")',
}
# Runs each cell as a kernel does, and prints what it would show.
DRIVER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shown = {}
for name, text in json.load(open(sys.argv[1])).items():
    done = shell.run_cell(text, store_history=True)
    data = shell.display_formatter.format(done.result)[0] if done.success and done.result is not None else {}
    error = done.error_before_exec or done.error_in_exec
    shown[name] = {"error": error and f"{type(error).__name__}: {error}", "text": data.get("text/plain", ""),
                   "html": "text/html" in data}
version = __import__("IPython").__version__
json.dump({"version": version, "shown": shown}, open(sys.argv[2], "w"))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """Return a Python with Colab's IPython before the course's own packages; it is made once and kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stable-logprobs"
    packages = next(p for p in sys.path if p.endswith("site-packages") and (Path(p) / "torch").is_dir())
    venv = cache / f"ipython-{IPYTHON}-python-{sys.version_info[0]}.{sys.version_info[1]}"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = venv / "packages.txt"  # written last: what it names is what a finished venv was made for
    if ready.is_file() and ready.read_text() == packages:
        return python
    commands = (
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(venv)],
        [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", f"ipython=={IPYTHON}"],
    )
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"no venv with IPython {IPYTHON} could be made: {error}")
        if done.returncode:
            pytest.skip(f"no venv with IPython {IPYTHON} could be made: {done.stderr.strip()[-300:]}")
    folder = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True
    )
    # A path line brings torch and the rest; lines in .pth files of that folder (the course itself) do not count.
    (Path(folder.stdout.strip()) / "course.pth").write_text(packages + "\n")
    ready.write_text(packages)
    return python


def run(python: Path, folder: Path, cells: dict[str, str], prelude: str = "") -> dict:
    """Run cells in an empty folder on that Python; return what each shows."""
    work = folder / "content"
    work.mkdir()
    (folder / "cells.json").write_text(json.dumps(cells))
    (folder / "driver.py").write_text(prelude + "\n" + DRIVER)
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "STABLE_LOGPROBS", "GIT_"))}
    # Instead of from the network, the course is cloned from a repository beside.
    variables |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{folder / 'origin'}.insteadOf"}
    variables |= {"GIT_CONFIG_VALUE_0": stamps.address(), "GIT_CONFIG_GLOBAL": os.devnull, "MPLBACKEND": "agg"}
    variables |= {"IPYTHONDIR": str(folder / "ipython")}
    command = [str(python), str(folder / "driver.py"), str(folder / "cells.json"), str(folder / "shown.json")]
    done = subprocess.run(command, cwd=work, env=variables, capture_output=True, text=True, check=False)
    assert (folder / "shown.json").is_file(), done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads((folder / "shown.json").read_text())


def publish(folder: Path) -> None:
    """Make a git repository of the course's working copy."""
    copy(folder / "origin")
    for name in ("pyproject.toml", "README.md"):
        (folder / "origin" / name).write_bytes((registry.ROOT / name).read_bytes())
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], [*author, "commit", "-q", "-m", "course"]):
        subprocess.run(["git", *command], cwd=folder / "origin", check=True, capture_output=True)


@pytest.fixture(scope="module")
def colab(python, tmp_path_factory) -> dict:
    """Return what every cell shows in an empty folder on Colab."""
    folder = tmp_path_factory.mktemp("colab")
    publish(folder)
    made = run(python, folder, CELLS, FAKE)
    assert made["version"] == IPYTHON
    return made["shown"] | {"folder": str(folder)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("bootstrap", ""),
        ("bootstrap again", ""),
        ("stub", "ulp: not written yet"),
        ("magic, stub", "ulp: write it here"),
        ("magic", "ulp stands in exercises/floats.py now"),
        ("bound", "1.1920928955078125e-07"),
        ("check", "ulp: passed"),
        ("hint", "hint 1 of 3 for ulp_error"),
        ("solution", "def ulp(x"),
        ("predict", "Prediction tenths: right"),
        ("verdict", ""),
        ("break_it", "Not broken"),
        ("break_it, found", "Broken."),
        ("calibration", "1"),
        ("save", "and offered it to your browser"),
        ("atlas", "logaddexp"),
        ("card", "ulp"),
    ],
)
def test_on_colab_each_cell_does_its_work(colab, cell, words):
    assert colab[cell]["error"] is None
    assert words in colab[cell]["text"]


@pytest.mark.slow
def test_reports_have_their_html_form(colab):
    assert colab["check"]["html"]


@pytest.mark.slow
def test_the_course_is_cloned_once_into_the_working_folder(colab):
    content = Path(colab["folder"], "content")
    assert {p.name for p in content.iterdir()} == {"stable-logprobs", "saved", "downloads.txt"}
    assert "return" in (content / "stable-logprobs" / "exercises" / "floats.py").read_text()


@pytest.mark.slow
def test_elsewhere_a_lost_notebook_clones_nothing_and_says_what_to_do(python, tmp_path):
    shown = run(python, tmp_path, {"bootstrap": CELLS["bootstrap"]})["shown"]["bootstrap"]
    assert shown["error"].startswith("FileNotFoundError: the course is not here: open this notebook in")
    assert list((tmp_path / "content").iterdir()) == []
