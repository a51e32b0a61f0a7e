"""One hostile program in each mode of the enclosure tries everything once; each test reads what came of one attempt."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from autograder import registry
from autograder.running import enclosure, seccomp, tree_calls
from autograder.running.enclosure import Enclosed, Ended, enclose, level
from autograder.running.launch import WallError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's layers exist on Linux only")
COURSE = registry.ROOT
ATTACKS = {
    "read an answer": "open(f'{course}/solutions/floats.py').read()",
    "list the course": "os.listdir(course)",
    "write in the course": "open(f'{course}/exercises/mark', 'w')",
    "change its own course": "open('mark', 'w')",
    "write beside its folder": "open(f'{outside}/mark', 'w')",
    "remove a file": "os.unlink(f'{outside}/victim')",
    "rename a file": "os.rename(f'{outside}/victim', f'{home}/victim')",
    "reach a socket file": "socket.socket(socket.AF_UNIX).connect(f'{outside}/socket')",
    "send without a connection": "socket.socket(type=socket.SOCK_DGRAM)",
    "connect to another port": "socket.create_connection(('127.0.0.1', busy), 2)",
    "listen on another port": "socket.socket().bind(('127.0.0.1', busy + 1))",
    "leave its namespaces": "None if libc.unshare(0x10000000) == 0 else refused()",
    "trace the grader": "None if libc.ptrace(16, grader, 0, 0) == 0 else refused()",
    "kill the grader": "os.kill(grader, 0)",
    "see the grader's environment": "open(f'/proc/{grader}/environ').read()[0]",
    "become root": "os.setuid(0)",
    "raise its limits": "resource.setrlimit(resource.RLIMIT_NPROC, (10000, 10000))",
    "write a large file": "open(f'{home}/large', 'wb').write(bytes(1 << 26))",
    "share memory": "None if libc.shmget(0, 4096, 0o1600) >= 0 else refused()",
}
WORKS = {
    "write at home": "open(f'{home}/mark', 'w').write('mark')",
    "use the file's mode": "os.chmod(f'{home}/mark', 0o600)",
    "talk to itself": "talk()",
    "start a program": "subprocess.run([sys.executable, '-I', '-S', '-c', ''], check=True)",
    "end its own child": "end_child()",
}
PROGRAM = """
import ctypes, json, os, resource, signal, socket, subprocess, sys, time
given = json.loads(sys.argv[1])
course, outside, busy, grader, home = *(given[n] for n in ("course", "outside", "busy", "grader")), os.environ["HOME"]
libc = ctypes.CDLL(None, use_errno=True)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def refused():
    raise OSError(ctypes.get_errno(), "refused")
def talk():
    port = int(os.environ["STABLE_LOGPROBS_PORTS"].split(",")[0])
    with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port), 5):
        return
def end_child():
    child = os.fork()
    if child == 0:
        time.sleep(60)
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
answers = {}
for name, attempt in given["attempts"].items():
    try:
        eval(attempt)
        answers[name] = "done"
    except (OSError, ValueError) as error:
        answers[name] = type(error).__name__
os.write(3, json.dumps(answers).encode())
"""


@pytest.fixture(params=["apart", "together"], scope="module")
def mode(request):
    """Run with namespaces of its own, and as where the system gives none."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "together":
            never = "keeper.namespaces.possible = lambda folder: False; keeper.main"
            patch.setattr(enclosure, "BOOT", enclosure.BOOT.replace("keeper.main", never))
        yield request.param


def run(program: str, limit_s: float = 30.0, *args: str, **kwargs) -> Ended:
    return enclose(Enclosed([sys.executable, "-I", "-S", "-c", program, *args], limit_s, **kwargs))


@pytest.fixture(scope="module")
def answers(mode, tmp_path_factory) -> dict[str, str]:
    """Return what came of each attempt; the files and the port that it is about are there."""
    outside = tmp_path_factory.mktemp("outside")
    for folder in (outside, *outside.parents[:2]):
        folder.chmod(0o777)
    (outside / "victim").write_text("here")
    (outside / "victim").chmod(0o666)
    with socket.socket(socket.AF_UNIX) as file, socket.create_server(("127.0.0.1", 0)) as busy:
        file.bind(f"{outside}/socket")
        file.listen()
        (outside / "socket").chmod(0o777)
        given = {"course": str(COURSE), "outside": str(outside), "busy": busy.getsockname()[1], "grader": os.getpid()}
        ended = run(PROGRAM, 60.0, json.dumps(given | {"attempts": ATTACKS | WORKS}))
    if level(ended.layers) != "full" and mode == "apart":
        pytest.skip(f"this machine gives {ended.layers} only")
    assert (outside / "victim").exists() and not (outside / "mark").exists()
    return json.loads(ended.report)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused(answers, attack):
    assert answers[attack] != "done"


