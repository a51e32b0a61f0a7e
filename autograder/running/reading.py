"""Reads one definition of a learner's source against the lists of `policy`."""

import ast
import builtins
from collections.abc import Collection
from typing import Any, Protocol

import torch

from autograder.running import policy
from autograder.running.references import UNKNOWN, Module, Own, bound_names, fold_string, resolve

REFUSED_NODES = (ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await, ast.Yield, ast.YieldFrom, ast.TryStar)
LOOPS = (ast.For, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SMALL_ATTRIBUTES = frozenset({"shape", "ndim", "param_groups", "dims"})
SMALL_CALLS = frozenset(
    {"range", "enumerate", "zip", "reversed", "sorted", "tuple", "list", "set", "len", "min", "max"}
)
SMALL_METHODS = frozenset({"dim", "size", "parameters", "items", "keys", "values"})


class Forbids(Protocol):
    """What the reader asks about forbidden functions."""

    methods: set[str]
    names: set[str]

    def object(self, value: object) -> bool:
        """Return whether this very object is forbidden."""


class Reader:
    """Collects findings (kind, line, text, refuse) and the learner's own definitions that are referred to."""

    def __init__(self, module: Module, forbidden: Forbids, allows: Collection[str]) -> None:
        """Read definitions of `module`."""
        self.module = module
        self.forbidden = forbidden
        self.allows = frozenset(allows)
        self.findings: list[tuple[str, int, str, bool]] = []
        self.reached: set[Own] = set()
        self._local: frozenset[str] = frozenset()
        self._own: frozenset[str] = frozenset()
        self._assigned: dict[str, list[ast.expr | None]] = {}
        self._stores: list[str] = []
        self._short_maps: set[int] = set()

    def read(self, statement: ast.AST) -> None:
        """Examine one definition, statement or expression."""
        self._local = frozenset(self._locals(statement))
        self._own = frozenset(
            n.name for n in ast.walk(statement) if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n is not statement
        )
        docstrings = {
            id(n.body[0].value)
            for n in ast.walk(statement)
            if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.body and isinstance(n.body[0], ast.Expr)
        }
        # `map` over a pair is no loop over rows.
        self._short_maps = {
            id(n.func)
            for n in ast.walk(statement)
            if isinstance(n, ast.Call) and len(n.args) > 1 and all(self._small(a, 0) for a in n.args[1:])
        }
        for node in ast.walk(statement):
            if not (isinstance(node, ast.Constant) and id(node) in docstrings):
                self._node(node)

    def _locals(self, statement: ast.AST) -> set[str]:
        names: set[str] = set()
        self._assigned = {}
        self._stores = []
        for node in ast.walk(statement):
            if isinstance(node, ast.arg):
                names.add(node.arg)
                self._stores.append(node.arg)
            elif isinstance(node, ast.arguments) and node.vararg:
                self._assigned.setdefault(node.vararg.arg, []).append(ast.Tuple([]))  # as short as a call is written
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node is not statement:
                names.add(node.name)
            elif isinstance(node, ast.ExceptHandler):
                names |= {node.name} if node.name else set()
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._stores.append(node.id)
            elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name):
                        self._assigned.setdefault(target.id, []).append(node.value)
        names |= set(bound_names(statement)) if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) else set()
        return names

    def _say(self, kind: str, node: ast.AST, text: str, refuse: bool = False) -> None:
        self.findings.append((kind, getattr(node, "lineno", 0), text, refuse))

    def _node(self, node: ast.AST) -> None:
        if isinstance(node, REFUSED_NODES):
            self._say("process", node, f"`{type(node).__name__}` has no place in a batched function")
        elif isinstance(node, LOOPS) and "loops" not in self.allows:
            self._say("loop", node, f"a `{'for' if isinstance(node, ast.For) else 'while'}` loop")
        elif isinstance(node, COMPREHENSIONS) and "loops" not in self.allows:
            for generator in node.generators:
                if not self._small(generator.iter, 0):
                    self._say("comprehension", node, f"a comprehension over `{ast.unparse(generator.iter)}`")
        elif isinstance(node, ast.FunctionDef) and node.name in self._own:
            if any(isinstance(n, ast.Name) and n.id == node.name for n in ast.walk(node)):
                self._say("recursion", node, f"`{node.name}` calls itself: recursion is a loop")
        elif isinstance(node, ast.Name):
            self._name(node)
        elif isinstance(node, ast.Attribute):
            self._attribute(node, node.attr, "method")
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.With):
            self._with(node)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and self._hiding_text(node.value):
            self._say("hidden", node, f"the string {node.value!r} can hide a name", refuse=True)

    @staticmethod
    def _hiding_text(text: str) -> bool:
        return ("__" in text and " " not in text) or text == "meta"

    def _name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            return
        value = resolve(node, self.module, self._local)
        if isinstance(value, Own):
            self.reached.add(value)
            return
        if node.id not in self._local and hasattr(builtins, node.id) and node.id not in self.module.imports:
            self._builtin(node)
        else:
            self._object(node, value, node.id, "direct")

    def _builtin(self, node: ast.Name) -> None:
        exception = isinstance(getattr(builtins, node.id), type) and issubclass(
            getattr(builtins, node.id), BaseException
        )
        if node.id in policy.HIDING_BUILTINS:
            self._say("hidden", node, f"`{node.id}` can hide what is called", refuse=True)
        elif node.id in policy.LOOPING_BUILTINS and "loops" not in self.allows:
            if id(node) in self._short_maps:
                return
            self._say("comprehension", node, f"`{node.id}` is a loop under another name")
        elif node.id not in policy.BUILTINS | policy.LOOPING_BUILTINS and not exception:
            self._say("process", node, f"`{node.id}` has no place here")

    def _object(self, node: ast.AST, value: Any, spelled: str, how: str) -> None:
        if value is UNKNOWN or isinstance(value, Own):
            return
        if self.forbidden.object(value):
            self._say(f"forbidden-{how}", node, f"`{spelled}` does the exercise's work", refuse=True)
        elif policy.is_module(value):
            if not policy.module_allowed(value.__name__, self.allows):
                kind = "numpy" if value.__name__.startswith("numpy") else "hidden"
                if kind == "hidden":
                    self._say(kind, node, f"`{spelled}` is out of bounds", refuse=True)
        elif any(value is f for f in policy.LOOPING_FUNCTIONS):
            self._say("comprehension", node, f"`{spelled}` is a Python loop inside")
        elif callable(value) and "numpy" not in self.allows and self._from_numpy(value):
            self._say("numpy", node, f"`{spelled}`: this exercise is in torch, NumPy leaves the device and the graph")

    @staticmethod
    def _from_numpy(value: Any) -> bool:
        return (getattr(value, "__module__", None) or type(value).__module__ or "").split(".")[0] == "numpy"

    def _attribute(self, node: ast.Attribute | ast.Call, name: str, how: str) -> None:
        base_node = node.value if isinstance(node, ast.Attribute) else node.args[0]
        base = resolve(base_node, self.module, self._local)
        spelled = f"{ast.unparse(base_node)}.{name}"
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)) and not isinstance(base, Own):
            if base is not UNKNOWN:
                self._say("hidden", node, f"`{spelled} = ...` changes a library", refuse=True)
            return
        if isinstance(base, Own):
            if base.name is None:
                self.reached.add(Own(base.stem, name))
            if name.startswith("__"):
                self._say("hidden", node, f"`{spelled}` is out of bounds", refuse=True)
            return
        if self._private(base_node, base, name):
            self._say("hidden", node, f"`{spelled}` is out of bounds", refuse=True)
        elif base is UNKNOWN:
            self._unknown_attribute(node, base_node, name, how, spelled)
        elif (base is torch or base is torch.Tensor) and name in policy.HIDING_TORCH:
            self._say("hidden", node, f"`{spelled}` is out of bounds", refuse=True)
        else:
            value = getattr(base, name, UNKNOWN)
            direct = "direct" if how == "method" and policy.is_module(base) else how
            self._object(node, value, spelled, direct)
            if base is torch.Tensor:
                self._unknown_attribute(node, base_node, name, how, spelled)

    def _unknown_attribute(self, node: ast.AST, base: ast.expr, name: str, how: str, spelled: str) -> None:
        own = isinstance(base, ast.Name) and base.id in ({"self", "cls", "ctx"} | self._own)
        if (
            own
            or self._instance(base)
            or (isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "super")
        ):
            return
        if name in self.forbidden.methods:
            self._say(f"forbidden-{how}", node, f"`{spelled}` does the exercise's work", refuse=True)
        elif name in policy.HIDING_ATTRIBUTES:
            self._say("hidden", node, f"`.{name}` is out of bounds", refuse=True)
        elif name in policy.LOOPING_ATTRIBUTES and "loops" not in self.allows:
            self._say("comprehension", node, f"`.{name}` is a loop under another name")

    def _private(self, base_node: ast.expr, base: Any, name: str) -> bool:
        if not name.startswith("_"):
            return False
        if isinstance(base_node, ast.Call) and isinstance(base_node.func, ast.Name) and base_node.func.id == "super":
            return name not in policy.METHODS
        if name.startswith("__"):
            return name not in ("__name__", "__init__")
        if isinstance(base_node, ast.Name) and base_node.id in {"self", "cls", "ctx"} | self._own:
            return False
        if isinstance(base_node, ast.Name) and base_node.id in self.module.foreign_names:
            return False  # os._exit: the import is a finding already, and no torch function hides there
        return not (base is torch and name.startswith("_foreach_"))

    def _values(self, name: str) -> list[ast.expr]:
        """Return all that a local name is ever bound to; nothing where that is not all in plain sight."""
        values = [v for v in self._assigned.get(name, []) if v is not None]
        return values if len(values) == self._stores.count(name) else []

    def _instance(self, node: ast.expr) -> bool:
        """Return whether an expression is an instance of a class of this file: its methods are the learner's own."""
        if isinstance(node, ast.Name):
            values = self._values(node.id)
            return bool(values) and all(isinstance(v, ast.Call) and self._instance(v) for v in values)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return False
        made = resolve(node.func, self.module, self._local)
        nodes = self.module.definitions.get(made.name or "", []) if made == Own(self.module.stem, node.func.id) else []
        return node.func.id == "super" or (bool(nodes) and all(isinstance(n, ast.ClassDef) for n in nodes))

    def _call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Name) or node.func.id in self._local:
            return
        if node.func.id in ("getattr", "hasattr") and len(node.args) >= 2:
            name = fold_string(node.args[1])
            if name is None:
                text = f"`{ast.unparse(node)}` hides which function is called: write the attribute"
                self._say("forbidden-getattr", node, text, refuse=True)
            else:
                self._attribute(node, name, "getattr")
        elif node.func.id == "type" and len(node.args) != 1:
            self._say("hidden", node, "`type` with three arguments makes a class out of sight", refuse=True)

    def _with(self, node: ast.With) -> None:
        for item in node.items:
            call = item.context_expr
            value = resolve(call.func if isinstance(call, ast.Call) else call, self.module, self._local)
            if not any(value is context for context in policy.CONTEXTS):
                self._say("hidden", node, f"`with {ast.unparse(call)}` is not allowed here", refuse=True)

    def _class(self, node: ast.ClassDef) -> None:
        for base in node.bases:
            value = resolve(base, self.module, self._local)
            if not isinstance(value, Own) and not any(value is allowed for allowed in policy.BASES):
                self._say(
                    "hidden", node, f"a class derived from `{ast.unparse(base)}` is not allowed here", refuse=True
                )
        if node.keywords:
            self._say("hidden", node, "a metaclass is not allowed here", refuse=True)
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name.startswith("__") and item.name not in policy.METHODS:
                self._say("hidden", item, f"`{item.name}` is not allowed here", refuse=True)

    def _small(self, node: ast.expr, depth: int) -> bool:
        """Return whether an iterable is as short as a list of dimensions or parameters, whatever the batch."""
        if depth > 8:
            return False
        if isinstance(node, ast.Constant):
            return not isinstance(node.value, int) or abs(node.value) <= 64
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return all(self._small(n.value, depth + 1) for n in node.elts if isinstance(n, ast.Starred))
        if isinstance(node, (ast.Dict, ast.JoinedStr)):
            return True
        if isinstance(node, ast.Attribute):
            return node.attr in SMALL_ATTRIBUTES
        if isinstance(node, ast.Subscript):
            return isinstance(node.slice, ast.Slice) and self._small(node.value, depth + 1)
        if isinstance(node, COMPREHENSIONS):
            return all(self._small(g.iter, depth + 1) for g in node.generators)
        if isinstance(node, ast.Name):
            values = self._values(node.id)
            if node.id not in self._assigned:
                return node.id in ("dims", "dim", "axes", "shape", "params", "reductions")
            return bool(values) and all(self._small(value, depth + 1) for value in values)
        if isinstance(node, ast.BinOp):
            return self._small(node.left, depth + 1) and self._small(node.right, depth + 1)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SMALL_CALLS:
            return all(self._small(a, depth + 1) for a in node.args)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SMALL_METHODS:
            return not (node.func.attr == "size" and node.args)
        return False
