"""What is asked of the exercises of `optimizers`."""

from typing import Any

import torch

from autograder.answer import Complaint
from autograder.atlases import families
from autograder.cases import HALF, INF, NAN, case, rows, transposed
from autograder.exact import optimizers as exact
from autograder.forbidden import SGD, SOFT_THRESHOLDS, together
from autograder.judging.truth import ulp
from autograder.spec import (
    Call,
    Case,
    Draw,
    Driven,
    Exercise,
    Gradient,
    Memory,
    Raises,
    Rules,
    Time,
    Tolerance,
    Untouched,
    Value,
)

STEP_ULPS = 16.0  # rounding of each step, in ulps of the largest weight or of 1
SHAPES = ((3, 4), (5,), ())
MOST_OPS = 200  # of one step on three weights; a loop over elements needs thousands
Weights = tuple[torch.Tensor, ...]


def _run(draw: Draw, steps: int, shapes: tuple[tuple[int, ...], ...] = SHAPES, **options: Any) -> Call:
    """Return a call of the driver: weights, and gradients of a shifted quadratic's size for each step."""
    weights = tuple(draw.normal(*shape) for shape in shapes)
    gradients = tuple(tuple(draw.normal(*shape) for shape in shapes) for _ in range(steps))
    return Call((weights, gradients), options)


def _weights(result: Any) -> list[torch.Tensor] | None:
    weights = result.get("weights") if isinstance(result, dict) else None
    return weights if isinstance(weights, list) and all(type(w) is torch.Tensor for w in weights) else None


def _complain(kind: str, call: Call, text: str) -> Complaint:
    options = ", ".join(f"{k}={v}" for k, v in call.kwargs.items() if k not in ("count",))
    steps = len(call.args[1])
    return Complaint(kind, f"given     {len(call.args[0])} weights, {steps} steps, {options}\n{text}")


def _near(call: Call, result: Any) -> Complaint | None:
    """Compare the final weights with the exact ones; the allowed error grows with the steps."""
    weights, steps = _weights(result), len(call.args[1])
    if weights is None:
        return _complain("type", call, "got       no weights")
    for position, (mine, right) in enumerate(zip(weights, exact.sgd_l1(*call.args, **call.kwargs), strict=True)):
        size = right.abs().clamp(min=1.0).amax() if right.numel() else torch.tensor(1.0, dtype=torch.float64)
        allowed = STEP_ULPS * steps * ulp(size, torch.float32)
        if mine.shape != right.shape or not bool(((mine.double() - right).abs() <= allowed).all()):
            got, wanted = (", ".join(f"{v:.6g}" for v in t.flatten()[:6].tolist()) for t in (mine, right))
            return _complain("error", call, f"got       weight {position}: {got}\nexpected  {wanted}")
    return None


def _bitwise(call: Call, result: Any) -> Complaint | None:
    """Compare with torch.optim.SGD, which has no l1, bit by bit."""
    weights = _weights(result)
    if weights is None:
        return _complain("type", call, "got       no weights")
    params = [torch.nn.Parameter(w.clone()) for w in call.args[0]]
    options = {k: v for k, v in call.kwargs.items() if k in ("lr", "momentum", "weight_decay")}
    sgd = torch.optim.SGD(params, foreach=False, **options)
    for step in call.args[1]:
        for p, g in zip(params, step, strict=True):
            p.grad = g.clone()
        sgd.step()
    if all(torch.equal(mine, p.detach()) for mine, p in zip(weights, params, strict=True)):
        return None
    return _complain("bits", call, "got       weights that differ from torch.optim.SGD's\nexpected  the same bits")


def _zeros(call: Call, result: Any) -> Complaint | None:
    """Demand exact zeros where the exact weights are 0, and nowhere else."""
    weights = _weights(result)
    if weights is None:
        return _complain("type", call, "got       no weights")
    right = exact.sgd_l1(*call.args, **call.kwargs)
    if all(torch.equal(mine == 0, r == 0) for mine, r in zip(weights, right, strict=True)):
        return None
    got, wanted = (sum(int((t == 0).sum()) for t in ts) for ts in (weights, right))
    return _complain("zeros", call, f"got       {got} weights at exactly 0\nexpected  {wanted}")


def _few_ops(call: Call, result: Any) -> Complaint | None:
    ops = result.get("ops") if isinstance(result, dict) else None
    if type(ops) is int and ops <= MOST_OPS:
        return None
    return _complain("growth", call, f"got       {ops} operations in one step\nallowed   {MOST_OPS}")


