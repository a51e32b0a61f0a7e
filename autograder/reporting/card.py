"""A performance card as text and as HTML. The text holds exact counts and no times: those differ from run to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

HEADS = ("", "ops", "bytes moved", "peak memory", "your time over it")
FOOT = (
    "An op counts as one whatever it does inside; what it allocates there is not seen. "
    "Times are minima, taken in turns on the inputs of the check, with one thread each; on Linux, of the processor."
)


@dataclass(frozen=True)
class Work:
    """What a trace counted: dispatcher ops, bytes read and written by them, peak bytes, bytes of the inputs."""

    ops: int
    moved: int
    peak: int
    inputs: int


@dataclass(frozen=True)
class Row:
    """One form's work, and the learner's time over its own; where something is missing, `notes` say why."""

    name: str
    work: Work | None = None
    ratio: float | None = None
    notes: tuple[str, ...] = ()


def _inputs(count: int, work: Work) -> str:
    return f"{count / work.inputs:.2f} inputs" if work.inputs else f"{count:,}"


def _times(ratio: float) -> str:
    return f"{ratio:.0f} ×" if ratio >= 10 else f"{ratio:.1f} ×" if ratio >= 1 else f"{ratio:.2f} ×"


def _cells(row: Row, time: str) -> tuple[str, ...]:
    if row.work is None:
        return (row.name, "-", "-", "-", time)
    work = row.work
    moved = f"{work.moved:,}" + (f" ({_inputs(work.moved, work)})" if work.inputs else "")
    return (row.name, str(work.ops), moved, _inputs(work.peak, work), time)


def _notes(rows: Sequence[Row]) -> list[str]:
    return [f"{row.name}: {note}" for row in rows for note in row.notes]


def card_text(title: str, rows: Sequence[Row]) -> str:
    """Return the card's counts in columns, and for each time whether there is one."""
    table = [HEADS, *(_cells(row, "-" if row.ratio is None else "measured") for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEADS))]
    lines = []
    for first, *others in table:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  " + "  ".join([first.ljust(widths[0]), *cells]))
    return "\n".join([title, *lines, *(f"  {note}" for note in _notes(rows))])


def card_html(title: str, rows: Sequence[Row]) -> str:
    """Return the card as a table, with the times."""
    pad = "padding:2px 14px 2px 0"
    heads = "".join(
        f'<th style="text-align:{"right" if i else "left"};{pad}">{escape(h)}</th>' for i, h in enumerate(HEADS)
    )
    body = []
    for row in rows:
        cells = _cells(row, "" if row.ratio is None else _times(row.ratio))
        marked = (
            f'<td style="text-align:{"right" if i else "left"};{pad}">{escape(c)}</td>' for i, c in enumerate(cells)
        )
        body.append(f"<tr>{''.join(marked)}</tr>")
    notes = "".join(f"<div>{escape(note)}</div>" for note in _notes(rows))
    return (
        f'<div style="margin:4px 0"><div style="font-weight:600">{escape(title)}</div>'
        f'<table style="font-variant-numeric:tabular-nums"><tr>{heads}</tr>{"".join(body)}</table>{notes}'
        f'<div style="opacity:.75;font-size:90%">{FOOT}</div></div>'
    )
