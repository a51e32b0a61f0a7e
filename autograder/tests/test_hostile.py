"""Attacks on the autograder: no file of `hostile/` earns more than its honest part, and nothing outlives its run.

The first two lines of a file say what it tries and what must come of it:

    zero          nothing is judged: no point, and no worker need run
    nothing       no case that looks at answers passes
    below         some points are lost
    rules         the rules case is lost, whatever else is right
    contained     the rules case is lost and no other that compares an answer: each thing that the file tried was
                  refused to it (what its process could have made up is lost as well, if it reached for the system)
    full          an honest answer in odd clothes: full marks
    rows A B ...  some case ends so (its status, or how its kind begins), and every other failure does too
"""

import dataclasses
import json
import os
import sys
import time
from pathlib import Path

import pytest
import torch

from autograder import grading, interview, registry, tracks
from autograder.grading import Grading
from autograder.judging.verdicts import ExerciseVerdict, PackageVerdict
from autograder.reporting.html import exercise_html
from autograder.reporting.json_form import package_json
from autograder.reporting.text import package_text
from autograder.running import gate
from autograder.running.confinement import wall_level
from autograder.running.wall import Wall
from autograder.sources import SourceError, decode

HOSTILE = Path(__file__).parent / "hostile"
FILES = sorted(p for p in HOSTILE.iterdir() if p.suffix == ".py" or (p / "log_sums.py").exists())
STEM, EXERCISE = registry.find("logsumexp")
MISTAKES = registry.mistakes(STEM)
# What an attack needs: the case that it sits in, that one's neighbours, and one of each further family.
SHORT = dataclasses.replace(
    EXERCISE,
    cases=tuple(
        c
        for c in EXERCISE.cases
        if c.name in ("leaves its input as it was", "normal numbers", "one number a row", "batch of one", "first order")
        or (c.family == "shape" and c.name.startswith("keepdim"))
    ),
    times=EXERCISE.times[:1],
)
QUICK = dataclasses.replace(SHORT, times=())  # and the work is not counted
IN_ONE_CASE = ("process", "forge", "error")
LONGEST_S = 30.0  # for one file on a busy machine; most take a tenth of a second
NOBODY = 65534


def text_of(path: Path) -> dict[str, str]:
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    return {f.stem if path.is_dir() else STEM: decode(f.read_bytes(), f.name) for f in files}


def expected_of(path: Path) -> list[str]:
    first, second = (path / "log_sums.py" if path.is_dir() else path).read_bytes().splitlines()[:2]
    assert first.startswith(b"# attack: ") and first.endswith((b"; honest answer: right", b"; honest answer: wrong"))
    assert second.startswith(b"# expected: ")
    return second.decode().removeprefix("# expected: ").split()


def judge(wall: Wall, sources: dict[str, str], exercise=SHORT, clock=False, mistakes=()) -> ExerciseVerdict:
    begin = time.monotonic()
    verdict = Grading(wall, exercise, STEM, sources, mistakes, level="all", clock=clock).run()
    assert time.monotonic() - begin < LONGEST_S
    return verdict


def processes_of(wall: Wall) -> list[int]:
    """Return the children of the process that workers are forked from."""
    zygote = getattr(wall._launcher, "_process", None)
    if zygote is None or sys.platform != "linux":
        return []
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == zygote.pid and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


