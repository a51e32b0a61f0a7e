"""The system calls that a tree of processes may make: a worker's, and those to start programs and to talk by TCP."""

import ctypes
import errno
import os
import socket
import struct
import sys

from autograder.running import linux, seccomp

# What a worker is refused and a tree needs: processes, its own files, and sockets (below, by their kind).
NEEDED = frozenset(
    {
        *("fork", "vfork", "execve", "kill", "pidfd_open", "pidfd_send_signal", "setrlimit", "capset"),
        *("socketpair", "bind", "listen", "accept", "accept4", "connect"),
        *("creat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2"),
        *("link", "linkat", "symlink", "symlinkat"),
    }
)
# Done by honest programs, and of no use here: nothing is done, and no error given. Landlock does not govern modes and
# times of files; ZeroMQ sets its threads to the priority that they have.
IDLE = frozenset(
    {
        *("chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat"),
        "sched_setscheduler",
    }
)
SOCKET_KIND = 0xF  # the rest of socket()'s second argument are flags


def program(machine: str) -> bytes:
    """Compile the filter for "x86_64" or "aarch64" to an array of struct sock_filter."""
    column, architecture = seccomp.MACHINES[machine]
    allow, refuse = (seccomp.RETURN, 0, 0, seccomp.ALLOW), seccomp._answer()
    unknown = seccomp._answer(errno.EOPNOTSUPP)
    inet, stream = (seccomp.EQUAL, 1, 0, int(socket.AF_INET)), (seccomp.EQUAL, 1, 0, int(socket.SOCK_STREAM))
    kind = (seccomp.AND, 0, 0, SOCKET_KIND)
    namespaces = (seccomp.AND, 0, 0, seccomp.CLONE_NEW_ANY)
    bodies: dict[str, seccomp.Program] = {
        "clone3": seccomp._answer(errno.ENOSYS),
        "openat2": seccomp._answer(errno.ENOSYS),
        "clone": seccomp._only([*seccomp._load(0), namespaces], 0),
        "ioctl": seccomp._refuse_values(1, seccomp.REFUSED_IOCTL),
        "fcntl": seccomp._refuse_values(1, seccomp.REFUSED_FCNTL),
        "sched_setaffinity": seccomp._only(seccomp._load(0), 0),
        "prlimit64": seccomp._only(seccomp._load(0), 0),
        # TCP alone: no socket file of the system's is reached, and nothing is sent without a connection. ZeroMQ asks
        # for a netlink socket, and goes on without one if this is the answer.
        "socket": [*seccomp._load(0), inet, *unknown, *seccomp._load(1), kind, stream, *unknown, allow],
    }
    rules = [({**seccomp.DENIED, **seccomp.WEIGHED}[name], body) for name, body in bodies.items()]
    rules += [(numbers, seccomp._answer(0)) for name, numbers in seccomp.DENIED.items() if name in IDLE]
    refused = seccomp.DENIED.keys() - NEEDED - IDLE - bodies.keys()
    rules += [(seccomp.DENIED[name], refuse) for name in sorted(refused)]
    steps: seccomp.Program = [
        (seccomp.LOAD, 0, 0, seccomp.ARCHITECTURE),
        (seccomp.EQUAL, 1, 0, architecture),
        (seccomp.RETURN, 0, 0, seccomp.KILL),
        (seccomp.LOAD, 0, 0, seccomp.NUMBER),
        (seccomp.GREATER_EQUAL, 0, 1, seccomp.X32),
        (seccomp.RETURN, 0, 0, seccomp.KILL),
        (seccomp.GREATER_EQUAL, 0, 1, seccomp.LAST_KNOWN + 1),
        *seccomp._answer(errno.ENOSYS),
    ]
    for numbers, body in rules:
        if numbers[column] >= 0:
            steps += [(seccomp.EQUAL, 0, len(body), numbers[column]), *body]
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, allow])


def install() -> bool:
    """Filter this process's calls, and its children's, for good; needs PR_SET_NO_NEW_PRIVS."""
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in seccomp.MACHINES or sys.maxsize < 1 << 32:
        return False
    code = program(machine)
    steps = ctypes.create_string_buffer(code, len(code))
    description = struct.pack("@HP", len(code) // 8, ctypes.addressof(steps))
    for flags in (seccomp.FLAG_SPEC_ALLOW, 0):
        try:
            linux.syscall(seccomp.SECCOMP[seccomp.MACHINES[machine][0]], seccomp.MODE_FILTER, flags, description)
        except OSError:
            continue
        return True
    return False
