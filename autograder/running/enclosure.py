"""Runs a command whose every process is confined and ends with it; what it reports is for nobody to trust.

The grader's side. It starts a keeper, which prepares the tree of processes, watches it and ends it; a keeper outlives
the grader by no more than it takes to notice.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from autograder.running.launch import ROOT, WallError, clean_environment

LAYERS = ("session", "rlimits", "namespaces", "landlock", "setuid", "seccomp")
NEEDED_FOR_FULL = frozenset(LAYERS) - {"setuid"}
MEMORY_BYTES = 1 << 32  # of all processes together
GRACE_S = 30.0  # beyond the limit: to prepare, and to end
BOOT = (
    "import sys; sys.path.insert(0, sys.argv[2]); from autograder.running import keeper; "
    "sys.path.remove(sys.argv[2]); keeper.main(int(sys.argv[1]))"
)


@dataclass(frozen=True)
class Enclosed:
    """A command and its files: below `course`, where it starts, they can be read only; `home` can be written."""

    command: Sequence[str]
    limit_s: float
    environment: Mapping[str, str] = field(default_factory=dict)  # "{folder}" stands for what holds course and home
    texts: Mapping[str, str] = field(default_factory=dict)  # by path below the folder
    copies: Mapping[str, str] = field(default_factory=dict)  # files and folders to copy, by path below the folder
    memory_bytes: int = MEMORY_BYTES


@dataclass(frozen=True)
class Ended:
    """How a command ended ("exited", "limit", "memory"), behind which layers, and the bytes that it reported."""

    how: str
    status: int
    layers: tuple[str, ...]
    report: bytes


def level(layers: Collection[str]) -> str:
    """Say in a word what the layers amount to: "full", "partial" (some of the kernel's), or "split"."""
    if set(layers) >= NEEDED_FOR_FULL:
        return "full"
    return "partial" if {"landlock", "setuid", "seccomp", "namespaces"} & set(layers) else "split"


def enclose(enclosed: Enclosed) -> Ended:
    """Run a command to its end or its limit; no process and no file of it is left.

    Raises:
        WallError: It could not be run here; no fault of the learner.
    """
    if os.name == "nt":
        raise WallError("nothing can be enclosed on Windows: grade on Linux")
    task = asdict(enclosed) | {"environment": clean_environment() | dict(enclosed.environment)}
    ours, lifeline = os.pipe()  # closed with this process, however it ends
    try:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-c", BOOT, str(ours), str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment() | {"TMPDIR": tempfile.gettempdir()},
            cwd="/",
            pass_fds=[ours],
        )
    except OSError as error:
        os.close(lifeline)
        raise WallError(f"a notebook cannot be run ({error})") from None
    finally:
        os.close(ours)
    with keeper:
        try:
            out, err = keeper.communicate(json.dumps(task).encode(), enclosed.limit_s + GRACE_S)
        except subprocess.TimeoutExpired:
            raise WallError("a notebook's keeper does not end") from None
        finally:
            os.close(lifeline)
            keeper.kill()
    return _read(out, err)


def _read(out: bytes, err: bytes) -> Ended:
    try:
        answer = json.loads(out)
        layers = tuple(name for name in LAYERS if name in answer["layers"])
        return Ended(answer["how"], answer["status"], layers, answer["report"].encode("latin-1"))
    except (ValueError, TypeError, KeyError):
        said = err.decode(errors="replace").strip().splitlines()[-1:]
        raise WallError(f"a notebook could not be run: {''.join(said) or 'its keeper ended without a word'}") from None


def layers_here() -> tuple[str, ...]:
    """Return the layers that hold on this machine.

    Raises:
        WallError: Nothing can be run.
    """
    return enclose(Enclosed([sys.executable, "-I", "-S", "-c", ""], 60.0)).layers
