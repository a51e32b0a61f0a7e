"""What is asked of the exercises of `speed`: a stopwatch, judged by its record, and a log-sum-exp in blocks."""

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from autograder.answer import Complaint
from autograder.atlases import families
from autograder.cases import HALF, INF, NAN, TEXTBOOK, case, rows, transposed
from autograder.exact import log_sums as exact
from autograder.forbidden import LOG_SUMS
from autograder.spec import (
    Call,
    Case,
    Draw,
    Driven,
    Exercise,
    Family,
    Memory,
    Rules,
    Time,
    Untouched,
    Value,
)

ROUNDS = 20  # of `measure` by default
MOST_WARM = 3  # calls of a function that may come before the rounds
# A clock read before the call and one after it see a little more than the call; the sleeps differ by far more. Where
# one call counts, the machine may have been busy just between the two.
SLACK_MS, ONE_CALL_MS = 4.0, 15.0
Judge = Callable[["Record"], Complaint | None]


@dataclass(frozen=True)
class Record:
    """What the driver saw of one call of `measure`; times in milliseconds."""

    call: Call
    result: dict[str, Any]

    @property
    def sleeps(self) -> dict[str, tuple[float, ...]]:
        """The functions' names and what they sleep."""
        sleeps: dict[str, tuple[float, ...]] = self.call.args[0]
        return sleeps

    @property
    def repeats(self) -> int:
        """The rounds that were asked for."""
        return int(self.call.kwargs.get("repeats", ROUNDS))

    @property
    def order(self) -> list[str]:
        """The names of the calls as they came."""
        return [str(row[0]) for row in self.result["calls"]]

    def times(self, name: str) -> list[float]:
        """Return what each call of a function took."""
        return [1000 * float(row[3]) for row in self.result["calls"] if row[0] == name]

    def timed(self, name: str) -> list[float]:
        """Return what the calls that count took: the last ones, and never the first."""
        return self.times(name)[1:][-self.repeats :]

    def answer(self) -> dict[str, tuple[float, float]] | None:
        """Return name, milliseconds and ratio of each item, or None if the answer has another form."""
        items = self.result["answer"]
        if not isinstance(items, list) or [i[0] for i in items if _is_pair(i)] != list(self.sleeps):
            return None
        return {name: (1000 * seconds, ratio) for name, seconds, ratio in items}

    def wrong(self, kind: str, got: str, expected: str) -> Complaint:
        """Return a complaint that says what was given."""
        sleeps = "; ".join(f"{name} sleeps {_list(planned)} ms" for name, planned in self.sleeps.items())
        options = "".join(f", {k}={v}" for k, v in self.call.kwargs.items() if k in ("repeats", "threads", "make_ms"))
        return Complaint(f"measure-{kind}", f"given     {sleeps}{options}\ngot       {got}\nexpected  {expected}")


def _is_pair(item: Any) -> bool:
    return len(item) == 3 and all(type(number) is float for number in item[1:])


def _list(numbers: Any) -> str:
    return ", ".join(f"{n:g}" for n in numbers)


def _form(record: Record) -> Complaint | None:
    """Demand a dict of pairs of floats with the functions' names in their order."""
    items, names = record.result["answer"], list(record.sleeps)
    if not isinstance(items, list):
        return record.wrong("dict", str(items), "a dict")
    if [item[0] for item in items] != names:
        same = sorted(item[0] for item in items) == sorted(names)
        found = ", ".join(str(item[0]) for item in items) or "nothing"
        return record.wrong("order" if same else "names", found, f"the names {', '.join(names)}, in this order")
    for item in items:
        if not _is_pair(item):
            kind = "pairs" if len(item) != 3 else "floats"
            found = ", ".join(str(part) for part in item[1:])
            return record.wrong(kind, f"{found} for {item[0]}", "two Python floats: seconds and ratio")
    return None


