"""Each test forks a child in a clean process, confines it and lets it try one thing; controls try it unconfined."""

import json
import os
import re
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from autograder.running import confinement, landlock, linux, readable, seccomp

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's layers exist on Linux only")
CHANGE_USER = "import os; os.setgroups([]); os.setresgid(*[65534] * 3); os.setresuid(*[65534] * 3)"
# Root that may change user: in a container without privileges, root may not.
ROOT = subprocess.run([sys.executable, "-I", "-c", CHANGE_USER], capture_output=True).returncode == 0
HAS_LANDLOCK = sys.platform == "linux" and landlock.abi() > 0
HEADERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h")

# A process like the zygote: it knows a secret, forks one child and prints what comes back.
HARNESS = r"""
import ctypes, errno, fcntl, json, mmap, os, resource, signal, socket, sys, threading, time
request = json.load(sys.stdin)
sys.path.append(request["course"])
from autograder.running import confinement, landlock, linux
exec(request["before"], globals())
readable = confinement.default_readable()
if request["user"]:
    exec(request["user"])
    linux.prctl(linux.PR_SET_DUMPABLE, 1)  # else it is the change of user that protects the parent
secret, parent, course = ctypes.create_string_buffer(b"the secret"), os.getpid(), request["course"]
receive, send = os.pipe()
stray = os.open("/dev/null", os.O_RDONLY)
worker = os.fork()
if worker == 0:
    os.close(receive)
    answer = {"pid": os.getpid(), "layers": []}
    try:
        begin = time.perf_counter()
        if request["confined"]:
            answer["layers"] = confinement.confine(confinement.Policy(readable, (send,), **request["policy"]))
        answer["ms"] = 1e3 * (time.perf_counter() - begin)
        exec(request["action"], globals())
        answer["result"] = result
    except BaseException as error:
        answer["result"] = f"{type(error).__name__}: {error}"
    os.write(send, json.dumps(answer).encode() + b"\n")
    if request["orphan"]:
        time.sleep(60)
    os._exit(0)
os.close(send)
with open(receive) as replies:
    text = replies.readline()
    if request["orphan"]:
        print(text, flush=True)
        os._exit(0)
status = os.waitpid(worker, 0)[1]
print(json.dumps({"signal": os.WTERMSIG(status), "result": "no answer"} | json.loads(text or "{}")))
"""

