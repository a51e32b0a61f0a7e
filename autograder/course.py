"""Is the course whole? Stubs fresh, model answers right, mistakes caught, notebooks executed, links alive."""

import ast
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from autograder import desk, exercise_cells, layers, matrix, notebook_files, registry, stamps
from autograder.classroom.options import cores
from autograder.running.gate import is_stub
from autograder.sources import stub

ROOT = registry.ROOT
FOLDERS = ("solutions", "exercises", "autograder/specs", "autograder/mistakes")


def stub_complaints(root: Path = ROOT) -> list[str]:
    """Return the stubs that are stale or do not fail with their own NotImplementedError."""
    found = []
    for path in sorted((root / "solutions").glob("[a-z]*.py")):
        target = root / "exercises" / path.name
        if not target.exists() or target.read_text(encoding="utf-8") != stub(path.read_text(encoding="utf-8")):
            found.append(f"exercises/{path.name} is stale: python -m autograder stubs")
            continue
        for node in ast.parse(target.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                own = f"NotImplementedError('{node.name}')" in ast.unparse(node) or isinstance(node, ast.ClassDef)
                if not is_stub(node) or not own:
                    found.append(f"exercises/{path.name}: {node.name} does not raise its own NotImplementedError")
    return found


def stray_complaints(root: Path = ROOT) -> list[str]:
    """Return files that belong to no chapter, and chapters that lack a file."""
    found = []
    chapters = set(registry.stems())
    for folder in FOLDERS:
        files = {p.name for p in (root / folder).iterdir() if p.name not in ("__init__.py", "__pycache__", "MATRIX.md")}
        found += [f"{folder}/{name} belongs to no chapter" for name in sorted(files - {f"{s}.py" for s in chapters})]
        found += [f"{folder}/{stem}.py is missing" for stem in sorted(chapters) if f"{stem}.py" not in files]
    found += [f"notebooks/{p.name} is no notebook" for p in (root / "notebooks").iterdir() if _stray_notebook(p)]
    for stem in sorted(chapters):
        path = root / "solutions" / f"{stem}.py"
        names = {e.name for e in registry.exercises(stem)}
        if path.exists():
            body = ast.parse(path.read_text(encoding="utf-8")).body
            public = {n.name for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name[0] != "_"}
            found += [f"{stem}: {n} stands in solutions/ or specs/ only" for n in sorted(names ^ public)]
    return found


def _stray_notebook(path: Path) -> bool:
    return path.suffix != ".ipynb" and path.name != ".ipynb_checkpoints"


def link_complaints(root: Path = ROOT) -> list[str]:
    """Return relative links of README.md that lead nowhere, and commands that it names and that do not exist."""
    text = (root / "README.md").read_text(encoding="utf-8") if (root / "README.md").exists() else ""
    if not text:
        return ["README.md is missing"]
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    found = [
        f"README.md links to {link}, which does not exist"
        for link in links
        if not re.match(r"[a-z]+:|#", link) and not (root / link.split("#")[0]).exists()
    ]
    headings = {
        re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in re.findall(r"(?m)^#+ (.+)$", text)
    }
    found += [
        f"README.md links to {link}, a heading it has not"
        for link in links
        if link[0] == "#" and link[1:] not in headings
    ]
    return found


def notebook_complaints() -> list[str]:
    """Return what is wrong with the notebooks as files, and the exercise cells that are stale."""
    books = sorted(registry.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    cells = [c for path in books for c in exercise_cells.complaints(path.name, notebook_files.read(path))]
    return [*notebook_files.complaints(), *cells, *stamps.complaints()]


def readme_complaints(root: Path = ROOT) -> list[str]:
    """Return the rows of README's tables that are missing or stale."""
    text = (root / "README.md").read_text(encoding="utf-8")
    return [*notebook_files.readme_complaints(text), *matrix.readme_complaints(text)]


def mistake_complaints(stems: Sequence[str], write: bool) -> list[str]:
    """Return mistakes that escape; for the whole course, write the kill matrix or say that it is stale."""
    kills = list(matrix.kills(stems, cores()))
    found = [k.complaint for k in kills if k.complaint]
    if set(stems) != set(registry.stems()):
        return found
    text = matrix.table(kills)
    if write:
        matrix.TABLE.write_text(text, encoding="utf-8")
    elif not matrix.TABLE.exists() or matrix.TABLE.read_text(encoding="utf-8") != text:
        found.append("autograder/mistakes/MATRIX.md is stale: python -m autograder course --matrix")
    return found


def main(stems: Sequence[str] = (), write_matrix: bool = False) -> int:
    """Run all checks, print each with its complaints, return 1 if there are any.

    `stems` limits the model answers and the mistakes to some chapters.
    """
    chosen = desk.chapters(stems)
    checks: list[tuple[str, Callable[[], list[str]]]] = [
        ("stubs", stub_complaints),
        ("files", stray_complaints),
        ("links", link_complaints),
        ("tables", readme_complaints),
        ("imports", lambda: layers.complaints(ROOT)),
        ("notebooks", notebook_complaints),
        ("model answers", lambda: matrix.solution_complaints(ROOT, chosen)),
        ("mistakes", lambda: mistake_complaints(chosen, write_matrix)),
    ]
    total = 0
    for name, run in checks:
        start = time.perf_counter()
        found = run()
        total += len(found)
        print(
            f"{name:14} {'ok' if not found else f'{len(found)} complaints'} ({time.perf_counter() - start:.1f} s)",
            flush=True,
        )
        for complaint in found:
            print(f"  {complaint}", flush=True)
    return 1 if total else 0
