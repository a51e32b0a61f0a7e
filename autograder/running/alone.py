"""A worker without a zygote: a fresh interpreter that takes its standard streams as the pipes to the grader."""

import os
import sys

from autograder.running import worker
from autograder.running.confinement import Policy, default_readable
from autograder.running.zygote import warm_up


def serve() -> None:
    """Answer the grader on the standard streams; a learner's print goes nowhere."""
    requests, replies = os.dup(0), os.dup(1)
    if sys.platform == "win32":
        import msvcrt

        for fd in (requests, replies):
            msvcrt.setmode(fd, os.O_BINARY)
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)
    os.dup2(silence, 1)
    warm_up()
    worker.run(requests, replies, Policy(readable=default_readable(), keep_fds=(requests, replies)))
