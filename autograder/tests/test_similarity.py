"""Answers that differ in names and formatting only are found, others are not, and time stays near linear."""

import time

import pytest

from autograder import similarity
from autograder.fingerprints import TRIVIAL
from autograder.similarity import PAIRED, groups, pairs
from autograder.sources import read_package, stub
from autograder.tests.reporting.markup import Page

ORIGINAL = '''
import math
import torch
from torch import Tensor


def logsumexp(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    """Return it."""
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf  # empty
    top = x.max(dim, keepdim=True).values
    shift = torch.where(top.isfinite(), top, 0)
    total = (x - shift).exp().sum(dim, keepdim=True).log() + shift
    if total.isnan().any():
        raise ValueError("nan")
    return total if keepdim else total.squeeze(dim)
'''
DISGUISED = """
import math as m
import torch as t

def _other(a): return a

def logsumexp(values, dim=-1, keepdim=False):
    if values.shape and values.shape[dim] == 0: return values.sum(dim, keepdim=keepdim) - m.inf
    biggest = (values.max(dim,
        keepdim=True).values)
    s = t.where(biggest.isfinite(), biggest, 0)
    result: t.Tensor = (values - s).exp().sum(dim, keepdim=True).log() + s
    if result.isnan().any():
        raise ValueError(f"that is {result} nan")
    return result if keepdim else result.squeeze(dim)
"""
CHANGES = [
    ("dim=-1", "dim=0"),
    (".exp()", ".exp2()"),
    ("keepdim=keepdim", "keepdim=False"),
    ("+ s\n", "- s\n"),
    ("m.inf", "m.nan"),
    ("else result", "else values"),
    ("t.where", "t.lerp"),
]


def of(**texts):
    return {student: {"log_sums": text} for student, text in texts.items()}


def test_names_comments_annotations_formatting_and_error_texts_do_not_matter():
    found = pairs(of(ada=ORIGINAL, bo=DISGUISED))
    assert [(p.first, p.second, p.functions) for p in found] == [("ada", "bo", ("log_sums.logsumexp",))]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_what_is_computed_matters(old, new):
    assert DISGUISED.count(old) == 1
    assert pairs(of(ada=ORIGINAL, bo=DISGUISED.replace(old, new))) == []


def test_swapped_names_are_another_function():
    one = (
        "def f(a, b):\n    c = (a - b).exp().sum() * a.max() + b.min()\n    d = c.log() + a\n    return d - c * 2, c\n"
    )
    assert len(pairs(of(x=one, y=one))) == 1
    assert pairs(of(x=one, y=one.replace("return d - c", "return c - d"))) == []


def test_a_function_in_another_file_or_under_another_name_is_found():
    moved = {"helpers": ORIGINAL.replace("logsumexp", "lse")}
    assert len(pairs({"ada": {"log_sums": ORIGINAL}, "bo": moved})) == 1


def test_stubs_and_short_functions_are_ignored(solutions):
    stubs = {stem: stub(text) for stem, text in solutions.items()}
    assert groups({"ada": stubs, "bo": stubs}, stubs) == []
    short = "def soft(x):\n    return x.exp() / x.exp().sum(-1, keepdim=True)\n"
    assert pairs(of(ada=short, bo=short)) == []
    assert TRIVIAL > 60


def test_what_the_model_answer_has_too_makes_no_pair_of_learners(solutions):
    found = groups({"ada": solutions, "bo": solutions}, solutions)
    assert pairs({"ada": solutions, "bo": solutions}, solutions) == []
    assert {g.students for g in found if g.in_model} == {("ada", "bo")}
    assert len(pairs({"ada": solutions, "bo": solutions})[0].functions) > 20


def test_what_many_share_makes_a_group_but_no_pairs():
    many = of(**{f"s{i:02}": ORIGINAL for i in range(PAIRED + 1)})
    assert pairs(many) == []
    assert [len(g.students) for g in groups(many)] == [PAIRED + 1]
    del many["s00"]
    assert len(pairs(many)) == PAIRED * (PAIRED - 1) // 2


def test_what_few_share_weighs_more():
    rare = ORIGINAL.replace("exp()", "exp2()")
    texts = of(a=ORIGINAL, b=ORIGINAL, c=ORIGINAL, d=ORIGINAL, e=rare, f=rare)
    assert next((p.first, p.second) for p in pairs(texts)) == ("e", "f")


@pytest.mark.parametrize(
    "text",
    [
        "def f(:\n",
        "\x00",
        "x = " + "(" * 5000,
        "def f(x):\n    return " + "-" * 3000 + "x",
        "def f(x):\n    return x" + ".a" * 3000,
        "def f(x):\n    return " + "9" * 10000,
        "def f():\n    return 0x" + "f" * 10000,
        "def f(x):\n    return '\\ud800\\d'" + " + 'a'" * 100,
        "",
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.filterwarnings("error")
def test_any_source_is_read_or_left_out(text):
    assert len(pairs(of(ada=ORIGINAL, bo=ORIGINAL, odd=text))) == 1
    assert len(pairs(of(ada=ORIGINAL + "\n", odd=text))) == 0


def class_of(count):
    """Return a class in which every learner has one function of their own and shares one with nine others."""
    own = "\n\ndef own_{i}(x):\n" + "".join(f"    x = (x + {{i}}).exp() * {k}\n" for k in range(8)) + "    return x\n"
    return of(
        **{
            f"s{i:05}": ORIGINAL.replace("top, 0)", f"top, {i // 10})") + own.replace("{i}", str(i))
            for i in range(count)
        }
    )


def test_time_grows_with_the_class_not_with_its_square():
    seconds = []
    for count in (100, 400):
        texts = class_of(count)
        start = time.process_time()
        found = pairs(texts)
        seconds.append(time.process_time() - start)
        assert len(found) == count // 10 * 45
    assert seconds[1] < 10 * seconds[0]  # 4 times the learners; the square would be 16 times


def test_the_page_names_who_and_what_and_escapes_it(tmp_path, solutions):
    hostile = "<script>alert(1)</script>\u202e"
    texts = {hostile: {"log_sums": ORIGINAL}, "bo": {"log_sums": DISGUISED}, "cy": solutions}
    similarity.report(tmp_path, texts, solutions)
    page = Page((tmp_path / "report" / "similarity.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert "<script>alert(1)</script>\\u202e" in page.spaced
    assert "log_sums.logsumexp" in page.spaced
    assert "The same as the model answer" in page.spaced
    similarity.report(tmp_path, {}, None)
    assert "No pair shares a function." in (tmp_path / "report" / "similarity.html").read_text(encoding="utf-8")


def test_the_report_reads_packages_as_grade_does(tmp_path):
    (tmp_path / "log_sums.py").write_text(ORIGINAL)
    assert len(pairs({"ada": read_package(tmp_path), "bo": read_package(tmp_path)})) == 1
