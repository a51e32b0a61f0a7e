"""The watch as its user meets it: real keys in a pseudo-terminal, saves in a folder, and without a terminal lines."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from autograder import progress, registry, watch
from autograder.reporting.terminal import Screen
from autograder.sources import find_definition, replace_definition, stub
from autograder.tests.reporting.sample import PASSED
from autograder.tests.watching.test_session import save
from autograder.watch import KEYS, Watch, status_line
from autograder.watching.judge import Outcome
from autograder.watching.session import Session

SOLUTION = (registry.ROOT / "solutions" / "floats.py").read_text()
LIMIT_S = 240  # for a loaded machine; nothing waits so long without need


# the line below everything


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_the_status_line_says_what_fits(width):
    line = status_line(12, 35, "logsumexp", width)
    assert " 12 of 35  logsumexp" in line
    assert len(line) < width or width < 50
    assert ("q quit" in line) == (width >= 80)


def test_every_key_is_in_the_line_or_in_the_help():
    shown = status_line(1, 35, "ulp", 300)
    assert all(f"{key} " in shown for key in KEYS if key != "?")


# the parts together


class Judge:
    """Answers when the test says so."""

    def __init__(self):
        self.asked, self.outcome = None, None

    def ask(self, name, sources):
        self.asked = name
        self.pending = Outcome(name, dict(sources), PASSED)

    def answer(self):
        outcome, self.outcome = self.outcome, None
        if outcome:
            self.asked = None
        return outcome


class Saves:
    """Hands out what the test puts in."""

    def __init__(self, *rounds):
        self.rounds = list(rounds)

    def poll(self, now_s):
        return self.rounds.pop(0) if self.rounds else []


class Keyboard:
    """Presses these keys, one after the other."""

    attached = True

    def __init__(self, keys=""):
        self.keys = list(keys)

    def read(self, wait_s):
        return self.keys.pop(0) if self.keys else "q"


@pytest.fixture
def make(tmp_path, capsys):
    def make(keys: str = "", *rounds) -> Watch:
        session = Session(["logsumexp", "logaddexp"], tmp_path, Screen(sys.stdout).look, keyed=True)
        return Watch(session, Screen(sys.stdout, {}), Keyboard(keys), Saves(*(rounds or [save()])), Judge())

    return make


def test_keys_do_what_the_help_says(make, capsys):
    assert make("?hlnx q").run() == 1
    out = capsys.readouterr().out
    assert all(f"  {key}  {words}\n" in out for key, words in KEYS.items())
    assert f"hint 1 of 3 for logsumexp (log_sums.py): {registry.find('logsumexp')[1].hints[0]} h shows the next" in out
    assert "0 of 2 passed, about 55 min left" in out
    assert "Now: logaddexp (" in out
    assert "x is no key here; ? shows them" in out
    assert progress.of("logsumexp")["hints"] == 1


def test_a_reset_asks_first(make, tmp_path, capsys):
    mine = "def logsumexp(x):\n    return x\n"
    (tmp_path / "log_sums.py").write_text(mine)
    make("rn").run()
    assert (tmp_path / "log_sums.py").read_text() == mine
    make("rqn").run()  # q is no yes either, and here it does not quit
    out = capsys.readouterr().out
    assert out.count("logsumexp stays as it is") == 2
    assert "Now: logaddexp" in out
    make("ry").run()
    assert "NotImplementedError" in (tmp_path / "log_sums.py").read_text()
    assert "your version until now is kept" in capsys.readouterr().out


def test_the_model_answer_comes_after_passing(make, tmp_path, capsys):
    (tmp_path / "log_sums.py").write_text("def logsumexp(x):\n    return x\n")
    make("s").run()
    assert "the model answer is shown once logsumexp has passed" in capsys.readouterr().out
    session = make("s", save(logsumexp="return x"))
    session.judge.ask("logsumexp", {"log_sums": save(logsumexp="return x")[0].text})
    session.judge.outcome = session.judge.pending
    session.keyboard.keys.insert(0, "")
    session.run()
    out = capsys.readouterr().out
    assert out.index("Next: logaddexp") < out.index("The model answer\n\ndef logsumexp(")  # of the one just passed


def test_all_passed_is_0(make):
    progress.update("logsumexp", passed="")
    watch = make("", save(logsumexp="return x", logaddexp="return x"))
    watch.session.start(save(logsumexp="return x", logaddexp="return x"))
    for name in ("logsumexp", "logaddexp"):
        watch.session.judged(name, watch.session.sources, PASSED.__class__(name, "log_sums", True, PASSED.cases))
    assert watch.run() == 0


def test_what_was_judged_while_the_program_was_stopped_is_judged_again(make, capsys):
    watch = make("", save(logsumexp="return x"))
    watch.run()
    assert watch.judge.asked is None
    watch.step(0.0)
    assert watch.judge.asked == "logsumexp"
    watch.interrupted()
    watch.judge.outcome = watch.judge.pending
    watch.step(1.0)
    assert "logsumexp: passed" not in capsys.readouterr().out
    assert watch.judge.asked == "logsumexp"
    watch.judge.outcome = watch.judge.pending
    watch.step(2.0)
    assert "logsumexp: passed" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(watch.desk, "default_package", lambda: tmp_path / "nowhere")
    with pytest.raises(watch.SourceError, match=r"there is no folder .* to watch: `python -m autograder stubs`"):
        watch.main([])
    with pytest.raises(KeyError, match="did you mean"):
        watch.main(["log1mex"])


# the process


class Course:
    """A folder with the first chapter's stubs, and what a learner does in it."""

    def __init__(self, folder: Path):
        self.folder, self.file = folder, folder / "exercises" / "floats.py"
        self.file.parent.mkdir()
        shutil.copy(registry.ROOT / "exercises" / "__init__.py", self.file.parent)
        self.file.write_text(stub(SOLUTION))
        # The course itself stays importable, and so does this folder's package in place of its own.
        self.environment = os.environ | {
            "PYTHONPATH": f"{folder}{os.pathsep}{registry.ROOT}",
            "STABLE_LOGPROBS_STATE": str(folder / "state"),
            "TERM": "xterm",
        }
        self.environment.pop("NO_COLOR", None)
        self.command = [sys.executable, "-m", "autograder", "watch", "floats"]

    def write(self, name: str, source: str | None = None) -> None:
        text = self.file.read_text()
        source = source or find_definition(SOLUTION, name)
        progress.write_atomically(self.file, replace_definition(text, name, source, []))


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


