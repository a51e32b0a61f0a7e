"""Known wrong implementations of `sampling`. Each is right but for its own mistake."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.mistakes import mistake


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _uniform(
    shape: Sequence[int], device: torch.device | str, generator: torch.Generator | None, lift: float = 2**-54
) -> Tensor:
    """Return uniform numbers that never are 0."""
    return torch.rand(shape, dtype=torch.float64, device=device, generator=generator).clamp(min=lift)


def _gumbel(x: Tensor, generator: torch.Generator | None) -> Tensor:
    return -(-(-_uniform(x.shape, x.device, generator)).log1p()).log().to(x.dtype)


def _sharpen(noisy: Tensor, tau: float, dim: int) -> Tensor:
    return ((noisy - noisy.detach().amax(dim, keepdim=True)) / tau).softmax(dim)


def _finish(soft: Tensor, logits: Tensor, hard: bool, dim: int) -> Tensor:
    soft = soft.to(logits.dtype)
    if not hard:
        return soft
    return torch.zeros_like(soft).scatter(dim, soft.argmax(dim, keepdim=True), 1.0) - soft.detach() + soft


def _demand(tau: float) -> None:
    if not tau > 0:
        raise ValueError("tau must be positive")


# gumbel_noise


@mistake(
    "gumbel_noise",
    "The outer minus is missing: log(-log U) is the noise upside down, with its long tail on the losing side.",
)
def flipped_noise(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return (-(-_uniform(shape, device, generator)).log1p()).log().to(dtype)


@mistake("gumbel_noise", "-log U is exponential noise: the logarithm of that, negated, is Gumbel's.")
def one_logarithm(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return (-(-_uniform(shape, device, generator)).log1p()).to(dtype)


@mistake("gumbel_noise", "Normal noise has another law: the argmax of logits + normal noise is not drawn by softmax.")
def normal_noise(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return torch.randn(shape, dtype=torch.float32, device=device, generator=generator).to(dtype)


@mistake(
    "gumbel_noise",
    "Mean and variance are Gumbel's, the law is not: a normal tail falls like exp(-g*g), Gumbel's like exp(-g). Transform a uniform number.",
)
def normal_of_gumbels_variance(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return (torch.randn(shape, device=device, generator=generator) * 1.2825498 + 0.5772157).to(dtype)


@mistake("gumbel_noise", "Uniform numbers are returned as they are: they still have to go through -log(-log U).")
def uniform_noise(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return _uniform(shape, device, generator).to(dtype)


@mistake(
    "gumbel_noise",
    "torch.rand draws 0 now and then (once in 16 million in float32): -log(-log 0) is -inf. Keep U away from 0 before the logarithm.",
)
def zero_is_drawn(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    u = torch.rand(shape, dtype=torch.float64, device=device, generator=generator)
    return -(-u.log()).log().to(dtype)


@mistake(
    "gumbel_noise",
    "At U = 0 your exponential number is 0, and -log 0 is +inf: added to a masked logit, -inf, it makes nan. Keep U away from 0.",
)
def infinite_noise(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    u = torch.rand(shape, dtype=torch.float64, device=device, generator=generator)
    return -(-(-u).log1p()).log().to(dtype)


@mistake(
    "gumbel_noise",
    "The uniform numbers are drawn in the half type itself: it ends at 1 - 2**-11 (float16) or 1 - 2**-8 (bfloat16), so no noise is larger than 7.6 or 5.5. Draw in float32 or wider, then round.",
)
def drawn_in_half(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    u = torch.rand(shape, dtype=dtype, device=device, generator=generator).double().clamp(min=2**-54)
    return -(-u.log()).log().to(dtype)


@mistake(
    "gumbel_noise",
    "The uniform numbers are drawn in the half type itself: what would round to 1 comes as 0 (one draw in 512 of bfloat16), and its noise is -inf instead of large; the others end at 7.6 (float16) or 5.5 (bfloat16). Draw in float32 or wider, keep off 0, then round the noise.",
)
def textbook_in_half(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    u = torch.rand(shape, dtype=dtype, device=device, generator=generator)
    return -(-u.log()).log()


@mistake(
    "gumbel_noise",
    "The epsilon that keeps the logarithm finite is so large that it cuts the tail off: with 1e-3 no noise exceeds 6.9. It has to be smaller than the smallest number drawn.",
)
def large_epsilon(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    u = torch.rand(shape, dtype=torch.float64, device=device, generator=generator)
    return -((-(u + 1e-3).clamp(max=1 - 1e-3).log()) + 1e-3).log().to(dtype)


@mistake(
    "gumbel_noise",
    "One row of noise is drawn and used for all rows: they move together. Every number of the result needs a draw of its own.",
)
def one_row_for_all(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    u = _uniform(tuple(shape)[-1:], device, generator)
    return -(-(-u).log1p()).log().to(dtype).expand(tuple(shape)).clone()


@mistake(
    "gumbel_noise", "The generator is not passed on, so a seed does not repeat the draws: torch.rand takes generator=."
)
def noise_without_generator(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return -(-(-_uniform(shape, device, None)).log1p()).log().to(dtype)


@mistake(
    "gumbel_noise",
    "A seed is set inside of the function: every call draws the same numbers. Seeds are the caller's.",
)
def seeds_itself(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    torch.manual_seed(0)
    return -(-(-_uniform(shape, device, generator)).log1p()).log().to(dtype)


@mistake(
    "gumbel_noise", "The noise lives on the CPU whatever `device` says: pass device= on to torch.rand.", fault="leak"
)
def noise_on_the_cpu(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return -(-(-_uniform(shape, "cpu", generator)).log1p()).log().to(dtype)


@mistake("gumbel_noise", "`dtype` is ignored: round the noise to it at the end, `.to(dtype)`.")
def always_float32(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return -(-(-_uniform(shape, device, generator)).log1p()).log().float()


@mistake(
    "gumbel_noise",
    "`dtype` is ignored and the noise stays float64: end with `.to(dtype)`. There is no x here to ask: dtype= and device= say what the result is.",
)
def noise_always_float64(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return -(-(-_uniform(shape, device, generator)).log1p()).log()


@mistake(
    "gumbel_noise",
    "U is rounded to `dtype` before the logarithms: in bfloat16 one draw in 512 becomes 1, and its noise is inf. Take both logarithms in float64; round the noise, not U.",
)
def uniform_rounded(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    u = torch.rand(shape, dtype=torch.float64, device=device, generator=generator).to(dtype)
    return -(-u.log()).log()


@mistake(
    "gumbel_noise",
    "U is rounded to `dtype` before log1p: what becomes 1 gives -inf. Take both logarithms in float64; round the noise, not U.",
)
def uniform_rounded_before_log1p(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    u = _uniform(shape, device, generator).to(dtype)
    return -(-(-u).log1p()).log()


@mistake(
    "gumbel_noise",
    "The exponential numbers are drawn in the half type: in float16 what is below 2**-25 becomes 0, and its noise is inf; in bfloat16 the draws are coarse. Draw with dtype=torch.float32 or wider, take the logarithm, then round.",
)
def exponential_in_half(
    shape: Sequence[int],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    generator: torch.Generator | None = None,
) -> Tensor:
    return -torch.empty(tuple(shape), dtype=dtype, device=device).exponential_(generator=generator).log()


# gumbel_max


@mistake("gumbel_max", "No noise is added: that is the most likely class each time, and no draw.")
def greedy(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    return logits.argmax(-1)


@mistake("gumbel_max", "The noise is added to softmax(logits): it has to be added to the logits, which are logarithms.")
def noise_on_probabilities(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return torch.where(logits.isneginf(), logits, wide.softmax(-1) + _gumbel(wide, generator)).argmax(-1)


@mistake("gumbel_max", "The noise is normal: only Gumbel noise makes the winner's law softmax.")
def normal_max(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + torch.randn(wide.shape, device=wide.device, generator=generator)).argmax(-1)


@mistake("gumbel_max", "The noise is uniform: it has to go through -log(-log U) first.")
def uniform_max(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _uniform(wide.shape, wide.device, generator)).argmax(-1)


@mistake(
    "gumbel_max", "The noise is subtracted: Gumbel's law is not symmetric, and its long tail belongs to the winners."
)
def subtracted_noise(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide - _gumbel(wide, generator)).argmax(-1)


@mistake(
    "gumbel_max",
    "All rows get the same noise: each row's law is right, and all rows agree. Draw noise of the whole shape of the logits.",
)
def shared_noise(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide[(0,) * (wide.dim() - 1)] if wide.numel() else wide, generator)).argmax(-1)


@mistake(
    "gumbel_max",
    "The sum is formed in the logits' half type: beside a logit of 100 bfloat16 has steps of 1/2, the noise is rounded away. Add in float32.",
)
def sum_in_half(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    return (logits + _gumbel(_wide(logits), generator).to(logits.dtype)).argmax(-1)


@mistake("gumbel_max", "The generator is not passed on: equal seeds have to give equal draws.")
def max_without_generator(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, None)).argmax(-1)


@mistake(
    "gumbel_max",
    "The noise is infinite where 0 was drawn: +inf beside a logit of -inf makes nan, and argmax takes nan for the largest. Finite noise only.",
)
def infinite_in_the_race(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    u = torch.rand(wide.shape, dtype=wide.dtype, device=wide.device, generator=generator)
    return (wide - (-(-u).log1p()).log()).argmax(-1)


@mistake("gumbel_max", "The result keeps a last dimension of length 1: its shape is that of the batch.")
def kept_index(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, generator)).argmax(-1, keepdim=True)


@mistake("gumbel_max", "The largest is taken over the first dimension, or over all: categories lie along the last.")
def first_dimension(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, generator)).argmax(0)


@mistake("gumbel_max", "The values of the maxima are returned; asked are their places, argmax.")
def largest_value(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, generator)).amax(-1)


@mistake(
    "gumbel_max",
    "torch.multinomial does the whole exercise, from probabilities: add noise to the logits and take the argmax.",
    fault="gate:forbidden-direct",
)
def multinomial(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    rows = _wide(logits).softmax(-1).reshape(-1, logits.shape[-1])
    return torch.multinomial(rows, 1, generator=generator).reshape(logits.shape[:-1])


@mistake(
    "gumbel_max",
    "The draw goes through cumulative sums: at U = 0 the first class wins even with a logit of -inf, and in a large vocabulary the sums saturate. Add noise, take the argmax: no sum is needed.",
)
def cumulative_sum(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    p = logits.double().softmax(-1)
    u = torch.rand(logits.shape[:-1], dtype=torch.float64, device=logits.device, generator=generator)
    return (p.cumsum(-1) < u.unsqueeze(-1) * p.cumsum(-1)[..., -1:]).sum(-1)


@mistake(
    "gumbel_max",
    "-log(-log(torch.rand(...))) is the textbook's noise: U = 0 comes once in 16 million float32 draws, and its noise is -inf. If it falls on the only allowed class, all sums are -inf and argmax takes the first, a forbidden one. (Section 1 is the same at the other end: U rounded to 1 in half precision.) Use your gumbel_noise.",
)
def textbook_in_the_race(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    u = torch.rand(wide.shape, dtype=wide.dtype, device=wide.device, generator=generator)
    return (wide - (-u.log()).log()).argmax(-1)


@mistake(
    "gumbel_max",
    "The indices are int32: argmax returns int64, which is what indexing asks for. Leave them as they are.",
)
def index_of_32_bits(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, generator)).argmax(-1).int()


@mistake(
    "gumbel_max",
    "float64 logits are rounded to float32: near 1e9 its steps are 64, and all classes tie. Only half types are computed in float32.",
)
def race_in_float32(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = logits.float()
    return (wide + _gumbel(wide, generator)).argmax(-1)


@mistake(
    "gumbel_max",
    "The logits are rounded to float16: beyond 65504 they are inf, all classes tie, and the first one wins. Compute float32 and float64 logits in their own dtype, half types in float32.",
)
def logits_in_float16(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = logits.half().float()
    return (wide + _gumbel(wide, generator)).argmax(-1)


@mistake(
    "gumbel_max",
    "A finite number stands in for -inf, such as -1e4, -1e9 or finfo(float16).min: a logit of -1e30 then loses to a class that cannot occur. Leave -inf as it is: finite noise keeps it -inf.",
)
def finite_stand_in(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    kept = wide.masked_fill(wide.isneginf(), torch.finfo(torch.float16).min)
    return (kept + _gumbel(wide, generator)).argmax(-1)


# gumbel_softmax


@mistake("gumbel_softmax", "No noise is added: that is softmax(logits / tau), and no sample.")
def softmax_only(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    return _finish(_sharpen(_wide(logits), tau, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "tau divides the logits alone: then it changes which class is the largest. The sum of logits and noise is divided.",
)
def tau_on_the_logits(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    return _finish(_sharpen(wide / tau + _gumbel(wide, generator), 1.0, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "tau divides (or multiplies) the noise alone: then it changes which class is the largest. The sum of logits and noise is divided.",
)
def tau_on_the_noise(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    return _finish(_sharpen(wide + _gumbel(wide, generator) / tau, 1.0, dim), logits, hard, dim)


@mistake("gumbel_softmax", "tau multiplies: a small tau has to make samples sharp, so the sum is divided by it.")
def multiplied_by_tau(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    return _finish(_sharpen((wide + _gumbel(wide, generator)) * tau, 1.0, dim), logits, hard, dim)


@mistake("gumbel_softmax", "tau is ignored: divide the sum of logits and noise by it.")
def tau_ignored(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    return _finish(_sharpen(wide + _gumbel(wide, generator), 1.0, dim), logits, hard, dim)


@mistake("gumbel_softmax", "The noise is normal: the largest weight then is not drawn by softmax(logits).")
def normal_softmax(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    noise = torch.randn(wide.shape, dtype=wide.dtype, device=wide.device, generator=generator)
    return _finish(_sharpen(wide + noise, tau, dim), logits, hard, dim)


@mistake("gumbel_softmax", "The noise is added to softmax(logits): it belongs to the logits, before the softmax.")
def noise_after_softmax(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    p = torch.where(wide.isneginf(), wide, wide.softmax(dim))
    return _finish(_sharpen(p + _gumbel(wide, generator), tau, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "All rows get the same noise: they move together. Draw noise of the whole shape of the logits.",
)
def shared_softmax_noise(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    part = wide[(0,) * (wide.dim() - 1)] if wide.numel() and dim == -1 else wide
    return _finish(_sharpen(wide + _gumbel(part, generator), tau, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "The hard sample has no gradient: argmax and one-hot are constants. Add the soft sample and take its value off: hard - soft.detach() + soft.",
)
def hard_without_gradient(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    return torch.zeros_like(soft).scatter(dim, soft.argmax(dim, keepdim=True), 1.0) if hard else soft


@mistake(
    "gumbel_softmax",
    "A mask on the soft sample, scaled until its value is 1, keeps the gradient of the winner only. The straight-through form is hard - soft.detach() + soft.",
)
def masked_soft(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    one_hot = torch.zeros_like(soft).scatter(dim, soft.argmax(dim, keepdim=True), 1.0)
    return one_hot * soft / soft.detach().amax(dim, keepdim=True) if hard else soft


@mistake(
    "gumbel_softmax",
    "`hard * soft` leaves the winner's weight where a 1 is asked for, and only its gradient. The straight-through form is hard - soft.detach() + soft.",
)
def hard_times_soft(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    return torch.zeros_like(soft).scatter(dim, soft.argmax(dim, keepdim=True), 1.0) * soft if hard else soft


@mistake("gumbel_softmax", "`hard` is ignored: with hard=True the value is one-hot.")
def never_hard(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    return _finish(_sharpen(wide + _gumbel(wide, generator), tau, dim), logits, False, dim)


@mistake("gumbel_softmax", "The sample is one-hot without hard=True as well: the soft weights are asked for then.")
def always_hard(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    return _finish(_sharpen(wide + _gumbel(wide, generator), tau, dim), logits, True, dim)


@mistake("gumbel_softmax", "With hard=True the index is returned: asked is the one-hot vector, in the logits' shape.")
def index_for_hard(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    return soft.argmax(dim) if hard else soft


@mistake(
    "gumbel_softmax",
    "The hard sample is made by rounding, or by a threshold of 1/2: with more than two classes no weight may reach it. Take the argmax.",
)
def hard_by_threshold(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    return (soft > 0.5).to(soft.dtype) - soft.detach() + soft if hard else soft


@mistake("gumbel_softmax", "`dim` is ignored: softmax, maximum and argmax all run along dim.")
def dim_ignored(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    return _finish(_sharpen(wide + _gumbel(wide, generator), tau, -1), logits, hard, -1)


@mistake(
    "gumbel_softmax",
    "A tau of 0 or below is accepted: 0 gives nan, and a negative one prefers the least likely class. Raise ValueError.",
)
def any_tau(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    wide = _wide(logits)
    return _finish(_sharpen(wide + _gumbel(wide, generator), tau, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "The sum is divided by tau before the maximum is taken off: with a tiny tau the quotients are infinite, and inf - inf is nan. Shift first, and compute half types in float32.",
)
def divided_first(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    noisy = ((_wide(logits) + _gumbel(_wide(logits), generator)) / tau).to(logits.dtype)
    return _finish(noisy.softmax(dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "The sum of logits and noise is formed in the half type: beside a logit of 100 bfloat16 has steps of 1/2. Add in float32, round the weights at the end.",
)
def softmax_sum_in_half(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    noisy = logits + _gumbel(_wide(logits), generator).to(logits.dtype)
    return _finish(_sharpen(_wide(noisy), tau, dim), logits, hard, dim)


@mistake("gumbel_softmax", "The generator is not passed on: equal seeds have to give equal samples.")
def softmax_without_generator(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    return _finish(_sharpen(wide + _gumbel(wide, None), tau, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "The gradient stops: the sample is detached, or made under no_grad. Only the noise and the winner's place are constants.",
)
def detached_sample(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits.detach())
    return _finish(_sharpen(wide + _gumbel(wide, generator), tau, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "torch.nn.functional.gumbel_softmax is the exercise itself: add your gumbel_noise and divide by tau.",
    fault="gate:forbidden-direct",
)
def torchs_own(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    return F.gumbel_softmax(logits, tau, hard, dim=dim)


@mistake(
    "gumbel_softmax",
    "`hard + soft - soft.detach()` adds before it takes off: 1 + y lies above 1, where floats are wider apart, and what was rounded there is left over. Take off first: hard - soft.detach() + soft.",
)
def soft_added_first(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    return (
        torch.zeros_like(soft).scatter(dim, soft.argmax(dim, keepdim=True), 1.0) + soft - soft.detach()
        if hard
        else soft
    )


@mistake(
    "gumbel_softmax",
    "`hard - soft + soft` has no gradient left: the two soft terms cancel in the backward as well. The one that is taken off is a constant: hard - soft.detach() + soft.",
)
def detach_forgotten(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    return torch.zeros_like(soft).scatter(dim, soft.argmax(dim, keepdim=True), 1.0) - soft + soft if hard else soft


@mistake(
    "gumbel_softmax",
    "The wrong term is detached: `hard - soft + soft.detach()` has the gradient of -soft. Detach the one that is taken off: hard - soft.detach() + soft.",
)
def detach_on_the_wrong_term(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    one_hot = torch.zeros_like(soft).scatter(dim, soft.argmax(dim, keepdim=True), 1.0)
    return one_hot - soft + soft.detach() if hard else soft


@mistake(
    "gumbel_softmax",
    "F.one_hot puts the classes last, wherever `dim` is: move them, F.one_hot(...).movedim(-1, dim), or scatter into zeros along dim.",
)
def one_hot_stays_last(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    one_hot = F.one_hot(soft.argmax(dim), soft.shape[dim]).to(soft.dtype)
    return one_hot - soft.detach() + soft if hard else soft


@mistake(
    "gumbel_softmax",
    "The one-hot vector is made by `soft == soft.amax(...)`: at a large tau weights tie, and then a row has several ones. Take the index, argmax, which is one.",
)
def several_winners(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim).to(logits.dtype)
    return (soft == soft.amax(dim, keepdim=True)).to(soft.dtype) - soft.detach() + soft if hard else soft


@mistake(
    "gumbel_softmax",
    "The weights are rounded to a half type before argmax looks for the largest: at a large tau they tie there, and the first of them wins. Take the winner from the sums of logits and noise, and round last.",
)
def winner_of_rounded_weights(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    soft = _sharpen(wide + _gumbel(wide, generator), tau, dim)
    winner = soft.bfloat16().argmax(dim, keepdim=True)
    soft = soft.to(logits.dtype)
    return torch.zeros_like(soft).scatter(dim, winner, 1.0) - soft.detach() + soft if hard else soft


@mistake(
    "gumbel_softmax", "`if tau < 0` lets 0 through, and 0 / 0 is nan. Ask `if not tau > 0`, which refuses nan as well."
)
def only_negative_tau_raises(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    if tau < 0:
        raise ValueError("tau must be positive")
    wide = _wide(logits)
    return _finish(_sharpen(wide + _gumbel(wide, generator), tau, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "float64 logits are computed in float32: the weights have 7 digits instead of 16, and near 1e9, where float32 has steps of 64, all classes tie. Only half types are computed in float32.",
)
def softmax_in_float32(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = logits.float()
    return _finish(_sharpen(wide + _gumbel(wide, generator), tau, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "Everything is computed in float16: the weights keep 3 digits, and logits beyond 65504 are inf. Compute float32 and float64 logits in their own dtype, half types in float32.",
)
def softmax_in_float16(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    half = logits.half()
    return _finish(_sharpen(half + _gumbel(half, generator), tau, dim), logits, hard, dim)


@mistake(
    "gumbel_softmax",
    "A finite number stands in for -inf, such as -1e4, -1e9 or finfo(float16).min: a logit of -1e30 then loses to a class that cannot occur. Leave -inf as it is: its weight is exactly 0.",
)
def softmax_stand_in(
    logits: Tensor,
    tau: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    _demand(tau)
    wide = _wide(logits)
    kept = wide.masked_fill(wide.isneginf(), torch.finfo(torch.float16).min)
    return _finish(_sharpen(kept + _gumbel(wide, generator), tau, dim), logits, hard, dim)


# gumbel_top_k


@mistake("gumbel_top_k", "No noise is added: these are the k most likely classes each time, and no draw.")
def best_k(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    return logits.topk(k, dim=-1).indices


@mistake("gumbel_top_k", "Each of the k gets noise of its own, so a class may be drawn twice. One noise, k largest.")
def with_replacement(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits).unsqueeze(-2).expand(*logits.shape[:-1], k, logits.shape[-1])
    return (wide + _gumbel(wide, generator)).argmax(-1)


@mistake("gumbel_top_k", "The indices are sorted by number: the order of the draws, the largest sum first, is lost.")
def sorted_by_number(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, generator)).topk(k, dim=-1).indices.sort(-1).values


@mistake("gumbel_top_k", "The order is reversed: the largest sum was drawn first.")
def last_first(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, generator)).topk(k, dim=-1).indices.flip(-1)


@mistake("gumbel_top_k", "The smallest sums are taken: sort in descending order.")
def smallest_k(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, generator)).topk(k, dim=-1, largest=False).indices


@mistake("gumbel_top_k", "The perturbed logits are returned; asked are their places, `.indices`.")
def values_of_top_k(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, generator)).topk(k, dim=-1).values


@mistake("gumbel_top_k", "All rows get the same noise: draw noise of the whole shape of the logits.")
def shared_top_k(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    part = wide[(0,) * (wide.dim() - 1)] if wide.numel() else wide
    return (wide + _gumbel(part, generator)).topk(k, dim=-1).indices


@mistake("gumbel_top_k", "The generator is not passed on: equal seeds have to give equal draws.")
def top_k_without_generator(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, None)).topk(k, dim=-1).indices


@mistake(
    "gumbel_top_k",
    "torch.multinomial draws without replacement, from probabilities: take the k largest perturbed logits.",
    fault="gate:forbidden-direct",
)
def multinomial_k(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    rows = _wide(logits).softmax(-1).reshape(-1, logits.shape[-1])
    return torch.multinomial(rows, k, generator=generator).reshape(*logits.shape[:-1], k)


@mistake("gumbel_top_k", "A logit of -inf is replaced by a finite number, so its class is drawn now and then.")
def mask_lost(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits).clamp(min=-5.0)
    return (wide + _gumbel(wide, generator)).topk(k, dim=-1).indices


@mistake(
    "gumbel_top_k",
    "The sum is formed in the logits' half type: beside a logit of 100 bfloat16 has steps of 1/2, the noise is rounded away, and ties go by number. Add in float32.",
)
def top_k_sum_in_half(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    return (logits + _gumbel(_wide(logits), generator).to(logits.dtype)).topk(k, dim=-1).indices


@mistake(
    "gumbel_top_k",
    "The indices are int32: topk returns int64, which is what indexing asks for. Leave them as they are.",
)
def top_k_of_32_bits(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    return (wide + _gumbel(wide, generator)).topk(k, dim=-1).indices.int()


@mistake(
    "gumbel_top_k",
    "float64 logits are rounded to float32: near 1e9 its steps are 64, and all classes tie. Only half types are computed in float32.",
)
def top_k_in_float32(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = logits.float()
    return (wide + _gumbel(wide, generator)).topk(k, dim=-1).indices


@mistake(
    "gumbel_top_k",
    "A finite number stands in for -inf, such as -1e4, -1e9 or finfo(float16).min: a logit of -1e30 then loses to a class that cannot occur. Leave -inf as it is: finite noise keeps it -inf.",
)
def top_k_stand_in(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    wide = _wide(logits)
    kept = wide.masked_fill(wide.isneginf(), torch.finfo(torch.float16).min)
    return (kept + _gumbel(wide, generator)).topk(k, dim=-1).indices
