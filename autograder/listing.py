"""The list of exercises: status, minutes and difficulty of each, how far each chapter is, and what is left."""

from collections.abc import Sequence

from autograder import registry
from autograder.reporting.terminal import Look, bar, fit
from autograder.standing import WORDS, Standing

STYLES = {"passed": "green", "changed": "yellow", "failed": "red", "unchecked": "yellow", "unreadable": "red"}
BAR = 12


def duration(minutes: float) -> str:
    """Return "40 min", "2.5 h" or "12 h"."""
    if minutes < 60:
        return f"{round(minutes):d} min"
    hours = minutes / 60
    return f"{round(2 * hours) / 2:g} h" if hours < 10 else f"{round(hours):d} h"


def total(standings: Sequence[Standing]) -> str:
    """Return "12 of 35 passed, about 6 h left"."""
    left = [s.minutes for s in standings if s.status != "passed"]
    words = f"{len(standings) - len(left)} of {len(standings)} passed"
    return words + (f", about {duration(sum(left))} left" if left else "")


def _row(standing: Standing, names: int, width: int, look: Look, current: bool) -> str:
    style = STYLES.get(standing.status, "dim")
    left = f"{'>' if current else ' '} {standing.name:{names}} "
    word = f"{WORDS[standing.status]:{max(map(len, WORDS.values()))}}"
    right = ("", f" {standing.minutes:3d} min", f" {standing.minutes:3d} min  difficulty {standing.difficulty} of 5")
    # What does not fit is left out as a whole.
    end = max((r for r in right if len(left) + len(word) + len(r) <= width), key=len, default="")
    return left + look.paint(word if end else word.rstrip(), style) + end


def table(standings: Sequence[Standing], width: int, look: Look, current: str | None = None) -> str:
    """Return the list, chapter by chapter; `current` is marked."""
    names = max((len(s.name) for s in standings), default=0)
    lines = []
    for stem in dict.fromkeys(s.stem for s in standings):
        rows = [s for s in standings if s.stem == stem]
        book = registry.notebook(stem)
        passed = sum(s.status == "passed" for s in rows)
        head = f"{book.stem if book else f'{stem} (no notebook yet)':30} {bar(passed, len(rows), BAR)} {total(rows)}"
        lines.append(look.paint(fit(head, width), "bold"))
        lines += [_row(s, names, width, look, s.name == current) for s in rows]
    return "\n".join([*lines, look.paint(total(standings), "bold")])
