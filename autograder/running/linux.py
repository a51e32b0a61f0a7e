"""The Linux calls that the standard library lacks, and what is made of them: capabilities, identity, network."""

import ctypes
import functools
import os
import struct
import sys
from collections.abc import Iterable

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 8, 24, 38
CLONE_NEWNET = 0x40000000
CAP_DAC_READ_SEARCH = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522
NOBODY = 65534


@functools.cache
def libc() -> ctypes.CDLL:
    """Return the C library; not at import, because Windows has none under this name."""
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number: int, *args: object) -> int:
    """Make a system call.

    Args:
        number: the call's number on this machine.
        args: integers, bytes, ctypes buffers or None.

    Returns:
        The kernel's answer, never negative.

    Raises:
        OSError: the kernel refused, or does not know the call.
    """
    # ctypes would pass a bare integer as 32 bits and leave the rest of the register undefined.
    return _checked(libc().syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *args))))


def prctl(option: int, *args: int) -> int:
    """Call prctl with up to four numbers.

    Raises:
        OSError: the kernel refused, or does not know the option.
    """
    padded = (*args, 0, 0, 0, 0)[:4]
    return _checked(libc().prctl(option, *(ctypes.c_ulong(a) for a in padded)))


def empty_environment() -> None:
    """Wipe the C environment and the block that /proc/self/environ shows; os.environ is the caller's to clear."""
    libc().clearenv()
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[47]), int(fields[48])  # env_start and env_end; 0 where the kernel does not tell
    if 0 < start < end < start + (1 << 22):
        ctypes.memset(start, 0, end - start)


def leave_network() -> bool:
    """Move to an empty network namespace, without even a loopback that is up; needs root.

    Returns:
        Whether it was done.
    """
    try:
        _checked(libc().unshare(CLONE_NEWNET))
    except OSError:
        return False
    return True


def _permitted_capabilities() -> int:
    header, data = struct.pack("=Ii", CAPABILITY_VERSION_3, 0), ctypes.create_string_buffer(24)
    _checked(libc().capget(header, data))
    _, low, _, _, high, _ = struct.unpack("=6I", data.raw)
    return int(low) | int(high) << 32


def keep_capabilities(kept: int) -> None:
    """Give up every capability but these (a bit mask below 32), for good.

    Raises:
        OSError: one of `kept` was not held.
    """
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    _checked(libc().capset(header, struct.pack("=6I", kept, kept, 0, 0, 0, 0)))


def _drop_bounding_set() -> None:
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # past the kernel's last one, or not ours to drop
            return


def become_nobody(needed: Iterable[str]) -> bool:
    """Turn root into an unprivileged user with no capabilities.

    An interpreter under a private home directory is unreadable for that user, and every later import would fail.
    Then CAP_DAC_READ_SEARCH alone is kept; where root itself lacks it (Docker), the process stays user 0 without
    any capability, which still reads root's own files.

    Args:
        needed: files that must stay readable. Name none unless landlock already bounds what can be read at all.

    Returns:
        Whether the user was changed; capabilities are gone either way.
    """
    if sys.platform != "linux":
        return False
    _drop_bounding_set()
    kept, changed = 0, False
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.seteuid(NOBODY)  # for now: to ask the kernel, not the file modes, what this user may read
        readable = all(os.access(path, os.R_OK, effective_ids=True) for path in needed)
        os.seteuid(0)
        if not readable:
            kept = CAP_DAC_READ_SEARCH & _permitted_capabilities()
        if readable or kept:
            prctl(PR_SET_KEEPCAPS, 1)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            changed = True
    except OSError:  # a user namespace that maps no such user, or setgroups denied in it
        kept = 0
    keep_capabilities(kept)
    return changed
