"""Runs one untrusted tree of processes and ends it, whole: the process between the grader and the tree.

Started by `enclosure` in a clean interpreter, with the task on its standard input; standard library only.
"""

import contextlib
import json
import os
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from autograder.running import linux, namespaces, process_one, tree
from autograder.running.process_one import Task

REPORT_CAP = 1 << 16
TICK_S, WEIGH_S = 0.05, 0.5
PR_SET_CHILD_SUBREAPER = 36
FAILED = 70


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


def end(roots: list[int], apart: bool) -> None:
    """Kill every process of the tree and wait until none is left."""
    while True:
        # Where process 1 of a namespace dies, the kernel kills the rest; elsewhere orphans have become our children.
        for pid in roots if apart else below(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, 0 if apart else os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        time.sleep(0.001)


def watch(task: Task, first: int, apart: bool, lifeline: int, reports: int) -> tuple[str, int, bytes]:
    """Wait for the end; return how it came, the exit status and what was reported."""
    until, weigh = time.monotonic() + task.limit_s, 0.0
    report, sources = b"", [lifeline, reports]
    while True:
        ready = select.select(sources, [], [], TICK_S)[0]
        if lifeline in ready:  # the grader is gone
            return "abandoned", 0, report
        if reports in ready:
            chunk = os.read(reports, REPORT_CAP)
            report = (report + chunk)[:REPORT_CAP]
            sources = sources if chunk else [lifeline]
        pid, ended = os.waitpid(first, os.WNOHANG)
        now = time.monotonic()
        if pid:
            return "exited", os.waitstatus_to_exitcode(ended), report
        if now > until:
            return "limit", 0, report
        if now > weigh + WEIGH_S:
            weigh = now
            if weight(below(1 if apart else os.getpid())) > task.memory_bytes:
                return "memory", 0, report


def main(lifeline: int) -> None:
    """Run the task that standard input holds; print how it went, as JSON."""
    task = Task(**json.load(sys.stdin.buffer))
    with tempfile.TemporaryDirectory(prefix="enclosed-", ignore_cleanup_errors=True) as folder:
        answer = keep(task, Path(folder).resolve(), lifeline)
    print(json.dumps(answer))


def keep(task: Task, folder: Path, lifeline: int) -> dict[str, Any]:
    """Run a task in an empty folder; return its layers, how it ended, its exit status and its report."""
    apart = sys.platform == "linux" and namespaces.possible(str(folder))
    if apart:
        namespaces.leave()
    elif sys.platform == "linux":
        linux.prctl(PR_SET_CHILD_SUBREAPER, 1)
    told, ready = os.pipe()
    reports, report = os.pipe()
    ours = os.getpid()
    first = os.fork()
    if first == 0:
        try:
            for fd in (lifeline, told, reports):
                os.close(fd)
            process_one.begin(task, folder, apart, tree.FIRST_USER + ours, ours, ready, report)
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(FAILED)
    os.close(ready)
    os.close(report)
    layers = os.read(told, 4096)  # before anything that is not ours runs
    os.set_blocking(reports, False)
    how, status, text = watch(task, first, apart, lifeline, reports)
    end([] if how == "exited" else [first], apart)
    with contextlib.suppress(BlockingIOError):
        text += os.read(reports, REPORT_CAP)
    if apart:
        namespaces.clear(str(folder))
    answer = {"layers": json.loads(layers) if layers else None, "how": how, "status": status}
    return answer | {"report": text[:REPORT_CAP].decode("latin-1")}
