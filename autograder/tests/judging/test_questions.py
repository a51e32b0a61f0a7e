"""A case becomes a question, and the driver's answer a complaint or none; an answer of no known form is a complaint."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.answer import Answer, Complaint
from autograder.exact import log_sums
from autograder.judging.diagnosis import copy_message
from autograder.judging.questions import alike, answer_dtype, exact_answer, judge, question
from autograder.running.drivers import DRIVERS, describe_error
from autograder.spec import Call, Case, Draw, Driven, Exact, Exercise, Gradient, Raises, Tolerance, Untouched, Value

FINE = Tolerance(8, floor=1.0)


def exercise(reference=log_sums.logsumexp, precise=None) -> Exercise:
    return Exercise("logsumexp", reference, precise, (), ("", "", ""), "", 1, 1)


def case(ask) -> Case:
    return Case("one", "value", lambda draw: Call(), ask)


def put(function, ask, call: Call | None = None, of: Exercise | None = None) -> Complaint | None:
    """Put a question to a function as the worker does, and judge what comes back."""
    call = call or Call((Draw(3).normal(4, 5),))
    asked = question(of or exercise(), case(ask), call, Draw(5))
    try:
        answer = Answer("returned", DRIVERS[asked.driver](function, **copy_message(asked.message)))
    except Exception as error:
        answer = Answer("raised", error=describe_error(error))
    return judge(case(ask), call, asked, answer)


def kind(*arguments, **keywords) -> str | None:
    complaint = put(*arguments, **keywords)
    return complaint.kind if complaint else None


def right(x, dim=-1, keepdim=False):
    return torch.logsumexp(x, dim, keepdim)


def in_place(x):
    top = x.max(-1, keepdim=True)[0]
    return x.sub_(top).exp().sum(-1).log() + top.squeeze(-1)


def refuse(x):
    raise ValueError(f"no {x}")


@pytest.mark.parametrize("ask", [Value(FINE, dtype=True), Gradient(FINE), Gradient(FINE, second=True), Untouched()])
def test_the_right_answer_is_right(ask):
    assert put(right, ask) is None


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (lambda x: right(x) + 0.1, "error"),
        (lambda x: right(x) * math.nan, "special"),
        (lambda x: right(x, keepdim=True), "shape"),
        (lambda x: right(x).double(), "dtype"),
        (lambda x: [right(x)], "type"),
        (lambda x: None, "type"),
        (lambda x: torch.nn.Parameter(right(x)), "type"),
        (refuse, "raised-ValueError"),
    ],
)
def test_wrong_values(function, found):
    assert kind(function, Value(FINE, dtype=True)) == found


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (lambda x: right(x.detach()), "no-gradient"),
        (lambda x: right(x).detach(), "no-gradient"),
        (lambda x: right(x).sum(), "shape"),
        (lambda x: None, "type"),
        (lambda x: 2 * right(x) - right(x).detach(), "gradient-error"),
        (lambda x: right(x) * torch.where(x[..., 0] > 9, 1.0, torch.nan), "gradient-special"),
    ],
)
def test_wrong_gradients(function, found):
    assert kind(function, Gradient(FINE)) == found


def test_the_cotangent_is_not_one():
    def averaged(x):
        # Its gradient is right where every row's cotangent is the same.
        y = right(x)
        return y.detach() + y.mean() - y.mean().detach()

    def swapped(x):
        return right(x.flip(0).detach() + x - x.detach())

    assert kind(averaged, Gradient(FINE)) == "gradient-error"
    assert kind(swapped, Gradient(FINE)) == "gradient-error"


def test_second_order():
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = torch.logsumexp(x, -1)
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, grad):
            x, y = ctx.saved_tensors
            return grad[:, None] * (x - y[:, None]).exp()

    def first_order_only(x):
        return right(x).detach() + (x * torch.softmax(x, -1).detach()).sum(-1) - (x * x.softmax(-1)).sum(-1).detach()

    assert kind(Once.apply, Gradient(FINE)) is None
    assert kind(Once.apply, Gradient(FINE, second=True)) in ("no-second", "raised-RuntimeError")
    assert kind(first_order_only, Gradient(FINE)) is None
    assert kind(first_order_only, Gradient(FINE, second=True)) == "no-second"


def test_a_backward_pass_that_writes_into_the_inputs():
    class Late(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.logsumexp(-1)

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return x.copy_(x.softmax(-1).mul_(grad.unsqueeze(-1)))

    complaint = put(Late.apply, Gradient(FINE))
    assert complaint.kind == "modified"
    assert "argument 1 as it was after the call and its backward pass" in complaint.message
    assert kind(Late.apply, Value(FINE)) is kind(Late.apply, Untouched()) is None


def test_a_gradient_that_need_only_be_finite():
    call = Call((torch.tensor([[-math.inf, -math.inf], [0.0, 1.0]]),))

    def anything(x):
        return (x * 3).where(x.isfinite(), x.detach()).sum(-1)

    assert kind(anything, Gradient(FINE, finite=True), call) is None
    assert kind(lambda x: x.sum(-1) * torch.inf, Gradient(FINE, finite=True), call) == "gradient-special"


def test_gradients_of_both_arguments_count():
    both = exercise(log_sums.logaddexp)
    call = Call((Draw(1).normal(3), Draw(2).normal(3)))
    ask = Gradient(FINE, wrt=(0, 1))
    assert put(torch.logaddexp, ask, call, both) is None
    assert kind(lambda a, b: torch.logaddexp(a, b.detach()), ask, call, both) == "no-gradient"
    assert "argument 2" in put(lambda a, b: torch.logaddexp(a, b.detach()), ask, call, both).message
    assert kind(lambda a, b: torch.logaddexp(a, b.detach()), Gradient(FINE, wrt=(0,)), call, both) is None


def test_an_unused_input_may_have_no_gradient_where_that_is_zero():
    of = exercise(lambda a, b: a.double() * 1 + 0 * b.double())
    call = Call((Draw(1).normal(3), Draw(2).normal(3)))
    assert put(lambda a, b: a * 1, Gradient(FINE, wrt=(0, 1)), call, of) is None


@pytest.mark.parametrize(
    ("function", "found"), [(right, None), (in_place, "modified"), (lambda x: x.resize_(2, 2), "modified")]
)
def test_inputs_stay_as_they_were(function, found):
    assert kind(function, Untouched()) == found


def test_every_bit_of_an_input_counts():
    call = Call((torch.tensor([0.0, math.nan]),))
    assert kind(lambda x: x.neg_(), Untouched(), call) == "modified"  # -0.0 and a nan's sign
    assert kind(lambda x: x.clone(), Untouched(), call) is None
    numbers = Call((np.array([1.0, 2.0]),))
    assert kind(lambda x: x.clip(0, 1), Untouched(), numbers) is None
    assert kind(lambda x: x.clip(0, 1, out=x), Untouched(), numbers) == "modified"


def test_an_exception_that_is_asked_for():
    assert kind(refuse, Raises(("ValueError",))) is None
    assert kind(refuse, Raises(("TypeError",))) == "accepted"
    assert kind(right, Raises(("ValueError",))) == "accepted"


def test_a_driver_of_its_own_is_judged_by_the_spec():
    no = Complaint("law-sign", "not positive")
    ask = Driven("value", lambda call, result: None if result["value"].sum() > 0 else no)
    assert put(lambda x: x.exp(), ask) is None
    assert put(lambda x: -x.exp(), ask) is no


def test_a_spec_may_ask_for_integers():
    of = exercise(lambda x: x.argmax(-1))
    ask = Value(FINE, answer=torch.int64)
    assert put(lambda x: x.argmax(-1), ask, of=of) is None
    assert kind(lambda x: x.argmin(-1), ask, of=of) == "value"
    assert kind(lambda x: x.argmax(-1).float(), ask, of=of) == "dtype"


@pytest.mark.parametrize("outcome", ["timeout", "crashed", "garbled"])
@pytest.mark.parametrize("ask", [Value(FINE), Gradient(FINE), Untouched(), Driven("value", lambda c, r: None)])
def test_no_answer_is_a_complaint(ask, outcome):
    call = Call((torch.ones(2, 2),))
    asked = question(exercise(), case(ask), call, Draw(0))
    assert judge(case(ask), call, asked, Answer(outcome, detail="why")).kind == outcome


ASKS = [Value(FINE), Gradient(FINE), Gradient(FINE, second=True), Untouched()]
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just(torch.ones(3)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["output", "grads", "seconds", "args", "kwargs", "kind", "value", "type"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(ASKS), odd)
def test_a_forged_answer_is_a_complaint_and_no_exception(ask, result):
    call = Call((torch.ones(2, 2),))
    asked = question(exercise(), case(ask), call, Draw(0))
    found = judge(case(ask), call, asked, Answer("returned", result))
    assert isinstance(found, Complaint)


@pytest.mark.parametrize("error", [{}, {"type": 7}, {"message": "x"}])
@pytest.mark.parametrize("ask", [Value(FINE), Raises(("ValueError",))])
def test_a_forged_exception_is_a_complaint(ask, error):
    call = Call((torch.ones(2, 2),))
    asked = question(exercise(), case(ask), call, Draw(0))
    assert isinstance(judge(case(ask), call, asked, Answer("raised", error=error)), Complaint)


def test_the_answers_dtype_is_that_of_the_first_floating_point_input():
    assert answer_dtype(Call((torch.ones(2, dtype=torch.int64), torch.ones(1, dtype=torch.float16)))) == torch.float16
    assert answer_dtype(Call((np.ones(2, np.float64),))) == torch.float64
    assert answer_dtype(Call((), {"x": torch.ones(1, dtype=torch.bfloat16)})) == torch.bfloat16
    assert answer_dtype(Call((torch.ones(2, dtype=torch.int64), 3.0))) == torch.float32


def test_float64_questions_are_answered_by_mpmath():
    of = exercise(precise=log_sums.precise_logsumexp)
    assert isinstance(exact_answer(of, Call((torch.ones(2, dtype=torch.float64),))), Exact)
    assert isinstance(exact_answer(of, Call((torch.ones(2),))), torch.Tensor)
    assert isinstance(exact_answer(exercise(), Call((torch.ones(2, dtype=torch.float64),))), torch.Tensor)


def test_the_question_holds_no_answer():
    for ask in ASKS:
        asked = question(exercise(), case(ask), Call((torch.ones(2, 2),)), Draw(0))
        assert set(asked.message) <= {"args", "kwargs", "wrt", "cotangent", "second"}


def test_the_questions_draw_decides_the_cotangent():
    call = Call((torch.ones(2, 2),))
    first, again, other = (question(exercise(), case(Gradient(FINE)), call, Draw(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.message["cotangent"], again.message["cotangent"])
    assert not torch.equal(first.message["cotangent"], other.message["cotangent"])


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        (torch.tensor([1.0, math.inf, math.nan]), torch.tensor([1.001, math.inf, math.nan]), True),
        (torch.tensor([1.0]), torch.tensor([1.1]), False),
        (torch.tensor([math.inf]), torch.tensor([-math.inf]), False),
        (torch.tensor([math.inf]), torch.tensor([3.0]), False),
        (torch.tensor([math.nan]), torch.tensor([1.0]), False),
        (torch.tensor([1.0]), torch.tensor([1.0], dtype=torch.float64), False),
        (torch.tensor([1.0]), torch.tensor([[1.0]]), False),
        (np.ones(2), np.ones(2), True),
        (np.ones(2), torch.ones(2), False),
        ({"a": [1, None]}, {"a": [1, None]}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1, 2], [1], False),
        (Answer("returned", 1), Answer("raised"), False),
        (Answer("raised", error={"type": "A"}), Answer("raised", error={"type": "A"}), True),
        (Answer("raised", error={"type": "A"}), Answer("raised", error={"type": "B"}), False),
    ],
)
def test_alike(mine, theirs, same):
    assert alike(mine, theirs) == same
