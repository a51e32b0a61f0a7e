"""A view of the system of its own for a tree of processes: only its processes, a small file system, only loopback."""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct

from autograder.running import linux

NEWNS, NEWIPC, NEWUSER, NEWPID = 0x20000, 0x08000000, 0x10000000, 0x20000000
ALL = NEWNS | NEWIPC | NEWPID | linux.CLONE_NEWNET
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18
MNT_DETACH = 2
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
FILES = 4096  # of the small file system


def _call(name: str, *args: object) -> None:
    if getattr(linux.libc(), name)(*args):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def leave() -> None:
    """Leave the system's namespaces; the next child is process 1 of the new one. No user becomes another.

    Raises:
        OSError: This system does not let us.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        return _call("unshare", ALL)
    _call("unshare", ALL | NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return None


def furnish(folder: str, mebibytes: int) -> None:
    """Give process 1 its own /proc, an empty file system of limited size on `folder`, and a loopback that is up.

    Raises:
        OSError: This system does not let us.
    """
    _mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    _mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    options = f"size={mebibytes}m,nr_inodes={FILES},mode=700".encode()
    _mount(b"tmpfs", os.fsencode(folder), b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(some, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(some, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int, options: bytes | None) -> None:
    _call("mount", source, target, kind, ctypes.c_ulong(flags), options)


def clear(folder: str) -> None:
    """Take the file system off the folder; the folder below is as empty as it was."""
    with contextlib.suppress(OSError):
        _call("umount2", os.fsencode(folder), MNT_DETACH)


def possible(folder: str) -> bool:
    """Return whether all of it works here; tried in a process that ends."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            leave()
            first = os.fork()
            if first == 0:
                furnish(folder, 1)
                os._exit(0)
            code = os.waitpid(first, 0)[1]
        finally:
            os._exit(1 if code else 0)
    return os.waitpid(child, 0)[1] == 0
