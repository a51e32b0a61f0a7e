"""What is asked of the exercises of `sampling`: answers are random, so their form and their laws are judged."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from autograder.answer import Complaint
from autograder.cases import INF, case
from autograder.exact import sampling as exact
from autograder.forbidden import GUMBEL_SAMPLERS, SAMPLERS
from autograder.judging import laws
from autograder.spec import Call, Case, Draw, Driven, Exercise, Memory, Raises, Rules, Seed, Time, Untouched

BATCH = (100, 200)  # 20000 draws: they tell Gumbel noise from a Gaussian of the same variance
ROW = (1.0, 0.0, -1.0, 2.0, 0.5)
TAIL, TAIL_DRAWS = 8.0, 1 << 19  # some 176 draws lie beyond; of what is drawn in half precision, none
TOP, TOP_DRAWS, MOST_TIES = 1000, 1 << 20, 5  # draws of 24 bits make about 30 ties, of 53 none
NEAR = 1e-5  # two weights of a flat sample that nearly tie may round to the same number
REACH = 30.0  # float32 draws end at 16.6, float64 ones at 36.7
ROUNDED = 1e-3  # what is off by less was meant to be right
ENDS = " (half of the draws replaced by the ends of their range)"
ANY_ERROR = ("ValueError", "AssertionError", "RuntimeError", "ArithmeticError", "ZeroDivisionError")
F64, F32, F16, BF16 = torch.float64, torch.float32, torch.float16, torch.bfloat16


def _seed(draw: Draw) -> Seed:
    return Seed(int(draw.integers(1, low=0, high=1 << 31)))


def _logits(draw: Draw, *shape: int, dtype: torch.dtype = F32) -> tuple[Tensor]:
    return (draw.normal(*shape, dtype=dtype),)


def _seeded(args: Callable[[Draw], tuple[Any, ...]], **options: Any) -> Callable[[Draw], Call]:
    return lambda draw: Call(args(draw), {**options, "generator": _seed(draw)})


def _rows(*values: float, offset: float = 0.0, dtype: torch.dtype = F32, batch: tuple[int, ...] = BATCH) -> Any:
    """Return a maker of many equal rows."""
    row = (torch.tensor(values or ROW, dtype=F64) + offset).to(dtype)
    return lambda draw: (row.expand(*batch, len(row)).contiguous(),)


def _batch(call: Call) -> tuple[int, ...]:
    return tuple(call.args[0].shape[:-1])


def _int64(call: Call) -> torch.dtype:
    return torch.int64


def _its_dtype(call: Call) -> torch.dtype:
    dtype: torch.dtype = call.args[0].dtype
    return dtype


def _row(call: Call) -> Tensor:
    logits: Tensor = call.args[0]
    return logits.reshape(-1, logits.shape[-1])[0]


def _at_the_ends(judge: laws.Judge) -> Driven:
    """Ask for draws of which half lie at an end of their range; a complaint says so."""

    def told(call: Call, result: Any) -> Complaint | None:
        wrong = judge(call, result)
        if wrong is None:
            return None
        given, *others = wrong.message.split("\n")
        return replace(wrong, message="\n".join([given + ENDS, *others]))

    return Driven("endpoints", told)


def _indices(shape: Callable[[Call], tuple[int, ...]], *tests: laws.Test) -> laws.Judge:
    """Return a judge of indices; another dtype than int64 is named: int32 has another cause than a float type."""
    judge = laws.drawn(shape, _int64, *tests)

    def named(call: Call, result: Any) -> Complaint | None:
        wrong, outputs = judge(call, result), laws.several(call, [result])
        if wrong is None or wrong.kind != "dtype" or isinstance(outputs, Complaint):
            return wrong
        return replace(wrong, kind=f"law-dtype {outputs[0].dtype}")

    return named


def _possible(call: Call, indices: Tensor) -> Complaint | None:
    """Demand indices of classes whose logit is not -inf."""
    logits = call.args[0]
    classes = logits.shape[-1]
    if bool(((indices < 0) | (indices >= classes)).any()):
        return laws.complain("index", call, f"an index outside of 0 to {classes - 1}", "a class")
    out = logits == -INF
    if not bool(out.any()):
        return None
    places = indices if indices.dim() == logits.dim() else indices.unsqueeze(-1)
    never = int(torch.take_along_dim(out, places, -1).sum())
    if not never:
        return None
    share = never / indices.numel()
    return laws.complain("impossible", call, f"{never} draws of a class with logit -inf", "none", (share,))


def _unbeaten(call: Call, indices: Tensor) -> Complaint | None:
    """Demand the same of logits that a finite stand-in for -inf may exceed, whichever wins then."""
    wrong = _possible(call, indices)
    return wrong and replace(wrong, kind="law-beaten", frequencies=())


def _law_of_classes(call: Call, indices: Tensor) -> Complaint | None:
    return laws.frequencies(call, indices, exact.probabilities(_row(call)), "frequencies")


def _independent(call: Call, indices: Tensor) -> Complaint | None:
    p = exact.probabilities(_row(call))
    return laws.neighbours(call, indices, p, 0) or laws.neighbours(call, indices, p, 1)


def _domain(call: Call) -> str:
    """Say why no sample can be drawn from these logits."""
    logits, tau = call.args[0], call.kwargs.get("tau", 1.0)
    if not logits.dim() or bool((logits.isnan() | (logits == INF)).any()):
        return "logits are finite or -inf, with a dimension of categories"
    if not bool(logits.isfinite().any(call.kwargs.get("dim", -1)).all()):
        return "a row in which nothing can be drawn"
    if not torch.tensor(tau, dtype=F32) > 0:
        return f"tau = {tau} is not positive, or 0 in float32"
    return ""


def _repeats(args: Callable[[Draw], tuple[Any, ...]], **options: Any) -> Callable[[Draw], Call]:
    """Return a maker of calls with equal seeds, with another one, and twice with none."""

    def make(draw: Draw) -> Call:
        given, one, two = args(draw), _seed(draw), _seed(draw)
        sources: tuple[dict[str, Seed], ...] = ({"generator": one}, {"generator": one}, {"generator": two}, {}, {})
        return Call(tuple((given, options | source) for source in sources))

    return make


def _seeds_count(call: Call, result: Any) -> Complaint | None:
    """Demand equal draws from equal seeds, and different ones otherwise."""
    first = Call(*call.args[0])
    outputs = laws.several(first, result)
    if isinstance(outputs, Complaint):
        return outputs
    same, again, other, free, freely = outputs
    if not torch.equal(same, again):
        return laws.complain("seeds equal", first, "two seeds that are equal gave two results", "the same result")
    if torch.equal(same, other):
        return laws.complain("seeds different", first, "two different seeds gave one result", "another result")
    if torch.equal(free, freely):
        text = "generator=None gave the same result twice"
        return laws.complain("seeds none", Call(first.args), text, "the next draws of torch's own generator")
    return None


def _lonely(draw: Draw, dtype: torch.dtype = F32) -> tuple[Tensor]:
    """Return rows with one or two finite logits, at every place."""
    rows = torch.full((40, 5), -INF)
    place = torch.arange(40)
    rows[place, place % 5] = 1.0
    rows[place[20:], (place[20:] + 2) % 5] = 0.0
    return (rows.to(dtype),)


def _index_cases(shape: Any, args: Any, *tests: laws.Test) -> tuple[Case, ...]:
    """Return what gumbel_max and gumbel_top_k share; `args` are those after the logits."""
    plain = Driven("value", _indices(shape, _possible))
    far = (-1e30,) * (args[0] if args else 1)

    def form(name: str, make: Any, family: Any = "shape", **extra: Any) -> Case:
        return case(name, family, _seeded(lambda d: (*make(d), *args)), plain, **extra)

    def law(name: str, make: Any, **extra: Any) -> Case:
        return case(name, "law", _seeded(lambda d: (*make(d), *args)), judged, **extra)

    judged = Driven("value", _indices(shape, _possible, *tests))
    return (
        case("leaves its input as it was", "untouched", lambda d: (*_logits(d, 3, 4), *args), Untouched()),
        form("a batch", lambda d: _logits(d, 6, 4)),
        form("one row without batch", lambda d: _logits(d, 5)),
        form("two batch dimensions", lambda d: _logits(d, 2, 1, 4)),
        form("empty batch", lambda d: _logits(d, 0, 4)),
        form("not contiguous", lambda d: (d.normal(5, 3).t(),), private=True),
        form("float64", lambda d: _logits(d, 4, 5, dtype=F64), "dtype"),
        form("float16", lambda d: _logits(d, 4, 5, dtype=F16), "dtype"),
        law("softmax's law", _rows()),
        law("the same law at an offset", _rows(offset=1000.0)),
        law("float32 logits near 70000", _rows(offset=7e4)),
        law("float64 logits near 1e9", _rows(offset=1e9, dtype=F64)),
        law("bfloat16 logits near 100", _rows(offset=100.0, dtype=BF16)),
        law("float16 logits", _rows(dtype=F16), private=True),
        law("classes that cannot occur", _rows(0.0, -INF, 1.0, -INF, -1.0)),
        case(
            "-1e30 beats -inf",
            "extremes",
            _seeded(lambda d: (*_rows(*far, -INF, batch=(50,))(d), *args)),
            Driven("value", _indices(shape, _unbeaten)),
        ),
        law("float64", _rows(dtype=F64), private=True),
        case("seeds", "law", _repeats(lambda d: (*_logits(d, 50, 6), *args)), Driven("each", _seeds_count)),
    )


# gumbel_noise


def _asked_shape(call: Call) -> tuple[int, ...]:
    return tuple(call.args[0])


def _asked_dtype(call: Call) -> torch.dtype:
    dtype: torch.dtype = call.kwargs["dtype"]
    return dtype


def _finite(call: Call, noise: Tensor) -> Complaint | None:
    counts = {"+inf": noise.isposinf(), "-inf": noise.isneginf(), "nan": noise.isnan()}
    found = {word: int(places.sum()) for word, places in counts.items() if bool(places.any())}
    if not found:
        return None
    got = ", ".join(f"{count} of {noise.numel()} are {word}" for word, count in found.items())
    return laws.complain(f"infinite {' '.join(found)}", call, got, "finite numbers")


def _gumbel(call: Call, noise: Tensor) -> Complaint | None:
    return laws.distribution(call, noise, exact.gumbel_cdf, "standard Gumbel law")


def _uncorrelated(call: Call, noise: Tensor) -> Complaint | None:
    """Demand that numbers above the median come independently along both dimensions."""
    high = (exact.gumbel_cdf(noise.double()) > 0.5).long()
    half = torch.tensor([0.5, 0.5], dtype=F64)
    return laws.neighbours(call, high, half, 0) or laws.neighbours(call, high, half, 1)


def _has_a_tail(call: Call, noise: Tensor) -> Complaint | None:
    beyond = float(1 - exact.gumbel_cdf(torch.tensor(TAIL, dtype=F64)))
    high = (noise.double() >= TAIL).long().reshape(-1)
    counts = torch.bincount(high, minlength=2)
    if laws.chi_square(counts, torch.tensor([1 - beyond, beyond])) >= laws.ALPHA:
        return None
    got = f"{int(counts[1])} of {len(high)} at {TAIL:g} or beyond, the largest is {float(noise.max()):.4g}"
    return laws.complain(
        "tail", call, got, f"about {beyond * len(high):.0f}", (float(noise.max().clamp(max=100)) / 100,)
    )


def _few_ties(call: Call, noise: Tensor) -> Complaint | None:
    """Demand that the largest numbers, which decide, differ from each other."""
    top = noise.reshape(-1).topk(TOP).values
    ties = TOP - len(top.unique())
    got = f"{ties} ties among the {TOP} largest"
    return None if ties <= MOST_TIES else laws.complain("ties", call, got, f"at most {MOST_TIES}")


def _reaches(call: Call, noise: Tensor) -> Complaint | None:
    largest = float(noise.max())
    got = f"no number above {largest:.4g}, where the draws end"
    return None if largest > REACH else laws.complain("reach", call, got, f"a wall beyond {REACH:g}")


def _noise(*shape: int, dtype: torch.dtype = F32) -> Callable[[Draw], Call]:
    return lambda draw: Call((shape,), {"dtype": dtype, "device": "cpu", "generator": _seed(draw)})


def _noise_case(name: str, family: Any, make: Any, *tests: laws.Test, ends: bool = False, **extra: Any) -> Case:
    judge = laws.drawn(_asked_shape, _asked_dtype, *tests)
    return case(name, family, make, _at_the_ends(judge) if ends else Driven("value", judge), **extra)


def _noise_repeats(draw: Draw) -> Call:
    return _repeats(lambda d: ((4, 5),), dtype=F32, device="cpu")(draw)


gumbel_noise = Exercise(
    name="gumbel_noise",
    reference=None,
    precise=None,
    minutes=15,
    difficulty=3,
    cases=(
        _noise_case("a matrix", "shape", _noise(3, 4), _finite),
        _noise_case("a single number", "shape", _noise(), _finite),
        _noise_case("nothing", "shape", _noise(2, 0), _finite),
        _noise_case("float64", "dtype", _noise(3, 4, dtype=F64), _finite),
        _noise_case("float16", "dtype", _noise(3, 4, dtype=F16), _finite),
        _noise_case("bfloat16", "dtype", _noise(3, 4, dtype=BF16), _finite),
        _noise_case("never infinite", "extremes", _noise(400), _finite, ends=True),
        _noise_case("never infinite, float16", "extremes", _noise(400, dtype=F16), _finite, ends=True),
        _noise_case("never infinite, bfloat16", "extremes", _noise(400, dtype=BF16), _finite, ends=True),
        _noise_case("never infinite, float64", "extremes", _noise(400, dtype=F64), _finite, ends=True, private=True),
        _noise_case("Gumbel's law", "law", _noise(100, 200), _gumbel),
        _noise_case("Gumbel's law, float64", "law", _noise(100, 200, dtype=F64), _gumbel, private=True),
        _noise_case("Gumbel's law, float16", "law", _noise(100, 200, dtype=F16), _finite, _gumbel),
        _noise_case("every number of its own", "law", _noise(100, 200), _uncorrelated),
        _noise_case("the tail", "law", _noise(TAIL_DRAWS), _has_a_tail),
        _noise_case("the tail, float16", "law", _noise(TAIL_DRAWS, dtype=F16), _has_a_tail, _finite),
        _noise_case("the tail, bfloat16", "law", _noise(TAIL_DRAWS, dtype=BF16), _has_a_tail, _finite),
        case("seeds", "law", _noise_repeats, Driven("each", _seeds_count)),
        _noise_case(
            f"no more than {MOST_TIES} ties among the {TOP} largest of a million",
            "law",
            _noise(TOP_DRAWS),
            _few_ties,
            honours=True,
        ),
        _noise_case(
            f"float32 noise beyond {REACH:g}", "extremes", _noise(400), _finite, _reaches, ends=True, honours=True
        ),
    ),
    rules=Rules(GUMBEL_SAMPLERS),
    trace=lambda batch, classes: Call(((batch, classes),), {"dtype": F32, "device": "meta"}),
    trace_wrt=(),
    hints=(
        "If U is uniform, what transformation of it has the distribution function exp(-exp(-g))? Then: which numbers can "
        "torch.rand return, and what does your formula make of the first of them?",
        "G = -log(-log U). In float32 U is a multiple of 2**-24, 0 included: keep it away from the ends. In half precision it "
        "has far fewer values: draw in float32 or wider, and round the result.",
        "`torch.rand(shape, dtype=torch.float64, device=device, generator=generator)` has draws down to 2**-53; "
        "`-log1p(-u)` keeps their digits near 0. What must not happen at u = 0?",
    ),
    why="The large noise decides a race. It belongs to U near 1, where float32 has few numbers; 1 - U near 0 has as many as one "
    "likes, and log1p keeps them apart. Float64 costs a moment and makes ties among the winners a matter of luck.",
)

# gumbel_max

gumbel_max = Exercise(
    name="gumbel_max",
    reference=None,
    precise=None,
    domain=_domain,
    sound=laws.drawn(_batch, _int64, _possible),
    minutes=15,
    difficulty=2,
    cases=(
        *_index_cases(_batch, (), _law_of_classes),
        case("rows are independent", "law", _seeded(_rows()), Driven("value", _indices(_batch, _independent))),
        case(
            "-inf never wins, whatever is drawn",
            "extremes",
            _seeded(_lonely),
            _at_the_ends(_indices(_batch, _possible)),
        ),
        case(
            "-inf never wins, whatever is drawn, float16",
            "extremes",
            _seeded(lambda d: _lonely(d, F16)),
            _at_the_ends(_indices(_batch, _possible)),
        ),
        case("one class", "extremes", _seeded(_rows(3.0)), Driven("value", _indices(_batch, _possible))),
        case(
            "one class far ahead",
            "extremes",
            _seeded(_rows(0.0, 1e4, 5e3)),
            Driven("value", _indices(_batch, _possible, _law_of_classes)),
        ),
    ),
    rules=Rules(SAMPLERS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes),)),
    memory=Memory(forward=8.1),
    times=(
        Time(
            "large vocabulary", "torch.nn.functional.gumbel_softmax", lambda d: Call((d.normal(128, 16384),)), budget=3
        ),
    ),
    hints=(
        "Add noise, take the largest. Which noise makes the winner's law softmax, and how many numbers of it are needed?",
        "argmax of logits + your gumbel_noise, over the last dimension: one number of noise for each logit of each row.",
        "`gumbel_noise(x.shape, dtype=..., device=x.device, generator=generator)`: which dtype keeps the noise's digits when "
        "the logits are float16?",
    ),
    why="The noise is added in float32: in bfloat16 a logit near 100 has steps of 1/2, and the sum would round the noise away. "
    "No maximum, no normaliser, no cumulative sum is formed: nothing can overflow or saturate.",
)

# gumbel_softmax


def _shape(call: Call) -> tuple[int, ...]:
    return tuple(call.args[0].shape)


def _dim(call: Call) -> int:
    return int(call.kwargs.get("dim", -1))


def _simplex(call: Call, weights: Tensor) -> Complaint | None:
    """Demand weights in [0, 1] that sum to 1 along dim, and 0 for what cannot occur."""
    w = weights.double()
    if not bool(((w >= 0) & (w <= 1)).all()):
        worst = "nan" if bool(w.isnan().any()) else f"{float(w.min()):.3g} to {float(w.max()):.3g}"
        return laws.complain("range " + ("nan" if worst == "nan" else ""), call, worst, "weights from 0 to 1")
    allowed = torch.finfo(weights.dtype).eps * (4 + w.shape[_dim(call)])
    sums = w.sum(_dim(call))
    off = float((sums - 1).abs().max()) if sums.numel() else 0.0
    if off > allowed:
        got = f"sums along dim={_dim(call)} off by {off:.1g}"
        if off > ROUNDED:
            got = f"sums along dim={_dim(call)} from {float(sums.min()):.6g} to {float(sums.max()):.6g}"
        elif weights.dtype == F64:
            got += "; computed in float32?"
        kind = "winners" if torch.equal(sums, sums.round()) else "sums"
        return laws.complain(kind, call, got, "sums of 1")
    if bool((w[call.args[0] == -INF] > 0).any()):
        return laws.complain("impossible", call, "weight for a class with logit -inf", "0")
    return None


def _one_hot(call: Call, weights: Tensor) -> Complaint | None:
    """Demand exact zeros and ones."""
    between = weights[(weights != 0) & (weights != 1)].double()
    if not len(between):
        return None
    off = float(torch.minimum(between.abs(), (between - 1).abs()).max())
    if off > torch.finfo(weights.dtype).eps:
        return laws.complain("between", call, f"{len(between)} numbers like {float(between[0]):.6g}", "only 0 and 1")
    return laws.complain("rounding", call, f"{len(between)} numbers off 0 or 1 by up to {off:.1g}", "only 0 and 1")


def _sharpness(call: Call, weights: Tensor) -> Complaint | None:
    """Demand that z = tau log y has, but for each row's constant, the law of logits and noise (two classes)."""
    tau, logits = float(call.kwargs.get("tau", 1.0)), call.args[0].double()
    z = tau * weights.double().log()
    gaps = (z[..., 0] - z[..., 1]) - (logits[..., 0] - logits[..., 1])
    return laws.distribution(call, gaps, exact.logistic_cdf, "logistic law of tau log(y0 / y1) - (x0 - x1)")


