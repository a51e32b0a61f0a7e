"""The cases that come without numbers: rules, device and memory, with the function run here in place of a worker."""

import pytest
import torch

from autograder.answer import Answer
from autograder.running.drivers import DRIVERS, describe_error
from autograder.running.gate import Finding
from autograder.spec import Call, Exercise, Forbidden, Memory, Rules
from autograder.tracks import BIG, CUDA, SIZES, Tracks, rows

RULES, DEVICE = ("no loops, nothing forbidden", "rules"), ("stays on its input's device", "device")
BUDGET = Memory(2.1, 3.1)
FORWARD, BACKWARD = ("forward", "memory"), ("with backward", "memory")


def exercise(memory: Memory | None = BUDGET, allows=(), skips_meta=None, trace=True) -> Exercise:
    rules = Rules(Forbidden(ops=frozenset({"aten::logsumexp"})), {name: "why" for name in allows}, skips_meta)
    call = (lambda batch, classes: Call((torch.ones(batch, classes),))) if trace else None
    return Exercise("f", torch.exp, None, (), ("", "", ""), "", 1, 1, rules, call, memory=memory)


def worker(function):
    """Return what asks `function` as a worker would be asked."""

    def ask(questions):
        for driver, message, _ in questions:
            assert driver == "traced"
            try:
                yield Answer("returned", DRIVERS[driver](function, **message))
            except Exception as error:
                yield Answer("raised", error=describe_error(error))

    return ask


def always(answer):
    """Return what gives each question this answer."""
    return lambda questions: (answer for _ in questions)


def judged(function, of: Exercise | None = None, findings=(), ask=None) -> tuple[dict, Tracks]:
    tracks = Tracks(of or exercise(), ask or worker(function))
    found = {row[:2]: (row[2], extra) for row, extra in tracks.judge(findings)}
    return found, tracks


def statuses(*arguments, **keywords) -> dict:
    return {row: status for row, (status, _) in judged(*arguments, **keywords)[0].items()}


def textbook(x):
    top = x.amax(-1, keepdim=True)
    return ((x - top).exp().sum(-1, keepdim=True).log() + top).squeeze(-1)


def loop(x):
    return torch.stack([textbook(row) for row in x])


ALL_PASSED = {RULES: "passed", DEVICE: "passed", FORWARD: "passed", BACKWARD: "passed"}


def test_the_rows_of_an_exercise():
    assert [row for row, _ in rows(exercise())] == [RULES, DEVICE, CUDA, FORWARD, BACKWARD]
    assert [row for row, _ in rows(exercise(memory=Memory(2)))] == [RULES, DEVICE, CUDA, FORWARD]
    assert [row for row, _ in rows(exercise(memory=None))] == [RULES, DEVICE, CUDA]
    assert [row for row, _ in rows(exercise(trace=False))] == [RULES]
    assert [row for row, _ in rows(exercise(skips_meta="NumPy has none"))] == [RULES]


def test_a_batched_function_passes():
    found, tracks = judged(textbook)
    assert {row: status for row, (status, _) in found.items()} == ALL_PASSED
    assert (tracks.refused, tracks.kinds) == ("", [])


def test_a_findings_line_is_in_the_message():
    finding = Finding("loop", "log_sums", 7, "a `for` loop")
    found, tracks = judged(textbook, findings=[finding])
    assert found[RULES] == ("failed", {"message": "log_sums.py line 7: a `for` loop", "kind": ""})
    assert found[DEVICE][0] == "passed"
    assert not tracks.refused


def test_a_refusal_fails_every_row_and_nothing_is_asked():
    def never(*arguments):
        raise AssertionError

    finding = Finding("forbidden-direct", "log_sums", 7, "`torch.logsumexp` does the exercise's work", refuse=True)
    tracks = Tracks(exercise(), None)
    found = tracks.judge([finding])
    assert [row[2] for row, _ in found] == ["failed"] * 4
    assert tracks.refused == "log_sums.py line 7: `torch.logsumexp` does the exercise's work"
    assert all(extra["message"].startswith("not judged: ") for _, extra in found[1:])


@pytest.mark.parametrize("axis", [0, 1])
def test_work_that_grows_with_a_dimension_breaks_the_rules(axis):
    def pieces(x):
        return torch.stack([part.exp().sum() for part in x.unbind(axis)])

    found, tracks = judged(pieces)
    assert found[RULES][0] == "failed"
    assert tracks.kinds == ["growth"]
    assert all(f"for shape {size}" in found[RULES][1]["message"] for size in SIZES)


def test_a_forbidden_op_is_seen_behind_any_name():
    found, tracks = judged(lambda x: torch.special.logsumexp(x, -1))
    assert found[RULES][0] == found[DEVICE][0] == found[FORWARD][0] == "failed"
    assert tracks.kinds == ["forbidden-op"]
    assert tracks.refused == "the call ends in aten::logsumexp, which does the exercise's work"


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.exp() if bool((x > 0).any()) else x,
        lambda x: x * x.sum().item(),
        lambda x: x[x > 0],
        lambda x: torch.tensor(x.tolist()),
    ],
)
def test_a_wait_for_the_numbers_is_a_sync(function):
    found, tracks = judged(function)
    assert found[DEVICE][0] == "failed"
    assert "torch.where" in found[DEVICE][1]["message"]
    assert tracks.kinds == ["sync"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x.gather(-1, torch.zeros(len(x), 1, dtype=torch.int64)), "aten::gather"),
        (lambda x: x + torch.zeros(x.shape), "device"),
        (lambda x: torch.tensor(1.0), "the result is on the CPU"),
    ],
)
def test_a_cpu_tensor_is_a_leak(function, words):
    found, tracks = judged(function)
    assert found[DEVICE][0] == "failed"
    assert words in found[DEVICE][1]["message"]
    assert tracks.kinds == ["leak"]


