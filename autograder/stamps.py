"""What every notebook shares, from one template: the badge that opens it in Colab, and the cell that starts it."""

import json
import textwrap
import tomllib
from pathlib import Path
from typing import Any

from autograder import HOMES, registry
from autograder.notebook_files import read, source

BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
COLAB = "https://colab.research.google.com/github"
MARK = "%reload_ext autograder"  # the one cell that holds this line is the bootstrap cell
GPU = {"accelerator": "GPU", "colab": {"gpuType": "T4"}}
# It installs nothing: what it imports stands on Colab already. A clone that is there is found, not made again.
BOOTSTRAP = """import subprocess
import sys
from pathlib import Path

clone = Path.cwd() / "{folder}"
root = next((p for p in (Path.cwd(), *Path.cwd().parents, clone) if (p / "autograder/notebook.py").is_file()), None)
if root is None and "google.colab" not in sys.modules:
    raise FileNotFoundError("the course is not here: open this notebook in the course's own folder notebooks/")
if root is None:
    address = "{address}"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", address, str(clone)], check=True)
    root = clone
if str(root) not in sys.path:
    sys.path.append(str(root))
{mark}
{names}"""


def address(root: Path = registry.ROOT) -> str:
    """Return the repository's address, which stands in pyproject.toml alone."""
    return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Source"])


def badge(name: str, repository: str) -> str:
    """Return the markdown line that opens a notebook in Colab."""
    owner_and_name = repository.removeprefix("https://github.com/")
    return f"[![Open In Colab]({BADGE})]({COLAB}/{owner_and_name}/blob/main/notebooks/{name})"


def bootstrap(repository: str) -> str:
    """Return the cell that finds or fetches the course and loads its tools."""
    names = ", ".join(sorted(set(HOMES) - {"load_ipython_extension"}))
    line = f"from autograder import {names}"
    if len(line) > 120:
        line = "from autograder import (\n" + textwrap.indent(",\n".join(names.split(", ")), "    ") + ",\n)"
    return BOOTSTRAP.format(folder=repository.rsplit("/", 1)[1], address=repository, mark=MARK, names=line)


def metadata(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what Colab has to know of a notebook: that it wants a GPU, if a cell does."""
    return GPU if any("gpu" in cell["metadata"].get("tags", []) for cell in cells) else {}


def stamped(book: dict[str, Any], name: str, repository: str) -> dict[str, Any]:
    """Return a notebook with its badge, its bootstrap cell and its metadata as they have to be.

    Raises:
        ValueError: It has no title to put the badge under, or no bootstrap cell.
    """
    cells = list(book["cells"])
    title, *rest = source(cells[0]).split("\n") if cells else [""]
    if not title.startswith("# "):
        raise ValueError(f"{name} does not begin with a title, as in # 1. Floats")
    rest = rest[1:] if rest[:1] and rest[0].startswith("[![Open In Colab]") else rest
    cells[0] = _with(cells[0], "\n".join([title, badge(name, repository), *rest]))
    places = [n for n, cell in enumerate(cells) if cell["cell_type"] == "code" and MARK in source(cell)]
    if not places:
        raise ValueError(f"{name} has no cell with {MARK}: put one after the introduction")
    cells[places[0]] = _with(cells[places[0]], bootstrap(repository))
    kept = {key: value for key, value in book["metadata"].items() if key not in GPU}
    return book | {"cells": cells, "metadata": kept | metadata(cells)}


def _with(cell: dict[str, Any], text: str) -> dict[str, Any]:
    return cell | {"source": text.splitlines(keepends=True)}


def complaints() -> list[str]:
    """Return the notebooks whose badge, bootstrap cell or metadata is not what it has to be."""
    found, repository = [], address()
    for path in sorted(registry.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        book = read(path)
        try:
            if stamped(book, path.name, repository) != book:
                found.append(f"{path.name}: badge or bootstrap cell is stale: python -m autograder notebooks --stamp")
        except ValueError as error:
            found.append(str(error))
    return found


def main() -> int:
    """Stamp all notebooks; what else stands in them, outputs too, stays."""
    repository = address()
    for path in sorted(registry.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        book = read(path)
        fresh = stamped(book, path.name, repository)
        if fresh != book:
            path.write_text(json.dumps(fresh, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(f"stamped {path.name}")
    return 0
