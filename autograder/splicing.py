"""Puts a notebook cell's function into an exercise file; every line that it does not replace stays byte for byte."""

import ast
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from autograder.running.gate import is_stub
from autograder.sources import SourceError

ENDS = re.compile(r"\r\n|\r|\n")  # what Python takes for the end of a line
ASIDE = "the file takes imports, functions, classes and constants: run the rest in another cell"
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Spliced:
    """A file's new text, and what was replaced beside the exercise itself."""

    text: str
    helpers: tuple[str, ...]


@dataclass(frozen=True)
class _Module:
    """A parsed text and its lines, each with its own end."""

    tree: ast.Module
    lines: list[str]


def _parse(text: str, where: str) -> _Module:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f" line {line}" if line else ""
        raise SourceError(f"{where}{place}: {getattr(error, 'msg', None) or error}") from None
    places = [match.end() for match in ENDS.finditer(text)]
    starts = [0, *places]
    return _Module(tree, [text[a:b] for a, b in zip(starts, [*places, len(text)], strict=True)])


def _bare(line: str) -> str:
    return line.strip()


def _span(module: _Module, node: ast.stmt) -> tuple[int, int]:
    """Return the lines of a statement (from, to): decorators, and the comments that touch it, belong to it."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
    last = node.end_lineno or node.lineno
    while first and _bare(module.lines[first - 1]).startswith("#") and not module.lines[first - 1][0].isspace():
        first -= 1
    if isinstance(node, Definition):
        end = last
        while end < len(module.lines) and (not _bare(module.lines[end]) or module.lines[end].startswith((" ", "\t"))):
            end += 1
            if _bare(module.lines[end - 1]):
                last = end  # a comment that is indented is the body's
    return first, last


def _names(node: ast.stmt) -> list[str]:
    """Return what a statement of the top level binds, imports aside."""
    if isinstance(node, Definition):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]


def _imports(tree: ast.Module) -> dict[str, str]:
    """Return what each name that a module imports stands for."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {a.asname or a.name: f"import {a.name}" for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found |= {a.asname or a.name: f"from {base} import {a.name}" for a in node.names}
    return found


def definition(cell: str, name: str) -> Definition:
    """Return the cell's definition of an exercise.

    Raises:
        SourceError: The cell does not parse, or defines no such function; the message says what to do.
    """
    found = [n for n in _parse(cell, "the cell").tree.body if isinstance(n, Definition)]
    named = [n for n in found if n.name == name]
    if not named:
        others = ", ".join(n.name for n in found) or "nothing"
        raise SourceError(f"the cell defines {others}, not {name}: its first line says which exercise it is for")
    if len(named) > 1:
        raise SourceError(f"the cell defines {name} twice, in lines {', '.join(str(n.lineno) for n in named)}")
    return named[0]


def is_stub_cell(cell: str, name: str) -> bool:
    """Return whether the cell holds the exercise as it was at the start."""
    return is_stub(definition(cell, name))


def splice(text: str, cell: str, name: str, exercises: Collection[str]) -> Spliced:
    """Return a file's text with the cell's function in it, and with the imports, helpers and constants it brings.

    Args:
        text: The exercise file, with the line ends it has.
        cell: The cell's source.
        name: The exercise.
        exercises: The names of all exercises of this chapter: each has its own cell.

    Raises:
        SourceError: One of the two does not parse, or the cell holds what belongs elsewhere.
    """
    definition(cell, name)
    mine, file = _parse(cell, "the cell"), _parse(text, "the file")
    _accept(mine, file, name, exercises)
    end = (ENDS.search(text) or [None])[0] or "\n"

    def block(node: ast.stmt) -> str:
        first, last = _span(mine, node)
        return "".join(ENDS.sub("", line) + end for line in mine.lines[first:last])

    docstring = [n for n in mine.tree.body[:1] if isinstance(n, ast.Expr)]
    nodes = [n for n in mine.tree.body if n not in docstring]
    known = _imports(file.tree)
    wanted = _imports(mine.tree)
    edits: list[tuple[int, int, str]] = []
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and any(
            known.get(a.asname or a.name) != wanted[a.asname or a.name] for a in node.names
        ):
            place = _after_imports(file, first=getattr(node, "module", "") == "__future__")
            edits.insert(0, (place, place, block(node)))
    homes = {bound: n for n in file.tree.body for bound in _names(n)}
    fresh: list[str] = []
    replaced: list[str] = []
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)) or name in _names(node):
            continue
        home = _home(node, homes)
        if home is None:
            fresh.append(block(node))
        elif block(node) != "".join(file.lines[slice(*_alone(file, home))]):
            edits.append((*_alone(file, home), block(node)))
            replaced += _names(node)
    before = "".join(b + (end * 2 if not _one_line(b) else "") for b in fresh)
    before += end * 2 if fresh and _one_line(fresh[-1]) else ""
    own = block(next(n for n in nodes if name in _names(n)))
    if name in homes:
        edits.insert(0, (*_alone(file, homes[name]), before + own))
    else:
        gap = end * 2 if text else ""
        edits.insert(0, (len(file.lines), len(file.lines), gap + before + own))
    return Spliced(_applied(file.lines, edits, end), tuple(replaced))


