"""What a learner's commands and notebook calls share: which package, which exercises, judged behind one warm wall."""

import contextlib
import importlib.util
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

import torch

from autograder import progress, registry, standing
from autograder.grading import Device, Grading
from autograder.judging import stumble
from autograder.judging.verdicts import ExerciseVerdict, PackageVerdict
from autograder.paper import Paper
from autograder.running.launch import Launcher
from autograder.running.wall import Wall
from autograder.sources import SourceError, read_package

UNCHANGED = "this is the code of the last check: is the file saved?"
PUBLIC_SEED = 0  # the public cases are the same for everyone, and from check to check
_lock = threading.RLock()
_wall: Wall | None = None


def wall(launcher: Launcher | None = None) -> Wall:
    """Return the wall of this process, started on first use."""
    global _wall
    with _lock:
        if _wall is None:
            _wall = Wall(launcher)
        return _wall


def default_package() -> Path:
    """Return the folder of the package `exercises` that an import would find; nothing of it is imported."""
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec("exercises")
        if spec is not None and spec.submodule_search_locations:
            return Path(next(iter(spec.submodule_search_locations)))
    return registry.ROOT / "exercises"


def select(names: Iterable[str]) -> list[str]:
    """Return exercise names for names of exercises or chapters; no name means all.

    Raises:
        KeyError: A name is neither; the message suggests the nearest.
    """
    chosen: list[str] = []
    for name in names:
        if name in registry.stems():
            chosen += [e.name for e in registry.exercises(name)]
        else:
            chosen.append(registry.find(name)[1].name)
    return list(dict.fromkeys(chosen)) or list(registry.everything())


def chapters(stems: Iterable[str]) -> tuple[str, ...]:
    """Return the chapters named, or all.

    Raises:
        KeyError: There is no such chapter.
    """
    chosen = tuple(stems)
    unknown = [stem for stem in chosen if stem not in registry.stems()]
    if unknown:
        raise KeyError(f"no chapter is called {unknown[0]!r}; there are {', '.join(registry.stems())}")
    return chosen or registry.stems()


def demand(device: Device) -> None:
    """Raise where a device is asked for that is not here.

    Raises:
        SourceError: There is no CUDA.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise SourceError("--device cuda: torch sees no GPU here; without the option, all is judged on the CPU")


def judge_package(
    sources: Mapping[str, str],
    names: Iterable[str],
    package: str,
    level: Literal["public", "all"] = "public",
    seed: int = PUBLIC_SEED,
    clock: bool = True,
    paper: Callable[[str], Paper] | None = None,
    device: Device = "auto",
) -> PackageVerdict:
    """Judge exercises of a package given as texts by stem; `paper` returns an exercise's questions if they are kept."""
    verdicts: list[ExerciseVerdict] = []
    layers: tuple[str, ...] = ()
    with _lock:
        for name in names:
            stem, exercise = registry.find(name)
            asked = paper(name) if paper else None
            mistakes = registry.mistakes(stem)
            grading = Grading(wall(), exercise, stem, sources, mistakes, seed, level, clock, paper=asked, device=device)
            verdicts.append(grading.run())
            layers = grading.layers or layers
    return PackageVerdict(package, tuple(verdicts), layers)


def judge_folder(folder: Path, names: Iterable[str], **kwargs: object) -> PackageVerdict:
    """Judge exercises of a package in a folder."""
    return judge_package(read_package(folder), names, str(folder), **kwargs)  # type: ignore[arg-type]


def remember(verdict: ExerciseVerdict, sources: Mapping[str, str]) -> str:
    """Note the outcome of a check in the learner's state; return the hint for a failure that nothing explains."""
    state = progress.of(verdict.name)
    standing.note(verdict, sources)
    if verdict.status != "failed":
        return ""
    judged = progress.of(verdict.name).get("judged")
    same = judged is not None and judged == state.get("judged")
    return "\n".join(filter(None, (UNCHANGED if same else "", _help(verdict, int(state["failed"]) + 1))))


def _help(verdict: ExerciseVerdict, failed: int) -> str:
    if verdict.diagnosis is not None:  # it says more than a hint, and costs none
        return "" if verdict.diagnosis.mistake == stumble.NAME else f'more help: hint("{verdict.name}")'
    progress.update(verdict.name, failed=failed)
    level = min(failed, 3)
    return f"hint {level} of 3: {registry.find(verdict.name)[1].hints[level - 1]}"


def unlocked(name: str) -> tuple[str, ...]:
    """Return the hints that a learner has come to, by failed checks or by asking."""
    state = progress.of(name)
    level = min(3, max(int(state["failed"]), int(state["hints"])))
    return registry.find(name)[1].hints[:level]
