"""Each complaint about the course is provoked in a small copy that is otherwise whole."""

import shutil

import pytest

from autograder import course, layers, matrix, notebook_files, registry
from autograder.sources import stub
from autograder.tests.test_matrix import kill

SOLUTION = registry.ROOT / "solutions" / "log_sums.py"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return the root of a course of one chapter."""
    monkeypatch.setattr(registry, "stems", lambda: ("log_sums",))
    for folder in (*course.FOLDERS, "notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(SOLUTION, tmp_path / "solutions")
    (tmp_path / "exercises" / "log_sums.py").write_text(stub(SOLUTION.read_text()))
    for name in ("autograder/specs/log_sums.py", "autograder/mistakes/log_sums.py", "notebooks/02_log_sums.ipynb"):
        (tmp_path / name).touch()
    (tmp_path / "README.md").write_text("# A course\n\nSee [the answers](solutions/log_sums.py).\n")
    return tmp_path


def edit(path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_whole_course_has_no_complaint(root):
    assert course.stub_complaints(root) == []
    assert course.stray_complaints(root) == []
    assert course.link_complaints(root) == []


def test_a_stale_stub(root):
    edit(root / "solutions" / "log_sums.py", "Args:", "Arguments:")
    assert course.stub_complaints(root) == ["exercises/log_sums.py is stale: python -m autograder stubs"]


def test_a_missing_stub(root):
    (root / "exercises" / "log_sums.py").unlink()
    assert course.stub_complaints(root) == ["exercises/log_sums.py is stale: python -m autograder stubs"]


def test_a_stub_that_does_not_fail(root, monkeypatch):
    monkeypatch.setattr(course, "stub", lambda text: "def logsumexp(x):\n    return x\n")
    (root / "exercises" / "log_sums.py").write_text("def logsumexp(x):\n    return x\n")
    assert course.stub_complaints(root) == [
        "exercises/log_sums.py: logsumexp does not raise its own NotImplementedError"
    ]


def test_a_stub_that_fails_in_anothers_name(root, monkeypatch):
    text = "def logsumexp(x):\n    raise NotImplementedError('logaddexp')\n"
    monkeypatch.setattr(course, "stub", lambda solution: text)
    (root / "exercises" / "log_sums.py").write_text(text)
    assert len(course.stub_complaints(root)) == 1


@pytest.mark.parametrize("folder", course.FOLDERS)
def test_a_file_of_no_chapter(root, folder):
    (root / folder / "notes.py").touch()
    assert course.stray_complaints(root) == [f"{folder}/notes.py belongs to no chapter"]


@pytest.mark.parametrize("folder", course.FOLDERS)
def test_a_chapter_that_lacks_a_file(root, folder):
    (root / folder / "log_sums.py").unlink()
    assert f"{folder}/log_sums.py is missing" in course.stray_complaints(root)


def test_what_is_no_notebook_among_the_notebooks(root):
    (root / "notebooks" / "draft.py").touch()
    (root / "notebooks" / ".ipynb_checkpoints").mkdir()
    assert course.stray_complaints(root) == ["notebooks/draft.py is no notebook"]


def test_a_function_that_nobody_asks_for(root):
    edit(root / "solutions" / "log_sums.py", "def logaddexp(", "def addexp(")
    assert course.stray_complaints(root) == [
        "log_sums: addexp stands in solutions/ or specs/ only",
        "log_sums: logaddexp stands in solutions/ or specs/ only",
    ]


def test_private_helpers_need_no_spec(root):
    with (root / "solutions" / "log_sums.py").open("a") as file:
        file.write("\n\ndef _helper():\n    pass\n")
    assert course.stray_complaints(root) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](solutions/nowhere.py)", ["README.md links to solutions/nowhere.py, which does not exist"]),
        ("[a](solutions/log_sums.py#L3) [b](https://example.org) [c](mailto:a@b.c)", []),
        ("[a](#nothing-here)", ["README.md links to #nothing-here, a heading it has not"]),
        ("## What `check` says, in short\n\n[a](#what-check-says-in-short)", []),
        ("![a](figure.png)", ["README.md links to figure.png, which does not exist"]),
    ],
)
def test_links(root, text, found):
    (root / "README.md").write_text(f"# A course\n\n{text}\n")
    assert course.link_complaints(root) == found


@pytest.mark.parametrize("text", [None, ""])
def test_no_readme(root, text):
    (root / "README.md").unlink()
    if text is not None:
        (root / "README.md").write_text(text)
    assert course.link_complaints(root) == ["README.md is missing"]


@pytest.fixture
def kills(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "stems", lambda: ("log_sums",))
    monkeypatch.setattr(matrix, "TABLE", tmp_path / "MATRIX.md")

    def use(*made):
        monkeypatch.setattr(matrix, "kills", lambda stems, jobs=1: iter(made))

    return use


def test_mistakes_that_escape(kills):
    kills(kill("caught"), kill("free", score=2), kill("mistaken", named="other"))
    course.mistake_complaints(["log_sums"], write=True)
    assert course.mistake_complaints(["log_sums"], write=False) == [
        "logsumexp: the mistake free loses no points",
        "logsumexp: the mistake mistaken is diagnosed as other",
    ]


def test_a_stale_matrix(kills):
    kills(kill("caught"))
    stale = ["autograder/mistakes/MATRIX.md is stale: python -m autograder course --matrix"]
    assert course.mistake_complaints(["log_sums"], write=False) == stale
    assert course.mistake_complaints(["log_sums"], write=True) == []
    assert course.mistake_complaints(["log_sums"], write=False) == []
    kills(kill("caught"), kill("new"))
    assert course.mistake_complaints(["log_sums"], write=False) == stale


def test_some_chapters_write_no_matrix(kills):
    kills(kill("caught"))
    assert course.mistake_complaints([], write=True) == []
    assert not matrix.TABLE.exists()


CHECKS = {
    "stubs": (course, "stub_complaints"),
    "files": (course, "stray_complaints"),
    "links": (course, "link_complaints"),
    "tables": (notebook_files, "readme_complaints"),
    "imports": (layers, "complaints"),
    "notebooks": (notebook_files, "complaints"),
    "model answers": (matrix, "solution_complaints"),
    "mistakes": (course, "mistake_complaints"),
}


@pytest.mark.parametrize("bad", [None, *CHECKS])
def test_one_complaint_anywhere_is_1(monkeypatch, capsys, bad):
    for name, (module, function) in CHECKS.items():
        monkeypatch.setattr(module, function, lambda *_, name=name: ["it is broken"] if name == bad else [])
    assert course.main() == (0 if bad is None else 1)
    lines = capsys.readouterr().out.splitlines()
    for name in CHECKS:
        result = "1 complaints" if name == bad else "ok"
        assert any(line.startswith(f"{name:14} {result} (") for line in lines)
    assert lines.count("  it is broken") == (bad is not None)


def test_an_unknown_chapter_is_told():
    with pytest.raises(KeyError, match="no chapter is called 'unheard_of'"):
        course.main(["unheard_of"])
