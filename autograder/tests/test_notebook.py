"""What a notebook calls, on every kind of argument: it answers with a report and never with an exception."""

import functools
import importlib.util
import itertools
import linecache
import math
import re
import shutil

import numpy as np
import pytest
import torch

from autograder import desk, notebook, progress, registry
from autograder.notebook import break_it, check, hint, solution
from autograder.running.launch import WallError

SOLUTIONS = registry.ROOT / "solutions"
RIGHT = """def log1mexp(x):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    near = torch.where(wide > -0.6931, wide, -1.0)
    far = torch.where(wide > -0.6931, -1.0, wide)
    return torch.where(wide > -0.6931, (-near.expm1()).log(), (-far.exp()).log1p()).to(x.dtype)
"""
WRONG = "def log1mexp(x):\n    return (1 - x.exp()).log()\n"
counter = itertools.count(1)


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch):
    monkeypatch.setattr(desk, "judge_package", functools.partial(desk.judge_package, clock=False))


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "package"
    shutil.copytree(SOLUTIONS, folder)
    return folder


@pytest.fixture
def cell():
    """Return a function that runs a source as IPython does: its text is in linecache, its module is __main__."""
    scope = {"__name__": "__main__", "torch": torch}

    def run(source: str, name: str):
        filename = f"/tmp/ipykernel_1/{next(counter)}.py"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        exec(compile(source, filename, "exec"), scope)
        return scope[name]

    return run


def imported(path):
    spec = importlib.util.spec_from_file_location(f"learners_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(package, source: str) -> None:
    (package / "log_sums.py").write_text("import torch\n\n\n" + source)


# check


def test_check_by_name(package):
    report = check("log1mexp", package)
    assert report.passed
    assert repr(report).startswith("log1mexp: passed, ")
    assert report._repr_html_().startswith("<div")
    assert [v.name for v in report.verdicts] == ["log1mexp"]


def test_check_by_chapter(package):
    report = check("log_sums", package)
    assert [v.name for v in report.verdicts] == [e.name for e in registry.exercises("log_sums")]
    assert report.passed
    assert len(repr(report).split(": passed")) == len(report.verdicts) + 1


def test_check_of_an_imported_function_judges_its_file(package):
    write(package, WRONG)
    function = imported(package / "log_sums.py").log1mexp
    report = check(function)
    assert not report.passed
    assert report.verdicts[0].status == "failed"
    write(package, RIGHT)
    assert check(function).passed  # the file counts, not what was imported


def test_check_of_a_cells_function_judges_it_in_its_module(package, cell):
    write(package, WRONG)
    assert check(cell(RIGHT, "log1mexp"), package).passed
    assert not check("log1mexp", package).passed
    assert not check(cell(WRONG, "log1mexp"), package).passed


def test_a_cells_function_may_use_the_files_other_functions(package, cell):
    source = "def logsubexp(a, b):\n    return a + log1mexp(torch.where(a == b, 0, b - a))\n"
    report = check(cell(source, "logsubexp"), package)
    assert report.verdicts[0].status == "failed"  # infinities are forgotten, but log1mexp is found
    assert "NameError" not in repr(report)


def test_a_cells_function_brings_its_helpers(package, cell):
    cell("def inner(x):\n    return -x.expm1()\n", "inner")
    cell("def outer(x):\n    return inner(x).log()\n", "outer")
    report = check(cell("def log1mexp(x):\n    return outer(x)\n", "log1mexp"), package)
    assert "NameError" not in repr(report)
    assert report.verdicts[0].score > 0


def test_a_cells_function_needs_no_package(tmp_path, cell):
    assert check(cell(RIGHT, "log1mexp"), tmp_path / "nowhere").passed


def test_a_function_without_source_says_so():
    scope: dict = {}
    exec("def log1mexp(x):\n    return x\n", scope)
    assert "the source of log1mexp cannot be found" in repr(check(scope["log1mexp"]))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("log1mex", "did you mean 'log1mexp'?"),
        ("", "no exercise is called ''"),
        (len, "no exercise is called 'len'"),
        (5, "check takes the name of an exercise"),
        (None, "check takes the name of an exercise"),
        (["log1mexp"], "check takes the name of an exercise"),
        (functools.partial(len), "check takes the name of an exercise"),
        (torch.logsumexp, "cannot be found"),
        (lambda x: x, "no exercise is called '<lambda>'"),
    ],
    ids=lambda value: re.sub(r" (of type object )?at 0x\w+", "", str(value)),
)
def test_what_is_no_exercise_gets_words(target, words, package):
    report = check(target, package)
    assert words in repr(report)
    assert not report.passed
    assert report._repr_html_() is None


