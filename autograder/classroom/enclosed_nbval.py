"""A pytest plugin for nbval inside the enclosure: reports each cell on a pipe, and keeps the kernel to its ports."""

import functools
import os
import re
import time
from typing import Any

import pytest

from autograder.running.process_one import PORTS_VARIABLE, REPORT_FD

KERNEL_PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
LOOK_S = 1.0
NO_KERNEL = 71


def pytest_configure(config: pytest.Config) -> None:
    """Let nbval start its kernel on the ports that are open, and notice a kernel that died."""
    from jupyter_client.manager import KernelManager
    from nbval import kernel

    ports = map(int, os.environ[PORTS_VARIABLE].split(","))
    given: dict[str, Any] = dict(zip(KERNEL_PORTS, ports, strict=True))
    kernel.KernelManager = functools.partial(KernelManager, ip="127.0.0.1", cache_ports=False, **given)
    kernel.RunningKernel.await_reply = patient(kernel.RunningKernel.await_reply, kernel.Empty)


def patient(await_reply: Any, nothing_came: type[Exception]) -> Any:
    """Return nbval's wait for a reply, but one that looks now and then whether the kernel still lives."""

    def wait(running: Any, message: str, timeout: float | None = None) -> Any:
        until = time.monotonic() + (timeout or 3600.0)
        while True:
            try:
                return await_reply(running, message, timeout=min(LOOK_S, max(0.0, until - time.monotonic())))
            except nothing_came:
                if not running.is_alive():
                    os._exit(NO_KERNEL)  # the cells that were not reported tell the rest
                if time.monotonic() >= until:
                    raise

    return wait


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Report what a cell came to: "12 passed"."""
    if report.when == "setup" and report.failed:
        os._exit(NO_KERNEL)
    cell = re.search(r"Cell (\d+)$", report.nodeid)
    if cell is not None and (report.when == "call" or report.outcome != "passed"):
        os.write(REPORT_FD, f"{cell[1]} {report.outcome}\n".encode())
