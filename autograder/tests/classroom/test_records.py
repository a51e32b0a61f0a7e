"""A record's key changes with whatever decides about grades."""

import ast
from collections.abc import Iterator
from pathlib import Path

from autograder import registry
from autograder.classroom import records

ROOT = registry.ROOT / "autograder"
STARTS = ("grading.py", "registry.py", "specs/*.py", "mistakes/*.py", "running/zygote.py", "running/alone.py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def reached(starts: list[Path]) -> set[str]:
    """Return the top-level modules and packages of the autograder that these files import, at any distance."""
    queue, seen = list(starts), set(starts)
    while queue:
        for name in imports(queue.pop()):
            path = (registry.ROOT / name.replace(".", "/")).with_suffix(".py")
            if name.startswith("autograder.") and path.is_file() and path not in seen:
                seen.add(path)
                queue.append(path)
    return {path.relative_to(ROOT).with_suffix("").parts[0] for path in seen}


def test_all_that_judges_belongs_to_the_key_and_nothing_else():
    starts = [path for pattern in STARTS for path in ROOT.glob(pattern)]
    assert reached(starts) - {"__init__"} == {*records.JUDGES, *records.JUDGING}
