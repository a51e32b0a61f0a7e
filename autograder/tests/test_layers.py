"""Imports run one way: each wrong direction is found, and this repository has none."""

import pytest

from autograder import layers, registry

# A file, an import in its second line, and who complains.
WRONG = [
    ("autograder/running/worker.py", "from autograder.judging import truth", "autograder.running may import"),
    ("autograder/running/worker.py", "import autograder.specs.log_sums", "autograder.running may import"),
    ("autograder/running/worker.py", "from autograder import desk", "autograder.running may import"),
    ("autograder/running/worker.py", "from ..mistakes import log_sums", "autograder.running may import"),
    ("autograder/running/deep/inner.py", "from ...reporting import text", "autograder.running may import"),
    ("autograder/judging/truth.py", "from autograder.running import wall", "autograder.judging may import"),
    ("autograder/judging/truth.py", "from autograder.reporting.text import headline", "autograder.judging may import"),
    ("autograder/reporting/text.py", "from autograder.running import wall", "autograder.reporting may import"),
    ("autograder/reporting/text.py", "from autograder import registry", "autograder.reporting may import"),
    ("autograder/specs/log_sums.py", "from autograder.running import gate", "autograder.specs may import"),
    ("autograder/specs/log_sums.py", "from autograder.mistakes import log_sums", "autograder.specs may import"),
    ("autograder/mistakes/log_sums.py", "from autograder.specs import log_sums", "autograder.mistakes may import"),
    ("autograder/spec.py", "from autograder.judging import truth", "autograder.spec may import"),
    ("autograder/answer.py", "from autograder import spec", "autograder.answer may import nothing of ours"),
    ("autograder/exact/log_sums.py", "from autograder.cases import rows", "autograder.exact may import"),
    ("autograder/desk.py", "from exercises import log_sums", "the package under test is a parameter"),
    ("autograder/desk.py", "import solutions.log_sums", "the package under test is a parameter"),
    (
        "autograder/specs/log_sums.py",
        "from solutions.log_sums import logsumexp",
        "the package under test is a parameter",
    ),
    ("autograder/running/worker.py", "import exercises", "the package under test is a parameter"),
    ("solutions/log_sums.py", "from autograder.spec import Draw", "only torch, numpy, math and siblings"),
    ("solutions/log_sums.py", "from exercises.floats import ulp", "only torch, numpy, math and siblings"),
    ("exercises/log_sums.py", "import autograder", "only torch, numpy, math and siblings"),
    ("exercises/log_sums.py", "from solutions.log_sums import logsumexp", "only torch, numpy, math and siblings"),
]
RIGHT = [
    ("autograder/running/worker.py", "from autograder.running import wire"),
    ("autograder/running/worker.py", "from . import wire"),
    ("autograder/running/worker.py", "from autograder.spec import Seed"),
    ("autograder/judging/truth.py", "from autograder.answer import Answer"),
    ("autograder/reporting/text.py", "from autograder.judging import verdicts"),
    ("autograder/specs/log_sums.py", "from autograder.exact import log_sums"),
    ("autograder/desk.py", "from autograder import grading, registry"),
    ("autograder/judging/truth.py", "import mpmath"),
    ("solutions/log_sums.py", "from .floats import ulp"),
    ("exercises/log_sums.py", "from . import floats"),
    ("autograder/tests/test_all.py", "import solutions.log_sums, autograder.running, exercises"),
    ("autograder/graded/conftest.py", "from exercises import log_sums"),
]


@pytest.fixture
def complaints(tmp_path):
    def complaints(file: str, line: str) -> list[str]:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""A module."""\n{line}\n')
        return layers.complaints(tmp_path)

    return complaints


@pytest.mark.parametrize(("file", "line", "words"), WRONG)
def test_a_wrong_import_is_found_where_it_stands(complaints, file, line, words):
    found = complaints(file, line)
    assert len(found) == 1
    assert found[0].startswith(f"{file}:2 imports ")
    assert words in found[0]


@pytest.mark.parametrize(("file", "line"), RIGHT)
def test_a_right_import_is_none(complaints, file, line):
    assert complaints(file, line) == []


def test_an_import_inside_a_function_counts(complaints):
    assert len(complaints("autograder/running/worker.py", "def f():\n    import autograder.judging")) == 1


def test_every_part_of_the_rules_exists():
    for part in layers.ALLOWED:
        path = registry.ROOT.joinpath(*part.split("."))
        assert path.is_dir() or path.with_suffix(".py").is_file(), part


def test_this_repository_has_no_complaint():
    assert layers.complaints(registry.ROOT) == []
