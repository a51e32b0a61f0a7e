"""A fingerprint changes with the code that an answer rests on, and with nothing else."""

import pytest

from autograder import registry
from autograder.fingerprint import fingerprint, reached
from autograder.running.references import Own

FILE = '''"""A chapter."""

import math

import torch
from torch import Tensor

from .floats import ulp
from . import tokens as t

LIMIT = 3


def f(x: Tensor) -> Tensor:
    """Return x."""
    return _helper(x) + LIMIT  # a comment


def _helper(x):
    return torch.exp(ulp(x)) + t.entropy(x)


def g(x):
    return math.log(x)
'''
PACKAGE = {
    "log_sums": FILE,
    "floats": "def ulp(x):\n    return x\n\n\ndef other(x):\n    return x\n",
    "tokens": "def entropy(x):\n    return x\n\n\ndef perplexity(x):\n    return x\n",
    "sampling": "def gumbel_max(x):\n    return x\n",
}


def mark(stem: str = "log_sums", old: str = "", new: str = "", name: str = "f") -> str | None:
    text = PACKAGE[stem]
    assert not old or text.count(old) == 1
    return fingerprint(PACKAGE | {stem: text.replace(old, new) if old else text}, "log_sums", name)


@pytest.mark.parametrize(
    ("stem", "old", "new"),
    [
        ("log_sums", '"""Return x."""', '"""Return another x."""'),
        ("log_sums", "  # a comment", ""),
        ("log_sums", '"""A chapter."""', '"""Another."""'),
        ("log_sums", "_helper(x) + LIMIT", "(\n        _helper(x)\n        + LIMIT)"),
        ("log_sums", "math.log(x)", "math.exp(x)"),
        ("log_sums", "import math\n", "import math\nimport numpy as np\n"),
        ("floats", "def other(x):\n    return x", "def other(x):\n    return 2 * x"),
        ("tokens", "def perplexity(x):\n    return x", "def perplexity(x):\n    return 2 * x"),
        ("sampling", "return x", "return 2 * x"),
    ],
)
def test_what_the_answer_does_not_rest_on_counts_for_nothing(stem, old, new):
    assert mark(stem, old, new) == mark()


@pytest.mark.parametrize(
    ("stem", "old", "new"),
    [
        ("log_sums", "+ LIMIT", "- LIMIT"),
        ("log_sums", "LIMIT = 3", "LIMIT = 4"),
        ("log_sums", "torch.exp(", "torch.log("),
        ("log_sums", "x: Tensor", "x: object"),
        ("log_sums", "LIMIT = 3", "LIMIT = 3\ntorch.set_num_threads(1)"),
        ("log_sums", "from .floats import ulp", "from .floats import other as ulp"),
        ("log_sums", "import torch\n", "import numpy as torch\n"),
        ("floats", "def ulp(x):\n    return x", "def ulp(x):\n    return 2 * x"),
        ("tokens", "def entropy(x):\n    return x", "def entropy(x):\n    return 2 * x"),
    ],
)
def test_what_the_answer_rests_on_counts(stem, old, new):
    assert mark(stem, old, new) not in (mark(), None)


def test_a_star_brings_everything():
    star = PACKAGE | {"log_sums": "from .floats import *\n\n\ndef f(x):\n    return ulp(x)\n"}
    changed = star | {"floats": PACKAGE["floats"].replace("return x", "return 2 * x", 1)}
    assert fingerprint(star, "log_sums", "f") != fingerprint(changed, "log_sums", "f")


@pytest.mark.parametrize("text", ["def f(:\n", "x = '\0'\n", "(" * 1000, "x = 1\n" * 20_000])
@pytest.mark.parametrize("stem", ["log_sums", "floats"])
def test_what_cannot_be_parsed_has_none(stem, text):
    assert fingerprint(PACKAGE | {stem: text}, "log_sums", "f") is None


def test_a_broken_file_that_is_not_used_does_no_harm():
    assert fingerprint(PACKAGE | {"sampling": "def f(:\n"}, "log_sums", "f") == mark()


def test_a_name_that_is_not_there_has_one():
    assert fingerprint(PACKAGE, "log_sums", "h") not in (None, mark())


def test_what_is_reached():
    places = reached(PACKAGE, "log_sums", "f").keys()
    assert {p.name for p in places if p.stem == "log_sums"} == {None, "f", "_helper", "LIMIT"}
    assert Own("floats", "ulp") in places
    assert Own("floats", "other") not in places
    assert not [p for p in places if p.stem == "sampling"]


def test_exercises_of_a_file_are_told_apart(solutions):
    marks = [fingerprint(solutions, stem, name) for name, stem in registry.everything().items()]
    assert None not in marks
    assert len(set(marks)) == len(marks)