def left_behind() -> list[str]:
    """Return files that an attack has made, wherever it tried."""
    places = [Path(p) for p in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/work", "/", Path.home(), registry.ROOT)]
    names = {p for place in places if place.is_dir() for p in place.glob("*left_by_an_attack*")}
    temporary = (p for place in places[:3] if place.is_dir() for p in place.glob("tmp*"))
    made = {p for p in temporary if _owner(p) == NOBODY}
    return sorted(map(str, names | made))


def _owner(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return -1


@pytest.fixture(scope="module")
def full(wall) -> bool:
    worker = wall.worker()
    worker.close()
    return wall_level(worker.layers) == "full"


@pytest.fixture(autouse=True)
def _nothing_outlives_its_run(wall):
    before = descriptors()
    yield
    assert processes_of(wall) == []
    assert descriptors() == before


def earned(verdict: ExerciseVerdict, rule: str, *words: str) -> bool:
    """Return whether a verdict is what the file's second line says."""
    passed = [c for c in verdict.graded if c.points]
    failed = [c for c in verdict.graded if not c.points]
    rules_lost = any(c.family == "rules" for c in failed)
    if rule == "zero":
        return verdict.score == 0
    if rule == "nothing":
        return {c.family for c in passed} <= {"rules", "device", "memory", "untouched"}
    if rule == "below":
        return verdict.score < verdict.max_score
    if rule == "rules":
        return rules_lost
    if rule == "contained":
        return rules_lost and {c.family for c in failed} <= {"rules", *grading.FORGEABLE}
    if rule == "full":
        return not failed
    assert rule == "rows"
    ends = [c for c in failed if c.family not in ("rules", *grading.FORGEABLE)]
    return bool(ends) and all(c.status in words or c.kind.startswith(words) for c in ends)


REFUSED = [p for p in FILES if p.stem.startswith(("forbidden_", "lie_patched"))]
# These spell no name that a reader could see; the op itself is taken from them.
UNREADABLE = ("forbidden_attention", "forbidden_self", "forbidden_table", "lie_patched_self")


@pytest.mark.parametrize("path", REFUSED, ids=lambda p: p.stem)
def test_the_gate_refuses_what_hides_before_it_runs(path):
    refused = gate.examine(text_of(path), STEM, EXERCISE.name, EXERCISE.rules).refused
    assert refused != (path.stem in UNREADABLE)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_attack_earns_more_than_its_honest_part(wall, full, monkeypatch, path):
    group = path.stem.partition("_")[0]
    if group in ("process", "forge") and not full:
        pytest.skip("this machine cannot wall off a file that reaches for the system: it is not run")
    if "endless" in path.stem:
        monkeypatch.setattr(tracks, "LIMIT_S", 2.0)
        monkeypatch.setattr(interview, "LOAD_S", 3.0)
    rule, *words = expected_of(path)
    try:
        sources = text_of(path)
    except SourceError:
        assert rule == "zero"
        return
    if group in IN_ONE_CASE:  # a diagnosis is looked for as well, but not where all is wrong: that takes long
        verdict = judge(wall, sources, QUICK, mistakes=MISTAKES)
    else:
        verdict = judge(wall, sources, EXERCISE if rule == "full" else SHORT, "clock" in words)
    assert earned(verdict, rule, *words), package_text(PackageVerdict("", (verdict,)))
    if rule != "full":
        assert verdict.score < verdict.max_score
    assert_presentable(verdict)
    if group in IN_ONE_CASE:
        assert_alive(wall)


def assert_presentable(verdict: ExerciseVerdict) -> None:
    """Assert that no report of a verdict steers a screen, a page or a parser, or floods it."""
    package = PackageVerdict("", (verdict,))
    text, html, data = package_text(package), exercise_html(verdict), json.dumps(package_json(package))
    assert all(c.isprintable() or c == "\n" for c in text + html)
    assert "<script" not in html
    assert max(len(line) for line in text.splitlines()) < 1000
    assert max(map(len, (text, html, data))) < 200_000


def assert_alive(wall: Wall) -> None:
    """Assert that the next worker of the same wall answers, and answers right."""
    worker = wall.worker()
    honest = {STEM: "def f(x):\n    return x.exp().sum(-1).log()\n"}
    assert worker.ask("load", 20.0, texts=honest, stem=STEM, function="f").outcome == "returned"
    answer = worker.ask("drive", 20.0, driver="value", args=(torch.zeros(2, 4),), kwargs={})
    worker.close()
    assert torch.equal(answer.result["value"], torch.full((2,), 4.0).log())


HEAD = "import torch\n\n\ndef logsumexp(x, dim=-1, keepdim=False):\n"
# Sources made to keep the gate busy: too long or too many to lie here as files.
ENDLESS_READING = {
    "a million lines": "\n" * 1_000_000 + HEAD + "    return x\n",
    "many statements": HEAD + "    x;" * 30_000,
    "long chains": HEAD + ("    x" + ".a" * 250 + "\n") * 40,
    "a chain of calls": HEAD
    + "    return f0(x)\n"
    + "".join(f"def f{i}(x): return f{i + 1}(x)\n" for i in range(1200)),
    "a circle of calls": HEAD
    + "    return f0(x)\n"
    + "".join(f"def f{i}(x): return f{(i + 1) % 500}(x)\n" for i in range(500)),
    "nested functions": HEAD
    + "".join(" " * (i + 4) + f"def f{i}(f{i}):\n" for i in range(90))
    + (" " * 95 + "x;" * 200 + "\n") * 9,
    "imports": "import torch as t\nimport math as t\n" * 1500 + HEAD + "    " + "t;" * 1500,
    "classes": HEAD + "    return A0()\n" + "".join(f"class A{i}(A{i + 1}): pass\n" for i in range(1200)),
    "doubling": HEAD + "".join(f"    a{i + 1} = a{i} + a{i}\n" for i in range(60)) + "    [i for i in a60]\n",
}


@pytest.mark.parametrize("name", ENDLESS_READING)
def test_no_source_keeps_the_gate_busy(wall, name):
    begin = time.monotonic()
    verdict = judge(wall, {STEM: ENDLESS_READING[name]})
    assert time.monotonic() - begin < LONGEST_S / 2
    assert verdict.score < verdict.max_score
    assert_presentable(verdict)


def test_the_wall_is_as_good_as_new(wall):
    """Runs last: a model answer earns full marks and honours after all that."""
    solution = (registry.ROOT / "solutions" / f"{STEM}.py").read_text(encoding="utf-8")
    verdict = judge(wall, {STEM: solution}, EXERCISE)
    assert (verdict.status, verdict.score) == ("passed", verdict.max_score)
    assert all(verdict.honours.values())
    assert left_behind() == []


def test_the_corpus_is_large_and_each_file_says_what_it_is():
    assert len(FILES) >= 150
    for path in FILES:
        assert expected_of(path)[0] in ("zero", "nothing", "below", "rules", "contained", "full", "rows")
