"""Known wrong implementations of `speed`. Each is right but for its own mistake."""

import math
import time
from typing import Any

import torch
from torch import Tensor

from autograder.mistakes import mistake

BLOCK = 1 << 18


def _check(functions, repeats, threads) -> Any:
    if repeats < 1 or threads < 1 or not functions:
        raise ValueError("repeats, threads and functions must be at least 1")


def _seconds(function, x) -> Any:
    start = time.perf_counter()
    function(x)
    return time.perf_counter() - start


def _rounds(functions, make_input, repeats, warm=True) -> Any:
    """Return the times of each function in each round."""
    if warm:
        for function in functions.values():
            _seconds(function, make_input())
    times: Any = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(_seconds(function, make_input()))
    return times


def _with_threads(functions, make_input, repeats, threads, rounds=_rounds) -> Any:
    """Return the times of each function in each round, with torch's threads set and put back."""
    _check(functions, repeats, threads)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return rounds(functions, make_input, repeats)
    finally:
        torch.set_num_threads(before)


def _ratios(seconds) -> Any:
    first = next(iter(seconds.values()))
    return {name: (s, s / first) for name, s in seconds.items()}


# measure


@mistake(
    "measure",
    "The mean of the rounds is taken. Other work only ever adds time, and a few disturbed rounds move the mean: take the minimum.",
    fault="case:measure-mean",
)
def mean_of_rounds(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    return _ratios({name: sum(t) / len(t) for name, t in times.items()})


@mistake(
    "measure",
    "The median of the rounds is taken: where more than half of the rounds are disturbed, so is the median. Take the minimum.",
    fault="case:measure-median",
)
def median_of_rounds(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    middle = {name: sorted(t) for name, t in times.items()}
    return _ratios({name: (t[(len(t) - 1) // 2] + t[len(t) // 2]) / 2 for name, t in middle.items()})


@mistake("measure", "The first round alone is the answer: repeat, and take the minimum.", fault="case:measure-first")
def first_round(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    return _ratios({name: t[0] for name, t in times.items()})


@mistake(
    "measure",
    "The last round alone is the answer: each round overwrites the one before. Keep the minimum of both.",
    fault="case:measure-last",
)
def last_round(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    return _ratios({name: t[-1] for name, t in times.items()})


@mistake(
    "measure",
    "The longest time is taken for the answer: that is the most disturbed one. Take the minimum.",
    fault="case:measure-longest",
)
def longest_round(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    return _ratios({name: max(t) for name, t in times.items()})


@mistake(
    "measure",
    "The times of all rounds are added up: asked is the time of one call, the least.",
    fault="case:measure-total",
)
def total_of_rounds(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    return _ratios({name: sum(t) for name, t in times.items()})


def _cold(functions, make_input, repeats) -> Any:
    return _rounds(functions, make_input, repeats, warm=False)


@mistake(
    "measure",
    "Nothing is warmed up: the first call counts, with what it loads, compiles and allocates. Call every function once before the rounds.",
    fault="case:measure-cold",
)
def no_warm_up(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads, _cold)
    return _ratios({name: min(t) for name, t in times.items()})


def _half_warm(functions, make_input, repeats) -> Any:
    _seconds(next(iter(functions.values())), make_input())
    return _rounds(functions, make_input, repeats, warm=False)


@mistake(
    "measure",
    "Only the first function is warmed up: each has a first call of its own.",
    fault="case:measure-half-warm",
)
def one_warm_up_for_all(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads, _half_warm)
    return _ratios({name: min(t) for name, t in times.items()})


def _warm_counts(functions, make_input, repeats) -> Any:
    return _rounds(functions, make_input, repeats + 1, warm=False)


@mistake(
    "measure",
    "The call that warms up takes part in the minimum: a first call may be slow, and it may be fast. It does not count.",
    fault="case:measure-warm",
)
def warm_up_counts(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads, _warm_counts)
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "`repeats` is ignored, or counts something else: as many rounds are asked for.",
    fault="case:measure-rounds",
)
def repeats_ignored(functions, make_input, repeats=20, threads=1):
    _check(functions, repeats, threads)
    times = _with_threads(functions, make_input, 1, threads)
    return _ratios({name: min(t) for name, t in times.items()})


def _one_after_the_other(functions, make_input, repeats) -> Any:
    times: Any = {}
    for name, function in functions.items():
        _seconds(function, make_input())
        times[name] = [_seconds(function, make_input()) for _ in range(repeats)]
    return times


@mistake(
    "measure",
    "All calls of one function come before those of the next: a busy second of the machine then falls on one of them, and the "
    "ratio is the machine's. Call every function once in each round.",
    fault="case:measure-blocks",
)
def one_function_after_the_other(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads, _one_after_the_other)
    return _ratios({name: min(t) for name, t in times.items()})


def _same_input(functions, make_input, repeats) -> Any:
    x = make_input()
    return _rounds(functions, lambda: x, repeats)


@mistake(
    "measure",
    "One input serves all calls: a function that works in place spoils it for the others, and it is in the cache already. "
    "Call make_input() for every call.",
    fault="case:measure-one-input",
)
def one_input(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads, _same_input)
    return _ratios({name: min(t) for name, t in times.items()})


def _input_a_round(functions, make_input, repeats) -> Any:
    times: Any = {name: [] for name in functions}
    for count in range(repeats + 1):
        x = make_input()
        for name, function in functions.items():
            seconds = _seconds(function, x)
            if count:
                times[name].append(seconds)
    return times


@mistake(
    "measure",
    "All functions of a round share one input: the first finds it cold, the next ones warm, or spoilt. Call make_input() for "
    "every call.",
    fault="case:measure-shared-input",
)
def one_input_a_round(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads, _input_a_round)
    return _ratios({name: min(t) for name, t in times.items()})


def _timed_making(functions, make_input, repeats) -> Any:
    with_making = {name: lambda _, f=function: f(make_input()) for name, function in functions.items()}
    return _rounds(with_making, lambda: None, repeats)


@mistake(
    "measure",
    "The input is made while the clock runs: its time is added to every function's. Make it before the first look at the clock.",
    fault="case:measure-making",
)
def making_is_timed(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads, _timed_making)
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "The ratios stand upside down: a function's seconds over the first one's, so that 2 means twice as long.",
    fault="case:measure-upside-down",
)
def ratio_upside_down(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    least = {name: min(t) for name, t in times.items()}
    first = next(iter(least.values()))
    return {name: (s, first / s) for name, s in least.items()}


@mistake(
    "measure",
    "The ratios are taken to the fastest function: asked are those to the first.",
    fault="case:measure-to-fastest",
)
def ratio_to_fastest(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    least = {name: min(t) for name, t in times.items()}
    return {name: (s, s / min(least.values())) for name, s in least.items()}


@mistake(
    "measure",
    "The ratio is not that of the two times in the answer: divide the least seconds by the first function's least seconds. "
    "(The least of the rounds' ratios is another number: in it, a disturbed round of the first function counts.)",
    fault="case:measure-ratio",
)
def least_of_ratios(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    first = next(iter(times.values()))
    return {name: (min(t), min(a / b for a, b in zip(t, first))) for name, t in times.items()}


@mistake(
    "measure",
    "The seconds come without the ratio: each name has two numbers.",
    fault="case:measure-pairs",
)
def seconds_alone(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    return {name: min(t) for name, t in times.items()}


@mistake("measure", "The answer holds tensors: asked are Python floats.", fault="case:measure-floats")
def tensors_for_floats(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    found = _ratios({name: min(t) for name, t in times.items()})
    return {name: (torch.tensor(s), torch.tensor(r)) for name, (s, r) in found.items()}


@mistake(
    "measure",
    "The names are sorted: asked is the dict's own order, which begins with the yardstick.",
    fault="case:measure-order",
)
def sorted_names(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    found = _ratios({name: min(t) for name, t in times.items()})
    return {name: found[name] for name in sorted(found)}


@mistake("measure", "A list is returned: asked is a dict by name.", fault="case:measure-dict")
def a_list(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    return list(_ratios({name: min(t) for name, t in times.items()}).items())


@mistake(
    "measure",
    "The yardstick is left out of the answer: it stands there too, with the ratio 1.",
    fault="case:measure-names",
)
def first_left_out(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    return dict(list(_ratios({name: min(t) for name, t in times.items()}).items())[1:])


@mistake(
    "measure",
    "The times are in milliseconds: asked are seconds.",
    fault="case:measure-unit",
)
def in_milliseconds(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    return _ratios({name: 1000 * min(t) for name, t in times.items()})


def _processor_rounds(functions, make_input, repeats) -> Any:
    times: Any = {name: [] for name in functions}
    for count in range(repeats + 1):
        for name, function in functions.items():
            x = make_input()
            start = time.process_time()
            function(x)
            if count:
                times[name].append(time.process_time() - start + 1e-9)
    return times


@mistake(
    "measure",
    "That clock counts the processor's time (process_time, thread_time): what a function waits for is not in it, and the threads "
    "of one call are added up. time.perf_counter is the clock on the wall.",
    fault="case:measure-processor",
)
def processor_time(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads, _processor_rounds)
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "`threads` is ignored, or set too late: torch.set_num_threads(threads) before the first call, the warm-up.",
    fault="case:measure-threads",
)
def threads_ignored(functions, make_input, repeats=20, threads=1):
    _check(functions, repeats, threads)
    times = _rounds(functions, make_input, repeats)
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "torch's threads stay as the measurement set them: everything that runs afterwards is faster or slower than before. Put "
    "them back, in a `finally`.",
    fault="case:measure-kept",
)
def threads_kept(functions, make_input, repeats=20, threads=1):
    _check(functions, repeats, threads)
    torch.set_num_threads(threads)
    times = _rounds(functions, make_input, repeats)
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "torch's threads are put back to a number of your own (1?) after the calls: ask torch.get_num_threads() before you set them.",
    fault="case:measure-guessed",
)
def threads_guessed(functions, make_input, repeats=20, threads=1):
    _check(functions, repeats, threads)
    torch.set_num_threads(threads)
    try:
        times = _rounds(functions, make_input, repeats)
    finally:
        torch.set_num_threads(1)
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "Where a function raises, torch's threads are not put back: that needs try ... finally.",
    fault="case:measure-left",
)
def threads_left(functions, make_input, repeats=20, threads=1):
    _check(functions, repeats, threads)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    times = _rounds(functions, make_input, repeats)
    torch.set_num_threads(before)
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "A function's exception is swallowed: who measures has to know that nothing was measured. Let it pass (`finally`, not `except`).",
    fault="case:measure-swallowed",
)
def exception_swallowed(functions, make_input, repeats=20, threads=1):
    _check(functions, repeats, threads)
    try:
        times = _with_threads(functions, make_input, repeats, threads)
    except RuntimeError:
        return {name: (math.nan, math.nan) for name in functions}
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "repeats=0 gives an answer out of nothing, where ValueError is asked for: look at the arguments first.",
    fault="case:measure-repeats",
)
def repeats_unchecked(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, max(repeats, 1), threads)
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "threads=0 is handed to torch, which raises another exception, or is taken for 1: look at the arguments first, and raise "
    "ValueError.",
    fault="case:measure-no-threads",
)
def threads_unchecked(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, max(threads, 1))
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "With no functions there is no yardstick: raise ValueError, not an empty answer or another exception.",
    fault="case:measure-nothing",
)
def nothing_unchecked(functions, make_input, repeats=20, threads=1):
    if not functions:
        return {}
    times = _with_threads(functions, make_input, repeats, threads)
    return _ratios({name: min(t) for name, t in times.items()})


@mistake(
    "measure",
    "The caller's dict is changed: the yardstick is popped, or an entry is replaced. Read it only.",
    fault="case:measure-changed",
)
def dict_changed(functions, make_input, repeats=20, threads=1):
    times = _with_threads(functions, make_input, repeats, threads)
    answer = _ratios({name: min(t) for name, t in times.items()})
    functions.pop(next(iter(functions)))
    return answer


# fast_logsumexp


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _one(rows: Tensor) -> Tensor:
    largest = torch.finfo(rows.dtype).max
    shift = rows.amax(-1, keepdim=True).clamp(-largest, largest)
    return (rows - shift).exp_().sum(-1, keepdim=True).log_().add_(shift).squeeze(-1)


def _blocks(x: Tensor, one=_one) -> Tensor:
    n = x.shape[-1]
    if not n:
        return x.new_full(x.shape[:-1], -math.inf)
    rows = x.reshape(-1, n)
    block = max(1, BLOCK // n)
    results = [one(_wide(piece)) for piece in rows.split(block)]
    return torch.cat(results).reshape(x.shape[:-1]).to(x.dtype)


@mistake(
    "fast_logsumexp",
    "torch.logsumexp is what is to be beaten: a block of it is still it.",
    fault="gate:forbidden-direct",
)
def logsumexp_in_blocks(x: Tensor) -> Tensor:
    return _blocks(x, lambda rows: torch.logsumexp(rows, -1))


@mistake(
    "fast_logsumexp",
    "x.logsumexp(...) is the forbidden torch.logsumexp, spelled as a method.",
    fault="gate:forbidden-method",
)
def logsumexp_as_method(x: Tensor) -> Tensor:
    return _blocks(x, lambda rows: rows.logsumexp(-1))


@mistake(
    "fast_logsumexp",
    "One row at a time: Python is called for every row, and for short rows it takes most of the time. Take as many rows as fill a "
    "block. (A public trainer did this for years: see the case file.)",
    fault="growth",
)
def row_by_row(x: Tensor) -> Tensor:
    n = x.shape[-1]
    if not n or not x.numel():
        return x.new_full(x.shape[:-1], -math.inf)
    return torch.stack([_one(_wide(row)) for row in x.reshape(-1, n)]).reshape(x.shape[:-1]).to(x.dtype)


@mistake(
    "fast_logsumexp",
    "The whole tensor is worked on at once: a second one of its size is made, and the system finds memory for it page by page. "
    "Work in blocks of rows.",
    fault="memory",
)
def whole_at_once(x: Tensor) -> Tensor:
    if not x.shape[-1]:
        return x.new_full(x.shape[:-1], -math.inf)
    return _one(_wide(x.reshape(-1, x.shape[-1]))).reshape(x.shape[:-1]).to(x.dtype)


@mistake(
    "fast_logsumexp",
    "log(sum(exp(x))) without a shift: in float32 exp overflows above 88.7. Faster, and wrong.",
)
def unshifted(x: Tensor) -> Tensor:
    return _blocks(x, lambda rows: rows.exp().sum(-1).log())


@mistake(
    "fast_logsumexp",
    "One maximum serves a whole block: rows far below it underflow to log 0. Each row has its own.",
)
def one_shift_a_block(x: Tensor) -> Tensor:
    def one(rows: Tensor) -> Tensor:
        largest = torch.finfo(rows.dtype).max
        shift = rows.max().clamp(-largest, largest) if rows.numel() else 0.0
        return (rows - shift).exp().sum(-1).log() + shift

    return _blocks(x, one)


@mistake(
    "fast_logsumexp",
    "A row whose maximum is infinite gives nan: -inf - (-inf). Subtract a finite number there.",
)
def infinite_shift(x: Tensor) -> Tensor:
    def one(rows: Tensor) -> Tensor:
        top = rows.amax(-1, keepdim=True)
        return ((rows - top).exp().sum(-1, keepdim=True).log() + top).squeeze(-1)

    return _blocks(x, one)


@mistake(
    "fast_logsumexp",
    "The last block is left out: it is shorter than the others, and range(rows // block) does not reach it.",
)
def last_block_lost(x: Tensor) -> Tensor:
    n = x.shape[-1]
    if not n:
        return x.new_full(x.shape[:-1], -math.inf)
    rows = x.reshape(-1, n)
    block = max(1, min(BLOCK // n, len(rows)))
    result = rows.new_zeros(len(rows))
    for number in range(len(rows) // block):
        here = slice(number * block, (number + 1) * block)
        result[here] = _one(_wide(rows[here]))
    return result.reshape(x.shape[:-1])


@mistake(
    "fast_logsumexp",
    "The work is done in place, in x itself: that saves the memory and spoils the caller's tensor. Take a buffer of a block's size.",
)
def in_place(x: Tensor) -> Tensor:
    def one(rows: Tensor) -> Tensor:
        largest = torch.finfo(rows.dtype).max
        shift = rows.amax(-1, keepdim=True).clamp(-largest, largest)
        return rows.sub_(shift).exp_().sum(-1, keepdim=True).log_().add_(shift).squeeze(-1)

    return _blocks(x, one)


@mistake(
    "fast_logsumexp",
    "Half types are summed in their own precision: the sum overflows or loses its digits. Widen each block to float32.",
)
def half_summed(x: Tensor) -> Tensor:
    n = x.shape[-1]
    if not n:
        return x.new_full(x.shape[:-1], -math.inf)
    rows = x.reshape(-1, n)
    return torch.cat([_one(piece) for piece in rows.split(max(1, BLOCK // n))]).reshape(x.shape[:-1])


@mistake(
    "fast_logsumexp",
    "Everything is computed in float32, float64 too: half of its digits are lost. `.float()` is for half types only.",
)
def float64_narrowed(x: Tensor) -> Tensor:
    return _blocks(x.float()).to(x.dtype) if x.dtype == torch.float64 else _blocks(x)


@mistake("fast_logsumexp", "The result of a half type is float32: return to x's dtype.")
def float32_out(x: Tensor) -> Tensor:
    return _blocks(_wide(x))


@mistake(
    "fast_logsumexp",
    "Rows of length 0 have no maximum, and amax raises: the sum of nothing is 0, its logarithm -inf. Ask for the length first.",
)
def empty_rows(x: Tensor) -> Tensor:
    n = x.shape[-1]
    rows = x.flatten(0, -2) if x.dim() > 1 else x.unsqueeze(0)
    results = [_one(_wide(piece)) for piece in rows.split(max(1, BLOCK // max(n, 1)))]
    return torch.cat(results).reshape(x.shape[:-1]).to(x.dtype)


@mistake(
    "fast_logsumexp",
    "The result is one long row: give it the batch's shape, x.shape[:-1].",
)
def flat_result(x: Tensor) -> Tensor:
    return _blocks(x).reshape(-1)


@mistake(
    "fast_logsumexp",
    "The sign is turned: log_softmax is x minus the log-sum-exp, so the log-sum-exp is the maximum minus the maximum of log_softmax.",
)
def sign_of_log_softmax(x: Tensor) -> Tensor:
    return _blocks(x, lambda rows: rows.amax(-1) + torch.log_softmax(rows, -1).amax(-1))


@mistake(
    "fast_logsumexp",
    "The maximum is not added back: that is the log-sum-exp of the shifted row.",
)
def shift_not_added(x: Tensor) -> Tensor:
    def one(rows: Tensor) -> Tensor:
        largest = torch.finfo(rows.dtype).max
        return (rows - rows.amax(-1, keepdim=True).clamp(-largest, largest)).exp().sum(-1).log()

    return _blocks(x, one)


@mistake(
    "fast_logsumexp",
    "A row of -inf gives the lowest finite number: nan_to_num (or a clamp of the input) makes numbers of infinities. The result "
    "of such a row is -inf, of one with +inf it is +inf, and nan stays nan.",
)
def infinities_replaced(x: Tensor) -> Tensor:
    return _blocks(x, lambda rows: _one(rows.nan_to_num()))


@mistake(
    "fast_logsumexp",
    "Pieces of a long row are added up: sums add, logarithms of sums do not. The row's is the log-sum-exp of the pieces'.",
)
def pieces_added(x: Tensor) -> Tensor:
    n = x.shape[-1]
    if n <= BLOCK:
        return _blocks(x)
    return torch.stack([_blocks(piece) for piece in x.split(BLOCK, -1)]).sum(0)
