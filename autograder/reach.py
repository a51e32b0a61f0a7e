"""Does a source that the gate complained of reach for the system, so that its process could answer for itself?

An import that nobody uses does no harm, nor does a dice or a clock. Files, descriptors, memory and threads are another
matter: through them a process finds the number that an answer must carry, and writes the answer that it likes.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence

from autograder.running.gate import Finding

# Of what the gate lets pass as a broken rule (its PROCESS_MODULES), these cannot reach a reply.
HARMLESS = frozenset(
    {"time", "datetime", "random", "warnings", "itertools", "collections", "statistics", "errno", "platform"}
)
BUILTINS = frozenset({"open", "memoryview", "breakpoint", "input"})


def reaches_out(sources: Mapping[str, str], findings: Sequence[Finding]) -> str:
    """Return the place where a package reaches for the system, or nothing; `findings` are those of kind "process"."""
    if not findings:
        return ""
    trees = {stem: ast.parse(text) for stem, text in sources.items() if stem in {f.stem for f in findings}}
    names = BUILTINS | {name for tree in trees.values() for name in _bound(tree)}
    for stem, tree in sorted(trees.items()):
        for node in ast.walk(tree):
            used = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if used in names:
                return f"{stem}.py line {getattr(node, 'lineno', 0)} reaches for the system"
    return ""


def _bound(tree: ast.AST) -> Iterator[str]:
    """Yield the names that imports bind to something that reaches out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _reaches(alias.name):
                    yield alias.asname or alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and not node.level and _reaches(node.module or ""):
            yield from (alias.asname or alias.name for alias in node.names)


def _reaches(module: str) -> bool:
    return module.split(".")[0] not in HARMLESS | {
        "torch",
        "math",
        "typing",
        "numpy",
        "numbers",
        "dataclasses",
        "__future__",
    }
