"""Fingerprints of functions that stay the same when names, comments, annotations and formatting change."""

import ast
import hashlib
from collections.abc import Iterator

# Words of a fingerprint; honest people write smaller functions alike (`x.float() if ... else x` has 60).
TRIVIAL = 80
_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def fingerprints(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield name and fingerprint of each top-level function or class that is neither a stub nor trivial."""
    imported = dict(_imports(tree))
    own = {node.name for node in tree.body if isinstance(node, _Definition)}
    for node in tree.body:
        if isinstance(node, _Definition) and not _is_stub(node):
            words = list(_Words(node, imported, own).of(node))
            if len(words) >= TRIVIAL:
                yield node.name, hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each imported name and what it stands for, so that `import torch as t` changes nothing."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (
                    (alias.asname or alias.name.split(".")[0]),
                    (alias.name if alias.asname else alias.name.split(".")[0]),
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{'.' * node.level}{node.module or ''}.{alias.name}"


def _is_stub(node: ast.AST) -> bool:
    """Return whether every function in a definition only raises NotImplementedError."""
    body = [n for n in getattr(node, "body", []) if not _is_text(n)]
    if isinstance(node, ast.ClassDef):
        return all(_is_stub(n) for n in body if isinstance(n, _Definition))
    return not body or (
        len(body) == 1 and (isinstance(body[0], ast.Pass) or (_raises(body[0]) or "").startswith("NotImplemented"))
    )


def _raises(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Raise) or node.exc is None:
        return None
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return raised.id if isinstance(raised, ast.Name) else None


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Words:
    """Writes a definition as words: own names numbered in the order of their appearance, the rest as it is."""

    def __init__(self, node: ast.AST, imported: dict[str, str], own: set[str]) -> None:
        self._imported, self._numbers = imported, dict[str, str]()
        self._local = own | {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
        self._local |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        self._local |= {n.name for n in ast.walk(node) if isinstance(n, _Definition)}

    def _name(self, name: str) -> str:
        if name in self._local:
            return self._numbers.setdefault(name, f"name{len(self._numbers)}")
        return self._imported.get(name, name)

    def of(self, root: ast.AST) -> Iterator[str]:
        """Yield the words in the order of the source, without recursion: sources may be nested deeply."""
        stack: list[ast.AST | str] = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.AnnAssign):  # an annotation changes nothing
                node = ast.Assign([node.target], node.value) if node.value else ""
            if isinstance(node, str):
                yield node
            elif isinstance(node, ast.Name):
                yield self._name(node.id)
            elif isinstance(node, ast.Constant):
                yield f"{type(node.value).__name__} {_constant(node.value)}"
            elif not isinstance(node, (ast.expr_context, ast.TypeIgnore)):
                yield type(node).__name__
                stack += reversed(self._parts(node))

    def _parts(self, node: ast.AST) -> list[ast.AST | str]:
        parts: list[ast.AST | str] = []
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "type_comment", "type_params", "kind"):
                continue
            if isinstance(node, ast.Raise) and field == "exc" and _raises(node):
                parts.append(_raises(node) or "")  # the words of an error are formatting
                continue
            values = value if isinstance(value, list) else [value]
            if field == "body":
                values = [
                    v for v in values if not (isinstance(v, ast.AST) and (_is_text(v) or isinstance(v, ast.Pass)))
                ]
            parts += [v if isinstance(v, ast.AST) else self._plain(node, field, v) for v in values if v is not None]
            parts.append(f"/{field}")
        return parts

    def _plain(self, node: ast.AST, field: str, value: object) -> str:
        """Return a field that is no node: names of arguments and definitions are numbered, attributes stay."""
        own = (isinstance(node, ast.arg) and field == "arg") or (isinstance(node, _Definition) and field == "name")
        return self._name(str(value)) if own else str(value)


def _constant(value: object) -> str:
    """Return a constant's text; a huge integer, which Python refuses to print, by its hexadecimal digits."""
    return hex(value) if isinstance(value, int) and value > 1 << 1024 else repr(value)
