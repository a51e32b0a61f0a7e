"""`card`: exact counts of the model answer and of the others, times where there are any, and never an exception."""

import functools
import re

import pytest

from autograder import card, desk, performance_card, registry
from autograder.answer import Answer
from autograder.performance_card import work
from autograder.running import turns
from autograder.running.launch import WallError
from autograder.running.turns import Timed

SOLUTIONS = registry.ROOT / "solutions"
INPUT = 256 * 4096 * 4
TRACE = {"ops": {"aten::exp": 2}, "moved": 8, "peak": 4, "input_bytes": 4}


@pytest.fixture(autouse=True)
def raced(monkeypatch):
    """Take no times; return the keywords of what would have raced, the learner's function first."""
    seen = []

    def take_turns(workers, args, kwargs, first):
        assert all(worker.alive for worker in workers)
        seen.append(list(kwargs))
        return [Timed(3.0), *(Timed(2.0) for _ in workers[1:])]

    monkeypatch.setattr(performance_card, "take_turns", take_turns)
    return seen


@pytest.fixture
def package(tmp_path):
    def write(source, stem="log_sums"):
        (tmp_path / f"{stem}.py").write_text("import torch\n\n\n" + source)
        return tmp_path

    return write


def lines(report):
    """Return the cells of each row of the text by the row's name."""
    return {line.split()[0]: line.split()[1:] for line in repr(report).splitlines()[2:]}


def test_the_naive_answer_costs_what_the_naive_form_costs(package, raced):
    report = card("logsumexp", package("def logsumexp(x, dim=-1, keepdim=False):\n    return x.exp().sum(dim).log()\n"))
    found = lines(report)
    # exp reads and writes all, sum reads all; what belongs to rows alone is 3 times 256 numbers.
    moved = 3 * INPUT + 3 * 256 * 4
    assert found["yours"] == ["3", f"{moved:,}", "(3.00", "inputs)", "1.00", "inputs", "-"]
    assert found["naive"] == [*found["yours"][:-1], "measured"]
    assert found["torch.logsumexp"][0] == "1"
    assert raced == [[{}, {}, {"dim": -1}]]


def test_the_html_has_the_ratios(package):
    report = card("logsumexp", package("def logsumexp(x, dim=-1, keepdim=False):\n    return x.exp().sum(dim).log()\n"))
    assert report._repr_html_().count("1.5 ×") == 2
    assert "1.5" not in repr(report)


def test_two_runs_give_the_same_text():
    assert repr(card("log_softmax", SOLUTIONS)) == repr(card("log_softmax", SOLUTIONS))


def test_a_stub_leaves_the_other_rows(package, raced):
    report = card("logsumexp", package("def logsumexp(x, dim=-1, keepdim=False):\n    raise NotImplementedError\n"))
    assert lines(report)["yours"] == ["-"] * 4
    assert lines(report)["naive"][0] == "3"
    assert "yours: logsumexp is not written yet" in repr(report)
    assert raced == []


def test_an_answer_that_is_no_tensor_is_neither_counted_nor_timed(package, raced):
    shown = repr(card("log1mexp", package("def log1mexp(x):\n    return 'abc'\n")))
    assert shown.endswith("\n  yours: it returns no tensor")
    assert raced == []


def test_an_answer_that_cannot_be_counted_says_why(package):
    source = "def logsumexp(x, dim=-1, keepdim=False):\n    return x if x.sum() > 0 else -x\n"
    assert re.search(r"yours: not counted: log_sums.py line 5: \w+Error: ", repr(card("logsumexp", package(source))))


@pytest.mark.parametrize(("late", "name", "measured"), [(0, "yours", 0), (1, "naive", 1)])
def test_what_gives_no_answer_is_not_timed(monkeypatch, late, name, measured):
    times = [Timed(1.0), Timed(1.0), Timed(1.0)]
    times[late] = Timed(None, Answer("timeout", detail="no answer within 2 s"))
    monkeypatch.setattr(performance_card, "take_turns", lambda *_: times)
    report = repr(card("logsumexp", SOLUTIONS))
    assert f"{name}: not timed: no answer within 2 s" in report
    assert report.count("measured") == measured


def test_true_workers_take_their_turns(monkeypatch):
    monkeypatch.setattr(performance_card, "take_turns", functools.partial(turns.take_turns, most_s=0.0))
    assert repr(card("logaddexp", SOLUTIONS)).count("measured") == 2


def test_a_mask_is_counted_with_numbers(package):
    source = """def nll_loss(log_probs, target, weight=None, ignore_index=-100, reduction="mean"):
    kept = target != ignore_index
    return -log_probs[kept].gather(-1, target[kept].unsqueeze(-1)).mean()
"""
    assert lines(card("nll_loss", package(source, "cross_entropies")))["yours"][0].isdigit()


def test_an_exercise_without_a_clock_has_counts_alone(raced):
    assert lines(card("js_from_logits", SOLUTIONS))["yours"][0].isdigit()
    assert raced == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("logsumxp", "did you mean 'logsumexp'"),
        (None, "no exercise is called None"),
        ("logsumexp_numpy", "there is no performance card of logsumexp_numpy: NumPy arrays have no meta device"),
    ],
)
def test_what_has_no_card_gets_words(name, words):
    assert words in repr(card(name))


@pytest.mark.parametrize("error", [WallError("no worker"), RuntimeError("no worker")])
def test_nothing_is_raised(monkeypatch, error):
    def broken():
        raise error

    monkeypatch.setattr(desk, "wall", broken)
    assert "no worker" in repr(card("logsumexp", SOLUTIONS))


def test_a_trace_is_read():
    assert work(TRACE) == performance_card.Work(2, 8, 4, 4)


@pytest.mark.parametrize(
    "forged",
    [
        None,
        {},
        TRACE | {"ops": ["aten::exp"]},
        TRACE | {"ops": {"aten::exp": "2"}},
        TRACE | {"ops": {"aten::exp": True}},
        TRACE | {"moved": -1},
        TRACE | {"peak": 1.5},
        TRACE | {"input_bytes": None},
    ],
)
def test_what_is_no_trace_is_not_counted(forged):
    assert work(forged) is None