def _home(node: ast.stmt, homes: dict[str, ast.stmt]) -> ast.stmt | None:
    """Return the statement of the file that a statement of the cell replaces, if there is one."""
    found = {id(homes[bound]): homes[bound] for bound in _names(node) if bound in homes}
    if len(found) > 1 or any(set(_names(home)) - set(_names(node)) for home in found.values()):
        names = ", ".join(_names(node))
        raise SourceError(f"the cell line {node.lineno}: the file defines {names} in another way: one line for each")
    return next(iter(found.values()), None)


def _alone(module: _Module, node: ast.stmt) -> tuple[int, int]:
    """Return the lines of a statement that shares none of them."""
    first, last = _span(module, node)
    for other in module.tree.body:
        if other is not node and max(first, other.lineno - 1) < min(last, other.end_lineno or other.lineno):
            raise SourceError(f"the file line {node.lineno} holds two statements: give each its own line")
    return first, last


def _one_line(block: str) -> bool:
    return len(ENDS.findall(block)) <= 1


def _applied(lines: list[str], edits: Sequence[tuple[int, int, str]], end: str) -> str:
    """Return the text with each span of lines replaced: later places first, so that earlier ones stay valid.

    Of two insertions at one place the later one in `edits` comes out in front.
    """
    lines = list(lines)
    for first, last, new in sorted(edits, key=lambda e: e[:2], reverse=True):
        if new and first and lines[first - 1] and not ENDS.search(lines[first - 1]):
            lines[first - 1] += end
        lines[first:last] = [new]
    return "".join(lines)


def _after_imports(file: _Module, first: bool) -> int:
    """Return the line after the file's last import of the top level; with `first`, or none, after its docstring."""
    docstring = [n for n in file.tree.body[:1] if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    heads = [n for n in file.tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    place = docstring if first or not heads else heads
    return (place[-1].end_lineno or 0) if place else 0


def _accept(mine: _Module, file: _Module, name: str, exercises: Collection[str]) -> None:
    """Raise SourceError for what a cell may not bring."""
    known = _imports(file.tree)
    taken = {bound for n in file.tree.body for bound in _names(n)}
    seen: set[int] = set()
    for number, node in enumerate(mine.tree.body):
        where = f"the cell line {node.lineno}"
        first, last = _span(mine, node)
        if seen & set(range(first, last)):
            raise SourceError(f"{where}: two statements share a line: give each its own")
        seen |= set(range(first, last))
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for bound, meaning in _imports(ast.Module([node], [])).items():
                if bound == "*":
                    raise SourceError(f"{where}: `import *` may change every other function: name what you need")
                if known.get(bound, meaning) != meaning or bound in taken:
                    other = known.get(bound, "something else")
                    raise SourceError(f"{where}: in the file {bound} is `{other}`: choose another name")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and number == 0:
            continue  # a docstring of the cell: it stays there
        elif not _names(node):
            raise SourceError(f"{where}: {ASIDE}")
        for bound in _names(node):
            if bound != name and bound in exercises:
                raise SourceError(f"{where}: {bound} is another exercise: it has a cell of its own")
            if bound in known:
                raise SourceError(f"{where}: in the file {bound} is `{known[bound]}`: choose another name")
