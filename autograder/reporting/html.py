"""A verdict as HTML for a notebook: inline styles only, readable on light and dark pages."""

from collections.abc import Sequence
from html import escape

from autograder.judging.verdicts import CaseVerdict, ExerciseVerdict
from autograder.reporting.picture import row_svg
from autograder.reporting.text import GOOD, NEXT, families, headline, honours

# Bright enough for a dark page, dark enough for a white one.
COLOURS = {"passed": "#2E9E64", "failed": "#D9483B", "not_written": "#8A8A8A", "error": "#D9483B", "skipped": "#8A8A8A"}
MARKS = {"passed": "✓", "inconclusive": "?", "skipped": "–", "failed": "✗", "timeout": "✗", "crashed": "✗"}
PRE = (
    "margin:4px 0 8px 0;padding:6px 10px;border-left:3px solid #8888;background:#8881;white-space:pre-wrap;"
    "overflow-wrap:anywhere;font-size:90%"
)
BOX = "margin:8px 0;padding:6px 10px;border:1px solid #8886;border-radius:4px"
SOFT = "opacity:.78;font-size:90%;margin:2px 0"
OPEN = 1  # failed cases that are shown unfolded


def _table(cases: Sequence[CaseVerdict]) -> str:
    rows = []
    for case in cases:
        mark = MARKS[case.status] + ("" if case.status in ("passed", "failed") else f" {case.status}")
        name = f"{case.name} (honours)" if case.honours else case.name
        cells = (case.family, name, mark, case.measured)
        tds = "".join(f'<td style="text-align:left;padding:1px 14px 1px 0">{escape(cell)}</td>' for cell in cells)
        rows.append(f"<tr>{tds}</tr>")
    return f'<table style="font-size:90%;border-collapse:collapse">{"".join(rows)}</table>'


def _chapter(states: Sequence[tuple[str, str]], name: str) -> str:
    """Return the chapter's exercises as a row of boxes."""
    if not states:
        return ""
    boxes = []
    for other, state in states:
        colour = COLOURS.get(state, "#A8842C")
        fill = colour if state == "passed" else "transparent"
        ring = f"outline:2px solid {colour};outline-offset:2px;" if other == name else ""
        boxes.append(
            f'<span title="{escape(other)}: {escape(state.replace("_", " "))}" style="display:inline-block;width:11px;'
            f'height:11px;margin:0 5px;border:2px solid {colour};background:{fill};border-radius:3px;{ring}"></span>'
        )
    done = sum(state == "passed" for _, state in states)
    label = f"{done} of {len(states)} exercises of this chapter passed"
    return f'<div style="{SOFT};display:flex;align-items:center;gap:2px">{"".join(boxes)}<span>{label}</span></div>'


def _failure(case: CaseVerdict, is_open: bool) -> str:
    summary = f"{escape(case.family)}: {escape(case.name)}"
    word = "" if case.status == "failed" else f" ({escape(case.status)})"
    picture = row_svg(case.row) if case.row is not None else ""
    return (
        f'<details{" open" if is_open else ""} style="margin:3px 0"><summary style="cursor:pointer">'
        f'<span style="color:{COLOURS["failed"]};font-weight:600">✗</span> {summary}{word}</summary>'
        f'<pre style="{PRE}">{escape(case.message)}</pre>{picture}</details>'
    )


def _judged(verdict: ExerciseVerdict) -> list[str]:
    done, top = verdict.score, verdict.max_score
    style = f"width:16em;accent-color:{COLOURS[verdict.status]}"
    parts = [
        f'<progress value="{done:g}" max="{top:g}" style="{style}"></progress>',
        f'<div style="{SOFT}">{escape(families(verdict))}</div>',
    ]
    if verdict.diagnosis:
        text = escape(verdict.diagnosis.text).replace("\n", "<br>")
        parts.append(f'<div style="{BOX}"><b>Diagnosis</b><br>{text}</div>')
    bad = [c for c in verdict.graded if c.status not in GOOD]
    told = [c for c in bad if not c.message.startswith("not judged:")] or bad
    parts += [_failure(case, number < OPEN) for number, case in enumerate(told)]
    if len(told) < len(bad):
        parts.append(f'<div style="{SOFT}">{len(bad) - len(told)} further cases were not judged for that reason</div>')
    if verdict.honours:
        reached = [c for c in verdict.cases if c.honours and c.status == "passed" and c.measured]
        figures = "".join(f"<br>{escape(c.name)}: {escape(c.measured)}" for c in reached)
        parts.append(f'<div style="{SOFT}">{escape(honours(verdict))}{figures}</div>')
    parts.append(
        f'<details style="margin:3px 0"><summary style="cursor:pointer">all {len(verdict.cases)} cases</summary>'
        f"{_table(verdict.cases)}</details>"
    )
    return parts


def exercise_html(
    verdict: ExerciseVerdict, hints: Sequence[str] = (), chapter: Sequence[tuple[str, str]] = (), note: str = ""
) -> str:
    """Return one exercise: headline, chapter, diagnosis, failures with pictures, hints by level, all cases in a fold.

    Args:
        verdict: The verdict.
        hints: The hints that the learner has come to, the first one first.
        chapter: Names and states of the chapter's exercises.
        note: A line that is said first.
    """
    colour = COLOURS[verdict.status]
    parts = [f'<div style="border-left:4px solid {colour};padding:2px 12px;margin:4px 0;max-width:60em">']
    parts.append(f'<div style="font-weight:600">{escape(headline(verdict))}</div>')
    parts.append(_chapter(chapter, verdict.name))
    if note:
        parts.append(f'<div style="margin:4px 0"><b>{escape(note)}</b></div>')
    if verdict.status in ("not_written", "error", "skipped"):
        unwritten = f"exercises/{verdict.stem}.py: {verdict.name} still raises NotImplementedError: {NEXT}"
        told = {"error": verdict.problem, "skipped": verdict.cases[0].message if verdict.cases else ""}
        text = told.get(verdict.status, unwritten)
        parts.append(f'<pre style="{PRE}">{escape(text)}</pre>')
    else:
        parts += _judged(verdict)
    for level, hint in enumerate(hints, 1):
        parts.append(
            f'<details class="hint" style="margin:3px 0"><summary style="cursor:pointer">hint {level} of 3</summary>'
            f'<div style="padding:4px 16px">{escape(hint)}</div></details>'
        )
    return "".join([*parts, "</div>"])
