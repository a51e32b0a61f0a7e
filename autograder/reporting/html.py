"""A verdict as HTML for a notebook: inline styles only, readable on light and dark pages."""

from html import escape

from autograder.judging.verdicts import CaseVerdict, ExerciseVerdict
from autograder.reporting.text import GOOD, families, headline, honours

COLOURS = {"passed": "#2a7d4f", "failed": "#c0392b", "not_written": "#8a6d1a", "error": "#c0392b"}
PRE = "margin:4px 0 8px 0;padding:6px 10px;border-left:3px solid #8888;background:#8881;white-space:pre-wrap"


def _case(case: CaseVerdict) -> str:
    mark = {"passed": "ok", "inconclusive": "?", "skipped": "-"}.get(case.status, case.status)
    cells = (case.family, case.name, mark, case.measured)
    row = "".join(f'<td style="text-align:left;padding:1px 12px 1px 0">{escape(cell)}</td>' for cell in cells)
    return f"<tr>{row}</tr>"


def exercise_html(verdict: ExerciseVerdict, hint: str = "") -> str:
    """Return one exercise: headline, progress, failures first, diagnosis, hint, all cases in a fold."""
    colour = COLOURS[verdict.status]
    parts = [f'<div style="border-left:4px solid {colour};padding:2px 12px;margin:4px 0">']
    parts.append(f'<div style="font-weight:600">{escape(headline(verdict))}</div>')
    if verdict.status in ("not_written", "error"):
        unwritten = f"exercises/{verdict.stem}.py: {verdict.name} still raises NotImplementedError"
        text = verdict.problem if verdict.status == "error" else unwritten
        parts.append(f'<pre style="{PRE}">{escape(text)}</pre>')
    else:
        done, top = verdict.score, verdict.max_score
        parts.append(f'<progress value="{done:g}" max="{top:g}" style="width:16em"></progress>')
        parts.append(f'<div style="opacity:.75;font-size:90%">{escape(families(verdict))}</div>')
        if verdict.honours:
            parts.append(f'<div style="opacity:.75;font-size:90%">{escape(honours(verdict))}</div>')
        bad = [c for c in verdict.graded if c.status not in GOOD]
        told = [c for c in bad if not c.message.startswith("not judged:")] or bad
        for number, case in enumerate(told):
            is_open = " open" if number < 2 else ""
            summary = escape(f"{case.status} in {case.family}: {case.name}")
            parts.append(
                f"<details{is_open}><summary>{summary}</summary>"
                f'<pre style="{PRE}">{escape(case.message)}</pre></details>'
            )
        if verdict.diagnosis:
            text = escape(verdict.diagnosis.text).replace("\n", "<br>")
            parts.append(f'<div style="margin:6px 0"><b>Diagnosis</b><br>{text}</div>')
        rows = "".join(_case(c) for c in verdict.cases)
        parts.append(f'<details><summary>all cases</summary><table style="font-size:90%">{rows}</table></details>')
    if hint:
        parts.append(f"<div>{escape(hint)}</div>")
    return "".join([*parts, "</div>"])
