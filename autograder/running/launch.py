"""Starts the processes behind the wall. Standard library only: they start before the grader has imported torch."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parents[2]
START_S = 90.0  # a cold import of torch on a loaded machine
SPAWN_S = 20.0
BOOT = (
    "import sys; sys.path.insert(0, sys.argv[2]); from autograder.running import zygote; "
    "sys.path.remove(sys.argv[2]); zygote.serve(int(sys.argv[1]))"
)
# Where there is no fork, a worker is a fresh interpreter that talks over its standard streams.
BOOT_ALONE = (
    "import sys; sys.path.insert(0, sys.argv[1]); from autograder.running import alone; "
    "sys.path.remove(sys.argv[1]); alone.serve()"
)
# Where the system gives huge pages to those who ask, a fork and large tensors take fewer page faults: a good part of
# what they cost, and the part that varies most between machines.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
# Kernels are interpreted: to compile them takes other processes and a folder to write to, and a worker has neither.
# Triton asks for it when it is imported, which torch may do in the zygote, and for each kernel, in a worker.
INTERPRETED = {"TRITON_INTERPRET": "1"}
KEPT_ENVIRONMENT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")  # torch asks for the last one


class WallError(RuntimeError):
    """The zygote cannot be started or does not answer: no fault of the learner."""


def describe_status(status: int) -> str:
    """Say in words how a process ended, given its wait status (POSIX) or exit code (Windows)."""
    if os.name == "nt":
        return f"it left the process with exit code {status}"
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


def clean_environment() -> dict[str, str]:
    """Return the little of the environment that an interpreter needs to start."""
    environment = {key: os.environ[key] for key in KEPT_ENVIRONMENT if key in os.environ}
    environment |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    return environment | {"PATH": os.defpath} | HUGE_PAGES | INTERPRETED


class Launcher(Protocol):
    """Starts workers on two pipe ends, and ends them."""

    def spawn(self, requests: int, replies: int, cuda: bool = False) -> int:
        """Start a worker that reads `requests` and writes `replies`; return its process id."""

    def reap(self, pid: int) -> int:
        """Kill a worker and return its wait status."""

    def alive(self) -> bool:
        """Return whether it can start another."""

    def close(self) -> None:
        """End every worker."""


class Alone:
    """Starts each worker as an interpreter of its own, where there is no fork (Windows). It is slow."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._workers: dict[int, subprocess.Popen[bytes]] = {}

    def spawn(self, requests: int, replies: int, cuda: bool = False) -> int:
        """Start a worker that reads `requests` and writes `replies`; return its process id."""
        command = [sys.executable, "-I", "-c", BOOT_ALONE, str(ROOT)]
        try:
            worker = subprocess.Popen(
                command, stdin=requests, stdout=replies, stderr=subprocess.DEVNULL, env=clean_environment()
            )
        except OSError as error:
            raise WallError(f"no worker can be started ({error})") from None
        self._workers[worker.pid] = worker
        return worker.pid

    def reap(self, pid: int) -> int:
        """Kill a worker and return its wait status."""
        worker = self._workers.pop(pid, None)
        if worker is None:
            return 0
        worker.kill()
        code = worker.wait()
        return -code if code < 0 else code << 8 if os.name != "nt" else code  # as os.waitpid tells it

    def alive(self) -> bool:
        """Return whether it can start another."""
        return True

    def close(self) -> None:
        """End every worker."""
        for pid in list(self._workers):
            self.reap(pid)


def start() -> Launcher:
    """Return what starts workers on this system."""
    return Zygote() if hasattr(os, "fork") and hasattr(socket, "send_fds") else Alone()


class Zygote:
    """A running zygote; `spawn` and `reap` are its only services."""

    def __init__(self) -> None:
        """Start the process; it gets ready while the grader goes on."""
        # Each side waits for the other's answer, so a stream does as well where packets are lacking (macOS).
        kind = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_STREAM
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, kind)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", BOOT, str(theirs.fileno()), str(ROOT)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=clean_environment(),
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

    def spawn(self, requests: int, replies: int, cuda: bool = False) -> int:
        """Fork a worker that reads `requests` and writes `replies`; return its process id."""
        self.wait()
        try:
            request = json.dumps({"do": "spawn", "cuda": cuda}).encode()
            socket.send_fds(self._socket, [request], [requests, replies])
        except OSError as error:
            raise WallError(f"the process that workers are forked from is gone ({error})") from None
        return int(self._hear(SPAWN_S)["pid"])

    def reap(self, pid: int) -> int:
        """Kill a worker and return its wait status, 0 where the zygote does not tell."""
        try:
            self._socket.send(json.dumps({"do": "reap", "pid": pid}).encode())
            return int(self._hear(SPAWN_S)["status"])
        except (OSError, WallError):
            self._socket.close()  # a late answer must not be taken for the next one; the wall starts a new zygote
            return 0

    def alive(self) -> bool:
        """Return whether the zygote is there."""
        return self._process.poll() is None

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
