"""Chapters, exercises and mistakes are found by their files' names."""

import pytest

from autograder import registry
from autograder.spec import Exercise, Mistake


def test_every_spec_is_a_chapter():
    files = {p.stem for p in (registry.ROOT / "autograder" / "specs").glob("[a-z]*.py")}
    assert set(registry.stems.__wrapped__()) == files
    assert "log_sums" in files


def test_an_exercise_is_declared_under_its_own_name():
    for stem in registry.stems():
        module = registry._module("specs", stem)
        declared = {key: value for key, value in vars(module).items() if isinstance(value, Exercise)}
        assert declared
        assert all(key == value.name for key, value in declared.items())


def test_no_name_is_used_twice():
    names = [e.name for stem in registry.stems() for e in registry.exercises(stem)]
    assert len(names) == len(set(names))
    assert not set(names) & set(registry.stems())


def test_find():
    stem, exercise = registry.find("logsumexp")
    assert (stem, exercise.name) == ("log_sums", "logsumexp")
    assert registry.everything()["logsumexp"] == "log_sums"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("logsumexpp", "no exercise is called 'logsumexpp'; did you mean 'logsumexp'?"),
        ("LogSumExp", "no exercise is called 'LogSumExp'"),
        ("zzz", "no exercise is called 'zzz'; there are"),
        ("", "no exercise is called ''"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, words):
    with pytest.raises(KeyError) as caught:
        registry.find(name)
    assert caught.value.args[0].startswith(words)


def test_mistakes_belong_to_exercises_of_their_chapter():
    for stem in registry.stems():
        names = {e.name for e in registry.exercises(stem)}
        for mistake in registry.mistakes(stem):
            assert isinstance(mistake, Mistake)
            assert mistake.exercise in names
            assert mistake.id == mistake.function.__name__
            assert mistake.diagnosis.strip()


def test_a_chapter_without_mistakes_has_none():
    assert registry.mistakes("unheard_of") == ()


def test_the_notebooks_numbers_give_the_order(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "NOTEBOOKS", tmp_path)
    for name in ("07_log_sums.ipynb", "03_tokens.ipynb", "log_sums.ipynb", "7_floats.ipynb"):
        (tmp_path / name).touch()
    assert registry.notebook("log_sums").name == "07_log_sums.ipynb"
    assert registry.notebook("floats") is None
    order = registry.stems.__wrapped__()
    assert "log_sums" in order
    numbered = [stem for stem in order if registry.notebook(stem)]
    assert numbered == [stem for stem in ("tokens", "log_sums") if stem in order]
    assert list(order[: len(numbered)]) == numbered


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("log_sums", True),
        ("a2", True),
        ("__init__", False),
        ("2a", False),
        ("A", False),
        ("a-b", False),
        ("a.b", False),
        ("", False),
        ("a\n", False),
    ],
)
def test_valid_stems(name, valid):
    assert registry.valid_stem(name) == valid
