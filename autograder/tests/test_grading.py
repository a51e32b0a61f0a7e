"""One exercise of one submission, judged behind the wall: whatever the learner's code does, there is a verdict."""

import time
from dataclasses import replace

import pytest
import torch

from autograder import grading, interview, registry
from autograder.answer import Answer, Complaint
from autograder.classroom.work import Examination, Grader, Papers
from autograder.exact import log_sums
from autograder.faults import FAULTS
from autograder.grading import Grading
from autograder.judging.diagnosis import diagnose, weight
from autograder.judging.verdicts import ORDER, ExerciseVerdict
from autograder.paper import Paper
from autograder.running.confinement import wall_level
from autograder.running.timing import Timing
from autograder.running.wall import Worker
from autograder.spec import (
    Call,
    Case,
    Exercise,
    Forbidden,
    Gradient,
    Memory,
    Mistake,
    Raises,
    Rules,
    Time,
    Tolerance,
    Untouched,
    Value,
)

FINE = Tolerance(4, 1.0)
HEAD = "import math\nimport torch\n\n\n"


def rows(name: str, width: int, ask=None, public=True, honours=False, limit_s=5.0) -> Case:
    """Return a case of 3 rows; their width is what a source below knows a case by."""
    asked = ask or Value(FINE)
    return Case(name, "value", lambda d: Call((d.normal(3, width),)), asked, 1.0, public, honours, limit_s)


CASES = (
    Case("untouched", "untouched", lambda d: Call((d.normal(2, 3),)), Untouched()),
    rows("two", 2, limit_s=0.5),
    rows("three", 3),
    rows("four", 4),
    rows("five", 5, Gradient(FINE)),
    rows("private", 7, public=False),
    rows("honours", 8, honours=True),
)
TIME = Time("wide", "torch.logsumexp", lambda d: Call((d.normal(64, 64),)), budget=50, kwargs={"dim": -1})
EXERCISE = Exercise(
    "f",
    log_sums.logsumexp,
    log_sums.precise_logsumexp,
    CASES,
    ("one", "two", "three"),
    "why",
    1,
    1,
    Rules(Forbidden((torch.logsumexp,), frozenset({"aten::logsumexp", "aten::exp2"}))),
    lambda batch, classes: Call((torch.empty(batch, classes),)),
    memory=Memory(4, 6),
    times=(TIME,),
)
PUBLIC_POINTS = 5 + 2 + 1 + 2 + 1  # cases; rules, device, memory; time
RIGHT = (
    "    top = x.amax(-1, keepdim=True)\n    return (top + (x - top).exp().sum(-1, keepdim=True).log()).squeeze(-1)\n"
)


def function(before: str = "", after: str = RIGHT) -> str:
    return HEAD + "def f(x):\n" + "".join(f"    {line}\n" for line in before.splitlines()) + after


@pytest.fixture
def grade(wall):
    def grade(source: str | None, exercise=EXERCISE, mistakes=(), **options) -> ExerciseVerdict:
        sources = {} if source is None else {"log_sums": source}
        made.append(Grading(wall, exercise, "log_sums", sources, mistakes, **{"clock": False} | options))
        return made[-1].run()

    made: list[Grading] = []
    yield grade
    assert all(g._interview._worker is None or not g._interview._worker.alive for g in made), "a worker was left"


def statuses(verdict: ExerciseVerdict) -> dict[str, str]:
    return {case.name: case.status for case in verdict.cases}


def message(verdict: ExerciseVerdict, name: str) -> str:
    return next(case.message for case in verdict.cases if case.name == name)


def test_a_right_answer_gets_full_marks(grade):
    verdict = grade(function(), clock=True)
    assert verdict.status == "passed", [c for c in verdict.cases if c.status == "failed"]
    assert (verdict.score, verdict.max_score) == (PUBLIC_POINTS, PUBLIC_POINTS)
    assert verdict.diagnosis is None
    assert [c.family for c in verdict.cases] == sorted((c.family for c in verdict.cases), key=ORDER.index)


