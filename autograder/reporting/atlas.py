"""An error atlas as a picture and as words. The words hold no measured errors: they differ between CPUs."""

import io
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

import torch

from autograder.judging.closeness import dtype_name
from autograder.judging.curves import Curve, Panel
from autograder.judging.truth import PRECISION

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
# Name, colour, line: the learner's comes last, on top of the others.
STYLES: dict[str, dict[str, Any]] = {
    "torch": {"color": GREY, "lw": 4.0, "alpha": 0.45},
    "naive": {"color": ORANGE, "lw": 1.3},
    "stable": {"color": GREEN, "lw": 2.4, "alpha": 0.8},
    "yours": {"color": BLUE, "lw": 1.6, "ls": (0, (4, 3))},
}
# What the two horizontal lines mean: as near as rounding allows, and an error of the answer's own size.
BEST: dict[str, Any] = {"color": "black", "lw": 0.8, "ls": ":"}
WORST: dict[str, Any] = {"color": "black", "lw": 0.8, "ls": (0, (5, 2, 1, 2))}
SIZE, DPI, COLOURS = (7.0, 4.7), 100, 128
LINES = 6  # of reasons why curves are missing
FLOOR, CEILING = 0.1, 1e30  # ulps: smaller errors, 0 among them, and larger ones are drawn there
MARKS = {"inf": "^", "nan": "x"}
STEP = 4  # every so many points of a stretch of inf or nan get a mark


def special(curve: Curve, kind: str) -> torch.Tensor:
    """Return where a curve has no number: a wrong "inf" or a wrong "nan"."""
    assert curve.errors is not None
    return curve.errors.isinf() if kind == "inf" else curve.errors.isnan()


def _draw(axis: Any, panel: Panel) -> None:
    top = 2.0 ** PRECISION[panel.dtype]
    axis.axhline(0.5, **BEST)
    axis.axhline(top, **WORST)
    drawn = [c for c in panel.curves if c.errors is not None]
    for curve in sorted(drawn, key=lambda c: list(STYLES).index(c.name)):
        assert curve.errors is not None
        y = torch.where(curve.errors.isfinite(), curve.errors.clamp(FLOOR, CEILING), torch.nan)
        axis.plot(panel.t, y, **STYLES[curve.name])
        top = max(top, float(y.nan_to_num(0.0).max()))
    row = 0.97
    for curve in drawn:
        for kind, mark in MARKS.items():
            places = special(curve, kind).nonzero().flatten()[::STEP]
            if len(places):
                style = {"color": STYLES[curve.name]["color"], "marker": mark, "ms": 3.5, "mew": 0.9, "ls": ""}
                axis.plot(panel.t[places], [row] * len(places), transform=axis.get_xaxis_transform(), **style)
        row -= 0.05 if any(bool(special(curve, kind).any()) for kind in MARKS) else 0.0
    axis.set_yscale("log")
    # The marks have a strip of their own above every curve.
    axis.set_ylim(FLOOR / 1.5, FLOOR * (top / FLOOR) ** 1.35)
    axis.set_title(f"{dtype_name(panel.dtype)} ({PRECISION[panel.dtype]} bits)", fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.2, lw=0.5)


def _legend(figure: Any, panels: Sequence[Panel]) -> None:
    from matplotlib.lines import Line2D

    curves = [c for p in panels for c in p.curves if c.errors is not None]
    names = [n for n in reversed(STYLES) if any(c.name == n for c in curves)]
    handles = [Line2D([], [], label=name, **STYLES[name]) for name in names]
    for kind, mark in MARKS.items():
        if any(bool(special(c, kind).any()) for c in curves):
            handles.append(Line2D([], [], color="black", marker=mark, ms=4, ls="", label=f"{kind} (top edge)"))
    handles += [Line2D([], [], label=label, **style) for label, style in (("½ ulp", BEST), ("no digit right", WORST))]
    spacing: dict[str, Any] = {"handlelength": 1.8, "columnspacing": 1.2, "handletextpad": 0.5}
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), fontsize=7.5, frameon=False, **spacing
    )


def _figure(name: str, panels: Sequence[Panel], label: str, log: bool) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2).flatten()
    for axis, panel in zip(axes, panels, strict=True):
        _draw(axis, panel)
        axis.set_xscale("log" if log else "linear")
        axis.set_xlim(float(panel.t[0]), float(panel.t[-1]))
    for axis in axes[2:]:
        axis.set_xlabel(label, fontsize=8.5, parse_math=False)
    figure.supylabel("|error| (ulp of the exact answer)", fontsize=9)
    lines = [wrapped for note in notes(panels) for wrapped in textwrap.wrap(note, 110)]
    title = [f"{name}: error against the exact answer", *lines[:LINES], *(["..."] if len(lines) > LINES else [])]
    figure.suptitle("\n".join(title), fontsize=9, parse_math=False)
    _legend(figure, panels)
    return figure


def picture(name: str, panels: Sequence[Panel], label: str, log: bool) -> bytes:
    """Return the atlas as PNG: one panel for each dtype, errors on a logarithmic axis."""
    import matplotlib.style
    from PIL import Image  # matplotlib brings it

    full, small = io.BytesIO(), io.BytesIO()
    # Whatever the notebook has set does not count; a learner's message may hold letters that no font has.
    with matplotlib.style.context("default"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _figure(name, panels, label, log).savefig(full, format="png", dpi=DPI, facecolor="white")
    # A notebook keeps its pictures: with a palette they take a third. The other ways to choose it drop thin lines.
    palette = Image.open(full).convert("RGB").quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
    palette.save(small, "png", optimize=True)
    return small.getvalue()


def notes(panels: Sequence[Panel]) -> list[str]:
    """Return why curves are missing, each reason once."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for panel in panels:
        for curve in panel.curves:
            if curve.errors is None:
                reasons.setdefault((curve.name, curve.note), []).append(dtype_name(panel.dtype))
    return [
        f"{name} is not drawn{'' if len(dtypes) == len(panels) else ' in ' + ', '.join(dtypes)}: {note}"
        for (name, note), dtypes in reasons.items()
    ]


def atlas_text(name: str, panels: Sequence[Panel], label: str) -> str:
    """Return which curves there are, and which of them hold inf or nan."""
    lines = [f"error atlas of {name}: |error| in ulps of the exact answer over {label}"]
    for panel in panels:
        words = []
        for curve in panel.curves:
            if curve.errors is not None:
                kinds = [kind for kind in MARKS if bool(special(curve, kind).any())]
                words.append(curve.name + (f" (with {' and '.join(kinds)})" if kinds else ""))
        lines.append(f"  {dtype_name(panel.dtype)}: {', '.join(words)}")
    return "\n".join([*lines, *(f"  {note}" for note in notes(panels))])
