"""`export`: grades in other tools' formats, from the folder that `grade` wrote."""

import argparse
import datetime
import os
import re
import secrets
import sys
from collections.abc import Sequence

from autograder import desk, registry
from autograder.progress import write_atomically
from autograder.reporting import records
from autograder.reporting.class_pages.names import page_name
from autograder.reporting.exports import canvas, classroom50, gradescope, gradescope_form, tables
from autograder.reporting.json_form import exercise_json
from autograder.reporting.records import RecordsError
from autograder.reporting.visible import line

SHOWN = 10  # names on one line of a message


def main(arguments: argparse.Namespace) -> int:
    """Run one export; 0 where every grade is in it, 2 where one is not or the input is no good."""
    try:
        return {"gradescope": _gradescope, "canvas": _canvas, "classroom50": _classroom50, "csv": _csv}[
            arguments.format
        ](arguments)
    except RecordsError as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 2


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(line(name) for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _csv(arguments: argparse.Namespace) -> int:
    found = records.read(arguments.folder)
    text = tables.long(found) if arguments.long else tables.wide(found)
    # Excel reads UTF-8 as such only where a mark says so.
    write_atomically(arguments.out, ("\ufeff" if arguments.excel else "") + text)
    print(f"wrote {len(found)} learners to {arguments.out}")
    return 0


def _canvas(arguments: argparse.Namespace) -> int:
    if not arguments.roster.is_file():
        raise RecordsError(f"there is no roster {arguments.roster}: export the gradebook in Canvas")
    filled = canvas.fill(arguments.roster.read_bytes(), arguments.column, records.read(arguments.folder), arguments.raw)
    write_atomically(arguments.out, filled.data)
    scale = f", scaled to {filled.points:g} points" if filled.points is not None else ", in points as graded"
    print(f"filled {filled.count} cells of {arguments.column!r}{scale}; wrote {arguments.out}")
    if filled.missing:
        print(f"on the roster, but not graded (left as they were): {_some(filled.missing)}")
    if filled.unknown:
        print(f"autograder: graded, but not on the roster: {_some(filled.unknown)}", file=sys.stderr)
    if filled.ungraded:
        print(f"autograder: with no points to earn, so not filled in: {_some(filled.ungraded)}", file=sys.stderr)
    return 2 if filled.unknown or filled.ungraded else 0


def _classroom50(arguments: argparse.Namespace) -> int:
    now = _moment(arguments.datetime)
    names = tuple(arguments.only or ())
    desk.select(names)
    course, reference = _course(arguments.course)
    found = {str(record["student"]): record for record in records.read(arguments.folder)}
    wanted = arguments.student or sorted(found)
    unknown = [student for student in wanted if student not in found]
    if unknown:
        raise RecordsError(f"no grade of {_some(unknown)} in {arguments.folder}; there are {_some(sorted(found))}")
    identity = _identity(arguments)
    for student in wanted:
        # One learner's files lie in the folder itself, where a workflow looks for them.
        folder = arguments.out if len(wanted) == 1 else arguments.out / page_name(student).removesuffix(".html")
        tag = identity["submission"] or f"submit/{now.replace(':', '-')}"
        named = {field: value or tag for field, value in identity.items()}
        write_atomically(folder / "result.json", classroom50.result_text(found[student], named, now))
        write_atomically(folder / "summary.md", classroom50.summary(found[student]))
    text = classroom50.workflow(names, course, reference)
    write_atomically(arguments.out / ".github" / "workflows" / "grade.yml", text)
    print(f"wrote {len(wanted)} result.json, and the workflow, to {arguments.out}")
    return 0


def _moment(given: str | None) -> str:
    if given is None:
        return classroom50.instant(datetime.datetime.now(datetime.UTC))
    try:
        datetime.datetime.strptime(given, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        raise RecordsError(f"{given!r} is no time of the form 2026-06-01T14:32:01Z (UTC)") from None
    return given


def _course(given: str | None) -> tuple[str | None, str | None]:
    """Return repository and reference; what stands there goes into a workflow, and must be nothing else."""
    if given is None:
        return None, None
    found = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", given, re.ASCII)
    if found is None:
        raise RecordsError(f"{given!r} is no OWNER/NAME or OWNER/NAME@REF")
    return found[1], found[2]


def _identity(arguments: argparse.Namespace) -> dict[str, str]:
    """Return what names the submission, from the options or from the variables that Classroom 50's runner sets."""
    environment = {"submission": "SUBMISSION_TAG", "commit": "COMMIT_URL", "release": "RELEASE_URL"}
    identity = {
        field: getattr(arguments, field, None) or os.environ.get(environment.get(field, field.upper()), "")
        for field in ("classroom", "assignment", *environment)
    }
    identity["review"] = os.environ.get("REVIEW_URL") or identity["commit"]
    for field in ("classroom", "assignment"):
        if not identity[field]:
            raise RecordsError(f"give --{field} NAME, or set {field.upper()}: Classroom 50 checks it")
    return identity


def _gradescope(arguments: argparse.Namespace) -> int:
    names = desk.select(arguments.only or ())
    seed = secrets.randbits(62) if arguments.seed is None else arguments.seed
    settings = {"exercises": names, "seed": seed, "private": arguments.private, "limit_s": arguments.limit}
    data = gradescope.bundle(registry.ROOT, settings)
    write_atomically(arguments.out, data)
    unjudged = desk.judge_package({}, names, "", "all")
    total = gradescope_form.total(exercise_json(e) for e in unjudged.exercises)
    print(f"wrote {arguments.out} ({len(data) >> 10} KiB, {len(names)} exercises)")
    print(f"In Gradescope: set the assignment's autograder points to {total}, the base image to Ubuntu 22.04 or newer,")
    print(f"the container to 2 GB or more, and the timeout above {arguments.limit} s.")
    return 0
