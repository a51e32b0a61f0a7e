"""A cell's function goes into a file; every other line stays as it was, whatever both look like."""

import ast
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.running.gate import is_stub
from autograder.sources import SourceError, find_definition
from autograder.splicing import is_stub_cell, splice

FILE = '''"""A chapter."""

import math

import torch
from torch import Tensor

SCALE = 2.0


def first(x: Tensor) -> Tensor:
    """Do one thing."""
    raise NotImplementedError("first")


# about second
def second(x):
    # inside
    return x * SCALE
    # behind


def _helper(x):
    return x


def third(x):
    return _helper(x)
'''
NAMES = ("first", "second", "third")


def spliced(cell: str, name: str = "second", text: str = FILE) -> str:
    return splice(text, cell, name, NAMES).text


def test_a_function_is_replaced_with_its_comments():
    new = spliced("# mine\ndef second(x):\n    return x + 1\n    # done\n")
    assert new == FILE.replace(
        "# about second\ndef second(x):\n    # inside\n    return x * SCALE\n    # behind\n",
        "# mine\ndef second(x):\n    return x + 1\n    # done\n",
    )


def test_the_same_cell_twice_changes_nothing():
    cell = (
        "# mine\nimport math\n\nLIMIT = 3\n\n\ndef _other(x):\n    return x\n\n\ndef second(x):\n    return _other(x)\n"
    )
    once = spliced(cell)
    assert spliced(cell, text=once) == once


def test_imports_helpers_and_constants_come_along():
    new = spliced("import cmath\nK = 3\n\ndef _inner(x):\n    return x\n\ndef second(x):\n    return _inner(x) + K\n")
    assert "from torch import Tensor\nimport cmath\n" in new
    assert new.index("K = 3") < new.index("def _inner") < new.index("def second")
    assert "\n\n\ndef _helper(x):\n    return x\n" in new


def test_what_is_imported_already_is_not_imported_twice():
    assert spliced("import torch\nimport math\ndef second(x):\n    return x\n").count("import torch\n") == 1


def test_a_future_import_comes_first():
    new = spliced("from __future__ import annotations\ndef second(x):\n    return x\n")
    assert new.startswith('"""A chapter."""\nfrom __future__ import annotations\n')
    ast.parse(new)


def test_a_helper_of_the_file_is_replaced_and_named():
    result = splice(
        FILE, "SCALE = 4.0\ndef _helper(x):\n    return 2 * x\ndef second(x):\n    return x\n", "second", NAMES
    )
    assert result.helpers == ("SCALE", "_helper")
    assert result.text.count("def _helper") == 1
    assert "SCALE = 4.0\n" in result.text
    assert "SCALE = 2.0" not in result.text


def test_a_missing_function_is_added():
    new = spliced("def third(x):\n    return 0\n", "third", "import torch")
    assert new == "import torch\n\n\ndef third(x):\n    return 0\n"
    assert spliced("def third(x):\n    return 0", "third", "") == "def third(x):\n    return 0\n"


def test_line_ends_of_the_file_are_kept():
    text = FILE.replace("\n", "\r\n")
    new = spliced("import cmath\ndef second(x):\n    return 1\n", text=text)
    assert new.count("\n") == new.count("\r\n")
    assert "    return 1\r\n" in new


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("def second(x:\n    pass", "the cell line 1"),
        ("def seccond(x):\n    return x\n", "the cell defines seccond, not second"),
        ("x = 1\n", "the cell defines nothing, not second"),
        ("second = lambda x: x\n", "the cell defines nothing, not second"),
        ("def second(x):\n    return x\n\nprint(second(1))\n", "the cell line 4: the file takes imports"),
        ("def second(x):\n    return x\n\nfor i in range(3):\n    pass\n", "the cell line 4: the file takes imports"),
        ("def second(x):\n    return x\n\ndef first(x):\n    return x\n", "first is another exercise"),
        ("def second(x):\n    return x\ndef second(x):\n    return 2\n", "defines second twice, in lines 1, 3"),
        ("from math import *\ndef second(x):\n    return x\n", "`import *`"),
        ("import numpy as torch\ndef second(x):\n    return x\n", "in the file torch is `import torch`"),
        ("from math import exp as third\ndef second(x):\n    return x\n", "choose another name"),
        ("math = 3\ndef second(x):\n    return x\n", "in the file math is `import math`"),
        ("K = 1; L = 2\ndef second(x):\n    return x\n", "two statements share a line"),
        ("SCALE, other = 1, 2\ndef second(x):\n    return x\n", None),
        ("%timeit 3\ndef second(x):\n    return x\n", "the cell line 1: invalid syntax"),
        ("def second(x):\n    return '\x00'\n", "the cell"),
    ],
)
def test_what_a_cell_may_not_hold(cell, words):
    if words is None:
        assert "SCALE, other = 1, 2\n" in spliced(cell)
        return
    with pytest.raises(SourceError) as caught:
        spliced(cell)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def broken(:\n", "the file line 1"),
        ("import torch\nA = 1; B = 2\n", "the file line 2 holds two statements"),
        ("A, B = 1, 2\n", "the cell line 1: the file defines A in another way"),
    ],
)
def test_what_a_file_may_not_hold(text, words):
    with pytest.raises(SourceError) as caught:
        spliced("A = 3\ndef second(x):\n    return x\n", text=text)
    assert words in str(caught.value)


