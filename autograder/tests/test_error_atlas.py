"""`atlas`: a picture for the model answers, words for everything else, and never an exception."""

import pytest
import torch

from autograder import atlas, desk, error_atlas, registry
from autograder.answer import Answer
from autograder.running.launch import WallError
from autograder.trial import Trial

SOLUTIONS = registry.ROOT / "solutions"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def _few_points(monkeypatch):
    monkeypatch.setattr(error_atlas, "POINTS", 12)  # high precision takes its time


@pytest.fixture
def package(tmp_path):
    def write(source):
        (tmp_path / "log_sums.py").write_text("import torch\n\n\n" + source)
        return tmp_path

    return write


def test_the_model_answer_is_drawn_beside_three_forms():
    report = atlas("logsumexp", SOLUTIONS)
    assert report._repr_png_().startswith(PNG)
    assert repr(report).splitlines()[1:] == [
        f"  {dtype}: yours, naive (with inf), stable, torch" for dtype in ("float64", "float32", "float16", "bfloat16")
    ]


def test_a_chapter_with_keyword_arguments(monkeypatch):
    assert "  float32: yours, naive" in repr(atlas("cross_entropy", SOLUTIONS))


def test_two_runs_give_the_same_text():
    assert repr(atlas("logaddexp", SOLUTIONS)) == repr(atlas("logaddexp", SOLUTIONS))


def test_a_stub_leaves_the_other_curves(package):
    report = atlas("logsumexp", package("def logsumexp(x, dim=-1, keepdim=False):\n    raise NotImplementedError\n"))
    assert report._repr_png_().startswith(PNG)
    assert "  float32: naive (with inf), stable, torch\n" in repr(report)
    assert repr(report).endswith("\n  yours is not drawn: logsumexp is not written yet")


def test_each_dtype_is_asked_for_itself(package, monkeypatch):
    monkeypatch.setattr(error_atlas, "LIMIT_S", 0.3)
    source = """def log1mexp(x):
    while x.dtype == torch.float32:
        pass
    if x.dtype == torch.float16:
        raise ValueError("half")
    return x.sum() if x.dtype == torch.float64 else x
"""
    lines = repr(atlas("log1mexp", package(source))).splitlines()
    assert lines[4].startswith("  bfloat16: yours, naive")
    assert lines[5:] == [
        "  yours is not drawn in float64: it returns shape (), expected is (12,)",
        "  yours is not drawn in float32: no answer within 0.3 s",
        "  yours is not drawn in float16: log_sums.py line 8: ValueError: half",
    ]


def test_a_forged_answer_is_no_curve(monkeypatch):
    monkeypatch.setattr(Trial, "ask", lambda *_, **__: Answer("returned", result={"kind": [], "value": 1}))
    assert "yours is not drawn: it returns something else, not a tensor" in repr(atlas("log1mexp", SOLUTIONS))


def test_a_learners_words_stay_on_one_line(package):
    source = 'def log1mexp(x):\n    raise ValueError("$x_{\\n\\x1b[31m<b>")\n'
    report = atlas("log1mexp", package(source))
    assert report._repr_png_().startswith(PNG)
    assert "\x1b" not in repr(report)
    assert len(repr(report).splitlines()) == 6


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("logsumxp", "did you mean 'logsumexp'"),
        (None, "no exercise is called None"),
        ("exp_range", "there is no error atlas of exp_range; there is one of "),
    ],
)
def test_what_has_no_atlas_gets_words(name, words):
    assert words in repr(atlas(name))


def test_a_missing_package_gets_words(tmp_path):
    assert "nowhere" in repr(atlas("logsumexp", tmp_path / "nowhere"))


@pytest.mark.parametrize("error", [WallError("no worker"), RuntimeError("no worker")])
def test_nothing_is_raised(monkeypatch, error):
    def broken():
        raise error

    monkeypatch.setattr(desk, "wall", broken)
    assert "no worker" in repr(atlas("logsumexp", SOLUTIONS))


def test_the_points_reach_beyond_each_dtypes_exponentials():
    family = registry.find("logsumexp")[1].atlas
    for dtype in error_atlas.DTYPES:
        t = error_atlas.points(family, dtype)
        assert t.dtype == torch.float64
        assert t.max().exp() > torch.finfo(dtype).max


def test_points_on_a_logarithmic_axis_are_even_in_their_logarithm():
    family = registry.find("log1mexp")[1].atlas
    t = error_atlas.points(family, torch.float32)
    steps = t.log().diff()
    assert (float(t[0]), float(t[-1])) == pytest.approx((family.low, family.high))
    torch.testing.assert_close(steps, steps[:1].expand_as(steps))