def _law_of_largest(call: Call, weights: Tensor) -> Complaint | None:
    return laws.frequencies(
        call, weights.argmax(-1), exact.probabilities(_row(call)), "frequencies of the largest weight"
    )


def _independent_weights(call: Call, weights: Tensor) -> Complaint | None:
    return _independent(call, weights.argmax(-1))


def _at_taus(draw: Draw) -> Call:
    logits, seed = draw.normal(2000, 5), _seed(draw)
    return Call(tuple(((logits,), {"tau": tau, "generator": seed}) for tau in (0.1, 1.0, 10.0)))


def _same_largest(call: Call, result: Any) -> Complaint | None:
    """Demand that one seed gives one winner at every tau."""
    first = Call(*call.args[0])
    samples = laws.several(first, result)
    if isinstance(samples, Complaint):
        return samples
    sharp, *others = samples
    winner = sharp.argmax(-1, keepdim=True)
    for (_, options), other in zip(call.args[1:], others, strict=True):
        moved = int((other.take_along_dim(winner, -1) < other.amax(-1, keepdim=True) - NEAR).sum())
        if moved:
            got = f"{moved} of {len(winner)} rows whose largest weight at tau=0.1 is another one at tau={options['tau']:g}"
            return laws.complain("tau moves", first, got, "the same class at every tau: one seed, one noise")
    return None


