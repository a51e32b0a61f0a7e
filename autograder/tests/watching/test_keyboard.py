"""Single keys from a pseudo-terminal, and the terminal as it was afterwards."""

import io
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from autograder.watching.keyboard import END, Keyboard, keys

pty = pytest.importorskip("pty", reason="no pseudo-terminals here")
termios = pytest.importorskip("termios")


def nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"h", "h"),
        (b"H", "h"),
        (b"ln", "ln"),
        (b"?", "?"),
        (b"\x1b[A", ""),
        (b"\x1b", ""),
        (b"\x1b[A?", "?"),
        (b"\x1bOPq", "q"),
        (b"n\x1b[15~\x1b[1;5C", "n"),
        (b"\x1bx", ""),
        (b"\x04", END),
        ("é".encode(), "é"),
        (b"\xff", ""),
        (b"quit everything now", ""),
    ],
)
def test_what_are_keys(data, expected):
    assert keys(data) == expected


@pytest.fixture
def terminal(monkeypatch):
    """Return the far end of a terminal, and the stream at its near end; this process counts as its foreground."""
    far, near = pty.openpty()
    monkeypatch.setattr(os, "tcgetpgrp", lambda fd: os.getpgrp())
    with os.fdopen(near, "r") as stream:
        yield far, stream
    os.close(far)


def flags(stream) -> int:
    return termios.tcgetattr(stream.fileno())[3] & (termios.ICANON | termios.ECHO | termios.ISIG)


def test_keys_come_without_enter_and_without_echo(terminal):
    far, stream = terminal
    before = flags(stream)
    with Keyboard(stream, nothing, nothing) as keyboard:
        assert keyboard.read(0.0) == ""
        assert flags(stream) == before & ~(termios.ICANON | termios.ECHO)  # Ctrl-C and Ctrl-Z still are signals
        os.write(far, b"h")
        assert keyboard.read(5.0) == "h"
    assert flags(stream) == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_terminal_is_given_back_after_an_exception(terminal, error):
    _, stream = terminal
    before = termios.tcgetattr(stream.fileno())
    with pytest.raises(error), Keyboard(stream, nothing, nothing) as keyboard:
        keyboard.read(0.0)
        raise error
    assert termios.tcgetattr(stream.fileno()) == before


def test_a_terminal_that_is_gone_is_the_end(terminal):
    far, stream = terminal
    with Keyboard(stream, nothing, nothing) as keyboard:
        keyboard.read(0.0)
        spare = os.dup(far)
        os.close(far)
        os.close(spare)
        assert keyboard.read(5.0) == END
    os.dup2(os.open(os.devnull, os.O_RDONLY), far)  # the fixture closes it


def test_in_the_background_the_terminal_is_left_alone(terminal, monkeypatch):
    far, stream = terminal
    before = flags(stream)
    monkeypatch.setattr(os, "tcgetpgrp", lambda fd: os.getpgrp() + 1)
    with Keyboard(stream, nothing, nothing) as keyboard:
        os.write(far, b"h\n")
        assert keyboard.read(0.0) == ""
        assert flags(stream) == before


def test_ctrl_z_gives_the_terminal_back_and_takes_it_again(terminal, monkeypatch):
    far, stream = terminal
    before, seen = flags(stream), []
    with Keyboard(stream, lambda: seen.append("before"), lambda: seen.append("after")) as keyboard:
        keyboard.read(0.0)
        raw = flags(stream)
        monkeypatch.setattr(os, "kill", lambda pid, number: seen.append((pid, number, flags(stream))))
        signal.getsignal(signal.SIGTSTP)(signal.SIGTSTP, None)
        assert seen == ["before", (os.getpid(), signal.SIGTSTP, before), "after"]
        keyboard.read(0.0)
        assert flags(stream) == raw != before
        os.write(far, b"h")
        assert keyboard.read(5.0) == "h"


def test_signals_are_given_back():
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)
    before = [signal.getsignal(n) for n in numbers]
    with Keyboard(io.StringIO(), nothing, nothing):
        assert [signal.getsignal(n) for n in numbers] != before
    assert [signal.getsignal(n) for n in numbers] == before


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Keyboard(io.StringIO(), nothing, nothing):
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_termination_ends_the_program(terminal):
    _, stream = terminal
    before = flags(stream)
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(SystemExit) as end, Keyboard(stream, nothing, nothing) as keyboard:
        keyboard.read(5.0)
    assert end.value.code == 128 + signal.SIGTERM
    assert flags(stream) == before


@pytest.mark.parametrize("make", [io.StringIO, Path(os.devnull).open], ids=["no file", "no terminal"])
def test_without_a_terminal_it_only_waits(make):
    with make() as stream, Keyboard(stream, nothing, nothing) as keyboard:
        assert not keyboard.attached
        start = time.monotonic()
        assert keyboard.read(0.05) == ""
        assert time.monotonic() - start >= 0.05


def test_this_system_has_the_right_half():
    assert hasattr(Keyboard, "_take") == (sys.platform != "win32")