def test_a_stub_is_known():
    assert is_stub_cell('def second(x):\n    """Do."""\n    raise NotImplementedError("second")\n', "second")
    assert not is_stub_cell("def second(x):\n    return x\n", "second")


# 500 random edits

INDENTS = ("    ", "\t", "  ")
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\x0c\"'\\", exclude_categories=["Cc", "Cs"]), max_size=12
)


@st.composite
def functions(draw, name: str) -> str:
    """Draw a function as a learner may write it: decorators, comments, nested functions, strings over lines, tabs."""
    pad = draw(st.sampled_from(INDENTS))
    lines = [f"# {draw(TEXTS)}".rstrip()] if draw(st.booleans()) else []
    lines += ["@torch.no_grad()"] if draw(st.booleans()) else []
    lines += [f"def {name}(x, größe=1):"] if draw(st.booleans()) else [f"def {name}(", "    x,", "):"]
    if draw(st.booleans()):
        lines += [f'{pad}"""{draw(TEXTS)}', "", f"no indent {draw(TEXTS)}", f'{pad}"""']
    if draw(st.booleans()):
        lines += [f"{pad}def inner(y):", f"{pad}{pad}# {draw(TEXTS)}".rstrip(), f"{pad}{pad}return y", ""]
    lines += [f"{pad}text = 'é {draw(TEXTS)}'", f"{pad}return x"]
    if draw(st.booleans()):
        lines += ["", f"{pad}# {draw(TEXTS)}".rstrip()]
    return "\n".join(lines)


@st.composite
def files(draw) -> str:
    parts = [draw(functions(name)) for name in NAMES if draw(st.integers(0, 5))]
    head = draw(st.sampled_from(["import torch", '"""Doc."""\nimport torch', "import torch\n\nSCALE = 2.0"]))
    gap = draw(st.sampled_from(["\n\n\n", "\n", "\n\n"]))
    text = gap.join([head, *parts]) + draw(st.sampled_from(["\n", "", "\n\n"]))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))


def raw(text: str, name: str) -> list[str]:
    """Return a function's lines with their ends; the last line of a file may get one."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    node = next((n for n in ast.parse(text).body if getattr(n, "name", "") == name), None)
    if node is None:
        return []
    start = min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
    found = lines[start : node.end_lineno]
    return [*found[:-1], found[-1].rstrip("\r\n")]


@given(files(), st.sampled_from(NAMES), st.data())
@settings(max_examples=500, deadline=None)
def test_500_random_edits_leave_every_other_function_as_it_was(text, name, data):
    cell = data.draw(functions(name)) + data.draw(st.sampled_from(["\n", "", "\n\n"]))
    if data.draw(st.booleans()):
        cell = f"import cmath\n\nK = 7\n\n\n{cell}"
    new = splice(text, cell, name, NAMES).text
    ast.parse(new)
    assert not is_stub(ast.parse(find_definition(new, name)).body[0])
    assert find_definition(new, name) == find_definition(cell, name)
    for other in NAMES:
        if other != name:
            assert raw(new, other) == raw(text, other)
    assert splice(new, cell, name, NAMES).text == new
