"""Landlock: an allow-list of files and folders that binds a process and all that it opens from then on."""

import os
import stat
import struct
import sys
from collections.abc import Iterable

from autograder.running import linux

# The same numbers on every architecture.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, RULE_PATH_BENEATH = 1, 1

WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
# Reading a library's file is enough to map it as code. The right to execute governs execve alone: nobody gets it.
READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | TRUNCATE
DRIVE = WRITE | IOCTL_DEV
ON_FILES = WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

# By ABI version, how many of the file rights the kernel knows; from 4 on it knows TCP, from 6 on scopes.
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16, 6: 16, 7: 16}
TCP_RIGHTS = 0b11  # bind, connect
SCOPES = 0b11  # abstract unix sockets, signals


def abi() -> int:
    """Return the kernel's landlock version, at most the newest known here, or 0 where there is none."""
    try:
        return min(linux.syscall(CREATE_RULESET, None, 0, VERSION_FLAG), max(FILE_RIGHTS))
    except OSError:
        return 0


def _handled(version: int) -> tuple[int, bytes]:
    files = (1 << FILE_RIGHTS[version]) - 1
    # The struct grew with the versions; an older kernel refuses the longer one.
    fields = (files, TCP_RIGHTS, SCOPES)[: 1 + (version >= 4) + (version >= 6)]
    return files, struct.pack(f"={len(fields)}Q", *fields)


def _allow(ruleset: int, path: str, rights: int) -> None:
    if sys.platform != "linux":
        return
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not on this machine: nothing to allow
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= ON_FILES  # the kernel refuses a folder's right on a file
        linux.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", rights, fd), 0)
    finally:
        os.close(fd)


def restrict(readable: Iterable[str], writable: Iterable[str] = (), devices: Iterable[str] = ()) -> bool:
    """Deny this process every file that is not beneath one of these paths, TCP, and signals to outsiders.

    Needs PR_SET_NO_NEW_PRIVS. The paths are opened here, so call it while they can still be reached.
    It does not cover stat, chmod and their like: those are seccomp's.

    Args:
        readable: files and folders to read.
        writable: files to read and write.
        devices: device files to read, write and control.

    Returns:
        Whether the kernel now enforces it.
    """
    version = abi()
    if not version:
        return False
    handled, attributes = _handled(version)
    ruleset = linux.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for paths, rights in ((readable, READ), (writable, WRITE), (devices, DRIVE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        linux.syscall(RESTRICT_SELF, ruleset, 0)
    except OSError:
        return False
    finally:
        os.close(ruleset)
    return True
