"""The distribution of scores as an inline SVG: text and bars only, coloured by the page's own style."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 220, 34, 18, 30


def distribution(parts: Iterable[float], bins: int) -> list[int]:
    """Return how many learners earned which part of their points; the last bin holds full marks."""
    counts = [0] * bins
    for part in parts:
        counts[min(int(part * bins + 1e-9), bins - 1)] += 1
    return counts


def histogram(counts: Sequence[int]) -> Markup:
    """Return bars over equal parts of the points, each with its count above it."""
    step = (WIDTH - LEFT) / len(counts)
    top = max([*counts, 1])
    room = HEIGHT - TOP - BOTTOM
    total = sum(counts)
    words = f"Distribution of scores: {total} learners in {len(counts)} equal parts of the points"
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}" class="chart">']
    for number, count in enumerate(counts):
        x, height = LEFT + number * step, room * count / top
        y = TOP + room - height
        if count:
            parts.append(
                f'<rect class="bar" x="{x + 1.5:.1f}" y="{y:.1f}" width="{step - 3:.1f}" height="{height:.1f}"/>'
            )
            parts.append(
                f'<text class="tick" text-anchor="middle" x="{x + step / 2:.1f}" y="{y - 4:.1f}">{count}</text>'
            )
    base = TOP + room
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH}" y1="{base}" y2="{base}"/>')
    for percent in range(0, 101, 10):
        x = LEFT + (WIDTH - LEFT) * percent / 100
        anchor = "end" if percent == 100 else "middle"
        parts.append(f'<text class="tick" text-anchor="{anchor}" x="{x:.1f}" y="{base + 16}">{percent} %</text>')
    return Markup("".join([*parts, "</svg>"]))
