"""The command line: `python -m autograder COMMAND`. Exit codes: 0 all passed, 1 some failed, 2 bad usage."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder import export_options
from autograder.classroom import options
from autograder.running.launch import WallError, start


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    main = argparse.ArgumentParser(prog="python -m autograder", description="The autograder of the course.")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="judge exercises by their public cases")
    check.add_argument("names", nargs="*", metavar="NAME", help="exercises or chapters; none means all")
    check.add_argument("--package", type=Path, help="the folder that holds the STEM.py files (default: exercises)")
    options.add_device(check)
    check.add_argument("--json", action="store_true", help="print one JSON object (schema check/1)")
    hint = commands.add_parser("hint", help="show the next hint of an exercise")
    hint.add_argument("name", metavar="NAME")
    hint.add_argument("--level", type=int, choices=(1, 2, 3), help="show this hint")
    for name, words in (("solution", "show the model answer, after passing"), ("reset", "put the stub back")):
        command = commands.add_parser(name, help=words)
        command.add_argument("name", metavar="NAME")
        command.add_argument("--package", type=Path, help="the folder that holds the STEM.py files")
    history = commands.add_parser("history", help="list the kept versions of an exercise or a chapter")
    history.add_argument("name", metavar="NAME")
    history.add_argument("--show", type=int, metavar="N", help="print this version")
    restore = commands.add_parser("restore", help="bring a kept version back; the present one is kept first")
    restore.add_argument("name", metavar="NAME")
    restore.add_argument("number", metavar="N", type=int, nargs="?", default=1, help="1, the latest, if not given")
    restore.add_argument("--package", type=Path, help="the folder that holds the STEM.py files")
    commands.add_parser("list", help="list the exercises and how far you are")
    watch = commands.add_parser("watch", help="check each save at once; single keys do the rest")
    watch.add_argument("names", nargs="*", metavar="NAME", help="exercises or chapters; none means all")
    stubs = commands.add_parser("stubs", help="write exercises/ anew from solutions/ (for authors)")
    stubs.add_argument("--check", action="store_true", help="only say which files are stale")
    stubs.add_argument("--out", type=Path, help="the folder to write to (default: exercises)")
    stubs.add_argument("--force", action="store_true", help="overwrite written work as well")
    course = commands.add_parser("course", help="is the course whole? (for authors)")
    course.add_argument("stems", nargs="*", metavar="STEM", help="judge answers and mistakes of these chapters only")
    course.add_argument("--matrix", action="store_true", help="write the table of mistakes and what kills them")
    books = commands.add_parser("notebooks", help="execute the notebooks with the model answers (for authors)")
    books.add_argument("stems", nargs="*", metavar="STEM", help="chapters; none means all")
    books.add_argument("--stamp", action="store_true", help="only write the badge and the bootstrap cell, in all")
    options.add(commands)
    export_options.add(commands)
    bench = commands.add_parser("bench", help="measure the model answers and the autograder")
    bench.add_argument(
        "what",
        nargs="*",
        metavar="WHAT",
        help="accuracy, check, grade, growth, speed or verdicts; none means the first two",
    )
    only = "verdicts: chapters or exercises; speed: words of the contests' names"
    bench.add_argument("--only", nargs="+", default=[], metavar="NAME", help=only)
    bench.add_argument("--rounds", type=int, default=100, help="verdicts: how many checks, idle and loaded")
    bench.add_argument("--package", default="solutions", help="speed: whose functions compete (default: solutions)")
    bench.add_argument("--out", type=Path, metavar="FOLDER", help="speed: write speed.json and speed.md there as well")
    return main


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    needs_wall = arguments.command in ("check", "course", "watch", "grade") and not getattr(arguments, "dask", None)
    try:
        # The process behind the wall imports torch on one core while this one does on the other.
        launcher = start() if needs_wall else None
        from autograder import commands

        code = commands.run(arguments, launcher)
        sys.stdout.flush()
        return code
    except WallError as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read the output is gone; Python's own flush at the end must not stumble over that again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("autograder: stopped", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
