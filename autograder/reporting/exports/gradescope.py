"""The autograder that Gradescope runs: a zip with setup.sh, run_autograder and what they need."""

import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from autograder.reporting.records import RecordsError

# What grading imports beyond the standard library; the versions are those of requirements.txt.
NEEDED = ("torch", "numpy", "mpmath")
SCRIPTS = Path(__file__).parent / "files"
MOMENT = (1980, 1, 1, 0, 0, 0)  # the same files give the same zip
SKIPPED = ("tests", "graded", "__pycache__")


def requirements(pins: str) -> str:
    """Return the lines of requirements.txt that grading needs.

    Raises:
        RecordsError: One of them is not pinned.
    """
    found = {re.split(r"[=<>!~ ]", line)[0].lower(): line for line in pins.splitlines() if line[:1].isalpha()}
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise RecordsError(f"requirements.txt does not pin {missing[0]}, which grading needs")
    return "".join(found[name] + "\n" for name in NEEDED)


def sources(root: Path) -> dict[str, bytes]:
    """Return the files of the autograder by their place; neither tests nor model answers."""
    found = {}
    for path in sorted((root / "autograder").rglob("*")):
        place = path.relative_to(root)
        if path.suffix == ".py" and not any(part in SKIPPED for part in place.parts[1:]):
            found[place.as_posix()] = path.read_bytes()
    return found


def archive(files: Mapping[str, bytes], executable: Iterable[str]) -> bytes:
    """Return a zip of files, some of them executable."""
    marked = set(executable)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for place in sorted(files):
            entry = zipfile.ZipInfo(place, MOMENT)
            entry.create_system = 3  # Unix: the mode below counts
            entry.external_attr = (0o100755 if place in marked else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, files[place])
    return buffer.getvalue()


def bundle(root: Path, settings: Mapping[str, Any]) -> bytes:
    """Return the zip to upload.

    Args:
        root: The course's folder.
        settings: What `autograder.gradescope` reads: exercises, seed, private, limit_s.

    Raises:
        RecordsError: Something that belongs into it is missing.
    """
    files = {f"course/{place}": data for place, data in sources(root).items()}
    files["course/gradescope.json"] = (json.dumps(dict(settings), indent=1) + "\n").encode()
    files["requirements.txt"] = requirements((root / "requirements.txt").read_text(encoding="utf-8")).encode()
    files["setup.sh"] = (SCRIPTS / "gradescope_setup.sh").read_bytes()
    files["run_autograder"] = (SCRIPTS / "gradescope_run.sh").read_bytes()
    return archive(files, ("setup.sh", "run_autograder"))