def test_a_missing_package_gets_words(tmp_path):
    assert "there is no folder" in repr(check("log1mexp", tmp_path / "nowhere"))


def test_a_file_that_is_no_text_gets_words(package):
    (package / "log_sums.py").write_bytes(b"\xff\xfe\x00")
    assert "save it as UTF-8" in repr(check("log1mexp", package))


def test_a_broken_file_gets_words(package, cell):
    (package / "log_sums.py").write_text("def f(:\n")
    assert "SyntaxError" in repr(check("log1mexp", package))
    assert "line 1: mend it first" in repr(check(cell(RIGHT, "log1mexp"), package))


def test_a_wall_that_does_not_stand_gets_words(package, monkeypatch):
    def fall(*arguments):
        raise WallError("the process does not answer")

    monkeypatch.setattr(desk, "wall", fall)
    assert repr(check("log1mexp", package)) == "the process does not answer"


def test_the_package_that_an_import_would_find_is_the_default(package, monkeypatch):
    folder = package.rename(package.parent / "exercises")
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.delitem(__import__("sys").modules, "exercises", raising=False)
    assert desk.default_package() == folder
    assert check("log1mexp").passed


# hints


def test_each_failure_that_nothing_explains_shows_the_next_hint(package):
    write(package, "def log1mexp(x):\n    return x.cos()\n")
    for level in (1, 2, 3, 3):
        assert f"hint {level} of 3: " in repr(check("log1mexp", package))
    write(package, RIGHT)
    assert "hint" not in repr(check("log1mexp", package))
    assert progress.of("log1mexp")["passed"] is not None
    assert progress.of("log1mexp")["failed"] == 0


def test_a_diagnosis_costs_no_hint(package):
    write(package, WRONG)
    assert 'more help: hint("log1mexp")' in repr(check("log1mexp", package))
    assert progress.of("log1mexp")["failed"] == 0


def test_code_that_has_not_changed_is_told(package):
    write(package, WRONG)
    assert "is the file saved?" not in repr(check("log1mexp", package))
    again = check("log1mexp", package)
    assert "is the file saved?" in again.text
    assert "is the file saved?" in again.html
    write(package, WRONG.replace("1 -", "1.0 -"))
    assert "is the file saved?" not in repr(check("log1mexp", package))


def test_a_slip_is_told_once(package):
    write(package, "def log1mexp(x):\n    return (1 - x.exp()).log() + lgo1mexp\n")
    text = repr(check("log1mexp", package))
    assert "is `log1mexp` meant?" in text
    assert "hint" not in text


def test_what_is_not_written_is_no_failure():
    report = check("log1mexp", registry.ROOT / "exercises")
    if report.verdicts[0].status == "not_written":
        assert "hint" not in repr(report)
        assert progress.of("log1mexp")["failed"] == 0


def test_hints_go_up_a_ladder():
    exercise = registry.find("log1mexp")[1]
    for level in (1, 2, 3, 3):
        text = repr(hint("log1mexp"))
        assert text.startswith(f"hint {level} of 3 for log1mexp (log_sums.py): {exercise.hints[level - 1]}")
        assert ("This is the last one." in text) == (level == 3)
    assert progress.of("log1mexp")["hints"] == 3


def test_a_hint_can_be_asked_for_by_level():
    assert repr(hint("log1mexp", 2)).startswith("hint 2 of 3")
    assert repr(hint("log1mexp")).startswith("hint 3 of 3")
    assert repr(hint("log1mexp", 1)).startswith("hint 1 of 3")
    assert progress.of("log1mexp")["hints"] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("log1mex",), "did you mean"),
        ((5,), "no exercise is called 5"),
        (([],), "no exercise is called []"),
        (("log1mexp", 0), "there are hints of level 1, 2 and 3"),
        (("log1mexp", 4), "there are hints of level 1, 2 and 3"),
        (("log1mexp", "2"), "there are hints of level 1, 2 and 3"),
    ],
)
def test_a_hint_for_nothing_gets_words(arguments, words):
    assert words in repr(hint(*arguments))


# breaking


LARGE, SMALL = torch.tensor([[500.0, 501.0]]), torch.tensor([[0.0, 1.0]])


def test_an_input_that_separates_breaks_the_mistake():
    text = repr(break_it("logsumexp", "no_shift", LARGE))
    assert text.startswith("Broken.\n  given     float32 (1, 2) [[500, 501]]")
    assert "got       inf" in text


def test_an_input_that_does_not_separate_does_not():
    assert repr(break_it("logsumexp", "no_shift", SMALL)).startswith("Not broken: ")
    assert "Broken" not in repr(break_it("logsumexp", "in_place", LARGE))


