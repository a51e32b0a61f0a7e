"""Tells whether an answer has changed: finds all code of a package that an exercise uses, and hashes it."""

import ast
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from autograder.running.references import Module, Own, read

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Piece:
    """A part of a module: what it says but for layout, comments and docstrings, and the words it uses."""

    form: str
    words: frozenset[str]


@dataclass(frozen=True)
class Parsed:
    """A module in pieces: its definitions by name, and what runs at its import besides."""

    module: Module
    pieces: dict[str, Piece]
    rest: Piece


def _bare(node: ast.stmt) -> ast.stmt:
    """Return a definition without its docstring; the bodies of its inner ones stay."""
    body = getattr(node, "body", [])
    if isinstance(node, DEFINITIONS) and len(body) > 1 and ast.get_docstring(node, clean=False) is not None:
        fields = {name: getattr(node, name) for name in node._fields}
        return type(node)(**fields | {"body": body[1:]})
    return node


def _piece(nodes: list[ast.stmt]) -> Piece:
    words: set[str] = set()
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                words.add(inner.id)
            elif isinstance(inner, ast.Attribute):
                words.add(inner.attr)
    return Piece("\n".join(ast.dump(_bare(node)) for node in nodes), frozenset(words))


@functools.lru_cache(maxsize=64)
def parsed(stem: str, text: str, stems: frozenset[str]) -> Parsed:
    """Return a module in pieces.

    Raises:
        SyntaxError: As `ast.parse`; ValueError, RecursionError and MemoryError as well.
    """
    module = read(stem, text, stems)
    aside = (*DEFINITIONS, ast.Import, ast.ImportFrom)
    rest = [node for node in module.tree.body if not isinstance(node, aside) and not _is_docstring(node)]
    return Parsed(module, {name: _piece(nodes) for name, nodes in module.definitions.items()}, _piece(rest))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def reached(sources: Mapping[str, str], stem: str, name: str) -> dict[Own, Piece]:
    """Return what an exercise uses of its package: definitions, and what runs at each import (name None).

    Too much rather than too little: an attribute of any object counts as the sibling's function of that name.

    Raises:
        SyntaxError: A module that is used cannot be parsed (or one of the other errors of `UNREADABLE`).
    """
    stems = frozenset(sources)
    found: dict[Own, Piece] = {}
    queue = [Own(stem), Own(stem, name)]
    while queue:
        place = queue.pop()
        if place in found or place.stem not in sources:
            continue
        here = parsed(place.stem, sources[place.stem], stems)
        piece = here.rest if place.name is None else here.pieces.get(place.name)
        if piece is None:  # a name that is only imported there, or a star
            piece = Piece("", frozenset((place.name or "",)) if place.name != "*" else frozenset(here.pieces))
        found[place] = piece
        modules = {Own(m.stem) for bound in here.module.meanings.values() for m in bound if isinstance(m, Own)}
        queue += [Own(place.stem), *modules]
        for word in piece.words:
            if word in here.pieces:
                queue.append(Own(place.stem, word))
            queue += [m for m in here.module.meanings.get(word, ()) if isinstance(m, Own)]
            queue += [Own(m.stem, word) for m in modules if word in _names(sources, m.stem, stems)]
    return found


def _names(sources: Mapping[str, str], stem: str, stems: frozenset[str]) -> dict[str, Piece]:
    return parsed(stem, sources[stem], stems).pieces if stem in sources else {}


def fingerprint(sources: Mapping[str, str], stem: str, name: str) -> str | None:
    """Return the hash of all that an exercise's answer rests on, None where that cannot be parsed."""
    try:
        found = reached(sources, stem, name)
    except UNREADABLE:
        return None
    stems = frozenset(sources)
    lines = [f"{place.stem}.{place.name} {piece.form}" for place, piece in found.items()]
    for place, piece in found.items():
        if place.stem in sources:
            meanings = parsed(place.stem, sources[place.stem], stems).module.meanings
            lines += [f"{place.stem}:{word}={_plain(meanings[word])}" for word in piece.words if word in meanings]
    return hashlib.sha256("\n".join(sorted(set(lines))).encode(errors="replace")).hexdigest()[:16]


def _plain(meanings: list[object]) -> str:
    """Return what imports bind to a name, in a form that is the same in every process."""
    return ",".join(
        f"{m.stem}.{m.name}"
        if isinstance(m, Own)
        else str(getattr(m, "__qualname__", None) or getattr(m, "__name__", ""))
        for m in meanings
    )
