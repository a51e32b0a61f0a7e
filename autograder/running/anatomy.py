"""The parts of a definition that the gate asks for again and again, found in one walk.

Each exercise of a submission reads the definitions that it reaches, by rules of its own; what they consist of stays.
"""

import ast
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeGuard

from autograder.running.scopes import local_names


@dataclass(frozen=True)
class Anatomy:
    """A definition, statement or expression: its nodes in the order of `ast.walk`, and what stands where."""

    nodes: tuple[ast.AST, ...]
    local: frozenset[int]  # the Name nodes that are bound by a function in it
    own: frozenset[str]  # the functions and classes that are defined in it
    docstrings: frozenset[int]
    called: frozenset[int]  # what stands before the brackets of a call
    assigned: dict[str, list[ast.expr | None]] = field(default_factory=dict)  # all that is assigned to a name
    stores: Counter[str] = field(default_factory=Counter)  # how often a name is bound in all


def dissect(statement: ast.AST) -> Anatomy:
    """Return the parts of a definition, statement or expression."""
    nodes = tuple(ast.walk(statement))
    definitions = [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    found = Anatomy(
        nodes,
        frozenset(local_names(statement)),
        frozenset(n.name for n in definitions if n is not statement),
        frozenset(id(n.body[0].value) for n in definitions if n.body and _is_docstring(n.body[0])),
        frozenset(id(n.func) for n in nodes if isinstance(n, ast.Call)),
    )
    for node in nodes:
        _note_binding(node, found)
    return found


def _is_docstring(statement: ast.stmt) -> TypeGuard[ast.Expr]:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _note_binding(node: ast.AST, found: Anatomy) -> None:
    """Note what is assigned to a name, for the questions whether it is short, or another name for something."""
    if isinstance(node, ast.arg):
        found.stores[node.arg] += 1
    elif isinstance(node, ast.arguments) and node.vararg:
        found.assigned.setdefault(node.vararg.arg, []).append(ast.Tuple([]))  # as short as a call is written
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        found.stores[node.id] += 1
    elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                found.assigned.setdefault(target.id, []).append(node.value)
