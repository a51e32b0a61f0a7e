"""Honest submissions earn full marks, wrong ones lose points and are told their mistake."""

import functools
from collections import Counter

import pytest
import torch

from autograder import registry
from autograder.grading import Grading
from autograder.judging.verdicts import ExerciseVerdict
from autograder.paper import Paper
from autograder.sources import decode
from autograder.tests.variants import Variant, honest_log_sums, honest_sampling, honest_speed, honest_streaming
from autograder.tests.variants.wrong_log_sums import WRONG

# What everybody gets wrong in logsumexp: the mistakes that name each of the fourteen.
BARS = (
    {"no_shift"},
    {"one_maximum_for_the_batch", "one_finite_maximum_for_the_batch"},
    {"clamp_to_80", "clamp_above"},
    {"squeeze_everything", "squeeze_at_the_end"},
    {"nan_on_infinite_rows", "nan_on_a_row_of_minus_inf"},
    {"loop_over_rows"},
    {"comprehension_over_rows"},
    {"forbidden_function", "forbidden_method", "forbidden_getattr"},
    {"detached"},
    {"float64_result"},
    {"through_float16", "through_bfloat16", "exponentials_in_float16"},
    {"in_place"},
    {"dim_ignored", "dim_always_0", "dim_always_1", "dim_for_the_maximum_only"},
    {"keepdim_ignored", "keepdim_always"},
)
HONEST = [
    v
    for c in (honest_log_sums.HONEST, honest_sampling.HONEST, honest_streaming.HONEST, honest_speed.HONEST)
    for v in c.variants
]
TIMED = [v for v in HONEST if v.exercise == "logsumexp"][:3:2] + [v for v in HONEST if v.exercise == "gumbel_softmax"]


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Small tensors on a loaded machine: threads would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@functools.cache
def _paper(name: str) -> Paper:
    """Return an exercise's questions, the same for all variants: their exact answers are made once."""
    return Paper(registry.find(name)[1], 0, kept=True)


def _judge(wall, variant: Variant, **kwargs) -> ExerciseVerdict:
    chapter, exercise = registry.find(variant.exercise)
    texts = {stem: decode(text.encode(), stem) for stem, text in variant.texts.items()}
    paper = _paper(variant.exercise)
    return Grading(wall, exercise, chapter, texts, registry.mistakes(chapter), paper=paper, **kwargs).run()


def _lost(verdict: ExerciseVerdict) -> list[str]:
    lost = [f"{c.family}: {c.name}: {c.message}" for c in verdict.graded if c.points < c.max_points]
    return lost or [verdict.problem] * (verdict.status != "passed")


@pytest.mark.parametrize("variant", HONEST, ids=str)
def test_an_honest_answer_earns_full_marks(wall, variant):
    assert _lost(_judge(wall, variant, level="all", clock=False)) == []


@pytest.mark.parametrize("variant", TIMED, ids=str)
def test_an_honest_answer_is_fast_enough(wall, variant):
    assert _lost(_judge(wall, variant, level="all")) == []


@pytest.mark.parametrize("variant", WRONG.variants, ids=str)
def test_a_wrong_answer_loses_points_and_is_told_why(wall, variant):
    verdict = _judge(wall, variant, clock=False)
    assert verdict.score < verdict.max_score
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.mistake == variant.mistake, verdict.diagnosis.text


@pytest.mark.parametrize("variants", [HONEST, WRONG.variants], ids=["honest", "wrong"])
def test_variants_differ(variants):
    assert [n for n, count in Counter(map(str, variants)).items() if count > 1] == []
    assert max(Counter((v.exercise, *sorted(v.texts.items())) for v in variants).values()) == 1


def test_each_bar_has_three_variants():
    told = Counter(v.mistake for v in WRONG.variants if v.exercise == "logsumexp")
    assert [bar for bar in BARS if sum(told[mistake] for mistake in bar) < 3] == []
