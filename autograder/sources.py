"""Packages of exercises as texts by stem, and what is made out of them: stubs, and mistakes as submissions."""

import ast
import codecs
import copy
import functools
import inspect
import io
import tokenize
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autograder.registry import valid_stem

LARGEST = 1 << 18  # bytes of one source; a longer one is no exercise
LARGEST_PACKAGE = 1 << 20
# Python takes these for text; they compute, for minutes if a file is made for it.
NO_CHARACTER_SETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})


class SourceError(ValueError):
    """A package or file that cannot be read; the message says what to do."""


def decode(data: bytes, name: str) -> str:
    """Return the text of a source file: its encoding cookie or UTF-8, any line ends.

    Raises:
        SourceError: It is no text, or too long.
    """
    text, _ = decode_exactly(data, name)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode_exactly(data: bytes, name: str) -> tuple[str, str]:
    """Return the text of a source file with the line ends it has, and its encoding.

    Raises:
        SourceError: It is no text, or too long.
    """
    if len(data) > LARGEST:
        raise SourceError(f"{name} has more than {LARGEST} bytes: that is no exercise")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        if codecs.lookup(encoding).name.replace("-", "_") in NO_CHARACTER_SETS:
            raise LookupError(f"{encoding} is no character set")
        return data.decode(encoding), encoding
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise SourceError(f"{name} is not readable as text ({error}): save it as UTF-8") from None


def read_package(folder: Path) -> dict[str, str]:
    """Return the texts of a folder's `STEM.py` files by stem.

    Raises:
        SourceError: There is no such folder, or a file cannot be read.
    """
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}: give --package the folder that holds the STEM.py files")
    texts = {}
    for path in sorted(folder.glob("*.py")):
        if valid_stem(path.stem) and path.is_file():
            try:
                with path.open("rb") as file:
                    texts[path.stem] = decode(file.read(LARGEST + 1), path.name)
            except OSError as error:
                raise SourceError(f"{path.name} cannot be read: {error.strerror}") from None
    if sum(map(len, texts.values())) > LARGEST_PACKAGE:
        raise SourceError(
            f"{folder} holds more than {LARGEST_PACKAGE} characters of Python: that is no package of exercises"
        )
    return texts


def _head(node: ast.FunctionDef | ast.ClassDef, lines: list[str]) -> list[str]:
    """Return the lines of a definition up to the end of its docstring.

    Raises:
        SourceError: Head and body share a line.
    """
    body = node.body[0]
    start = _first_line(body) if isinstance(body, (ast.FunctionDef, ast.ClassDef)) else body.lineno - 1
    if lines[start].encode()[: body.col_offset].strip():
        raise SourceError(f"the body of {node.name} needs lines of its own")
    if ast.get_docstring(node) is not None:
        return lines[_first_line(node) : body.end_lineno]
    head = lines[_first_line(node) : start]
    while not head[-1].strip() or head[-1].lstrip().startswith("#"):
        head.pop()  # a comment on the body
    return head


def _first_line(node: ast.FunctionDef | ast.ClassDef) -> int:
    return min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1


def find_definition(text: str, name: str) -> str:
    """Return the source of a top-level function or class, decorators included.

    Raises:
        SourceError: There is none, or the text does not parse.
    """
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        raise SourceError(f"line {getattr(error, 'lineno', 1)}: {getattr(error, 'msg', error)}") from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for node in reversed(body):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return "\n".join(lines[_first_line(node) : node.end_lineno])
    raise SourceError(f"there is no {name} to show")


