"""Losses of predicted distributions over classes."""

import torch
from torch import Tensor


def nll_loss(
    log_probs: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    r"""Return the negative log-probabilities of the target classes, $-w_y \log p_y$.

    The specification, as a loop over rows:

        losses = [0.0 if y == ignore_index else -weight[y] * row[y] for row, y in zip(log_probs, target)]
        answer = sum(losses) / sum(weight[y] for y in target if y != ignore_index)  # "mean"

    Args:
        log_probs: Shape `(C)`, `(N, C)` or `(N, C, d1, ...)`; float16, bfloat16, float32 or
            float64; -inf allowed.
        target: Class indices, int64, of the shape of `log_probs` without C. Each is in [0, C) or
            `ignore_index`.
        weight: One factor for each class, shape `(C)`, dtype of `log_probs`; None stands for ones.
        ignore_index: A target that counts neither in the loss nor in the mean, whatever its row
            holds (nan too).
        reduction: "none", "sum", or "mean", which divides by the sum of the weights of the kept
            targets.

    Returns:
        The shape of `target` for "none", else a scalar; dtype of `log_probs`. Half types are
        computed in float32. With nothing kept, "mean" gives nan and "sum" 0.

    Raises:
        ValueError: `reduction` is none of the three.

    Forbidden: torch's nll_loss, cross_entropy, linear_cross_entropy and their modules.

    Source: document 003, "Cross-Entropy Loss Computation".
    """
    raise NotImplementedError("nll_loss")


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the cross-entropy of target classes, or of target distributions, and softmax(logits).

    The specification, for one row of logits and target probabilities t, as a loop in float64:

        log_total = math.log(sum(math.exp(v - max(row)) for v in row))
        answer = sum(weight[c] * t[c] * (log_total + max(row) - row[c]) for c in range(C) if t[c] > 0)

    A class index y stands for t = 1 at y and 0 elsewhere; smoothing makes of t the mixture
    (1 - label_smoothing) * t + label_smoothing / C.

    Args:
        logits: Shape `(C)`, `(N, C)` or `(N, C, d1, ...)`; float16, bfloat16, float32 or float64;
            -inf allowed.
        target: Class indices, int64, of the shape of `logits` without C; or class probabilities, of
            the shape and dtype of `logits`.
        weight: One factor for each class, shape `(C)`, dtype of `logits`; None stands for ones.
        ignore_index: A class index that counts neither in the loss nor in the mean, whatever its
            row holds (nan too). It plays no part with class probabilities.
        reduction: "none", "sum", or "mean". The mean of class indices divides by the sum of the
            weights of the kept targets (`weight[y]`, smoothed or not), the mean of class
            probabilities by the number of rows.
        label_smoothing: The share of the uniform distribution in the target, in [0, 1].

    Returns:
        The shape of `logits` without C for "none", else a scalar; dtype of `logits`. Half types are
        computed in float32. A class of probability 0 contributes 0, though its logit be -inf;
        smoothing over a logit of -inf gives inf. A row of -inf, or with +inf, gives nan. With
        nothing kept, "mean" gives nan and "sum" 0.

    Raises:
        ValueError: `reduction` is none of the three.

    Forbidden: torch's cross_entropy, nll_loss, linear_cross_entropy, softmax, log_softmax,
        logsumexp, logaddexp and what wraps them. Your own functions of earlier chapters are
        welcome.

    Source: document 003, "Cross-Entropy Loss Computation".
    """
    raise NotImplementedError("cross_entropy")
