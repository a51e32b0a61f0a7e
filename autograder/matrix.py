"""Judges the model answers and the known mistakes: do the first pass and the second fall, each for its own reason?"""

import functools
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from autograder import desk, registry
from autograder.judging.verdicts import ORDER, ExerciseVerdict
from autograder.paper import Paper
from autograder.reporting.text import headline
from autograder.sources import mistake_source

GOOD = ("passed", "inconclusive")
TOGETHER = 12  # mistakes that a process judges before it takes the next ones
TABLE = Path(__file__).parent / "mistakes" / "MATRIX.md"
HEAD = """# Known mistakes and what catches them

Made by `python -m autograder course --matrix`: every known wrong implementation, judged as a submission by the public
cases without the clock. A number counts the failed cases of a family; a mistake must lose points and be told apart.
"""


@dataclass(frozen=True)
class Kill:
    """One known mistake as a submission: the verdict, and the mistake that the diagnosis named first."""

    stem: str
    exercise: str
    mistake: str
    verdict: ExerciseVerdict

    @property
    def named(self) -> str | None:
        """The id of the diagnosis."""
        return self.verdict.diagnosis.mistake if self.verdict.diagnosis else None

    @property
    def complaint(self) -> str | None:
        """What is wrong with the autograder, if something is."""
        if self.verdict.status == "skipped":
            return None
        if self.verdict.score >= self.verdict.max_score:
            return f"{self.exercise}: the mistake {self.mistake} loses no points"
        if self.named != self.mistake:
            return f"{self.exercise}: the mistake {self.mistake} is diagnosed as {self.named}"
        return None


def kills(stems: Sequence[str], jobs: int = 1) -> Iterator[Kill]:
    """Judge every known mistake of some chapters by the public cases, without the clock."""
    parts = [(stem, first) for stem in stems for first in range(0, len(registry.mistakes(stem)), TOGETHER)]
    if jobs == 1:
        for part in parts:
            yield from _kills(*part)
        return
    context = multiprocessing.get_context("spawn")
    # Threads of several processes wait for each other.
    with ProcessPoolExecutor(jobs, context, torch.set_num_threads, (1,)) as pool:
        for found in pool.map(_kills, *zip(*parts, strict=True)):
            yield from found


def _kills(stem: str, first: int) -> list[Kill]:
    found = []
    for mistake in registry.mistakes(stem)[first : first + TOGETHER]:
        sources = {stem: mistake_source(mistake.function, mistake.exercise)}
        verdict = desk.judge_package(sources, [mistake.exercise], stem, clock=False, paper=_paper).exercises[0]
        found.append(Kill(stem, mistake.exercise, mistake.id, verdict))
    return found


@functools.cache
def _paper(name: str) -> Paper:
    """Return an exercise's questions, kept: all mistakes get the same, and are compared with each other on them."""
    return Paper(registry.find(name)[1], desk.PUBLIC_SEED, kept=True)


def solution_complaints(root: Path, stems: Sequence[str]) -> list[str]:
    """Judge the model answers by all cases, honours included."""
    verdict = desk.judge_folder(root / "solutions", desk.select(stems), level="all")
    found = []
    for exercise in verdict.exercises:
        if exercise.status not in ("passed", "skipped"):
            bad = [f"{c.family}: {c.name} ({c.status})" for c in exercise.graded if c.status not in GOOD]
            found.append(f"the model answer {headline(exercise)}: {exercise.problem or '; '.join(bad)}")
        missed = [name for name, reached in exercise.honours.items() if not reached]
        if missed:
            found.append(f"the model answer {exercise.name} misses the honours {', '.join(missed)}")
    return found


def table(all_kills: list[Kill]) -> str:
    """Return the kill matrix as Markdown."""
    lines = [HEAD]
    for stem in dict.fromkeys(k.stem for k in all_kills):
        rows = [k for k in all_kills if k.stem == stem]
        if any(k.verdict.status == "skipped" for k in rows):
            lines += _kept(stem)  # this machine cannot say: what stands there came from one that can
            continue
        used = [f for f in ORDER if any(c.family == f for k in rows for c in k.verdict.graded)]
        lines += [f"## {stem}: {len(rows)} mistakes", "", "| exercise | mistake | " + " | ".join(used) + " |"]
        lines.append("|---|---|" + "---|" * len(used))
        for kill in rows:
            counts = [sum(c.status not in GOOD for c in kill.verdict.graded if c.family == family) for family in used]
            lines.append(f"| {kill.exercise} | {kill.mistake} | " + " | ".join(str(n or "") for n in counts) + " |")
        lines.append("")
    return "\n".join(lines)


def _kept(stem: str) -> list[str]:
    """Return a chapter's lines of the stored matrix; nothing where there is none yet."""
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    found = [part for part in text.split("\n## ")[1:] if part.startswith(f"{stem}:")]
    return [*f"## {found[0]}".strip().splitlines(), ""] if found else []


def summary(text: str) -> list[str]:
    """Return a row for each chapter of a kill matrix: its mistakes, and how many of them each family catches."""
    shown = [family for family in ORDER if family != "time"]  # judged without the clock
    rows = [f"| chapter | mistakes | {' | '.join(shown)} |"]
    for chapter in text.split("\n## ")[1:]:
        title, _, head, _, *lines = chapter.strip().splitlines()
        families = [cell.strip() for cell in head.split("|")[3:-1]]
        cells = [[cell.strip() for cell in line.split("|")[3:-1]] for line in lines]
        caught = {family: sum(bool(c[i]) for c in cells) for i, family in enumerate(families)}
        counts = " | ".join(str(caught.get(family) or "") for family in shown)
        rows.append(f"| {title.split(':')[0]} | {len(cells)} | {counts} |")
    return rows


def readme_complaints(readme: str) -> list[str]:
    """Return the rows of README's summary of the kill matrix that are missing or stale."""
    if not TABLE.exists():
        return []
    rows = summary(TABLE.read_text(encoding="utf-8"))
    total = f"{sum(int(row.split('|')[2]) for row in rows[1:])} wrong answers"
    return [f"README.md lacks {text}" for text in (total, *rows) if text not in readme]
