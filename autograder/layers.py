"""Imports run one way: which part of the repository may import which."""

import ast
from collections.abc import Iterator
from pathlib import Path

# A module may import the parts on its right, and its own part. Longest prefix counts.
ALLOWED: dict[str, tuple[str, ...]] = {
    "exercises": (),
    "solutions": (),
    "autograder.spec": ("autograder.answer",),
    "autograder.answer": (),
    "autograder.running": ("autograder.spec", "autograder.answer"),
    "autograder.judging": ("autograder.spec", "autograder.answer"),
    "autograder.exact": ("autograder.spec", "autograder.judging.truth"),
    "autograder.cases": ("autograder.spec", "autograder.exact"),
    "autograder.forbidden": ("autograder.spec",),
    "autograder.atlases": ("autograder.spec", "autograder.judging.truth"),
    "autograder.faults": ("autograder.spec",),
    "autograder.specs": (
        "autograder.spec",
        "autograder.answer",
        "autograder.judging.truth",
        "autograder.judging.laws",
        "autograder.exact",
        "autograder.cases",
        "autograder.forbidden",
        "autograder.atlases",
    ),
    "autograder.mistakes": ("autograder.spec", "autograder.judging.truth"),
    "autograder.reporting": ("autograder.answer", "autograder.judging", "autograder.progress"),  # files written whole
}
# Neither the process behind the wall nor the judges may ever see a learner's or an author's module.
NEVER = ("exercises", "solutions")


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name of a module file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, name: str) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of each import in a file, relative ones resolved."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([base] if base else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == p or name.startswith(p + ".") for p in prefixes)


def complaints(root: Path) -> list[str]:
    """Return each import that runs the wrong way."""
    found = []
    for path in sorted(p for folder in ("autograder", "exercises", "solutions") for p in (root / folder).rglob("*.py")):
        name = module_name(path, root)
        if name.startswith(("autograder.tests", "autograder.graded")):
            continue
        part = max((p for p in ALLOWED if _under(name, (p,))), key=len, default=None)
        for line, target in imports(path, name):
            where = f"{path.relative_to(root)}:{line} imports {target}"
            own = _under(target, ("autograder", *NEVER))
            if name.startswith("autograder") and _under(target, NEVER):
                found.append(f"{where}: the package under test is a parameter")
            elif part in NEVER and _under(target, ("autograder", *NEVER)) and not _under(target, (part,)):
                found.append(f"{where}: only torch, numpy, math and siblings")
            elif part and part not in NEVER and own and not _under(target, (part, *ALLOWED[part])):
                found.append(f"{where}: {part} may import {', '.join(ALLOWED[part]) or 'nothing of ours'}")
    return found
