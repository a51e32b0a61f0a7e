"""What some exercises need beside the course's own packages, and what to say where it is missing."""

import importlib.util
from importlib import metadata

from autograder.spec import Exercise

# What a machine may lack, and how it gets it.
WAYS = {
    "triton": (
        "`.venv/bin/python -m pip install triton` (Linux; elsewhere open the notebook in Colab: with a GPU it is there)"
    )
}


def missing(exercise: Exercise) -> str:
    """Return why an exercise cannot be judged on this machine, or nothing. Nothing is imported."""
    need = exercise.needs
    if need is None or importlib.util.find_spec(need) is not None:
        return ""
    return f"{need} is not installed, so nothing is judged and no points are lost: {WAYS[need]}"


def versions() -> dict[str, str]:
    """Return the version of each of these packages that is here: a grade may depend on it."""
    found = {}
    for name in WAYS:
        if importlib.util.find_spec(name) is not None:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                found[name] = "0"
    return found
