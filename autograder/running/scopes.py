"""Tells which names in a definition are bound in it, as Python sees it: a nested function's are not its parent's."""

import ast
from collections.abc import Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def local_names(statement: ast.AST) -> set[int]:
    """Return the ids of the Name nodes in a definition that are bound by a function in it."""
    return set(_visit(statement, frozenset()))


def _visit(node: ast.AST, bound: frozenset[str]) -> Iterator[int]:
    if isinstance(node, ast.Name):
        if node.id in bound:
            yield id(node)
        return
    inside: list[ast.AST] = []
    own = bound
    if isinstance(node, FUNCTIONS):
        inside = [*node.body] if isinstance(node.body, list) else [node.body]
        names, outer = _bound(node)
        own = (bound - outer) | names
    elif isinstance(node, COMPREHENSIONS):
        # All but the first iterable stands in a scope of its own.
        first = node.generators[0].iter
        inside = [n for n in _parts(node) if n is not first]
        own = bound | {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
    within = {id(n) for n in inside}
    for child in _parts(node):
        yield from _visit(child, own if id(child) in within else bound)


def _parts(node: ast.AST) -> list[ast.AST]:
    """Return the children, those of a comprehension's `for` among them."""
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, COMPREHENSIONS):
        return [n for child in children for n in (_parts(child) if isinstance(child, ast.comprehension) else [child])]
    return children


def _bound(function: Function) -> tuple[set[str], set[str]]:
    """Return what a function binds itself (arguments, assignments, imports, definitions, patterns), and its globals."""
    names = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    outer: set[str] = set()
    for node in _own_nodes(function):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                names.add(node.id)
        elif isinstance(node, ast.Global):
            outer.update(node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
    return names - outer, outer


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body that run in its own scope."""
    queue: list[ast.AST] = list(function.body) if isinstance(function.body, list) else [function.body]
    while queue:
        node = queue.pop()
        yield node
        if isinstance(node, COMPREHENSIONS):
            queue += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
        elif not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            queue += ast.iter_child_nodes(node)