def test_the_clock_may_stay_away(grade):
    assert grade(function()).max_score == PUBLIC_POINTS - 1
    assert "wide" not in statuses(grade(function()))


def test_on_a_gpu_each_case_brings_its_inputs_there(grade, monkeypatch):
    brought = []

    def exchange(worker, limit_s, message, *rest):
        if message["do"] == "drive":
            brought.append((message["driver"], message.get("device")))
        return answered(worker, limit_s, message, *rest)

    answered = Worker._exchange
    monkeypatch.setattr(Worker, "_exchange", exchange)
    monkeypatch.setattr(grading, "GPU", "cpu")  # this machine's stands for one
    verdict = grade(function(), level="all", device="cuda", clock=True)
    assert verdict.status == "passed", [c for c in verdict.cases if c.status == "failed"]
    assert statuses(verdict)["wide"] == "skipped"
    assert "times the time of torch.logsumexp on the GPU; not judged" in message(verdict, "wide")
    without = ("traced", "counted_parts")
    assert {device for driver, device in brought if driver in without} == {None}
    cases = [device for driver, device in brought if driver not in without]
    assert cases == ["cpu"] * len(CASES)


def test_a_gpu_may_be_left_alone(grade, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert statuses(grade(function(), device="cpu"))["values on CUDA"] == "skipped"


UNJUDGED = {
    "not written": ("def f(x):\n    raise NotImplementedError('f')\n", "not_written", "not written yet"),
    "syntax": ("x = 1\ndef f(x:\n", "error", "log_sums.py line 2: SyntaxError"),
    "no file": (None, "error", "there is no file log_sums.py"),
    "no function": ("def g(x):\n    return x\n", "error", "log_sums.py defines no f"),
    "import error": (HEAD + "1 / 0\n\n\ndef f(x):\n    return x\n", "error", "log_sums.py line 5: ZeroDivisionError"),
    "missing import": (
        "from .floats import ulp\n\n\ndef f(x):\n    return ulp(x)\n",
        "error",
        "No module named 'exercises.floats'",
    ),
    "endless import": (HEAD + "while True:\n    pass\n\n\ndef f(x):\n    return x\n", "error", "no answer within"),
    "crash at import": (
        HEAD + "import os\n\nos._exit(0)\n\n\ndef f(x):\n    return x\n",
        "error",
        "it left the process with exit status 0",
    ),
}


@pytest.mark.parametrize("name", UNJUDGED)
def test_what_cannot_be_judged_scores_0_of_all_points(grade, monkeypatch, name):
    monkeypatch.setattr(grading, "LOAD_S", 1.0)
    source, status, words = UNJUDGED[name]
    verdict = grade(source, clock=True)
    assert verdict.status == status
    assert words in verdict.problem
    assert (verdict.score, verdict.max_score) == (0, PUBLIC_POINTS)
    assert {case.status for case in verdict.cases} == {"skipped"}


def test_a_forbidden_function_scores_0_of_all_points_and_nothing_runs(grade):
    verdict = grade(function(after="    return torch.logsumexp(x, -1)\n"), clock=True)
    assert (verdict.status, verdict.score, verdict.max_score) == ("failed", 0, PUBLIC_POINTS)
    assert "log_sums.py line 6" in message(verdict, "no loops, nothing forbidden")
    assert message(verdict, "two").startswith("not judged: log_sums.py line 6")
    assert message(verdict, "wide").startswith("not judged: ")


def test_a_forbidden_op_that_only_numbers_meet_scores_0(grade):
    verdict = grade(function("if x.shape[-1] == 4:\n    return torch.exp2(x).sum(-1)"), clock=True)
    assert (verdict.score, verdict.max_score) == (0, PUBLIC_POINTS)
    assert "aten::exp2" in message(verdict, "no loops, nothing forbidden")


def test_an_endless_loop_costs_its_case(grade):
    verdict = grade(function("while x.shape[-1] == 2:\n    pass"))
    found = statuses(verdict)
    assert (found["two"], found["three"], found["four"], found["five"]) == ("timeout", "passed", "passed", "passed")
    assert found["no loops, nothing forbidden"] == "failed"
    assert "endless loop" in message(verdict, "two")


def test_after_two_timeouts_the_rest_is_not_run(grade):
    short = tuple(rows(name, width, limit_s=0.3) for name, width in (("a", 2), ("b", 3), ("c", 4), ("d", 5)))
    exercise = Exercise("f", log_sums.logsumexp, None, short, ("", "", ""), "", 1, 1, Rules(), times=(TIME,))
    verdict = grade(function("while x.shape[-1] > 2:\n    pass"), exercise, clock=True)
    found = statuses(verdict)
    assert [found[name] for name in "abcd"] == ["passed", "timeout", "timeout", "timeout"]
    assert "not run" not in message(verdict, "c")
    assert "not run" in message(verdict, "d")
    assert found["wide"] == "timeout"


def test_what_never_answers_is_told_so_and_what_does_once_is_not(grade):
    short = tuple(rows(name, width, limit_s=0.3) for name, width in (("a", 2), ("b", 3), ("c", 4)))
    exercise = Exercise("f", log_sums.logsumexp, None, short, ("", "", ""), "", 1, 1, Rules())
    never, once = (grade(function(f"while x.shape[-1] > {n}:\n    pass"), exercise).diagnosis for n in (1, 2))
    assert (never.mistake, once.mistake) == ("endless", "loop")


def test_a_crash_costs_its_case(grade, wall):
    worker = wall.worker()
    level = wall_level(worker.layers)
    worker.close()
    source = "import os\n" + function(
        "if x.shape[-1] == 3 and x.device.type == 'cpu' and len(x) == 3:\n    os._exit(0)"
    )
    verdict = grade(source)
    if level != "full":
        assert "cannot wall it off" in verdict.problem
        return
    found = statuses(verdict)
    assert (found["two"], found["three"], found["four"], found["five"]) == ("passed", "crashed", "passed", "passed")
    assert "exit status 0" in message(verdict, "three")
    assert found["no loops, nothing forbidden"] == "failed"


def test_a_dead_process_has_a_diagnosis_of_its_own():
    found = diagnose([], ["crashed"], FAULTS, grading.run_mistake)
    assert found is not None
    assert found.mistake == "crashed"


def test_where_nothing_walls_it_off_a_file_that_reaches_for_the_system_is_not_run(grade, monkeypatch):
    monkeypatch.setattr(grading, "wall_level", lambda layers: "partial")
    verdict = grade("import os\n" + function())
    assert verdict.status == "error"
    assert "cannot wall it off" in verdict.problem
    assert grade(function()).status == "passed"


def test_an_allocation_beyond_the_limit_is_said(grade):
    verdict = grade(function("if x.shape[-1] == 3 and len(x) == 3:\n    return torch.ones(30 << 28)"))
    found = statuses(verdict)
    assert (found["two"], found["three"], found["four"]) == ("passed", "failed", "passed")
    text = message(verdict, "three")
    assert "log_sums.py line 7: RuntimeError" in text
    assert "1 GiB" in text


def test_an_exception_names_its_line_and_costs_its_case(grade):
    verdict = grade(function("if x.shape[-1] == 3 and len(x) == 3:\n    raise ValueError('odd')"))
    assert statuses(verdict)["four"] == "passed"
    assert "raised    log_sums.py line 7: ValueError: odd" in message(verdict, "three")


def test_the_public_run_leaves_the_private_cases_out(grade):
    assert "private" not in statuses(grade(function()))
    verdict = grade(function(), level="all")
    assert statuses(verdict)["private"] == "passed"
    assert {c.name for c in verdict.cases if c.visibility == "private"} == {"private"}


def test_a_private_case_shows_no_data(grade):
    wrong = function("if x.shape[-1] == 7:\n    raise ValueError(str(x.tolist()))")
    verdict = grade(wrong, level="all")
    assert statuses(verdict)["private"] == "failed"
    assert message(verdict, "private") == "a private case of the family 'value' failed"


def shown(grade, **options) -> list[str]:
    verdict = grade(HEAD + "def f(x):\n    return x.sum(-1) + 100\n", **options)
    return [case.message for case in verdict.cases]


def test_messages_are_the_same_from_run_to_run_and_differ_from_seed_to_seed(grade):
    first = shown(grade)
    assert shown(grade) == first
    assert any("given " in text for text in first)
    assert shown(grade, seed=1) != first


def test_each_seed_gives_each_case_inputs_of_its_own(grade, wall):
    inputs = set()
    for seed in (0, 1):
        judged = Grading(wall, EXERCISE, "log_sums", {"log_sums": function()}, seed=seed, level="all", clock=False)
        judged.run()
        inputs |= {(e.case.name, tuple(e.call.args[0].flatten().tolist())) for e in judged._experiences}
    assert len(inputs) == 2 * len([c for c in CASES if not c.honours])


def no_shift(x):
    return x.sum(-1) + 100


MISTAKE = Mistake("no_shift", "f", no_shift, "You add 100.")
LOOP = Mistake("a_loop", "f", no_shift, "A loop.", fault="gate:loop")


def test_the_diagnosis_is_there(grade):
    verdict = grade(HEAD + "def f(x):\n    return x.sum(-1) + 100\n", mistakes=[LOOP, MISTAKE])
    assert (verdict.diagnosis.mistake, verdict.diagnosis.text) == ("no_shift", "You add 100.")
    assert grade(function("for i in x.shape:\n    pass"), mistakes=[MISTAKE, LOOP]).diagnosis.mistake == "a_loop"


def test_mistakes_of_other_exercises_are_not_asked(grade):
    other = Mistake("no_shift", "g", no_shift, "Not this one.")
    verdict = grade(HEAD + "def f(x):\n    return x.sum(-1) + 100\n", mistakes=[other])
    assert verdict.diagnosis is None or verdict.diagnosis.mistake != "no_shift"


def test_honours_cost_nothing(grade):
    verdict = grade(function("if x.shape[-1] == 8:\n    return x"))
    assert verdict.status == "passed"
    assert verdict.honours == {"honours": False}
    assert grade(function()).honours == {"honours": True}


def test_an_exception_can_be_asked_for(grade):
    exercise = Exercise(
        "f", log_sums.logsumexp, None, (rows("raises", 2, Raises(("ValueError",))),), ("", "", ""), "", 1, 1
    )
    assert statuses(grade(function("raise ValueError"), exercise))["raises"] == "passed"
    assert statuses(grade(function("raise TypeError"), exercise))["raises"] == "failed"
    assert statuses(grade(function(), exercise))["raises"] == "failed"


def timed(grade, monkeypatch, timing: Timing):
    monkeypatch.setattr(grading, "race", lambda *arguments: timing)
    monkeypatch.setattr(Grading, "_verify", lambda *arguments: None)
    verdict = grade(function(), clock=True)
    return verdict, next(case for case in verdict.cases if case.family == "time")


def test_an_inconclusive_clock_gives_the_points_and_says_so(grade, monkeypatch):
    verdict, case = timed(grade, monkeypatch, Timing("inconclusive", 60.0, 40))
    assert (case.status, case.points, verdict.status) == ("inconclusive", 1, "passed")
    assert "too busy" in case.message


def test_a_slow_answer_loses_the_points_and_shows_the_bound(grade, monkeypatch):
    verdict, case = timed(grade, monkeypatch, Timing("failed", 60.0, 40))
    assert (case.status, case.points, verdict.score) == ("failed", 0, PUBLIC_POINTS - 1)
    assert "allowed   50 times the time of torch.logsumexp" in case.message
    assert "60" in case.message


def test_measured_times_are_kept_apart_from_the_message(grade, monkeypatch):
    _, case = timed(grade, monkeypatch, Timing("passed", 1.25, 5))
    assert (case.status, case.message) == ("passed", "")
    assert case.measured == "1.25 times torch.logsumexp, 5 pairs"


@pytest.mark.parametrize(("outcome", "status"), [("timeout", "timeout"), ("crashed", "failed"), ("raised", "failed")])
def test_no_timed_answer_loses_the_points(grade, monkeypatch, outcome, status):
    error = {"type": "ValueError", "message": "no"} if outcome == "raised" else None
    _, case = timed(grade, monkeypatch, Timing("failed", 0.0, 0, Answer(outcome, detail="why", error=error)))
    assert (case.status, case.points) == (status, 0)


def test_a_timed_answer_must_be_right(grade):
    verdict = grade(function("if x.shape[0] == 64:\n    return x[:, 0]"), clock=True)
    case = next(case for case in verdict.cases if case.family == "time")
    assert case.status == "failed"
    assert "the timed answer" in case.message


def test_the_real_exercise_with_a_real_mistake(grade, solutions):
    stem, exercise = registry.find("logsumexp")
    source = "def logsumexp(x, dim=-1, keepdim=False):\n    return x.exp().sum(dim, keepdim=keepdim).log()\n"
    verdict = grade(source, exercise, registry.mistakes(stem))
    assert verdict.status == "failed"
    assert verdict.diagnosis.mistake == "no_shift"
    assert 0 < verdict.score < verdict.max_score
    model = grade(solutions[stem], exercise, registry.mistakes(stem))
    assert (model.status, model.score) == ("passed", model.max_score)
    assert model.max_score == verdict.max_score


# random answers


def _halves(call, result):
    value = result.get("value")
    wrong = not isinstance(value, torch.Tensor) or bool(((value != 0) & (value != 1)).any())
    return Complaint("law-halves", "only 0 and 1 are allowed") if wrong else None


def test_random_answers_are_timed_and_counted_by_what_holds_of_all(wall):
    random = replace(EXERCISE, reference=None, precise=None, sound=_halves, cases=(), memory=None, name="f")
    right = HEAD + "def f(x, dim=-1):\n    return (torch.rand(x.shape) > 0.5).to(x.dtype)\n"
    wrong = HEAD + "def f(x, dim=-1):\n    return torch.rand(x.shape)\n"
    for source, status in ((right, "passed"), (wrong, "failed")):
        verdict = Grading(wall, random, "m", {"m": source}, level="all").run()
        timed = next(c for c in verdict.cases if c.family == "time")
        assert timed.status == status
    assert "only 0 and 1" in timed.message


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import os\nif x.shape[-1] == 3: os._exit(3)",
        "while x.shape[-1] == 2: pass",
        "if x.shape[-1] == 4: raise ValueError('no')",
        "x = x * (x.shape[-1] != 5)",
    ],
)
def test_the_questions_of_a_class_come_out_as_those_of_one_learner(grade, before):
    """Expect that what is put ahead of its answer is judged as what is put alone."""
    alone = grade(function(before), level="all")
    paper = Paper(EXERCISE, 0, kept=True)
    paper.prepare()
    for _ in range(2):
        together = grade(function(before), level="all", paper=paper)
        assert together == alone


def test_an_import_that_does_not_end_is_waited_for_once(wall, monkeypatch):
    monkeypatch.setattr(interview, "LOAD_S", 0.5)
    papers = Papers(Examination(1, ("ulp", "ulp_error", "exp_range"), clock=False))
    texts = {"floats": (registry.ROOT / "solutions" / "floats.py").read_text() + "\nwhile True:\n    pass\n"}
    begin = time.monotonic()
    judged = Grader(papers, wall).grade(texts)["exercises"]
    assert time.monotonic() - begin < 5 * 0.5 + 3
    assert {e["problem"] for e in judged} == {"floats.py cannot be imported: no answer within 0.5 s"}
    assert {e["status"] for e in judged} == {"error"}


def test_of_a_wrong_answer_that_is_far_too_large_no_more_than_the_verdict_is_kept(wall):
    grading = Grading(wall, EXERCISE, "log_sums", {"log_sums": function("return torch.zeros(1 << 22)")}, clock=False)
    assert grading.run().status == "failed"
    assert grading._experiences
    assert all(weight(e.answer.result) < 1 << 21 for e in grading._experiences)
