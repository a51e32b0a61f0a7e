"""Texts in and out: what a learner saved is read as Python reads it, and what is written changes nothing else."""

import ast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder import registry, sources
from autograder.mistakes import mistake
from autograder.running.gate import is_stub
from autograder.sources import SourceError, decode, mistake_source, read_package, replace_definition, stub

SOLUTION = '''"""A chapter."""

import math
import time
from collections.abc import Callable

import numpy as np
import torch

from .floats import ulp

LOG2 = math.log(2)


def _helper(x):
    return x


def first(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Say what it does.

    Returns:
        Something.
    """
    # how it is done
    return _helper(x) - LOG2


@torch.no_grad()
@staticmethod
def second(
    x,
    y=(1, 2),
):
    # how it is done
    z = x

    return z


async def third(x):
    return x


class Fourth(torch.optim.SGD):
    """Say what it is."""

    kind = 4

    def __init__(self, lr: float) -> None:
        """Prepare."""
        super().__init__([], lr)

    @torch.no_grad()
    def step(self):
        """Go."""
        return self._hidden()

    def _hidden(self):
        return 5


if __name__ == "__main__":
    first(1)
'''
STUB = '''"""A chapter."""

import math
import time
from collections.abc import Callable

import numpy as np
import torch

from .floats import ulp


def first(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Say what it does.

    Returns:
        Something.
    """
    raise NotImplementedError("first")


@torch.no_grad()
@staticmethod
def second(
    x,
    y=(1, 2),
):
    raise NotImplementedError("second")


class Fourth(torch.optim.SGD):
    """Say what it is."""

    def __init__(self, lr: float) -> None:
        """Prepare."""
        raise NotImplementedError("__init__")

    @torch.no_grad()
    def step(self):
        """Go."""
        raise NotImplementedError("step")
'''


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"x = 1\n", "x = 1\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
        (b"x = 1\ry = 2\r", "x = 1\ny = 2\n"),
        ("# ä\n".encode(), "# ä\n"),
        ("# coding: latin-1\n# ä\n".encode("latin-1"), "# coding: latin-1\n# ä\n"),
        ("# -*- coding: cp1252 -*-\n# €\n".encode("cp1252"), "# -*- coding: cp1252 -*-\n# €\n"),
        (b"", ""),
        (b"no newline at the end", "no newline at the end"),
        (b"form\x0cfeed\n", "form\x0cfeed\n"),
    ],
)
def test_decode(data, text):
    assert decode(data, "log_sums.py") == text


@pytest.mark.parametrize(
    "data",
    [
        "# ä\n".encode("latin-1"),
        b"\x7fELF\xff\xfe\x00\x01",
        "x = 1\n".encode("utf-16"),
        b"# coding: unheard-of\n",
        b"\xef\xbb\xbf# coding: latin-1\n",
    ],
)
def test_what_is_no_text_is_refused_by_name(data):
    with pytest.raises(SourceError, match=r"log_sums\.py is not readable as text .*save it as UTF-8"):
        decode(data, "log_sums.py")


def test_what_is_too_long_is_refused_before_it_is_decoded():
    with pytest.raises(SourceError, match=r"log_sums\.py has"):
        decode(b"\xff" * (sources.LARGEST + 1), "log_sums.py")
    assert len(decode(b"x" * sources.LARGEST, "log_sums.py")) == sources.LARGEST


def test_null_bytes_are_left_to_the_gate():
    assert decode(b"x = '\0'\n", "log_sums.py") == "x = '\0'\n"


def test_a_package_is_its_modules(tmp_path):
    for name in ("log_sums.py", "floats.py", "__init__.py", "Upper.py", "2nd.py", "notes.txt", "a-b.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.py").mkdir()
    assert read_package(tmp_path) == {"floats": "floats.py", "log_sums": "log_sums.py"}


def test_a_package_that_is_none_says_what_to_do(tmp_path):
    with pytest.raises(SourceError, match="--package"):
        read_package(tmp_path / "nowhere")


def test_a_package_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "LARGEST_PACKAGE", 10)
    for name in "abc":
        (tmp_path / f"{name}.py").write_text("1234")
    with pytest.raises(SourceError, match="more than 10"):
        read_package(tmp_path)


def test_stub():
    assert stub(SOLUTION) == STUB


def test_a_stub_of_a_stub_is_the_same():
    assert stub(STUB) == STUB


