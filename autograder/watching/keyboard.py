"""Single keys from a terminal, without Enter, and the terminal as it was afterwards, whatever ends the program."""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TextIO

LONGEST = 8  # bytes that come at once and are still keys; more is a paste
END = "\x04"  # Ctrl-D, and the end of the input


# An arrow or a function key is such a sequence, Alt and a key are two bytes; a quick "?" may follow in the same read.
ESCAPES = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|O[ -~]|[ -~]|\Z)")


def keys(data: bytes) -> str:
    """Return the keys in what a terminal sent at once; escape sequences (arrows) and pastes are none."""
    pressed = ESCAPES.sub(b"", data)
    return "" if len(pressed) > LONGEST else pressed.decode(errors="ignore").lower()


class Keyboard:
    """Reads keys where the input is a terminal; elsewhere it only waits. Use it in a `with` block.

    `before_stop` and `after_stop` are called around Ctrl-Z: the first before the shell has the terminal, the second
    when this program has it again.
    """

    def __init__(self, stream: TextIO, before_stop: Callable[[], None], after_stop: Callable[[], None]) -> None:
        """Change nothing yet."""
        self.before_stop, self.after_stop = before_stop, after_stop
        self._settings: Any = None
        self._handlers: dict[int, Any] = {}
        try:
            self._fd = stream.fileno()
            self.attached = os.isatty(self._fd)
        except (OSError, ValueError, AttributeError):
            self._fd, self.attached = -1, False

    def __enter__(self) -> "Keyboard":
        """Take over the signals that end or stop the program."""
        for name, handler in (("SIGTERM", self._end), ("SIGHUP", self._end), ("SIGTSTP", self._stop)):
            number = getattr(signal, name, None)
            # What the parent ignores (nohup) stays ignored.
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal and the signals back."""
        self._restore()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _end(self, number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.before_stop()
        self._restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # here the program stops, and goes on when the shell says so
        signal.signal(number, self._stop)
        self.after_stop()

    if sys.platform == "win32":

        def read(self, wait_s: float) -> str:
            """Return the keys that were pressed within `wait_s`, as lower-case characters."""
            import msvcrt

            until = time.monotonic() + wait_s
            while self.attached and time.monotonic() < until:
                if msvcrt.kbhit():
                    key = msvcrt.getwch()
                    if key in "\x00\xe0":  # the first half of an arrow or function key
                        msvcrt.getwch()
                        continue
                    if key == "\x03":
                        raise KeyboardInterrupt
                    return END if key == "\x1a" else key.lower()
                time.sleep(0.02)
            time.sleep(max(until - time.monotonic(), 0))
            return ""

        def _restore(self) -> None:
            """Do nothing: the console was not changed."""

    else:

        def read(self, wait_s: float) -> str:
            """Return the keys that were pressed within `wait_s`, as lower-case characters."""
            import select

            if not self.attached or not self._take():
                time.sleep(wait_s)
                return ""
            if not select.select([self._fd], [], [], wait_s)[0]:
                return ""
            try:
                data = os.read(self._fd, 4096)
            except OSError:  # the terminal is gone
                data = b""
            return keys(data) if data else END

        def _take(self) -> bool:
            """Switch the terminal to single keys, unless another program has it just now."""
            import termios

            try:
                if os.tcgetpgrp(self._fd) != os.getpgrp():
                    return False
                if self._settings is None:
                    settings = termios.tcgetattr(self._fd)
                    single = [*settings[:3], settings[3] & ~(termios.ICANON | termios.ECHO), *settings[4:]]
                    single[6] = [*settings[6]]
                    single[6][termios.VMIN], single[6][termios.VTIME] = 1, 0
                    termios.tcsetattr(self._fd, termios.TCSANOW, single)
                    self._settings = settings
            except (OSError, termios.error):
                self.attached = False
            return self.attached

        def _restore(self) -> None:
            import termios

            if self._settings is not None:
                settings, self._settings = self._settings, None
                with contextlib.suppress(termios.error):
                    termios.tcsetattr(self._fd, termios.TCSANOW, settings)