@pytest.mark.parametrize("need", WORKS)
def test_what_a_kernel_needs_works(answers, need):
    assert answers[need] == "done"


def tree_of(mark: str) -> list[str]:
    """Return the processes whose command line holds a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path.parent.name] if mark.encode() in path.read_bytes() else []
        except OSError:
            continue
    return found


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("enclosed-*"))


DAEMONS = """
import os, time
first = os.getpid()
os.mkdir(os.environ["HOME"] + "/closed", 0)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
if leaves and os.getpid() == first:
    os._exit(3)
while True:
    time.sleep(0.01)
"""


def test_at_the_limit_every_process_and_file_is_gone(mode):
    mark, before, start = f"daemons of {os.getpid()} {mode}", folders(), time.monotonic()
    ended = run(f"leaves = False  # {mark}\n{DAEMONS}", 1.0)
    assert ended.how == "limit" and 1.0 <= time.monotonic() - start < 20.0
    assert tree_of(mark) == [] and folders() <= before


def test_what_a_command_leaves_behind_is_ended(mode):
    mark = f"left by {os.getpid()} {mode}"
    ended = run(f"leaves = True  # {mark}\n{DAEMONS}")
    assert (ended.how, ended.status) == ("exited", 3)
    assert tree_of(mark) == []


def test_a_fork_bomb_is_bounded(mode):
    bomb = """
import os, time
count = 0
try:
    while count < 5000:
        if os.fork() == 0:
            time.sleep(60)
        count += 1
finally:
    os.write(3, str(count).encode())
"""
    assert 0 < int(run(bomb).report) < 200


def test_all_processes_share_one_allowance_of_memory(mode):
    greedy = "import os, time\nos.fork()\nheld = bytearray(os.urandom(1)) * (100 << 20)\ntime.sleep(60)"
    assert run(greedy, memory_bytes=150 << 20).how == "memory"
    assert run("held = bytearray(b'1') * (100 << 20)", memory_bytes=150 << 20).how == "exited"


def test_a_report_without_end_costs_no_memory(mode):
    assert len(run("import os\nfor _ in range(1000): os.write(3, bytes(65536))").report) == 1 << 16


def test_files_are_laid_out_as_given():
    program = "import os; os.write(3, open('a/b').read().encode() + open(os.environ['MARK'] + '/c').read().encode())"
    ended = run(program, texts={"course/a/b": "1", "home/c": "2"}, environment={"MARK": "{folder}/home"})
    assert ended.report == b"12"


def test_a_keeper_that_fails_is_no_fault_of_the_learner():
    with pytest.raises(WallError, match="FileNotFoundError"):
        run("", copies={"course/a": "/there/is/no/such/file"})


def test_the_tree_ends_with_the_grader(mode):
    before = folders()
    grader = f"""
import os, sys
sys.path.insert(0, {str(COURSE)!r})
from autograder.running import enclosure
enclosure.BOOT = {enclosure.BOOT!r}
sleeper = f"import time; time.sleep(60)  # of grader {{os.getpid()}}"
enclosure.enclose(enclosure.Enclosed([sys.executable, "-I", "-S", "-c", sleeper], 60.0))
"""
    running = subprocess.Popen([sys.executable, "-c", grader])
    until, mark = time.monotonic() + 30, f"# of grader {running.pid}"
    while not tree_of(mark):
        assert time.monotonic() < until and running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    while tree_of(mark) or folders() - before:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_is_allowed_or_passed_over_is_refused_to_a_worker():
    """A name that the worker's filter does not know would be a slip of the pen."""
    assert seccomp.DENIED.keys() >= tree_calls.NEEDED | tree_calls.IDLE
    assert not tree_calls.NEEDED & tree_calls.IDLE


@pytest.mark.parametrize(
    "layers, word",
    [
        (enclosure.LAYERS, "full"),
        ([n for n in enclosure.LAYERS if n != "setuid"], "full"),
        ([n for n in enclosure.LAYERS if n != "namespaces"], "partial"),
        (["session", "rlimits"], "split"),
    ],
)
def test_the_level_in_a_word(layers, word):
    assert level(layers) == word
