"""Workers answer, or are ended and replaced; whatever a learner's code does, the grader stays."""

import os
import signal
import sys
import threading
import time

import pytest
import torch

from autograder.answer import Answer
from autograder.running import launch, wire
from autograder.running.launch import Alone, WallError, Zygote, describe_status
from autograder.running.wall import Wall, Worker

LONG_S = 30.0
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork")


def loaded(worker: Worker, source: str, function: str = "f") -> Worker:
    answer = worker.ask("load", LONG_S, texts={"log_sums": source}, stem="log_sums", function=function)
    assert answer.outcome == "returned", answer
    return worker


def drive(worker: Worker, *args, limit_s: float = LONG_S, **kwargs) -> Answer:
    return worker.ask("drive", limit_s, driver="value", args=args, kwargs=kwargs)


@pytest.fixture
def run(wall):
    """Return a function that loads a source into a fresh worker and calls its `f`."""
    made = []

    def run(source: str, *args, limit_s: float = LONG_S) -> Answer:
        made.append(loaded(wall.worker(), source))
        return drive(made[-1], *args, limit_s=limit_s)

    yield run
    for worker in made:
        worker.close()


def gone(pid: int) -> bool:
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_a_worker_answers(wall):
    worker = loaded(wall.worker(), "def f(x, power):\n    return x ** power\n")
    try:
        for power in (2, 3):
            answer = drive(worker, torch.tensor([3.0]), power=power)
            assert torch.equal(answer.result["value"], torch.tensor([3.0**power]))
        assert worker.alive
    finally:
        worker.close()


def test_siblings_are_imported_relatively_and_by_the_packages_name(wall):
    texts = {
        "floats": "def two():\n    return 2\n",
        "log_sums": "from .floats import two\nfrom exercises import floats as g\ndef f():\n    return two() + g.two()",
    }
    worker = wall.worker()
    try:
        assert worker.ask("load", LONG_S, texts=texts, stem="log_sums", function="f").outcome == "returned"
        assert drive(worker).result["value"] == 4
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("source", "error", "line"),
    [
        ("def f(:\n", "SyntaxError", 1),
        ("x = 1\nimport nowhere\n", "ModuleNotFoundError", 2),
        ("\n1 / 0\n", "ZeroDivisionError", 2),
        ("raise SystemExit\n", "SystemExit", 1),
        ("def g():\n    pass\n", "AttributeError", None),
    ],
)
def test_a_file_that_cannot_be_imported_says_where(wall, source, error, line):
    worker = wall.worker()
    try:
        answer = worker.ask("load", LONG_S, texts={"log_sums": source}, stem="log_sums", function="f")
        assert (answer.outcome, answer.error["type"], answer.error["line"]) == ("raised", error, line)
    finally:
        worker.close()


@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)", "KeyboardInterrupt()", "RecursionError()"])
def test_an_exception_is_an_answer_and_the_worker_goes_on(wall, error):
    worker = loaded(wall.worker(), f"def f(fail):\n    if fail:\n        raise {error}\n    return 1\n")
    try:
        answer = drive(worker, True)
        assert (answer.outcome, answer.error["type"], answer.error["line"]) == ("raised", error.split("(")[0], 3)
        assert drive(worker, False).result["value"] == 1
    finally:
        worker.close()


def test_an_endless_loop_is_ended_and_a_new_worker_works(wall, run):
    worker = loaded(wall.worker(), "def f():\n    while True:\n        pass\n")
    start = time.monotonic()
    answer = drive(worker, limit_s=0.3)
    assert (answer.outcome, answer.detail) == ("timeout", "no answer within 0.3 s")
    assert time.monotonic() - start < LONG_S / 2
    assert not worker.alive
    assert gone(worker.pid)
    assert drive(worker) == Answer("crashed", detail="the worker is gone")
    assert run("def f():\n    return 1\n").result["value"] == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("os._exit(3)", "it left the process with exit status 3"),
        ("os._exit(0)", "it left the process with exit status 0"),
        ("ctypes.string_at(8)", "a segmentation fault"),
    ],
)
def test_a_crash_says_how(wall, run, body, words):
    answer = run(f"import ctypes, os\n\n\ndef f():\n    {body}\n")
    assert (answer.outcome, answer.detail) == ("crashed", words)
    assert run("def f():\n    return 1\n").result["value"] == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (3 << 8, "it left the process with exit status 3"),
        (signal.SIGSEGV, "a segmentation fault"),
        (signal.SIGABRT, "an abort"),
        (signal.SIGKILL, "it was killed"),
        (signal.SIGXCPU, "it used up its processor time"),
        (signal.SIGSYS, "a system call that is not allowed"),
        (signal.SIGBUS, f"signal {int(signal.SIGBUS)}"),
    ],
)
def test_a_status_has_words(status, words):
    assert describe_status(status) == words


