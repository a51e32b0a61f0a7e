"""What a name in a learner's source refers to: imports, the learner's own definitions, locals, or unknown."""

import ast
import builtins
import functools
import importlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from autograder.running import policy
from autograder.running.anatomy import Anatomy, dissect

MOST_NODES = 20_000  # of syntax in one source; the longest chapter has some thousands


class Unknown:
    """A reference that cannot be resolved without running the code."""

    def __repr__(self) -> str:
        """Return a word for it."""
        return "unknown"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Own:
    """A reference to the learner's own code: a module (`name` None) or something defined in it."""

    stem: str
    name: str | None = None


@dataclass
class Module:
    """One parsed source: its definitions by name and what its imports bind."""

    stem: str
    tree: ast.Module
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Any] = field(default_factory=dict)
    foreign: list[tuple[int, str]] = field(default_factory=list)  # imports of what is not importable
    foreign_names: set[str] = field(default_factory=set)
    outside: dict[str, str] = field(default_factory=dict)  # what a name stands for that is not importable here
    meanings: dict[str, list[Any]] = field(default_factory=dict)  # all that imports bind to a name, wherever they stand

    dissected: dict[ast.AST, Anatomy] = field(default_factory=dict, repr=False)

    def anatomy(self, statement: ast.AST) -> Anatomy:
        """Return the parts of one of its statements, or of an expression that the gate has made up from some."""
        if getattr(statement, "lineno", 0) < 1 and not isinstance(statement, ast.arguments):  # made up, used once
            return dissect(statement)
        if statement not in self.dissected:
            self.dissected[statement] = dissect(statement)
        return self.dissected[statement]

    def bind(self, name: str, value: Any) -> None:
        """Note what an import binds; the last one counts."""
        self.imports[name] = value
        meanings = self.meanings.setdefault(name, [])
        if not any(value is meaning for meaning in meanings):
            meanings.append(value)


def bound_names(target: ast.AST) -> Iterator[str]:
    """Yield the names that an assignment target binds."""
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            yield node.id


def _imported(tree: ast.Module) -> ast.Module:
    """Return the module without its `if __name__ == "__main__":` blocks: an import does not run them.

    Not where the name may be bound to something else.
    """
    tests = ("__name__ == '__main__'", "'__main__' == __name__")
    blocks = [n for n in tree.body if isinstance(n, ast.If) and not n.orelse and ast.unparse(n.test) in tests]
    if not blocks:
        return tree
    rest = ast.Module([n for n in tree.body if n not in blocks], tree.type_ignores)
    shown = ast.dump(rest).replace("attr='__name__', ctx=Load()", "")  # type(x).__name__ is harmless
    return tree if "__name__" in shown else rest


@functools.lru_cache(maxsize=16)  # every exercise of a submission reads the same sources; nobody changes a Module
def read(stem: str, source: str, stems: frozenset[str], package: str = "exercises") -> Module:
    """Parse a source and collect what its names refer to.

    Raises:
        SyntaxError: As `ast.parse`, or it is too long.
    """
    tree = ast.parse(source)
    if sum(1 for _ in itertools.islice(ast.walk(tree), MOST_NODES)) == MOST_NODES:
        raise SyntaxError("the file is too long to read: that is no exercise")
    module = Module(stem, _imported(tree))
    for node in module.tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            module.definitions.setdefault(node.name, []).append(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for name in bound_names(target):
                    module.definitions.setdefault(name, []).append(node)
    for inner in ast.walk(module.tree):
        if isinstance(inner, ast.Import):
            for alias in inner.names:
                _bind_import(module, inner.lineno, alias, stems, package)
        elif isinstance(inner, ast.ImportFrom):
            _bind_from(module, inner, stems, package)
    return module


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name) if name in policy.IMPORTABLE or name.startswith("triton") else UNKNOWN
    except ImportError:
        return UNKNOWN


