"""The options of `grade` and `merge`; apart from what they do, so that the command line starts without torch."""

import argparse
import os
from pathlib import Path
from typing import Any


def shard(text: str) -> tuple[int, int]:
    """Return shard i of n from "i/n".

    Raises:
        ArgumentTypeError: It is none.
    """
    try:
        number, count = map(int, text.split("/"))
    except ValueError:
        number, count = 0, 0
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected i/n with 1 <= i <= n, like 2/5")
    return number, count


def jobs(text: str) -> int:
    """Return a number of processes.

    Raises:
        ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number of processes, 1 or more")
    return int(text)


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def add_device(command: argparse.ArgumentParser) -> None:
    """Let a command say where the cases' inputs are."""
    words = (
        "where the cases' inputs are: on a GPU (cuda) or not (cpu); auto, the default, judges on the CPU, and the "
        "public values once more on a GPU if there is one. Time is judged on the CPU only"
    )
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help=words)


def add(commands: Any) -> None:
    """Add `grade` and `merge` to the command line."""
    grade = commands.add_parser("grade", help="grade the submissions of a class (for instructors)")
    words = "a folder with a folder or .zip for each learner, or one .zip of all"
    grade.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help=words)
    grade.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="the results' folder; used again, only what changed is graded",
    )
    grade.add_argument("--only", nargs="+", default=[], metavar="NAME", help="exercises or chapters; none means all")
    grade.add_argument("--points", type=Path, metavar="FILE", help="your own points: lines of exercise,points, or JSON")
    grade.add_argument("--jobs", type=jobs, default=cores(), metavar="N", help="processes (default: all cores)")
    grade.add_argument(
        "--shard",
        type=shard,
        default=(1, 1),
        metavar="I/N",
        help="only this part of the class; `merge` puts parts together",
    )
    grade.add_argument("--seed", type=int, metavar="S", help="of the private cases (default: drawn once, kept in DIR)")
    add_device(grade)
    grade.add_argument("--require-sandbox", action="store_true", help="refuse to run behind less than the full wall")
    words = "also report functions that are the same but for names and formatting"
    grade.add_argument("--similarity", action="store_true", help=words)
    words = "also run the course's notebooks with each learner's functions (Linux, macOS); shown, earns no points"
    grade.add_argument("--notebooks", action="store_true", help=words)
    grade.add_argument("--dask", metavar="ADDRESS", help="grade on a Dask cluster (needs stable-logprobs[dask])")
    merge = commands.add_parser("merge", help="put the results of several `grade --shard` together")
    merge.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folders that `grade` wrote")
    merge.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write")
