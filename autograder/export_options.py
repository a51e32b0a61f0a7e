"""The options of `export`; apart from what it does, so that the command line starts without torch."""

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add `export` and its formats to the command line."""
    export = commands.add_parser("export", help="write grades in another tool's format (for instructors)")
    formats = export.add_subparsers(dest="format", required=True, metavar="FORMAT")
    scope = formats.add_parser("gradescope", help="the autograder as a zip to upload")
    _out(scope, "the zip, autograder.zip")
    scope.add_argument("--only", nargs="+", metavar="NAME", help="exercises or chapters; none means all")
    scope.add_argument("--seed", type=int, help="of the private cases (default: drawn anew)")
    words = "whether learners ever see the private tests; their total is hidden until they do (default: hidden)"
    scope.add_argument("--private", choices=("hidden", "after_due_date"), default="hidden", help=words)
    scope.add_argument("--limit", type=int, default=540, metavar="S", help="seconds of a submission (default: 540)")
    canvas = formats.add_parser("canvas", help="fill one column of a gradebook exported from Canvas")
    _folder(canvas)
    canvas.add_argument("--roster", type=Path, required=True, help="the CSV file that Canvas exported")
    canvas.add_argument("--column", required=True, metavar='"TITLE (123)"', help="the assignment's column")
    canvas.add_argument("--raw", action="store_true", help="points as graded, not scaled to the points possible")
    _out(canvas, "the filled file")
    room = formats.add_parser("classroom50", help="result.json of Classroom 50, and a GitHub Actions workflow")
    _folder(room)
    room.add_argument("--student", nargs="+", metavar="ID", help="learners; none means all, each in a folder")
    for field in ("classroom", "assignment", "submission"):
        room.add_argument(f"--{field}", metavar="NAME", help="default: what Classroom 50's runner sets")
    room.add_argument("--datetime", metavar="UTC", help="the moment of submission, 2026-06-01T14:32:01Z (default: now)")
    room.add_argument("--only", nargs="+", metavar="NAME", help="what the workflow grades; none means all")
    room.add_argument("--course", metavar="OWNER/NAME[@REF]", help="the repository whose autograder the workflow runs")
    _out(room, "the folder")
    csv = formats.add_parser("csv", help="a table: a line for each learner")
    _folder(csv)
    csv.add_argument("--long", action="store_true", help="a line for each learner and exercise")
    csv.add_argument("--excel", action="store_true", help="with the mark by which Excel knows UTF-8")
    _out(csv, "the file")


def _folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="DIR", help="the folder that `grade ... --out` wrote")


def _out(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--out", type=Path, required=True, help=f"{what} to write")
