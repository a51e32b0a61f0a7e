"""Which names a definition binds itself, by Python's own rules of scope."""

import ast

import pytest

from autograder.running.scopes import local_names


def outer(source: str) -> set[str]:
    """Return the names that a definition reads from outside of it."""
    (statement,) = ast.parse(source).body
    local = local_names(statement)
    loads = (n for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
    return {n.id for n in loads if id(n) not in local}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x):\n    y = x\n    return y, z", {"z"}),
        ("def f(x=x):\n    return x", {"x"}),
        ("def f(*, g=getattr):\n    return g", {"getattr"}),
        ("@deco\ndef f(x: T) -> R:\n    pass", {"deco", "T", "R"}),
        ("def f():\n    def g(eval):\n        eval\n    eval", {"eval"}),
        ("def f(y):\n    def g():\n        y\n    return g", set()),
        ("def f():\n    def g():\n        y = 1\n    return y", {"y"}),
        ("def f():\n    global y\n    y = 1\n    return y", {"y"}),
        ("def f():\n    y = 1\n    def g():\n        global y\n        return y", {"y"}),
        ("def f(x):\n    return lambda q=w: q + x + v", {"w", "v"}),
        ("def f(x):\n    [i for i in x]\n    return i", {"i"}),
        ("def f(x):\n    return [i for i in i]", {"i"}),
        ("def f(x):\n    [j for i in x for j in i if j]", set()),
        ("def f(x):\n    [(t := i) for i in x]\n    return t", set()),
        ("def f():\n    import os.path\n    from a import b as c\n    return os, c, b", {"b"}),
        ("def f():\n    try:\n        pass\n    except E as e:\n        e", {"E"}),
        ("def f(x):\n    match x:\n        case {'a': b, **rest}:\n            b, rest, c", {"c"}),
        (
            "def f(x):\n    class A:\n        h = x\n        def m(self):\n            return self, h\n    return A",
            {"h"},
        ),
        ("class A:\n    def m(self, x=k):\n        return x", {"k"}),
        ("y = [i for i in z]", {"z"}),
    ],
)
def test_names_from_outside(source, names):
    assert outer(source) == names
