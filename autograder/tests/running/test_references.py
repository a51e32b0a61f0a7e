"""What a name in a learner's source refers to, without running it."""

import ast
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder.running.references import UNKNOWN, Own, fold_string, read, resolve

STEMS = frozenset({"log_sums", "floats"})


def referred(source: str, expression: str, local: frozenset[str] = frozenset()):
    node = ast.parse(expression, mode="eval").body
    return resolve(node, read("log_sums", source, STEMS), local)


@pytest.mark.parametrize(
    ("source", "expression", "value"),
    [
        ("import torch", "torch", torch),
        ("import torch", "torch.logsumexp", torch.logsumexp),
        ("import torch as t", "t.exp", torch.exp),
        ("import torch.nn.functional as F", "F.softmax", F.softmax),
        ("import torch.nn.functional", "torch.nn.functional.softmax", F.softmax),
        ("from torch import Tensor", "Tensor.exp", torch.Tensor.exp),
        ("from torch import logsumexp as lse", "lse", torch.logsumexp),
        ("from torch.nn import functional", "functional.softmax", F.softmax),
        ("from torch import nn", "nn.functional.softmax", F.softmax),
        ("import math", "math.log", math.log),
        ("import numpy as np", "np.logaddexp.reduce", UNKNOWN),  # a ufunc is neither module nor class
        ("import numpy as np", "np.logaddexp", np.logaddexp),
        ("", "len", len),
        ("", "unheard_of", UNKNOWN),
        ("import torch", "torch.unheard_of", UNKNOWN),
        ("import torch", "torch.zeros(1).exp", UNKNOWN),
        ("import os", "os.system", UNKNOWN),
        ("from os import system", "system", UNKNOWN),
        ("def helper(): pass", "helper", Own("log_sums", "helper")),
        ("class A: pass", "A.go", Own("log_sums", "A")),
        ("a, (b, *c) = 1, (2, 3)", "c", Own("log_sums", "c")),
        ("a: int = 1", "a", Own("log_sums", "a")),
        ("def exp(x): pass\nfrom torch import exp", "exp", Own("log_sums", "exp")),
        ("from .floats import ulp", "ulp", Own("floats", "ulp")),
        ("from . import floats", "floats", Own("floats")),
        ("from . import floats", "floats.ulp", Own("floats", "ulp")),
        ("from exercises.floats import ulp as u", "u", Own("floats", "ulp")),
        ("from exercises import floats as f", "f.ulp", Own("floats", "ulp")),
        ("import exercises.floats as f", "f.ulp", Own("floats", "ulp")),
        ("def f():\n    import math\n    return math", "math.pi", math.pi),
    ],
)
def test_resolve(source, expression, value):
    found = referred(source, expression)
    assert found == value if isinstance(value, (Own, float)) else found is value


def test_a_local_name_hides_the_modules_and_the_builtins():
    assert referred("def helper(): pass", "helper", frozenset({"helper"})) is UNKNOWN
    assert referred("", "len", frozenset({"len"})) is UNKNOWN


def test_a_local_name_does_not_hide_an_import():
    # It may be bound in a branch that is never taken.
    assert referred("import torch", "torch.logsumexp", frozenset({"torch"})) is torch.logsumexp


@pytest.mark.parametrize(
    ("source", "foreign"),
    [
        ("import math\nimport torch\nfrom typing import Any", []),
        ("\nimport os", [(2, "os")]),
        ("import torch.utils.cpp_extension", [(1, "torch.utils.cpp_extension")]),
        ("from subprocess import run", [(1, "subprocess")]),
        ("from torch import *", [(1, "torch.*")]),
        ("from ..solutions import log_sums", [(1, "..solutions")]),
        ("from .unheard_of import f", [(1, ".unheard_of")]),
        ("def f():\n    import sys", [(2, "sys")]),
        ("from __future__ import annotations", []),
        ("import solutions.log_sums", [(1, "solutions.log_sums")]),
    ],
)
def test_foreign_imports(source, foreign):
    assert read("log_sums", source, STEMS).foreign == foreign


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'logsumexp'", "logsumexp"),
        ("'log' + 'sum' + 'exp'", "logsumexp"),
        ("f'log{\"sum\"}exp'", "logsumexp"),
        ("''.join(['log', 'sum', 'exp'])", "logsumexp"),
        ("'_'.join(('log', 'softmax'))", "log_softmax"),
        ("'log' + name", None),
        ("f'log{name}'", None),
        ("''.join(parts)", None),
        ("''.join(['a', name])", None),
        ("'pxe'[::-1]", None),
        ("name", None),
        ("7", None),
    ],
)
def test_strings_that_constants_build(expression, text):
    assert fold_string(ast.parse(expression, mode="eval").body) == text


def test_definitions_are_kept_in_order():
    module = read("log_sums", "def f(): return 1\nf = 2\ndef f(): return 3\n", STEMS)
    assert [type(node).__name__ for node in module.definitions["f"]] == ["FunctionDef", "Assign", "FunctionDef"]
