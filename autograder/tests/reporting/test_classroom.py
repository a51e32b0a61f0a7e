"""The class report: it says what is in the records, hides what is private, escapes all, and leaves nothing stale."""

import re
import time

import pytest

from autograder.reporting import classroom
from autograder.reporting.class_pages.names import page_name
from autograder.tests.reporting.class_sample import FAILED, PASSED, REFUSED, SECRET, case, exercise, record
from autograder.tests.reporting.markup import Page

HOSTILE = "<script>alert('1')</script> & \"quotes\" <img src=x onerror=alert(1)> {{ 7*7 }} \x1b[31m\u202e\u05d0"
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "b", "i", "a", "bdi", "code", "ul"),
    *("li", "div", "span", "section", "pre", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"),
    *("svg", "rect", "line", "text"),
}


@pytest.fixture
def written(tmp_path):
    def written(*records):
        classroom.write(tmp_path, list(records))
        found = sorted(p for p in (tmp_path / "report").rglob("*") if p.is_file())
        return {p.relative_to(tmp_path / "report").as_posix(): p.read_text(encoding="utf-8") for p in found}

    return written


def learner(pages, student="ada"):
    return Page(pages[f"learners/{page_name(student)}"])


def test_there_is_an_index_and_a_page_for_each_learner(written):
    pages = written(record("ada"), record("bo"))
    assert set(pages) == {"index.html", f"learners/{page_name('ada')}", f"learners/{page_name('bo')}"}
    links = {value for name, value in Page(pages["index.html"]).attributes if name == "href"}
    assert links == set(pages) - {"index.html"}


def test_the_index_says_what_the_records_hold(written):
    odd = record("cy", problem="no STEM.py", exercises=(), ignored=["notes.txt"], wall="partial")
    text = Page(written(record("ada"), record("bo"), odd)["index.html"]).spaced
    for words in (
        "3 learners",
        "Submissions with a problem: 1",
        "cy no STEM.py",
        "Learners whose answers crashed or did not end: 2",
        "Learners with a case that the clock could not decide (its points are given): 2",
        "Submissions with files that were ignored: 1",
        "broadcast",
        "2 of 2",
        "no_shift: You do not shift.",
        "full (2 learners); partial (1 learners)",
        "torch 2.13.0",
        "8 in all, median 2.5, 2.5 at most",
    ):
        assert words in text, words


def test_a_learner_sees_public_cases_with_data_and_private_ones_by_family_only(written):
    pages = written(record("ada"))
    text = learner(pages).spaced
    assert "given a got b expected c" in text
    assert "private cases: value 1/2" in text
    assert "You do not shift." in text
    assert "honours 1 of 2: 1 ulp (open: memory within 2)" in text
    assert "SyntaxError: '(' was never closed" in text
    assert "log_softmax: not written yet , 0 of 3 points" in text
    assert SECRET not in pages[f"learners/{page_name('ada')}"]
    assert SECRET in pages["index.html"]  # the instructor's


def test_a_learner_sees_nothing_of_the_others_or_of_the_wall(written):
    text = learner(written(record("ada"), record("bo"))).spaced
    for words in ("bo", "5eed", "landlock"):
        assert not re.search(rf"\b{words}\b", text)


def test_a_refusal_is_said_once(written):
    text = learner(written(record(exercises=[REFUSED]))).spaced
    assert text.count("torch.softmax") == 1
    assert "2 other cases not judged for that reason" in text


@pytest.mark.parametrize("place", ["index.html", f"learners/{page_name(HOSTILE)}"])
def test_whatever_a_learner_wrote_is_text(written, place):
    bad = case(HOSTILE, "failed", message=HOSTILE)
    told = exercise(status="failed", cases=[bad], diagnosis={"mistake": HOSTILE, "text": HOSTILE})
    broken = exercise("ulp", "floats", "error", problem=HOSTILE)
    page = Page(written(record(HOSTILE, [told, broken], problem=HOSTILE, ignored=[HOSTILE]))[place])
    assert set(page.tags) <= TAGS
    assert not {name for name, _ in page.attributes if name.startswith("on")}
    assert "{{ 7*7 }} \\x1b[31m\\u202e\u05d0" in page.spaced
    assert not re.search("[\x1b\u202e]", page.spaced)


@pytest.mark.parametrize("student", ["", "../../x", "a/b", "\ud800", "x" * 3000, "שלום", "con", "index"])
def test_any_id_has_a_page_inside_the_folder(written, student):
    assert f"learners/{page_name(student)}" in written(record(student))


def test_nothing_is_fetched_and_nothing_runs(written):
    for text in written(record(HOSTILE), record("bo")).values():
        page = Page(text)
        assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(page.tags)
        assert not [v for name, v in page.attributes if name in ("src", "href", "data") and ":" in (v or "")]
        assert not re.search(r"url\(|@import", text)


def test_a_rerun_leaves_no_stale_page_and_nothing_else_is_touched(written, tmp_path):
    written(record("ada"), record("bo"))
    (tmp_path / "report" / "learners" / "notes.txt").write_text("mine")
    (tmp_path / "report" / "list-7.html").write_text("stale")
    pages = written(record("ada"))
    assert set(pages) == {"index.html", f"learners/{page_name('ada')}", "learners/notes.txt"}


def test_the_same_records_give_the_same_bytes(written):
    records = record("ada"), record("bo")
    assert written(*records) == written(*records)


def test_two_records_of_one_id_both_have_a_page(written):
    assert len(written(record("ada", problem="there twice"), record("ada", problem="there twice"))) == 3


def test_an_empty_class_is_a_page_too(written):
    assert "0 learners" in Page(written()["index.html"]).spaced


def test_a_page_of_answers_that_are_alike_is_linked(written, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "similarity.html").write_text("")
    assert 'href="similarity.html"' in written(record())["index.html"]


def test_a_large_class_is_paged(written, monkeypatch):
    monkeypatch.setattr(classroom, "ROWS", 20)
    monkeypatch.setattr(classroom, "BANDS", 45)
    pages = written(*(record(f"s{i}", [PASSED if i % 3 else FAILED]) for i in range(45)))
    assert {name for name in pages if name.startswith("list")} == {"list-1.html", "list-2.html", "list-3.html"}
    text = Page(pages["index.html"]).spaced
    assert "Learners, in 45 equal parts" in text
    listed = re.findall(r">s(\d+)</bdi>", "".join(pages[f"list-{i}.html"] for i in (1, 2, 3)))
    assert sorted(map(int, listed)) == list(range(45))
    assert "45 to 45" in text
    assert Page(pages["list-2.html"]).spaced.startswith("Learners 21 to 40 of 45")


def test_ten_thousand_learners_render_in_bounded_size_and_time():
    start = time.process_time()
    sizes = {place: len(text) for place, text in classroom.pages(record(f"s{i}", [FAILED]) for i in range(10_000))}
    assert time.process_time() - start < 60  # about 4 s on an idle machine
    assert len(sizes) == 10_000 + 20 + 1
    assert max(sizes.values()) < 300_000