def defined(sources: Mapping[str, str]) -> frozenset[str]:
    """Return the names that a package's modules define or bind anywhere; none for a text that does not parse."""
    found: set[str] = set()
    for text in sources.values():
        try:
            nodes = list(ast.walk(ast.parse(text)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        found |= {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        found |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        found |= {n.arg for n in nodes if isinstance(n, ast.arg)}
        found |= {n.asname or n.name.split(".")[0] for n in nodes if isinstance(n, ast.alias)}
    return frozenset(found)


def stub(solution: str) -> str:
    """Return a solution module with the bodies of its public functions taken out and its private ones dropped.

    Imports stay, and so do the methods' signatures of public classes.
    """
    tree, lines = ast.parse(solution), solution.split("\n")
    parts: list[str] = []
    imports: list[str] = []
    guarded: list[str] = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            parts.append("\n".join(_stub_lines(node, lines, "")))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.append("\n".join(lines[node.lineno - 1 : node.end_lineno]))
        elif is_guarded_import(node):
            guarded.append("\n\n" + "\n".join(lines[node.lineno - 1 : node.end_lineno]))
    doc = ast.get_docstring(tree, clean=False) or ""
    return f'"""{doc}"""\n\n{_group(imports)}{"".join(guarded)}\n\n\n' + "\n\n\n".join(parts) + "\n"


def is_guarded_import(node: ast.AST) -> bool:
    """Return whether a statement imports what may be missing: `try: import triton` and what stands in for it."""
    return isinstance(node, ast.Try) and all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in node.body)


def _group(imports: list[str]) -> str:
    """Return import lines with a blank line after the standard library's, as the formatter wants them."""
    standard = [
        i for i in imports if i.split()[1].split(".")[0] in ("math", "collections", "typing", "__future__", "time")
    ]
    own = [i for i in imports if i.startswith("from .")]
    other = [i for i in imports if i not in standard and i not in own]
    return "\n\n".join("\n".join(group) for group in (standard, other, own) if group)


def _stub_lines(node: ast.FunctionDef | ast.ClassDef, lines: list[str], indent: str) -> list[str]:
    head = _head(node, lines)
    if isinstance(node, ast.ClassDef):
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and (method.name == "__init__" or not method.name.startswith("_")):
                head += ["", *_stub_lines(method, lines, indent + "    ")]
        return head
    return [*head, f'{indent}    raise NotImplementedError("{node.name}")']


def mistake_source(function: Callable[..., Any], name: str) -> str:
    """Return a module text in which a known mistake stands under the exercise's name.

    What it needs of its own file (imports, helpers) comes with it; the mistake's decorator does not.
    """
    tree = _parsed(inspect.getsourcefile(function) or "")
    definitions = {n.name: n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    wanted, queue = set(), [function.__name__]
    while queue:
        current = queue.pop()
        if current in definitions and current not in wanted:
            wanted.add(current)
            queue += [n.id for n in ast.walk(definitions[current]) if isinstance(n, ast.Name)]
    parts = []
    for node in tree.body:
        if is_guarded_import(node) or (
            isinstance(node, (ast.Import, ast.ImportFrom)) and "autograder" not in ast.unparse(node)
        ):
            parts.append(ast.unparse(node))
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in wanted:
            own = copy.deepcopy(node)
            own.decorator_list = [d for d in own.decorator_list if "mistake" not in ast.unparse(d)]
            parts.append(ast.unparse(_renamed(own, function.__name__, name)))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            parts.append(ast.unparse(node))
    return "\n\n".join(parts) + "\n"


@functools.cache
def _parsed(path: str) -> ast.Module:
    """Return the tree of a file that does not change while this process runs; it is not to be written to."""
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def _renamed(node: ast.stmt, old: str, new: str) -> ast.stmt:
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and inner.name == old:
            inner.name = new
        elif isinstance(inner, ast.Name) and inner.id == old:
            inner.id = new
    return node


def replace_definition(text: str, name: str, source: str, helpers: list[str]) -> str:
    """Return a module text in which a top-level definition is replaced, every other line as it was.

    Raises:
        SourceError: The module does not parse.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise SourceError(f"the file has a syntax error in line {line}: mend it first") from None
    text += "" if text.endswith("\n") or not text else "\n"
    lines = text.split("\n")  # a form feed ends no line, as str.splitlines has it
    block = "\n\n\n".join([*(h.strip("\n") for h in helpers), source.strip("\n")])
    for node in reversed(tree.body):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return "\n".join([*lines[: _first_line(node)], block, *lines[node.end_lineno :]])
    return f"{text}\n\n{block}\n"
