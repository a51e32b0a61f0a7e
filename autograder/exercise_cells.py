"""The notebooks' exercise cells, `%%exercise NAME` and the stub: made from the model answers' docstrings."""

import re
from collections.abc import Iterator
from typing import Any

from autograder import files, registry
from autograder.notebook_files import TAG, source
from autograder.sources import find_definition


def text(name: str) -> str:
    """Return the source of an exercise's cell."""
    return f"%%exercise {name}\n{find_definition(files.stub_text(registry.find(name)[0]), name)}"


def _first_checks(book: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield place and exercise of each first check cell."""
    seen = set()
    for place, cell in enumerate(book["cells"]):
        match = re.match(r'\s*check\("(\w+)"\)', source(cell)) if cell["cell_type"] == "code" else None
        if match and match[1] not in seen:
            seen.add(match[1])
            yield place, match[1]


def refreshed(book: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook with a fresh exercise cell before the first check of each exercise."""
    cells = [c for c in book["cells"] if not source(c).startswith("%%exercise ")]
    for place, name in reversed(list(_first_checks(book | {"cells": cells}))):
        cell = {
            "cell_type": "code",
            "execution_count": None,
            "id": f"exercise-{name}",
            "metadata": {"tags": [TAG]},
            "outputs": [],
            "source": text(name).splitlines(keepends=True),
        }
        cells.insert(place, cell)
    return book | {"cells": cells}


def complaints(name: str, book: dict[str, Any]) -> list[str]:
    """Return the exercises whose cell is missing, stale or not in front of the first check."""
    found = []
    for place, exercise in _first_checks(book):
        if source(book["cells"][place - 1]) != text(exercise):
            found.append(f"{name}: the cell before the first check of {exercise} is not its stub: refresh the notebook")
    return found
