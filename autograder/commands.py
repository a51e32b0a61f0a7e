"""The commands behind the command line: each prints, and returns an exit code."""

import argparse
import ast
import json
import sys

from autograder import desk, files, progress, registry
from autograder.listing import table
from autograder.model_answer import Locked, compare, comparison_text, readable
from autograder.notebook import hint as next_hint
from autograder.reporting.json_form import package_json
from autograder.reporting.terminal import columns, look
from autograder.reporting.text import package_text
from autograder.running.gate import is_stub
from autograder.running.launch import Launcher
from autograder.sources import SourceError, decode, read_package
from autograder.standing import standings


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
    desk.demand(arguments.device)
    verdict = desk.judge_package(sources, names, str(folder), device=arguments.device)
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


def _solution(arguments: argparse.Namespace) -> int:
    try:
        comparison = compare(arguments.name, arguments.package or desk.default_package())
    except Locked as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 1
    print(comparison_text(comparison, columns(sys.stdout)))
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    name = arguments.name
    change = files.reset(arguments.package or desk.default_package(), name)
    _say(change)
    for exercise in registry.exercises(name) if name in registry.stems() else [registry.find(name)[1]]:
        progress.update(exercise.name, failed=0, hints=0, passed=None)
    print(f"{name} in {change.path} is as it was at the start")
    return 0


def _say(change: files.Change) -> None:
    if change.kept is not None:
        print(f"your version until now is kept: `history` shows it, `restore` brings it back ({change.kept})")


def _history(arguments: argparse.Namespace) -> int:
    name = arguments.name
    kept = files.versions(name)
    if not kept:
        print(f"no older version of {name} is kept")
    if arguments.show is not None:
        if not 1 <= arguments.show <= len(kept):
            raise SourceError(f"{name}: there are versions 1 to {len(kept)}" if kept else f"{name} has no old version")
        print(files.source(kept[arguments.show - 1], name))
        return 0
    for number, version in enumerate(kept, 1):
        lines = len(files.source(version, name).splitlines())
        print(f"  {number:3}   replaced {version.moment}   {lines} lines   {version.path.name}")
    if kept:
        print(f"`history {name} --show N` prints one, `restore {name} N` brings it back")
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    change = files.restore(arguments.package or desk.default_package(), arguments.name, arguments.number)
    _say(change)
    print(f"{arguments.name} in {change.path} is version {arguments.number} again")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    standing = standings(readable(desk.default_package()), registry.everything())
    print(table(standing, columns(sys.stdout), look(sys.stdout)))
    return 0


def _watch(arguments: argparse.Namespace) -> int:
    from autograder.watch import main

    return main(arguments.names)


def _stubs(arguments: argparse.Namespace) -> int:
    folder = arguments.out or registry.ROOT / "exercises"
    stale = []
    for path in sorted((registry.ROOT / "solutions").glob("[a-z]*.py")):
        target, fresh = folder / path.name, files.stub_text(path.stem)
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
    from autograder import refresh, stamps

    return stamps.main() if arguments.stamp else refresh.main(desk.chapters(arguments.stems))


def _grade(arguments: argparse.Namespace) -> int:
    from autograder.classroom import dask, run

    asked = run.Settings(
        arguments.submissions,
        arguments.out,
        tuple(arguments.only),
        arguments.points,
        arguments.jobs,
        arguments.shard,
        arguments.seed,
        arguments.require_sandbox,
        arguments.similarity,
        notebooks=arguments.notebooks,
        device=arguments.device,
    )
    return run.grade(asked, dask.on_cluster(arguments.dask)) if arguments.dask else run.grade(asked)


def _merge(arguments: argparse.Namespace) -> int:
    from autograder.classroom.merge import merge

    return merge(arguments.folders, arguments.out)


def _export(arguments: argparse.Namespace) -> int:
    from autograder.export import main

    return main(arguments)


def _bench(arguments: argparse.Namespace) -> int:
    from autograder.bench import main

    return main(arguments.what, arguments.only, arguments.rounds, arguments.package, arguments.out)
