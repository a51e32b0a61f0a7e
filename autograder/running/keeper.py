"""Runs one untrusted tree of processes and ends it, whole: the process between the grader and the tree.

Started by `enclosure` in a clean interpreter, with the task on its standard input; standard library only.
"""

import json
import os
import select
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from autograder.running import linux, namespaces, tree
from autograder.running.readable import default_readable

if sys.platform == "linux":
    from autograder.running import tree_calls

REPORT_FD = 3  # where the tree reports
REPORT_CAP = 1 << 16
TICK_S, WEIGH_S = 0.05, 0.5
DISK_MIB = 128
PORTS = 5
PORTS_VARIABLE = "STABLE_LOGPROBS_PORTS"
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Task:
    """What to run: paths are below `folder`, which holds `course`, to be read, and `home`, to be written."""

    folder: str
    command: list[str]
    environment: dict[str, str]
    texts: dict[str, str]
    copies: dict[str, str]  # by path, what to copy there
    limit_s: float
    memory_bytes: int


def furnish(task: Task) -> None:
    """Write the task's files."""
    folder = Path(task.folder)
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


def hand_over(folder: Path, user: int) -> None:
    """Give the files to the tree's user; what may be changed is for landlock to say."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user)


def begin(task: Task, apart: bool, user: int, parent: int, ready: int, report: int) -> NoReturn:
    """Confine this process, run the command, and end with its exit status."""
    held = {"session": True, "namespaces": apart}
    os.setsid()
    os.umask(0o077)
    folder = Path(task.folder)
    if apart:
        namespaces.furnish(task.folder, DISK_MIB)
    furnish(task)
    if os.geteuid() == 0:
        hand_over(folder, user)
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
        os.closerange(REPORT_FD + 1, tree.DESCRIPTORS)
        os.execve(task.command[0], task.command, environment(task, open_ports))
    while True:
        child, status = os.wait()
        if child == program:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def environment(task: Task, open_ports: list[int]) -> dict[str, str]:
    """Return all that the command finds in its environment."""
    home = f"{task.folder}/home"
    fixed = {"PATH": os.defpath, "HOME": home, "TMPDIR": home, "USER": "learner", "LOGNAME": "learner"}
    return fixed | task.environment | {PORTS_VARIABLE: ",".join(map(str, open_ports))}


def below(pid: int) -> list[int]:
    """Return the processes below one that can be seen in /proc."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/1") else ():
        if name.isdecimal():
            try:
                fields = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(name)] = int(fields[1])
    found, queue = [], [pid]
    while queue:
        above = queue.pop()
        children = [child for child, parent in parents.items() if parent == above]
        found += children
        queue += children
    return found


def weight(processes: list[int]) -> int:
    """Return the bytes of memory that belong to these processes alone."""
    pages = 0
    for pid in processes:
        try:
            fields = Path(f"/proc/{pid}/statm").read_text().split()
        except OSError:
            continue
        pages += int(fields[1]) - int(fields[2])
    return pages * os.sysconf("SC_PAGE_SIZE")


def end(first: int, apart: bool) -> None:
    """Kill every process of the tree and wait until none is left."""
    while True:
        for pid in [first] if apart else [first, *below(os.getpid())]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, 0 if apart else os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        time.sleep(0.001)


def watch(task: Task, first: int, apart: bool, lifeline: int, reports: int) -> tuple[str, int, bytes]:
    """Wait for the end; return how it came, the exit status and what was reported."""
    until, weigh = time.monotonic() + task.limit_s, 0.0
    report, status, how = b"", 0, ""
    sources = [lifeline, reports]
    while not how:
        ready = select.select(sources, [], [], TICK_S)[0]
        if lifeline in ready:
            how = "abandoned"
        if reports in ready:
            chunk = os.read(reports, 1 << 16)
            report = (report + chunk)[:REPORT_CAP]
            sources = sources if chunk else [lifeline]
        pid, ended = os.waitpid(first, os.WNOHANG)
        now = time.monotonic()
        if pid:
            return "exited", os.waitstatus_to_exitcode(ended), report
        if now > until:
            how = "limit"
        elif now > weigh + WEIGH_S:
            weigh = now
            if weight(below(1 if apart else os.getpid())) > task.memory_bytes:
                how = "memory"
    return how, status, report


def main(lifeline: int) -> None:
    """Run the task that standard input holds; print how it went, as JSON."""
    task = Task(**json.load(sys.stdin.buffer))
    ours, parent = os.getpid(), os.getppid()
    apart = sys.platform == "linux" and namespaces.possible(task.folder)
    if apart:
        namespaces.leave()
    elif sys.platform == "linux":
        linux.prctl(PR_SET_CHILD_SUBREAPER, 1)
    told, ready = os.pipe()
    reports, report = os.pipe()
    first = os.fork()
    if first == 0:
        try:
            os.close(lifeline)
            begin(task, apart, tree.FIRST_USER + ours, ours, ready, report)
        finally:
            os._exit(70)
    os.close(ready)
    os.close(report)
    layers = os.read(told, 4096)
    answer: dict[str, Any] = {"layers": json.loads(layers) if layers else None}
    os.set_blocking(reports, False)
    how, status, text = watch(task, first, apart, lifeline, reports)
    end(first, apart)
    try:
        text += os.read(reports, REPORT_CAP)
    except BlockingIOError:
        pass
    print(json.dumps(answer | {"how": how, "status": status, "report": text[:REPORT_CAP].decode("latin-1")}))