def test_workers_share_nothing(run):
    source = "import torch\n\n\ndef f():\n    torch.seen = getattr(torch, 'seen', 0) + 1\n    return torch.seen\n"
    assert [run(source).result["value"] for _ in range(2)] == [1, 1]


def test_a_worker_holds_nothing_that_knows_an_answer(run):
    source = "import sys\n\n\ndef f():\n    return ' '.join(n for n in sys.modules)\n"
    modules = run(source).result["value"].split()
    ours = {n for n in modules if n.split(".")[0] in ("autograder", "solutions")}
    assert "autograder.running.worker" in ours
    known = ("autograder.running.", "autograder.answer", "autograder.spec")
    assert {n for n in ours if not n.startswith(known)} == {"autograder", "autograder.running"}
    assert not any(n.startswith("autograder.specs") for n in ours)


def test_processor_time_is_read_from_outside(wall):
    worker = loaded(wall.worker(), "def f():\n    for i in range(3000000):\n        pass\n")
    try:
        before = worker.scheduled()
        if before is None:
            pytest.skip("no /proc here")
        drive(worker)
        after = worker.scheduled()
        assert after.cpu_ns - before.cpu_ns > 1e6
        assert after.delay_ns >= before.delay_ns
    finally:
        worker.close()
    assert worker.scheduled() is None


def test_closing_twice_is_harmless(wall):
    worker = wall.worker()
    worker.close()
    assert worker.close() == 0
    assert gone(worker.pid)


class Impostor:
    """Stands for a launcher; its worker is a thread here, which answers each question by `reply`."""

    def __init__(self, reply):
        self.reply = reply

    def spawn(self, requests, replies, cuda=False):
        threading.Thread(target=self._serve, args=(os.dup(requests), os.dup(replies)), daemon=True).start()
        return 1 << 30

    def _serve(self, requests, replies):
        wire.send(replies, {"layers": ["none"]})
        try:
            while True:
                self.reply(replies, wire.receive(requests))
        except wire.WireError:
            os.close(requests)
            os.close(replies)

    def reap(self, pid):
        return 0


def asked(reply) -> Answer:
    worker = Worker(Impostor(reply))
    try:
        answer = worker.ask("drive", 5.0)
        assert worker.alive == (answer.outcome in ("returned", "raised"))
        return answer
    finally:
        worker.close()


def test_an_honest_impostor_is_believed():
    assert asked(lambda fd, m: wire.send(fd, {"nonce": m["nonce"], "ok": True, "result": 7})) == Answer("returned", 7)


@pytest.mark.parametrize(
    "fields",
    [
        {"ok": True, "result": 7},
        {"nonce": "0" * 32, "ok": True, "result": 7},
        {"nonce": None, "ok": True, "result": 7},
    ],
)
def test_an_answer_without_the_nonce_is_garbled(fields):
    answer = asked(lambda fd, m: wire.send(fd, fields))
    assert (answer.outcome, answer.detail) == ("garbled", "an answer to another question")


def test_an_answer_to_an_earlier_question_is_garbled():
    seen = []

    def replay(fd, message):
        seen.append(message["nonce"])
        wire.send(fd, {"nonce": seen[0], "ok": True, "result": len(seen)})

    worker = Worker(Impostor(replay))
    assert worker.ask("drive", 5.0).outcome == "returned"
    assert worker.ask("drive", 5.0).outcome == "garbled"


