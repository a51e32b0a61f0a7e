"""The commands behind the command line: each prints, and returns an exit code."""

import argparse
import ast
import contextlib
import json
import sys
import time

from autograder import desk, progress, registry
from autograder.notebook import hint as next_hint
from autograder.reporting.json_form import package_json
from autograder.reporting.text import package_text
from autograder.running.gate import is_stub
from autograder.running.launch import Launcher
from autograder.sources import SourceError, decode, read_package, replace_definition, stub


def run(arguments: argparse.Namespace, launcher: Launcher | None) -> int:
    """Run the command that was parsed; `launcher` is already on its way where one is needed."""
    if launcher is not None:
        desk.wall(launcher)
    try:
        return int(globals()[f"_{arguments.command}"](arguments))
    except KeyError as error:
        print(f"autograder: {error.args[0]}", file=sys.stderr)
    except SourceError as error:
        print(f"autograder: {error}", file=sys.stderr)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"autograder: {error.filename or ''}: {error.strerror}", file=sys.stderr)
    return 2


def _check(arguments: argparse.Namespace) -> int:
    folder = arguments.package or desk.default_package()
    names = desk.select(arguments.names)
    sources = read_package(folder)
    verdict = desk.judge_package(sources, names, str(folder))
    own = arguments.package is None
    hints = {e.name: desk.remember(e, sources) for e in verdict.exercises} if own and not arguments.json else {}
    if arguments.json:
        print(json.dumps(package_json(verdict), indent=1))
    else:
        print(package_text(verdict, hints))
    return 0 if verdict.passed else 1


def _hint(arguments: argparse.Namespace) -> int:
    registry.find(arguments.name)
    print(next_hint(arguments.name, arguments.level))
    return 0


def _definition(text: str, name: str) -> str:
    lines = text.split("\n")
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
            return "\n".join(lines[first : node.end_lineno])
    raise SourceError(f"there is no {name} to show")


def _solution(arguments: argparse.Namespace) -> int:
    stem, exercise = registry.find(arguments.name)
    path = registry.ROOT / "solutions" / f"{stem}.py"
    if progress.of(arguments.name)["passed"] is None:
        print(f"autograder: pass {arguments.name} first; `hint {arguments.name}` helps", file=sys.stderr)
        return 1
    if not path.exists():
        print("autograder: this copy of the course has no solutions/", file=sys.stderr)
        return 2
    print(_definition(path.read_text(encoding="utf-8"), arguments.name))
    print(f"\nWhy it is written so: {exercise.why}")
    return 0


def _stub_text(stem: str) -> str:
    path = registry.ROOT / "solutions" / f"{stem}.py"
    if not path.exists():
        raise SourceError("this copy of the course has no solutions/ to make stubs from")
    return stub(path.read_text(encoding="utf-8"))


def _reset(arguments: argparse.Namespace) -> int:
    stem, _ = registry.find(arguments.name)
    folder = arguments.package or desk.default_package()
    path = folder / f"{stem}.py"
    fresh = _stub_text(stem)
    if path.exists():
        text = decode(path.read_bytes(), path.name)
        kept = progress.folder() / "history" / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}-{progress.digest(text)}.py"
        progress.write_atomically(kept, text)
        print(f"kept your {path.name} as {kept}")
        fresh = replace_definition(text, arguments.name, _definition(fresh, arguments.name), [])
    progress.write_atomically(path, fresh)
    progress.update(arguments.name, failed=0, hints=0, passed=None)
    print(f"{arguments.name} in {path} is as it was at the start")
    return 0


def _written(text: str | None, name: str) -> str:
    """Return "not written", "written" or "unreadable" for a function in a file's text."""
    try:
        body = ast.parse(text).body if text is not None else None
    except (SyntaxError, ValueError):
        body = None
    if body is None:
        return "unreadable"
    found = [n for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name == name]
    return "written" if found and not is_stub(found[-1]) else "not written"


def _list(arguments: argparse.Namespace) -> int:
    folder = desk.default_package()
    for stem in registry.stems():
        book = registry.notebook(stem)
        print(f"{stem} ({book.name if book else 'no notebook yet'})")
        text = None
        with contextlib.suppress(OSError, SourceError):
            text = decode((folder / f"{stem}.py").read_bytes(), stem)
        for exercise in registry.exercises(stem):
            state = _written(text, exercise.name)
            passed = progress.of(exercise.name)["passed"]
            if passed is not None and text is not None and state == "written":
                state = "passed" if passed == progress.digest(text) else "passed, edited since"
            print(f"  {exercise.name:18} {state:22} {exercise.minutes:3} min   difficulty {exercise.difficulty} of 5")
    return 0


def _stubs(arguments: argparse.Namespace) -> int:
    folder = arguments.out or registry.ROOT / "exercises"
    stale = []
    for path in sorted((registry.ROOT / "solutions").glob("[a-z]*.py")):
        target, fresh = folder / path.name, _stub_text(path.stem)
        old = decode(target.read_bytes(), target.name) if target.exists() else None
        if old == fresh:
            continue
        stale.append(path.name)
        if arguments.check:
            continue
        if old is not None and not arguments.force and _has_work(old):
            print(f"{target} holds written work: left as it is (--force overwrites)", file=sys.stderr)
            continue
        progress.write_atomically(target, fresh)
        print(f"wrote {target}")
    if arguments.check and stale:
        print(f"stale: {', '.join(stale)}; run `python -m autograder stubs`")
    return 1 if arguments.check and stale else 0


def _has_work(text: str) -> bool:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return True
    return any(isinstance(n, (ast.FunctionDef, ast.ClassDef)) and not is_stub(n) for n in body)


def _course(arguments: argparse.Namespace) -> int:
    from autograder.course import main

    return main(arguments.stems, arguments.matrix)


def _notebooks(arguments: argparse.Namespace) -> int:
    from autograder.refresh import main

    return main(desk.chapters(arguments.stems))


def _bench(arguments: argparse.Namespace) -> int:
    from autograder.bench import main

    return main(arguments.what, arguments.only, arguments.rounds)