def _least(allowed_ms: float = SLACK_MS) -> Judge:
    """Return a judge that demands the least time of the calls that count."""

    def judge(record: Record) -> Complaint | None:
        answer = record.answer()
        if answer is None:
            return _form(record)
        for name, (got, _) in answer.items():
            every, timed = record.times(name), record.timed(name)
            if not timed:
                kind = "half-warm" if any(record.timed(other) for other in answer) else "cold"
                return record.wrong(kind, f"{len(every)} call of {name}", "one to warm up, then those that count")
            if min(timed) - 0.5 <= got <= min(timed) + allowed_ms:
                continue
            text = f"{got:.1f} ms for {name}, whose calls took {', '.join(f'{t:.1f}' for t in every)} ms"
            return record.wrong(_statistic(record, name, got), text, f"{min(timed):.1f} ms, or little more")
        return None

    return judge


def _statistic(record: Record, name: str, got: float) -> str:
    """Return the word for what was taken for the least time: the nearest of the usual slips."""
    every, timed = record.times(name), record.timed(name)
    least, made = min(timed), float(record.call.kwargs.get("make_ms", 0.0))
    slips = {
        "mean": statistics.fmean(timed),
        "median": statistics.median(timed),
        "longest": max(timed),
        "last": timed[-1],
        "first": timed[0],
        "total": sum(timed),
        "cold" if every[0] > least else "warm": every[0],
        "unit": 1000 * least,
    }
    if made and least + 0.8 * made <= got < 100 * least:  # a busy machine makes inputs late
        return "making"
    nearest = min(slips, key=lambda slip: abs(slips[slip] - got))
    if abs(slips[nearest] - got) <= 0.05 * got + 0.5:
        return nearest
    return "processor" if got < 0.2 * least else "seconds"


def _ratios(record: Record) -> Complaint | None:
    """Demand that each ratio is that of the answer's own seconds to the first function's."""
    answer = record.answer()
    if answer is None:
        return _form(record)
    first = next(iter(answer.values()))[0]
    for name, (seconds, ratio) in answer.items():
        if not math.isclose(ratio, seconds / first, rel_tol=1e-6):
            upside_down = math.isclose(ratio, first / seconds, rel_tol=1e-6)
            to_least = math.isclose(ratio, seconds / min(s for s, _ in answer.values()), rel_tol=1e-6)
            kind = "upside-down" if upside_down else "to-fastest" if to_least else "ratio"
            text = f"ratio {ratio:.3f} for {name}: {seconds:.2f} ms, {next(iter(answer))} takes {first:.2f} ms"
            return record.wrong(kind, text, f"{seconds / first:.3f}")
    return None


def _rounds(record: Record) -> Complaint | None:
    """Demand a call to warm up and then as many calls as asked for, for each function."""
    counts = {name: len(record.times(name)) for name in record.sleeps}
    if all(1 <= count - record.repeats <= MOST_WARM for count in counts.values()):
        return None
    cold = all(count == record.repeats for count in counts.values())
    some = not cold and all(count - record.repeats in (0, 1) for count in counts.values())
    kind = "cold" if cold else "half-warm" if some else "rounds"
    got = ", ".join(f"{count} calls of {name}" for name, count in counts.items())
    return record.wrong(kind, got, f"1 to warm up and {record.repeats} that count")


def _interleaved(record: Record) -> Complaint | None:
    """Demand that each round calls every function once."""
    n = len(record.sleeps)
    timed = record.order[-n * record.repeats :]
    if all(len(set(timed[start : start + n])) == n for start in range(0, len(timed), n)):
        return None
    return record.wrong("blocks", f"the calls {' '.join(record.order)}", "rounds, each with every function once")


def _fresh(record: Record) -> Complaint | None:
    """Demand that no input is used twice."""
    serials = [int(row[1]) for row in record.result["calls"]]
    used = {serial for serial in serials if serial > 0}
    if len(used) == len(serials):
        return None
    kind = "one-input" if len(used) == 1 else "shared-input"
    return record.wrong(kind, f"{len(used)} inputs for {len(serials)} calls", "an input of its own for each")


def _threads(record: Record) -> Complaint | None:
    """Demand the asked number of threads in every call."""
    wanted = record.call.kwargs["threads"]
    seen = sorted({int(row[2]) for row in record.result["calls"]})
    return None if seen == [wanted] else record.wrong("threads", f"{_list(seen)} during the calls", f"{wanted}")


