"""Writes the report of a graded class: one page for the instructor, one for each learner."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from jinja2 import Environment

from autograder.progress import write_atomically
from autograder.reporting.class_pages import chart, heat, overview
from autograder.reporting.class_pages.figures import Tally
from autograder.reporting.class_pages.learner import notebook_row, section
from autograder.reporting.class_pages.names import PATTERN, page_name
from autograder.reporting.class_pages.render import environment
from autograder.reporting.records import Record

TITLE = "Stable Log-Probs: the class"
ROWS = 500  # learners on one page; a browser lays these out at once
BANDS = 40  # lines of the first page's heat map where there are more learners
CASES, MISTAKES, BINS = 20, 30, 20
WORDS = {
    "passed": "passed",
    "failed": "failed",
    "not_written": "not written yet",
    "error": "could not be judged",
    "skipped": "not asked here",
}


def write(folder: Path, records: Iterable[Record]) -> None:
    """Write FOLDER/report anew: index.html, learners/*.html, and list-N.html for a large class.

    The records are gone through once. Pages of learners who are no longer among them are taken away.
    """
    report = folder / "report"
    written = set()
    for place, text in pages(records, (report / "similarity.html").exists()):
        write_atomically(report / place, text)
        written.add(place)
    own = [*report.glob("list-*.html"), *(p for p in (report / "learners").glob("*") if PATTERN.fullmatch(p.name))]
    for path in own:
        if path.relative_to(report).as_posix() not in written:
            path.unlink(missing_ok=True)


def pages(records: Iterable[Record], similarity: bool = False) -> Iterator[tuple[str, str]]:
    """Yield place and text of every page, the index last; the same records give the same texts."""
    env = environment()
    seen: Counter[str] = Counter()
    entries, tally, watch = [], Tally(), overview.Watch()
    for record in records:
        student = str(record["student"])
        place = f"learners/{page_name(student, seen[student])}"
        seen[student] += 1
        entries.append(heat.entry(record, place))
        tally.add(record)
        watch.add(record, place)
        yield place, learner_page(env, record)
    ranking = heat.ranked(entries)
    yield from _lists(env, ranking, tally)
    yield "index.html", _index(env, ranking, tally, watch, similarity)


def learner_page(env: Environment, record: Record) -> str:
    """Return the page that a learner may see."""
    sections = [section(e) for e in record["exercises"]]
    return env.get_template("learner.html").render(
        title=f"{record['student']}: report",
        student=str(record["student"]),
        score=record["score"],
        max_score=record["max_score"],
        passed=sum(s.status == "passed" for s in sections),
        problem=record["problem"],
        ignored=[str(name) for name in record["ignored"]],
        sections=sections,
        notebooks=[notebook_row(run) for run in record.get("notebooks", ())],
        chapters=[(stem, list(found)) for stem, found in itertools.groupby(sections, lambda s: s.stem)],
        words=WORDS,
    )


def _chapters(tally: Tally) -> dict[str, list[str]]:
    """Return the exercises of each chapter, in the order in which the records have them."""
    chapters: dict[str, list[str]] = {}
    for figures in tally.exercises.values():
        chapters.setdefault(figures.stem, []).append(figures.name)
    return chapters


def _flat(chapters: dict[str, list[str]]) -> list[str]:
    return [name for names in chapters.values() for name in names]


def _list_names(count: int) -> list[tuple[str, str]]:
    """Return place and label of each page of the full list; none where the first page shows everyone."""
    starts = range(0, count, ROWS) if count > ROWS else range(0)
    return [(f"list-{i}.html", f"{start + 1} to {min(start + ROWS, count)}") for i, start in enumerate(starts, 1)]


def _lists(env: Environment, ranking: list[heat.Entry], tally: Tally) -> Iterator[tuple[str, str]]:
    chapters = _chapters(tally)
    names = _list_names(len(ranking))
    for number, (place, label) in enumerate(names):
        rows = ranking[number * ROWS : (number + 1) * ROWS]
        others = [(link if link != place else "", words) for link, words in names]
        text = env.get_template("list.html").render(
            title=f"Learners {label} of {len(ranking)}",
            others=others,
            chapters=list(chapters.items()),
            rows=heat.rows(rows, _flat(chapters)),
        )
        yield place, text


def _index(env: Environment, ranking: list[heat.Entry], tally: Tally, watch: overview.Watch, similarity: bool) -> str:
    chapters = _chapters(tally)
    names = _flat(chapters)
    lists = _list_names(len(ranking))
    return env.get_template("index.html").render(
        title=TITLE,
        facts=overview.facts(ranking, watch),
        similarity=similarity,
        warnings=watch.warnings(),
        chart=chart.histogram(chart.distribution([e.part for e in ranking], BINS)),
        exercises=[tally.exercises[name] for name in names],
        pages=lists,
        rows=list(heat.bands(ranking, names, BANDS) if lists else heat.rows(ranking, names)),
        chapters=list(chapters.items()),
        cases=tally.hardest(CASES),
        mistakes=tally.mistakes(MISTAKES),
        ways=watch.ways(),
    )
