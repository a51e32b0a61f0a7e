"""Seccomp: a filter, written by hand as BPF, that refuses the system calls no exercise needs."""

import ctypes
import errno
import os
import struct
import sys

from autograder.running import linux

# What is refused: name -> number on (x86_64, aarch64), -1 where the architecture never had the call.
# fmt: off
DENIED = {
    # other processes: start, replace, signal, inspect
    "fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272), "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # priorities, limits, identity
    "setpriority": (141, 140), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274), "ioprio_set": (251, 30), "setrlimit": (160, 164), "personality": (135, 92),
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159), "setfsuid": (122, 151),
    "setfsgid": (123, 152), "capset": (126, 91),
    # network, shared memory, message queues
    "socket": (41, 198), "socketpair": (53, 199), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242), "connect": (42, 203),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193), "semtimedop": (220, 192),
    "semctl": (66, 191), "mq_open": (240, 180), "mq_unlink": (241, 181), "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    # changes to files, by name or (what landlock does not cover) by owner; watching and reaching around names
    "truncate": (76, 45), "creat": (85, -1), "mknod": (133, -1), "mknodat": (259, 33), "mkdir": (83, -1),
    "mkdirat": (258, 34), "rmdir": (84, -1), "unlink": (87, -1), "unlinkat": (263, 35), "rename": (82, -1),
    "renameat": (264, 38), "renameat2": (316, 276), "link": (86, -1), "linkat": (265, 37), "symlink": (88, -1),
    "symlinkat": (266, 36), "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54), "utime": (132, -1),
    "utimes": (235, -1), "futimesat": (261, -1), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "sync": (162, 81), "syncfs": (306, 267),
    "inotify_init": (253, -1), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    # keys and the kernel itself
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "userfaultfd": (323, 282), "reboot": (169, 142), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "acct": (163, 89), "swapon": (167, 224), "swapoff": (168, 225), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "syslog": (103, 116), "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "vhangup": (153, 58),
    "lookup_dcookie": (212, 18), "nfsservctl": (180, 42), "uselib": (134, -1), "sysfs": (139, -1),
    "_sysctl": (156, -1), "iopl": (172, -1), "ioperm": (173, -1), "modify_ldt": (154, -1),
}
# Refused by their arguments, see `program`.
WEIGHED = {
    "clone": (56, 220), "clone3": (435, 435), "openat2": (437, 437), "open": (2, -1), "openat": (257, 56),
    "prctl": (157, 167), "ioctl": (16, 29), "fcntl": (72, 25), "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122), "tgkill": (234, 131),
}
# fmt: on
SECCOMP = (317, 277)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of the tables, audit architecture
LAST_KNOWN = 462  # calls that came later are unknown here: refused as a kernel without them would
X32 = 0x40000000  # x86_64 calls by 32-bit pointers: the same kernel functions under other numbers

KILL, ALLOW, FAIL = 0x80000000, 0x7FFF0000, 0x00050000
LOAD, EQUAL, GREATER_EQUAL, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data, arguments 8 bytes each
MODE_FILTER, FLAG_SPEC_ALLOW = 1, 1 << 2

CLONE_THREAD, CLONE_NEW_ANY = 0x10000, 0x7E020000
O_ANY_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
REFUSED_PRCTL = (linux.PR_SET_PDEATHSIG, linux.PR_SET_DUMPABLE)
REFUSED_IOCTL = (0x5412, 0x541C, 0x540E, 0x8901, 0x8902)  # TIOCSTI, TIOCLINUX, TIOCSCTTY, FIOSETOWN, SIOCSPGRP
REFUSED_FCNTL = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: a pipe that signals somebody else's process

Program = list[tuple[int, int, int, int]]  # code, jump if true, jump if false, operand


def _answer(code: int = errno.EPERM) -> Program:
    return [(RETURN, 0, 0, FAIL | code)]