def _restored(record: Record) -> Complaint | None:
    """Demand that torch has as many threads as before; where a function raised, that its exception came through."""
    before, after, fails = record.result["before"], record.result["after"], "fail_at" in record.call.kwargs
    if fails and record.result["raised"] != "Planned":
        return record.wrong("swallowed", "no exception, though a function raised one", "the function's own exception")
    if after == before:
        return None
    kind = "left" if fails else "kept" if after == record.call.kwargs.get("threads", 1) else "guessed"
    return record.wrong(kind, f"{after} threads afterwards", f"{before}, as before")


def _refuses(what: str) -> Judge:
    """Return a judge that demands a ValueError."""

    def judge(record: Record) -> Complaint | None:
        raised = record.result["raised"]
        return None if raised == "ValueError" else record.wrong(what, str(raised or "an answer"), "ValueError")

    return judge


def _same_dict(record: Record) -> Complaint | None:
    """Demand that the caller's dict is as it was."""
    names = record.result["names"]
    return None if names == list(record.sleeps) else record.wrong("changed", f"a dict of {names}", "the dict as it was")


def _frugal(record: Record) -> Complaint | None:
    """Demand that hardly more than one input is held at a time."""
    alive = record.result["alive"]
    return None if alive <= 2 else record.wrong("hoard", f"{alive} inputs alive at a time", "2 at most")


def _script(sleeps: Mapping[str, tuple[float, ...]], **options: Any) -> Callable[[Draw], Call]:
    return lambda draw: Call((dict(sleeps),), options)


def _case(name: str, family: Family, make: Callable[[Draw], Call], *judges: Judge, **kwargs: Any) -> Case:
    def judge(call: Call, result: Any) -> Complaint | None:
        record = Record(call, result)
        return next(filter(None, (one(record) for one in judges)), None)

    return case(name, family, make, Driven("stopwatch", judge), **kwargs)


# Of six rounds two are quiet, and neither is the first or the last; mean, median and maximum lie far above.
NOISY = {"a": (8.0, 16.0, 2.0, 24.0, 2.5, 12.0, 20.0), "b": (8.0, 20.0, 13.0, 3.0, 25.0, 3.5, 17.0)}
BUSY = {"x": (8.0, 14.0, 22.0, 3.0, 3.5, 18.0), "y": (8.0, 17.0, 2.0, 13.0, 2.5, 22.0)}
QUICK = {"a": (0.5,), "b": (0.5,)}

