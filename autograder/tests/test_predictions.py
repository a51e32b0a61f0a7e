"""Predictions and verdicts on claims, as a notebook asks for them."""

import json
import math
import re

import numpy as np
import pytest
import torch

from autograder import progress, registry
from autograder.notebook_files import TAG
from autograder.predictions import calibration, predict, verdict


def plain(value) -> str:
    """Return a name for a test that is the same in each process."""
    return re.sub(r" at 0x\w+", "", repr(value))[:30]


# predictions


def boom():
    raise OverflowError("math range error")


def still(value):
    return lambda: value


@pytest.mark.parametrize(
    ("guess", "answer"),
    [
        ("inf", still(math.inf)),
        (math.inf, still(math.inf)),
        ("-inf", still(torch.tensor(-math.inf))),
        ("nan", still(torch.tensor([math.nan]))),
        (math.nan, still(math.nan)),
        ("raises", boom),
        (1.0, still(1.01)),
        (1, still(1.0)),
        (0, still(0.0)),
        (1e-30, still(1.01e-30)),
        (3, still(torch.tensor(3))),
        ((2, 3), still(torch.zeros(2, 3).shape)),
        ([2, 3], still((2, 3))),
        ((), still(torch.zeros(()).shape)),
        (True, still(True)),
        (False, still(torch.tensor(False))),
        (("inf", 1.0, "nan"), still(torch.tensor([math.inf, 1.0, math.nan]))),
        (((1, 2), (3, "inf")), still(torch.tensor([[1, 2], [3, math.inf]]))),
        (torch.tensor([1.0, 2.0]), still([1.0, 2.0])),
        (np.array([1.0, 2.0]), still(torch.tensor([1.0, 2.0]))),
        (np.float32(1.5), still(1.5)),
        ((1.0, "inf"), still(np.array([1.0, np.inf]))),
        ("inf", still(np.float32(np.inf))),
        ("float32", still("float32")),
        (None, still(None)),
        (torch.float16, still(torch.float16)),
    ],
    ids=plain,
)
def test_right_predictions(guess, answer):
    assert repr(predict("a", guess, answer)).startswith("Prediction a: right, it is ")
    assert progress.of("predict:a")["right"] is True


@pytest.mark.parametrize(
    ("guess", "answer"),
    [
        ("inf", still(-math.inf)),
        ("inf", still(1.0)),
        ("inf", boom),
        ("raises", still(1.0)),
        (1.0, still(1.03)),
        (1.0, still(math.nan)),
        (0, still(1e-9)),
        (1, still(True)),
        (True, still(1)),
        (True, still(torch.tensor(1.0))),
        ((2, 3), still((2, 3, 1))),
        ((2, 3), still(6)),
        (6, still((2, 3))),
        ("yes", still(True)),
        (np.array([1.0, 2.0]), still(3.0)),
        (10**400, still(1.0)),
        (object(), still(1.0)),
        ({"a": 1}, still(1.0)),
        (np.array(["a", "b"]), still(1.0)),
        (torch.zeros(2).to_sparse(), still(1.0)),
    ],
    ids=plain,
)
def test_wrong_predictions(guess, answer):
    assert "Prediction a: you said " in repr(predict("a", guess, answer))
    assert progress.of("predict:a")["right"] is False


def test_a_prediction_that_is_not_made_reveals_nothing():
    report = predict("a", ..., lambda: pytest.fail("the answer was computed"))
    assert repr(report).startswith("Prediction a: not made.\nReplace ...")
    assert "right" not in progress.of("predict:a")


def test_predictions_are_shown_in_their_own_form():
    assert repr(predict("a", (1, 2), still(torch.tensor([math.inf, 0.123456])))) == (
        "Prediction a: you said (1, 2), it is (inf, 0.1235)."
    )
    assert repr(predict("a", "nan", boom)) == "Prediction a: you said nan, it is raises."
    assert repr(predict("a", (2,), still((2,)))) == "Prediction a: right, it is (2,)."


# claims


@pytest.mark.parametrize("word", ["true", "false", "misleading"])
def test_a_claim_that_the_run_shows_is_printed(capsys, word):
    verdict("003-1", word, torch.tensor(True))
    assert capsys.readouterr().out == f"Claim 003-1 is {word}.\n"


def test_a_claim_that_the_run_does_not_show_fails_the_cell(capsys):
    with pytest.raises(AssertionError, match="claim 003-1"):
        verdict("003-1", "true", 1 > 2)
    assert not capsys.readouterr().out


def test_a_claim_needs_one_of_three_words():
    with pytest.raises(ValueError, match="true, false or misleading"):
        verdict("003-1", "maybe", True)


# how well calibrated


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """A chapter with four predictions."""
    cells = [{"cell_type": "code", "metadata": {"tags": [TAG]}, "source": [f'predict("{k}", ..., f)']} for k in "abcd"]
    (tmp_path / "02_log_sums.ipynb").write_text(json.dumps({"cells": cells}))
    monkeypatch.setattr(registry, "NOTEBOOKS", tmp_path)


def test_no_prediction_is_made_yet(chapter):
    assert repr(calibration("log_sums")) == "None of the 4 predictions of this chapter is made yet."


def test_predictions_are_summed_up(chapter):
    predict("a", 1, lambda: 1)
    predict("b", 1, lambda: 2)
    assert repr(calibration("log_sums")).startswith("2 of 4 predictions made, 1 of them right at once.\n")
    assert "sure=80" in repr(calibration("log_sums"))


def test_a_guess_after_the_answer_was_seen_does_not_count(chapter):
    predict("a", 1, lambda: 2)
    assert repr(predict("a", 2, lambda: 2)).endswith("right, it is 2.")
    assert "1 of 4 predictions made, 0 of them right" in repr(calibration("log_sums"))


@pytest.mark.parametrize(
    ("sure", "right", "words"),
    [(90, 0, "surer than you may be"), (50, 2, "as sure as you may be"), (20, 4, "too modest")],
)
def test_certainty_is_compared_with_success(chapter, sure, right, words):
    for number, key in enumerate("abcd"):
        predict(key, 1, lambda good=number < right: 1 if good else 2, sure=sure)
    assert words in repr(calibration("log_sums"))
    assert f"{sure:3} % sure, {25 * right:3} % right   (4 predictions)" in repr(calibration("log_sums"))


@pytest.mark.parametrize("sure", [-1, 101, "very", True and "yes"])
def test_a_certainty_that_is_none_gets_words(sure):
    assert "sure is a number from 0 to 100" in repr(predict("a", 1, lambda: 1, sure=sure))
    assert "first" not in progress.of("predict:a")


@pytest.mark.parametrize("stem", ["log_summs", None, 3])
def test_a_chapter_that_is_none_gets_words(stem):
    assert "no chapter is called" in repr(calibration(stem))


@pytest.mark.parametrize(
    ("guess", "truth"),
    [
        (" Inf", math.inf),
        ("+inf", math.inf),
        ("-INF", -math.inf),
        ("NaN", math.nan),
        ("(2,)", (2,)),
        ("True", True),
        ("-0.69", -0.69),
    ],
)
def test_quotes_do_not_matter(guess, truth):
    assert "right, it is" in repr(predict("k", guess, lambda: truth))


@pytest.mark.parametrize("guess", ["4 MB", "two", "", "[" * 10_000])
def test_words_are_no_numbers(guess):
    assert "you said" in repr(predict("k", guess, lambda: 4))
