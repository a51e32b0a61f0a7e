"""Plain ANSI for terminals: colours, a bar, two columns, and one status line that stays below what is said."""

import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
FALLBACK = 80  # columns, where nobody tells


@dataclass(frozen=True)
class Look:
    """What a stream can show: colours, and a line that is written again in place."""

    colours: bool = False
    lively: bool = False

    def paint(self, text: str, *styles: str) -> str:
        """Return the text in these styles, or as it is where there are no colours."""
        if not self.colours or not text or not styles:
            return text
        return f"\x1b[{';'.join(STYLES[s] for s in styles)}m{text}\x1b[0m"


def look(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Look:
    """Return what a stream can show: nothing but text unless it is a terminal; NO_COLOR takes the colours away."""
    try:
        terminal = stream.isatty()
    except ValueError:  # it is closed
        terminal = False
    if not terminal or environment.get("TERM") == "dumb":
        return Look()
    if sys.platform == "win32":
        os.system("")  # switches the console's escape sequences on
    return Look(colours=not environment.get("NO_COLOR"), lively=True)


def columns(stream: TextIO) -> int:
    """Return how wide a stream's terminal is just now."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or FALLBACK
    except (OSError, ValueError, AttributeError):
        return FALLBACK


def clean(text: str) -> str:
    """Return a text without characters that steer a terminal; lines stay, tabs become four spaces."""
    return "".join(c if c == "\n" or c.isprintable() else " " for c in text.replace("\t", "    "))


def _units(text: str) -> list[str]:
    """Return the characters of one line; a colour's code counts as one of them."""
    return re.findall(r"\x1b\[[0-9;]*m|.", text, re.DOTALL)


def _cells(unit: str) -> int:
    """Return how many columns a character takes."""
    if len(unit) > 1 or unicodedata.combining(unit):
        return 0
    return 2 if unicodedata.east_asian_width(unit) in "WF" else 1


def cells(text: str) -> int:
    """Return how many columns a line takes."""
    return sum(map(_cells, _units(text)))


def fit(text: str, width: int) -> str:
    """Return the part of one line that fits into so many columns."""
    used, kept = 0, ""
    for unit in _units(text):
        used += _cells(unit)
        if used > width:
            break
        kept += unit
    return kept


def wrap(line: str, width: int) -> list[str]:
    """Return a line in pieces of at most `width` columns; the later ones are indented as the line is, and by two more.

    Nothing is lost but blanks at a break.
    """
    margin = min(len(line) - len(line.lstrip(" ")) + 2, width // 2)
    pieces, rest = [], line.rstrip(" ")
    while cells(rest) > width:
        piece = fit(rest, width) or _units(rest)[0]
        blank = piece.rfind(" ", len(piece) // 2)
        piece = piece[:blank] if blank > margin else piece
        pieces.append(piece)
        rest = " " * margin + rest[len(piece) :].lstrip(" ")
        if cells(rest) <= margin:
            return pieces
    return [*pieces, rest]


def beside(left: str, right: str, width: int) -> str:
    """Return two texts in two columns that take at most `width` together; long lines go on in the next row."""
    half = (width - 3) // 2
    rows = [[piece for line in text.split("\n") for piece in wrap(line, half)] for text in (left, right)]
    height = max(map(len, rows))
    mine, theirs = (column + [""] * (height - len(column)) for column in rows)
    return "\n".join(f"{a}{' ' * (half - cells(a))} | {b}".rstrip() for a, b in zip(mine, theirs, strict=True))


def bar(done: int, total: int, width: int) -> str:
    """Return "[####----]"; it is full only when everything is done, and empty only when nothing is."""
    inner = max(width - 2, 1)
    filled = inner if done >= total else min(max(round(inner * done / total), int(done > 0)), inner - 1)
    return f"[{'#' * filled}{'-' * (inner - filled)}]"


class Screen:
    """Writes lines to a stream, and below them one status line that is written anew; neither ever scrolls away."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
        """Write nothing yet."""
        self.stream, self.look = stream, look(stream, environment)
        self._status = ""

    @property
    def width(self) -> int:
        """How many columns there are just now."""
        return columns(self.stream)

    def say(self, text: str) -> None:
        """Write lines above the status line."""
        status = self._status
        self.wipe()
        if self.look.lively:
            text = "\n".join(piece for line in text.split("\n") for piece in wrap(line, self.width))
        self.stream.write(text + "\n")
        self.show(status)
        self.stream.flush()

    def show(self, status: str) -> None:
        """Write the status line, cut to the width; where a line cannot be written again there is none."""
        if not self.look.lively:
            return
        # One column stays free: a line that fills the last one wraps on some terminals.
        line = fit(status, self.width - 1)
        if line != self._status:
            self.wipe()
            self.stream.write(self.look.paint(line, "dim"))
            self.stream.flush()
            self._status = line

    def wipe(self) -> None:
        """Take the status line away."""
        if self._status:
            # A terminal that has become narrower has broken the line: its upper rows go too.
            above = (cells(self._status) - 1) // max(self.width, 1)
            self.stream.write("\r" + (f"\x1b[{above}A" if above else "") + "\x1b[J")
            self.stream.flush()
            self._status = ""
