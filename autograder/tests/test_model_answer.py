"""The model answer beside the learner's: only after passing, without docstrings, and nothing of it steers a screen."""

import shutil

import pytest

from autograder import progress, registry
from autograder.model_answer import Comparison, Locked, compare, comparison_html, comparison_text, excerpt, readable
from autograder.sources import SourceError

SOLUTIONS = registry.ROOT / "solutions"
MINE = '''import torch


def helper(x):
    """Words."""
    return -x.expm1()


def unused(x):
    return x


def log1mexp(x):
    """More words."""

    # a comment
    return helper(x).log()
'''
BOTH = Comparison("log1mexp", "def log1mexp(x):\n    return 1", "def log1mexp(x):\n    return 2", "Two is more.")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log_sums.py").write_text(MINE)
    progress.update("log1mexp", passed="abc")
    return tmp_path


def test_it_is_locked_before_passing(tmp_path):
    with pytest.raises(Locked, match=r"shown once log1mexp has passed: write it in log_sums\.py"):
        compare("log1mexp", tmp_path)


def test_without_solutions_there_is_none(folder, monkeypatch):
    monkeypatch.setattr(registry, "ROOT", folder / "nowhere")
    with pytest.raises(SourceError, match="no solutions/"):
        compare("log1mexp", folder)


def test_an_unknown_name_is_told(folder):
    with pytest.raises(KeyError, match="did you mean"):
        compare("log1mex", folder)


def test_both_answers_come_with_their_helpers_and_without_docstrings(folder):
    both = compare("log1mexp", folder)
    assert both.mine == (
        "def log1mexp(x):\n    # a comment\n    return helper(x).log()\n\n\ndef helper(x):\n    return -x.expm1()"
    )
    assert both.model.startswith("def log1mexp(x: Tensor) -> Tensor:\n")
    assert '"""' not in both.model
    assert both.why == registry.find("log1mexp")[1].why


@pytest.mark.parametrize("data", [None, b"def f(:\n", b"\xff\xfe\x00", b"import torch\n"])
def test_without_an_own_answer_the_model_stands_alone(folder, data):
    (folder / "log_sums.py").unlink()
    if data is not None:
        (folder / "log_sums.py").write_bytes(data)
    both = compare("log1mexp", folder)
    assert both.mine == ""
    assert "(the file holds none just now)" in comparison_text(both, 200)
    assert "Your answer" not in comparison_html(both)


def test_another_broken_file_does_no_harm(folder):
    (folder / "floats.py").write_bytes(b"\xff\xfe\x00")
    assert compare("log1mexp", folder).mine


@pytest.mark.parametrize("name", list(registry.everything()))
def test_every_model_answer_can_be_shown(name, solutions):
    text = excerpt(solutions, registry.find(name)[0], name)
    assert f" {name}(" in text.split("\n", 1)[0]
    compile(text, name, "exec")
    assert '"""' not in text


def test_a_function_of_words_alone_stays_whole():
    text = 'def log1mexp(x):\n    """All there is."""\n'
    assert excerpt({"log_sums": text}, "log_sums", "log1mexp") == text.rstrip("\n")


@pytest.mark.parametrize(
    "text", ['def log1mexp(x): """Doc."""; return x\n', 'def log1mexp(x):\n    """Doc."""; return x\n']
)
def test_a_docstring_that_shares_its_line_stays(text):
    assert excerpt({"log_sums": text}, "log_sums", "log1mexp") == text.rstrip("\n")


def test_narrow_is_one_after_the_other_and_wide_side_by_side():
    narrow, wide = comparison_text(BOTH, 149).split("\n"), comparison_text(BOTH, 150).split("\n")
    assert narrow.index("    return 1") < narrow.index("The model answer") < narrow.index("    return 2")
    assert any("return 1" in line and "return 2" in line for line in wide)
    assert all(len(line) <= 150 for line in wide)
    assert narrow[-1] == wide[-1] == "Why it is written so: Two is more."


def test_what_a_learner_wrote_is_escaped():
    hostile = Comparison("log1mexp", "x = '\x1b[2J</pre><script>'", "y", "&")
    assert "\x1b" not in comparison_text(hostile, 80)
    html = comparison_html(hostile)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<pre") == html.count("</pre>") == 2
    assert "<br>&amp;</div>" in html


def test_other_files_are_no_modules(tmp_path):
    shutil.copy(SOLUTIONS / "log_sums.py", tmp_path / "log_sums.py")
    (tmp_path / "_private.py").write_text("")
    (tmp_path / "Not-A-Stem.py").write_text("")
    assert set(readable(tmp_path)) == {"log_sums"}
