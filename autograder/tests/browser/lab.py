"""A JupyterLab server over copies of the course, with settings of its own."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder import registry
from autograder.sources import stub

START_S = 60
COPIED = ("autograder", "exercises", "notebooks", "solutions")
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the page, not just those in sight
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
FOLDERS = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")


# The course's own folder comes first on a kernel's path: an installed course would win over the copy.
STARTUP = "import sys, pathlib\nsys.path.insert(0, str(pathlib.Path.cwd().parent))\n"


@dataclass(frozen=True)
class Course:
    """A copy of the course, in which one learner at a time works."""

    root: Path

    @property
    def exercises(self) -> Path:
        """The learner's files in the copy."""
        return self.root / "exercises"

    def write(self, solved: bool) -> None:
        """Put the stubs, or the model answers, into the copy's exercises."""
        for path in (self.root / "solutions").glob("[a-z]*.py"):
            text = path.read_text(encoding="utf-8")
            (self.exercises / path.name).write_text(text if solved else stub(text), encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Return what stands in the copy's exercises, byte for byte."""
        return {p.name: p.read_bytes() for p in self.exercises.iterdir() if p.is_file()}


@dataclass(frozen=True)
class Lab:
    """A running server and the copies that it serves."""

    address: str
    courses: tuple[Course, ...]


def copy(root: Path) -> Path:
    """Copy what a learner works with; return the copy."""
    for name in COPIED:
        shutil.copytree(
            registry.ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "tests", ".ipynb_check*")
        )
    for path in (root / "notebooks").glob("*.ipynb"):
        book = json.loads(path.read_text(encoding="utf-8"))
        for cell in book["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"execution_count": None, "outputs": []}  # what is shown later is of this run
        path.write_text(json.dumps(book), encoding="utf-8")
    return root


def _variables(folder: Path) -> dict[str, str]:
    """Return the server's environment, in which nothing of the user's is read."""
    changed = {f"JUPYTER_{name}": str(folder / name.lower()) for name in FOLDERS}
    changed |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "IPYTHONDIR": str(folder / "ipython")}
    changed |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    dropped = ("STABLE_LOGPROBS_STATE", "PYTHONPATH")
    return {k: v for k, v in os.environ.items() if k not in dropped} | changed


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api/status", timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")


@contextlib.contextmanager
def serve(folder: Path, copies: int) -> Iterator[Lab]:
    """Serve copies of the course made in `folder`; the server and its kernels end with the block."""
    root, port = folder / "served", _free_port()
    courses = tuple(Course(copy(root / f"course{number}")) for number in range(copies))
    files = {f"settings/@jupyterlab/{name}.jupyterlab-settings": json.dumps(s) for name, s in SETTINGS.items()}
    for name, text in {**files, "ipython/profile_default/startup/course.py": STARTUP}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True"]
    log = folder / "lab.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=root,
            env=_variables(folder),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(address := f"http://127.0.0.1:{port}", server, log)
            yield Lab(address, courses)
        finally:
            server.terminate()  # the server ends its kernels
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