@pytest.mark.parametrize("fields", [{}, {"ok": 1}, {"ok": False}, {"error": "words"}, {"ok": "True", "result": 7}])
def test_an_answer_without_content_is_garbled(fields):
    answer = asked(lambda fd, m: wire.send(fd, {"nonce": m["nonce"], **fields}))
    assert (answer.outcome, answer.detail) == ("garbled", "an answer without content")


def test_noise_is_garbled():
    assert asked(lambda fd, m: os.write(fd, b"x" * 64)).outcome == "garbled"


def test_a_tensor_without_numbers_is_garbled():
    meta = torch.empty(2, device="meta")
    assert asked(lambda fd, m: wire.send(fd, {"nonce": m["nonce"], "ok": True, "result": meta})).outcome == "garbled"


def test_every_question_has_a_nonce_of_its_own():
    seen = []

    def note(fd, message):
        seen.append(message["nonce"])
        wire.send(fd, {"nonce": message["nonce"], "ok": True, "result": None})

    worker = Worker(Impostor(note))
    for _ in range(3):
        worker.ask("drive", 5.0)
    worker.close()
    assert len(set(seen)) == 3
    assert all(len(nonce) == 32 for nonce in seen)


@pytest.fixture(scope="module")
def mortal():
    with Wall() as wall:
        yield wall


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT])
def test_a_zygote_that_is_gone_or_stands_still_is_replaced(monkeypatch, mortal, how):
    first = mortal.worker()
    zygote = mortal._launcher._process
    os.kill(zygote.pid, how if how != signal.SIGCONT else signal.SIGSTOP)
    monkeypatch.setattr(launch, "SPAWN_S", 0.5)
    if how == signal.SIGKILL:
        assert gone(first.pid)  # a worker follows its zygote
        zygote.wait()
    assert first.close() == 0
    if how == signal.SIGCONT:  # its late answer must not be taken for the next one
        os.kill(zygote.pid, signal.SIGCONT)
        time.sleep(0.2)
    monkeypatch.setattr(launch, "SPAWN_S", LONG_S)
    second = loaded(mortal.worker(), "def f():\n    return 1\n")
    assert drive(second).result["value"] == 1
    assert mortal._launcher._process.pid != zygote.pid
    assert gone(zygote.pid)


def test_nothing_is_left_after_closing():
    with Wall() as wall:
        workers = [wall.worker(), wall.worker()]
        zygote = wall._launcher._process.pid
    assert all(gone(pid) for pid in (zygote, *(w.pid for w in workers)))


def test_a_zygote_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr(launch, "BOOT", "raise SystemExit('no torch here')")
    zygote = Zygote()
    with pytest.raises(WallError, match="no torch here"):
        zygote.wait()
    zygote.close()


def test_where_there_is_no_fork_a_worker_is_an_interpreter_of_its_own():
    launcher = Alone()
    worker = loaded(Worker(launcher), "print('noise')\n\n\ndef f():\n    print('more')\n    return 1\n")
    assert drive(worker).result["value"] == 1
    launcher.close()
    assert drive(worker).outcome == "crashed"
    assert gone(worker.pid)


# Questions that are put before the answers of those before them are read.


def prepared(*args, **kwargs) -> wire.Prepared:
    return wire.prepare({"args": args, "kwargs": kwargs})


def ahead(worker: Worker, questions: list[wire.Prepared], limit_s: float = LONG_S):
    """Yield the answers; what was put together with a question is not put again."""
    for place, question in enumerate(questions):
        later = [({"driver": "value"}, q) for q in questions[place + 1 :]]
        yield worker.ask_prepared("drive", limit_s, question, later, driver="value")


def frames(monkeypatch) -> list[int]:
    """Return how many bytes each write brings, from now on."""
    sizes = []
    write = wire.write

    def noted(fd, parts, until=None):
        sizes.append(sum(map(len, parts)))
        write(fd, parts, until)

    monkeypatch.setattr(wire, "write", noted)
    return sizes


linux = pytest.mark.skipif(sys.platform != "linux", reason="nobody tells how much a pipe holds")