def _hard_and_soft(draw: Draw, *shape: int, dtype: torch.dtype = F32, **options: Any) -> Call:
    logits = draw.normal(*shape, dtype=dtype)
    return Call((logits, draw.normal(*shape, dtype=dtype)), {**options, "generator": _seed(draw)})


def _gradients(call: Call, result: Any) -> Complaint | None:
    """Demand the soft sample's exact gradient, and the same one behind the hard sample."""
    logits, cotangent = call.args
    tau = float(call.kwargs.get("tau", 1.0))
    samples = laws.several(call, [part["output"] for part in result])
    if isinstance(samples, Complaint):
        return samples
    soft, hard = samples
    wrong = laws.form(call, result[0]["output"], _shape(call), logits.dtype)
    wrong = wrong or _simplex(call, soft) or _simplex(call, hard) or _one_hot(call, hard)
    if wrong is not None:
        return wrong
    if not torch.equal(hard.argmax(_dim(call)), soft.argmax(_dim(call))):
        return laws.complain(
            "other class", call, "a hard sample of another class than the soft one of its seed", "the same"
        )
    exactly = exact.relaxed_gradient(soft, cotangent, tau, _dim(call))
    allowed = 64 * torch.finfo(logits.dtype).eps * max(1.0, 1 / tau)
    for name, part in zip(("soft", "hard"), result, strict=True):
        if part["grad"] is None:
            return laws.complain(f"no-gradient {name}", call, f"no gradient through the {name} sample", "one")
        grad = part["grad"].double()
        if not float((grad - exactly).abs().max()) <= allowed:
            got, wanted = (laws.numbers(t.reshape(-1)[:4].tolist()) for t in (grad, exactly))
            turned = float((grad + exactly).abs().max()) <= allowed
            sort = " with the wrong sign" if turned else "" if bool(grad.any()) else " of 0"
            text = f"{got} through the {name} sample{', all 0' if sort == ' of 0' else sort}"
            return laws.complain(f"gradient {name}{sort}", call, text, f"{wanted}, that of the soft one")
    return None


