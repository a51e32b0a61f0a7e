"""Exact answers in high precision where an exercise has none: its reference is as good as float64 allows, no better."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import torch
from torch import Tensor

from autograder.judging.truth import DIGITS, wide
from autograder.spec import Exact


def _weights(row: list[float]) -> list[Any]:
    terms = [mpmath.exp(v - max(row)) for v in map(mpmath.mpf, row)]
    return [t / mpmath.fsum(terms) for t in terms]


def _of_rows(formula: Callable[[list[Any], list[Any]], Any]) -> Callable[[Tensor, Tensor], Exact]:
    """Make a precise divergence of rows of finite logits out of one of two lists of probabilities."""

    def precise(q_logits: Tensor, p_logits: Tensor) -> Exact:
        tables = (wide(v).reshape(-1, v.shape[-1]).tolist() for v in (q_logits, p_logits))
        with mpmath.workdps(DIGITS):
            exact = [formula(_weights(q), _weights(p)) for q, p in zip(*tables, strict=True)]
            high = [float(n) for n in exact]
            low = [float(n - mpmath.mpf(h)) if math.isfinite(h) else 0.0 for n, h in zip(exact, high, strict=True)]
        shape = q_logits.shape[:-1]
        return Exact(*(torch.tensor(part, dtype=torch.float64).reshape(shape) for part in (high, low)))

    return precise


def _kl(q: list[Any], p: list[Any]) -> Any:
    return mpmath.fsum(a * mpmath.log(a / b) for a, b in zip(p, q, strict=True))


def _js(q: list[Any], p: list[Any]) -> Any:
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return (_kl(middle, p) + _kl(middle, q)) / 2


kl_from_logits = _of_rows(_kl)
js_from_logits = _of_rows(_js)
