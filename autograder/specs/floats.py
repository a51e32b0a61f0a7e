"""What is asked of the exercises of `floats`."""

from typing import Any

import torch

from autograder.answer import Complaint
from autograder.cases import INF, NAN, Inputs, case, rows, transposed
from autograder.exact import floats as exact
from autograder.spec import Call, Case, Draw, Driven, Exercise, Memory, Rules, Time, Tolerance, Untouched, Value

# Steps are powers of two: nextafter, frexp and exp2 give them to the last bit.
STEP = Value(Tolerance(0))
STEP_DTYPE = Value(Tolerance(0), dtype=True)
# One subtraction in float64 is rounded, and a division by a power of two is not.
ERROR = Value(Tolerance(4), dtype=True, answer=torch.float64)
LOGS = Value(Tolerance(4), answer=torch.float64)
ENDS = {torch.float64: 5e-324, torch.float32: 1e-45, torch.float16: 6e-8, torch.bfloat16: 9.2e-41}


def _ends(dtype: torch.dtype) -> Inputs:
    """Return a maker of both ends of a dtype: 0, its least numbers, the border of the normal ones, its largest."""
    info = torch.finfo(dtype)
    least, border = ENDS[dtype], info.smallest_normal
    return rows([[0.0, -0.0, least, -3 * least], [border, border * 0.75, info.max, info.min]], dtype)


def _magnitudes(low: float, high: float) -> Inputs:
    return lambda draw: torch.logspace(low, high, 61) * (1 + draw.uniform(61, low=0, high=1))


def _pairs(actual: list[float], right: list[float], dtype: torch.dtype = torch.float32) -> Inputs:
    """Return a maker of answers of a dtype and of the exact ones in float64."""
    return lambda draw: (torch.tensor(actual, dtype=dtype), torch.tensor(right, dtype=torch.float64))