def _soft(name: str, family: Any, make: Any, *tests: laws.Test, ends: bool = False, **extra: Any) -> Case:
    judge = laws.drawn(_shape, _its_dtype, _simplex, *tests)
    return case(name, family, make, _at_the_ends(judge) if ends else Driven("value", judge), **extra)


def _hard_law(name: str, offset: float = 0.0, dtype: torch.dtype = F32, tau: float = 1.0, **extra: Any) -> Case:
    make = _seeded(_rows(offset=offset, dtype=dtype), hard=True, tau=tau)
    return _soft(name, "law", make, _law_of_largest, _one_hot, **extra)


def _tau(value: float) -> Case:
    make = _seeded(lambda d: _logits(d, 2, 3), tau=value)
    return case(f"tau = {value:g}", "extremes", make, Raises(ANY_ERROR))


def _paired(draw: Draw) -> tuple[Tensor]:
    return (draw.normal(20000, 2),)


def _path(name: str, make: Callable[[Draw], Call], **extra: Any) -> Case:
    return case(name, "gradient", make, Driven("soft_and_hard", _gradients), **extra)


def _masked_path(draw: Draw) -> Call:
    call = _hard_and_soft(draw, 6, 5)
    call.args[0][:, 1::2] = -INF
    return call


gumbel_softmax = Exercise(
    name="gumbel_softmax",
    reference=None,
    precise=None,
    domain=_domain,
    sound=laws.drawn(_shape, _its_dtype, _simplex),
    minutes=30,
    difficulty=4,
    cases=(
        case("leaves its input as it was", "untouched", lambda d: _logits(d, 3, 4), Untouched()),
        _soft("a batch", "shape", _seeded(lambda d: _logits(d, 6, 4))),
        _soft("one row without batch", "shape", _seeded(lambda d: _logits(d, 5))),
        _soft("the first dimension", "shape", _seeded(lambda d: _logits(d, 4, 3), dim=0)),
        _soft("a middle dimension", "shape", _seeded(lambda d: _logits(d, 2, 4, 3), dim=1)),
        _soft("a middle dimension, hard", "shape", _seeded(lambda d: _logits(d, 2, 4, 3), dim=-2, hard=True), _one_hot),
        _soft(
            "a square, first dimension, hard", "shape", _seeded(lambda d: _logits(d, 8, 8), dim=0, hard=True), _one_hot
        ),
        _soft("empty batch", "shape", _seeded(lambda d: _logits(d, 0, 4))),
        _soft("not contiguous", "shape", _seeded(lambda d: (d.normal(5, 3).t(),)), private=True),
        _soft("float64", "dtype", _seeded(lambda d: _logits(d, 4, 5, dtype=F64))),
        _soft("float16", "dtype", _seeded(lambda d: _logits(d, 4, 5, dtype=F16))),
        _soft("bfloat16, hard", "dtype", _seeded(lambda d: _logits(d, 400, 5, dtype=BF16), hard=True), _one_hot),
        _soft("hard is exactly 0 or 1", "value", _seeded(lambda d: _logits(d, 2000, 7), hard=True, tau=3.0), _one_hot),
        _soft(
            "one winner at tau = 1e5", "value", _seeded(lambda d: _logits(d, *BATCH, 5), hard=True, tau=1e5), _one_hot
        ),
        _soft("classes that cannot occur", "extremes", _seeded(_rows(0.0, -INF, 1.0, batch=(50,)))),
        _soft("whatever is drawn", "extremes", _seeded(_lonely), ends=True),
        _soft("whatever is drawn, float16", "extremes", _seeded(lambda d: _lonely(d, F16)), ends=True),
        _soft("-1e30 beats -inf", "extremes", _seeded(_rows(-1e30, -INF, batch=(50,)), hard=True), _one_hot),
        _soft("large offsets", "extremes", _seeded(lambda d: (d.normal(50, 4) + 1e4,), tau=0.5)),
        _soft("tau = 1e-5 in float16", "extremes", _seeded(lambda d: _logits(d, 200, 6, dtype=F16), tau=1e-5)),
        _soft("a huge tau", "extremes", _seeded(lambda d: _logits(d, 20, 6), tau=1e6), private=True),
        _tau(0.0),
        _tau(-1.0),
        _path("through the soft and the hard sample", lambda d: _hard_and_soft(d, 20, 5)),
        _path("at tau = 0.3", lambda d: _hard_and_soft(d, 20, 5, tau=0.3)),
        _path("along the first dimension", lambda d: _hard_and_soft(d, 4, 3, dim=0, tau=2.0)),
        _path("classes that cannot occur", _masked_path),
        _path("float64", lambda d: _hard_and_soft(d, 6, 5, dtype=F64), private=True),
        _soft("the largest weight's law", "law", _seeded(_rows()), _law_of_largest),
        _soft("the same law at tau = 0.1", "law", _seeded(_rows(), tau=0.1), _law_of_largest),
        _soft("the same law at tau = 10", "law", _seeded(_rows(), tau=10.0), _law_of_largest),
        _hard_law("hard samples' law"),
        _hard_law("hard samples' law at tau = 100", tau=100.0),
        _hard_law("hard samples' law at tau = 1000", tau=1000.0, private=True),
        _hard_law("float32 logits near 70000", offset=7e4),
        _hard_law("float64 logits near 1e9", offset=1e9, dtype=F64),
        _hard_law("bfloat16 logits near 100", offset=100.0, dtype=BF16),
        _soft("how sharp, tau = 1", "law", _seeded(_paired), _sharpness),
        _soft("how sharp, tau = 2", "law", _seeded(_paired, tau=2.0), _sharpness),
        _soft("rows are independent", "law", _seeded(_rows()), _independent_weights),
        case("one seed, one class at every tau", "law", _at_taus, Driven("each", _same_largest)),
        case("seeds", "law", _repeats(lambda d: _logits(d, 50, 6)), Driven("each", _seeds_count)),
        _soft("no nan at tau = 1e-38", "extremes", _seeded(lambda d: _logits(d, 200, 6), tau=1e-38), honours=True),
        _hard_law("hard samples' law at tau = 1e7", tau=1e7, honours=True),
    ),
    rules=Rules(GUMBEL_SAMPLERS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes),)),
    memory=Memory(forward=9.1, backward=9.1),
    times=(
        Time(
            "large vocabulary", "torch.nn.functional.gumbel_softmax", lambda d: Call((d.normal(128, 16384),)), budget=3
        ),
    ),
    hints=(
        "Soft: softmax of (logits + noise) / tau. Hard: its value is one-hot, its gradient that of the soft sample. Which "
        "expression of the two has the value of the one and the gradient of the other?",
        "y_hard - y_soft.detach() + y_soft has the value of y_hard, and only the last term has a gradient. Noise and softmax "
        "of half types belong in float32; tau <= 0 raises ValueError.",
        "`scatter` writes a 1 at the winner's index into zeros, along dim (keepdim=True). Where do you look for the winner? At a "
        "large tau weights tie, and the first of them wins; the sums of logits and noise, before any division, still differ. For "
        "a tiny tau shift by the maximum before you divide.",
    ),
    why="The maximum is taken off before the division by tau: the winner's gap is exactly 0 at any temperature, so nothing is inf - "
    "inf. The noise does not depend on tau, which therefore cannot change the winner, only how much it takes.",
)

