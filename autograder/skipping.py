"""Lets a notebook go on without an optional package: the cells that need it do nothing."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from autograder import needs
from autograder.report import Report

# The cells that work without what the others need, and the magic by which a notebook begins anew.
KEPT, FIRST = ("%%exercise", "check(", "hint(", "calibration("), "%reload_ext autograder"


class Skipping:
    """Lets cells do nothing that need a missing package: they name it, or what such a cell would have made."""

    def __init__(self, package: str, names: Iterable[str], there: Mapping[str, Any]) -> None:
        """Miss these names beside the package; `there` is what the notebook has made so far."""
        self._package = re.compile(rf"\b{package}")
        self._missing, self._there = set(names), there

    def __call__(self, lines: list[str]) -> list[str]:
        """Return a cell's lines, or none."""
        text = "".join(lines)
        if text.lstrip().startswith(KEPT) or FIRST in text:
            return lines
        try:
            nodes = list(ast.walk(ast.parse(text)))
        except SyntaxError:  # Python says it better
            return lines
        made = set(_made(nodes))
        used = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)} - made
        if self._package.search(text) or used & self._missing:
            self._missing |= made - self._there.keys()
            return []
        self._missing -= made
        return lines


def _made(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]


def skip_without(package: str, *names: str) -> Report:
    """Let those of the notebook's further cells do nothing that need a missing package; exercises and checks stay.

    It holds until the notebook is run from its first cells again.

    Args:
        package: The package's name, as for pip.
        names: Other names under which the notebook would have imported it.
    """
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    shell = get_shell()
    if shell is not None:
        skip_nothing(shell)
        shell.input_transformers_cleanup.append(Skipping(package, names, shell.user_ns))
    how = needs.WAYS.get(package, f"`pip install {package}`")
    return Report(
        f"{package} is not installed: the cells below that need it do nothing. {how}, then restart the kernel."
    )


def skip_nothing(shell: Any) -> None:
    """Let all cells of a notebook run again."""
    transformers = shell.input_transformers_cleanup
    transformers[:] = [t for t in transformers if not isinstance(t, Skipping)]
