"""The gate: reads a learner's source in the grader, before anything runs, and names each line that breaks a rule.

Only what the exercise reaches is read: the function, what it refers to in its own module and in sibling modules, and
the statements that an import runs. A finding either costs the rules case, or refuses the whole answer (`refuse`),
when the exercise's work is done by a forbidden function or may be hidden from view.
"""

import ast
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from autograder.running import policy
from autograder.running.reading import Reader
from autograder.running.recursion import converts
from autograder.running.references import Module, Own, read, resolve
from autograder.spec import Rules


@dataclass(frozen=True)
class Finding:
    """A line that breaks a rule. `kind` is a word for the diagnosis ("loop", "forbidden-method", "process" ...)."""

    kind: str
    stem: str
    line: int
    text: str
    refuse: bool = False


@dataclass(frozen=True)
class Report:
    """What the gate saw: `state` is "written", "not_written", "missing" or "unreadable" (a finding says why)."""

    state: str
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether nothing of this answer may be judged."""
        return any(finding.refuse for finding in self.findings)


def is_stub(node: ast.stmt) -> bool:
    """Return whether a definition holds nothing but a docstring and `raise NotImplementedError`."""
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return False
    body = [n for n in node.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    if isinstance(node, ast.ClassDef):
        return bool(body) and all(is_stub(n) for n in body)
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    raised = body[0].exc.func if isinstance(body[0].exc, ast.Call) else body[0].exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def examine(sources: Mapping[str, str], stem: str, name: str, rules: Rules) -> Report:
    """Examine exercise `name` in module `stem` of a package given as texts by stem."""
    if stem not in sources:
        text = f"there is no file {stem}.py: `python3 course.py reset {stem}` makes it anew"
        return Report("missing", (Finding("missing", stem, 0, text),))
    modules: dict[str, Module] = {}
    try:
        modules[stem] = read(stem, sources[stem], frozenset(sources))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Report("unreadable", (_unreadable(stem, error),))
    definitions = modules[stem].definitions.get(name)
    if not definitions:
        near = difflib.get_close_matches(name, modules[stem].definitions, 1)
        text = f"{stem}.py defines no {name}" + (f"; it has {near[0]}: is that a slip?" if near else "")
        return Report("missing", (Finding("missing", stem, 0, text),))
    if is_stub(definitions[-1]):
        return Report("not_written")
    try:
        findings = list(_walk(sources, modules, Own(stem, name), rules))
    except (ValueError, RecursionError, MemoryError) as error:  # nested too deeply, or a number too long to print
        return Report("unreadable", (_unreadable(stem, error),))
    return Report("written", tuple(sorted(set(findings), key=lambda f: (not f.refuse, f.stem, f.line, f.text))))


def _unreadable(stem: str, error: BaseException) -> Finding:
    line = getattr(error, "lineno", None) or 0
    written = (getattr(error, "text", None) or "").strip()
    text = f"{type(error).__name__}: {getattr(error, 'msg', None) or error}" + (f": `{written}`" if written else "")
    return Finding("syntax", stem, line, _tidy(text))


def _tidy(text: str) -> str:
    """Return a text that quotes the learner's own, cut to length and without characters that steer a screen."""
    return "".join(c if c.isprintable() else " " for c in text[:300])


def _walk(sources: Mapping[str, str], modules: dict[str, Module], start: Own, rules: Rules) -> Iterator[Finding]:
    forbidden = Forbid(rules)
    queue, seen = [start, Own(start.stem)], {start, Own(start.stem)}
    calls: dict[Own, set[Own]] = {}
    while queue:
        target = queue.pop()
        if target.stem not in modules:
            if target.stem not in sources:
                continue
            try:
                modules[target.stem] = read(target.stem, sources[target.stem], frozenset(sources))
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                yield _unreadable(target.stem, error)
                continue
        module = modules[target.stem]
        for line, imported in _foreign(module, target):
            if policy.module_allowed(imported, frozenset(rules.allows)):
                continue
            hides = imported.split(".")[0] in ("importlib", "builtins", "solutions")
            text = _tidy(f"`import {imported}` is not allowed here")
            yield Finding("hidden" if hides else "process", module.stem, line, text, refuse=hides)
        statements = _named(module, target.name) if target.name else _top(module)
        reader = Reader(module, forbidden, rules.allows)
        for statement in statements:
            reader.read(statement)
        if target.name is None:
            _read_imported(reader, module)
            imported_stems = {m.stem for bound in module.meanings.values() for m in bound if isinstance(m, Own)}
            reader.reached |= {Own(stem) for stem in imported_stems - {module.stem}}  # read, even if never named
        for kind, line, text, refuse in reader.findings:
            yield Finding(kind, module.stem, line, _tidy(text), refuse)
        itself = {target} if target in reader.reached and converts(statements) else set()
        calls[target] = reader.reached - itself
        for reached in reader.reached | {Own(r.stem) for r in reader.reached}:
            if reached not in seen:
                seen.add(reached)
                queue.append(reached)
    if "loops" not in rules.allows:
        yield from _cycles(calls, modules)


