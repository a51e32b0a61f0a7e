"""The judges of `measure`: every slip is told from the others, and what load does to a right answer is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import registry
from autograder.spec import Draw
from autograder.specs import speed

CASES = {case.name: case for case in speed.measure.cases}
LEAST, WARM = "the least time of all rounds", "a fast first call"


def record(case, late_ms=0.0, **changes):
    """Return a case's call and what the driver would see of a right answer; each call takes `late_ms` longer."""
    call = CASES[case].make(Draw(0))
    (sleeps,), repeats = call.args, call.kwargs.get("repeats", speed.ROUNDS)
    calls = []
    for number in range(repeats + 1):
        for name, planned in sleeps.items():
            took = planned[min(number, len(planned) - 1)] + late_ms
            calls.append([name, len(calls) + 1, call.kwargs.get("threads", 1), took / 1000])
    least = {name: min((row[3] for row in calls[len(sleeps) :] if row[0] == name), default=1.0) for name in sleeps}
    first = next(iter(least.values()), 1.0)
    result = {
        "calls": calls,
        "answer": [[name, seconds, seconds / first] for name, seconds in least.items()],
        "raised": None,
        "before": 3,
        "after": 3,
        "names": list(sleeps),
        "alive": 1,
    }
    if "fail_at" in call.kwargs:
        result["raised"] = "Planned"
    if call.kwargs.get("refuses"):
        result["raised"] = "ValueError"
    return call, result | changes


def kind(case, call, result):
    complaint = CASES[case].ask.judge(call, result)
    return complaint and complaint.kind.removeprefix("measure-")


@pytest.mark.parametrize("case", CASES)
def test_a_right_answer_has_no_complaint(case):
    assert kind(case, *record(case)) is None


@pytest.mark.parametrize("case", CASES)
def test_calls_that_are_late_and_a_clock_that_sees_a_little_more_are_no_slip(case):
    call, result = record(case, late_ms=7.0)
    for item in result["answer"]:
        item[1] += 0.003
    first = result["answer"][0][1] if result["answer"] else 1.0
    result["answer"] = [[name, seconds, seconds / first] for name, seconds, _ in result["answer"]]
    assert kind(case, call, result) is None


@given(st.lists(st.floats(0, 50), min_size=14, max_size=14))
def test_however_late_each_call_is_the_least_is_right(late):
    call, result = record(LEAST)
    for row, more in zip(result["calls"], late, strict=True):
        row[3] += more / 1000
    least = {name: min(row[3] for row in result["calls"][2:] if row[0] == name) for name in ("a", "b")}
    result["answer"] = [[name, seconds, seconds / least["a"]] for name, seconds in least.items()]
    assert kind(LEAST, call, result) is None


def answered(case, milliseconds):
    """Return what is said where the first function's answer is this many milliseconds."""
    call, result = record(case)
    result["answer"][0][1] = milliseconds / 1000
    return kind(case, call, result)


@pytest.mark.parametrize(
    ("milliseconds", "slip"),
    [
        (76.5 / 6, "mean"),
        (14.0, "median"),
        (16.0, "first"),
        (20.0, "last"),
        (24.0, "longest"),
        (76.5, "total"),
        (8.0, "cold"),
        (2000.0, "unit"),
        (0.05, "processor"),
        (40.0, "seconds"),
    ],
)
def test_what_was_taken_for_the_least_time_is_named(milliseconds, slip):
    assert answered(LEAST, milliseconds) == slip


def test_the_answers_that_are_named_are_far_from_right_and_from_each_other():
    (timed,) = {planned[1:] for name, planned in speed.NOISY.items() if name == "a"}
    slips = [sum(timed) / 6, 14.0, timed[0], timed[-1], max(timed), sum(timed), speed.NOISY["a"][0]]
    assert min(slips) - min(timed) > speed.SLACK_MS
    assert min(abs(a - b) for a in slips for b in slips if a is not b) > 1


def test_the_call_that_warms_up_does_not_count_where_it_is_slow_and_where_it_is_fast():
    assert answered("a slow first call", 40.0) == "cold"
    assert answered(WARM, 1.0) == "warm"


def test_no_second_call_means_that_nothing_was_warmed_up():
    call, result = record("a slow first call")
    result["calls"] = result["calls"][:1]
    assert kind("a slow first call", call, result) == "cold"


def test_no_second_call_of_one_function_means_that_the_other_alone_was_warmed_up():
    call, result = record(WARM)
    result["calls"] = [row for row in result["calls"] if row[1] != 2]
    assert kind(WARM, call, result) == "half-warm"


def test_making_inputs_is_seen():
    assert answered("inputs that take long to make", 32.0) == "making"
    assert answered("inputs that take long to make", 50.0) == "making"
    assert answered("inputs that take long to make", 2000.0) == "unit"


@pytest.mark.parametrize(
    ("change", "slip"),
    [
        (lambda s, first, least: first / s, "upside-down"),
        (lambda s, first, least: s / least, "to-fastest"),
        (lambda s, first, least: 1.01 * s / first, "ratio"),
    ],
)
def test_a_wrong_ratio_is_named(change, slip):
    case = "ratios to the first function"
    call, result = record(case)
    seconds = [s for _, s, _ in result["answer"]]
    result["answer"] = [[n, s, change(s, seconds[0], min(seconds))] for n, s, _ in result["answer"]]
    assert kind(case, call, result) == slip


