"""What the bench says of contests: ratios, errors, bars kept and missed."""

import json

import pytest
import torch

from autograder.benching import contests, speed
from autograder.benching.contests import Bar, Contest, everything, trained
from autograder.benching.speed import Line, errors, inaccurate, missed, table


def line(form, time_s=1.0, peak=100, passing=50, threads=1, error=None):
    return Line("c", form, threads, time_s, time_s, 1.1, False, 0, peak, passing, error, 1.0)


LINES = [line("torch"), line("ours", 0.5, 40, 10), line("copy", 0.4), line("ours", 9.0, threads=2)]


@pytest.mark.parametrize(
    ("bar", "words"),
    [
        (Bar("ours", time=0.5, peak=0.4, passing=0.1, unit=100), []),
        (Bar("ours", time=0.49), ["ours: 0.50 times torch; bar 0.49"]),
        (Bar("ours", time=1.2, versus="copy"), ["ours: 1.25 times copy; bar 1.2"]),
        (Bar("ours", peak=0.39), ["ours: 0.40 of torch's peak; bar 0.39"]),
        (Bar("ours", passing=0.09, unit=100), ["ours: passing peak 0.100; bar 0.09"]),
        (Bar("compiled", time=0.1), []),
    ],
)
def test_bars(bar, words):
    assert missed(bar, LINES) == words


def rows_of(forms, exact=None, gradients=False):
    x = torch.tensor([[0.0, 1.0], [2.0, 3.0]], requires_grad=gradients)
    return Contest("c", lambda device: (x,), forms, exact=exact, gradients=gradients), (x,)


def test_errors_of_values_are_counted_in_rounding_steps():
    exact = lambda x: x.sum(-1)  # noqa: E731
    off, inputs = rows_of({"right": exact, "off": lambda x: x.sum(-1) * (1 + 2**-20), "rows": lambda x: x}, exact)
    assert errors(off, inputs) == {"right": 0.0, "off": 8.0, "rows": None}


def test_what_is_not_the_answer_has_no_error():
    sums = lambda x: x.sum(-1)  # noqa: E731
    contest = Contest("c", lambda device: (), {"one": sums, "many": lambda x: x}, exact=sums)
    assert errors(contest, (torch.ones(100),)) == {"one": 0.0, "many": None}


def test_errors_of_gradients_are_relative_to_the_first_form():
    forms = {"first": trained(torch.exp), "off": trained(lambda x: x.exp() * 1.5)}
    contest, inputs = rows_of(forms, gradients=True)
    assert errors(contest, inputs) == {"first": 0.0, "off": pytest.approx(0.5)}


def test_only_our_own_errors_are_bounded():
    contest, _ = rows_of({})
    lines = [line("torch", error=1e7), line("ours: a", error=1.4), line("ours: b", error=1.6), line("ours: c")]
    assert inaccurate(contest, lines) == ["ours: b: error 1.6; bar 1.5"]


def test_the_table_has_a_row_for_each_form_and_a_column_for_each_number_of_threads():
    text = table([line("torch", 2e-3), line("torch", 1e-3, threads=2), line("ours", 5e-6), line("ours", threads=2)])
    assert text.splitlines()[0] == "| form | time, 1 thread | time, 2 threads | peak MiB | error |"
    assert text.splitlines()[2].startswith("| torch | 0.00 (2 ms) | 0.00 (1 ms) |")
    assert text.splitlines()[3].startswith("| ours | 0.00 (5 µs) | 1.00 (1e+03 ms) |")


def test_all_of_it_on_a_small_contest(monkeypatch, tmp_path, capsys):
    """Expect figures printed and written, and a bar that cannot be kept to be reported."""
    small = Contest(
        "small",
        contests._normal(8, 8),
        {"torch": torch.exp, "ours: slow": lambda x: x.sin().exp()},
        (Bar("ours: slow", time=0.0),),
    )
    monkeypatch.setattr(speed, "load", lambda package, cuda: None)
    monkeypatch.setattr(speed, "everything", lambda package, compiled, cuda: [small, small])
    assert not speed.main("solutions", tmp_path, seconds=0.0)
    out = capsys.readouterr().out
    assert out.count("MISSED  ours: slow") == 2
    written = json.loads((tmp_path / "speed.json").read_text())
    assert written["machine"]["torch"] == torch.__version__
    assert {one["form"] for one in written["lines"]} == {"torch", "ours: slow"}
    assert (tmp_path / "speed.md").read_text().count("### small") == 2


def test_the_model_answers_compete_at_every_size():
    names = [c.name for c in everything(contests.load("solutions", False), False, False)]
    sizes = ("(1000000,)", "(64, 1000)", "(4096, 32000)", "(2048, 151936)")
    assert all(any(size in name for name in names) for size in sizes)
    forms = {form for c in everything(contests.load("solutions", False), False, False) for form in c.forms}
    assert {"ours: fast_logsumexp", "ours: blocked_token_log_probs", "ours: linear_cross_entropy"} <= forms
