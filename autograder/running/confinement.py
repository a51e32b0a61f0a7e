"""Confine this process before it runs a learner's code: every layer that the platform has, none that it lacks."""

import os
import signal
import sys
from collections.abc import Collection
from dataclasses import dataclass

from autograder.running import landlock, linux, seccomp
from autograder.running.readable import CUDA, default_readable

if sys.platform != "win32":
    import resource

__all__ = ["LAYERS", "Policy", "confine", "default_readable", "wall_level"]

LAYERS = ("session", "descriptors", "environment", "rlimits", "netns", "landlock", "setuid", "seccomp")
NEEDED_FOR_FULL = frozenset({"session", "descriptors", "environment", "rlimits", "landlock", "seccomp"})
CUDA_VARIABLES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")


@dataclass(frozen=True)
class Policy:
    """What a confined process may still use."""

    readable: tuple[str, ...]  # files and folders to read, and to map as libraries
    keep_fds: tuple[int, ...]  # descriptors that stay open besides 0, 1, 2
    memory_bytes: int | None = 1 << 30  # address space beyond today's; None: no limit (CUDA reserves terabytes)
    cpu_s: int = 120
    devices: tuple[str, ...] = ()  # device files to read, write and control: the GPU's
    threads: bool = False  # new threads, still no processes: CUDA cannot do without


def confine(policy: Policy) -> tuple[str, ...]:
    """Give up, for good, what an exercise does not need. Call it in a fresh fork, before any untrusted code.

    A layer that this machine lacks is left out of the result; nothing is raised for it.

    Args:
        policy: what to leave.

    Returns:
        The layers that hold, in the order of LAYERS.

    Raises:
        ValueError: the policy keeps a standard stream, which becomes /dev/null.
        RuntimeError: other threads run already; they would stay unconfined.
    """
    if min(policy.keep_fds, default=3) < 3:
        raise ValueError(f"keep_fds is {policy.keep_fds}: 0, 1 and 2 become /dev/null, pass descriptors above 2")
    if os.path.isdir("/proc/self/task") and len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("confine() binds one thread and found more: call it first thing after a fork")
    held = {"environment": _empty_environment(CUDA_VARIABLES if policy.devices else ())}
    if sys.platform != "win32":
        parent = os.getppid()
        held["session"] = _own_session()
        held["descriptors"] = _close_descriptors(frozenset((0, 1, 2, *policy.keep_fds)))
        held["rlimits"] = _limit(policy)
        if sys.platform == "linux":
            held |= _bind(policy, parent)
    return tuple(layer for layer in LAYERS if held.get(layer))


def wall_level(layers: Collection[str]) -> str:
    """Say in a word what the layers amount to.

    Args:
        layers: what `confine` returned.

    Returns:
        "full"; "partial": some of the kernel's layers; "split": nothing but processes and time limits.
    """
    if set(layers) >= NEEDED_FOR_FULL:
        return "full"
    return "partial" if {"landlock", "setuid", "seccomp"} & set(layers) else "split"


def _empty_environment(kept: Collection[str]) -> bool:
    saved = {name: os.environ[name] for name in kept if name in os.environ}
    os.environ.clear()
    if sys.platform == "linux":
        linux.empty_environment()
    os.environ.update(saved)
    return True


if sys.platform != "win32":

    def _own_session() -> bool:
        os.chdir("/")
        if os.getsid(0) != os.getpid():
            os.setsid()
        return True

    def _close_descriptors(kept: Collection[int]) -> bool:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        # Listed, not counted: the limit may be 2**30, and an empty os.closerange closes everything on CPython 3.11.
        folder = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
        for fd in {int(name) for name in os.listdir(folder)}.difference(kept):
            try:
                os.close(fd)
            except OSError:  # the listing's own, closed since
                continue
        return True

    def _limit(policy: Policy) -> bool:
        wanted = {
            resource.RLIMIT_CPU: (policy.cpu_s, policy.cpu_s + 1),  # a signal first, then the end
            resource.RLIMIT_FSIZE: (0, 0),
            resource.RLIMIT_CORE: (0, 0),
            resource.RLIMIT_NOFILE: (4096, 4096) if policy.devices else (64, 64),
        }
        if not policy.threads:  # it counts threads as well, and those of all this user's processes
            wanted[resource.RLIMIT_NPROC] = (0, 0)
        if policy.memory_bytes is not None and sys.platform == "linux":  # macOS reserves more than any sane limit
            with open("/proc/self/statm") as file:
                used = int(file.read().split()[0]) * resource.getpagesize()
            wanted[resource.RLIMIT_AS] = (used + policy.memory_bytes,) * 2
        held = True
        for kind, limits in wanted.items():
            ceiling = resource.getrlimit(kind)[1]
            soft, hard = limits if ceiling == resource.RLIM_INFINITY else (min(v, ceiling) for v in limits)
            try:
                resource.setrlimit(kind, (soft, hard))
            except (OSError, ValueError):
                held = False
        return held


if sys.platform == "linux":

    def _bind(policy: Policy, parent: int) -> dict[str, bool]:
        root = os.geteuid() == 0
        held = {"netns": root and linux.leave_network()}
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        readable = (*policy.readable, *(CUDA if policy.devices else ()))
        held["landlock"] = landlock.restrict(readable, ("/dev/null",), policy.devices)
        # What a later import reads. Without landlock the user changes all the same: losing a late import is better
        # than a process that may read everything.
        modules = [sys.modules[name] for name in ("os", "torch", "numpy") if name in sys.modules]
        needed = [m.__file__ for m in modules if m.__file__] if held["landlock"] else []
        held["setuid"] = root and linux.become_nobody(needed)
        if not root:
            linux.keep_capabilities(0)
        # After the change of user, which resets both. No other worker may look into this one.
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel knew that we follow
            os._exit(1)
        # Landlock knows one /dev/null that may be written; where it is missing, nothing is opened for writing.
        read_only = not held["landlock"] and not policy.devices
        held["seccomp"] = seccomp.install(policy.threads, read_only)
        return held
