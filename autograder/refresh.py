"""Executes the notebooks with the model answers in place of the exercises, and normalises what is stored."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder import registry, stamps
from autograder.exercise_cells import refreshed
from autograder.notebook_files import read

CELL_S = 180
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def stand_in(solutions: Path, folder: Path) -> Path:
    """Copy the model answers to a package `exercises` in `folder`; return what PYTHONPATH has to begin with."""
    shutil.copytree(solutions, folder / "exercises", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def normalise(book: Any) -> Any:
    """Number the code cells, keep only tags as metadata and only the text of reports; return the notebook."""
    count = 0
    for cell in book.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = _merged(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
            output.pop("transient", None)
            if "text/plain" in output.get("data", {}):
                output.data.pop("text/html", None)  # it holds measured figures: they differ from run to run
    book.metadata = METADATA | stamps.metadata(book.cells)
    return book


def _merged(outputs: list[Any]) -> list[Any]:
    """Join neighbouring pieces of one stream: how they were cut is chance."""
    merged: list[Any] = []
    for output in outputs:
        if merged and output.output_type == merged[-1].output_type == "stream" and output.name == merged[-1].name:
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged


def _fresh(path: Path) -> dict[str, Any]:
    return stamps.stamped(refreshed(read(path)), path.name, stamps.address())


def execute(path: Path, solutions: Path) -> None:
    """Execute one notebook in its own folder and write it back.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell raised.
    """
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.reads(json.dumps(_fresh(path)), as_version=4)
    with tempfile.TemporaryDirectory() as temporary:
        changed = {"PYTHONPATH": str(stand_in(solutions, Path(temporary))), "STABLE_LOGPROBS_STATE": temporary}
        kept = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)  # a kernel inherits them
        try:
            resources = {"metadata": {"path": str(path.parent)}}
            NotebookClient(
                book, timeout=CELL_S, kernel_name="python3", resources=resources, record_timing=False
            ).execute()
        finally:
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
    path.write_text(nbformat.writes(normalise(book), indent=1).rstrip("\n") + "\n", encoding="utf-8")


def main(stems: Iterable[str]) -> int:
    """Execute the notebooks of these chapters."""
    for stem in stems:
        path = registry.notebook(stem)
        if path is not None:
            execute(path, registry.ROOT / "solutions")
            print(f"executed {path.name}", flush=True)
    return 0
