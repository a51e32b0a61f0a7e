"""The cell magic `%%exercise NAME`: the cell's function goes into the exercise file, is judged, and is bound."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from autograder import desk, files, registry
from autograder.report import Report
from autograder.running.launch import WallError
from autograder.sources import SourceError
from autograder.splicing import is_stub_cell


def exercise(line: str, cell: str, shell: Any = None) -> Report:
    """Put the cell's function into its file, judge it, and bind it in the notebook; return the report.

    Args:
        line: The exercise's name.
        cell: The cell without its first line.
        shell: The IPython shell whose name the function is bound to.
    """
    name = line.strip()
    try:
        stem, _ = registry.find(name)
        if is_stub_cell(cell, name):
            return Report(f"{name}: write it here and run the cell, or write it in exercises/{stem}.py.")
        change = files.put(desk.default_package(), name, cell)
    except KeyError as error:
        return Report(f"{error.args[0]} (the cell begins with %%exercise NAME)")
    except SourceError as error:
        return Report(f"{name} was not changed: {error}")
    said = [f"{name} stands in {change.path.parent.name}/{change.path.name} now."]
    if change.kept is not None:
        said.append(f"The version before is kept: python -m autograder history {name}")
    if change.helpers:
        said.append(f"Replaced as well: {', '.join(change.helpers)}")
    report = _judged(name, change.path.parent)
    if shell is not None and report.verdicts and not any(v.problem for v in report.verdicts):
        said += _bind(name, change.path, shell)
    text = "\n".join([*said, report.text])
    html = None if report.html is None else f'<div style="opacity:.75">{" ".join(said)}</div>{report.html}'
    return Report(text, html, report.verdicts)


def _judged(name: str, folder: Path) -> Report:
    from autograder.notebook import check

    try:
        return check(name, folder)
    except WallError as error:
        return Report(str(error))


def _bind(name: str, path: Path, shell: Any) -> list[str]:
    """Import the file anew and give its function the exercise's name in the notebook."""
    module_name = f"{path.parent.name}.{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(module_name)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
        shell.user_ns[name] = getattr(module, name)
    except BaseException as error:
        sys.modules.pop(module_name)
        if before is not None:
            sys.modules[module_name] = before
        return [f"{name} cannot be used in this notebook: {type(error).__name__}: {error}"]
    return []


def register(shell: Any) -> None:
    """Make the magic known to a shell."""

    def magic(line: str, cell: str) -> Report:
        return exercise(line, cell, shell)

    shell.register_magic_function(magic, "cell", "exercise")