def _foreign(module: Module, target: Own) -> list[tuple[int, str]]:
    """Return the foreign imports that run with `target`: those in a function's body, or those of the module."""
    functions = [n for n in module.tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    if target.name is not None:
        named = [n for n in functions if n.name == target.name]
        return [found for found in module.foreign if _within(found[0], named)]
    return [found for found in module.foreign if not _within(found[0], functions)]


def _within(line: int, nodes: list[ast.FunctionDef | ast.AsyncFunctionDef]) -> bool:
    return any(n.lineno <= line <= (n.end_lineno or n.lineno) for n in nodes)


def _named(module: Module, name: str) -> list[ast.stmt]:
    """Return what defines a name; for one that the module only imports, the name itself."""
    if name in module.definitions or name not in module.meanings:
        return module.definitions.get(name, [])
    return [ast.Expr(ast.Name(name, ast.Load(), lineno=0), lineno=0)]


def _top(module: Module) -> list[ast.stmt]:
    """Return what an import runs, but for definitions and imports, which are judged where they are used."""
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    return [n for n in module.tree.body if not isinstance(n, (*definitions, ast.Assign, ast.AnnAssign))]


def _read_imported(reader: Reader, module: Module) -> None:
    """Read what an import runs of assignments, heads of definitions and class bodies.

    Only what hides or reaches out counts there, and what is called: a constant is judged where it is used.
    """
    aside = Reader(module, reader.forbidden, reader.allows)
    for node in _at_import(module):
        before = set(aside.reached)
        aside.read(node)
        if aside.parts.called:
            reader.reached |= aside.reached - before
    reader.findings += [found for found in aside.findings if found[0] in ("hidden", "process")]


def _at_import(module: Module) -> Iterator[ast.AST]:
    queue: list[ast.stmt] = list(module.tree.body)
    while queue:
        node = queue.pop(0)
        called: list[ast.expr] = []
        if isinstance(node, ast.ClassDef):
            called = [*node.bases, *(keyword.value for keyword in node.keywords)]
            queue += [n for n in node.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.args
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            # A library's own decorator or base does no harm to what nobody uses.
            for part in (*called, *node.decorator_list):
                if not isinstance(part, ast.Attribute) or not callable(resolve(part, module, frozenset())):
                    yield ast.Call(part, [], [])
        elif node not in module.tree.body or isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield node


def _cycles(calls: dict[Own, set[Own]], modules: dict[str, Module]) -> Iterator[Finding]:
    calls = _without_ends(calls)

    def reaches(start: Own) -> bool:
        queue, seen = list(calls.get(start, ())), set()
        while queue:
            node = queue.pop()
            if node == start:
                return True
            if node not in seen:
                seen.add(node)
                queue.extend(calls.get(node, ()))
        return False

    for own in calls:
        nodes = modules[own.stem].definitions.get(own.name, []) if own.name else []
        if nodes and reaches(own):
            node = nodes[-1]
            yield Finding("recursion", own.stem, node.lineno, f"`{own.name}` calls itself: recursion is a loop")


def _without_ends(calls: dict[Own, set[Own]]) -> dict[Own, set[Own]]:
    """Return the calls without those that lead to no cycle: in honest code, none is left."""
    left = {own: called & calls.keys() for own, called in calls.items()}
    callers: dict[Own, set[Own]] = {own: set() for own in left}
    for own, called in left.items():
        for other in called:
            callers[other].add(own)
    ends = [own for own, called in left.items() if not called]
    while ends:
        end = ends.pop()
        del left[end]
        for caller in callers[end]:
            left[caller].discard(end)
            if not left[caller]:
                ends.append(caller)
    return left


class Forbid:
    """Answers whether a resolved object or a tensor method is forbidden in this exercise."""

    def __init__(self, rules: Rules) -> None:
        """Index the forbidden functions by identity and by method name."""
        self.functions = {id(function): function for function in rules.forbidden.functions}
        self.names = {getattr(f, "__name__", "") for f in rules.forbidden.functions} - {""}
        self.methods = {n for n in self.names if hasattr(torch.Tensor, n)}

    def object(self, value: object) -> bool:
        """Return whether this very object is forbidden."""
        return id(value) in self.functions


__all__ = ["Finding", "Forbid", "Report", "examine", "is_stub", "policy", "resolve"]