def _same_grads(call: Call, result: Any) -> Complaint | None:
    grads = result.get("grads") if isinstance(result, dict) else None
    last = call.args[1][-1]
    if isinstance(grads, list) and all(torch.equal(g, old) for g, old in zip(grads, last, strict=True)):
        return None
    return _complain("modified", call, "expected  every gradient as it was after the step: one was changed")


def _driven(name: str, family: Any, make: Any, judge: Any, **kwargs: Any) -> Case:
    return case(name, family, make, Driven("optimizer", judge), **kwargs)


def _none_in_between(draw: Draw) -> Call:
    call = _run(draw, 4, lr=0.1, momentum=0.9, l1=0.01)
    gradients = tuple((a, None if n % 2 == 0 else b, c) for n, (a, b, c) in enumerate(call.args[1]))
    return Call((call.args[0], gradients), call.kwargs)


def _sparse(draw: Draw) -> Call:
    """Return two small weights that the penalty pulls to 0 and two that it cannot hold."""
    weights = (torch.tensor([0.05, -0.03, 2.0, -3.0]),)
    return Call((weights, ((torch.zeros(4),),) * 3), {"lr": 1.0, "l1": 0.1, "proximal": True})


def _crossing(draw: Draw) -> Call:
    return Call(((torch.tensor([0.05, -0.05, 0.0]),), ((torch.zeros(3),),)), {"lr": 1.0, "l1": 0.1})


def _negative(**options: Any) -> Any:
    return lambda draw: _run(draw, 1, **{"lr": 0.1, **options})


GROUPS = [{"lr": 0.1}, {"l1": 0.2, "lr": 0.05}, {"momentum": 0.5, "proximal": True}]
REFUSED = Raises(("ValueError",), driver="optimizer")

SGDL1 = Exercise(
    name="SGDL1",
    reference=exact.sgd_l1,
    precise=None,
    minutes=40,
    difficulty=3,
    cases=(
        _driven(
            "leaves the gradients as they were",
            "untouched",
            lambda d: _run(d, 2, lr=0.1, l1=0.1, weight_decay=0.1),
            _same_grads,
        ),
        _driven("plain", "value", lambda d: _run(d, 3, lr=0.1), _near),
        _driven("weight decay", "value", lambda d: _run(d, 5, lr=0.1, weight_decay=0.3), _near),
        _driven("momentum", "value", lambda d: _run(d, 10, lr=0.1, momentum=0.9), _near),
        _driven("subgradient", "value", lambda d: _run(d, 5, lr=0.1, l1=0.3), _near),
        _driven("subgradient and momentum", "value", lambda d: _run(d, 8, lr=0.1, l1=0.3, momentum=0.9), _near),
        _driven("proximal", "value", lambda d: _run(d, 5, lr=0.1, l1=0.3, proximal=True), _near),
        _driven(
            "proximal and momentum", "value", lambda d: _run(d, 8, lr=0.1, l1=0.3, momentum=0.9, proximal=True), _near
        ),
        _driven(
            "everything together",
            "value",
            lambda d: _run(d, 9, lr=0.05, l1=0.1, momentum=0.8, weight_decay=0.2, proximal=True),
            _near,
            private=True,
        ),
        _driven(
            "torch's SGD to the bit, 100 steps",
            "value",
            lambda d: _run(d, 100, lr=0.1, momentum=0.9, weight_decay=0.01),
            _bitwise,
        ),
        _driven("torch's SGD to the bit, no momentum", "value", lambda d: _run(d, 20, lr=0.03), _bitwise, private=True),
        _driven("a weight crosses 0, and one rests there", "extremes", _crossing, _near),
        _driven("exactly 0 by the proximal step", "extremes", _sparse, _zeros),
        _driven("no gradient for some weights", "extremes", _none_in_between, _near),
        _driven(
            "an empty weight",
            "shape",
            lambda d: _run(d, 2, ((0,), (2, 1, 3)), lr=0.1, l1=0.1, proximal=True),
            _near,
            private=True,
        ),
        _driven("parameter groups with their own numbers", "value", lambda d: _run(d, 6, lr=0.2, groups=GROUPS), _near),
        _driven(
            "state_dict in the middle", "value", lambda d: _run(d, 8, lr=0.1, momentum=0.9, l1=0.1, reload_at=4), _near
        ),
        _driven(
            "one operation for a whole weight",
            "rules",
            lambda d: _run(d, 1, ((400,), (20, 20), (3, 100)), lr=0.1, l1=0.1, momentum=0.9, count=True),
            _few_ops,
        ),
        case("a negative learning rate", "extremes", _negative(lr=-0.1), REFUSED),
        case("a negative momentum", "extremes", _negative(momentum=-0.5), REFUSED),
        case("a negative weight decay", "extremes", _negative(weight_decay=-0.5), REFUSED),
        case("a negative l1", "extremes", _negative(l1=-1.0), REFUSED),
    ),
    rules=Rules(
        together(SGD, SOFT_THRESHOLDS), {"loops": "over parameter groups and parameters"}, "a class has no meta run"
    ),
    hints=(
        "step() walks over self.param_groups; group['params'] are the weights, p.grad their gradients, and each number of "
        "the constructor stands in the group as well. What torch.optim.SGD does with weight_decay, do with l1 and sign(w).",
        "The order is: g = p.grad + weight_decay * p (+ l1 * sign(p)); velocity = momentum * velocity + g, the first one is g "
        "itself; p -= lr * velocity; then, if proximal, soft_threshold(p, lr * l1). Work under torch.no_grad().",
        "The velocity lives in self.state[p], so that state_dict() carries it: `state['momentum_buffer'] = g.clone()` the first "
        "time, `.mul_(momentum).add_(g)` after that. `p.add_(g, alpha=-lr)` gives torch's bits. p.grad is not yours to change.",
    ),
    why="A subgradient step overshoots: near 0 it adds or takes lr * l1 whatever is left, so weights swing about 0. The "
    "proximal step solves the penalised problem exactly and stops at 0. The foreach functions make one call for all weights; "
    "their rounding is that of the single ones, so l1=0 equals torch.optim.SGD to the bit.",
)

