"""Set up the course where needed, then run one of its commands.

    python3 course.py lab [ARGS]      open JupyterLab on the first notebook
    python3 course.py check [NAME]    check your exercises (likewise: list, hint, watch, solution, reset, grade, ...)
    python3 course.py test [ARGS]     run everything that CI runs; ARGS go to pytest

The first start makes the folder .venv and installs requirements.txt in it; that takes some minutes.
"""

# Standard library only, in Python 3.6 syntax: a Python that is too old must get as far as the sentence below.
import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST_PYTHON = (3, 11)
if sys.version_info < OLDEST_PYTHON:
    sys.stderr.write(
        f"course.py: this is Python {sys.version.split()[0]}, the course needs 3.11 or newer: install one from "
        "https://www.python.org/downloads/ and start with it, as in: python3.13 course.py lab\n"
    )
    sys.exit(2)

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
# What the output of venv or pip means for the reader; the first pattern found in it speaks.
CAUSES = {
    r"No space left on device|[Qq]uota exceeded|There is not enough space": (
        "the disk (or your quota) is full: free about 3 GB, then run the same command again"
    ),
    r"ensurepip is not\s+available|No module named '?(?:ensurepip|venv)": (
        "this Python lacks venv or ensurepip: install them (Debian, Ubuntu: sudo apt install python3-venv), then run "
        "the same command again"
    ),
    r"Read-only file system|Permission denied|Access is denied": (
        "a file or folder cannot be written: get the right to, or copy the course into a folder of your own"
    ),
    r"Failed to establish|NameResolution|[Tt]imed out|TimeoutError|ProxyError|SSLError|Connection (?:ab|br|re[fs])": (
        "the package index cannot be reached: check the network (and the proxy), then run the same command again"
    ),
    r"No matching distribution found for (\S+)": (
        "pip's sources have no {} for this Python: check the network and pip's settings (pip config list), or start "
        "with another Python"
    ),
}


class SetupError(Exception):
    """Say in one sentence what happened and what to do."""


def explain(output: str) -> str:
    """Turn the output of a failed venv or pip into one sentence."""
    for pattern, sentence in CAUSES.items():
        match = re.search(pattern, output)
        if match:
            return sentence.format(*match.groups())
    lines = output.splitlines() or ["no reason given"]
    reasons = [line for line in lines if line.lower().startswith("error")] or lines
    return f"the set-up failed, delete .venv and try again: {reasons[-1]}"


def torch_source(platform: str, pip_settings: str, has_gpu: bool) -> list:
    """Choose the pip arguments that spare a machine without a GPU gigabytes of CUDA.

    Args:
        platform: as `sys.platform`.
        pip_settings: what `pip config list` prints. Where it names sources, nothing else is contacted.
        has_gpu: is CUDA of use here?
    """
    sources_are_set = re.search(r"^\S+\.(index-url|extra-index-url|find-links|no-index)=", pip_settings, re.M)
    if sources_are_set or has_gpu or not platform.startswith("linux"):
        return []
    return ["--extra-index-url", CPU_WHEELS]


def has_nvidia() -> bool:
    """Look for an NVIDIA driver without starting anything."""
    return os.path.exists("/proc/driver/nvidia") or shutil.which("nvidia-smi") is not None


def clean_variables(variables: dict, venv: Path) -> dict:
    """Copy the environment variables without those that lead Python to another installation."""
    foreign = {"PYTHONHOME"} if variables.get("VIRTUAL_ENV") == str(venv) else {"PYTHONHOME", "VIRTUAL_ENV"}
    return {name: value for name, value in variables.items() if name not in foreign}


def lab_arguments(root: Path, arguments: list) -> list:
    """Build the arguments that open JupyterLab on the first notebook, unless the caller names one."""
    notebooks = sorted(root.glob("notebooks/[0-9]*_*.ipynb"), key=lambda path: int(path.name.split("_")[0]))
    named = any(argument.endswith(".ipynb") for argument in arguments)
    # As an address, not as a file, so that --no-browser prints it too.
    first = [] if named else [f"--LabApp.default_url=/lab/tree/notebooks/{path.name}" for path in notebooks[:1]]
    # Not `-m jupyter lab`: that starts a script whose first line breaks when the folder is moved. The root is given
    # since the folder of a named notebook becomes it otherwise, and exercises/ could not be opened.
    return ["-m", "jupyterlab", "--ServerApp.root_dir=.", *first, *arguments]