@linux
def test_questions_put_together_are_answered_in_order(wall, monkeypatch):
    worker = loaded(wall.worker(), "def f(x):\n    return 2 * x\n")
    written = frames(monkeypatch)
    try:
        answers = list(ahead(worker, [prepared(torch.tensor(float(n))) for n in range(20)]))
        assert [float(a.result["value"]) for a in answers] == [2.0 * n for n in range(20)]
        assert len(written) == 1
        assert drive(worker, 3).result["value"] == 6
    finally:
        worker.close()


@linux
def test_no_more_is_put_ahead_than_a_pipe_takes(wall, monkeypatch):
    worker = loaded(wall.worker(), "def f(x):\n    return x\n")
    written = frames(monkeypatch)
    try:
        sizes = [5000 * n for n in (1, 2, 1, 200, 1, 1)]  # 20 kB or a little more, and one of 4 MB
        answers = ahead(worker, [prepared(torch.zeros(size)) for size in sizes])
        assert [a.result["value"].numel() for a in answers] == sizes
        together = [size for size in written if size < 1 << 20]
        assert len(written) < len(sizes)
        assert max(together) <= worker._room
    finally:
        worker.close()


@linux
def test_answers_larger_than_a_pipe_do_not_stand_in_the_way_of_questions(wall):
    worker = loaded(wall.worker(), "import torch\n\n\ndef f(n):\n    return torch.zeros(n)\n")
    try:
        answers = ahead(worker, [prepared(1 << 20) for _ in range(300)])
        assert all(a.result["value"].numel() == 1 << 20 for a in answers)
    finally:
        worker.close()


@linux
@pytest.mark.parametrize(
    ("body", "outcome"),
    [("os._exit(3)", "crashed"), ("while True: pass", "timeout"), ("raise ValueError", "raised")],
)
def test_what_one_question_ends_in_costs_no_other_its_answer(wall, body, outcome):
    source = f"import os\n\n\ndef f(n):\n    if n == 2:\n        {body}\n    return n\n"
    questions = [prepared(n) for n in range(5)]
    outcomes, worker, left = [], loaded(wall.worker(), source), questions
    while left:
        for place, answer in enumerate(ahead(worker, left, 1.0), start=1):
            outcomes.append(answer.result["value"] if answer.outcome == "returned" else answer.outcome)
            if not worker.alive:
                left, worker = left[place:], loaded(wall.worker(), source)
                break
        else:
            left = []
    worker.close()
    assert outcomes == [0, 1, outcome, 3, 4]


@linux
def test_each_question_has_its_own_time(wall):
    worker = loaded(wall.worker(), "import time\n\n\ndef f():\n    time.sleep(0.2)\n    return 1\n")
    try:
        assert [a.outcome for a in ahead(worker, [prepared() for _ in range(5)], 0.7)] == ["returned"] * 5
    finally:
        worker.close()


@linux
def test_who_puts_another_question_than_he_said_is_told(wall):
    worker = loaded(wall.worker(), "def f(x):\n    return x\n")
    one, two, other = prepared(1), prepared(2), prepared(3)
    try:
        assert worker.ask_prepared("drive", LONG_S, one, [({"driver": "value"}, two)], driver="value").result
        with pytest.raises(RuntimeError, match="wait for their answers"):
            drive(worker, 3)
        with pytest.raises(RuntimeError, match="another question was to follow"):
            worker.ask_prepared("drive", LONG_S, other, driver="value")
    finally:
        worker.close()


@linux
def test_an_answer_to_a_later_question_is_no_answer(wall):
    """Let the learner's code answer two questions at once, the later one first."""
    source = """
import sys
from autograder.running import wire

frame = sys._getframe()
while "replies" not in frame.f_locals:
    frame = frame.f_back
REQUESTS, REPLIES = frame.f_locals["requests"], frame.f_locals["replies"]

def f(n):
    if n == 0:
        nonce = wire.receive(REQUESTS)["nonce"]
        wire.send(REPLIES, {"nonce": nonce, "ok": True, "result": {"kind": "plain", "value": 9}})
    return n
"""
    worker = wall.worker()
    loaded(worker, source)
    answers = [a.outcome for a in ahead(worker, [prepared(0), prepared(1)])]
    assert answers == ["garbled", "crashed"]
