"""Without an optional package a notebook goes on, and does what does not need it."""

import sys
from types import SimpleNamespace

import pytest
import torch

from autograder import notebook, skipping, stamps


@pytest.fixture
def shell(monkeypatch):
    shell = SimpleNamespace(input_transformers_cleanup=[str], user_ns={"x": 1, "torch": torch})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    return shell


def test_where_a_package_is_missing_what_needs_it_does_nothing(shell):
    for _ in range(2):
        assert "pip install triton" in str(skipping.skip_without("triton", "tl"))
    _, skip = shell.input_transformers_cleanup
    for skipped in (
        "@triton.jit\ndef kernel(p):\n    n = tl.load(p)\n",
        "def launch(x):\n    kernel[(1,)](x)\n",
        "x = launch(x)\n",
        "from exercises.gpu_kernels import triton_softmax\n",
    ):
        assert skip([skipped]) == [], skipped
    for kept in (
        "check('triton_softmax')",
        "%%exercise triton_softmax\n",
        "\ncalibration('f')",
        "hint('triton_softmax')",
        "import sys\n%reload_ext autograder\n",
        "x = torch.zeros(3)\nprint(x)\n",
        "a syntax error",
        "def launch():\n    return 1\n",
        "launch()\n",
    ):
        assert skip([kept]) == [kept], kept


def test_run_once_more_a_notebook_begins_with_all_its_cells(shell, monkeypatch):
    monkeypatch.setattr(notebook.magic, "register", lambda shell: None)
    for _ in range(2):
        skipping.skip_without("triton")
        notebook.load_ipython_extension(shell)
        assert shell.input_transformers_cleanup == [str]
    notebook.load_ipython_extension(shell)
    assert skipping.FIRST == stamps.MARK  # which the bootstrap cell alone holds


def test_outside_a_notebook_nothing_is_skipped(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert "kernel" in str(skipping.skip_without("triton"))
