"""Sampling with Gumbel noise: draws from softmax(logits) that no normaliser is computed for, soft ones included."""

from collections.abc import Sequence

import torch
from torch import Tensor


def gumbel_noise(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Return independent draws of the standard Gumbel distribution, $P(G \le g) = e^{-e^{-g}}$.

    Args:
        shape: The shape of the result, () and empty ones included.
        dtype: float16, bfloat16, float32 or float64. The draws are made in float32 or wider and
            then rounded.
        device: Where the result lives.
        generator: The source of randomness, on `device`; None is torch's default one.

    Returns:
        Shape `shape`: never infinite, never nan, whatever the source draws.

    Forbidden: torch.distributions, torch.nn.functional.gumbel_softmax. torch.rand and exponential_
        are welcome.

    Source: document 004; $G = -\log(-\log U)$ with $U$ uniform in the open interval (0, 1).
    """
    u = torch.rand(shape, dtype=torch.float64, device=device, generator=generator)
    # -log(1 - u) is a standard exponential. The large noise that decides comes from u near 0: there log1p keeps every
    # digit, float64 has draws down to 2**-53, and what falls on 0 itself is put just below that.
    exponential = u.clamp_(min=2**-54).neg_().log1p_().neg_()  # in place: nobody else holds u
    return exponential.log_().neg_().to(dtype)


def _perturbed(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return logits + Gumbel noise, in float32 for half types: there, noise rounds away beside a large logit."""
    wide = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    return wide + gumbel_noise(wide.shape, dtype=wide.dtype, device=wide.device, generator=generator)


def gumbel_max(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    r"""Return one index for each row, drawn with the probabilities $\mathrm{softmax}(\mathrm{logits})$.

    Args:
        logits: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; -inf allowed (never
            drawn). At least one logit of each row is finite.
        generator: The source of randomness; None is torch's default one.

    Returns:
        Shape `(*batch)`, int64.

    Forbidden: torch.multinomial and torch.distributions.

    Source: $\arg\max_i (x_i + G_i)$, proved in the notebook.
    """
    return _perturbed(logits, generator).argmax(-1)


def gumbel_softmax(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Return the relaxed sample $\mathrm{softmax}((x + G) / \tau)$; with `hard`, one-hot with the soft gradient.

    Args:
        logits: Any shape of at least one dimension; float16, bfloat16, float32 or float64; -inf
            allowed (weight 0).
        tau: The temperature, positive: it sets how sharp a sample is, not which index is its
            largest.
        hard: Whether the value is the one-hot vector of the largest weight. The gradient is that of
            the soft sample.
        dim: The dimension of the categories.
        generator: The source of randomness; None is torch's default one.

    Returns:
        Shape and dtype of `logits`; along `dim` it sums to 1. With `hard`, each number is exactly 0
        or 1.

    Raises:
        ValueError: tau is not positive.

    Forbidden: torch.nn.functional.gumbel_softmax and torch.distributions. torch.softmax is welcome.

    Source: document 004, "torch.nn.functional.gumbel_softmax()".
    """
    if not tau > 0:
        raise ValueError(f"tau must be positive, got {tau}")
    noisy = _perturbed(logits, generator)
    # The shift comes before the division: a gap of 0 stays 0 at any tau, and no quotient is inf - inf.
    gaps = noisy - noisy.detach().amax(dim, keepdim=True)
    soft = torch.softmax(gaps / tau, dim).to(logits.dtype)
    if not hard:
        return soft
    one_hot = torch.zeros_like(soft).scatter(dim, noisy.detach().argmax(dim, keepdim=True), 1.0)
    # Exactly 0 or 1: 0 - y + y is 0, and (1 - y) + y rounds to 1 for every y in [0, 1].
    return one_hot - soft.detach() + soft


def gumbel_top_k(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    r"""Return k different indices for each row, drawn one after the other without replacement.

    The first has the law $\mathrm{softmax}(\mathrm{logits})$, each later one that of the classes
    which are left.

    Args:
        logits: Shape `(*batch, n)`; float16, bfloat16, float32 or float64; -inf allowed (drawn
            after all others).
        k: How many, from 0 to n.
        generator: The source of randomness; None is torch's default one.

    Returns:
        Shape `(*batch, k)`, int64, in the order of the draws (of the perturbed logits, the largest
        first).

    Forbidden: torch.multinomial and torch.distributions.

    Source: the k largest of $x_i + G_i$; Plackett and Luce's law.
    """
    return _perturbed(logits, generator).topk(k, dim=-1).indices