@pytest.mark.parametrize("path", sorted((registry.ROOT / "solutions").glob("[a-z]*.py")), ids=lambda p: p.stem)
def test_stubs_of_the_solutions(path):
    text = stub(path.read_text(encoding="utf-8"))
    assert stub(text) == text
    definitions = [n for n in ast.parse(text).body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    assert definitions
    assert all(map(is_stub, definitions))


def test_a_class_may_begin_with_a_decorated_method():
    text = stub("class A:\n    @staticmethod\n    def go(x):\n        return x\n")
    assert text.endswith('class A:\n\n    @staticmethod\n    def go(x):\n        raise NotImplementedError("go")\n')
    ast.parse(text)


@pytest.mark.parametrize(
    "line", ["def f(x): return x", 'def f(x): "Say."', "def f(\n    x): return x", "class A: x = 1"]
)
def test_a_body_on_the_line_of_its_head_is_refused(line):
    with pytest.raises(SourceError, match="lines of its own"):
        stub(line + "\n")


def test_a_form_feed_ends_no_line():
    text = stub("import math\n\x0c\ndef f(x):\n    '''Say \x0b what.'''\n    return 1\n")
    assert "'''Say \x0b what.'''\n    raise NotImplementedError" in text


def _wide(x):
    return x.float()


def _twice(x):
    return 2 * _wide(x)


SHIFT = 3


@mistake("right", "Say.")
def wrong(x, times: int = 1):
    """Go wrong."""
    return wrong(_twice(x) - SHIFT, 0) if times else np.asarray(x)


def unrelated(x):
    return x


def test_a_mistake_becomes_a_submission():
    text = mistake_source(wrong, "right")
    names = {n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    assert names == {"right", "_twice", "_wide"}
    assert "mistake" not in text
    assert "autograder" not in text
    scope: dict = {}
    exec(text, scope)
    assert scope["right"](torch.tensor(5)) == 7  # it calls itself under its new name


word = st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",)), max_size=12)
statement = st.one_of(
    word.filter(lambda w: "\0" not in w).map(lambda w: f"# {w}"),
    st.sampled_from(
        ["", "x = 1", "\x0c", "y = '''a\n\n  b'''", "def other():\n    return 1", "import math", "class A:\n    f = 2"]
    ),
    word.map(lambda w: f"z = {w!r}"),
)
block = st.lists(statement, max_size=5).map("\n".join)
NEW = "def f(x):\n    return 'new'"
OLD = st.sampled_from(
    [
        "def f(x):\n    return 1",
        "@staticmethod\n@property\ndef f(x):\n    '''Say.'''\n\n    # why\n    return 1",
        "def f(\n    x,\n): return 1",
        "class f:\n    def f(self):\n        pass",
        "def f(): pass",
    ]
)


@given(block, OLD, block, st.booleans())
def test_replacing_keeps_every_other_line(before, old, after, ends):
    text = "\n".join([before, old, after]) + ("\n" if ends else "")
    expected = "\n".join([before, NEW, after]) + ("\n" if ends else "")
    expected += "" if expected.endswith("\n") else "\n"
    assert replace_definition(text, "f", NEW, []) == expected


@given(block, st.booleans())
def test_a_new_definition_comes_last_and_keeps_every_line(before, ends):
    text = before + ("\n" if ends else "")
    expected = text + ("\n" if text and not text.endswith("\n") else "")
    expected += f"\n\ndef helper():\n    pass\n\n\n{NEW}\n"
    assert replace_definition(text, "f", NEW, ["def helper():\n    pass\n"]) == expected


def test_the_last_definition_is_replaced():
    text = "def f(x):\n    return 1\n\n\ndef f(x):\n    return 2\n"
    assert replace_definition(text, "f", NEW, []) == f"def f(x):\n    return 1\n\n\n{NEW}\n"


def test_a_method_of_that_name_stays():
    text = "class A:\n    def f(self):\n        return 1\n"
    assert replace_definition(text, "f", NEW, []).startswith(text)


@pytest.mark.parametrize(("text", "line"), [("x = 1\ndef g(:\n", 2), ("x = '\0'\n", 1)])
def test_a_file_that_does_not_parse_is_not_changed(text, line):
    with pytest.raises(SourceError, match=f"line {line}"):
        replace_definition(text, "f", NEW, [])


GUARD = """try:
    import triton
except ImportError:  # it may be missing

    class triton:
        jit = None
"""


def test_a_stub_keeps_an_import_that_may_fail_below_the_others():
    text = stub(f'"""D."""\n\nimport torch\n\n{GUARD}\n\nLARGEST = 4\n\n\ndef f(x):\n    return x\n')
    assert text == f'"""D."""\n\nimport torch\n\n{GUARD}\n\ndef f(x):\n    raise NotImplementedError("f")\n'