PARALLEL = ("-n", "auto", "--dist", "worksteal")
# Tests of browsers, kernels and terminals: each file in one process, since one of these serves all tests of a file.
DESK = (
    "autograder/tests/browser",
    "autograder/tests/test_colab.py",
    "autograder/tests/test_kernel.py",
    "autograder/tests/test_watch.py",
)
# Tests that grade a class again and again: only where STABLE_LOGPROBS_TESTS=all asks for them.
CLASS = (
    "autograder/tests/classroom/test_attackers.py",
    "autograder/tests/classroom/test_kill.py",
    "autograder/tests/classroom/test_notebooks.py",
)


def ci_steps(pytest_arguments: list, every: bool = False) -> dict:
    """List the steps of a test: each one's name and its arguments for the venv's Python."""
    usual = [*PARALLEL, *(f"--ignore={path}" for path in DESK + CLASS)]
    desk = ["-m", "pytest", "-n", "auto", "--dist", "loadfile", *DESK, *(CLASS if every else ())]
    return {
        "format": ["-m", "ruff", "format", "--check", "."],
        "lint": ["-m", "ruff", "check", "."],
        "types": ["-m", "mypy"],
        "tests": ["-m", "pytest", *(pytest_arguments or usual)],
        **({} if pytest_arguments else {"desk": desk}),
        "course": ["-P", "-m", "autograder", "course"],
    }