@pytest.mark.parametrize(
    ("answer", "slip"),
    [
        ("a list", "dict"),
        ([["b", 1.0, 1.0], ["a", 1.0, 1.0]], "order"),
        ([["a", 1.0, 1.0]], "names"),
        ([["a", "a float"], ["b", "a float"]], "pairs"),
        ([["a", 1.0, "a int"], ["b", 1.0, 1.0]], "floats"),
        ([["a", 1.0, 1.0], ["b", 1.0, 1.0, 1.0]], "pairs"),
        ([], "names"),
    ],
)
@pytest.mark.parametrize("case", ["pairs of Python floats", LEAST])
def test_an_answer_of_another_form_is_named(case, answer, slip):
    call, result = record(case)
    assert kind(case, call, result | {"answer": answer}) == slip


@pytest.mark.parametrize(
    ("kept", "slip"),
    [
        (lambda name, number: number > 0, "cold"),
        (lambda name, number: number > 0 or name == "a", "half-warm"),
        (lambda name, number: number > 1, "rounds"),
        (lambda name, number: True, None),
    ],
)
def test_the_number_of_calls_tells_what_is_missing(kept, slip):
    case = "one call to warm up, then as many rounds as asked"
    call, result = record(case)
    counts = {"a": -1, "b": -1}
    calls = []
    for row in result["calls"]:
        counts[row[0]] += 1
        calls += [row] if kept(row[0], counts[row[0]]) else []
    assert kind(case, call, result | {"calls": calls}) == slip


def test_up_to_three_calls_to_warm_up_are_fine_and_more_are_rounds():
    case = "one call to warm up, then as many rounds as asked"
    call, result = record(case)
    assert kind(case, call, result | {"calls": [*result["calls"][:2] * 2, *result["calls"]]}) is None
    assert kind(case, call, result | {"calls": [*result["calls"][:2] * 3, *result["calls"]]}) == "rounds"


def test_blocks_are_told_from_rounds_in_any_order():
    case = "every round calls every function once"
    call, result = record(case)
    blocks = sorted(result["calls"], key=lambda row: row[0])
    assert kind(case, call, result | {"calls": blocks}) == "blocks"
    turned = [row for start in range(0, 15, 3) for row in reversed(result["calls"][start : start + 3])]
    assert kind(case, call, result | {"calls": turned}) is None


@pytest.mark.parametrize(
    ("serials", "slip"), [([1, -1], "one-input"), ([1, 1], "one-input"), ([1, -1, 2], "shared-input")]
)
def test_an_input_that_is_used_twice_is_seen(serials, slip):
    case = "an input of its own for every call"
    call, result = record(case)
    for number, row in enumerate(result["calls"]):
        row[1] = serials[number % len(serials)]
    assert kind(case, call, result) == slip


def test_threads_during_and_after_the_calls():
    during, after = "2 threads in every call", "as many threads afterwards as before"
    call, result = record(during)
    result["calls"][-1][2] = 3
    assert kind(during, call, result) == "threads"
    assert kind(after, *record(after, after=2)) == "kept"
    assert kind(after, *record(after, after=1)) == "guessed"


def test_an_exception_has_to_pass_and_the_threads_to_be_put_back():
    case = "a function raises"
    assert kind(case, *record(case, raised=None)) == "swallowed"
    assert kind(case, *record(case, after=2)) == "left"


@pytest.mark.parametrize(
    ("case", "slip"), [("no rounds", "repeats"), ("no threads", "no-threads"), ("no functions", "nothing")]
)
@pytest.mark.parametrize("raised", [None, "RuntimeError"])
def test_only_a_value_error_is_a_refusal(case, slip, raised):
    assert kind(case, *record(case, raised=raised)) == slip


def test_the_dict_and_the_inputs_held_at_a_time():
    assert kind("leaves the dict as it was", *record("leaves the dict as it was", names=["b"])) == "changed"
    hoard = "no more than two inputs at a time"
    assert kind(hoard, *record(hoard, alive=2)) is None
    assert kind(hoard, *record(hoard, alive=3)) == "hoard"


def test_a_complaint_says_what_was_given_got_and_expected():
    call, result = record("2 threads in every call")
    for row in result["calls"]:
        row[2] = 1
    complaint = CASES["2 threads in every call"].ask.judge(call, result)
    assert complaint.message.splitlines() == [
        "given     a sleeps 0.5 ms; b sleeps 0.5 ms, repeats=2, threads=2",
        "got       1 during the calls",
        "expected  2",
    ]


def test_a_mistake_names_each_kind_of_complaint():
    faults = [m.fault for m in registry.mistakes("speed") if m.exercise == "measure"]
    assert len(faults) == len(set(faults))
    assert all(fault and fault.startswith("case:measure-") for fault in faults)


def test_the_rows_of_many_blocks_are_no_whole_number_of_blocks():
    count, width = speed.MANY
    for mebibytes in (1, 2, 4, 8):
        block = (mebibytes << 20) // (4 * width)
        assert count > block
        assert count % block


def test_memory_is_weighed_on_the_vocabulary_of_a_language_model():
    assert speed.fast_logsumexp.memory.make().args[0].is_meta
