"""Tests of course.py, the script that sets up the environment and starts the commands."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "course.py"

# Stands for the venv's Python and its pip: notes how it was called, and fails with output.txt where there is one.
FAKE_PYTHON = """#!/bin/sh
here="$(dirname "$0")/../.."
echo "$*" >> "$here/calls.txt"
case "$*" in
  *"import sys, pip"*) exit 0 ;;
  *"config list"*) cat "$here/settings.txt" 2>/dev/null ;;
  *"pip install"*) echo Collecting six; test ! -e "$here/output.txt" || { cat "$here/output.txt"; exit 1; } ;;
esac
"""
# Stands for the Python that starts course.py: all that it can do is `-m venv FOLDER`.
FAKE_BASE_PYTHON = """#!/bin/sh
here="$(dirname "$0")"
echo "base $*" >> "$here/calls.txt"
test ! -e "$here/venv_output.txt" || { cat "$here/venv_output.txt"; exit 1; }
mkdir -p "$3/bin"
echo "home = $here" > "$3/pyvenv.cfg"
cp "$here/fake_python" "$3/bin/python"
"""
posix_only = pytest.mark.skipif(os.name == "nt", reason="the fake Pythons are shell scripts")


@pytest.fixture(scope="module")
def course() -> ModuleType:
    spec = importlib.util.spec_from_file_location("course_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def environment(course, tmp_path):
    for name, text in {"fake_python": FAKE_PYTHON, "base_python": FAKE_BASE_PYTHON}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n-e .\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    made = course.Environment(tmp_path)
    made.base_python = str(tmp_path / "base_python")
    return made


def calls(environment) -> list[str]:
    """Return how the fake Pythons were called since the last time, shortened to what was asked of them."""
    record = environment.root / "calls.txt"
    text = record.read_text() if record.exists() else ""
    record.write_text("")
    known = {"base -m venv": "venv", "import sys, pip": "probe", "config list": "settings", "pip install": "install"}
    return [next((short for part, short in known.items() if part in line), line) for line in text.splitlines()]


# --- Too old a Python


def test_parses_on_python_3_6():
    ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 6))


def test_uses_the_standard_library_only():
    tree = ast.parse(SCRIPT.read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= sys.stdlib_module_names


def test_too_old_a_python_gets_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(sys, "version", "3.8.18 (default)")
    with pytest.raises(SystemExit) as ended:
        exec(compile(SCRIPT.read_text("utf-8"), SCRIPT, "exec"), {"__name__": "__main__"})
    message = capsys.readouterr().err
    assert ended.value.code == 2
    assert message.count("\n") == 1 and "Python 3.8.18" in message and "3.11 or newer" in message


# --- Pure functions


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk"),
        ("ensurepip is not\navailable.  On Debian/Ubuntu systems, you need to install", "python3-venv"),
        ("/usr/bin/python3: No module named venv", "python3-venv"),
        ("No module named 'ensurepip'", "python3-venv"),
        ("[Errno 30] Read-only file system: '/course/.venv'", "cannot be written"),
        ("[Errno 13] Permission denied: '/course/.venv'", "cannot be written"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(': Failed to establish a new connection: "
            "[Errno -3] Temporary failure in name resolution')'\nERROR: No matching distribution found for six==1.16.0",
            "index cannot be reached",
        ),
        ("WARNING: Connection timed out while downloading.", "index cannot be reached"),
        ("WARNING: ... 'SSLError(SSLCertVerificationError(1, ...", "index cannot be reached"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no torch==2.13.0 for this Python"),
        ("some output\nERROR: what pip said\nmore output", "try again: ERROR: what pip said"),
        ("a last line", "try again: a last line"),
        ("", "no reason given"),
    ],
)
def test_explains_failures_in_one_line(course, output, expected):
    assert expected in course.explain(output)
    assert "\n" not in course.explain(output)


@pytest.mark.parametrize(
    "settings",
    [
        "global.index-url='https://mirror.example/simple'",
        ":env:.disable-pip-version-check='1'\n:env:.extra-index-url='https://mirror.example/simple'",
        "install.find-links='/wheels'\nglobal.timeout='60'",
        ":env:.no-index='1'",
    ],
)
def test_sources_that_pip_was_given_are_respected(course, settings):
    assert course.torch_source("linux", settings, has_gpu=False) == []


@pytest.mark.parametrize(
    ("platform", "has_gpu", "from_cpu_index"),
    [("linux", False, True), ("linux", True, False), ("darwin", False, False), ("win32", False, False)],
)
def test_cuda_is_not_downloaded_for_nothing(course, platform, has_gpu, from_cpu_index):
    unrelated = "global.timeout='60'\n:env:.cert='/etc/index-url=/cert.pem'\n"
    expected = ["--extra-index-url", course.CPU_WHEELS] if from_cpu_index else []
    assert course.torch_source(platform, unrelated, has_gpu) == expected
    assert course.torch_source(platform, "", has_gpu) == expected


def test_only_what_misleads_python_is_taken_from_the_variables(course):
    venv = Path("/course/.venv")
    kept = {"PATH": "/bin", "PIP_NO_INDEX": "1", "PYTHONPATH": "/x"}
    assert course.clean_variables({**kept, "PYTHONHOME": "/usr", "VIRTUAL_ENV": "/other"}, venv) == kept
    own = {**kept, "VIRTUAL_ENV": str(venv)}
    assert course.clean_variables({**own, "PYTHONHOME": "/usr"}, venv) == own


def test_lab_opens_the_first_notebook_by_number(course, tmp_path):
    lab = ["-m", "jupyterlab", "--ServerApp.root_dir=."]
    assert course.lab_arguments(tmp_path, []) == lab
    (tmp_path / "notebooks").mkdir()
    for name in ("10_gpu.ipynb", "2_sums.ipynb", "01_floats.ipynb", "notes.ipynb"):
        (tmp_path / "notebooks" / name).touch()
    first = "--LabApp.default_url=/lab/tree/notebooks/01_floats.ipynb"
    assert course.lab_arguments(tmp_path, ["--port", "9000"]) == [*lab, first, "--port", "9000"]
    named = ["notebooks/10_gpu.ipynb", "--no-browser"]
    assert course.lab_arguments(tmp_path, named) == [*lab, *named]


def test_windows_layout(course, tmp_path):
    assert course.Environment(tmp_path, windows=True).python == tmp_path / ".venv" / "Scripts" / "python.exe"
    assert course.Environment(tmp_path, windows=False).python == tmp_path / ".venv" / "bin" / "python"


def test_requirements_pin_every_dependency_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {*project["dependencies"], *project["optional-dependencies"]["dev"]}
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    pinned = [line.split("==")[0] for line in lines if "==" in line]
    assert sorted(pinned) == sorted(name.split(">=")[0] for name in needed)
    assert lines[-1] == "-e ."


# --- The set-up


@posix_only
def test_first_start_installs_and_the_second_starts_nothing(environment):
    environment.set_up()
    assert calls(environment) == ["venv", "settings", "install"]
    assert environment.is_ready()
    environment.set_up()
    assert calls(environment) == []


@posix_only
def test_a_change_of_what_is_installed_installs_again(environment):
    environment.set_up()
    for name in ("requirements.txt", "pyproject.toml"):
        (environment.root / name).write_text("# changed\n")
        assert not environment.is_ready()
        calls(environment)
        environment.set_up()
        assert calls(environment) == ["probe", "settings", "install"]


@posix_only
@pytest.mark.parametrize("damage", ["no python", "dangling link", "no pip", "no pyvenv.cfg", "base removed"])
def test_a_broken_venv_is_made_anew(environment, damage):
    environment.set_up()
    (environment.venv / "rubbish").mkdir()
    config = environment.venv / "pyvenv.cfg"
    if damage in ("no python", "dangling link"):
        environment.python.unlink()
    if damage == "dangling link":
        environment.python.symlink_to(environment.root / "nowhere")
    if damage in ("no pip", "no pyvenv.cfg", "base removed"):
        environment.python.write_text("#!/bin/sh\nexit 1\n")
    if damage == "no pip":
        environment.stamp.unlink()
    if damage == "no pyvenv.cfg":
        config.unlink()
    if damage == "base removed":
        config.write_text("home = /nowhere\n")
    lock = environment.lock.stat().st_ino
    calls(environment)
    environment.set_up()
    assert calls(environment) == ["venv", "settings", "install"]
    assert environment.is_ready() and not (environment.venv / "rubbish").exists()
    assert environment.lock.stat().st_ino == lock  # else a third course.py would not wait


@posix_only
@pytest.mark.parametrize("stamp", [None, b"", b"\xff another"])
def test_a_half_made_installation_is_completed(environment, stamp):
    environment.set_up()
    environment.stamp.unlink()
    if stamp is not None:
        environment.stamp.write_bytes(stamp)
    calls(environment)
    environment.set_up()
    assert calls(environment) == ["probe", "settings", "install"]


@posix_only
def test_a_failed_installation_leaves_no_stamp(course, environment):
    environment.set_up()
    requirements = environment.root / "requirements.txt"
    before = requirements.read_text()
    requirements.write_text("six==1.17.0\n")
    (environment.root / "output.txt").write_text("ERROR: No matching distribution found for six==1.17.0\n")
    with pytest.raises(course.SetupError, match=r"no six==1\.17\.0 for this Python.*course\.log"):
        environment.set_up()
    assert "Collecting six" in environment.log.read_text()
    requirements.write_text(before)
    assert not environment.is_ready()


@posix_only
def test_a_python_without_venv_is_named(course, environment):
    (environment.root / "venv_output.txt").write_text("/usr/bin/python3: No module named venv\n")
    with pytest.raises(course.SetupError, match="sudo apt install python3-venv"):
        environment.set_up()


@posix_only
def test_a_moved_folder_is_installed_again(course, environment, tmp_path_factory):
    environment.set_up()
    moved = tmp_path_factory.mktemp("moved") / "course"
    shutil.copytree(environment.root, moved)
    assert not course.Environment(moved).is_ready()


@posix_only
def test_an_upgraded_or_removed_interpreter_is_noticed(environment):
    for name in ("python3.12", "python3.13", "home"):
        (environment.root / name).mkdir()
    environment.set_up()
    environment.python.unlink()
    environment.python.symlink_to(environment.root / "python3.12")
    (environment.venv / "pyvenv.cfg").write_text(f"home = {environment.root / 'home'}\n")
    environment.stamp.write_text(environment.fingerprint())
    assert environment.is_ready()
    (environment.root / "home").rmdir()
    assert not environment.is_ready()
    (environment.root / "home").mkdir()
    environment.python.unlink()
    environment.python.symlink_to(environment.root / "python3.13")
    assert not environment.is_ready()


@posix_only
def test_never_installs_into_the_python_outside(environment):
    """Without pyvenv.cfg the link in .venv is the system's Python itself."""
    environment.python.parent.mkdir(parents=True)
    environment.python.symlink_to(os.path.realpath(sys.executable))
    assert not environment.is_usable()


