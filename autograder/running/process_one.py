"""The first process of an untrusted tree: it lays out the files, confines itself, and starts the command."""

import json
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from autograder.running import linux, namespaces, tree, tree_calls
from autograder.running.readable import default_readable

REPORT_FD = 3  # where the command reports
DISK_MIB = 128
PORTS = 5  # as many as a notebook's kernel listens on
PORTS_VARIABLE = "STABLE_LOGPROBS_PORTS"


@dataclass(frozen=True)
class Task:
    """What to run: paths are below a folder that holds `course`, to be read, and `home`, to be written."""

    command: list[str]
    environment: dict[str, str]
    texts: dict[str, str]
    copies: dict[str, str]  # by path, what to copy there
    limit_s: float
    memory_bytes: int


def furnish(task: Task, folder: Path) -> None:
    """Write the task's files."""
    for name in ("course", "home"):
        (folder / name).mkdir()
    for place, source in task.copies.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.isdir(source):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("tests"))
        else:
            shutil.copy2(source, target)
    for place, text in task.texts.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def hand_over(folder: Path, user: int) -> int:
    """Give the files to the tree's user, and return who that is; what may be changed is for landlock to say."""
    try:
        os.chown(folder, user, user)
    except OSError:  # a container that maps few users
        user = linux.NOBODY
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user)
    return user


def begin(task: Task, folder: Path, apart: bool, user: int, parent: int, ready: int, report: int) -> NoReturn:
    """Confine this process, run the command, and end with its exit status."""
    held = {"session": True, "namespaces": apart}
    os.setsid()
    os.umask(0o077)
    if apart:
        namespaces.furnish(str(folder), DISK_MIB)
    furnish(task, folder)
    if os.geteuid() == 0:
        user = hand_over(folder, user)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    open_ports = tree.ports(PORTS)
    held["rlimits"] = tree.limit(int(task.limit_s) + 1)
    if sys.platform == "linux":
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        programs = {os.path.dirname(path) for path in (sys.executable, os.path.realpath(sys.executable))}
        readable = (*default_readable(), *programs, "/proc", f"{folder}/course")
        held["landlock"] = tree.bound(readable, f"{folder}/home", open_ports)
        needed = (os.__file__, sys.executable) if held["landlock"] else ()
        held["setuid"] = tree.become(user, needed)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        if not apart and os.getppid() != parent:
            os._exit(1)
        held["seccomp"] = tree_calls.install()
    os.write(ready, json.dumps([name for name, holds in held.items() if holds]).encode())
    os.close(ready)
    program = os.fork()
    if program == 0:
        os.chdir(folder / "course")
        os.dup2(report, REPORT_FD)
        os.set_inheritable(REPORT_FD, True)  # dup2 does not where both are one
        os.closerange(REPORT_FD + 1, tree.DESCRIPTORS)
        os.execve(task.command[0], task.command, environment(task, folder, open_ports))
    while True:
        child, status = os.wait()
        if child == program:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def environment(task: Task, folder: Path, open_ports: list[int]) -> dict[str, str]:
    """Return all that the command finds in its environment; "{folder}" in a value stands for the folder."""
    home = str(folder / "home")
    fixed = {"PATH": os.defpath, "HOME": home, "TMPDIR": home, "USER": "learner", "LOGNAME": "learner"}
    given = {name: value.replace("{folder}", str(folder)) for name, value in task.environment.items()}
    return fixed | given | {PORTS_VARIABLE: ",".join(map(str, open_ports))}