def _load(argument: int, high: bool = False) -> Program:
    return [(LOAD, 0, 0, ARGUMENTS + 8 * argument + 4 * high)]


def _refuse_values(argument: int, values: tuple[int, ...]) -> Program:
    refusals = [step for v in values for step in [(EQUAL, 0, 1, v), *_answer()]]
    return [*_load(argument), *refusals, (RETURN, 0, 0, ALLOW)]


def _only(loaded: Program, wanted: int) -> Program:
    return [*loaded, (EQUAL, 1, 0, wanted), *_answer(), (RETURN, 0, 0, ALLOW)]


def program(machine: str, threads: bool, read_only: bool) -> bytes:
    """Compile the filter.

    Args:
        machine: "x86_64" or "aarch64".
        threads: allow new threads, still no processes.
        read_only: refuse to open any file for writing.

    Returns:
        An array of struct sock_filter.
    """
    column, architecture = MACHINES[machine]
    by_flags = (*_load(0), (AND, 0, 0, CLONE_THREAD | CLONE_NEW_ANY))
    bodies: dict[str, Program] = {
        # clone3 hides its flags behind a pointer: told that it is unknown, the C library falls back to clone.
        "clone3": _answer(errno.ENOSYS),
        "openat2": _answer(errno.ENOSYS),
        "clone": _only([*by_flags], CLONE_THREAD) if threads else _answer(),
        "prctl": _refuse_values(0, REFUSED_PRCTL),
        "ioctl": _refuse_values(1, REFUSED_IOCTL),
        "fcntl": _refuse_values(1, REFUSED_FCNTL),
        "sched_setaffinity": _only(_load(0), 0),  # this thread's own
        "tgkill": _only(_load(0), os.getpid()),  # how abort() ends a process: refused, it would look like a segfault
        # The C library reads limits by this call with no new limit: only a new one is refused.
        "prlimit64": [*_load(2), (EQUAL, 1, 0, 0), *_answer(), *_only(_load(2, high=True), 0)],
    }
    if read_only:
        for name, flags in (("open", 1), ("openat", 2)):
            bodies[name] = _only([*_load(flags), (AND, 0, 0, O_ANY_WRITE)], 0)
    steps: Program = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL)]
    steps += [(LOAD, 0, 0, NUMBER), (GREATER_EQUAL, 0, 1, X32), (RETURN, 0, 0, KILL)]
    steps += [(GREATER_EQUAL, 0, 1, LAST_KNOWN + 1), *_answer(errno.ENOSYS)]
    # A plain list of tests: one jump cannot pass 255 steps, and the kernel remembers calls that always pass.
    for numbers, body in [(WEIGHED[n], b) for n, b in bodies.items()] + [(n, _answer()) for n in DENIED.values()]:
        if numbers[column] >= 0:
            steps += [(EQUAL, 0, len(body), numbers[column]), *body]
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, (RETURN, 0, 0, ALLOW)])


def install(threads: bool, read_only: bool) -> bool:
    """Bind this process to the filter for good; needs PR_SET_NO_NEW_PRIVS.

    Args:
        threads: allow new threads, still no processes.
        read_only: refuse to open any file for writing; for where landlock does not do it.

    Returns:
        Whether the kernel now enforces it.
    """
    if sys.platform != "linux":
        return False
    machine = os.uname().machine
    if machine not in MACHINES or sys.maxsize < 1 << 32:  # a 32-bit process would be killed for its architecture
        return False
    code = program(machine, threads, read_only)
    steps = ctypes.create_string_buffer(code, len(code))
    description = struct.pack("@HP", len(code) // 8, ctypes.addressof(steps))
    # Older kernels slow down a filtered process for Spectre's sake unless told not to; yet older lack that flag.
    for flags in (FLAG_SPEC_ALLOW, 0):
        try:
            linux.syscall(SECCOMP[MACHINES[machine][0]], MODE_FILTER, flags, description)
        except OSError:
            continue
        return True
    return False