@posix_only
@pytest.mark.parametrize("settings", ["", ":env:.find-links='/wheels'\n"])
def test_pip_gets_the_source_of_torch(course, environment, monkeypatch, settings):
    monkeypatch.setattr(course, "has_nvidia", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")
    (environment.root / "settings.txt").write_text(settings)
    environment.set_up()
    source = "" if settings else f" --extra-index-url {course.CPU_WHEELS}"
    expected = f"-I -m pip install --no-input --no-user -r requirements.txt{source}"
    assert (environment.root / "calls.txt").read_text().splitlines()[-1] == expected


@posix_only
def test_waits_for_another_set_up(course, environment, monkeypatch, capsys):
    import fcntl

    environment.venv.mkdir()
    with open(environment.lock, "a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(course.time, "sleep", lambda seconds: fcntl.flock(other, fcntl.LOCK_UN))
        environment.set_up()
    assert capsys.readouterr().err.count("another course.py is setting up") == 1
    assert environment.is_ready()


@posix_only
def test_uses_what_another_set_up_finished(course, environment, monkeypatch):
    environment.set_up()
    finished = environment.stamp.read_bytes()
    environment.stamp.unlink()
    calls(environment)
    monkeypatch.setattr(course, "wait_for", lambda lock: environment.stamp.write_bytes(finished))
    environment.set_up()
    assert calls(environment) == []


@posix_only
def test_pip_holds_the_lock_when_the_script_is_gone(environment):
    import fcntl

    with open(environment.root / "fake_python", "a") as script:
        script.write('case "$*" in *"pip install"*) sleep 0.5 >/dev/null 2>&1 & esac\n')
    environment.set_up()
    with open(environment.lock) as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


# --- The command line


@pytest.fixture
def installed(course, environment, monkeypatch):
    """Make `main` use a finished environment, and note what it would run instead of running it."""
    environment.set_up()
    calls(environment)
    monkeypatch.setattr(course, "Environment", lambda root: environment)
    monkeypatch.chdir(environment.root)
    return environment


@posix_only
@pytest.mark.parametrize(
    "arguments", [["check", "logsumexp", "--json"], ["grade", "a b", "--out", "x"], ["list", "--help"]]
)
def test_other_words_go_to_the_autograder(course, installed, monkeypatch, arguments):
    started = []
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
    course.main(arguments)
    python = str(installed.python)
    assert started == [(python, [python, "-P", "-m", "autograder", *arguments], installed.variables)]


@posix_only
def test_windows_waits_and_returns_the_exit_code(course, installed, monkeypatch):
    class Child:
        answers = iter([KeyboardInterrupt, 7])

        def __init__(self, command, env):
            self.command = command

        def wait(self):
            answer = next(self.answers)
            if answer is KeyboardInterrupt:
                raise answer
            return answer

    monkeypatch.setattr(course.subprocess, "Popen", Child)
    installed.windows = True
    assert course.main(["check"]) == 7


@posix_only
@pytest.mark.parametrize("failing", [None, "ruff check"])
def test_runs_all_of_ci_and_sums_up(course, installed, capfd, failing):
    if failing:
        installed.python.write_text(installed.python.read_text() + f'case "$*" in *"{failing}"*) exit 5 ;; esac\n')
    assert course.main(["test", "-k", "floats"]) == (1 if failing else 0)
    assert calls(installed) == [
        "-m ruff format --check .",
        "-m ruff check .",
        "-m mypy",
        "-m pytest -k floats",
        "-P -m autograder course",
    ]
    summary = capfd.readouterr().out.partition("== summary\n")[2].splitlines()
    assert [line.split()[0] for line in summary] == ["format", "lint", "types", "tests", "course"]
    assert sum("FAILED (exit code 5)" in line for line in summary) == (1 if failing else 0)


def test_what_ci_runs_is_run_and_the_slowest_where_asked(course):
    desk = ["-m", "pytest", "-n", "auto", "--dist", "loadfile", *course.DESK]
    assert list(course.ci_steps([])) == ["format", "lint", "types", "tests", "desk", "course"]
    assert course.ci_steps([])["desk"] == desk
    assert course.ci_steps([], every=True)["desk"] == [*desk, *course.CLASS]
    ignored = [part.removeprefix("--ignore=") for part in course.ci_steps([])["tests"] if "--ignore" in part]
    assert ignored == [*course.DESK, *course.CLASS]
    assert all((Path(course.__file__).parent / path).exists() for path in ignored)


def test_other_wishes_are_refused(course, monkeypatch, capsys):
    monkeypatch.setenv("STABLE_LOGPROBS_TESTS", "some")
    with pytest.raises(course.SetupError, match="it may be all"):
        course.Environment(Path(course.__file__).parent).test([])


@posix_only
@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied", ".venv"), OSError(28, "No space left on device")]
)
def test_system_errors_end_in_one_line(course, installed, monkeypatch, capsys, error):
    def fail():
        raise error

    capsys.readouterr()
    monkeypatch.setattr(installed, "set_up", fail)
    assert course.main(["check"]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and message.startswith("course.py: ")


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_needs_no_environment(arguments, tmp_path):
    copy = tmp_path / "course.py"
    copy.write_text(SCRIPT.read_text("utf-8"))
    done = subprocess.run([sys.executable, "-S", copy, *arguments], capture_output=True, text=True)
    assert done.returncode == 0 and "course.py lab" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["course.py"]
