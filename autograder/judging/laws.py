"""Tests of random answers: form first, then laws, each of which a right sampler fails once in a million runs.

A judge takes the call and a driver's result; a test takes the call and a tensor. Complaints carry frequencies, by which
a known mistake is told from another one.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.answer import Complaint
from autograder.judging import messages
from autograder.judging.closeness import dtype_name, read_output
from autograder.spec import Call

ALPHA = 1e-6
LEAST_EXPECTED = 5.0  # cells with fewer expected draws are put together: chi-square is an approximation
Test = Callable[[Call, Tensor], Complaint | None]
Judge = Callable[[Call, Any], Complaint | None]


def chi_square(counts: Tensor, probabilities: Tensor) -> float:
    """Return how probable counts as far off as these, shape (k,), are under `probabilities`; 0 if one cannot be."""
    counts, expected = counts.double(), probabilities.double() * counts.sum()
    if bool((counts[expected == 0] > 0).any()):
        return 0.0
    rare = expected < LEAST_EXPECTED
    cells = torch.cat([counts[~rare], counts[rare].sum().reshape(1)])
    wanted = torch.cat([expected[~rare], expected[rare].sum().reshape(1)])
    cells, wanted = cells[wanted > 0], wanted[wanted > 0]
    if len(cells) < 2:
        return 1.0
    statistic = ((cells - wanted) ** 2 / wanted).sum()
    freedom = torch.tensor((len(cells) - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(freedom, statistic / 2))


def kolmogorov(levels: Tensor) -> float:
    """Return the probability that uniform numbers lie as far from uniform as `levels`, values of a cdf, shape (n,)."""
    ordered, n = levels.double().sort().values, len(levels)
    steps = torch.arange(n + 1, dtype=torch.float64) / n
    distance = max(float((ordered - steps[:-1]).max()), float((steps[1:] - ordered).max()))
    scaled = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    if not scaled > 0.2:  # the series does not converge there; nan is no number of a cdf
        return 1.0 if scaled <= 0.2 else 0.0
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * k * k * scaled * scaled) for k in range(1, 101))
    return min(1.0, max(0.0, math.fsum(terms)))


def binomial(hits: int, tries: int, probability: float) -> float:
    """Return the probability of a number of hits as far off as this, by the normal law (many hits and misses)."""
    deviation = math.sqrt(tries * probability * (1 - probability))
    return math.erfc(abs(hits - tries * probability) / deviation / math.sqrt(2))


def complain(kind: str, call: Call, got: str, expected: str, frequencies: Sequence[float] = ()) -> Complaint:
    """Return a complaint about a random answer."""
    tensors = [a for a in call.args if isinstance(a, Tensor)]
    focus = (0,) * (tensors[0].dim() - 1) if tensors and tensors[0].numel() else None
    text = f"{messages.given(call, focus)}\ngot       {got}\nexpected  {expected}"
    return Complaint(f"law-{kind}", text, frequencies=tuple(frequencies))


def numbers(values: Sequence[float]) -> str:
    """Return numbers for a message."""
    return "[" + ", ".join(f"{v:.3g}" for v in values) + "]"


def form(call: Call, result: Any, shape: tuple[int, ...], dtype: torch.dtype) -> Complaint | None:
    """Return what is wrong with a described answer's type, shape or dtype."""
    output = read_output(result)
    if isinstance(output, str):
        return complain(f"type {output}", call, messages.spoken(output), "a tensor")
    if tuple(output.shape) != shape:
        return complain(f"shape {tuple(output.shape)}", call, f"shape {tuple(output.shape)}", f"shape {shape}")
    if output.dtype != dtype:
        wrong = complain("dtype", call, dtype_name(output.dtype), dtype_name(dtype))
        return Complaint("dtype", wrong.message)
    return None


def several(call: Call, outputs: Sequence[Any]) -> list[Tensor] | Complaint:
    """Return the tensors in described answers to calls like this one, or what is wrong with them."""
    tensors = [output for output in map(read_output, outputs) if isinstance(output, Tensor)]
    same = len(tensors) == len(outputs) and len({t.shape for t in tensors}) == 1
    return tensors if same else complain("type", call, "no tensors of one shape", "a tensor from each call")


def drawn(shape: Callable[[Call], tuple[int, ...]], dtype: Callable[[Call], torch.dtype], *tests: Test) -> Judge:
    """Return a judge of one random tensor: its form, then the tests in their order."""

    def judge(call: Call, result: Any) -> Complaint | None:
        wrong = form(call, result, shape(call), dtype(call))
        if wrong is not None:
            return wrong
        output = read_output(result)
        assert isinstance(output, Tensor)
        return next(filter(None, (test(call, output) for test in tests)), None)

    return judge


def frequencies(call: Call, cells: Tensor, probabilities: Tensor, what: str) -> Complaint | None:
    """Test by chi-square that `cells`, integers from 0 to k - 1, come with these probabilities, shape (k,)."""
    counts = torch.bincount(cells.reshape(-1), minlength=len(probabilities))
    if len(counts) == len(probabilities) and chi_square(counts, probabilities) >= ALPHA:
        return None
    got = (counts.double() / max(1, int(counts.sum()))).tolist()
    return complain("frequencies", call, f"{what} {numbers(got[:8])}", numbers(probabilities.tolist()[:8]), got)


def neighbours(call: Call, cells: Tensor, probabilities: Tensor, dim: int) -> Complaint | None:
    """Test that neighbours along `dim` agree as often as independent draws do."""
    pairs = cells.movedim(dim, 0)
    same = pairs[0::2] == pairs[1::2]
    alike = float((probabilities**2).sum())
    rate = float(same.double().mean())
    if binomial(int(same.sum()), same.numel(), alike) >= ALPHA:
        return None
    got = f"neighbours along dimension {dim} that agree: {rate:.3f} of all"
    return complain(f"dependent {dim}", call, got, f"{alike:.3f}, as in independent draws", (rate,))


def distribution(call: Call, draws: Tensor, cdf: Callable[[Tensor], Tensor], name: str) -> Complaint | None:
    """Test by Kolmogorov and Smirnov that numbers have this distribution."""
    levels = cdf(draws.double().reshape(-1))
    if kolmogorov(levels) >= ALPHA:
        return None
    quarters = [float((levels <= q).double().mean()) for q in (0.1, 0.25, 0.5, 0.75, 0.9)]
    got = f"shares below the 10, 25, 50, 75 and 90 % points: {numbers(quarters)}"
    return complain("distribution", call, got, f"[0.1, 0.25, 0.5, 0.75, 0.9], the {name}", quarters)
