"""Checks the notebooks as files: executed, normalised, tagged, one bootstrap cell, a check for every exercise."""

import json
import re
from pathlib import Path
from typing import Any

from autograder import registry

TAG = "nbval-check-output"
METADATA = {"tags"}
# How many claims of each source document the course judges: those of document 3 are 3.1 to 3.8.
DOCUMENTS = {0: 15, 1: 11, 2: 6, 3: 8, 4: 6}
CLAIMS = tuple(f"{document}.{n}" for document, count in DOCUMENTS.items() for n in range(1, count + 1))


def source(cell: dict[str, Any]) -> str:
    """Return a cell's text."""
    return "".join(cell["source"])


def read(path: Path) -> dict[str, Any]:
    """Return a notebook as JSON."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def bootstrap(book: dict[str, Any]) -> str:
    """Return the cell that finds the course, which every notebook shares."""
    return next((source(c) for c in book["cells"] if "reload_ext autograder" in source(c)), "")


def checked(book: dict[str, Any]) -> set[str]:
    """Return the names of the exercises that the notebook checks."""
    return {n for c in book["cells"] if c["cell_type"] == "code" for n in re.findall(r'check\("(\w+)"\)', source(c))}


def claims(book: dict[str, Any]) -> list[str]:
    """Return the ids of the documents' claims that the notebook judges, in order."""
    code = "\n".join(source(c) for c in book["cells"] if c["cell_type"] == "code")
    return sorted(
        set(re.findall(r'(?:predict|verdict)\(\s*"(\d\.\d+)"', code)), key=lambda i: [int(n) for n in i.split(".")]
    )


def predicted(book: dict[str, Any]) -> list[str]:
    """Return the keys of the notebook's predictions, in order."""
    code = "\n".join(source(c) for c in book["cells"] if c["cell_type"] == "code")
    return list(dict.fromkeys(re.findall(r'predict\(\s*"([^"]+)"', code)))


def readme_row(path: Path, book: dict[str, Any]) -> str:
    """Return the notebook's row of README's table of chapters."""
    exercises = ", ".join(f"`{e.name}`" for e in registry.exercises(path.stem[3:]))
    return f"| [{path.stem.replace('_', ' ', 1)}](notebooks/{path.name}) | {exercises} | {', '.join(claims(book))} |"


def readme_complaints(readme: str) -> list[str]:
    """Return the rows of README's table of chapters that are missing or stale."""
    rows = [readme_row(path, read(path)) for path in sorted(registry.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))]
    return [f"README.md lacks the row {row}" for row in rows if row not in readme.splitlines()]


def _cells(name: str, book: dict[str, Any]) -> list[str]:
    found = []
    code = [c for c in book["cells"] if c["cell_type"] == "code"]
    for number, cell in enumerate((c for c in code if source(c).strip()), 1):
        where = f"{name}: code cell {number} ({source(cell).splitlines()[0][:50]})"
        if cell.get("execution_count") != number:
            found.append(f"{where} has execution count {cell.get('execution_count')}: execute and normalise")
        if any(o.get("output_type") == "error" for o in cell.get("outputs", [])):
            found.append(f"{where} holds an error")
        if TAG in cell["metadata"].get("tags", []) and not cell.get("outputs"):
            found.append(f"{where} is tagged {TAG} and has no output to compare")
        if source(cell).lstrip().startswith("check(") and TAG not in cell["metadata"].get("tags", []):
            found.append(f"{where} is not tagged {TAG}")
    found += [
        f"{name}: cell metadata {sorted(extra)}" for c in book["cells"] if (extra := set(c["metadata"]) - METADATA)
    ]
    return found


def complaints() -> list[str]:
    """Return what is wrong with the notebooks."""
    found: list[str] = []
    books = {p: read(p) for p in sorted(registry.NOTEBOOKS.glob("*.ipynb"))}
    for path, book in books.items():
        match = re.fullmatch(r"\d\d_(\w+)\.ipynb", path.name)
        if not match:
            found.append(f"{path.name} is not named NN_STEM.ipynb")
            continue
        found += _cells(path.name, book)
        names = {e.name for e in registry.exercises(match[1])} if match[1] in registry.stems() else set()
        found += [f"{path.name} never checks {name}" for name in sorted(names - checked(book))]
    starts = {bootstrap(book) for book in books.values()}
    if len(starts) > 1 or "" in starts:
        found.append("the notebooks do not share one bootstrap cell")
    judged = {claim for book in books.values() for claim in claims(book)}
    found += [f"no notebook judges the claim {claim}" for claim in CLAIMS if claim not in judged]
    found += [f"a notebook judges {claim}, which no document claims" for claim in sorted(judged - set(CLAIMS))]
    numbers = [p.name[:2] for p in books]
    if len(numbers) != len(set(numbers)):
        found.append("two notebooks have the same number")
    found += [f"the chapter {stem} has no notebook" for stem in registry.stems() if registry.notebook(stem) is None]
    return found