_AMOUNT = {"amount": 0.5}
soft_threshold = Exercise(
    name="soft_threshold",
    reference=exact.soft_threshold,
    precise=exact.precise_soft_threshold,
    atlas=families.soft_threshold,
    minutes=10,
    difficulty=1,
    cases=(
        case("leaves its input as it was", "untouched", lambda d: d.normal(3, 4), Untouched(), kwargs=_AMOUNT),
        case("normal numbers", "value", lambda d: d.normal(4, 5), Value(Tolerance(1, floor=0.5)), kwargs=_AMOUNT),
        case("a large amount", "value", lambda d: d.normal(4, 5), Value(Tolerance(1)), kwargs={"amount": 100.0}),
        case("amount 0", "value", lambda d: d.normal(4, 5), Value(Tolerance(0)), kwargs={"amount": 0.0}),
        case(
            "at the border and at 0",
            "extremes",
            rows([[0.5, -0.5, 0.0, 0.50000006]]),
            Value(Tolerance(1)),
            kwargs=_AMOUNT,
        ),
        case("infinite and nan", "extremes", rows([[INF, -INF, NAN, 1.0]]), Value(Tolerance(1)), kwargs=_AMOUNT),
        case(
            "large numbers", "extremes", rows([[3e38, -3e38, 1e20]]), Value(Tolerance(1)), kwargs=_AMOUNT, private=True
        ),
        case("single number", "shape", lambda d: torch.tensor(2.0), Value(Tolerance(1)), kwargs=_AMOUNT),
        case("empty", "shape", lambda d: d.normal(0, 3), Value(Tolerance(1)), kwargs=_AMOUNT),
        case("not contiguous", "shape", transposed, Value(Tolerance(1, floor=0.5)), kwargs=_AMOUNT, private=True),
        case(
            "float64",
            "dtype",
            lambda d: d.normal(5, dtype=torch.float64),
            Value(Tolerance(1, 0.5), dtype=True),
            kwargs=_AMOUNT,
        ),
        case("float16", "dtype", lambda d: d.normal(5, dtype=torch.float16), Value(HALF, dtype=True), kwargs=_AMOUNT),
        case(
            "bfloat16",
            "dtype",
            lambda d: d.normal(5, dtype=torch.bfloat16),
            Value(HALF, dtype=True),
            kwargs=_AMOUNT,
            private=True,
        ),
        case("first order", "gradient", lambda d: d.normal(4, 5), Gradient(Tolerance(1)), kwargs=_AMOUNT),
    ),
    rules=Rules(SOFT_THRESHOLDS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), 0.5)),
    memory=Memory(forward=4.1, backward=8.1),
    times=(
        Time("elementwise", "torch.nn.functional.softshrink", lambda d: Call((d.normal(1 << 21),), _AMOUNT), budget=25),
    ),
    hints=(
        "Every number moves towards 0 by `amount`, and stops there.",
        "The size becomes max(|w| - amount, 0); the sign stays.",
        "`(w.abs() - amount).clamp(min=0)` is the size. What gives the sign, and 0 at 0?",
    ),
    why="sign times shrunken size: no branch, exact zeros, nan and infinities pass through by themselves.",
)
