"""The grader's side of the wall: start the zygote, fork workers, ask them with a deadline, kill them."""

import atexit
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from autograder.answer import Answer
from autograder.running import wire

ROOT = Path(__file__).resolve().parents[2]
START_S = 90.0  # a cold import of torch on a loaded machine
SPAWN_S = 20.0
BOOT = (
    "import sys; sys.path.insert(0, sys.argv[2]); from autograder.running import zygote; "
    "sys.path.remove(sys.argv[2]); zygote.serve(int(sys.argv[1]))"
)
KEPT_ENVIRONMENT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class WallError(RuntimeError):
    """The zygote cannot be started or does not answer: no fault of the learner."""


def describe_status(status: int) -> str:
    """Say in words how a process ended."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        known = {
            signal.SIGSEGV: "a segmentation fault",
            signal.SIGABRT: "an abort",
            signal.SIGKILL: "it was killed",
            signal.SIGXCPU: "it used up its processor time",
            signal.SIGSYS: "a system call that is not allowed",
        }
        return known.get(number, f"signal {number}")
    return f"it left the process with exit status {os.WEXITSTATUS(status)}"


class Zygote:
    """A running zygote; `spawn` and `reap` are its only services."""

    def __init__(self) -> None:
        """Start the process; it gets ready while the grader goes on."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {key: os.environ[key] for key in KEPT_ENVIRONMENT if key in os.environ}
        environment |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        environment["PATH"] = os.defpath
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", BOOT, str(theirs.fileno()), str(ROOT)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._ready = False

    def _hear(self, limit_s: float) -> dict[str, Any]:
        self._socket.settimeout(limit_s)
        try:
            data = self._socket.recv(4096)
        except OSError as error:
            raise WallError(f"the process that workers are forked from does not answer ({error})") from None
        if not data:
            raise WallError(f"the process that workers are forked from ended: {self._last_words()}")
        return dict(json.loads(data))

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            _, stderr = self._process.communicate(timeout=2)
            lines = stderr.decode(errors="replace").strip().splitlines()
            return lines[-1] if lines else "without a word"
        return "without a word"

    def wait(self) -> None:
        """Wait until torch is imported there."""
        if not self._ready:
            self._hear(START_S)
            self._ready = True

    def spawn(self, requests: int, replies: int) -> int:
        """Fork a worker that reads `requests` and writes `replies`; return its process id."""
        self.wait()
        try:
            socket.send_fds(self._socket, [b'{"do": "spawn"}'], [requests, replies])
        except OSError as error:
            raise WallError(f"the process that workers are forked from is gone ({error})") from None
        return int(self._hear(SPAWN_S)["pid"])

    def reap(self, pid: int) -> int:
        """Kill a worker and return its wait status."""
        try:
            self._socket.send(json.dumps({"do": "reap", "pid": pid}).encode())
        except OSError:
            return 0
        return int(self._hear(SPAWN_S)["status"])

    def close(self) -> None:
        """End the zygote and all of its workers."""
        self._socket.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()


class Worker:
    """One confined process; every answer carries the nonce of its question."""

    def __init__(self, zygote: Zygote) -> None:
        """Fork it and wait until it is confined."""
        self._zygote: Zygote | None = zygote
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        try:
            self.pid = zygote.spawn(theirs_in, theirs_out)
        except WallError:
            os.close(self._out)
            os.close(self._in)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        os.set_blocking(self._out, False)
        hello = wire.receive(self._in, time.monotonic() + SPAWN_S)
        self.layers: tuple[str, ...] = tuple(hello["layers"])

    def ask(self, do: str, limit_s: float, **message: Any) -> Answer:
        """Put one question and wait `limit_s` for its answer; a worker that fails to answer is dead afterwards."""
        if self._zygote is None:
            return Answer("crashed", detail="the worker is gone")
        nonce = secrets.token_hex(16)
        until = time.monotonic() + limit_s
        try:
            wire.send(self._out, {"nonce": nonce, "do": do, **message}, until)
            reply = wire.receive(self._in, until)
            if reply.get("nonce") != nonce:
                raise wire.WireError("an answer to another question")
            if reply.get("ok") is True:
                return Answer("returned", result=reply.get("result"))
            if isinstance(reply.get("error"), dict):
                return Answer("raised", error=reply["error"])
            raise wire.WireError("an answer without content")
        except wire.TimedOut:
            self.close()
            return Answer("timeout", detail=f"no answer within {limit_s:g} s")
        except wire.Closed:
            return Answer("crashed", detail=describe_status(self.close()))
        except wire.WireError as error:
            self.close()
            return Answer("garbled", detail=str(error))

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._zygote is not None

    def cpu_ns(self) -> int | None:
        """Return the processor time used so far, read from outside; None where the system does not tell."""
        try:
            return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def close(self) -> int:
        """End the worker and return its wait status."""
        if self._zygote is None:
            return 0
        os.close(self._in)
        os.close(self._out)
        zygote, self._zygote = self._zygote, None
        return zygote.reap(self.pid)


class Wall:
    """Keeps one zygote alive and hands out workers; restarts the zygote when it died."""

    def __init__(self) -> None:
        """Start the zygote at once: it imports torch beside the grader."""
        self._zygote = Zygote()
        atexit.register(self.close)

    def worker(self) -> Worker:
        """Fork a fresh worker."""
        try:
            return Worker(self._zygote)
        except (WallError, wire.WireError):
            self._zygote.close()
            self._zygote = Zygote()
            try:
                return Worker(self._zygote)
            except wire.WireError as error:
                raise WallError(f"a worker does not start ({error})") from None

    def close(self) -> None:
        """End everything behind the wall."""
        atexit.unregister(self.close)
        self._zygote.close()

    def __enter__(self) -> "Wall":
        """Use the wall in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End everything behind the wall."""
        self.close()