class Environment:
    """Keep the folder .venv beside this file."""

    def __init__(self, root: Path, windows: bool = os.name == "nt") -> None:
        self.root, self.windows, self.venv = root, windows, root / ".venv"
        self.python = self.venv / ("Scripts/python.exe" if windows else "bin/python")
        self.stamp, self.log, self.lock = (self.venv / f"course.{name}" for name in ("stamp", "log", "lock"))
        self.variables = clean_variables(dict(os.environ), self.venv)
        # Not sys.executable: that may be the very .venv that is about to be made anew.
        self.base_python = getattr(sys, "_base_executable", None) or sys.executable

    def fingerprint(self) -> str:
        """Hash all that an installation depends on; the folder as well, since `-e .` refers to it."""
        # The end of the link tells when a system upgrade replaces Python 3.12 under the venv by 3.13.
        parts = [os.fsencode(self.root), os.fsencode(self.python.resolve().name)]
        files = [self.root / "requirements.txt", self.root / "pyproject.toml", self.venv / "pyvenv.cfg"]
        return hashlib.sha256(b"\0".join(parts + [path.read_bytes() for path in files])).hexdigest()

    def is_ready(self) -> bool:
        """Tell, without starting a process, whether a finished and current installation is here."""
        try:
            home = re.search(rb"^home *= *(.*?)\s*$", (self.venv / "pyvenv.cfg").read_bytes(), re.M)
            stamp = self.stamp.read_bytes()
            # On Windows python.exe is a launcher, which outlives the Python in `home` that it starts.
            interpreter = self.python.exists() and home is not None and os.path.isdir(home.group(1))
            return interpreter and stamp == self.fingerprint().encode()
        except FileNotFoundError:
            return False

    def is_usable(self) -> bool:
        """Start the venv's Python to see whether it is a venv's, new enough and has pip."""
        probe = f"import sys, pip; sys.exit(sys.prefix == sys.base_prefix or sys.version_info < {OLDEST_PYTHON})"
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": self.variables}
        try:
            return subprocess.call([str(self.python), "-I", "-c", probe], **silent) == 0
        except OSError:
            return False

    def set_up(self) -> None:
        """Make or repair the installation; return at once where it is current."""
        if self.is_ready():
            return
        self.venv.mkdir(exist_ok=True)
        with open(self.lock, "a") as lock:
            wait_for(lock)
            if self.is_ready():  # the other course.py has done it
                return
            if self.stamp.exists():  # until the new one is written, what is here counts as half-made
                self.stamp.unlink()
            tell(f"setting up .venv, which takes some minutes the first time (details: {self.log})")
            with open(self.log, "w", encoding="utf-8", buffering=1) as log:
                if not self.is_usable():
                    self.wipe()
                    self.run_logged([self.base_python, "-m", "venv", str(self.venv)], log, lock)
                pip = [str(self.python), "-I", "-m", "pip"]
                # Not logged: an index's address may hold a password.
                streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "env": self.variables}
                settings = subprocess.run([*pip, "config", "list"], **streams).stdout
                source = torch_source(sys.platform, settings.decode("utf-8", "replace"), has_nvidia())
                # --no-user: some machines' pip.conf asks for --user, which pip refuses in a venv.
                options = ["--no-input", "--no-user", "-r", "requirements.txt", *source]
                self.run_logged([*pip, "install", *options], log, lock)
            unfinished = self.stamp.with_suffix(".new")
            unfinished.write_text(self.fingerprint())
            unfinished.replace(self.stamp)
            tell("the set-up is complete")

    def wipe(self) -> None:
        """Empty .venv, but for the files that are open here."""
        for path in self.venv.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path not in (self.lock, self.log):
                path.unlink()

    def run_logged(self, command: list, log, lock) -> str:
        """Run one step of the set-up and return its output, which also goes to the log, line by line to a terminal."""
        # The child holds the lock too: when this process is killed, no second pip starts beside the first.
        options = {} if self.windows else {"pass_fds": [lock.fileno()]}
        options.update(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        process = subprocess.Popen(command, cwd=str(self.root), env=self.variables, **options)
        output = ""
        try:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace")
                output += line
                log.write(line)
                if sys.stderr.isatty():
                    sys.stderr.write("\r" + line.strip()[:78].ljust(78) + "\r")
        except BaseException:
            process.terminate()
            raise
        finally:
            code = process.wait()
        if code:
            raise SetupError(f"{explain(output)} (details: {self.log})")
        return output

    def become(self, arguments: list) -> int:
        """Run the venv's Python in place of this process, so that signals reach it; Windows can only wait for it."""
        command = [str(self.python), *arguments]
        if not self.windows:
            os.execve(command[0], command, self.variables)
        process = subprocess.Popen(command, env=self.variables)
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the child has got it too, and decides what it means
                continue

    def test(self, pytest_arguments: list) -> int:
        """Run all of CI's steps, each to its end, and sum up."""
        results = {}
        wanted = os.environ.get("STABLE_LOGPROBS_TESTS", "")
        if wanted not in ("", "all"):
            raise SetupError(f"STABLE_LOGPROBS_TESTS is {wanted!r}: it may be all")
        for name, arguments in ci_steps(pytest_arguments, wanted == "all").items():
            print(f"\n== {name}: python {' '.join(arguments)}", flush=True)
            results[name] = subprocess.call([str(self.python), *arguments], env=self.variables)
        print("\n== summary")
        for name, code in results.items():
            print(f"{name:8}{f'FAILED (exit code {code})' if code else 'passed'}")
        return int(any(results.values()))


def wait_for(lock) -> None:
    """Take the lock, which ends with the last process that holds the file; wait for another course.py."""
    told = False
    while True:
        try:
            if os.name == "nt":
                import msvcrt

                return msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
            import fcntl

            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                return None  # a file system without locks: better unguarded than not at all
            if not told:
                tell("another course.py is setting up .venv: waiting for it (Ctrl-C stops the wait)")
            told = True
            time.sleep(0.3)


def tell(sentence: str) -> None:
    """Write a line for people: to stderr, since stdout may be read by a program."""
    end_of_progress = "\r" + " " * 78 + "\r" if sys.stderr.isatty() else ""
    print(f"{end_of_progress}course.py: {sentence}", file=sys.stderr, flush=True)


def main(arguments: list) -> int:
    """Run the command line and return the exit code: 2 where the set-up failed."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        return 0
    environment = Environment(Path(__file__).resolve().parent)
    try:
        environment.set_up()
        if arguments[0] not in ("lab", "test"):
            # -P: nothing is imported from the working directory, which may be a folder full of submissions.
            return environment.become(["-P", "-m", "autograder", *arguments])
        os.chdir(str(environment.root))
        if arguments[0] == "test":
            return environment.test(arguments[1:])
        return environment.become(lab_arguments(environment.root, arguments[1:]))
    except SetupError as error:
        tell(str(error))
    except OSError as error:
        tell(explain(str(error)) + (f" (file: {error.filename})" if error.filename else ""))
    except KeyboardInterrupt:
        tell("interrupted")
        return 130
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
