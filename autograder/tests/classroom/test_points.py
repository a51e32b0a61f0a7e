"""An instructor's weights: both forms, and what is wrong with a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.classroom.points import read_points, scaled
from autograder.sources import SourceError


@pytest.fixture
def points(tmp_path):
    def read(text: str, encoding: str = "utf-8"):
        path = tmp_path / "points"
        path.write_text(text, encoding=encoding)
        return read_points(path)

    return read


@pytest.mark.parametrize(
    "text",
    [
        "exercise,points\nlogsumexp,10\nsoftmax,2.5\n",
        "logsumexp,10\r\n\r\n softmax , 2.5 \r\n",
        '{"logsumexp": 10, "softmax": 2.5}',
        '[{"exercise": "logsumexp", "points": 10}, {"exercise": "softmax", "points": "2.5"}]',
    ],
)
def test_every_form_says_the_same(points, text):
    assert points(text) == {"logsumexp": 10, "softmax": 2.5}
    assert points(text, "utf-8-sig") == {"logsumexp": 10, "softmax": 2.5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("logsumex,10\n", "did you mean 'logsumexp'"),
        ('{"logsumex": 1}', "did you mean 'logsumexp'"),
        ("logsumexp,1\nlogsumexp,2\n", "twice"),
        ('{"logsumexp": 1, "logsumexp": 2}', "twice"),
        ("logsumexp,ten\n", "expected a number"),
        ("logsumexp,-1\n", "expected a number"),
        ("logsumexp,nan\n", "expected a number"),
        ("logsumexp,inf\n", "expected a number"),
        ('{"logsumexp": true}', "expected a number"),
        ('{"logsumexp": [1]}', "expected a number"),
        ("softmax,1\nlogsumexp 10\n", "line 2: got 1 columns"),
        ("", "names no exercise"),
        ("exercise,points\n", "names no exercise"),
        ("{", "is no JSON"),
        ("[1]", "should hold"),
        ('[{"exercise": "softmax"}]', "should hold"),
    ],
)
def test_what_is_wrong_is_said(points, text, words):
    with pytest.raises(SourceError, match=words):
        points(text)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_points(tmp_path / "none")


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0, 1e6))
def test_a_score_keeps_its_share(score, top, worth):
    exercise = {"name": "f", "score": min(score, top), "max_score": top}
    found = scaled(exercise, {"f": worth})
    assert found["max_score"] == worth
    assert found["score"] == pytest.approx(worth * exercise["score"] / top, abs=1e-6)
    assert 0 <= found["score"] <= worth + 1e-6


def test_without_points_nothing_changes():
    exercise = {"name": "f", "score": 1, "max_score": 3}
    assert scaled(exercise, None) == scaled(exercise, {"g": 5}) == exercise
    assert scaled({"name": "f", "score": 0, "max_score": 0}, {"f": 5})["score"] == 0
