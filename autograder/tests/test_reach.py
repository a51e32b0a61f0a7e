"""Which sources could answer for themselves, and what that costs them."""

import pytest

from autograder import registry
from autograder.grading import FORGEABLE, Grading
from autograder.reach import reaches_out
from autograder.running import gate
from autograder.running.confinement import wall_level

STEM, EXERCISE = registry.find("log1mexp")
RIGHT = """

def log1mexp(x):
    x = {}x
    high = (-x.clamp(max=-0.7).exp()).log1p()
    low = (-x.clamp(min=-0.7).expm1()).log()
    return high.where(x < -0.7, low)
"""


def place_of(head: str, body: str = "", **others: str) -> str:
    sources = {STEM: "import torch\n" + head + RIGHT.format(body), **others}
    findings = gate.examine(sources, STEM, EXERCISE.name, EXERCISE.rules).findings
    return reaches_out(sources, [f for f in findings if f.kind == "process"])


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("import os", "os.cpu_count() and "),
        ("import os as system", "system.cpu_count() and "),
        ("from pathlib import Path", "Path('/').exists() and "),
        ("from os import *\nimport os", "os and "),
        ("", "open('/proc/self/mem') and "),
        ("import mmap\nmap_ = mmap.mmap", ""),
        ("import threading", "threading.active_count() and "),
    ],
)
def test_what_reaches_for_the_system_is_found(head, body):
    assert place_of(head, body).startswith(f"{STEM}.py line ")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("", ""),
        ("import os", ""),
        ("import matplotlib.pyplot as plt", ""),
        ("import time", "time.time() and "),
        ("import random", "random.random() + 1 and "),
        ("import itertools, collections", ""),
    ],
)
def test_an_idle_import_or_a_clock_is_not(head, body):
    assert place_of(head, body) == ""


def test_what_a_sibling_reaches_is_found():
    sibling = "import os\n\n\ndef cores():\n    return os.cpu_count()\n"
    assert place_of("from . import tools", "tools.cores() and ", tools=sibling).startswith("tools.py line 5")


@pytest.mark.parametrize(
    ("head", "body", "lost"), [("import os", "os.cpu_count() and ", True), ("import os", "", False)]
)
def test_who_reaches_out_loses_what_is_not_compared(wall, solutions, head, body, lost):
    worker = wall.worker()
    worker.close()
    if wall_level(worker.layers) != "full":
        pytest.skip("this machine cannot wall off a file that reaches for the system: it is not run")
    own = f"\n{head}\n\n\ndef log1mexp(x):\n    return {body}_answer(x)\n"
    source = solutions[STEM].replace("def log1mexp(", "def _answer(") + own
    verdict = Grading(wall, EXERCISE, STEM, {STEM: source}, level="all", clock=False).run()
    failed = {c.family for c in verdict.graded if not c.points}
    compared = {c.family for c in verdict.graded} - {"rules", *FORGEABLE}
    assert failed == ({"rules", "device", "memory", "untouched"} if lost else {"rules"})
    assert compared and not failed & compared
    if lost:
        text = next(c.message for c in verdict.cases if c.family == "untouched")
        assert "reaches for the system, so this answer could have been made up" in text
