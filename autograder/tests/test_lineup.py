"""Known mistakes behind the wall answer as they do in this process."""

import pytest
import torch

from autograder import registry
from autograder.grading import run_mistake
from autograder.judging.questions import Question, alike
from autograder.lineup import Lineup


def asked(*args) -> Question:
    return Question("value", {"args": args, "kwargs": {}}, {})


def mistakes(stem: str, *ids: str):
    return [m for m in registry.mistakes(stem) if m.id in ids]


def test_mistakes_answer_as_in_this_process_one_after_the_other(wall):
    question = asked(torch.tensor([[500.0, 501.0], [0.0, 1.0]]))
    with Lineup(wall, "log_sums") as lineup:
        for mistake in mistakes("log_sums", "no_shift", "batch_maximum", "no_shift"):
            assert alike(lineup.run(mistake, question), run_mistake(mistake, question))


def test_nothing_is_started_before_it_is_needed_and_nothing_stays(wall):
    with Lineup(wall, "log_sums") as lineup:
        assert lineup._worker is None
        lineup.run(mistakes("log_sums", "no_shift")[0], asked(torch.zeros(2)))
        worker = lineup._worker
    assert worker is not None and not worker.alive


def test_kernels_are_interpreted_there(wall):
    pytest.importorskip("triton")
    (padded,) = mistakes("gpu_kernels", "softmax_padded_with_0")
    with Lineup(wall, "gpu_kernels") as lineup:
        answer = lineup.run(padded, asked(torch.zeros(1, 3)))
    assert answer.result["value"].sum().item() == pytest.approx(0.75)
