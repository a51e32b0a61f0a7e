"""A CSV file as its cells with their exact bytes, so that one cell can be changed and all else stays as it was."""

import re
from dataclasses import dataclass

QUOTED = rb'"[^"]*(?:""[^"]*)*"'


@dataclass
class Cell:
    """The bytes of a cell and of what ends it."""

    raw: bytes
    end: bytes

    @property
    def text(self) -> str:
        """What the cell holds."""
        raw = self.raw.decode("utf-8")
        quoted = raw.startswith('"') and raw.rstrip().endswith('"') and len(raw) > 1
        return raw.rstrip()[1:-1].replace('""', '"') if quoted else raw


def separator(data: bytes) -> bytes:
    """Return what parts the cells of the first line: Canvas writes semicolons for some countries."""
    first = re.split(rb"[\r\n]", re.sub(QUOTED, b"", data), maxsplit=1)[0]
    return b";" if first.count(b";") > first.count(b",") else b","


def split(data: bytes) -> list[list[Cell]]:
    """Return the lines of a CSV file as cells; joined again, they are the same bytes.

    Raises:
        ValueError: The quotes of a cell do not match.
    """
    comma = separator(data)
    plain = rb"[^%b\r\n]*" % comma
    # A quoted cell, or one that does not begin with a quote; and what ends it.
    pattern = re.compile(rb'(%b[ \t]*|(?!")%b)(%b|\r\n|\n|\r|\Z)' % (QUOTED, plain, comma))
    lines: list[list[Cell]] = []
    current: list[Cell] = []
    place = 0
    while place < len(data) or current:
        found = pattern.match(data, place)
        if found is None:
            line = data[:place].count(b"\n") + 1
            raise ValueError(f"in line {line} the quotes of a cell do not match")
        current.append(Cell(*found.groups()))
        place = found.end()
        if found[2] != comma:
            lines.append(current)
            current = []
    return lines


def join(lines: list[list[Cell]]) -> bytes:
    """Return the bytes of all cells."""
    return b"".join(cell.raw + cell.end for line in lines for cell in line)
