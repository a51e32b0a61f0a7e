"""An op asked for the second time returns what it returned the first time: the same layout, in memory of its own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.running import remembered
from autograder.running.tracing import Trace

aten = torch.ops.aten


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Forget all; yield what says how much is remembered."""
    layouts, dtypes = {}, {}
    monkeypatch.setattr(remembered, "_layouts", layouts)
    monkeypatch.setattr(remembered, "_dtypes", dtypes)
    return lambda: len(layouts) + len(dtypes)


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
    assert forgotten() == 1
    pairs = zip(first, second, strict=True) if isinstance(first, tuple) else [(first, second)]
    for one, other in pairs:
        assert one is not other
        assert layout(one) == layout(other)
        assert one.untyped_storage()._cdata != other.untyped_storage()._cdata


def test_numbers_that_are_equal_are_told_apart_by_their_type(forgotten):
    x = meta(3, dtype=torch.int64)
    found = [call(aten.mul.Tensor, x, factor).dtype for factor in (1, 1.0, True)]
    assert found == [torch.int64, torch.float32, torch.int64]
    assert forgotten() == 3


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
    assert not forgotten()


def test_tensors_with_numbers_are_computed_each_time(forgotten):
    for value in (1.0, 2.0):
        assert call(aten.neg.default, torch.tensor(value)) == -value
    assert not forgotten()


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


POINTWISE = {
    aten.exp.default: 1,
    aten.neg.default: 1,
    aten.isnan.default: 1,
    aten.sign.default: 1,
    aten.bitwise_not.default: 1,
    aten.add.Tensor: 2,
    aten.sub.Tensor: 2,
    aten.mul.Tensor: 2,
    aten.div.Tensor: 2,
    aten.pow.Tensor_Tensor: 2,
    aten.maximum.default: 2,
    aten.eq.Tensor: 2,
    aten.logical_and.default: 2,
    aten.nextafter.default: 2,
    aten.where.self: 3,
    aten.lerp.Tensor: 3,
    aten.addcmul.default: 3,
    aten.exp_.default: 1,
    aten.add_.Tensor: 2,
    aten.mul_.Tensor: 2,
    aten.masked_fill_.Tensor: 3,
}
SHAPES = [(), (1,), (4,), (3, 4), (3, 1), (1, 4), (2, 3, 4), (0, 4), (1, 1)]
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool]


@st.composite
def calls(draw):
    func = draw(st.sampled_from(list(POINTWISE)))
    args = []
    for place in range(POINTWISE[func]):
        x = meta(*draw(st.sampled_from(SHAPES)), dtype=draw(st.sampled_from(DTYPES)))
        change = draw(st.sampled_from(["none", "none", "none", "transposed", "expanded", "number"]))
        if change == "transposed" and x.dim() > 1:
            x = x.transpose(0, 1)
        elif change == "expanded":
            x = x.expand(2, *x.shape)
        elif change == "number" and place:
            x = draw(st.sampled_from([1, 2.5, True]))
        args.append(x)
    return func, args


def outcome(ask, func, args):
    copies = [a.clone(memory_format=torch.preserve_format) if isinstance(a, torch.Tensor) else a for a in args]
    try:
        made = ask(func, *copies)
    except Exception as error:
        return type(error)
    return made.shape, made.dtype, made.is_contiguous(), made.untyped_storage().nbytes(), made is copies[0]


@given(st.lists(calls(), min_size=1, max_size=40))
def test_a_pointwise_op_of_other_shapes_returns_what_torch_returns(asked):
    """Ask all calls of a list one after the other: what is remembered of one is used for the next."""
    remembered._layouts.clear()
    remembered._dtypes.clear()
    for func, args in asked:
        assert outcome(call, func, args) == outcome(lambda f, *a: f(*a), func, args)


def test_other_shapes_need_no_second_question(forgotten):
    for shape in [(3, 4), (3, 1), (256, 4096)]:
        assert call(aten.sub.Tensor, meta(*shape), meta(shape[0], 1)).shape == torch.Size(shape)
    assert forgotten() == 1


def test_a_number_without_dimensions_promotes_less(forgotten):
    half, wide = meta(3, dtype=torch.float16), meta(1)
    assert call(aten.add.Tensor, half, wide).dtype == torch.float32
    assert call(aten.add.Tensor, half, meta()).dtype == torch.float16


def test_a_result_that_does_not_fit_its_place_is_refused_in_torchs_words():
    call(aten.add_.Tensor, meta(3), meta(3))
    with pytest.raises(RuntimeError, match="output with shape"):
        call(aten.add_.Tensor, meta(3), meta(2, 3))