# gumbel_top_k


def _chosen(call: Call) -> tuple[int, ...]:
    return (*call.args[0].shape[:-1], int(call.args[1]))


def _all_different(call: Call, indices: Tensor) -> Complaint | None:
    ordered = indices.sort(-1).values
    repeated = int((ordered[..., 1:] == ordered[..., :-1]).any(-1).sum())
    return (
        laws.complain("repeats", call, f"{repeated} rows with a class twice", "different classes") if repeated else None
    )


def _law_of_pairs(call: Call, indices: Tensor) -> Complaint | None:
    """Test the first two draws together."""
    row = _row(call)
    cells = indices[..., 0] * len(row) + indices[..., 1]
    return laws.frequencies(call, cells, exact.ordered_pairs(row), "frequencies of pairs (0, 0), (0, 1) ...")


def _law_of_orders(call: Call, indices: Tensor) -> Complaint | None:
    """Test all orders of three classes."""
    a, b, _ = indices.reshape(-1, 3).unbind(-1)
    cells = 2 * a + torch.where(b > a, b - 1, b)
    return laws.frequencies(call, cells, exact.orders(_row(call)), "frequencies of the orders 012, 021 ...")


def _first_of(call: Call, indices: Tensor) -> Complaint | None:
    return laws.frequencies(call, indices[..., 0], exact.probabilities(_row(call)), "frequencies of the first")


