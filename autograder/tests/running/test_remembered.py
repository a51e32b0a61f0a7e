"""An op asked for the second time returns what it returned the first time: the same layout, in memory of its own."""

import pytest
import torch

from autograder.running import remembered
from autograder.running.tracing import Trace

aten = torch.ops.aten


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    layouts = {}
    monkeypatch.setattr(remembered, "_layouts", layouts)
    return layouts


def meta(*shape, dtype=torch.float32):
    return torch.empty(shape, device="meta", dtype=dtype)


def call(func, *args, **kwargs):
    tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, torch.Tensor)]
    return remembered.call(func, args, kwargs, tensors)


def layout(tensor):
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.device, tensor.untyped_storage().nbytes()


@pytest.mark.parametrize(
    ("func", "args", "kwargs"),
    [
        (aten.exp.default, (meta(3, 4),), {}),
        (aten.exp.default, (meta(3, 4).t(),), {}),
        (aten.exp.default, (meta(3, dtype=torch.int64),), {}),
        (aten.sub.Tensor, (meta(3, 4), meta(3, 1)), {}),
        (aten.mul.Tensor, (meta(3, dtype=torch.float16), 2.0), {}),
        (aten.sum.dim_IntList, (meta(3, 4), [1], True), {"dtype": torch.float64}),
        (aten.eq.Scalar, (meta(3), 1), {}),
        (aten.max.dim, (meta(3, 4), 0), {}),
        (aten.arange.default, (5,), {"device": torch.device("meta")}),
        (aten.sum.default, (meta(0, 4),), {}),
        (aten.amax.default, (meta(1, 5).expand(7, 5), [0]), {}),
    ],
)
def test_the_second_result_is_laid_out_as_the_first(forgotten, func, args, kwargs):
    first, second = call(func, *args, **kwargs), call(func, *args, **kwargs)
    assert len(forgotten) == 1
    pairs = zip(first, second, strict=True) if isinstance(first, tuple) else [(first, second)]
    for one, other in pairs:
        assert one is not other
        assert layout(one) == layout(other)
        assert one.untyped_storage()._cdata != other.untyped_storage()._cdata


def test_numbers_that_are_equal_are_told_apart_by_their_type(forgotten):
    x = meta(3, dtype=torch.int64)
    found = [call(aten.mul.Tensor, x, factor).dtype for factor in (1, 1.0, True)]
    assert found == [torch.int64, torch.float32, torch.int64]
    assert len(forgotten) == 3


def test_the_default_dtype_counts():
    kwargs = {"device": torch.device("meta")}
    before = torch.get_default_dtype()
    try:
        assert call(aten.full.default, [2], 1.0, **kwargs).dtype == torch.float32
        torch.set_default_dtype(torch.float64)
        assert call(aten.full.default, [2], 1.0, **kwargs).dtype == torch.float64
    finally:
        torch.set_default_dtype(before)


def test_what_is_written_in_place_is_the_result():
    for _ in range(2):
        x, out = meta(3, 4), meta(3, 4)
        assert call(aten.exp_.default, x) is x
        assert call(aten.sub.out, x, x, out=out) is out


def test_an_out_that_is_too_small_grows_each_time():
    for _ in range(2):
        out = meta(0)
        assert call(aten.exp.out, meta(3, 4), out=out).shape == (3, 4)


@pytest.mark.parametrize("view", [aten.view.default, aten._unsafe_view.default, aten.expand.default])
def test_views_share_memory_each_time(forgotten, view):
    for _ in range(2):
        x = meta(3, 4)
        assert call(view, x, [3, 4]).untyped_storage()._cdata == x.untyped_storage()._cdata
    assert not forgotten


def test_tensors_with_numbers_are_computed_each_time(forgotten):
    for value in (1.0, 2.0):
        assert call(aten.neg.default, torch.tensor(value)) == -value
    assert not forgotten


def test_a_wrong_call_is_refused_each_time():
    for _ in range(2):
        with pytest.raises(RuntimeError):
            call(aten.sub_.Tensor, meta(3), meta(4))


def test_gradients_pass_through_what_is_remembered():
    for _ in range(2):
        x = meta(3, 4).requires_grad_()
        with Trace((x,), "meta") as seen:
            (grad,) = torch.autograd.grad(x.exp().sum(), x)
        assert grad.shape == (3, 4)
        assert seen.ops["aten::exp"] == 1