def test_boolean_masks_are_allowed_where_the_spec_says_so():
    def masked(x):
        return x[x > 0].sum()

    assert statuses(masked)[DEVICE] == "failed"
    assert statuses(masked, exercise(allows=["boolean_masks"], memory=None)) == {RULES: "passed", DEVICE: "passed"}


def test_memory_beyond_the_budget_fails_with_both_figures():
    found, _ = judged(lambda x: (x.exp() + 1) * (x - 1), exercise(Memory(2.9, 20)))
    status, extra = found[FORWARD]
    assert (status, extra["kind"], extra["measured"]) == ("failed", "memory", "3 inputs")
    assert (
        extra["message"]
        == "given     inputs for 256 rows of 4096\ngot       a peak of 3 times the inputs\nallowed   2.9 times"
    )
    assert judged(lambda x: (x.exp() + 1) * (x - 1), exercise(Memory(3, 20)))[0][FORWARD][0] == "passed"


def test_the_backward_pass_has_a_budget_of_its_own():
    found = statuses(textbook, exercise(Memory(2.1, 1.5)))
    assert (found[FORWARD], found[BACKWARD]) == ("passed", "failed")


def test_memory_may_be_weighed_on_a_call_of_its_own():
    """Expect blocks of 8 rows to be small beside a call that is large, and only beside that."""
    meta = torch.device("meta")
    large = Memory(0.1, make=lambda: Call((torch.empty(1000, 50, device=meta),)))
    cases, _ = judged(lambda x: x[:8].exp().sum() + x.amax(-1), exercise(large))
    assert cases[FORWARD][0] == "passed"
    cases, _ = judged(lambda x: x.exp().sum(-1), exercise(large))
    assert "given     float32 (1000, 50)\ngot       a peak of 1.02 times" in cases[FORWARD][1]["message"]


def test_tensors_in_tuples_go_to_the_meta_device_too():
    of = Exercise("f", torch.exp, None, (), ("", "", ""), "", 1, 1, trace=lambda b, c: Call(((torch.ones(b), 2),)))
    assert judged(lambda pair: pair[0].exp() * pair[1], of)[0][DEVICE][0] == "passed"


def test_honours_have_a_row_that_brings_no_points():
    tracks = Tracks(exercise(Memory(3, honours_forward=2.5)), worker(textbook))
    ((name, family, status, points), extra) = tracks.judge([])[-1]
    assert (name, family, status, points, extra["honours"]) == (
        "memory forward within 2.5 inputs",
        "memory",
        "passed",
        0,
        True,
    )
    found = statuses(textbook, exercise(Memory(3, honours_forward=1.5)))
    assert found[FORWARD] == "passed"
    assert found[("memory forward within 1.5 inputs", "memory")] == "failed"


@pytest.mark.parametrize("outcome", ["timeout", "crashed", "garbled"])
def test_no_answer_fails_what_it_was_to_show(outcome):
    found = statuses(None, ask=always(Answer(outcome, detail="why")))
    assert found == {RULES: "passed", DEVICE: "failed", FORWARD: "failed", BACKWARD: "failed"}


def test_an_exception_is_told():
    def refuse(x):
        raise ValueError("no")

    found, _ = judged(refuse)
    assert "ValueError: no" in found[DEVICE][1]["message"]
    assert "ValueError: no" in found[FORWARD][1]["message"]


HONEST = {"ops": {"aten::exp": 1}, "leaks": [], "peak": 8, "outputs": [["float32", [], "meta"]], "input_bytes": 8}


def test_the_form_of_an_honest_trace_is_known():
    assert statuses(None, ask=always(Answer("returned", HONEST))) == ALL_PASSED


@pytest.mark.parametrize(
    "forged",
    [
        None,
        {},
        [],
        HONEST | {"ops": {"aten::exp": "many"}},
        HONEST | {"ops": {"aten::exp": -5}},
        HONEST | {"ops": {7: 1}},
        HONEST | {"ops": []},
        HONEST | {"leaks": [7]},
        HONEST | {"peak": "none"},
        HONEST | {"peak": 1.5},
        HONEST | {"input_bytes": 0},
        HONEST | {"outputs": [7]},
        HONEST | {"outputs": [[1]]},
    ],
)
def test_a_forged_trace_is_no_trace(forged):
    found = statuses(None, ask=always(Answer("returned", forged)))
    assert (found[DEVICE], found[FORWARD]) == ("failed", "failed")


@pytest.mark.parametrize("error", [{}, {"type": 7}, {"message": "\x1b[31m"}])
def test_a_forged_exception_fails_and_is_printable(error):
    found, _ = judged(None, ask=always(Answer("raised", error=error)))
    assert found[DEVICE][0] == "failed"
    assert "\x1b" not in found[DEVICE][1]["message"]


def test_after_a_run_that_does_not_end_the_next_of_its_kind_is_not_asked():
    asked = []

    def ask(questions):
        for _, message, _ in questions:
            asked.append((tuple(message["args"][0].shape), message["wrt"]))
            yield Answer("timeout", detail="why")

    found, _ = judged(None, ask=ask)
    assert asked == [(SIZES[0], ()), (BIG, ())]
    assert found[BACKWARD][1]["message"] == "not run: the run before it did not end"