def _top(name: str, family: Any, make: Any, k: int, *tests: laws.Test, **extra: Any) -> Case:
    asked = Driven("value", _indices(_chosen, *tests))
    return case(name, family, _seeded(lambda d: (*make(d), k)), asked, **extra)


def _first_independent(call: Call, indices: Tensor) -> Complaint | None:
    return _independent(call, indices[..., 0])


gumbel_top_k = Exercise(
    name="gumbel_top_k",
    reference=None,
    precise=None,
    domain=_domain,
    sound=laws.drawn(_chosen, _int64, _all_different),
    minutes=10,
    difficulty=2,
    cases=(
        *_index_cases(_chosen, (2,), _all_different, _first_of, _law_of_pairs),
        _top("k = 0", "shape", lambda d: _logits(d, 3, 4), 0),
        _top("k = 1", "shape", lambda d: _logits(d, 3, 4), 1, _possible),
        _top("all of them", "shape", lambda d: _logits(d, 300, 6), 6, _all_different),
        _top("softmax's law, k = 1", "law", _rows(), 1, _first_of, private=True),
        _top("all orders of three", "law", _rows(1.0, 0.0, -1.0), 3, _all_different, _law_of_orders),
        _top("rows are independent", "law", _rows(), 2, _first_independent),
        case(
            "-inf never comes before a finite logit, whatever is drawn",
            "extremes",
            _seeded(lambda d: (_lonely(d)[0][20:], 2)),
            _at_the_ends(_indices(_chosen, _possible)),
        ),
    ),
    rules=Rules(SAMPLERS),
    trace=lambda batch, classes: Call((torch.empty(batch, classes), 2)),
    memory=Memory(forward=8.1),
    times=(Time("large vocabulary", "torch.topk", lambda d: Call((d.normal(128, 16384), 8)), budget=30),),
    hints=(
        "gumbel_max takes the largest of the perturbed logits. Who comes second, third ...?",
        "One noise, added once; the k largest, in descending order, are the draws without replacement.",
        "`torch.topk` returns values and indices, sorted, and takes k = 0.",
    ),
    why="The runner-up of a race is the winner of the race without the winner: exponential clocks do not remember. So one set of "
    "noise and one topk do the work of k draws.",
)
