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
NEEDED = ("torch", "numpy", "mpmath", "jinja2", "rich")
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
        if path.suffix in (".py", ".html") and not any(part in SKIPPED for part in place.parts[1:]):
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
    files["setup.sh"] = SETUP.encode()
    files["run_autograder"] = RUN.encode()
    return archive(files, ("setup.sh", "run_autograder"))


SETUP = """\
#!/usr/bin/env bash
# Runs once, as root, when Gradescope builds the image: a Python of 3.11 or newer, and a venv with what grading needs.
set -eu
root="${AUTOGRADER_ROOT:-/autograder}"

newest() {
  for name in python3.14 python3.13 python3.12 python3.11 python3; do
    # ensurepip is what Debian and Ubuntu leave out of python3.x until python3.x-venv is installed.
    if command -v "$name" > /dev/null && "$name" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null
    then echo "$name"; return 0; fi
  done
  return 1
}

if ! python="$(newest)"; then
  apt-get update
  for version in 3.13 3.12 3.11; do
    if DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "python$version" "python$version-venv"
    then break; fi
  done
  python="$(newest)" || { echo "setup.sh: no Python 3.11 or newer: choose Ubuntu 22.04 or newer as base image" >&2; exit 1; }
fi

"$python" -m venv "$root/venv"
# The CPU's wheels: Gradescope has no GPU, and the others weigh gigabytes.
"$root/venv/bin/python" -m pip install --no-cache-dir --quiet --extra-index-url https://download.pytorch.org/whl/cpu \\
  -r "$root/source/requirements.txt"
"$root/venv/bin/python" -c 'import torch; print("torch", torch.__version__)'
"""

RUN = """\
#!/usr/bin/env bash
# Runs for each submission. Whatever happens, results.json is there at the end.
set -u
root="${AUTOGRADER_ROOT:-/autograder}"
python="${AUTOGRADER_PYTHON:-$root/venv/bin/python}"
mkdir -p "$root/results"
rm -f "$root/results/results.json"
cd "$root/source/course" || true
STABLE_LOGPROBS_STATE="$root/results/.state" PYTHONPATH="$root/source/course" PYTHONDONTWRITEBYTECODE=1 \\
  "$python" -m autograder.gradescope "$root" < /dev/null
code=$?
if [ ! -s "$root/results/results.json" ]; then
  printf '%s\\n' "{\\"score\\": 0, \\"stdout_visibility\\": \\"hidden\\", \\"output\\": \\"The autograder itself failed (exit code $code): \\
this is not your fault; tell your instructor.\\", \\"tests\\": []}" > "$root/results/results.json"
fi
exit 0
"""