class Terminal:
    """A pseudo-terminal with a program in it: what it wrote, and keys for it."""

    def __init__(self, course: Course):
        pty = pytest.importorskip("pty", reason="no pseudo-terminals here")
        import fcntl
        import struct
        import termios

        self.far, self.near = pty.openpty()
        fcntl.ioctl(self.near, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.before = termios.tcgetattr(self.near)
        self.text = ""
        self.process = subprocess.Popen(
            course.command,
            stdin=self.near,
            stdout=self.near,
            stderr=self.near,
            cwd=course.folder,
            env=course.environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def until(self, words: str) -> str:
        """Wait for words; return what came up to them, and forget it."""
        import select

        end = time.monotonic() + LIMIT_S
        while words not in self.text:
            assert time.monotonic() < end, f"no {words!r} in {self.text!r}"
            if select.select([self.far], [], [], 0.2)[0]:
                self.text += os.read(self.far, 65536).decode(errors="replace").replace("\r\n", "\n")
        place = self.text.index(words) + len(words)
        seen, self.text = self.text[:place], self.text[place:]
        return seen

    def press(self, keys: str) -> None:
        os.write(self.far, keys.encode())

    def is_as_before(self) -> bool:
        import termios

        return termios.tcgetattr(self.near) == self.before

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.near)
        os.close(self.far)


@pytest.fixture
def terminal(course):
    terminal = Terminal(course)
    yield terminal
    terminal.close()


@pytest.mark.slow
def test_a_chapter_from_the_first_save_to_the_last(course, terminal):
    terminal.until("0 of 3 passed")
    terminal.until("Now: ")
    assert "01_floats.ipynb" in terminal.until("replace its")
    terminal.press("h")
    terminal.until("hint 1 of 3 for ulp")
    course.write("ulp", "def ulp(x):\n    return x * 1e-7\n")
    terminal.until("ulp: FAILED")
    terminal.until("press h")
    course.file.write_text(course.file.read_text() + "def f(:\n")
    terminal.until("is no Python yet")
    course.file.write_text(course.file.read_text().removesuffix("def f(:\n"))
    course.write("ulp")
    terminal.until("ulp: passed")
    terminal.until("Next: ")
    terminal.until("1 of 3")
    terminal.press("s")
    terminal.until("The model answer")
    course.write("exp_range")
    terminal.until("exp_range: passed")
    terminal.until("Next: ")
    course.write("ulp_error")
    terminal.until("All 3 exercises have passed.")
    assert not terminal.is_as_before()
    terminal.press("q")
    assert terminal.process.wait(LIMIT_S) == 0
    assert terminal.is_as_before()


@pytest.mark.slow
@pytest.mark.parametrize(("end", "code"), [("\x03", 1), ("\x04", 1), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_however_it_ends_the_terminal_is_as_before(terminal, end, code):
    terminal.until("q quit")
    assert not terminal.is_as_before()
    if isinstance(end, str):
        terminal.press(end)
    else:
        terminal.process.send_signal(end)
    assert terminal.process.wait(LIMIT_S) == code
    assert terminal.is_as_before()
    assert "Traceback" not in terminal.text


@pytest.mark.slow
def test_ctrl_z_and_back(terminal):
    terminal.until("q quit")
    # Nobody would wake a process group without a shell: the system throws its stop signal away, so it is sent as such.
    terminal.process.send_signal(signal.SIGTSTP)
    time.sleep(0.5)
    terminal.process.send_signal(signal.SIGCONT)
    terminal.press("l")
    terminal.until("0 of 3 passed, about 50 min left")
    assert not terminal.is_as_before()


@pytest.mark.slow
def test_without_a_terminal_there_are_plain_lines(course):
    course.write("ulp", "def ulp(x):\n    return x * 1e-7\n")
    with subprocess.Popen(
        course.command,
        cwd=course.folder,
        env=course.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        alarm = threading.Timer(LIMIT_S, process.kill)
        alarm.start()
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "stuck?" in line:
                break
        process.send_signal(signal.SIGINT)
        lines += process.stdout
        alarm.cancel()
    text = "".join(lines)
    assert process.returncode == 1, text
    assert "ulp: FAILED" in text
    assert "run `python -m autograder hint" in text
    assert "press" not in text
    assert not {"\x1b", "\r"} & set(text)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_in_tmux_a_narrower_window_leaves_no_rests(course, tmp_path):
    tmux = ["tmux", "-f", os.devnull, "-S", str(tmp_path / "socket")]

    def call(*arguments: str) -> str:
        return subprocess.run([*tmux, *arguments], capture_output=True, text=True, check=True, env=environment).stdout

    def until(words: str) -> str:
        end = time.monotonic() + LIMIT_S
        while words not in (seen := call("capture-pane", "-p")):
            assert time.monotonic() < end, seen
            time.sleep(0.1)
        return seen

    environment = {k: v for k, v in course.environment.items() if k != "TMUX"}
    call("new-session", "-d", "-x", "120", "-y", "30", "-c", str(course.folder), *course.command)
    try:
        until("q quit")
        call("resize-window", "-x", "50")
        call("send-keys", "n")
        seen = until("Now: ulp_error")
        time.sleep(0.5)
        seen = call("capture-pane", "-p")
        assert seen.count("[---") == 1  # one status line, the last one
        assert seen.rstrip().split("\n")[-1].startswith("[---")
        call("send-keys", "Up")
        call("send-keys", "?")
        until("these keys")
        assert "is no key here" not in call("capture-pane", "-p")
    finally:
        call("kill-server")