# What to try, and how it fails. Everything is imported before: a failed import must not pass for a refusal.
PERMISSION = "PermissionError"
ATTACKS = {
    "fork": ("os.fork() or os._exit(0)", PERMISSION),
    "spawn": ("os.posix_spawn('/bin/true', ['true'], {})", PERMISSION),
    "exec": (
        "os.set_inheritable(send, True); f = f'echo \\'{{\"result\": \"done\"}}\\' >&{send}'\n"
        "os.execv('/bin/sh', ['sh', '-c', f])",
        PERMISSION,
    ),
    "thread": ("t = threading.Thread(target=int); t.start(); t.join()", "RuntimeError"),
    "clone3": ("linux.syscall(435, None, 0)", "OSError: [Errno 38]"),
    "tcp": ("s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()", PERMISSION),
    "udp": ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))", PERMISSION),
    "socketpair": ("socket.socketpair()", PERMISSION),
    "write in the temporary folder": ("open(f'{course}/scratch/new', 'w').write('x')", PERMISSION),
    "write here": ("open('new', 'w').write('x')", PERMISSION),
    "overwrite": ("open(f'{course}/scratch/file', 'r+').write('x')", PERMISSION),
    "delete": ("os.remove(f'{course}/scratch/file')", PERMISSION),
    "rename": ("os.rename(f'{course}/scratch/file', f'{course}/scratch/other')", PERMISSION),
    "truncate": ("os.truncate(f'{course}/scratch/file', 0)", PERMISSION),
    "chmod": ("os.chmod(f'{course}/scratch/file', 0o600)", PERMISSION),
    "touch": ("os.utime(f'{course}/scratch/file', (0, 0))", PERMISSION),
    "make a folder": ("os.mkdir(f'{course}/scratch/folder')", PERMISSION),
    "make a fifo": ("os.mkfifo(f'{course}/scratch/fifo')", PERMISSION),
    "link": ("os.link(f'{course}/scratch/file', f'{course}/scratch/link')", PERMISSION),
    "read the autograder": ("open(f'{course}/autograder/running/landlock.py').read()", PERMISSION),
    "list the course": ("os.listdir(course)", PERMISSION),
    "read by a link": ("open(f'/proc/self/root{course}/autograder/running/landlock.py').read()", PERMISSION),
    "read /etc/passwd": ("open('/etc/passwd').read()", PERMISSION),
    "read the parent's memory": (
        "f = open(f'/proc/{parent}/mem', 'rb', 0); f.seek(ctypes.addressof(secret))\n"
        "assert f.read(10) == b'the secret'",
        PERMISSION,
    ),
    "write the parent's memory": ("open(f'/proc/{parent}/mem', 'r+b', 0)", PERMISSION),
    "read the parent's environment": (
        "assert 'MARK=seen' in open(f'/proc/{parent}/environ').read()",
        PERMISSION,
    ),
    "signal the parent": ("os.kill(parent, signal.SIGCONT)", PERMISSION),
    "pin the parent to a processor": ("os.sched_setaffinity(parent, {0})", PERMISSION),
    "have a pipe signal the parent": ("fcntl.fcntl(send, fcntl.F_SETOWN, parent)", PERMISSION),
    "trace the parent": (
        "if linux.libc().ptrace(0x4206, parent, None, None): raise OSError(ctypes.get_errno(), 'ptrace')",
        PERMISSION,
    ),
    "prevent its own end": ("linux.prctl(linux.PR_SET_PDEATHSIG, 0)", PERMISSION),
    "raise a limit": ("resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, resource.RLIM_INFINITY))", "ValueError"),
    "memory file": ("os.memfd_create('x')", PERMISSION),
    "shared memory": ("linux.syscall({'x86_64': 29}.get(os.uname().machine, 194), 0, 4096, 0o600)", PERMISSION),
    "watch files": ("os.close(linux.syscall({'x86_64': 294}.get(os.uname().machine, 26), 0))", PERMISSION),
}
ALWAYS_REFUSED = {"clone3"}  # with these arguments, unconfined too


@pytest.fixture(scope="module")
def course():
    """Copy the modules to where an unprivileged user can read them, with a scratch folder that he can write."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o755)
        running = home / "autograder" / "running"
        running.mkdir(parents=True)
        (home / "autograder" / "__init__.py").touch()
        (running / "__init__.py").touch()
        for module in (confinement, landlock, linux, readable, seccomp):
            shutil.copy(module.__file__, running)
        yield home


@pytest.fixture(params=["as we are", "as a user"] if ROOT else ["as we are"])
def user(request):
    """Run the zygote's stand-in with our rights and, if we are root, without them."""
    return request.param == "as a user"