measure = Exercise(
    name="measure",
    reference=None,
    precise=None,
    minutes=30,
    difficulty=3,
    cases=(
        _case("leaves the dict as it was", "untouched", _script(QUICK, repeats=1), _same_dict),
        _case("the least time of all rounds", "value", _script(NOISY, repeats=6), _least()),
        _case("the least time, other noise", "value", _script(BUSY, repeats=5), _least(), private=True),
        _case(
            "ratios to the first function",
            "value",
            _script({"middle": (4.0, 12.0, 4.0), "fast": (2.0,), "slow": (8.0,)}, repeats=2),
            _ratios,
        ),
        _case("one call to warm up, then as many rounds as asked", "value", _script(QUICK, repeats=3), _rounds),
        _case(f"{ROUNDS} rounds if nothing is asked", "value", _script(QUICK), _rounds),
        _case(
            "every round calls every function once",
            "value",
            _script({"a": (0.5,), "b": (0.5,), "c": (0.5,)}, repeats=4),
            _interleaved,
        ),
        _case("an input of its own for every call", "value", _script(QUICK, repeats=3), _fresh),
        _case("one function", "shape", _script({"alone": (1.0,)}, repeats=2), _form, _ratios),
        _case(
            "the names in the dict's order",
            "shape",
            _script({"torch": (0.5,), "hand": (0.5,), "naive": (0.5,), "blocks": (0.5,)}, repeats=1),
            _form,
        ),
        _case("pairs of Python floats", "dtype", _script(QUICK, repeats=1), _form),
        _case("a slow first call", "extremes", _script({"a": (40.0, 3.0)}, repeats=1), _least(ONE_CALL_MS)),
        _case(
            "a slow first call of each",
            "extremes",
            _script({"a": (40.0, 3.0), "b": (40.0, 4.0), "c": (40.0, 2.0)}, repeats=1),
            _least(ONE_CALL_MS),
            private=True,
        ),
        _case(
            "a fast first call", "extremes", _script({"a": (1.0, 9.0), "b": (1.0, 8.0)}, repeats=1), _least(ONE_CALL_MS)
        ),
        _case(
            "inputs that take long to make",
            "extremes",
            _script({"a": (6.0, 2.0), "b": (6.0, 3.0)}, repeats=1, make_ms=30.0),
            _least(ONE_CALL_MS),
        ),
        _case("2 threads in every call", "extremes", _script(QUICK, repeats=2, threads=2), _threads),
        _case("1 thread in every call", "extremes", _script(QUICK, repeats=2, threads=1), _threads, private=True),
        _case("as many threads afterwards as before", "extremes", _script(QUICK, repeats=1, threads=2), _restored),
        _case(
            "a function raises",
            "extremes",
            _script(QUICK, repeats=3, threads=2, fail_at=("b", 1)),
            _restored,
        ),
        _case(
            "a function raises at once",
            "extremes",
            _script(QUICK, repeats=3, threads=2, fail_at=("a", 0)),
            _restored,
            private=True,
        ),
        _case("no rounds", "extremes", _script(QUICK, repeats=0, refuses=True), _refuses("repeats")),
        _case("no threads", "extremes", _script(QUICK, threads=0, refuses=True), _refuses("no-threads")),
        _case("no functions", "extremes", _script({}, refuses=True), _refuses("nothing")),
        _case("no more than two inputs at a time", "extremes", _script(QUICK, repeats=5), _frugal, honours=True),
    ),
    rules=Rules(
        allows={"loops": "over rounds and functions", "time": "a stopwatch reads the clock"},
        skips_meta="what it calls is timed, not its own tensors",
    ),
    hints=(
        "Write down when each thing happens for two functions and two rounds: which calls count, what is made before "
        "which of them, and when is the clock read?",
        "One pass over functions.values() that does not count, then `for _ in range(repeats)` around a loop over "
        "functions.items(). The input is made before the first look at the clock. try ... finally puts the threads back.",
        "`x = make_input()`, then `start = time.perf_counter()`, then the call, then the second look. Of all rounds "
        "keep `least[name] = min(least[name], seconds)`. What divides by what in the end?",
    ),
    why="Other work only ever adds time, so the least of many times is nearest to the function's own. In rounds, a slow "
    "moment of the machine meets all functions alike, and a ratio survives it. An input of its own costs each call the "
    "same faults and cache misses; an input that is used again is warm, and perhaps spoilt.",
)

# More rows than a block of some MiB holds, and no whole number of blocks: 12 MiB where an answer's numbers show it, and
# 4 MiB elsewhere, since every submission of a class gets them.
MANY, SEVERAL = (3001, 1024), (1501, 724)
LOGITS = (4, 128, 32000)  # 62.5 MiB, of which a fifth is allowed; a quarter is one of the batch
_ALLOWED = {"loops": "over blocks of rows", "time": "`measure`, in the same file, needs the clock"}


def _spread(draw: Draw) -> torch.Tensor:
    """Return rows at very different heights, in more than one block, with infinities and nan among them."""
    x = draw.normal(*SEVERAL) + torch.linspace(-1e4, 1e4, SEVERAL[0])[:, None]
    x[5] = -INF
    x[750, 3], x[1111, 7], x[1500, 723] = INF, NAN, -INF
    return x


