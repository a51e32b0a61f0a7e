"""Each atlas: its inputs suit every dtype, the stable form is stable, and the naive one is not."""

import inspect

import pytest
import torch

from autograder import error_atlas, registry
from autograder.error_atlas import DTYPES, POINTS, points, truth
from autograder.judging.curves import errors
from autograder.judging.diagnosis import copy_message
from autograder.sources import mistake_source
from autograder.spec import Draw

NAMES = error_atlas.drawn()
EVERY = 8  # points that are looked at: high precision takes its time
# A divergence of nearly equal rows keeps the digits of d alone: its error grows as the rows come together.
LOSSY = {"kl_from_logits": 1e7, "js_from_logits": 1e7}


def sample(name, dtype):
    """Return exercise, family, a call of every eighth point and its exact answers."""
    exercise = registry.find(name)[1]
    family = exercise.atlas
    call = family.make(points(family, dtype)[::EVERY], dtype)
    return family, call, truth(exercise, family, call, dtype)


def worst(form, call, exact, dtype):
    return errors(form(*call.args, **call.kwargs), exact, dtype)


def test_the_exercises_that_have_an_atlas():
    assert {"logsumexp", "log1mexp", "log_softmax", "cross_entropy", "bce_with_logits", "kl_from_logits"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_inputs_are_finite_and_of_the_dtype(name):
    for dtype in DTYPES:
        call = sample(name, dtype)[1]
        floats = [a for a in call.args if isinstance(a, torch.Tensor) and a.is_floating_point()]
        assert all(a.dtype == dtype and bool(a.isfinite().all()) for a in floats)
        assert all(len(a) == POINTS // EVERY for a in call.args if isinstance(a, torch.Tensor))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_stable_form_is_stable_and_the_naive_one_is_not(name, dtype):
    family, call, exact = sample(name, dtype)
    stable = worst(family.stable, call, exact, dtype)
    naive = worst(family.naive, call, exact, dtype).nan_to_num(torch.inf)
    assert float(stable.max()) <= LOSSY.get(name, 64)  # a nan fails too
    assert float(naive.max()) > 100 * float(stable.max())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_stable_form_rounds_half_types_once(name, dtype):
    family, call, exact = sample(name, dtype)
    assert float(worst(family.stable, call, exact, dtype).max()) <= LOSSY.get(name, 0.51)
    assert family.stable(*call.args, **call.kwargs).dtype == dtype


@pytest.mark.parametrize("name", [n for n in NAMES if registry.find(n)[1].atlas.peer is not None])
def test_torchs_own_form_is_the_same_function(name):
    family, call, _ = sample(name, torch.float64)
    stable, peer = (form(*call.args, **call.kwargs) for form in (family.stable, family.peer))
    torch.testing.assert_close(peer, stable, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in NAMES if registry.find(n)[1].atlas.precise is not None])
def test_high_precision_agrees_with_the_reference(name):
    exercise = registry.find(name)[1]
    _, call, exact = sample(name, torch.float64)
    torch.testing.assert_close(exact.high, exercise.reference(*call.args, **call.kwargs), rtol=1e-8, atol=0)


def test_the_naive_sources_run_alone_and_give_the_same_bits(wall):
    worker = wall.worker()
    try:
        for name in NAMES:
            family, call, _ = sample(name, torch.float32)
            texts = {f"naive_{name}": mistake_source(family.naive, name)}
            loaded = worker.ask("load", 10.0, texts=texts, stem=f"naive_{name}", function=name)
            assert loaded.outcome == "returned", (name, loaded.error)
            message = copy_message({"args": tuple(call.args), "kwargs": dict(call.kwargs)})
            answer = worker.ask("drive", 5.0, driver="value", **message)
            here = family.naive(*call.args, **call.kwargs)
            assert torch.equal(answer.result["value"].nan_to_num(7.0), here.nan_to_num(7.0)), name
    finally:
        worker.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_naive_form_takes_the_calls_that_are_counted_and_timed(name):
    exercise = registry.find(name)[1]
    for call in (exercise.trace(2, 3), *(timed.make(Draw(0)) for timed in exercise.times)):
        inspect.signature(exercise.atlas.naive).bind(*call.args, **call.kwargs)
