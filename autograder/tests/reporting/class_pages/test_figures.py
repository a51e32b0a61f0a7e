"""The class's figures are counted right."""

from autograder.reporting.class_pages.figures import Tally, share
from autograder.tests.reporting.class_sample import FAILED, PASSED, REFUSED, UNWRITTEN, case, exercise, record


def tally(*records):
    found = Tally()
    for one in records:
        found.add(one)
    return found


def test_an_exercise_counts_statuses_shares_and_honours():
    found = tally(record(), record(exercises=[exercise(status="failed", cases=[case(), case(status="failed")])]))
    logsumexp = found.exercises["logsumexp"]
    assert logsumexp.statuses == {"passed": 1, "failed": 1}
    assert logsumexp.share == 0.75
    assert logsumexp.reached == "1.0 of 2"
    assert found.exercises["log_softmax"].share == 0
    assert found.exercises["log_softmax"].reached == ""


def test_nothing_to_earn_is_no_share():
    assert share(exercise(cases=[])) is None
    assert share(FAILED) == 2 / 6


def test_the_hardest_case_is_the_one_that_most_of_those_who_tried_it_fail():
    easy = exercise(status="failed", cases=[case("easy"), case("hard", "failed"), case("half", "crashed")])
    other = exercise(status="failed", cases=[case("easy"), case("hard", "failed"), case("half", "inconclusive")])
    found = tally(record(exercises=[easy]), record(exercises=[other])).hardest(9)
    assert [(c.name, c.failed, c.tried, c.unfinished) for c in found] == [("hard", 2, 2, 0), ("half", 1, 2, 1)]
    assert tally(record(exercises=[easy])).hardest(1)[0].name == "half"


def test_who_was_refused_or_wrote_nothing_has_not_tried_a_case():
    assert tally(record(exercises=[REFUSED, UNWRITTEN])).hardest(9) == []


def test_a_skipped_case_was_not_tried():
    assert "values on CUDA" not in [c.name for c in tally(record(exercises=[FAILED])).hardest(9)]


def test_mistakes_are_counted_by_diagnosis():
    rare = exercise("logaddexp", status="failed", diagnosis={"mistake": "rare", "text": "Rare."})
    records = [record(exercises=[e]) for e in (FAILED, rare, FAILED, PASSED)]
    found = tally(*records).mistakes(9)
    assert [(m.exercise, m.mistake, m.count) for m in found] == [("logaddexp", "no_shift", 2), ("logaddexp", "rare", 1)]
    assert found[0].text == "You do not shift."
    assert len(tally(*records).mistakes(1)) == 1
