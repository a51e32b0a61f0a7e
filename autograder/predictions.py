"""Predictions made before a run, and verdicts on the documents' claims."""

import ast
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder import notebook_files, progress, registry
from autograder.judging.messages import plural
from autograder.report import Report

OPEN = 'Replace ... by "inf", "-inf", "nan", "raises", a number, a shape, True or False.'
BANDS = ((0, 40), (40, 60), (60, 80), (80, 95), (95, 101))  # percent


def _word(value: Any) -> Any:
    """Return a result in the form predictions are made in."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = torch.from_numpy(np.array(value))
    if isinstance(value, torch.Tensor):
        value = value.detach()
        value = value.item() if value.numel() == 1 else value.tolist()
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
    if isinstance(value, (list, tuple)):
        return tuple(_word(v) for v in value)
    return value


def _read(guess: Any) -> Any:
    """Return a guess that was put in quotes as what it says: "Inf", "(2,)", "True", "-0.69"."""
    if not isinstance(guess, str):
        return guess
    text = guess.strip()
    if text.lower().lstrip("+") in ("inf", "-inf", "nan", "raises"):
        return text.lower().lstrip("+")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return guess


def _agree(guess: Any, truth: Any) -> bool:
    if isinstance(guess, bool) or isinstance(truth, bool) or isinstance(guess, str) or isinstance(truth, str):
        return type(guess) is type(truth) and guess == truth
    if isinstance(guess, (tuple, list)) and isinstance(truth, tuple):
        return len(guess) == len(truth) and all(map(_agree, guess, truth))
    if isinstance(guess, (int, float)) and isinstance(truth, (int, float)):
        return math.isclose(guess, truth, rel_tol=0.02, abs_tol=1e-12)
    return bool(guess == truth)


def _say(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_say, value)) + ("," if len(value) == 1 else "") + ")"
    return str(value)


def predict(key: str, guess: Any, answer: Callable[[], Any], sure: float | None = None) -> Report:
    """Judge a prediction made before the run; `...` is none, and reveals nothing.

    Args:
        key: The claim's id or a short name.
        guess: "inf", "-inf", "nan", "raises", a number, a shape, True or False, or a tuple of these.
        answer: Computes the truth; numbers agree within 2 %.
        sure: How sure you are, in percent; `calibration` compares that with how often you were right.
    """
    if guess is ...:
        return Report(f"Prediction {key}: not made.\n{OPEN}")
    if sure is not None and not (isinstance(sure, (int, float)) and 0 <= sure <= 100):
        return Report(f"Prediction {key}: not made. sure is a number from 0 to 100, in percent.")
    try:
        truth = _word(answer())
    except Exception:
        truth = "raises"
    try:
        said = _word(_read(guess))
        right = _agree(said, truth)
    except Exception:  # no form of prediction at all
        said, right = type(guess).__name__, False
    progress.update(f"predict:{key}", right=right)
    if "first" not in progress.of(f"predict:{key}"):  # a guess made after the answer was seen is none
        progress.update(f"predict:{key}", first=right, sure=sure)
    if right:
        return Report(f"Prediction {key}: right, it is {_say(truth)}.")
    return Report(f"Prediction {key}: you said {_say(said)}, it is {_say(truth)}.")


def calibration(stem: str) -> Report:
    """Sum up the predictions of a chapter: how many were made, how many were right at once, and how sure you were."""
    book = registry.notebook(stem) if isinstance(stem, str) else None
    if book is None:
        return Report(f"no chapter is called {stem!r}; there are {', '.join(registry.stems())}")
    keys = notebook_files.predicted(notebook_files.read(book))
    made = [state for key in keys if "first" in (state := progress.of(f"predict:{key}"))]
    if not made:
        return Report(f"None of the {plural(len(keys), 'prediction')} of this chapter is made yet.")
    right = sum(bool(state["first"]) for state in made)
    lines = [f"{len(made)} of {plural(len(keys), 'prediction')} made, {right} of them right at once."]
    rated = [state for state in made if isinstance(state.get("sure"), (int, float))]
    for low, high in BANDS:
        band = [state for state in rated if low <= state["sure"] < high]
        if band:
            sure = sum(state["sure"] for state in band) / len(band)
            hits = 100 * sum(bool(state["first"]) for state in band) / len(band)
            lines.append(f"  {sure:3.0f} % sure, {hits:3.0f} % right   ({plural(len(band), 'prediction')})")
    if rated:
        apart = sum(state["sure"] / 100 - bool(state["first"]) for state in rated) / len(rated)
        word = "as sure as you may be" if abs(apart) < 0.1 else "surer than you may be" if apart > 0 else "too modest"
        lines.append(f"On the whole you were {word}.")
    else:
        lines.append("predict(..., sure=80) also says how sure you are, in percent.")
    return Report("\n".join(lines))


def verdict(key: str, word: str, holds: Any) -> None:
    """Judge a document's claim: `holds` is what a run has just shown.

    Raises:
        AssertionError: The run does not show it.
        ValueError: `word` is not true, false or misleading.
    """
    if word not in ("true", "false", "misleading"):
        raise ValueError(f"a claim is true, false or misleading, not {word!r}")
    assert bool(holds), f"claim {key}: the run does not show that it is {word}"
    print(f"Claim {key} is {word}.")