def _bind_import(module: Module, line: int, alias: ast.alias, stems: frozenset[str], package: str) -> None:
    bound = alias.asname or alias.name.split(".")[0]
    sibling = alias.name.removeprefix(package + ".")
    if alias.asname and sibling != alias.name and sibling in stems:
        module.bind(bound, Own(sibling))
        return
    value = _load(alias.name if alias.asname else alias.name.split(".")[0])
    if alias.name not in policy.IMPORTABLE and not alias.name.startswith("triton"):
        module.foreign.append((line, alias.name))
        if value is UNKNOWN:  # `import torch.testing` binds torch
            module.foreign_names.add(bound)
            module.outside[bound] = alias.name if alias.asname else bound
    elif not alias.asname:
        _load(alias.name)
    module.bind(bound, value)


def _bind_from(module: Module, node: ast.ImportFrom, stems: frozenset[str], package: str) -> None:
    base = node.module or ""
    own = node.level == 1 or base == package or base.startswith(package + ".")
    base = base.removeprefix(package).lstrip(".") if own else base
    for alias in node.names:
        bound = alias.asname or alias.name
        if own:
            known = (base or alias.name) in stems
            module.bind(bound, Own(base, alias.name) if base else Own(alias.name))
            if not known:
                module.foreign.append((node.lineno, "." + (base or alias.name)))
        elif node.level or (base not in policy.IMPORTABLE and not base.startswith("triton")):
            module.foreign.append((node.lineno, "." * node.level + base))
            module.outside[bound] = f"{base}.{alias.name}"
            module.bind(bound, UNKNOWN)
        elif alias.name == "*":
            module.foreign.append((node.lineno, f"{base}.*"))
            for name, value in vars(_load(base)).items():
                if not name.startswith("_"):
                    module.bind(name, value)
        else:
            value = getattr(_load(base), alias.name, UNKNOWN)
            module.bind(bound, _load(f"{base}.{alias.name}") if value is UNKNOWN else value)


def fold_string(node: ast.expr) -> str | None:
    """Return the string that an expression of constants builds, or None."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    parts: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [node.left, node.right]
    elif isinstance(node, ast.JoinedStr):
        # A format may drop a part: f"{'abs':.0}".
        plain = [p for p in node.values if not isinstance(p, ast.FormattedValue) or p.conversion == -1]
        if len(plain) < len(node.values) or any(getattr(p, "format_spec", None) for p in plain):
            return None
        parts = [p.value if isinstance(p, ast.FormattedValue) else p for p in plain]
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "join"
        and len(node.args) == 1
        and isinstance(node.args[0], (ast.List, ast.Tuple))
    ):
        glue = fold_string(node.func.value)
        folded = [fold_string(p) for p in node.args[0].elts]
        return glue.join(f for f in folded if f is not None) if glue is not None and None not in folded else None
    if not parts:
        return None
    folded = [fold_string(p) for p in parts]
    return "".join(f for f in folded if f is not None) if None not in folded else None


def _alias(module: Module, name: str, local: frozenset[str]) -> Any:
    """Return what a name of the module stands for if that is all it ever is: `lib = np`; else None."""
    nodes = module.definitions[name]
    value = nodes[0].value if len(nodes) == 1 and isinstance(nodes[0], ast.Assign) else None
    if not isinstance(value, (ast.Name, ast.Attribute)) or ast.unparse(nodes[0]) != f"{name} = {ast.unparse(value)}":
        return None
    meant = resolve(value, module, local | {name})
    return None if meant is UNKNOWN or isinstance(meant, Own) else meant


def resolve(node: ast.expr, module: Module, local: frozenset[str]) -> Any:
    """Return the object an expression refers to, an `Own`, a builtin, or UNKNOWN."""
    if isinstance(node, ast.Name):
        if node.id in local and node.id not in module.imports:
            return UNKNOWN
        if node.id in module.definitions:
            return _alias(module, node.id, local) or Own(module.stem, node.id)
        if node.id in module.imports:
            return module.imports[node.id]
        return getattr(builtins, node.id, UNKNOWN)
    if isinstance(node, ast.Attribute):
        base = resolve(node.value, module, local)
        if isinstance(base, Own):
            return Own(base.stem, node.attr) if base.name is None else base
        if policy.is_module(base) or isinstance(base, type):
            return getattr(base, node.attr, UNKNOWN)
    return UNKNOWN