def attempt(course, action, *, user=False, confined=True, before="", orphan=False, **policy):
    """Run one action in a confined child and return its answer."""
    scratch = course / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    (scratch / "file").write_text("text")
    if user:
        for path in (scratch, scratch / "file"):
            os.chown(path, 65534, 65534)
    request = {"course": str(course), "action": action + "\n", "before": before, "user": user and CHANGE_USER}
    request |= {"confined": confined, "orphan": orphan, "policy": policy}
    done = subprocess.run(
        [sys.executable, "-I", "-c", HARNESS],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=course if confined else scratch,
        env={"MARK": "seen", "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@linux_only
@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_refused(course, user, attack):
    """Expect the refusal of the layer that is meant to refuse, not just any failure."""
    action, refusal = ATTACKS[attack]
    answer = attempt(course, f"{action}\nresult = 'done'", user=user)
    if answer["layers"] and confinement.wall_level(answer["layers"]) != "full":
        pytest.skip(f"only {answer['layers']} here")
    assert answer["result"].startswith(refusal)


@linux_only
@pytest.mark.parametrize("attack", sorted(set(ATTACKS) - ALWAYS_REFUSED))
def test_attack_works_unconfined(course, user, attack):
    """Expect success without confinement: an attack that never works proves nothing."""
    assert attempt(course, f"{ATTACKS[attack][0]}\nresult = 'done'", user=user, confined=False)["result"] == "done"


@linux_only
def test_layers_that_hold(course, user):
    """Expect every layer that needs no root, and to be told which ones hold."""
    layers = attempt(course, "result = 1", user=user)["layers"]
    assert {"session", "descriptors", "environment", "rlimits"} <= set(layers)
    assert ("landlock" in layers) == HAS_LANDLOCK
    assert layers == [layer for layer in confinement.LAYERS if layer in layers]
    if user:
        assert not {"netns", "setuid"} & set(layers)


@linux_only
def test_without_landlock_nothing_is_opened_for_writing(course, user):
    """Expect the filter to take over where landlock is missing, and the lower level to be told."""
    blind = "landlock.restrict = lambda *paths: False"
    action = "open(f'{course}/scratch/new', 'w')\nresult = 'done'"
    answer = attempt(course, action, user=user, before=blind)
    assert answer["result"].startswith(PERMISSION)
    assert confinement.wall_level(answer["layers"]) == "partial"


@linux_only
def test_threads_but_no_processes(course, user):
    """Expect the CUDA profile to start threads and still nothing else."""
    action = ATTACKS["thread"][0] + "\ntry: os.fork()\nexcept PermissionError: result = 'threads only'"
    assert attempt(course, action, user=user, threads=True, memory_bytes=None)["result"] == "threads only"


@linux_only
def test_devices_can_be_driven(course, user):
    """Expect the devices of the policy, and the choice among them, and no others."""
    action = "os.write(os.open('/dev/zero', os.O_RDWR), b'x')\nresult = dict(os.environ)"
    chosen = "os.environ['CUDA_VISIBLE_DEVICES'] = '1'"
    assert attempt(course, action, user=user)["result"].startswith(PERMISSION)
    answer = attempt(course, action, user=user, before=chosen, devices=["/dev/zero"])
    assert answer["result"] == {"CUDA_VISIBLE_DEVICES": "1"}
    assert attempt(course, action, user=user, devices=["/dev/full"])["result"].startswith(PERMISSION)


@linux_only
def test_memory_is_limited(course, user):
    """Expect a MemoryError, a living process and room for what is small."""
    action = "try: bytearray(3 << 30)\nexcept MemoryError: result = len(bytearray(100 << 20))"
    assert attempt(course, action, user=user)["result"] == 100 << 20


@linux_only
def test_descriptors_are_closed(course, user):
    """Expect the standard streams on /dev/null, the kept pipe, and nothing else."""
    action = "links = [f'/proc/self/fd/{fd}' for fd in range(60)]\n"
    action += "result = [os.readlink(link)[:6] for link in links if os.path.lexists(link)]"
    assert attempt(course, action, user=user)["result"] == ["/dev/n"] * 3 + ["pipe:["]


@linux_only
def test_environment_is_empty(course, user):
    """Expect nothing in Python's view, in C's, or in the block that the kernel shows."""
    action = """
linux.libc().getenv.restype = ctypes.c_char_p
result = [dict(os.environ), linux.libc().getenv(b"MARK")]
try: result.append(open("/proc/self/environ").read().strip("\\0"))
except PermissionError: result.append("")
"""
    assert attempt(course, action, user=user)["result"] == [{}, None, ""]


@linux_only
def test_limits_can_still_be_read(course):
    """Expect reading to pass where raising is refused: both are one system call."""
    action = "result = [resource.getrlimit(k)[1] for k in (resource.RLIMIT_FSIZE, resource.RLIMIT_CPU)]"
    assert attempt(course, action, cpu_s=7)["result"] == [0, 8]


@linux_only
def test_segfault_kills(course, user):
    """Expect the kernel's own signal to end the process: only sending is refused."""
    assert attempt(course, "ctypes.string_at(8)", user=user)["signal"] == signal.SIGSEGV


@linux_only
def test_abort_kills(course):
    """Expect abort() to look like one: a process may signal itself, and only itself."""
    assert attempt(course, "os.abort()")["signal"] == signal.SIGABRT


@linux_only
def test_endless_computation_ends(course):
    """Expect the limit on CPU time to end what the grader forgot."""
    assert attempt(course, "while True: pass", cpu_s=1)["signal"] == signal.SIGXCPU


@linux_only
def test_dies_with_its_parent(course, user):
    """Expect no worker to outlive the process that forked it."""
    pid = attempt(course, "result = 1", user=user, orphan=True)["pid"]
    end = time.monotonic() + 5
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("the worker still runs")


def interpreter_is_public():
    """Say whether any user may read the standard library."""
    return all(p.stat().st_mode & stat.S_IXOTH for p in Path(os.__file__).resolve().parents)


@linux_only
def test_later_imports_work(course, user):
    """Expect a standard module that nobody imported yet, after the change of user too."""
    if user and not interpreter_is_public():
        pytest.skip("this interpreter lies in a private folder that the user cannot read to begin with")
    action = "assert 'colorsys' not in sys.modules\nimport colorsys, sqlite3\nresult = colorsys.__name__"
    assert attempt(course, action)["result"] == "colorsys"


@linux_only
@pytest.mark.skipif(not ROOT or not HAS_LANDLOCK, reason="needs root and landlock")
def test_root_keeps_at_most_one_capability(course):
    """Expect an unprivileged user; reading past file modes only if the interpreter is private."""
    action = "result = [l.split()[1] for l in open('/proc/self/status') if l.startswith(('Uid', 'Cap'))]"
    uid, *capabilities = attempt(course, action)["result"]
    kept = 0 if interpreter_is_public() else linux.CAP_DAC_READ_SEARCH
    inheritable, permitted, effective, bounding, ambient = (int(c, 16) for c in capabilities)
    assert uid == "65534"
    assert (inheritable, bounding, ambient) == (0, 0, 0)
    assert permitted == effective == kept
    private = attempt(course, "open('/etc/shadow').read()\nresult = 'done'")
    assert private["result"].startswith(PERMISSION)


@linux_only
def test_torch_works(course):
    """Expect forward, backward, sampling, an optimizer and the meta device to work as outside."""
    pytest.importorskip("torch")
    action = """
x = torch.linspace(-1, 1, 12).reshape(3, 4).requires_grad_()
y = (x.exp().sum(-1).log()).sum()
y.backward()
before = x.detach().clone()
torch.optim.SGD([x], lr=0.1, momentum=0.9).step()
g = torch.nn.functional.gumbel_softmax(torch.zeros(64, 5), hard=True)
m = (torch.empty(10**6, 50_000, device="meta").exp().sum(-1) + 1).shape
try: torch.empty(1 << 33)
except RuntimeError as error: large = "memory" in str(error)
result = [bool(torch.allclose(x.grad, before.softmax(-1))), bool((x < before).any()), g.sum().item(), list(m), large]
"""
    # As the zygote does: some of torch's modules make a cache folder when they are first imported.
    warm = """
import torch
torch.set_num_threads(1)
torch.empty(2, device="meta").exp()
p = torch.zeros(2, requires_grad=True)
p.sum().backward()
torch.optim.SGD([p], lr=0.1).step()
"""
    answer = attempt(course, action, before=warm)
    assert answer["result"] == [True, True, 64.0, [10**6], True]


@linux_only
def test_it_is_quick(course, user):
    """Expect less than 50 ms, of which about 3 are usual."""
    assert min(attempt(course, "result = 1", user=user)["ms"] for _ in range(3)) < 50


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_misuse_is_refused(course):
    """Expect an error, not a wall with a hole, for policies and processes that cannot be confined."""
    assert attempt(course, "confinement.confine(confinement.Policy((), (1,)))")["result"].startswith("ValueError")
    if sys.platform == "linux":
        action = "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
        action += "confinement.confine(confinement.Policy((), (send,)))"
        assert attempt(course, action, confined=False)["result"].startswith("RuntimeError")


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_levels(course):
    """Expect the three words, and one of them for this machine."""
    full = {"session", "descriptors", "environment", "rlimits", "landlock", "seccomp"}
    assert confinement.wall_level(full) == "full"
    assert confinement.wall_level(full - {"landlock"} | {"setuid"}) == "partial"
    assert confinement.wall_level({"session", "environment", "rlimits", "netns"}) == "split"
    layers = attempt(course, "result = 1")["layers"]
    assert (confinement.wall_level(layers) == "split") == (sys.platform != "linux")


def test_course_is_not_readable():
    """Expect torch's folder and no folder of the course, its parents included."""
    home = Path(confinement.__file__).resolve().parents[2]
    paths = [Path(p).resolve() for p in confinement.default_readable() if not p.startswith("/proc")]
    assert not [p for p in paths if home.is_relative_to(p)]
    inside = [p.relative_to(home).parts[0] for p in paths if p.is_relative_to(home)]
    assert not set(inside) & {"autograder", "solutions", "exercises", "notebooks"}


def test_hidden_folder_is_cut_out(tmp_path):
    """Expect everything beside what is hidden, and no detour by a link."""
    for name in ("site/torch", "site/autograder/specs", "site/numpy"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "site" / "loop").symlink_to(tmp_path, target_is_directory=True)
    hidden = {str((tmp_path / "site/autograder").resolve())}
    assert [Path(p).name for p in readable.around(str(tmp_path), hidden)] == ["numpy", "torch"]


def verdict(machine, call, *args, threads=False, read_only=False, architecture=None, number=None):
    """Interpret the filter for one system call, as the kernel does."""
    column, native = seccomp.MACHINES[machine]
    number = number or (seccomp.DENIED | seccomp.WEIGHED | {"read": (0, 63)})[call][column]
    memory = struct.pack("<IIQ6Q", number, architecture or native, 0, *(*args, 0, 0, 0, 0, 0, 0)[:6])
    steps = list(struct.iter_unpack("=HBBI", seccomp.program(machine, threads, read_only)))
    at, value = 0, 0
    while True:
        code, true, false, operand = steps[at]
        at += 1
        if code == seccomp.LOAD:
            (value,) = struct.unpack_from("<I", memory, operand)
        elif code == seccomp.AND:
            value &= operand
        elif code == seccomp.RETURN:
            return {seccomp.KILL: "kill", seccomp.ALLOW: "allow"}.get(operand, operand & 0xFFFF)
        else:
            at += true if (value == operand if code == seccomp.EQUAL else value >= operand) else false


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_filter(machine):
    """Expect the right answers on either architecture, whichever this one is."""
    thread, process = 0x3D0F00, 0x1200011
    assert verdict(machine, "read") == "allow"
    assert verdict(machine, "ptrace") == 1
    assert verdict(machine, "clone", thread) == verdict(machine, "clone", process) == 1
    assert verdict(machine, "clone", thread, threads=True) == "allow"
    assert verdict(machine, "clone", process, threads=True) == 1
    assert verdict(machine, "clone", thread | 0x10000000, threads=True) == 1  # with a user namespace
    assert verdict(machine, "clone3", threads=True) == 38
    assert verdict(machine, "prlimit64", 0, 7, 0, 1 << 40) == "allow"
    assert verdict(machine, "prlimit64", 0, 7, 1 << 40) == verdict(machine, "prlimit64", 0, 7, 4096) == 1
    assert verdict(machine, "tgkill", os.getpid(), 1, 6) == "allow"
    assert verdict(machine, "tgkill", os.getppid(), 1, 6) == 1
    assert verdict(machine, "sched_setaffinity", 0) == "allow"
    assert verdict(machine, "ioctl", 0, 0x5401) == "allow"
    assert verdict(machine, "ioctl", 0, 0xFF00005412) == 1  # the kernel looks at 32 bits only
    assert verdict(machine, "openat", 0, 0, os.O_WRONLY) == "allow"
    assert verdict(machine, "openat", 0, 0, os.O_WRONLY, read_only=True) == 1
    assert verdict(machine, "openat", 0, 0, 0o2000000, read_only=True) == "allow"  # O_CLOEXEC
    assert verdict(machine, "read", architecture=0x40000003) == "kill"
    assert verdict(machine, "read", number=0x40000000 + 57) == "kill"
    assert verdict(machine, "read", number=500) == 38


@pytest.mark.skipif(not all(h.exists() for h in HEADERS), reason="needs the kernel's headers for x86_64 and generic")
@pytest.mark.parametrize("column", [0, 1])
def test_numbers_agree_with_the_headers(column):
    """Expect each number under its name, and -1 only for a call that the architecture lacks."""
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s", HEADERS[column].read_text())
    numbers = {name: int(number) for name, number in found}
    table = seccomp.DENIED | seccomp.WEIGHED
    known = {name: pair[column] for name, pair in table.items() if pair[column] <= max(numbers.values())}
    assert known == {name: numbers.get(name, -1) for name in known}
