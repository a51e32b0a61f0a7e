"""What is asked of the exercises of `tokens`."""

from typing import Any

import torch

from autograder.atlases import families
from autograder.cases import HALF, INF, NAN, STEEP, TEXTBOOK, case
from autograder.exact import tokens as exact
from autograder.forbidden import CROSS_ENTROPIES, ENTROPIES, GATHERS, LOG_SUMS, SOFTMAXES, together
from autograder.spec import Call, Draw, Exercise, Gradient, Memory, Raises, Rules, Time, Tolerance, Untouched, Value

F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
EXACT = Value(Tolerance(0))
# A sum of T log-probs of size s is off by some ulps of T * s: the tests' sums stay below 64.
SUMMED = Value(Tolerance(4, floor=64.0))
NEAR_0 = Value(Tolerance(4))


def _scored(draw: Draw, *shape: int, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits of this shape, and ids for its rows."""
    return draw.normal(*shape, **kwargs), draw.integers(*shape[:-1], low=0, high=shape[-1])


def _masked(draw: Draw, *shape: int, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return logits, ids and a padding mask: each sequence is one token shorter than the one before."""
    logits, ids = _scored(draw, *shape, **kwargs)
    steps = torch.arange(shape[-2]).expand(shape[:-1])
    lengths = shape[-2] - torch.arange(steps[..., :1].numel()).reshape(steps[..., :1].shape)
    return logits, ids, steps < lengths


def _padded(draw: Draw) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what padding really holds: -100 for ids, nan and inf for logits."""
    logits, ids, mask = _masked(draw, 3, 4, 5)
    rubbish = torch.where(torch.arange(4)[:, None] % 2 == 0, NAN, INF)
    return torch.where(mask.unsqueeze(-1), logits, rubbish), torch.where(mask, ids, -100), mask


def _numbers(draw: Draw) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    logits, ids, mask = _masked(draw, 3, 4, 5)
    return logits, ids, mask.long()


def _nothing(draw: Draw) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    logits, ids, mask = _padded(draw)
    return logits, ids, mask & False


def _indexed(draw: Draw, *shape: int, dtype: torch.dtype = F32) -> tuple[torch.Tensor, torch.Tensor]:
    return draw.normal(*shape, dtype=dtype), draw.integers(*shape[:-1], low=-shape[-1], high=shape[-1])


def _fixed(logits: list[list[float]], ids: list[int], dtype: torch.dtype = F32) -> Any:
    return lambda draw: (torch.tensor(logits, dtype=dtype), torch.tensor(ids))


def _outside(index: int) -> Any:
    return lambda draw: (draw.normal(2, 3), torch.tensor([0, index]))


def _confident(draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
    k = torch.arange(1.0, 60.0)
    return torch.stack([torch.zeros_like(k), -k], -1), torch.zeros(59, dtype=torch.long)


def _long_halves(dtype: torch.dtype) -> Any:
    """Return a sequence whose log-probability is below the range of float16."""
    return lambda d: (
        torch.stack([d.normal(5000, dtype=dtype), torch.full((5000,), 15.0, dtype=dtype)], -1)[None],
        torch.zeros(1, 5000, dtype=torch.long),
        torch.ones(1, 5000, dtype=torch.bool),
    )


_PROBS = together(LOG_SUMS, SOFTMAXES, CROSS_ENTROPIES)
_MASK_TRACE = lambda batch, classes: Call(  # noqa: E731
    (
        torch.empty(batch, 7, classes),
        torch.zeros(batch, 7, dtype=torch.long),
        torch.ones(batch, 7, dtype=torch.bool),
    )
)

gather_last = Exercise(
    name="gather_last",
    reference=exact.gather_last,
    precise=None,
    minutes=15,
    difficulty=2,
    cases=(
        case("leaves its inputs as they were", "untouched", lambda d: _indexed(d, 3, 4), Untouched()),
        case("rows", "value", lambda d: _indexed(d, 4, 5), EXACT),
        case("a batch of sequences", "shape", lambda d: _indexed(d, 2, 3, 4), EXACT),
        case("one row without batch", "shape", lambda d: (d.normal(5), torch.tensor(-2)), EXACT),
        case("shape (2, 1, 4)", "shape", lambda d: _indexed(d, 2, 1, 4), EXACT),
        case("one number a row", "shape", lambda d: _indexed(d, 3, 1), EXACT),
        case("empty batch", "shape", lambda d: _indexed(d, 0, 4), EXACT),
        case("not contiguous", "shape", lambda d: (d.normal(5, 3).t(), d.integers(3, low=0, high=5)), EXACT),
        case("four dimensions", "shape", lambda d: _indexed(d, 2, 1, 3, 4), EXACT, private=True),
        case("float64", "dtype", lambda d: _indexed(d, 3, 4, dtype=F64), Value(Tolerance(0), dtype=True)),
        case("float16", "dtype", lambda d: _indexed(d, 3, 4, dtype=F16), Value(Tolerance(0), dtype=True)),
        case(
            "bfloat16", "dtype", lambda d: _indexed(d, 3, 4, dtype=BF16), Value(Tolerance(0), dtype=True), private=True
        ),
        case("negative indices", "extremes", lambda d: (d.normal(2, 3), torch.tensor([-1, -3])), EXACT),
        case("infinite and nan", "extremes", _fixed([[INF, 0.0], [1.0, -INF], [NAN, 2.0]], [0, 1, 1]), EXACT),
        case("an index beyond the row raises", "extremes", _outside(3), Raises(("IndexError", "RuntimeError"))),
        case("an index below -n raises", "extremes", _outside(-4), Raises(("IndexError", "RuntimeError"))),
        case("first order", "gradient", lambda d: _indexed(d, 4, 5), Gradient(Tolerance(1))),
        case("first order, a batch of sequences", "gradient", lambda d: _indexed(d, 2, 3, 4), Gradient(Tolerance(1))),
    ),
    rules=Rules(GATHERS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.zeros(batch, dtype=torch.long))),
    memory=Memory(forward=0.1, backward=2.1),
    hints=(
        "x[rows, columns] with two index tensors of one shape picks one element for each pair. Which pairs do you need?",
        "Make two dimensions of x first: (all rows, n). The rows' numbers are 0, 1, 2 ...; the columns are the index.",
        "`torch.arange(index.numel(), device=x.device)` are the rows. Flatten the index, pick, and give the result its shape.",
    ),
    why="Advanced indexing pairs the index tensors element by element. Everything in front of the last dimension is one "
    "dimension of rows, so one arange serves any number of dimensions, and indices are checked for free.",
)

token_log_probs = Exercise(
    name="token_log_probs",
    reference=exact.token_log_probs,
    precise=exact.precise_token_log_probs,
    atlas=families.token_log_probs,
    minutes=25,
    difficulty=3,
    cases=(
        case("leaves its inputs as they were", "untouched", lambda d: _scored(d, 3, 4), Untouched()),
        case("rows", "value", lambda d: _scored(d, 4, 6)),
        case("a batch of sequences", "value", lambda d: _scored(d, 2, 3, 50, scale=3)),
        case("one row without batch", "shape", lambda d: (d.normal(5), torch.tensor(2))),
        case("shape (2, 1, 4)", "shape", lambda d: _scored(d, 2, 1, 4)),
        case("a vocabulary of one", "shape", lambda d: _scored(d, 3, 1)),
        case("empty batch", "shape", lambda d: _scored(d, 0, 4)),
        case("not contiguous", "shape", lambda d: (d.normal(5, 3).t(), d.integers(3, low=0, high=5))),
        case("float64", "dtype", lambda d: _scored(d, 3, 4, dtype=F64), Value(TEXTBOOK, dtype=True)),
        case("float16", "dtype", lambda d: _scored(d, 3, 40, dtype=F16), Value(HALF, dtype=True)),
        case("bfloat16", "dtype", lambda d: _scored(d, 3, 40, dtype=BF16), Value(HALF, dtype=True)),
        case(
            "offsets to 1e4",
            "extremes",
            lambda d: (d.normal(4, 5) + torch.tensor([[1e4], [-1e4], [3e3], [0]]), d.integers(4, low=0, high=5)),
            Value(Tolerance(8, floor=1)),
        ),
        case("rows far apart", "extremes", _fixed([[500.0, 501.0], [-500.0, -501.0], [0.0, 1.0]], [0, 1, 0])),
        case("unlikely tokens", "extremes", _fixed([[0.0, -90.0], [0.0, -1000.0], [1e5, 0.0]], [1, 1, 1])),
        case("classes that cannot occur", "extremes", _fixed([[0.0, -INF, 1.0], [0.0, -INF, 1.0]], [0, 1])),
        case("nan", "extremes", _fixed([[NAN, 0.0], [0.0, 1.0]], [1, 0])),
        case(
            "131072 equal logits in float16",
            "extremes",
            lambda d: (torch.zeros(2, 131072, dtype=F16), torch.tensor([0, 5])),
            Value(Tolerance(1)),
        ),
        case("first order", "gradient", lambda d: _scored(d, 4, 5), Gradient(TEXTBOOK)),
        case(
            "large offsets",
            "gradient",
            lambda d: (d.normal(3, 4, offset=300), torch.tensor([0, 3, 1])),
            Gradient(STEEP),
        ),
        case("second order", "gradient", lambda d: _scored(d, 3, 4), Gradient(STEEP, second=True)),
        case("classes that cannot occur", "gradient", _fixed([[0.0, -INF, 1.0]], [2]), Gradient(TEXTBOOK)),
        case("4 ulp on confident tokens", "value", _confident, NEAR_0, honours=True),
        case(
            "4 ulp on confident tokens in float64",
            "value",
            lambda d: (_confident(d)[0].double(), _confident(d)[1]),
            NEAR_0,
            honours=True,
            private=True,
        ),
    ),
    rules=Rules(_PROBS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), torch.zeros(batch, dtype=torch.long))),
    memory=Memory(forward=3.25, backward=6.25, honours_forward=2.1, honours_backward=4.1),
    times=(
        Time(
            "large vocabulary",
            "torch.nn.functional.cross_entropy",
            lambda d: Call((d.normal(128, 16384), d.integers(128, low=0, high=16384))),
            budget=10,
            kwargs={"reduction": "none"},
        ),
    ),
    hints=(
        "Only one number of each row is asked for: do you need the log-probabilities of the whole vocabulary?",
        "The token's logit minus the row's logsumexp. Both are large under an offset, and their difference is not.",
        "`(gather_last(logits, ids) - top) - log1p(the others)`: take the maximum off the logit first.",
    ),
    why="log_softmax fills a second tensor of the size of the logits only to pick one number of each row. The logit minus "
    "logsumexp asks for what is needed; with the maximum taken off first, an offset does no harm, and near 0 log1p keeps the digits.",
)

sequence_log_probs = Exercise(
    name="sequence_log_probs",
    reference=exact.sequence_log_probs,
    precise=None,
    minutes=20,
    difficulty=3,
    cases=(
        case("leaves its inputs as they were", "untouched", lambda d: _masked(d, 2, 3, 4), Untouched()),
        case("no padding", "value", lambda d: (*_scored(d, 2, 3, 5), torch.ones(2, 3, dtype=torch.bool)), SUMMED),
        case("padding", "value", lambda d: _masked(d, 3, 4, 5), SUMMED),
        case("a mask of numbers", "value", _numbers, SUMMED),
        case("one sequence without batch", "shape", lambda d: _masked(d, 4, 5), SUMMED),
        case("two batch dimensions", "shape", lambda d: _masked(d, 2, 1, 3, 5), SUMMED),
        case("no sequences", "shape", lambda d: _masked(d, 0, 3, 5), SUMMED, private=True),
        case("sequences of no tokens", "shape", lambda d: _masked(d, 2, 0, 5), SUMMED, private=True),
        case("float64", "dtype", lambda d: _masked(d, 2, 3, 5, dtype=F64), Value(SUMMED.tolerance, dtype=True)),
        case(
            "float16 gives float32",
            "dtype",
            lambda d: _masked(d, 2, 3, 5, dtype=F16),
            Value(SUMMED.tolerance, True, F32),
        ),
        case(
            "bfloat16 gives float32",
            "dtype",
            lambda d: _masked(d, 2, 3, 5, dtype=BF16),
            Value(SUMMED.tolerance, True, F32),
        ),
        case("5000 unlikely tokens in float16", "extremes", _long_halves(F16), Value(Tolerance(64), False, F32)),
        case("rubbish under the mask", "extremes", _padded, SUMMED),
        case("nothing counts", "extremes", _nothing, SUMMED),
        case("first order", "gradient", lambda d: _masked(d, 3, 4, 5), Gradient(TEXTBOOK)),
        case("rubbish under the mask", "gradient", _padded, Gradient(TEXTBOOK)),
        case("second order", "gradient", lambda d: _masked(d, 2, 3, 4), Gradient(STEEP, second=True), private=True),
    ),
    rules=Rules(_PROBS),
    trace=_MASK_TRACE,
    memory=Memory(forward=5.1, backward=9.1),
    hints=(
        "A sum over tokens, with the padding's terms left out. What does 0 * nan give, and what does -100 do as an index?",
        "Mend the inputs, not the results: under the mask, let ids be 0 and logits be 0, before any logarithm is taken.",
        "`logits.masked_fill(~kept.unsqueeze(-1), 0.0)` and `ids.masked_fill(~kept, 0)`; then the masked sum, in float32 or wider.",
    ),
    why="What is masked must not even be computed with: a nan that a later where hides comes back in the gradient as 0 * nan. "
    "Half types are widened before the sum, since some thousand log-probs leave the range of float16.",
)

perplexity = Exercise(
    name="perplexity",
    reference=exact.perplexity,
    precise=None,
    minutes=10,
    difficulty=2,
    cases=(
        case("leaves its inputs as they were", "untouched", lambda d: _masked(d, 2, 3, 4), Untouched()),
        case("no padding", "value", lambda d: (*_scored(d, 2, 3, 5), torch.ones(2, 3, dtype=torch.bool)), Value(STEEP)),
        case("padding", "value", lambda d: _masked(d, 3, 4, 5), Value(STEEP)),
        case("a mask of numbers", "value", _numbers, Value(STEEP)),
        case("one sequence without batch", "shape", lambda d: _masked(d, 4, 5), Value(STEEP)),
        case("two batch dimensions", "shape", lambda d: _masked(d, 2, 1, 3, 5), Value(STEEP)),
        case("float64", "dtype", lambda d: _masked(d, 2, 3, 5, dtype=F64), Value(STEEP, dtype=True)),
        case("float16 gives float32", "dtype", lambda d: _masked(d, 2, 3, 5, dtype=F16), Value(STEEP, True, F32)),
        case(
            "uniform: the size of the vocabulary",
            "extremes",
            lambda d: (torch.zeros(1, 2, 70000), torch.zeros(1, 2, dtype=torch.long), torch.ones(1, 2)),
            Value(STEEP),
        ),
        case("5000 unlikely tokens in float16", "extremes", _long_halves(F16), Value(Tolerance(512), False, F32)),
        case("rubbish under the mask", "extremes", _padded, Value(STEEP)),
        case("nothing counts", "extremes", _nothing, Value(STEEP)),
        case("first order", "gradient", lambda d: _masked(d, 3, 4, 5), Gradient(STEEP)),
        case("rubbish under the mask", "gradient", _padded, Gradient(STEEP)),
    ),
    rules=Rules(_PROBS),
    trace=_MASK_TRACE,
    memory=Memory(forward=5.1, backward=9.1),
    hints=(
        "exp of a mean. Over what is the mean: over sequences, or over all tokens that count?",
        "The sum of all kept log-probabilities, divided by the number of kept tokens, negated, exponentiated.",
        "`-sequence_log_probs(logits, ids, mask).sum() / mask.bool().sum()` is the mean; mind what stands under the mask.",
    ),
    why="One mean over all tokens that count: a mean of the sequences' means would weigh the tokens of short ones more. "
    "0 / 0 is nan by itself where nothing counts.",
)

entropy = Exercise(
    name="entropy",
    reference=exact.entropy,
    precise=exact.precise_entropy,
    atlas=families.entropy,
    minutes=25,
    difficulty=4,
    cases=(
        case("leaves its input as it was", "untouched", lambda d: d.normal(3, 4), Untouched()),
        case("rows", "value", lambda d: d.normal(4, 6)),
        case("large vocabulary", "value", lambda d: d.normal(2, 3000), private=True),
        case("uniform", "value", lambda d: torch.zeros(3, 7) + 5),
        case("one row without batch", "shape", lambda d: d.normal(5)),
        case("a batch of sequences", "shape", lambda d: d.normal(2, 1, 4)),
        case("one class", "shape", lambda d: d.normal(3, 1)),
        case("empty batch", "shape", lambda d: d.normal(0, 4)),
        case("float64", "dtype", lambda d: d.normal(3, 4, dtype=F64), Value(TEXTBOOK, dtype=True)),
        case("float16", "dtype", lambda d: d.normal(3, 40, dtype=F16), Value(HALF, dtype=True)),
        case("bfloat16", "dtype", lambda d: d.normal(3, 40, dtype=BF16), Value(HALF, dtype=True), private=True),
        case(
            "offsets",
            "extremes",
            lambda d: d.normal(2, 5) + torch.tensor([[1e4], [-1e4]]),
            Value(Tolerance(8, floor=1)),
        ),
        case("one dominant class", "extremes", lambda d: torch.tensor([[0.0, -200.0, -300.0], [1000.0, 0.0, 1.0]])),
        case("classes that cannot occur", "extremes", lambda d: torch.tensor([[0.0, -INF, 1.0], [0.0, -INF, -INF]])),
        case("nan", "extremes", lambda d: torch.tensor([[NAN, 0.0], [0.0, 1.0]])),
        case("first order", "gradient", lambda d: d.normal(4, 5), Gradient(TEXTBOOK)),
        case("second order", "gradient", lambda d: d.normal(3, 4), Gradient(STEEP, second=True)),
        case("classes that cannot occur", "gradient", lambda d: torch.tensor([[0.0, -INF, 1.0]]), Gradient(TEXTBOOK)),
        case(
            "one dominant class",
            "gradient",
            lambda d: torch.tensor([[0.0, -200.0, -300.0]]),
            Gradient(TEXTBOOK, finite=True),
        ),
        case("4 ulp on confident rows", "value", lambda d: _confident(d)[0], NEAR_0, honours=True),
    ),
    rules=Rules(together(LOG_SUMS, SOFTMAXES, CROSS_ENTROPIES, ENTROPIES)),
    trace=lambda batch, classes: Call((torch.empty(batch, classes),)),
    memory=Memory(forward=6.3, backward=11.3),
    times=(
        Time(
            "large vocabulary",
            "torch.logsumexp",
            lambda d: Call((d.normal(128, 16384),)),
            budget=20,
            kwargs={"dim": -1},
        ),
    ),
    hints=(
        "-sum p log p needs p and log p. Which of the two should come from the other, and what is 0 * log 0 on a computer?",
        "log p = x - logsumexp(x), p = exp(log p). Where log p is -inf the product is nan: put 0 for log p there, before it.",
        "With gap = max - x and Z = sum exp(-gap): `log Z + (exp(-gap) * gap).sum(-1) / Z`. No term is negative; take the "
        "maximum's own out and log1p keeps the digits near 0.",
    ),
    why="In log Z + sum of p * gap no term is negative, so nothing cancels, down to entropies of 1e-20. The gap of a class that "
    "cannot occur is infinite and its weight 0: the gap is set to 0 before the product, for the value and for the gradient.",
)
