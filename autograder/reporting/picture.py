"""A small picture of a wrong row: got against expected, or the error in ulps where both look the same. Inline SVG."""

import math
from html import escape

from autograder.answer import Row

WIDTH, HEIGHT = 440, 118
LEFT, RIGHT, TOP, BOTTOM = 58, 8, 20, 16
GOT, EXPECTED = "#D55E00", "#3D8FD1"  # told apart by colour-blind people, seen on white and on black
VISIBLE = 0.04  # of the picture's height: a smaller difference cannot be seen


def row_svg(row: Row) -> str:
    """Return the picture of a row, or nothing where it would say no more than the text."""
    if len(row.got) < 2:
        return ""
    finite = [v for v in (*row.got, *row.expected) if math.isfinite(v)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    apart = [abs(a - b) for a, b in zip(row.got, row.expected, strict=True) if math.isfinite(a) and math.isfinite(b)]
    special = any(math.isinf(u) for u in row.ulps)
    if special or (high > low and max(apart, default=0.0) > VISIBLE * (high - low)):
        return _dots(row, low, high)
    return _bars(row)


def _x(row: Row, place: int) -> float:
    return LEFT + (place + 0.5) * (WIDTH - LEFT - RIGHT) / len(row.got)


def _text(x: float, y: float, text: str, anchor: str = "middle", fill: str = "currentColor") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="10" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, extra: str = "") -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="currentColor" stroke-opacity="0.35" {extra}/>'


def _frame(row: Row, label: str, inner: list[str]) -> str:
    base = HEIGHT - BOTTOM
    axis = [_line(LEFT, base, WIDTH - RIGHT, base)]
    step = max(1, math.ceil(len(row.got) / 12))
    axis += [_text(_x(row, i), HEIGHT - 4, str(row.first + i)) for i in range(0, len(row.got), step)]
    mark = f'<rect x="{_x(row, row.worst) - 7:.1f}" y="{TOP - 4}" width="14" height="{base - TOP + 4}" fill="{GOT}" '
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" style="display:block;max-width:100%;margin:4px 0">'
        + "".join([f'{mark}fill-opacity="0.12"/>', *axis, *inner])
        + "</svg>"
    )


def _dots(row: Row, low: float, high: float) -> str:
    base, span = HEIGHT - BOTTOM - 6, (high - low) or 1.0

    def y(value: float) -> float:
        return base - (value - low) / span * (base - TOP - 8)

    marks = [_text(LEFT - 4, y(v) + 3, f"{v:.3g}", "end") for v in dict.fromkeys((low, high))]
    for place, (got, right) in enumerate(zip(row.got, row.expected, strict=True)):
        x = _x(row, place)
        if math.isfinite(right):
            marks.append(
                f'<circle cx="{x:.1f}" cy="{y(right):.1f}" r="5" fill="none" stroke="{EXPECTED}" stroke-width="2"/>'
            )
        if math.isfinite(got):
            marks.append(f'<circle cx="{x:.1f}" cy="{y(got):.1f}" r="2.6" fill="{GOT}"/>')
        elif math.isnan(got) != math.isnan(right) or (got != right and not math.isnan(got)):
            marks.append(_text(x, TOP + 2, f"{got:g}", fill=GOT))
        if not math.isfinite(right) and math.isfinite(got):
            marks.append(_text(x, TOP + 2, f"{right:g}", fill=EXPECTED))
    legend = f'<circle cx="{LEFT + 4}" cy="7" r="2.6" fill="{GOT}"/>' + _text(LEFT + 11, 10.5, "got", "start")
    ring = f'<circle cx="{LEFT + 46}" cy="7" r="4.5" fill="none" stroke="{EXPECTED}" stroke-width="2"/>'
    legend += ring + _text(LEFT + 55, 10.5, "expected", "start")
    return _frame(row, "got against expected, number by number", [legend, *marks])


def _bars(row: Row) -> str:
    base = HEIGHT - BOTTOM
    top = math.log10(max(10.0, *(u for u in row.ulps if math.isfinite(u)), 10 * row.allowed)) + 1

    def height(ulps: float) -> float:
        return max(1.0, (math.log10(max(ulps, 0.1)) + 1) / top * (base - TOP))

    width = min(14.0, 0.7 * (WIDTH - LEFT - RIGHT) / len(row.got))
    marks = []
    for place, ulps in enumerate(row.ulps):
        tall, colour = height(ulps), GOT if ulps > row.allowed else EXPECTED
        x = _x(row, place) - width / 2
        marks.append(
            f'<rect x="{x:.1f}" y="{base - tall:.1f}" width="{width:.1f}" height="{tall:.1f}" fill="{colour}"/>'
        )
    limit = base - height(row.allowed)
    marks.append(_line(LEFT, limit, WIDTH - RIGHT, limit, 'stroke-dasharray="4 3"'))
    marks.append(_text(LEFT - 4, limit + 3, f"{row.allowed:g}", "end"))
    marks.append(_text(_x(row, row.worst), base - height(row.ulps[row.worst]) - 3, f"{row.ulps[row.worst]:.2g}"))
    marks.append(_text(LEFT, 10.5, "error in ulps, log scale; dashed: allowed", "start"))
    return _frame(row, "error in ulps, number by number", marks)