def test_keywords_are_passed_on():
    assert repr(break_it("logsumexp", "dim_ignored", torch.eye(3)[:2], dim=0)).startswith("Broken")
    assert repr(break_it("logsumexp", "dim_ignored", torch.eye(3)[:2], dim=1)).startswith("Not broken")


def test_random_answers_are_broken_by_what_no_draw_may_be():
    logits = torch.tensor([[10.0, 20.0, 30.0]])
    assert repr(break_it("gumbel_softmax", "divided_first", logits, tau=1e-38)).startswith("Broken")
    assert repr(break_it("gumbel_softmax", "divided_first", logits, tau=0.1)).startswith("Not broken")


@pytest.mark.parametrize("keywords", [{"tau": 0.0}, {"tau": -1.0}, {"dim": 0, "tau": math.nan}])
def test_a_temperature_that_is_none(keywords):
    said = repr(break_it("gumbel_softmax", "divided_first", torch.ones(1, 3), **keywords))
    assert said.startswith("That input is none for gumbel_softmax: tau")


@pytest.mark.parametrize("row", [[math.nan, 0.0], [math.inf, 0.0], [-math.inf, -math.inf]])
def test_logits_that_nothing_can_be_drawn_from(row):
    said = repr(break_it("gumbel_max", "greedy", torch.tensor([row])))
    assert said.startswith("That input is none for gumbel_max: ")


def test_the_learners_input_is_left_alone():
    x = LARGE.clone()
    break_it("logsumexp", "in_place", x)
    assert torch.equal(x, LARGE)


@pytest.mark.parametrize(
    ("arguments", "keywords", "words"),
    [
        (("logsumexp", "no_shift"), {}, "Replace ... by an input"),
        (("logsumexp", "no_shift", ...), {}, "Replace ... by an input"),
        (("logsumexp", "no_shift", LARGE), {"dim": ...}, "Replace ... by an input"),
        (("logsumexp", "no_shift", [500.0, 501.0]), {}, "argument 1 is a list, not a Tensor"),
        (("logsumexp", "no_shift", "text"), {}, "argument 1 is a str, not a Tensor"),
        (("logsumexp", "no_shift", np.ones(3)), {}, "argument 1 is a ndarray, not a Tensor"),
        (("logsumexp", "no_shift", torch.tensor([1, 2])), {}, "argument 1 is of torch.int64"),
        (("logsumexp", "no_shift", LARGE), {"dim": 7}, "That input is none for logsumexp: IndexError"),
        (("logsumexp", "no_shift", LARGE), {"axis": 0}, "That input is none for logsumexp: TypeError"),
        (("logsumexp", "no_shift", LARGE, 0, False, 1), {}, "That input is none for logsumexp: TypeError"),
        (("logsumexp", "unheard_of", LARGE), {}, "has no known mistake 'unheard_of'; there are no_shift, "),
        (("logsumexp", ["no_shift"], LARGE), {}, "has no known mistake"),
        (("logsumex", "no_shift", LARGE), {}, "did you mean 'logsumexp'?"),
        ((None, "no_shift", LARGE), {}, "no exercise is called None"),
    ],
)
def test_what_is_no_input_gets_words(arguments, keywords, words):
    assert words in repr(break_it(*arguments, **keywords))


@pytest.mark.filterwarnings("ignore")  # mistakes use what torch warns of
def test_every_mistake_can_be_asked_for():
    for stem in registry.stems():
        for mistake in registry.mistakes(stem):
            usual = registry.find(mistake.exercise)[1].cases[0]
            call = usual.make(notebook.Draw(0))
            assert "has no known mistake" not in repr(break_it(mistake.exercise, mistake.id, *call.args, **call.kwargs))


# solution


def test_the_model_answer_comes_beside_the_own_one_after_passing(package):
    assert "shown once log1mexp has passed" in repr(solution("log1mexp", package))
    assert check("log1mexp", package).passed
    write(package, RIGHT.replace("near", "close"))
    report = solution("log1mexp", package)
    assert "close.expm1()" in repr(report)
    assert "near.expm1()" in repr(report)
    assert registry.find("log1mexp")[1].why in repr(report)
    assert report._repr_html_().count("<pre") == 2
    assert "did you mean" in repr(solution("log1mex"))


# the package's face


def test_a_notebook_imports_what_it_needs_from_the_package():
    import autograder

    assert all(callable(getattr(autograder, name)) for name in autograder.__all__)
    assert autograder.check is notebook.check
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        autograder.nothing  # noqa: B018


def test_loading_the_extension_never_fails(monkeypatch):
    def fall():
        raise WallError("no")

    monkeypatch.setattr(desk, "wall", fall)
    notebook.load_ipython_extension(None)
