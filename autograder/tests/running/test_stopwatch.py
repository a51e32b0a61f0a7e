"""The driver of `measure`: what it hands out, and what it records."""

import time

import pytest
import torch

from autograder.running import wire
from autograder.running.drivers import DRIVERS
from autograder.running.stopwatch import MOST_CALLS, THREADS_BEFORE, Script, told

QUICK = {"a": (0.1,), "b": (0.1,)}


def drive(function, sleeps=QUICK, **options):
    return DRIVERS["stopwatch"](function, (sleeps,), options)


def once(functions, make_input, **options):
    for function in functions.values():
        function(make_input())
    return {name: (1.0, 1.0) for name in functions}


def test_each_call_leaves_a_row_with_name_input_threads_and_seconds():
    result = drive(once, {"a": (3.0,), "b": (1.0,)})
    assert [row[:3] for row in result["calls"]] == [["a", 1, THREADS_BEFORE], ["b", 2, THREADS_BEFORE]]
    assert result["calls"][0][3] >= 0.003
    assert result["calls"][1][3] >= 0.001


def test_a_record_goes_over_the_wire():
    blobs: list[bytes] = []
    assert wire.encode(drive(once), blobs)
    assert not blobs


def test_the_first_sleep_is_the_first_call_s_and_the_last_one_stays():
    def four(functions, make_input):
        for _ in range(4):
            functions["a"](make_input())

    slow, quick, *others = [row[3] for row in drive(four, {"a": (20.0, 1.0)})["calls"]]
    assert slow >= 0.02
    assert all(seconds >= 0.001 for seconds in (quick, *others))
    assert min(quick, *others) < 0.02


def test_a_clock_around_a_call_never_sees_less_than_the_call_noted():
    seen = []

    def measure(functions, make_input):
        for _ in range(20):
            x = make_input()
            start = time.perf_counter()
            functions["a"](x)
            seen.append(time.perf_counter() - start)

    noted = [row[3] for row in drive(measure)["calls"]]
    assert all(outside >= inside for outside, inside in zip(seen, noted, strict=True))


def test_an_input_that_is_used_again_has_no_number_and_a_copy_has_the_same():
    def again(functions, make_input):
        x = make_input()
        copy = x.clone()
        for one in (x, x, copy):
            functions["a"](one)

    assert [row[1] for row in drive(again)["calls"]] == [1, -1, 1]


def test_the_most_inputs_alive_at_a_time_are_counted():
    def hoard(functions, make_input):
        inputs = [make_input() for _ in range(5)]
        del inputs
        make_input()

    assert drive(hoard)["alive"] == 5
    assert drive(once)["alive"] == 1


def test_threads_are_seen_and_put_back_for_those_who_come_next():
    before = torch.get_num_threads()

    def careless(functions, make_input, threads):
        torch.set_num_threads(threads)
        once(functions, make_input)

    result = drive(careless, threads=2)
    assert {row[2] for row in result["calls"]} == {2}
    assert (result["before"], result["after"]) == (THREADS_BEFORE, 2)
    assert torch.get_num_threads() == before


def test_a_planned_exception_is_told_from_others():
    result = drive(once, fail_at=("b", 0))
    assert (result["raised"], len(result["calls"])) == ("Planned", 2)
    with pytest.raises(ZeroDivisionError):
        drive(lambda functions, make_input: 1 / 0)
    with pytest.raises(RuntimeError, match="of my own"):
        drive(another, fail_at=("b", 0))


def another(functions, make_input):
    try:
        once(functions, make_input)
    except RuntimeError:
        raise RuntimeError("of my own") from None


def test_a_refusal_is_named_where_it_is_expected():
    def refuse(functions, make_input, repeats):
        raise ValueError(repeats)

    assert drive(refuse, repeats=0, refuses=True)["raised"] == "ValueError"
    with pytest.raises(ValueError):
        drive(refuse, repeats=0)


def test_an_endless_measurement_ends():
    def endless(functions, make_input):
        while True:
            functions["a"](make_input())

    with pytest.raises(RuntimeError, match=str(MOST_CALLS)):
        drive(endless, {"a": (0.0,)})


def test_a_dict_that_was_changed_is_seen():
    assert drive(once)["names"] == ["a", "b"]
    assert drive(lambda functions, make_input: functions.pop("a"))["names"] == ["b"]


def test_making_takes_the_time_that_is_asked_for():
    script = Script({}, make_ms=5.0)
    start = time.perf_counter()
    assert script.make_input().item() == 1
    assert time.perf_counter() - start >= 0.005


class Evil(dict):
    pass


@pytest.mark.parametrize(
    ("answer", "data"),
    [
        ({"a": (1.0, 2.0)}, [["a", 1.0, 2.0]]),
        ({"a": [1.0, 2.0]}, [["a", 1.0, 2.0]]),
        (Evil(a=(1.0, 2.0)), [["a", 1.0, 2.0]]),
        ({"a": (1, torch.tensor(2.0))}, [["a", "a int", "a Tensor"]]),
        ({"a": 1.0}, [["a", "a float"]]),
        ({"a": (1.0, 2.0, 3.0, 4.0)}, [["a", 1.0, 2.0, 3.0]]),
        ({3: (1.0, 2.0)}, [["a int", 1.0, 2.0]]),
        ({}, []),
        ([("a", 1.0)], "a list"),
        (None, "a NoneType"),
    ],
)
def test_an_answer_is_told_as_data(answer, data):
    assert told(answer) == data


def test_a_long_answer_is_cut():
    assert len(told({str(n): (1.0, 1.0) for n in range(1000)})) < 100
    assert len(told({"n" * 1000: (1.0, 1.0)})[0][0]) < 100
