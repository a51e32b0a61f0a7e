"""What a learner's process says ends on somebody's screen: it must be short, printable and say the four things."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.answer import Answer
from autograder.judging import messages
from autograder.judging.closeness import Mismatch
from autograder.spec import Call

CALL = Call((torch.tensor([[1.0, 2.0]]),), {"dim": 0})
GIVEN = "given     float32 (1, 2) [[1, 2]]; dim=0"


@given(st.text(st.characters(categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "L")), max_size=3000))
def test_clean_text_is_printable_and_short(text):
    cleaned = messages.clean(text)
    assert len(cleaned) <= 300
    assert cleaned.isprintable()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain words, ä and 漢字", "plain words, ä and 漢字"),
        ("\x1b[2J\x1b[31mred", " [2J [31mred"),
        ("a\nb\rc\td\0e", "a b c d e"),
        ("\u202egnp.exe", " gnp.exe"),
        ("a\u2028b\u00a0c", "a b c"),
        ("\ud800", " "),
    ],
)
def test_control_characters_become_blanks(text, cleaned):
    assert messages.clean(text) == cleaned


def test_long_text_is_cut_with_a_sign():
    assert messages.clean("x" * 300) == "x" * 300
    assert messages.clean("x" * 301) == "x" * 297 + "..."
    assert messages.clean("x" * 10**6, limit=60) == "x" * 57 + "..."


def test_a_small_tensor_is_shown_whole():
    assert messages.show(torch.tensor([[1.0, -2.5], [float("inf"), float("nan")]])) == (
        "float32 (2, 2) [[1, -2.5], [inf, nan]]"
    )
    assert messages.show(torch.tensor(7)) == "int64 () 7"
    assert messages.show(np.ones(2, np.float16)) == "float16 (2,) [1, 1]"
    assert messages.show(torch.zeros(0, 3)) == "float32 (0, 3) []"
    assert messages.show("mean") == "'mean'"


def test_of_a_larger_tensor_the_row_is_shown():
    x = torch.arange(40.0).reshape(10, 4)
    assert messages.show(x, (2,)) == "float32 (10, 4), row [2] = [8, 9, 10, 11]"
    assert messages.show(x.reshape(2, 20), (1,)) == "float32 (2, 20), row [1] = [20, 21, 22, 23, ...]"
    assert messages.show(x) == "float32 (10, 4), from 0 to 39"
    assert messages.show(x, (2, 1)) == "float32 (10, 4), from 0 to 39"
    assert messages.show(x, (10,)) == "float32 (10, 4), from 0 to 39"


def test_an_error_says_given_got_expected_and_where():
    found = Mismatch("error", "3", "2", (1,), 8.4e6, 4, 1, 2)
    assert messages.mismatch(CALL, found, "the answer") == (
        f"{GIVEN}\ngot       3\nexpected  2\nwhere     at [1] is 8.4e+06 ulp off, allowed are 4; 1 of 2 are wrong"
    )


def test_a_wrong_special_value_has_no_ulps():
    found = Mismatch("special", "nan", "2", (), None, 4, 1, 1)
    assert messages.mismatch(CALL, found, "the gradient").splitlines()[1:] == [
        "got       nan (the gradient)",
        "expected  2",
    ]
    found = Mismatch("special", "nan", "2", (3,), None, 4, 1, 5)
    assert messages.mismatch(CALL, found, "the answer").endswith("where     at [3]; 1 of 5 are wrong")


def test_a_wrong_type_has_no_place():
    text = messages.mismatch(CALL, Mismatch("type", "list", "a float32 tensor"), "the answer")
    assert text == f"{GIVEN}\ngot       list\nexpected  a float32 tensor"


def test_an_exception_names_file_and_line():
    error = {"type": "ValueError", "message": "bad\n\x1b[31mnews", "file": "log_sums.py", "line": 12}
    assert messages.error_line(error) == "log_sums.py line 12: ValueError: bad  [31mnews"
    assert messages.error_line({"type": "ValueError", "message": "", "file": None, "line": None}) == "ValueError: "


@pytest.mark.parametrize("error", [{}, {"type": 5, "line": [1]}, {"message": {"a": 1}}, {"type": "x" * 10**5}])
def test_a_forged_exception_still_has_a_line(error):
    assert len(messages.error_line(error)) < 500


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer("timeout", detail="no answer within 2 s"), "no answer within 2 s; is there an endless loop?"),
        (Answer("crashed", detail="a segmentation fault"), "the process died: a segmentation fault"),
        (Answer("garbled", detail="a foreign\x1b frame"), "the answer was not readable: a foreign  frame"),
        (Answer("raised", error={"type": "TypeError", "message": "no"}), "TypeError: no"),
    ],
)
def test_no_answer_says_why(answer, text):
    found = messages.no_answer(CALL, answer)
    assert found.startswith(GIVEN)
    assert text in found


def test_out_of_memory_names_the_limit():
    error = {"type": "RuntimeError", "message": "DefaultCPUAllocator: can't allocate memory: you tried to allocate 3"}
    assert "1 GiB" in messages.no_answer(CALL, Answer("raised", error=error))
    assert "1 GiB" in messages.no_answer(CALL, Answer("raised", error={"type": "MemoryError", "message": ""}))
    assert "1 GiB" not in messages.no_answer(CALL, Answer("raised", error={"type": "RuntimeError", "message": ""}))


def test_an_exception_that_did_not_come():
    output = {"kind": "tensor", "value": torch.zeros(3)}
    text = messages.not_raised(CALL, ("ValueError", "TypeError"), Answer("returned", output))
    assert text == f"{GIVEN}\ngot       a tensor of shape (3,)\nexpected  ValueError"
    other = messages.not_raised(CALL, ("ValueError",), Answer("timeout", detail="no answer within 2 s"))
    assert other.endswith("expected  ValueError")
    assert "endless loop" in other


def test_a_changed_input_is_shown_before_and_after():
    before, after = torch.zeros(2), torch.ones(2)
    text = messages.modified(Call((before,)), 0, before, after)
    assert text.splitlines() == [
        "before    float32 (2,) [0, 0]",
        "after     float32 (2,) [1, 1]",
        "expected  argument 1 as it was",
    ]
    large = torch.zeros(20)
    assert "argument 2" in messages.modified(Call((before, large)), 1, large, large + 1)


def test_plural():
    assert [messages.plural(n, "case") for n in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("None", "None: is a `return` missing?"),
        ("torch.return_types.max", "torch.return_types.max: a pair of values and indices, of which one is asked"),
        ("list", "list"),
    ],
)
def test_what_is_no_tensor_is_explained(word, said):
    assert messages.spoken(word) == said
