"""The HTML form: everything that a learner wrote is escaped, nothing is fetched, every tag is closed."""

from html.parser import HTMLParser

import pytest

from autograder.reporting.html import exercise_html
from autograder.tests.reporting.sample import ALL, ERROR, FAILED, HOSTILE, PASSED, REFUSED, UNWRITTEN, hostile

VOID = {"br"}


class Page(HTMLParser):
    """Notes tags, attributes and text, and whether the tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


@pytest.mark.parametrize("verdict", ALL.exercises, ids=lambda v: v.name)
def test_tags_are_balanced_and_nothing_is_fetched(verdict):
    page = Page(exercise_html(verdict, "hint 1 of 3: think"))
    assert not page.open
    assert set(page.tags) <= {"div", "pre", "progress", "details", "summary", "table", "tr", "td", "b", "br"}
    assert {name for name, _ in page.attributes} <= {"style", "value", "max", "open"}
    assert not any("url" in (value or "") for _, value in page.attributes)
    assert "hint 1 of 3: think" in page.text


def test_whatever_a_learner_wrote_is_text():
    page = Page(exercise_html(hostile(), HOSTILE))
    assert not page.open
    assert not {"script", "img"} & set(page.tags)
    assert page.text.count(HOSTILE) >= 7  # headline, summary, message, diagnosis, two cells, hint


def test_a_problem_is_text_too():
    broken = ERROR.__class__(HOSTILE, HOSTILE, True, (), None, HOSTILE)
    page = Page(exercise_html(broken))
    assert set(page.tags) == {"div", "pre"}
    assert HOSTILE in page.text


def test_measured_figures_are_here():
    assert "0.51 ulp" in Page(exercise_html(PASSED)).text


def test_passed_and_failed_say_so():
    assert "logsumexp: passed, 3 of 3 public cases, 4 of 4 points" in exercise_html(PASSED)
    failed = Page(exercise_html(FAILED)).text
    for part in ("failed in shape: broadcast", "expected  c", "You do not shift.", "a private case"):
        assert part in failed
    assert "log1mexp still raises NotImplementedError" in exercise_html(UNWRITTEN)
    assert "was never closed" in exercise_html(ERROR)


def test_only_the_first_two_failures_are_open():
    assert [name for name, _ in Page(exercise_html(FAILED)).attributes].count("open") == 2


def test_a_refusal_is_said_once():
    assert Page(exercise_html(REFUSED)).text.count("log_sums.py line 3") == 1
