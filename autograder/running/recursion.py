"""Tells a function that hands its input on to itself in another dtype from one that loops by recursion."""

import ast

# Another dtype or another layout of the same numbers.
CONVERSIONS = frozenset(
    {
        *("float", "double", "to", "type", "astype", "contiguous", "clone", "copy"),
        *("unsqueeze", "movedim", "moveaxis", "transpose", "swapaxes", "expand_dims"),
    }
)


def converts(statements: list[ast.stmt]) -> bool:
    """Return whether a function calls itself only with its whole first argument, in another dtype or layout.

    `if x.dtype == torch.float16: return logsumexp(x.float(), dim).half()` is no loop.
    """
    if len(statements) != 1 or not isinstance(statements[0], ast.FunctionDef) or not statements[0].args.args:
        return False
    function, first = statements[0], statements[0].args.args[0].arg
    nodes = list(ast.walk(function))
    bound = [n.lineno for n in nodes if isinstance(n, ast.Name) and n.id == first and isinstance(n.ctx, ast.Store)]
    calls = {id(n.func): n for n in nodes if isinstance(n, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id == function.name:
            call = calls.get(id(node))
            if call is None or not call.args or not _whole(call.args[0], first):
                return False
            if any(line <= node.lineno for line in bound):
                return False  # by then it may be a piece
    return True


def _whole(node: ast.expr, name: str) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value is None and _whole(node.value, name)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CONVERSIONS:
        return _whole(node.func.value, name) or bool(node.args and _whole(node.args[0], name))
    return isinstance(node, ast.Name) and node.id == name
