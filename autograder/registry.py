"""Finds the exercises and mistakes that the chapters declare; the notebooks' numbers give the order."""

import functools
import importlib
import re
from pathlib import Path
from types import ModuleType

from autograder.spec import Exercise, Mistake

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"


def notebook(stem: str) -> Path | None:
    """Return the chapter's notebook, `NN_STEM.ipynb`."""
    return next((p for p in NOTEBOOKS.glob(f"[0-9][0-9]_{stem}.ipynb")), None)


@functools.cache
def stems() -> tuple[str, ...]:
    """Return the chapters that have a spec, in the order of their notebooks; those without one come last."""
    folder = Path(__file__).parent / "specs"
    found = [p.stem for p in folder.glob("*.py") if not p.stem.startswith("_")]
    return tuple(sorted(found, key=lambda s: (n.name if (n := notebook(s)) else "99", s)))


def _module(kind: str, stem: str) -> ModuleType:
    return importlib.import_module(f"autograder.{kind}.{stem}")


@functools.cache
def exercises(stem: str) -> tuple[Exercise, ...]:
    """Return the exercises of one chapter in the order of its spec."""
    return tuple(value for value in vars(_module("specs", stem)).values() if isinstance(value, Exercise))


@functools.cache
def mistakes(stem: str) -> tuple[Mistake, ...]:
    """Return the known mistakes of one chapter in the order of its file."""
    if not (Path(__file__).parent / "mistakes" / f"{stem}.py").exists():
        return ()
    return tuple(value.mistake for value in vars(_module("mistakes", stem)).values() if hasattr(value, "mistake"))


@functools.cache
def everything() -> dict[str, str]:
    """Return the stem of every exercise by its name."""
    return {exercise.name: stem for stem in stems() for exercise in exercises(stem)}


def find(name: str) -> tuple[str, Exercise]:
    """Return stem and exercise of a name.

    Raises:
        KeyError: No exercise has that name; the message suggests the nearest.
    """
    if not isinstance(name, str) or name not in everything():
        import difflib

        near = difflib.get_close_matches(str(name), everything(), 1, 0.5)
        also = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(everything())}"
        raise KeyError(f"no exercise is called {name!r}{also}")
    stem = everything()[name]
    return stem, next(e for e in exercises(stem) if e.name == name)


def valid_stem(name: str) -> bool:
    """Return whether a file name's stem can be a module of an exercise package."""
    return re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None
