"""What binds a whole tree of processes: the files and ports that it may use, how much of each, and as whom.

Unlike a worker, a tree starts programs (a notebook's kernel, the wall inside it), talks to itself over TCP, and writes
below one folder. All of it is inherited: a child can only bind itself further.
"""

import os
import resource
import socket
import struct
import sys
from collections.abc import Iterable, Sequence

from autograder.running import landlock, linux

LARGEST_FILE, MEMORY, TASKS, DESCRIPTORS = 1 << 25, 1 << 33, 128, 1024
FIRST_USER = 1 << 28  # beyond those that systems give out; each tree gets one of its own

EXECUTE, MAKE_DEVICES = 1, 1 << 6 | 1 << 11
RULE_PORT = 2
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, DAC_READ_SEARCH = 47, 2, 2


def ports(count: int) -> list[int]:
    """Return ports that are free on loopback."""
    some = [socket.socket() for _ in range(count)]
    try:
        for one in some:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in some]
    finally:
        for one in some:
            one.close()


def limit(cpu_s: int) -> bool:
    """Bound what each process may use, and how many there may be; return whether all of it holds."""
    wanted = {
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 1),
        resource.RLIMIT_FSIZE: (LARGEST_FILE, LARGEST_FILE),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (DESCRIPTORS, DESCRIPTORS),
        resource.RLIMIT_NPROC: (TASKS + _others(),) * 2,
    }
    if sys.platform == "linux":
        wanted[resource.RLIMIT_AS] = (MEMORY, MEMORY)
    held = True
    for kind, limits in wanted.items():
        ceiling = resource.getrlimit(kind)[1]
        soft, hard = limits if ceiling == resource.RLIM_INFINITY else (min(v, ceiling) for v in limits)
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError):
            held = False
    return held


def _others() -> int:
    """Return the tasks that this user runs already, which the limit counts as well; root changes to a fresh one."""
    if os.geteuid() == 0:
        return 0
    count = 0
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        try:
            if name.isdecimal() and os.stat(f"/proc/{name}").st_uid == os.geteuid():
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count


def bound(readable: Iterable[str], folder: str, open_ports: Sequence[int]) -> bool:
    """Deny every file but what may be read, or run, and what lies below `folder`; TCP but on these ports; signals out.

    Older kernels know files only. Needs PR_SET_NO_NEW_PRIVS; return whether the kernel enforces it.
    """
    version = landlock.abi()
    if not version:
        return False
    handled, attributes = landlock._handled(version)
    everything = handled & ~(EXECUTE | MAKE_DEVICES | landlock.IOCTL_DEV)
    ruleset = linux.syscall(landlock.CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for path in readable:
            landlock._allow(ruleset, path, (landlock.READ | EXECUTE) & handled)
        landlock._allow(ruleset, "/dev/null", landlock.WRITE & handled)
        landlock._allow(ruleset, folder, everything)
        for port in open_ports if version >= 4 else ():
            rule = struct.pack("=2Q", landlock.TCP_RIGHTS, port)
            linux.syscall(landlock.ADD_RULE, ruleset, RULE_PORT, rule, 0)
        linux.syscall(landlock.RESTRICT_SELF, ruleset, 0)
    except OSError:
        return False
    finally:
        os.close(ruleset)
    return True


def become(user: int, needed: Iterable[str]) -> bool:
    """Turn root into a user whom nobody else is, without capabilities; return whether it was done.

    Where that user cannot read what is `needed` (an interpreter in root's home), one capability is left to the tree:
    to read. Landlock bounds what; name nothing where it does not hold.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        linux.keep_capabilities(0)
        return False
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.seteuid(user)  # for now: to ask the kernel, not the file modes, what this user may read
        readable = all(os.access(path, os.R_OK, effective_ids=True) for path in needed)
        os.seteuid(0)
        kept = 0 if readable else linux.CAP_DAC_READ_SEARCH & linux._permitted_capabilities()
        for capability in range(64):
            if not kept >> capability & 1:
                try:
                    linux.prctl(linux.PR_CAPBSET_DROP, capability)
                except OSError:  # past the kernel's last one, or not ours to drop
                    break
        linux.prctl(linux.PR_SET_KEEPCAPS, 1)
        os.setresuid(user, user, user)
        _keep(kept)
    except OSError:  # a user namespace that maps no such user
        linux.keep_capabilities(0)
        return os.geteuid() != 0
    return True


def _keep(kept: int) -> None:
    """Hold these capabilities, and hand them on to every program that is started."""
    header = struct.pack("=Ii", linux.CAPABILITY_VERSION_3, 0)
    linux._checked(linux.libc().capset(header, struct.pack("=6I", kept, kept, kept, 0, 0, 0)))
    if kept:
        linux.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, DAC_READ_SEARCH)