def _near(*shape: int, steps: float = 4, dtype: torch.dtype = torch.float32) -> Inputs:
    """Return a maker of exact answers, and of answers up to about so many steps of their dtype away."""

    def make(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
        right = draw.normal(*shape, scale=3, dtype=torch.float64)
        off = draw.uniform(*shape, low=-steps, high=steps, dtype=torch.float64) * torch.finfo(dtype).eps
        return (right * (1 + off)).to(dtype), right

    return make


def _large(draw: Draw) -> Call:
    right = draw.normal(1 << 20, dtype=torch.float64)
    return Call((right.float(), right))


ulp = Exercise(
    name="ulp",
    reference=exact.ulp,
    precise=exact.precise_ulp,
    minutes=20,
    difficulty=1,
    cases=(
        case("leaves its input as it was", "untouched", lambda d: d.normal(3, 4), Untouched()),
        case("normal numbers", "value", lambda d: d.normal(4, 5, scale=3), STEP),
        case("powers of two", "value", rows([[1.0, 2.0, 0.5, 1024.0], [-1.0, -2.0, -0.5, -1024.0]]), STEP),
        case("just below powers of two", "value", rows([[0.99999994, 1.9999999, -16777215.0, 1.7e38]]), STEP),
        case("from 1e-30 to 1e30", "value", _magnitudes(-30, 30), STEP),
        case("from 1e-30 to 1e30, negative", "value", lambda d: -_magnitudes(-30, 30)(d), STEP, private=True),
        case("single number", "shape", lambda d: torch.tensor(3.0), STEP),
        case("batch of one", "shape", lambda d: d.normal(1, 4), STEP),
        case("three dimensions", "shape", lambda d: d.normal(2, 1, 4), STEP),
        case("empty", "shape", lambda d: d.normal(0, 3), STEP),
        case("not contiguous", "shape", transposed, STEP),
        case("four dimensions", "shape", lambda d: d.normal(2, 3, 1, 4), STEP, private=True),
        case("float64", "dtype", lambda d: d.normal(3, 4, dtype=torch.float64), STEP_DTYPE),
        case("float32", "dtype", lambda d: d.normal(3, 4), STEP_DTYPE),
        case("float16", "dtype", lambda d: d.normal(3, 4, dtype=torch.float16), STEP_DTYPE),
        case("bfloat16", "dtype", lambda d: d.normal(3, 4, dtype=torch.bfloat16), STEP_DTYPE),
        case("zero", "extremes", rows([[0.0, -0.0, 1.0]]), STEP),
        case("subnormal numbers", "extremes", rows([[1e-45, -1e-42, 1e-39, 1.1754942e-38, 1.1754944e-38]]), STEP),
        case("the largest numbers", "extremes", rows([[3.4028234663852886e38, -3.4028234663852886e38, 3e38]]), STEP),
        case("infinities", "extremes", rows([[INF, -INF, 1.0]]), STEP),
        case("nan", "extremes", rows([[NAN, 2.0]]), STEP),
        *(
            case(f"both ends of {str(dtype)[6:]}", "extremes", _ends(dtype), STEP, private=dtype == torch.bfloat16)
            for dtype in (torch.float64, torch.float16, torch.bfloat16)
        ),
    ),
    trace=lambda batch, classes: Call((torch.empty(batch, classes),)),
    memory=Memory(forward=12.5),
    times=(Time("elementwise", "torch.frexp", lambda d: Call((d.normal(1 << 21),)), budget=30),),
    hints=(
        "One ulp is the step from |x| to the next larger float. Which function of torch gives that next float? Try "
        "torch.nextafter on 1.0 and on 2.0 first.",
        "Only the size of x matters, not its sign: take abs first, then the difference nextafter(size, inf) - size. "
        "Which one number has no finite float above it?",
        "At the largest finite number the next float is inf, and inf - x is no step. Measure downwards there, and choose "
        "element by element: `torch.where(above.isinf(), size - below, ...)`.",
    ),
    why="The definition, word for word: the next float minus this one. The largest number is the one exception. inf needs "
    "none, since inf - (the largest number) is inf. frexp leads there as well: if |x| = m 2^e with 1/2 <= m < 1, the step "
    "is 2^e times eps / 2, and never less than the least subnormal number.",
)

ulp_error = Exercise(
    name="ulp_error",
    reference=exact.ulp_error,
    precise=exact.precise_ulp_error,
    minutes=20,
    difficulty=2,
    cases=(
        case("leaves its inputs as they were", "untouched", _near(3, 4), Untouched()),
        case("a few ulps off", "value", _near(4, 5), ERROR),
        case("correctly rounded", "value", _near(4, 5, steps=0), ERROR),
        case("thousands of ulps off", "value", _near(4, 5, steps=3e4), ERROR),
        case("across a power of two", "value", _pairs([0.99999994, 2.0, -4.0], [1.0, 1.9999999, -3.9999999]), ERROR),
        case("far off", "value", _pairs([3.0, -3.0, 0.0, 1e30], [1e-3, 3.0, 1.0, 1e-30]), ERROR),
        case("exact is 0 or nearly", "value", _pairs([0.0, 1e-40, 0.0, 1e-45], [0.0, 0.0, 1e-50, 1e-46]), ERROR),
        case("single numbers", "shape", _near(), ERROR),
        case("broadcast", "shape", lambda d: (d.normal(3, 1), d.normal(4, dtype=torch.float64)), ERROR),
        case("three dimensions", "shape", _near(2, 1, 4), ERROR),
        case("empty", "shape", _near(0, 3), ERROR),
        case("not contiguous", "shape", lambda d: tuple(t.t() for t in _near(4, 3)(d)), ERROR, private=True),
        case("float64", "dtype", _near(3, 4, dtype=torch.float64), ERROR),
        case("float16", "dtype", _near(3, 4, dtype=torch.float16), ERROR),
        case("bfloat16", "dtype", _near(3, 4, dtype=torch.bfloat16), ERROR),
        case("equal infinities", "extremes", _pairs([INF, -INF, 1.0], [INF, -INF, 1.0]), ERROR),
        case("an infinity that is wrong", "extremes", _pairs([INF, -INF, 3.0, INF], [-INF, INF, INF, 2.0]), ERROR),
        case("nan", "extremes", _pairs([NAN, NAN, 1.0], [NAN, 1.0, NAN]), ERROR),
        case("beyond the largest number", "extremes", _pairs([INF, 3e38, -INF, INF], [1e39, 1e39, 1e39, -1e39]), ERROR),
        case("beyond float16", "extremes", _pairs([INF, 65504.0, 65504.0], [7e4, 7e4, 65519.0], torch.float16), ERROR),
        case("just within float32", "extremes", _pairs([3.4028234663852886e38], [3.40282354e38]), ERROR, private=True),
        case("ends of float64", "extremes", _pairs([5e-324, 1.7e308], [0.0, 1.71e308], torch.float64), ERROR),
        Case(
            "the largest numbers of opposite sign",
            "value",
            lambda d: Call(_pairs([1.7e308, -1.7e308], [-1.7e308, 1.6e308], torch.float64)(d)),
            ERROR,
            points=0,
            honours=True,
        ),
    ),
    trace=lambda batch, classes: Call(
        (torch.empty(batch, classes), torch.empty(batch, classes, dtype=torch.float64)),
    ),
    memory=Memory(forward=6.1),
    times=(Time("elementwise", "torch.sub", _large, budget=100),),
    hints=(
        "Three steps: round `exact` to the dtype of `actual`, take the ulp of that, divide the difference by it. In which "
        "dtype must the difference be taken?",
        "The difference is between actual.double() and exact as it came: if exact is rounded first, half an ulp is lost. "
        "The step is `ulp(exact.to(actual.dtype)).double()`.",
        "Then the special values, with torch.where: where the rounded exact answer is infinite the error is inf, unless "
        "actual is that infinity (`actual == rounded`); nan against nan is 0. Nothing else needs care.",
    ),
    why="The yardstick belongs to the dtype of the answer, the subtraction to float64: so a correctly rounded answer shows "
    "0.5 or less, and not always 0. Each number is divided by the step before the difference is taken: a division by a "
    "power of two is exact, and 1.7e308 - (-1.7e308) would be inf.",
)


def _python_floats(call: Call, result: Any) -> Complaint | None:
    """Demand a pair of Python floats."""
    items = result.get("items") if isinstance(result, dict) and result.get("kind") == "several" else None
    kinds = [str(item.get("type", item.get("kind"))) for item in items or () if isinstance(item, dict)]
    if kinds == ["float", "float"]:
        return None
    got = f"({', '.join(kinds)})" if items else str(result.get("type", result.get("kind")))
    return Complaint("type", f"given     {call.args[0]}\ngot       {got}\nexpected  (float, float)")


def _of(dtype: torch.dtype) -> Case:
    return case(str(dtype)[6:], "value", lambda d: Call((dtype,)), LOGS)


exp_range = Exercise(
    name="exp_range",
    reference=exact.exp_range,
    precise=None,
    minutes=10,
    difficulty=1,
    cases=(
        *map(_of, (torch.float64, torch.float32, torch.float16, torch.bfloat16)),
        case("two Python floats", "dtype", lambda d: Call((torch.float32,)), Driven("value", _python_floats)),
    ),
    rules=Rules(skips_meta="a dtype goes in and two Python floats come out: no tensor, no device"),
    hints=(
        "e^x is the largest number of the dtype when x is its logarithm. torch.finfo(dtype) knows the largest number.",
        "finfo.smallest_normal is not the end: the subnormal numbers below it are the multiples of one last step. Between "
        "1 and 2 the steps have the size eps; how large are they from smallest_normal on?",
        "The least number is `info.smallest_normal * info.eps`. Python's floats are float64, so math.log works on all four "
        "dtypes.",
    ),
    why="Both ends follow from three numbers of finfo. The steps are eps times the power of two below, down to the smallest "
    "normal number; from there to 0 they stay as they are, and the first of them is the least number.",
)
