"""The grader's side of the wall: start the zygote, fork workers, ask them with a deadline, kill them."""

import atexit
import contextlib
import itertools
import os
import secrets
import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from autograder.answer import Answer
from autograder.running import wire
from autograder.running.forms import Blob, WireError
from autograder.running.launch import START_S, Launcher, WallError, describe_status, start

PIPE_BYTES = 1 << 18  # Linux lets a user have 64 MiB of pipes in all, and many graders may run
# So much may be asked while an answer is waited for: less than a pipe holds, so that the grader, which reads answers
# one by one, never waits for a worker that waits for it.
AHEAD = 0.5
Asked = tuple[dict[str, str], wire.Prepared]  # words and the part that was encoded before


def _error(error: Any) -> dict[str, Any]:
    """Return an exception as a worker describes it.

    Raises:
        WireError: The description is none.
    """
    if not isinstance(error, dict) or not all(isinstance(error.get(key), str) for key in ("type", "message")):
        raise WireError("an answer without content")
    file, line = error.get("file"), error.get("line")
    return {
        "type": error["type"],
        "message": error["message"],
        "file": file if isinstance(file, str) else None,
        "line": line if type(line) is int else None,
    }


class Scheduled(NamedTuple):
    """Nanoseconds that a thread has used a processor, and those that it was ready to and had to wait for one."""

    cpu_ns: int
    delay_ns: int


def scheduled(task: str) -> Scheduled | None:
    """Read the scheduler's notes on a process's first thread, or on "thread-self", from outside."""
    try:
        cpu, delay, _ = Path(f"/proc/{task}/schedstat").read_text().split()
        return Scheduled(int(cpu), int(delay))
    except (OSError, ValueError):
        return None


def _pipe() -> tuple[int, int]:
    """Return a pipe that holds more than a usual question: with less, both sides wake each other for every piece."""
    ends = os.pipe()
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # a user may hold so much and no more
            fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return ends


def _capacity(fd: int) -> int:
    """Return how many bytes a pipe holds; 0 where the system does not tell."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
    return 0


class Worker:
    """One confined process; every answer carries the nonce of its question."""

    def __init__(self, launcher: Launcher, cuda: bool = False) -> None:
        """Start it and wait until it is confined."""
        self._launcher: Launcher | None = launcher
        self._posted: deque[tuple[wire.Prepared, str]] = deque()  # questions whose answers nobody has read, with nonces
        theirs_in, self._out = _pipe()
        self._in, theirs_out = _pipe()
        self._room = int(AHEAD * _capacity(self._out))
        try:
            self.pid = launcher.spawn(theirs_in, theirs_out, cuda)
        except WallError:
            os.close(self._out)
            os.close(self._in)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        if os.name != "nt":
            os.set_blocking(self._out, False)
        hello = wire.receive(self._in, time.monotonic() + START_S)
        self.layers: tuple[str, ...] = tuple(hello["layers"])

    def ask(self, do: str, limit_s: float, **message: Any) -> Answer:
        """Put one question and wait `limit_s` for its answer; a worker that fails to answer is dead afterwards."""
        if self._posted:
            raise RuntimeError("other questions wait for their answers")
        return self._exchange(limit_s, {"do": do, **message})

    def ask_prepared(
        self, do: str, limit_s: float, prepared: wire.Prepared, following: Iterable[Asked] = (), **words: str
    ) -> Answer:
        """Put a question that was encoded before; `words` belong to it.

        The questions that are `following` must be the next ones. Some of them are put together with this one, so that
        the worker goes on while the grader thinks. Each has its own time all the same, which begins when the answer
        before it has been read.
        """
        if not self._posted and following:
            self._post(do, itertools.chain([(words, prepared)], following), limit_s)
        if not self._posted:
            return self._exchange(limit_s, {"do": do, **words}, prepared)
        posted, nonce = self._posted.popleft()
        if posted is not prepared:
            raise RuntimeError("another question was to follow")
        return self._exchange(limit_s, nonce=nonce)

    def _post(self, do: str, questions: Iterable[Asked], limit_s: float) -> None:
        """Put as many questions as there is room for, if more than one."""
        if self._launcher is None:
            return
        frames: list[Blob] = []
        size = 0
        for words, prepared in questions:
            nonce = secrets.token_hex(16)
            parts = wire.pack({"nonce": nonce, "do": do, **words}, prepared)
            size += sum(len(part) for part in parts)
            if size > self._room:
                break
            frames += parts
            self._posted.append((prepared, nonce))
        if len(self._posted) < 2:
            return self._posted.clear()
        with contextlib.suppress(WireError):  # whoever reads the answers will see that the worker is dead
            wire.write(self._out, [b"".join(frames)], time.monotonic() + limit_s)

    def _exchange(
        self,
        limit_s: float,
        message: dict[str, Any] | None = None,
        prepared: wire.Prepared | None = None,
        nonce: str = "",
    ) -> Answer:
        """Put a question, unless it was put before under its `nonce`, and read its answer."""
        if self._launcher is None:
            return Answer("crashed", detail="the worker is gone")
        nonce = nonce or secrets.token_hex(16)
        until = time.monotonic() + limit_s
        try:
            if message is not None:
                wire.send(self._out, {"nonce": nonce, **message}, until, prepared)
            reply = wire.receive(self._in, until, meta=False)
            if reply.get("nonce") != nonce:
                raise WireError("an answer to another question")
            if reply.get("ok") is True:
                return Answer("returned", result=reply.get("result"))
            return Answer("raised", error=_error(reply.get("error")))
        except wire.TimedOut:
            self.close()
            return Answer("timeout", detail=f"no answer within {limit_s:g} s")
        except wire.Closed:
            return Answer("crashed", detail=describe_status(self.close()))
        except WireError as error:
            self.close()
            return Answer("garbled", detail=str(error))

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._launcher is not None

    def scheduled(self) -> Scheduled | None:
        """Return what the system's scheduler has noted of it so far; None where the system does not tell."""
        return scheduled(str(self.pid))

    def close(self) -> int:
        """End the worker and return its wait status."""
        if self._launcher is None:
            return 0
        os.close(self._in)
        os.close(self._out)
        self._posted.clear()
        launcher, self._launcher = self._launcher, None
        return launcher.reap(self.pid)


class Wall:
    """Keeps one zygote alive and hands out workers; restarts the zygote when it died."""

    def __init__(self, launcher: Launcher | None = None) -> None:
        """Start the zygote at once, unless one is given: it imports torch beside the grader."""
        self._launcher = launcher or start()
        self._started = 1
        atexit.register(self.close)

    def worker(self, cuda: bool = False) -> Worker:
        """Fork a fresh worker."""
        try:
            return Worker(self._launcher, cuda)
        except (WallError, WireError):
            self._restart()
            try:
                return Worker(self._launcher, cuda)
            except WireError as error:
                raise WallError(f"a worker does not start ({error})") from None

    def _restart(self) -> None:
        self._launcher.close()
        self._launcher = start()
        self._started += 1

    def generation(self) -> int:
        """Return how many zygotes there were; one that is found dead is replaced, and counts."""
        if not self._launcher.alive():
            self._restart()
        return self._started

    def close(self) -> None:
        """End everything behind the wall."""
        atexit.unregister(self.close)
        self._launcher.close()

    def __enter__(self) -> "Wall":
        """Use the wall in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End everything behind the wall."""
        self.close()