fast_logsumexp = Exercise(
    name="fast_logsumexp",
    reference=exact.logsumexp,
    precise=exact.precise_logsumexp,
    atlas=families.logsumexp,
    minutes=40,
    difficulty=4,
    cases=(
        case("leaves its input as it was", "untouched", lambda d: d.normal(3, 4), Untouched()),
        case("many rows, left as they were", "untouched", lambda d: d.normal(*SEVERAL), Untouched(), private=True),
        case("normal numbers", "value", lambda d: d.normal(4, 5)),
        case("many rows", "value", lambda d: d.normal(*MANY)),
        case("more rows than numbers in a row", "value", lambda d: d.normal(70_001, 3), private=True),
        case("one long row", "value", lambda d: d.normal(1_000_003)),
        case("steep rows", "value", lambda d: d.normal(6, 700, scale=40), private=True),
        case("one number a row", "shape", lambda d: d.normal(3, 1)),
        case("batch of one", "shape", lambda d: d.normal(1, 4)),
        case("one row without batch", "shape", lambda d: d.normal(5)),
        case("shape (2, 1, 4)", "shape", lambda d: d.normal(2, 1, 4)),
        case("four dimensions", "shape", lambda d: d.normal(2, 3, 1, 4)),
        case("not contiguous", "shape", transposed),
        case("empty batch", "shape", lambda d: d.normal(0, 4)),
        case("empty rows", "shape", lambda d: d.normal(2, 3, 0)),
        case("an empty batch of empty rows", "shape", lambda d: d.normal(0, 0), private=True),
        case("float64", "dtype", lambda d: d.normal(3, 4, dtype=torch.float64), Value(TEXTBOOK, dtype=True)),
        case("float32", "dtype", lambda d: d.normal(3, 4, offset=50), Value(TEXTBOOK, dtype=True)),
        case("float16", "dtype", lambda d: d.normal(3, 40, dtype=torch.float16), Value(HALF, dtype=True)),
        case("bfloat16", "dtype", lambda d: d.normal(3, 40, dtype=torch.bfloat16), Value(HALF, dtype=True)),
        case(
            "many rows of float16",
            "dtype",
            lambda d: d.normal(*SEVERAL, dtype=torch.float16),
            Value(HALF, dtype=True),
            private=True,
        ),
        case("rows far apart", "extremes", rows([[500.0, 501.0], [-500.0, -501.0], [0.0, 1.0]])),
        case("many rows far apart", "extremes", _spread),
        case("some -inf", "extremes", rows([[0.0, -INF, 1.0], [-INF, -INF, -700.0]])),
        case("a row of -inf", "extremes", rows([[-INF, -INF], [0.0, 1.0]])),
        case("+inf", "extremes", rows([[INF, 0.0], [INF, INF], [INF, -INF], [0.0, 1.0]])),
        case("nan", "extremes", rows([[NAN, 0.0], [NAN, INF], [NAN, -INF], [0.0, 1.0]])),
        case("the largest numbers", "extremes", rows([[3e38, 3e38], [-3e38, -3e38], [3e38, -3e38]]), private=True),
        case(
            "131072 equal logits in float16",
            "extremes",
            lambda d: torch.zeros(131072, dtype=torch.float16),
            Value(HALF),
        ),
    ),
    rules=Rules(LOG_SUMS, _ALLOWED),
    # A quarter of the batch: a block of 8 rows, fixed for whatever width, is no loop over rows either.
    trace=lambda batch, classes: Call((torch.empty(batch // 4, classes),)),
    memory=Memory(forward=0.2, honours_forward=0.08, make=lambda: Call((torch.empty(LOGITS, device="meta"),))),
    times=(
        Time("wide rows", "torch.logsumexp", lambda d: Call((d.normal(256, 32768),)), budget=2, kwargs={"dim": -1}),
        Time("short rows", "torch.logsumexp", lambda d: Call((d.normal(65536, 128),)), budget=2, kwargs={"dim": -1}),
    ),
    hints=(
        "torch.logsumexp makes a tensor as large as x, and the system has to find memory for it, page by page, in every "
        "call. How many rows at a time would be enough?",
        "Take as many rows as fill about a MiB, whatever their width, and shift, exponentiate and sum them in a buffer that "
        "every block uses again: torch.sub(..., out=buffer), exp_(). The last block is shorter. What is the number of rows "
        "where one row alone is larger than the block? What has a row of length 0?",
        "`for piece in rows.split(block): ... torch.sub(piece, shift, out=buffer[: len(piece)]).exp_()` is the loop; then "
        "torch.cat and the batch's shape. The shift has to be finite: `top.clamp(-largest, largest)`, with `largest = "
        "torch.finfo(x.dtype).max`, leaves an infinite result infinite. `out=` refuses an x that requires grad: detach it.",
    ),
    why="A block of a MiB stays in a core's own cache from the subtraction to the sum, and its memory is fetched from the "
    "system once, not once a call: that is where torch.logsumexp spends half of its time on a large input. The number of rows "
    "follows from their width, so that short rows do not pay Python for each handful. A row that is longer than a block is cut "
    "into pieces; the log-sum-exp of their results is the row's. Where the first maxima are near 0 the shift is left out, and each "
    "block's sums tell whether that was right: a sum that is neither infinite nor tiny has lost nothing that counts.",
)
