"""Starts the zygote. Standard library only, so that it can start before the grader has imported torch."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

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
        known: dict[int, str] = {
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
