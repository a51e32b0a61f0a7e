"""Runs the course's own notebooks with a learner's functions, enclosed. What comes back is shown and earns nothing."""

import hashlib
import re
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from autograder import registry
from autograder.notebook_files import read, source
from autograder.running.enclosure import Enclosed, Ended, enclose, layers_here, level
from autograder.running.launch import WallError
from autograder.sources import SourceError, read_package, stub
from autograder.standing import is_written

LIMIT_S = 120.0
STATUSES = ("passed", "failed", "timeout", "crashed")
# Only nbval, and nothing that this machine's own pytest has been taught.
PYTEST = (
    *("-m", "pytest", "-c", "pytest.ini", "--noconftest", "-p", "no:cacheprovider", "-p", "nbval.plugin"),
    *("-p", "autograder.nbval_rules", "-p", "autograder.classroom.enclosed_nbval"),
    *("--nbval-lax", "--nbval-current-env"),
)
Result = dict[str, Any]  # "notebook", "status", "failed_cells", "total", "seconds", "wall"


def stems_of(names: Iterable[str]) -> list[str]:
    """Return the chapters of these exercises that have a notebook, in order."""
    stems = dict.fromkeys(registry.find(name)[0] for name in names)
    return [stem for stem in stems if registry.notebook(stem) is not None]


def marks(names: Iterable[str]) -> dict[str, str]:
    """Return a hash of the content of each notebook that may be run."""
    books = [path for stem in stems_of(names) if (path := registry.notebook(stem)) is not None]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in books}


def begun(texts: Mapping[str, str], stems: Iterable[str]) -> list[str]:
    """Return the chapters of which a submission holds at least one written exercise."""
    return [s for s in stems if any(is_written(texts.get(s, ""), e.name) for e in registry.exercises(s))]


def package(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the stubs of the course with a learner's files in their places."""
    pristine = registry.ROOT / "solutions"
    folder = pristine if pristine.is_dir() else registry.ROOT / "exercises"
    return {stem: stub(text) for stem, text in read_package(folder).items()} | dict(texts)


def code_cells(path: Path) -> list[str]:
    """Return the sources of a notebook's code cells, in the order in which nbval numbers them."""
    return [source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def task(path: Path, texts: Mapping[str, str], limit_s: float) -> Enclosed:
    """Return what is run: a copy of the course without answers, with the learner's package."""
    course = {"course/autograder": registry.ROOT / "autograder", f"course/notebooks/{path.name}": path}
    files = {"course/pytest.ini": "[pytest]\n", "course/exercises/__init__.py": ""}
    files |= {f"course/exercises/{stem}.py": text for stem, text in package(texts).items()}
    return Enclosed(
        command=[sys.executable, *PYTEST, f"notebooks/{path.name}"],
        limit_s=limit_s,
        environment={
            "PYTHONPATH": "{folder}/course",
            "STABLE_LOGPROBS_STATE": "{folder}/home/state",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "CUDA_VISIBLE_DEVICES": "",
        },
        texts=files,
        copies={place: str(file) for place, file in course.items()},
    )


def reported(report: bytes, total: int) -> dict[int, str]:
    """Return the outcome of each cell that a report tells of; whatever else stands in it is passed over."""
    found: dict[int, str] = {}
    for line in report.split(b"\n"):
        match = re.fullmatch(rb"(\d{1,6}) (passed|failed|skipped)", line)
        if match and int(match[1]) < total:
            # A cell that failed once has failed: a later line takes nothing back.
            found.setdefault(int(match[1]), match[2].decode())
    return found


def result(name: str, total: int, ended: Ended, seconds: float) -> Result:
    """Return the record of a notebook's run; cells are counted from 1, as Jupyter shows them."""
    cells = reported(ended.report, total)
    failed = [number for number, outcome in cells.items() if outcome == "failed"]
    status = "failed" if failed else "passed"
    left = [number for number in range(total) if number not in cells]
    if left:
        status = "timeout" if ended.how == "limit" else "crashed"
        failed.append(left[0])  # where it hung, or died
    return {
        "notebook": name,
        "status": status,
        "failed_cells": sorted(number + 1 for number in failed),
        "total": total,
        "seconds": round(seconds, 1),
        "wall": level(ended.layers),
    }


def run(path: Path, texts: Mapping[str, str], strict: bool = False, limit_s: float = LIMIT_S) -> Result:
    """Run one notebook with a learner's files.

    Args:
        path: A notebook of the course; a learner's own is never run.
        texts: The learner's files by stem.
        strict: Take nothing less than the full enclosure.
        limit_s: What the whole notebook may take.

    Raises:
        WallError: It could not be run here; no fault of the learner.
    """
    start = time.monotonic()
    ended = enclose(task(path, texts, limit_s))
    if strict and level(ended.layers) != "full":
        raise WallError(refusal(ended.layers))
    return result(path.name, len(code_cells(path)), ended, time.monotonic() - start)


def outcome(texts: Mapping[str, str], names: Iterable[str], strict: bool = False) -> dict[str, Any]:
    """Run the notebooks of these exercises' chapters, those that the learner has begun; return what to record."""
    books = [path for stem in begun(texts, stems_of(names)) if (path := registry.notebook(stem)) is not None]
    return {"notebooks": [run(path, texts, strict) for path in books]}


def demand(strict: bool) -> None:
    """Look once, before a class is graded, whether notebooks can be run here.

    Raises:
        SourceError: They cannot, or with `strict`, not behind the full enclosure.
    """
    try:
        layers = layers_here()
    except WallError as error:
        raise SourceError(f"{error}; leave --notebooks out") from None
    if strict and level(layers) != "full":
        raise SourceError(refusal(layers))


def refusal(layers: Iterable[str]) -> str:
    """Return why notebooks are not run here, and what to do."""
    held = ", ".join(layers) or "none"
    return f"notebooks are enclosed only in part here ({held}); leave --notebooks or --require-sandbox out"
