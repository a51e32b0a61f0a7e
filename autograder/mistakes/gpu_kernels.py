"""Known wrong implementations of `gpu_kernels`. Each is right but for its own mistake.

Where a kernel would read beyond its tensor, these read what surely is there: they are run, and their answers compared.
"""

from typing import Any

import torch
from torch import Tensor

from autograder.mistakes import mistake

try:
    import triton
    import triton.language as tl
except ImportError:

    class triton:
        jit = staticmethod(lambda kernel: kernel)

    class tl:
        constexpr = Any


INF = float("inf")


def _options(x: Tensor, most: int = 16384) -> dict[str, Any]:
    block = min(triton.next_power_of_2(max(x.shape[-1], 1)), most)
    return {"BLOCK": block, "WIDE": tl.float64 if x.dtype == torch.float64 else tl.float32}


def _reduce(kernel: Any, x: Tensor, **options: Any) -> Tensor:
    x = x.contiguous()
    out = torch.empty(x.shape[:-1], dtype=x.dtype, device=x.device)
    kernel[(out.numel(),)](x, out, x.shape[-1], **{**_options(x), **options})
    return out


def _map(kernel: Any, x: Tensor, **options: Any) -> Tensor:
    x = x.contiguous()
    out = torch.empty_like(x)
    if x.numel():
        kernel[(x.numel() // x.shape[-1],)](x, out, x.shape[-1], **{**_options(x), **options})
    return out


@triton.jit
def _block(row_ptr, start, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    columns = start + tl.arange(0, BLOCK)
    return tl.load(row_ptr + columns, mask=columns < n, other=-float("inf")).to(WIDE)


@triton.jit
def _finite(top):
    return tl.where(tl.abs(top) == float("inf"), 0.0, top)


@triton.jit
def _add(top, total, x):
    higher = tl.maximum(top, tl.max(x, 0))
    shift = _finite(higher)
    return higher, total * tl.exp(top - shift) + tl.sum(tl.exp(x - shift), 0)


@triton.jit
def _add_unguarded(top, total, x):
    higher = tl.maximum(top, tl.max(x, 0))
    return higher, total * tl.exp(top - higher) + tl.sum(tl.exp(x - higher), 0)


@triton.jit
def _add_without_scale(top, total, x):
    higher = tl.maximum(top, tl.max(x, 0))
    return higher, total + tl.sum(tl.exp(x - _finite(higher)), 0)


@triton.jit
def _statistics(row_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    x = _block(row_ptr, 0, n, BLOCK, WIDE)
    top = tl.max(x, 0)
    total = tl.sum(tl.exp(x - _finite(top)), 0)
    for start in range(BLOCK, n, BLOCK):
        top, total = _add(top, total, _block(row_ptr, start, n, BLOCK, WIDE))
    return top, total


@triton.jit
def _lse_right(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _statistics(x_ptr + row * n, n, BLOCK, WIDE)
    tl.store(out_ptr + row, _finite(top) + tl.log(total))


@triton.jit
def _write(row_ptr, out_ptr, shift, total, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    for start in range(0, n, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        x = _block(row_ptr, start, n, BLOCK, WIDE)
        tl.store(out_ptr + columns, tl.exp(x - shift) / total, mask=columns < n)


@triton.jit
def _impossible(top, total):
    return tl.where(tl.abs(top) == float("inf"), float("nan"), total)


@triton.jit
def _softmax_right(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _statistics(x_ptr + row * n, n, BLOCK, WIDE)
    _write(x_ptr + row * n, out_ptr + row * n, _finite(top), _impossible(top, total), n, BLOCK, WIDE)


# triton_logsumexp


@mistake(
    "triton_logsumexp",
    "torch.logsumexp does the exercise's work: write a kernel with @triton.jit and launch it, kernel[(rows,)](...).",
    fault="gate:forbidden-direct",
)
def lse_of_torch(x: Tensor) -> Tensor:
    return torch.logsumexp(x, -1)


@mistake(
    "triton_logsumexp",
    "The exponentials are torch's, not a kernel's: each of these operations reads and writes a tensor of x's size. One kernel reads x once.",
    fault="forbidden-op",
)
def lse_in_torch(x: Tensor) -> Tensor:
    top = x.amax(-1, keepdim=True)
    return ((x - top).exp().sum(-1, keepdim=True).log() + top).squeeze(-1)


@mistake(
    "triton_logsumexp",
    "A Python loop launches a kernel for each row: a launch costs some microseconds, far more than a row. One launch with a grid of all rows does it: kernel[(rows,)].",
    fault="gate:loop",
)
def lse_launched_row_by_row(x: Tensor) -> Tensor:
    out = torch.empty(x.shape[:-1], dtype=x.dtype, device=x.device)
    for row, place in zip(x.reshape(-1, x.shape[-1]), out.reshape(-1), strict=True):
        _lse_right[(1,)](row.contiguous(), place, x.shape[-1], **_options(x))
    return out


@triton.jit
def _lse_other_0(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = tl.full((), -float("inf"), WIDE)
    total = tl.full((), 0.0, WIDE)
    for start in range(0, n, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * n + columns, mask=columns < n, other=0.0).to(WIDE)
        top, total = _add(top, total, x)
    tl.store(out_ptr + row, _finite(top) + tl.log(total))


@mistake(
    "triton_logsumexp",
    "What the mask leaves out is read as 0, and takes part: exp(0) joins the sum, and 0 may become the maximum. Load it as -inf: other=-float('inf').",
)
def lse_padded_with_0(x: Tensor) -> Tensor:
    return _reduce(_lse_other_0, x)


@triton.jit
def _lse_mask_of_tensor(x_ptr, out_ptr, n, size, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = tl.full((), -float("inf"), WIDE)
    total = tl.full((), 0.0, WIDE)
    for start in range(0, n, BLOCK):
        places = row * n + start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + places, mask=places < size, other=-float("inf")).to(WIDE)
        top, total = _add(top, total, x)
    tl.store(out_ptr + row, _finite(top) + tl.log(total))


@mistake(
    "triton_logsumexp",
    "The mask ends where the tensor ends, not where the row ends: a block that is wider than the row reads on into the next one. Compare the columns with n.",
)
def lse_reads_the_next_row(x: Tensor) -> Tensor:
    x = x.contiguous()
    out = torch.empty(x.shape[:-1], dtype=x.dtype, device=x.device)
    _lse_mask_of_tensor[(out.numel(),)](x, out, x.shape[-1], x.numel(), **_options(x))
    return out


@triton.jit
def _lse_one_block(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x = _block(x_ptr + row * n, 0, n, BLOCK, WIDE)
    top = tl.max(x, 0)
    tl.store(out_ptr + row, _finite(top) + tl.log(tl.sum(tl.exp(x - _finite(top)), 0)))


@mistake(
    "triton_logsumexp",
    "Only the first block of each row is read: what comes after 1024 columns is lost in silence. A loop in the kernel goes over the blocks.",
)
def lse_first_block_only(x: Tensor) -> Tensor:
    return _reduce(_lse_one_block, x, BLOCK=1024)


@mistake(
    "triton_logsumexp",
    "One block holds the whole row: Triton gives a block 1048576 numbers at most, and the registers of a program are full long before that. Loop over blocks of a fixed size.",
)
def lse_row_as_one_block(x: Tensor) -> Tensor:
    return _reduce(_lse_one_block, x, BLOCK=triton.next_power_of_2(max(x.shape[-1], 1)))


@triton.jit
def _lse_without_scale(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = tl.full((), -float("inf"), WIDE)
    total = tl.full((), 0.0, WIDE)
    for start in range(0, n, BLOCK):
        top, total = _add_without_scale(top, total, _block(x_ptr + row * n, start, n, BLOCK, WIDE))
    tl.store(out_ptr + row, _finite(top) + tl.log(total))


@mistake(
    "triton_logsumexp",
    "When a later block brings a greater maximum, the sum so far still belongs to the old one: multiply it by exp(old - new) first.",
)
def lse_sum_not_rescaled(x: Tensor) -> Tensor:
    return _reduce(_lse_without_scale, x, BLOCK=4096)


@triton.jit
def _lse_unguarded(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = tl.full((), -float("inf"), WIDE)
    total = tl.full((), 0.0, WIDE)
    for start in range(0, n, BLOCK):
        top, total = _add_unguarded(top, total, _block(x_ptr + row * n, start, n, BLOCK, WIDE))
    tl.store(out_ptr + row, top + tl.log(total))


@mistake(
    "triton_logsumexp",
    "While the running maximum is -inf, x - maximum is inf - inf: nan, which then stays in the sum. Take off 0 in place of an infinite maximum.",
)
def lse_infinite_maximum(x: Tensor) -> Tensor:
    return _reduce(_lse_unguarded, x, BLOCK=4096)


@triton.jit
def _lse_not_shifted(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    total = tl.full((), 0.0, WIDE)
    for start in range(0, n, BLOCK):
        total += tl.sum(tl.exp(_block(x_ptr + row * n, start, n, BLOCK, WIDE)), 0)
    tl.store(out_ptr + row, tl.log(total))


@mistake(
    "triton_logsumexp",
    "No maximum is taken off before exp: float32 overflows above 88.7 in a kernel as anywhere else.",
)
def lse_not_shifted(x: Tensor) -> Tensor:
    return _reduce(_lse_not_shifted, x)


@triton.jit
def _lse_half_sum(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _statistics(x_ptr + row * n, n, BLOCK, WIDE)
    half = tl.full((), 0.0, tl.float16)
    for start in range(0, n, BLOCK):
        half += tl.sum(tl.exp(_block(x_ptr + row * n, start, n, BLOCK, WIDE) - _finite(top)).to(tl.float16), 0)
    tl.store(out_ptr + row, _finite(top) + tl.log(half.to(WIDE)))


@mistake(
    "triton_logsumexp",
    "The exponentials are added up in float16: it ends at 65504, and a long row of equal logits passes that. Keep sums in float32: .to(tl.float32) after the load, and not back before tl.sum.",
)
def lse_summed_in_half(x: Tensor) -> Tensor:
    return _reduce(_lse_half_sum if x.dtype == torch.float16 else _lse_right, x)


@mistake(
    "triton_logsumexp",
    "Everything is computed in float32, float64 too: half of its digits are lost. Choose the kernel's type by the dtype of x.",
)
def lse_float64_narrowed(x: Tensor) -> Tensor:
    return _reduce(_lse_right, x, WIDE=tl.float32)


@mistake(
    "triton_logsumexp",
    "The kernel counts on rows that lie one after the other, and x need not be so: x.t() and slices share the memory of others. Call contiguous() first, or hand the kernel x.stride(-2) and x.stride(-1).",
)
def lse_strides_ignored(x: Tensor) -> Tensor:
    # The memory as it lies, a row after the other; as many numbers as x has.
    n = x.shape[-1]
    flat = torch.as_strided(x, (x.numel(),), (1,))
    return _reduce(_lse_right, flat.reshape(x.shape)) if n else _reduce(_lse_right, x)


@mistake("triton_logsumexp", "The result is one row of numbers: its shape is x.shape[:-1], whatever the batch is.")
def lse_batch_flattened(x: Tensor) -> Tensor:
    return _reduce(_lse_right, x).reshape(-1)


@mistake("triton_logsumexp", "The result is float32 whatever x is: make it with dtype=x.dtype.")
def lse_always_float32(x: Tensor) -> Tensor:
    x = x.contiguous()
    out = torch.empty(x.shape[:-1], dtype=torch.float32, device=x.device)
    _lse_right[(out.numel(),)](x, out, x.shape[-1], **_options(x))
    return out


# triton_softmax


@mistake(
    "triton_softmax",
    "torch.softmax does the exercise's work: write a kernel with @triton.jit and launch it, kernel[(rows,)](...).",
    fault="gate:forbidden-direct",
)
def softmax_of_torch(x: Tensor) -> Tensor:
    return torch.softmax(x, -1)


@mistake(
    "triton_softmax",
    "The exponentials are torch's, not a kernel's: each of these operations reads and writes a tensor of x's size.",
    fault="forbidden-op",
)
def softmax_in_torch(x: Tensor) -> Tensor:
    weights = (x - x.amax(-1, keepdim=True)).exp()
    return weights / weights.sum(-1, keepdim=True)


@mistake(
    "triton_softmax",
    "A Python loop launches a kernel for each row. One launch with a grid of all rows does it: kernel[(rows,)].",
    fault="gate:loop",
)
def softmax_launched_row_by_row(x: Tensor) -> Tensor:
    out = torch.empty_like(x.contiguous())
    for row, place in zip(x.reshape(-1, x.shape[-1]), out.reshape(-1, x.shape[-1]), strict=True):
        _softmax_right[(1,)](row.contiguous(), place, x.shape[-1], **_options(x))
    return out


@triton.jit
def _softmax_other_0(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = tl.full((), -float("inf"), WIDE)
    total = tl.full((), 0.0, WIDE)
    for start in range(0, n, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * n + columns, mask=columns < n, other=0.0).to(WIDE)
        top, total = _add(top, total, x)
    _write(x_ptr + row * n, out_ptr + row * n, _finite(top), _impossible(top, total), n, BLOCK, WIDE)


@mistake(
    "triton_softmax",
    "What the mask leaves out is read as 0, and exp(0) joins the sum: the shares of a row add up to less than 1. Load it as -inf: other=-float('inf').",
)
def softmax_padded_with_0(x: Tensor) -> Tensor:
    return _map(_softmax_other_0, x)


@triton.jit
def _softmax_no_store_mask(x_ptr, out_ptr, n, size, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _statistics(x_ptr + row * n, n, BLOCK, WIDE)
    total = _impossible(top, total)
    for start in range(0, n, BLOCK):
        places = row * n + start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + places, mask=places < size, other=-float("inf")).to(WIDE)
        tl.store(out_ptr + places, tl.exp(x - _finite(top)) / total, mask=places > row * n + n - 2)


@mistake(
    "triton_softmax",
    "The mask of the store is not that of the load: part of each row is never written, and shows what lay in the memory before. Both masks are columns < n.",
)
def softmax_wrong_store_mask(x: Tensor) -> Tensor:
    x = x.contiguous()
    out = torch.zeros_like(x)
    if x.numel():
        padded = torch.zeros(x.numel() + 32768, dtype=x.dtype)
        _softmax_no_store_mask[(x.numel() // x.shape[-1],)](x, padded, x.shape[-1], x.numel(), **_options(x))
        out = padded[: x.numel()].reshape(x.shape)
    return out


@triton.jit
def _softmax_one_block(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    x = _block(x_ptr + row * n, 0, n, BLOCK, WIDE)
    top = tl.max(x, 0)
    weights = tl.exp(x - _finite(top))
    total = _impossible(top, tl.sum(weights, 0))
    tl.store(out_ptr + row * n + columns, weights / total, mask=columns < n)


@mistake(
    "triton_softmax",
    "Only the first block of each row is read and written: what comes after 1024 columns is never made. A loop in the kernel goes over the blocks, once for the sum and once to write.",
)
def softmax_first_block_only(x: Tensor) -> Tensor:
    x = x.contiguous()
    out = torch.zeros_like(x)
    if x.numel():
        _softmax_one_block[(x.numel() // x.shape[-1],)](x, out, x.shape[-1], **{**_options(x), "BLOCK": 1024})
    return out


@mistake(
    "triton_softmax",
    "One block holds the whole row, as in Triton's tutorial: Triton gives a block 1048576 numbers at most, and the registers are full long before. Loop over blocks of a fixed size.",
)
def softmax_row_as_one_block(x: Tensor) -> Tensor:
    return _map(_softmax_one_block, x, BLOCK=triton.next_power_of_2(max(x.shape[-1], 1)))


@triton.jit
def _softmax_block_by_block(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    for start in range(0, n, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        x = _block(x_ptr + row * n, start, n, BLOCK, WIDE)
        top = tl.max(x, 0)
        weights = tl.exp(x - _finite(top))
        tl.store(out_ptr + row * n + columns, weights / _impossible(top, tl.sum(weights, 0)), mask=columns < n)


@mistake(
    "triton_softmax",
    "Each block is normalised by itself: every one of them adds up to 1. Maximum and sum are those of the whole row, so a first pass has to come to its end before anything is written.",
)
def softmax_of_each_block(x: Tensor) -> Tensor:
    return _map(_softmax_block_by_block, x, BLOCK=1024)


@triton.jit
def _softmax_without_scale(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = tl.full((), -float("inf"), WIDE)
    total = tl.full((), 0.0, WIDE)
    for start in range(0, n, BLOCK):
        top, total = _add_without_scale(top, total, _block(x_ptr + row * n, start, n, BLOCK, WIDE))
    _write(x_ptr + row * n, out_ptr + row * n, _finite(top), _impossible(top, total), n, BLOCK, WIDE)


@mistake(
    "triton_softmax",
    "When a later block brings a greater maximum, the sum so far still belongs to the old one: multiply it by exp(old - new) first.",
)
def softmax_sum_not_rescaled(x: Tensor) -> Tensor:
    return _map(_softmax_without_scale, x, BLOCK=4096)


@triton.jit
def _softmax_unguarded(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = tl.full((), -float("inf"), WIDE)
    total = tl.full((), 0.0, WIDE)
    for start in range(0, n, BLOCK):
        top, total = _add_unguarded(top, total, _block(x_ptr + row * n, start, n, BLOCK, WIDE))
    _write(x_ptr + row * n, out_ptr + row * n, top, total, n, BLOCK, WIDE)


@mistake(
    "triton_softmax",
    "A first block of -inf makes the running maximum -inf, and x - maximum is nan from then on, although numbers follow. Take off 0 in place of an infinite maximum.",
)
def softmax_infinite_maximum(x: Tensor) -> Tensor:
    return _map(_softmax_unguarded, x, BLOCK=4096)


@triton.jit
def _softmax_of_nothing(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _statistics(x_ptr + row * n, n, BLOCK, WIDE)
    total = tl.where(top == -float("inf"), 1.0, total)
    total = tl.where(top == float("inf"), float("nan"), total)
    _write(x_ptr + row * n, out_ptr + row * n, _finite(top), total, n, BLOCK, WIDE)


@mistake(
    "triton_softmax",
    "A row of -inf gives 0: asked is nan, as torch has it. A model whose mask hides a whole row is to notice that.",
)
def softmax_of_nothing_is_0(x: Tensor) -> Tensor:
    return _map(_softmax_of_nothing, x)


@triton.jit
def _softmax_inf_share(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _statistics(x_ptr + row * n, n, BLOCK, WIDE)
    _write(x_ptr + row * n, out_ptr + row * n, _finite(top), total, n, BLOCK, WIDE)


@mistake(
    "triton_softmax",
    "In a row with +inf the finite entries come out as 0 and only +inf as nan: the row has no softmax, and all of it is nan.",
)
def softmax_of_inf_in_part(x: Tensor) -> Tensor:
    return _map(_softmax_inf_share, x)


@triton.jit
def _softmax_half_sum(x_ptr, out_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _statistics(x_ptr + row * n, n, BLOCK, WIDE)
    shift = _finite(top)
    half = tl.full((), 0.0, tl.float16)
    for start in range(0, n, BLOCK):
        half += tl.sum(tl.exp(_block(x_ptr + row * n, start, n, BLOCK, WIDE) - shift).to(tl.float16), 0)
    _write(x_ptr + row * n, out_ptr + row * n, shift, _impossible(top, half.to(WIDE)), n, BLOCK, WIDE)


@mistake(
    "triton_softmax",
    "The exponentials are added up in float16: it ends at 65504, and a long row of equal logits passes that. Keep sums in float32: .to(tl.float32) after the load, and not back before tl.sum.",
)
def softmax_summed_in_half(x: Tensor) -> Tensor:
    return _map(_softmax_half_sum if x.dtype == torch.float16 else _softmax_right, x)


@mistake(
    "triton_softmax",
    "Everything is computed in float32, float64 too: half of its digits are lost. Choose the kernel's type by the dtype of x.",
)
def softmax_float64_narrowed(x: Tensor) -> Tensor:
    return _map(_softmax_right, x, WIDE=tl.float32)


@mistake(
    "triton_softmax",
    "The shares are written over x: the caller's tensor is changed. Write to a tensor of your own, torch.empty_like(x).",
)
def softmax_in_place(x: Tensor) -> Tensor:
    if x.numel() and x.is_contiguous():
        _softmax_right[(x.numel() // x.shape[-1],)](x, x, x.shape[-1], **_options(x))
        return x
    return _map(_softmax_right, x)


@mistake(
    "triton_softmax",
    "The kernel counts on rows that lie one after the other, and x need not be so: x.t() and slices share the memory of others. Call contiguous() first, or hand the kernel the strides.",
)
def softmax_strides_ignored(x: Tensor) -> Tensor:
    return _map(_softmax_right, torch.as_strided(x, (x.numel(),), (1,)).reshape(x.shape))


# triton_cross_entropy


@triton.jit
def _loss(x_ptr, target_ptr, loss_ptr, lse_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _statistics(x_ptr + row * n, n, BLOCK, WIDE)
    total = _impossible(top, total)
    picked = tl.load(x_ptr + row * n + tl.load(target_ptr + row)).to(WIDE)
    tl.store(loss_ptr + row, tl.log(total) - (picked - _finite(top)))
    tl.store(lse_ptr + row, _finite(top) + tl.log(total))


@triton.jit
def _slope(x_ptr, target_ptr, lse_ptr, scale_ptr, grad_ptr, n, sign, hot, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    for start in range(0, n, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        x = _block(x_ptr + row * n, start, n, BLOCK, WIDE)
        one = tl.where(columns == tl.load(target_ptr + row), hot, 0.0)
        grad = (tl.exp(x - tl.load(lse_ptr + row)) - one) * sign * tl.load(scale_ptr)
        tl.store(grad_ptr + row * n + columns, grad, mask=columns < n)


def _forward(x: Tensor, target: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    losses, lse = (torch.empty(target.numel(), dtype=wide, device=x.device) for _ in range(2))
    _loss[(target.numel(),)](x, target, losses, lse, x.shape[-1], **{**_options(x), **options})
    return losses, lse


def _backward(x: Tensor, target: Tensor, lse: Tensor, scale: Tensor, sign: float = 1.0, hot: float = 1.0) -> Tensor:
    out = torch.empty_like(x)
    _slope[(target.numel(),)](x, target, lse, scale, out, x.shape[-1], sign, hot, **_options(x))
    return out


class _Loss(torch.autograd.Function):
    """The right one, with a switch for each mistake."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, how: str) -> Tensor:
        x, flat = logits.contiguous(), target.contiguous()
        if how == "one block":
            losses, lse = _forward_of(_loss_one_block, x, flat, BLOCK=1024)
        elif how == "narrow":
            losses, lse = _forward(x, flat, WIDE=tl.float32)
        elif how == "by lse":
            losses, lse = _forward_of(_loss_by_lse, x, flat)
        elif how == "first":
            losses, lse = _forward(x, flat.reshape(-1)[:1].expand(flat.numel()).contiguous())
        else:
            losses, lse = _forward(x, flat)
        ctx.save_for_backward(x, flat, lse.to(x.dtype) if how == "saved half" else lse)
        ctx.how = how
        return (losses.sum() if how == "sum" else losses.mean()).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, target, lse = ctx.saved_tensors
        scale = grad.to(lse.dtype) / max(target.numel(), 1)
        if ctx.how in ("sum", "unscaled"):
            scale = grad.to(lse.dtype)
        if ctx.how == "deaf":
            scale = torch.ones_like(scale) / max(target.numel(), 1)
        sign, hot = (-1.0 if ctx.how == "sign" else 1.0), (0.0 if ctx.how == "cold" else 1.0)
        return _backward(x, target, lse, scale, sign, hot), None, None


def _forward_of(kernel: Any, x: Tensor, target: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    losses, lse = (torch.empty(target.numel(), dtype=wide, device=x.device) for _ in range(2))
    kernel[(target.numel(),)](x, target, losses, lse, x.shape[-1], **{**_options(x), **options})
    return losses, lse


@triton.jit
def _loss_by_lse(x_ptr, target_ptr, loss_ptr, lse_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _statistics(x_ptr + row * n, n, BLOCK, WIDE)
    lse = _finite(top) + tl.log(_impossible(top, total))
    picked = tl.load(x_ptr + row * n + tl.load(target_ptr + row)).to(WIDE)
    tl.store(loss_ptr + row, lse - picked)
    tl.store(lse_ptr + row, lse)


@triton.jit
def _loss_one_block(x_ptr, target_ptr, loss_ptr, lse_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x = _block(x_ptr + row * n, 0, n, BLOCK, WIDE)
    top = tl.max(x, 0)
    total = _impossible(top, tl.sum(tl.exp(x - _finite(top)), 0))
    picked = tl.load(x_ptr + row * n + tl.load(target_ptr + row)).to(WIDE)
    tl.store(loss_ptr + row, tl.log(total) - (picked - _finite(top)))
    tl.store(lse_ptr + row, _finite(top) + tl.log(total))


@mistake(
    "triton_cross_entropy",
    "torch's cross_entropy does the exercise's work: write a kernel for the loss, and one for its gradient.",
    fault="gate:forbidden-direct",
)
def loss_of_torch(logits: Tensor, target: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))


@mistake(
    "triton_cross_entropy",
    "The exponentials are torch's, not a kernel's: probabilities of the size of the logits are stored and read again.",
    fault="forbidden-op",
)
def loss_in_torch(logits: Tensor, target: Tensor) -> Tensor:
    x, places = logits.reshape(-1, logits.shape[-1]), target.reshape(-1)
    top = x.amax(-1, keepdim=True)
    lse = (x - top).exp().sum(-1).log() + top.squeeze(-1)
    return (lse - x[torch.arange(len(places), device=x.device), places]).mean()


@mistake(
    "triton_cross_entropy",
    "No gradient reaches the logits: autograd does not see into a kernel. A torch.autograd.Function tells it what the backward is.",
)
def loss_without_backward(logits: Tensor, target: Tensor) -> Tensor:
    losses, _ = _forward(logits.detach().contiguous(), target.contiguous())
    return losses.mean().to(logits.dtype)


@mistake(
    "triton_cross_entropy",
    "The loss is formed as lse - x_t: near 1e4, lse has lost the digits of log(total), and the difference does not bring them back. "
    "Subtract the maximum from the target's logit first: log(total) - (x_t - top).",
)
def loss_by_lse(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "by lse")


@mistake("triton_cross_entropy", "The losses of the rows are added up: asked is their mean.")
def loss_summed(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "sum")


@mistake(
    "triton_cross_entropy",
    "The gradient is that of the sum: the mean over N rows brings a factor 1/N into every row's gradient.",
)
def gradient_not_divided(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "unscaled")


@mistake(
    "triton_cross_entropy",
    "The backward leaves out the gradient that comes in: it is 1 only where the loss itself is differentiated. Multiply by it in the kernel.",
)
def gradient_ignores_what_comes_in(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "deaf")


@mistake("triton_cross_entropy", "The sign of the gradient is turned round: it is p - onehot, not onehot - p.")
def gradient_of_the_wrong_sign(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "sign")


@mistake(
    "triton_cross_entropy",
    "The gradient is p alone: at the target's place 1 has to be taken off, since the loss holds minus the target's logit.",
)
def gradient_without_the_target(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "cold")


@mistake(
    "triton_cross_entropy",
    "Only the first block of each row takes part in the sum: classes beyond column 1024 do not count. A loop in the kernel goes over the blocks.",
)
def loss_of_the_first_block(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "one block")


@mistake(
    "triton_cross_entropy",
    "Every row is scored with the first row's target: the program's own is at target_ptr + row.",
)
def loss_of_the_first_target(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "first")


@mistake(
    "triton_cross_entropy",
    "The logsumexp is kept for the backward in the half type of the logits: exp(x - lse) makes its absolute error a relative one of every probability. Keep it in float32.",
)
def logsumexp_kept_in_half(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "saved half")


@mistake(
    "triton_cross_entropy",
    "Everything is computed in float32, float64 too: half of its digits are lost. Choose the kernel's type by the logits' dtype.",
)
def loss_float64_narrowed(logits: Tensor, target: Tensor) -> Tensor:
    return _Loss.apply(logits, target, "narrow")


@triton.jit
def _loss_other_0(x_ptr, target_ptr, loss_ptr, lse_ptr, n, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = tl.full((), -float("inf"), WIDE)
    total = tl.full((), 0.0, WIDE)
    for start in range(0, n, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * n + columns, mask=columns < n, other=0.0).to(WIDE)
        top, total = _add(top, total, x)
    total = _impossible(top, total)
    picked = tl.load(x_ptr + row * n + tl.load(target_ptr + row)).to(WIDE)
    tl.store(loss_ptr + row, tl.log(total) - (picked - _finite(top)))
    tl.store(lse_ptr + row, _finite(top) + tl.log(total))


class _PaddedLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor) -> Tensor:
        x, flat = logits.contiguous(), target.contiguous()
        losses, lse = _forward_of(_loss_other_0, x, flat)
        ctx.save_for_backward(x, flat, lse)
        return losses.mean().to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, target, lse = ctx.saved_tensors
        return _backward(x, target, lse, grad.to(lse.dtype) / max(target.numel(), 1)), None


@mistake(
    "triton_cross_entropy",
    "What the mask leaves out is read as 0, and exp(0) joins the sum: load it as -inf, other=-float('inf').",
)
def loss_padded_with_0(logits: Tensor, target: Tensor) -> Tensor:
    return _PaddedLoss.apply(logits, target)


# cuda_time_ms


def _pairs(count: int) -> list[tuple[Any, Any]]:
    return [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(count)]


def _refuse() -> None:
    if not torch.cuda.is_available():
        raise RuntimeError("cuda_time_ms needs a CUDA device")


def _timed(fn: Any, count: int = 25) -> list[float]:
    pairs = _pairs(count)
    for start, end in pairs:
        start.record()
        fn()
        end.record()
    torch.cuda.synchronize()
    return sorted(start.elapsed_time(end) for start, end in pairs)


@mistake(
    "cuda_time_ms",
    "The host's clock stops when the launch returns: the GPU has hardly begun then. Events are recorded by the GPU itself: torch.cuda.Event(enable_timing=True).",
    fault="gate:process",
)
def host_clock(fn: Any) -> float:
    import time

    _refuse()
    fn()
    times = []
    for _ in range(25):
        start = time.perf_counter()
        fn()
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times)[12]


@mistake(
    "cuda_time_ms",
    "Nothing waits for the GPU: the end mark lies ahead of it when its time is asked for. torch.cuda.synchronize() comes before elapsed_time.",
)
def no_synchronize(fn: Any) -> float:
    _refuse()
    fn()
    pairs = _pairs(25)
    for start, end in pairs:
        start.record()
        fn()
        end.record()
    return sorted(start.elapsed_time(end) for start, end in pairs)[12]


@mistake(
    "cuda_time_ms",
    "The first call is timed as well: it compiles kernels, which takes seconds. Call fn once or a few times before.",
)
def no_warm_up(fn: Any) -> float:
    _refuse()
    return _timed(fn)[12]


@mistake(
    "cuda_time_ms",
    "The mean takes in every call that something disturbed: asked is the median.",
)
def mean_of_the_times(fn: Any) -> float:
    _refuse()
    fn()
    return sum(_timed(fn)) / 25


@mistake(
    "cuda_time_ms",
    "The least time is asked of a CPU's clock; here the median is asked, which calls by chance faster do not move.",
)
def least_of_the_times(fn: Any) -> float:
    _refuse()
    fn()
    return _timed(fn)[0]


@mistake(
    "cuda_time_ms",
    "One pair of events around all calls gives their total: it was not divided by their number (and a mean is no median: give each call its own events).",
)
def total_of_the_calls(fn: Any) -> float:
    _refuse()
    fn()
    ((start, end),) = _pairs(1)
    start.record()
    for _ in range(25):
        fn()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


@mistake("cuda_time_ms", "The result is in seconds: elapsed_time gives milliseconds already.")
def in_seconds(fn: Any) -> float:
    _refuse()
    fn()
    return _timed(fn)[12] / 1000


@mistake(
    "cuda_time_ms",
    "One call is timed: a single time may be any. At least 10 calls, and the median of them.",
)
def one_call_timed(fn: Any) -> float:
    _refuse()
    fn()
    return _timed(fn, 1)[0]


@mistake("cuda_time_ms", "The result is a tensor: asked is a Python float, .item() gives it.")
def tensor_of_the_time(fn: Any) -> Any:
    _refuse()
    fn()
    return torch.tensor(_timed(fn)).median()


@mistake(
    "cuda_time_ms",
    "Without CUDA the first event raises something else, deep inside torch. Ask torch.cuda.is_available() first, and raise a RuntimeError that says what is missing.",
)
def cuda_not_asked_for(fn: Any) -> float:
    fn()
    return _timed(fn)[12]


@mistake(
    "cuda_time_ms",
    "Without CUDA nan comes back in silence: a figure that is none. Raise a RuntimeError that says what is missing.",
)
def nan_without_cuda(fn: Any) -> float:
    if not torch.cuda.is_available():
        return float("nan")
    fn()
    return _timed(fn)[12]


@mistake(
    "cuda_time_ms",
    "The events were made without enable_timing=True: they mark places in the queue and know no time.",
)
def events_without_timing(fn: Any) -> float:
    _refuse()
    fn()
    start, end = torch.cuda.Event(), torch.cuda.Event()
    times = []
    for _ in range(25):
        start.record()
        fn()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times)[12]


@mistake(
    "cuda_time_ms",
    "What fn raises is swallowed: the caller gets a time for something that never ran. Let it pass.",
)
def errors_swallowed(fn: Any) -> float:
    _refuse()
    try:
        fn()
        return _timed(fn)[12]
    except ValueError:
        return 0.0
