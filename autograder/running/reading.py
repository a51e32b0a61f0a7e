"""Reads one definition of a learner's source against the lists of `policy`."""

import ast
import builtins
from collections.abc import Collection, Iterator
from typing import Any, Protocol

import torch

from autograder.running import policy
from autograder.running.anatomy import dissect
from autograder.running.references import UNKNOWN, Module, Own, fold_string, resolve

REFUSED_NODES = (ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await, ast.Yield, ast.YieldFrom, ast.TryStar)
LOOPS = (ast.For, ast.While)
GETTERS = ("getattr", "hasattr")
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
        self.parts = dissect(ast.Pass())
        self._bases: set[int] = set()
        self._short_maps: set[int] = set()
        self._in_kernels: set[int] = set()

    def read(self, statement: ast.AST) -> None:
        """Examine one definition, statement or expression."""
        self.parts = self.module.anatomy(statement)
        self._in_kernels = {id(n) for kernel in self._kernels() for n in ast.walk(kernel)}
        self._bases = set(self._where_modules_may_stand(statement))
        # `map` over a pair is no loop over rows.
        self._short_maps = {
            id(n.func)
            for n in self.parts.nodes
            if isinstance(n, ast.Call) and len(n.args) > 1 and all(self._small(a, 0) for a in n.args[1:])
        }
        for node in self.parts.nodes:
            if id(node) not in self.parts.docstrings:
                self._node(node)

    def _where_modules_may_stand(self, statement: ast.AST) -> Iterator[int]:
        """Yield the nodes from which an attribute is taken, or that get another name: `F = torch.nn.functional`."""
        for node in self.parts.nodes:
            if isinstance(node, ast.Attribute):
                yield id(node.value)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GETTERS:
                yield from map(id, node.args[:1])
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                named_once = node is statement or self._values(node.targets[0].id) == [node.value]
                yield from [id(node.value)] if named_once else []

    def _kernels(self) -> Iterator[ast.FunctionDef]:
        """Yield the functions that are compiled for a GPU: a loop in one of them is no loop of Python's."""
        if "triton" not in self.allows:
            return
        for node in self.parts.nodes:
            if isinstance(node, ast.FunctionDef) and any(map(self._is_jit, node.decorator_list)):
                yield node

    def _is_jit(self, decorator: ast.expr) -> bool:
        made = self._resolve(decorator.func if isinstance(decorator, ast.Call) else decorator)
        return (getattr(made, "__module__", None) or "").startswith("triton.") and made.__name__ == "jit"

    def _resolve(self, node: ast.expr) -> Any:
        root = node = self._written_out(node)
        while isinstance(root, ast.Attribute):
            root = root.value
        local = {root.id} if isinstance(root, ast.Name) and id(root) in self.parts.local else set()
        return resolve(node, self.module, frozenset(local))

    def _written_out(self, node: ast.expr) -> ast.expr:
        """Return an expression with a local name for a module written out."""
        if isinstance(node, ast.Attribute):
            base = self._written_out(node.value)
            return node if base is node.value else ast.Attribute(base, node.attr, node.ctx)
        if isinstance(node, ast.Name) and id(node) in self.parts.local:
            values = self._values(node.id)
            if len(values) == 1 and isinstance(values[0], (ast.Name, ast.Attribute)) and values[0] is not node:
                return values[0] if policy.is_module(resolve(values[0], self.module, frozenset())) else node
        return node

    def _say(self, kind: str, node: ast.AST, text: str, refuse: bool = False) -> None:
        self.findings.append((kind, getattr(node, "lineno", 0), text, refuse))

    def _node(self, node: ast.AST) -> None:
        if isinstance(node, REFUSED_NODES):
            self._say("process", node, f"`{type(node).__name__}` has no place in a batched function")
        elif isinstance(node, LOOPS) and "loops" not in self.allows and id(node) not in self._in_kernels:
            self._say("loop", node, f"a `{'for' if isinstance(node, ast.For) else 'while'}` loop")
        elif isinstance(node, COMPREHENSIONS) and "loops" not in self.allows:
            for generator in node.generators:
                if not self._small(generator.iter, 0):
                    self._say("comprehension", node, f"a comprehension over `{ast.unparse(generator.iter)}`")
        elif isinstance(node, ast.FunctionDef) and node.name in self.parts.own:
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
        elif isinstance(node, ast.MatchClass):
            self._pattern(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and self._hiding_text(node.value):
            self._say("hidden", node, f"the string {node.value!r} can hide a name", refuse=True)

    @staticmethod
    def _hiding_text(text: str) -> bool:
        return ("__" in text and " " not in text) or text == "meta"

    def _name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            return
        value = self._resolve(node)
        self._other_meanings(node, value)
        if isinstance(value, Own):
            self._own_name(node, value, node.id)
        elif id(node) not in self.parts.local and hasattr(builtins, node.id) and node.id not in self.module.imports:
            self._builtin(node)
        else:
            self._object(node, value, node.id, "direct")

    def _own_name(self, node: ast.expr, value: Own, spelled: str) -> None:
        self.reached.add(value)
        if value.name is None and id(node) not in self._bases:
            self._handed_on(node, spelled)

    def _handed_on(self, node: ast.expr, spelled: str) -> None:
        text = f"`{spelled}` is a module: handed on, it hides what is called; write `{spelled}.name` where you call it"
        self._say("hidden", node, text, refuse=True)

    def _other_meanings(self, node: ast.Name, value: Any) -> None:
        """Look at all that imports bind to a name, in whatever order and scope: which of them counts is not asked."""
        meanings = [m for m in self.module.meanings.get(node.id, []) if m is not value and m != value]
        for meant in meanings:
            if isinstance(meant, Own):
                self.reached.add(meant)
            elif policy.is_module(meant) or policy.is_module(value):
                self._say("hidden", node, f"`{node.id}` has two meanings in this file: rename one", refuse=True)
            else:
                self._object(node, meant, node.id, "direct")
        if node.id in self.module.outside:
            self._outside(node, self.module.outside[node.id], node.id)

    def _outside(self, node: ast.expr, dotted: str, spelled: str) -> None:
        if policy.leads_out(dotted):
            self._say("hidden", node, f"`{spelled}` can hide what is called", refuse=True)
        elif "." not in dotted and id(node) not in self._bases:
            self._handed_on(node, spelled)

    def _builtin(self, node: ast.Name) -> None:
        exception = isinstance(getattr(builtins, node.id), type) and issubclass(
            getattr(builtins, node.id), BaseException
        )
        if node.id == "getattr" and id(node) not in self.parts.called:
            self._say("forbidden-getattr", node, "`getattr` under another name hides what is called", refuse=True)
        elif node.id in policy.HIDING_BUILTINS:
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
        if any(value is hiding for hiding in policy.HIDING_OBJECTS):
            self._say("hidden", node, f"`{spelled}` can hide what is called", refuse=True)
        if value is getattr:
            self._say("forbidden-getattr", node, f"`{spelled}` is getattr, which hides what is called", refuse=True)
        elif any(value is getattr(builtins, name, UNKNOWN) for name in policy.HIDING_BUILTINS):
            self._say("hidden", node, f"`{spelled}` can hide what is called", refuse=True)
        elif self.forbidden.object(value):
            self._say(f"forbidden-{how}", node, f"`{spelled}` does the exercise's work", refuse=True)
        elif policy.is_module(value):
            if not policy.module_allowed(value.__name__, self.allows):
                if value.__name__ not in policy.PLAIN_NUMPY:
                    self._say("hidden", node, f"`{spelled}` is out of bounds", refuse=True)
            elif isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in self._bases:
                self._handed_on(node, spelled)
        elif any(value is f for f in policy.LOOPING_FUNCTIONS):
            self._say("comprehension", node, f"`{spelled}` is a Python loop inside")
        elif callable(value) and "numpy" not in self.allows and self._from_numpy(value):
            self._say("numpy", node, f"`{spelled}`: this exercise is in torch, NumPy leaves the device and the graph")

    @staticmethod
    def _from_numpy(value: Any) -> bool:
        return (getattr(value, "__module__", None) or type(value).__module__ or "").split(".")[0] == "numpy"

    def _attribute(self, node: ast.Attribute | ast.Call, name: str, how: str) -> None:
        base_node = node.value if isinstance(node, ast.Attribute) else node.args[0]
        base = self._resolve(base_node)
        spelled = f"{ast.unparse(base_node)}.{name}"
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)) and not isinstance(base, Own):
            self._stored(node, base_node, base, spelled)
            return
        if isinstance(base, Own) and (base.name is None or isinstance(base_node, ast.Name)):
            if base.name is None:
                self.reached.add(Own(base.stem, name))
            if name.startswith("__"):
                self._say("hidden", node, f"`{spelled}` is out of bounds", refuse=True)
            elif name in policy.FRAME_ATTRIBUTES:
                self._say("hidden", node, f"`.{name}` is out of bounds", refuse=True)
            return
        base = UNKNOWN if isinstance(base, Own) else base
        dotted = self._dotted(node)
        if dotted is not None:
            self._outside(node, dotted, spelled)
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

    def _stored(self, node: ast.Attribute, base_node: ast.expr, base: Any, spelled: str) -> None:
        """Judge `base.name = ...`: the base may be a class of torch's that was handed to a parameter."""
        if base is not UNKNOWN:
            self._say("hidden", node, f"`{spelled} = ...` changes a library", refuse=True)
        elif node.attr.startswith("__"):
            self._say("hidden", node, f"`{spelled} = ...` is out of bounds", refuse=True)
        elif node.attr in policy.TAKEN - policy.STORED and not self._is_own(base_node):
            text = f"`{spelled} = ...` may change a class of torch's, which has a `{node.attr}`: give it another name"
            self._say("hidden", node, text, refuse=True)

    def _is_own(self, base: ast.expr) -> bool:
        """Return whether an expression is an object of the learner's own making, as far as its name tells."""
        named = isinstance(base, ast.Name) and base.id in ({"self", "cls", "ctx"} | self.parts.own)
        return named or self._instance(base)

    def _dotted(self, node: ast.AST) -> str | None:
        """Return the full name of an attribute of what is not importable here: "os.sys"."""
        if isinstance(node, ast.Attribute):
            base = self._dotted(node.value)
            return base and f"{base}.{node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            base, name = self._dotted(node.args[0]), fold_string(node.args[1]) if len(node.args) > 1 else None
            return base and f"{base}.{name}"
        return self.module.outside.get(node.id) if isinstance(node, ast.Name) else None

    def _unknown_attribute(self, node: ast.AST, base: ast.expr, name: str, how: str, spelled: str) -> None:
        if name in policy.FRAME_ATTRIBUTES:
            self._say("hidden", node, f"`.{name}` is out of bounds", refuse=True)
            return
        if self._is_own(base) or (
            isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "super"
        ):
            return
        if name in self.forbidden.methods:
            self._say(f"forbidden-{how}", node, f"`{spelled}` does the exercise's work", refuse=True)
        elif name in policy.HIDING_ATTRIBUTES:
            self._say("hidden", node, f"`.{name}` is out of bounds", refuse=True)
        elif name in policy.LOOPING_ATTRIBUTES and "loops" not in self.allows:
            self._say("comprehension", node, f"`.{name}` is a loop under another name")
        elif name in policy.LISTING_ATTRIBUTES and "loops" not in self.allows:
            self._say("list", node, f"`.{name}` takes the numbers to Python, where they are worked on one by one")

    def _private(self, base_node: ast.expr, base: Any, name: str) -> bool:
        if not name.startswith("_"):
            return False
        if isinstance(base_node, ast.Call) and isinstance(base_node.func, ast.Name) and base_node.func.id == "super":
            return name not in policy.METHODS
        if name.startswith("__"):
            return name not in ("__name__", "__init__")
        if isinstance(base_node, ast.Name) and base_node.id in {"self", "cls", "ctx"} | self.parts.own:
            return False
        if isinstance(base_node, ast.Name) and base_node.id in self.module.foreign_names:
            return False  # os._exit: the import is a finding already, and no torch function hides there
        return not (base is torch and name.startswith("_foreach_"))

    def _values(self, name: str) -> list[ast.expr]:
        """Return all that a local name is ever bound to; nothing where that is not all in plain sight."""
        values = [v for v in self.parts.assigned.get(name, []) if v is not None]
        return values if len(values) == self.parts.stores[name] else []

    def _instance(self, node: ast.expr) -> bool:
        """Return whether an expression is an instance of a class of this file: its methods are the learner's own."""
        if isinstance(node, ast.Name):
            values = self._values(node.id)
            return bool(values) and all(isinstance(v, ast.Call) and self._instance(v) for v in values)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return False
        made = self._resolve(node.func)
        nodes = self.module.definitions.get(made.name or "", []) if made == Own(self.module.stem, node.func.id) else []
        return node.func.id == "super" or (bool(nodes) and all(isinstance(n, ast.ClassDef) for n in nodes))

    def _call(self, node: ast.Call) -> None:
        self._sorting(node)
        if not isinstance(node.func, ast.Name) or id(node.func) in self.parts.local:
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

    def _sorting(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        keyed = name in policy.SORTING and any(keyword.arg in ("key", None) for keyword in node.keywords)
        over = node.func.value if isinstance(node.func, ast.Attribute) else node.args[0] if node.args else None
        if keyed and "loops" not in self.allows and (over is None or not self._small(over, 0)):
            self._say("comprehension", node, f"`{name}` with a key is a loop under another name")

    def _pattern(self, node: ast.MatchClass) -> None:
        """Read `case A(name=...)`, which takes an attribute."""
        for name in node.kwd_attrs:
            if name.startswith("_"):
                self._say("hidden", node, f"`.{name}` is out of bounds", refuse=True)
            else:
                self._unknown_attribute(node, node.cls, name, "method", f"{ast.unparse(node.cls)}({name}=...)")

    def _with(self, node: ast.With) -> None:
        for item in node.items:
            call = item.context_expr
            value = self._resolve(call.func if isinstance(call, ast.Call) else call)
            if not any(value is context for context in policy.CONTEXTS):
                self._say("hidden", node, f"`with {ast.unparse(call)}` is not allowed here", refuse=True)

    def _class(self, node: ast.ClassDef) -> None:
        for base in node.bases:
            value = self._resolve(base)
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
            if node.id not in self.parts.assigned:
                return node.id in ("dims", "dim", "axes", "shape", "params", "reductions")
            return bool(values) and all(self._small(value, depth + 1) for value in values)
        if isinstance(node, ast.BinOp):
            return self._small(node.left, depth + 1) and self._small(node.right, depth + 1)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SMALL_CALLS:
            return all(self._small(a, depth + 1) for a in node.args)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SMALL_METHODS:
            return not (node.func.attr == "size" and node.args)
        return False
