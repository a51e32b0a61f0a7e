"""The card's two forms: exact counts in both, times in one, everything escaped."""

from autograder.reporting.card import Row, Work, card_html, card_text

YOURS = Row("yours", Work(14, 33_574_408, 8_388_608, 4_194_304))
NAIVE = Row("naive", Work(3, 12_585_984, 4_194_304, 4_194_304), ratio=2.345)


def test_the_text_has_a_line_of_counts_for_each_form():
    lines = card_text("the title", [YOURS, NAIVE]).splitlines()
    assert lines[0] == "the title"
    assert lines[2].split() == ["yours", "14", "33,574,408", "(8.00", "inputs)", "2.00", "inputs", "-"]
    assert lines[3].split()[-1] == "measured"
    assert len({len(line) for line in lines[1:]}) == 1  # the columns end in one place


def test_the_text_holds_no_time_and_the_html_does():
    assert "2.3" not in card_text("t", [YOURS, NAIVE])
    assert "2.3 ×" in card_html("t", [YOURS, NAIVE])


def test_ratios_of_every_size():
    shown = card_html("t", [Row("a", ratio=0.123), Row("b", ratio=1.26), Row("c", ratio=152.4)])
    assert all(f">{words} ×<" in shown for words in ("0.12", "1.3", "152"))


def test_a_call_without_inputs_is_counted_in_bytes():
    line = card_text("t", [Row("yours", Work(2, 1000, 500, 0))]).splitlines()[2]
    assert line.split() == ["yours", "2", "1,000", "500", "-"]


def test_what_is_not_counted_says_why():
    shown = card_text("t", [Row("yours", notes=("not written yet",)), NAIVE])
    assert shown.splitlines()[2].split() == ["yours", "-", "-", "-", "-"]
    assert shown.endswith("\n  yours: not written yet")


def test_everything_is_escaped():
    shown = card_html("<title>", [Row("<b>", notes=("<script>",))])
    assert not any(tag in shown for tag in ("<title>", "<b>", "<script>"))
