"""Honest, correct and different answers to the exercises of `log_sums`: each must earn full marks."""

from autograder.tests.variants import HEAD, Collection

HONEST = Collection("log_sums")
add = HONEST.add

# logsumexp: how a row of -inf is made finite, and how the maximum is found

add(
    "logsumexp",
    "textbook: amax, where, clamp of the sum",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() and x.size(dim) == 0:
        return torch.full_like(x.sum(dim, keepdim=keepdim), -math.inf)
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = wide.amax(dim, keepdim=True)
    shift = torch.where(torch.isfinite(m), m, torch.zeros_like(m))
    s = torch.exp(wide - shift).sum(dim, keepdim=True)
    # after the shift the sum is at least 1, but for a row of -inf, where it is 0
    y = m + torch.log(s.clamp(min=1))
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "detached shift, masked_fill, double where",
    """
HALF = (torch.half, torch.bfloat16)

def logsumexp(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if 0 in x.shape[dim:][:1]:
        return x.new_full([n for i, n in enumerate(x.shape) if i != dim % x.dim()], -math.inf) if not keepdim else (
            x.new_full([1 if i == dim % x.dim() else n for i, n in enumerate(x.shape)], -math.inf))
    z = x.to(torch.float32) if x.dtype in HALF else x
    m = z.detach().amax(dim=dim, keepdim=True)
    m = m.masked_fill(m.isinf(), 0)
    total = (z - m).exp().sum(dim=dim, keepdim=True)
    nothing = total == 0
    # the untaken branch gets a harmless input
    logged = total.masked_fill(nothing, 1.0).log() + m
    out = torch.where(nothing, z.sum(dim=dim, keepdim=True), logged)
    if not keepdim:
        out = out.squeeze(dim)
    return out.to(x.dtype)
""",
)
add(
    "logsumexp",
    "max with indices, the maximum's own term taken out by scatter",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.numel() == 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim).log()
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    top = torch.max(wide, dim=dim, keepdim=True)
    shift = top.values.clamp(min=torch.finfo(wide.dtype).min, max=torch.finfo(wide.dtype).max)
    rest = torch.exp(wide - shift).scatter(dim, top.indices, 0)
    out = top.values + torch.log1p(rest.sum(dim, keepdim=True))
    out = out if keepdim else out.squeeze(dim)
    return out.to(x.dtype)
""",
)
add(
    "logsumexp",
    "log1p of the sum less 1",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.ndim > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - float("inf")
    wide = x.float() if x.element_size() < 4 else x
    m = wide.max(dim, keepdim=True)[0]
    shift = torch.where(m.isfinite(), m, 0.0)
    s = (wide - shift).exp().sum(dim, keepdim=True) - 1
    # -1 means that nothing was summed: a row of -inf
    y = m + torch.log1p(torch.where(s == -1, 0.0, s))
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "shift found under no_grad by a helper",
    """
def _row_shift(x, dim):
    with torch.no_grad():
        m = torch.amax(x, dim=dim, keepdim=True)
        return torch.nan_to_num(m, nan=0.0, posinf=0.0, neginf=0.0)


def _widen(x):
    return x.float() if x.dtype == torch.float16 or x.dtype == torch.bfloat16 else x


def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and not x.shape[dim]:
        return x.sum(dim, keepdim) + -math.inf
    z = _widen(x)
    m = _row_shift(z, dim)
    s = (z - m).exp().sum(dim, True)
    empty = torch.logical_not(s > 0) & torch.logical_not(s.isnan())
    result = torch.where(empty, torch.full_like(s, -math.inf), torch.where(empty, 1.0, s).log() + m)
    # autograd sees a constant in rows of -inf: their gradient is 0
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "no_grad as a decorator of the helper",
    """
@torch.no_grad()
def shift_of(x, dim):
    m = x.amax(dim, keepdim=True)
    return torch.where(m.abs() == torch.inf, 0, m)


def logsumexp(x, dim=-1, keepdim=False):
    in_dtype = x.dtype
    if in_dtype in {torch.float16, torch.bfloat16}:
        x = x.float()
    if x.dim() > 0 and x.shape[dim] == 0:
        return (x.sum(dim, keepdim=keepdim) - torch.inf).to(in_dtype)
    m = shift_of(x, dim)
    s = (x - m).exp().sum(dim, keepdim=True)
    y = m + s.clamp_min(torch.finfo(s.dtype).tiny).log()
    y = torch.where(s == 0, -torch.inf, y)
    return (y if keepdim else y.squeeze(dim)).to(in_dtype)
""",
)
add(
    "logsumexp",
    "autograd.Function with its own backward",
    """
class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        m = x.amax(dim, keepdim=True)
        shift = torch.where(m.isfinite(), m, 0)
        y = m + (x - shift).exp().sum(dim, keepdim=True).clamp(min=1).log()
        ctx.save_for_backward(x, y)
        ctx.dim = dim
        return y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        y = torch.where(y.isfinite(), y, 0)
        return grad_output * (x - y).exp(), None


def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    y = _LogSumExp.apply(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x, dim)
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "a class named LogSumExp, the softmax saved by hand",
    """
class LogSumExp(torch.autograd.Function):
    \"\"\"Softmax is the gradient.\"\"\"

    @staticmethod
    def forward(x, dim):
        m = x.amax(dim, keepdim=True)
        e = (x - m.masked_fill(~m.isfinite(), 0)).exp()
        s = e.sum(dim, keepdim=True)
        return m + s.clamp(min=1.0).log()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, dim = inputs
        ctx.dim = dim
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        m = x.detach().amax(ctx.dim, keepdim=True)
        e = (x - m.masked_fill(~m.isfinite(), 0)).exp()
        softmax = e / e.sum(ctx.dim, keepdim=True).clamp(min=1.0)
        return grad * softmax, None


def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.size(dim) == 0:
        return torch.sum(x, dim, keepdim=keepdim) - math.inf
    wide = x if x.dtype in (torch.float32, torch.float64) else x.float()
    y = LogSumExp.apply(wide, dim)
    if not keepdim:
        y = y.squeeze(dim)
    return y.type_as(x)
""",
)
add(
    "logsumexp",
    "backward by torch.autograd.grad of the forward formula",
    """
def _formula(x, dim):
    m = x.amax(dim, keepdim=True)
    s = (x - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True)
    return m + s.clamp(min=1).log()


class Checkpointed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        ctx.save_for_backward(x)
        ctx.dim = dim
        return _formula(x, dim)

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        again = torch.is_grad_enabled()
        with torch.enable_grad():
            leaf = x if again else x.detach().requires_grad_()
            y = _formula(leaf, ctx.dim)
            return torch.autograd.grad(y, leaf, grad, create_graph=again)[0], None


def logsumexp(x, dim=-1, keepdim=False):
    if x.shape != () and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    y = Checkpointed.apply(x.float() if x.dtype.itemsize == 2 else x, dim).to(x.dtype)
    return y if keepdim else y.squeeze(dim)
""",
)
add(
    "logsumexp",
    "torch.vmap over rows",
    """
def _one(row):
    m = row.max()
    shift = torch.where(m.isfinite(), m, torch.zeros((), dtype=row.dtype, device=row.device))
    return m + (row - shift).exp().sum().clamp(min=1).log()


def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() == 0:
        return x.clone()
    if x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    rows = wide.movedim(dim, -1)
    flat = rows.reshape(-1, rows.shape[-1])
    y = torch.vmap(_one)(flat) if flat.shape[0] else flat.sum(-1)
    y = y.reshape(rows.shape[:-1])
    return (y.unsqueeze(dim) if keepdim else y).to(x.dtype)
""",
)
add(
    "logsumexp",
    "torch.func.vmap with a lambda bound to a name",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() == 0:
        return x
    if x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    finite = lambda m: torch.where(m.isfinite(), m, 0)
    row = lambda v, m: m + (v - finite(m)).exp().sum(0).clamp(min=1).log()
    wide = x.to(torch.float32) if x.dtype in (torch.float16, torch.bfloat16) else x
    wide = wide.movedim(dim, -1)
    n = wide.shape[-1]
    shape = wide.shape[:-1]
    wide = wide.reshape(math.prod(shape), n)
    if len(wide) == 0:
        y = wide.sum(-1)
    else:
        y = torch.func.vmap(row)(wide, wide.amax(-1))
    y = y.reshape(shape).to(x.dtype)
    return y.unsqueeze(dim) if keepdim else y
""",
)
add(
    "logsumexp",
    "topk for the maximum, select for keepdim",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.ndim and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    a = x.double() if x.dtype == torch.float64 else x.float()
    top, index = a.topk(1, dim=dim)
    e = torch.exp(a - torch.where(top.isfinite(), top, 0)).scatter(dim, index, 0.0)
    y = top + e.sum(dim=dim, keepdim=True).log1p()
    if not keepdim and x.ndim:
        y = y.select(dim, 0)
    return y.to(x.dtype)
""",
)
add(
    "logsumexp",
    "argmax and gather, index_fill of nothing, take_along_dim",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if len(x.shape) == 0:
        return x + 0
    if x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in [torch.float16, torch.bfloat16] else x
    where = wide.argmax(dim, keepdim=True)
    top = torch.take_along_dim(wide, where, dim)
    gap = wide - torch.where(torch.isinf(top), 0, top)
    own = torch.arange(x.shape[dim], device=x.device)
    shape = [1] * x.dim()
    shape[dim] = -1
    others = torch.where(own.view(shape) == where, 0, gap.exp())
    y = top + torch.log1p(others.sum(dim, keepdim=True))
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "movedim, then everything along the last dimension, indexed away",
    """
from math import inf

def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() == 0:
        return logsumexp_1(x[None], keepdim=False)
    y = logsumexp_1(x.movedim(dim, -1), keepdim=True)
    return y.movedim(-1, dim) if keepdim else y[..., 0]


def logsumexp_1(x, keepdim):
    if x.shape[-1] == 0:
        return x.new_full((*x.shape[:-1], 1), -inf)
    wide = x if x.dtype in (torch.float32, torch.float64) else x.float()
    m = wide.amax(-1, keepdim=True)
    s = (wide - m.where(m.isfinite(), 0)).exp().sum(-1, keepdim=True)
    y = (m + s.clamp(min=1).log()).to(x.dtype)
    return y if keepdim else y[..., 0]
""",
)
add(
    "logsumexp",
    "a column of -inf is joined, so that no row is empty",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() == 0:
        return x.clone()
    pad = list(x.shape)
    pad[dim] = 1
    wide = torch.cat([x, x.new_full(pad, -math.inf)], dim)
    if wide.dtype.itemsize < 4:
        wide = wide.float()
    m = wide.amax(dim, keepdim=True)
    s = (wide - m.nan_to_num(0.0, 0.0, 0.0)).exp().sum(dim, keepdim=True)
    del wide
    y = m + s.clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "try and except around the maximum of nothing",
    """
def logsumexp(x, dim=-1, keepdim=False):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    try:
        m = wide.amax(dim, keepdim=True)
    except IndexError as error:  # nothing to take the maximum of
        if x.shape[dim] != 0:
            raise ValueError(f"{dim=} does not fit {tuple(x.shape)}") from error
        return x.sum(dim, keepdim=keepdim) - math.inf
    finally:
        pass
    shift = torch.where(m.isfinite(), m, 0)
    y = m + (wide - shift).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "asserts, isinstance, f-strings, print left in",
    """
def logsumexp(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"x must be a tensor, got {type(x).__name__}")
    if not x.dtype.is_floating_point:
        raise TypeError(f"x must hold floating-point numbers, got {x.dtype!r}")
    assert isinstance(dim, int) and not isinstance(dim, bool), f"dim is {dim}"
    assert -max(x.dim(), 1) <= dim < max(x.dim(), 1), (dim, x.shape)
    print("logsumexp", x.shape, dim, keepdim)
    if x.dim() and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if torch.finfo(x.dtype).bits < 32 else x
    m = wide.amax(dim, keepdim=True)
    s = (wide - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True)
    y = m + torch.maximum(s, torch.ones_like(s)).log()
    y = y if keepdim else y.squeeze(dim)
    assert y.dtype == wide.dtype
    print(f"-> {y.shape}", end="\\n")
    return y.to(x.dtype)
""",
)
add(
    "logsumexp",
    "future annotations, union types, a table of dtypes",
    """
WIDER = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.float32: torch.float32,
    torch.float64: torch.float64,
}
NEG_INF: float = -math.inf


def _shift(m: Tensor, zero: Tensor | None = None) -> Tensor:
    return torch.where(m.isfinite(), m, torch.zeros_like(m) if zero is None else zero)


def logsumexp(x: Tensor, dim: int | None = -1, keepdim: bool = False) -> Tensor | None:
    wide = x.to(WIDER[x.dtype])
    if wide.dim() and wide.shape[dim] == 0:
        return wide.sum(dim, keepdim=keepdim).add(NEG_INF).to(x.dtype)
    m = wide.amax(dim, keepdim=True)
    y = m + (wide - _shift(m)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    head="from __future__ import annotations\n\nimport math\n\nimport torch\nfrom torch import Tensor\n\n\n",
)
add(
    "logsumexp",
    "a table of functions and names from torch",
    """
STEPS = {"max": amax, "exp": exp, "log": log}
STEPS["sum"] = lambda t, d: t.sum(d, keepdim=True)


def logsumexp(x, dim=-1, keepdim=False):
    wide = x.to(th.float32) if x.dtype in (th.float16, th.bfloat16) else x
    if wide.ndim and wide.size(dim) == 0:
        return (wide.sum(dim, keepdim=keepdim) - th.inf).to(x.dtype)
    m = STEPS["max"](wide, dim, keepdim=True)
    e = STEPS["exp"](wide - where(m.isfinite(), m, 0))
    y = m + STEPS["log"](STEPS["sum"](e, dim).clamp(min=1))
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    head="import torch as th\nfrom torch import amax, exp, log, where\n\n",
)
add(
    "logsumexp",
    "nested helpers, a comprehension over the shape",
    """
def logsumexp(x, dim=-1, keepdim=False):
    def widened(t):
        return t.float() if t.dtype in (torch.float16, torch.bfloat16) else t

    def finite(t):
        def mask():
            return torch.logical_not(torch.logical_or(torch.isinf(t), torch.isnan(t)))

        return torch.where(mask(), t, t.new_zeros(()))

    if x.dim() > 0 and x.shape[dim] == 0:
        axis = dim if dim >= 0 else dim + x.dim()
        kept = tuple(1 if i == axis else s for i, s in enumerate(x.shape))
        out = torch.full(kept, -math.inf, dtype=x.dtype, device=x.device)
        return out if keepdim else out.reshape([s for i, s in enumerate(x.shape) if i != axis])
    z = widened(x)
    m = z.amax(dim, keepdim=True)
    s = torch.sum(torch.exp(z - finite(m)), dim, keepdim=True)
    y = m + torch.log(torch.clamp(s, min=1.0))
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "softplus for the last step, underscore names, shadowed builtins",
    """
def logsumexp(x, dim=-1, keepdim=False):
    _x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    if _x.shape and _x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    max, id = _x.max(dim, keepdim=True)
    input = _x - max.where(max.isfinite(), 0)
    sum = input.exp().scatter(dim, id, 0.0).sum(dim, keepdim=True)
    type, dir, vars = x.dtype, dim, keepdim
    filter = max + torch.special.log1p(sum)
    return (filter if vars else filter.squeeze(dir)).to(type)
""",
)
add(
    "logsumexp",
    "in base 2",
    """
LOG2E = 1 / math.log(2)

def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = wide.amax(dim, keepdim=True)
    s = torch.exp2((wide - torch.where(m.isfinite(), m, 0)) * LOG2E).sum(dim, keepdim=True)
    y = m + torch.log2(s.clamp(min=1)) * math.log(2)
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "match statement, walrus, star arguments",
    """
def _keep(y, dim, *, keepdim, **_):
    return y if keepdim else y.squeeze(dim)


def logsumexp(x, dim=-1, keepdim=False):
    match x.dtype:
        case torch.float16 | torch.bfloat16:
            wide = x.float()
        case _:
            wide = x
    if x.shape and (n := x.shape[dim]) == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    args = (dim, True)
    m = torch.amax(wide, *args)
    s = (wide - torch.where(m.isfinite(), m, 0)).exp().sum(*args)
    y = m + s.clamp(min=1).log()
    return _keep(y, dim, keepdim=keepdim, reason="contract").to(x.dtype)
""",
)
add(
    "logsumexp",
    "matmul with ones for the sum",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() == 0:
        return x * 1
    rows = x.movedim(dim, -1)
    n = rows.shape[-1]
    if n == 0:
        y = torch.full(rows.shape[:-1], float("-inf"), dtype=x.dtype, device=x.device)
        return y.unsqueeze(dim) if keepdim else y
    if rows.dtype in (torch.float16, torch.bfloat16):
        rows = rows.float()
    m = rows.amax(-1)
    e = (rows - torch.where(m.isfinite(), m, 0).unsqueeze(-1)).exp()
    y = m + (e @ torch.ones(n, dtype=e.dtype, device=e.device)).clamp(min=1).log()
    y = y.to(x.dtype)
    return y[None].movedim(0, dim) if keepdim else y
""",
)
add(
    "logsumexp",
    "by the own logmeanexp of the same file",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = wide.amax(dim, keepdim=True)
    s = (wide - torch.where(m.isfinite(), m, 0)).exp().mean(dim, keepdim=True)
    tiny = torch.finfo(s.dtype).tiny
    y = m + torch.where(s > 0, s, torch.where(s == 0, tiny, s)).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)


def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    n = x.shape[dim] if x.shape else 1
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return (logmeanexp(wide, dim, keepdim) + math.log(n)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "a sibling module's helper under an alias, imported in a try",
    """
try:
    from .floats import widen as _w, NEGATIVE
except ImportError as problem:
    raise RuntimeError("floats.py is missing") from problem
from . import floats as fl


def logsumexp(x, dim=-1, keepdim=False):
    wide = _w(x)
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) + NEGATIVE
    m = wide.amax(dim, keepdim=True)
    y = m + (wide - fl.finite(m)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    floats="""
import math
import torch

NEGATIVE = -math.inf

def widen(x):
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x

def finite(m):
    return torch.where(m.isfinite(), m, 0)

def ulp(x):
    raise NotImplementedError("ulp")
""",
)
add(
    "logsumexp",
    "siblings by the package's own name, one of them unused and unreadable",
    """
import exercises.floats as own
from exercises import floats
from exercises.floats import widen


def logsumexp(x, dim=-1, keepdim=False):
    wide = widen(x)
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    m = wide.amax(dim, keepdim=True)
    y = m + (wide - own.finite(m)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return floats.narrow(y if keepdim else y.squeeze(dim), x)
""",
    floats="""
import torch

def widen(x):
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x

def finite(m):
    return torch.where(m.isfinite(), m, 0)

def narrow(y, x):
    return y.to(x.dtype)
""",
    divergences="def kl_div(:\n",
)
add(
    "logsumexp",
    "the other exercises of the file are stubs, forbidden calls, loops and system imports",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = wide.amax(dim, keepdim=True)
    y = m + (wide - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)


def logaddexp(a, b):
    import os
    from functools import reduce

    for _ in range(3):
        os.getcwd()
    return torch.logaddexp(a, b)


def log1mexp(x):
    raise NotImplementedError("log1mexp")


def logmeanexp(x, dim=-1, keepdim=False):
    import subprocess, sys

    while True:
        return getattr(torch, "logsum" + str("exp"))(x, dim) - eval("math.log(2)")


def compare(x):
    import matplotlib.pyplot as plt

    return [torch.logsumexp(row, 0) for row in x], plt
""",
)
add(
    "logsumexp",
    "a main block that compares with torch",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = wide.amax(dim, keepdim=True)
    y = m + (wide - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)


if __name__ == "__main__":
    import sys
    for k in range(3):
        x = torch.randn(4, 5) * 10**k
        assert torch.allclose(logsumexp(x), torch.logsumexp(x, -1)), f"{k} {sys.argv}"
        print(type(x).__name__, "ok")
""",
)
add(
    "logsumexp",
    "tabs, comments in other scripts, a long docstring",
    '''
# Лог-сумма экспонент — 対数和指数 — λογάριθμος → ∑ eˣ
def logsumexp(x, dim=-1, keepdim=False):
\tr"""log Σ eˣ, with torch.logsumexp as a model: getattr, eval and __import__ are only words here.

\t>>> logsumexp(torch.zeros(2))
\ttensor(0.6931)
\t"""
\tσ = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x  # ½ → 1
\tif x.shape and x.shape[dim] == 0:
\t\treturn x.sum(dim, keepdim=keepdim) - math.inf
\tμ = σ.amax(dim, keepdim=True)
\ty = μ + (σ - torch.where(μ.isfinite(), μ, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
\t"""A string in the middle: torch.logsumexp"""
\treturn (y if keepdim else y.squeeze(dim)).to(x.dtype)
''',
)
add(
    "logsumexp",
    "a BOM, an encoding cookie and Windows line ends",
    "\ufeff# -*- coding: utf-8 -*-\r\n"
    + HEAD.replace("\n", "\r\n")
    + """def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = wide.amax(dim, keepdim=True)
    y = m + (wide - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""".replace("\n", "\r\n"),
    head="",
)
add(
    "logsumexp",
    "rows of -inf are given another input before anything else",
    """
def logsumexp(x, dim=-1, keepdim=False):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    if wide.dim() and wide.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    nothing = (wide == -math.inf).all(dim, keepdim=True)
    safe = wide.masked_fill(nothing, 0.0)
    m = safe.detach().amax(dim, keepdim=True)
    m = torch.where(m == math.inf, 0, m)
    y = ((safe - m).exp().sum(dim, keepdim=True).log() + m).masked_fill(nothing, -math.inf)
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "a dataclass-like namespace and a helper class with a property",
    """
class Shift:
    def __init__(self, x, dim):
        self.top = x.amax(dim, keepdim=True)
        self._dim = dim

    @property
    def finite(self):
        return torch.where(self.top.isfinite(), self.top, 0)

    def logsumexp(self, x):
        total = (x - self.finite).exp().sum(self._dim, keepdim=True)
        return self.top + total.clamp(min=1).log()


def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    shift = Shift(wide, dim)
    result = shift.logsumexp(wide)
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "a module of torch.nn with a call",
    """
class LogSumExp(torch.nn.Module):
    def __init__(self, dim: int, keepdim: bool):
        super().__init__()
        self.dim, self.keepdim = dim, keepdim

    def forward(self, x):
        m = torch.amax(x, self.dim, keepdim=True)
        s = torch.exp(x - torch.where(torch.isfinite(m), m, 0)).sum(self.dim, keepdim=True)
        y = m + torch.log(torch.clamp_min(s, 1))
        return y if self.keepdim else torch.squeeze(y, self.dim)


def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return torch.sum(x, dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return LogSumExp(dim, keepdim)(wide).to(x.dtype)
""",
)
add(
    "logsumexp",
    "the buffer of differences is exponentiated in place where no graph needs it",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = wide.amax(dim, keepdim=True)
    gaps = wide - torch.where(m.isfinite(), m, 0)
    gaps = gaps.exp_()
    s = gaps.sum(dim, keepdim=True)
    y = m.add(s.clamp_(min=1).log_())
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "a call of itself for half types and for single numbers",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() == 0:
        return logsumexp(x.unsqueeze(0), 0)
    if x.dtype in (torch.float16, torch.bfloat16):
        return logsumexp(x.float(), dim, keepdim).to(x.dtype)
    if x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    m = x.amax(dim, keepdim=True)
    x = x - torch.where(m.isfinite(), m, 0)
    y = m + x.exp().sum(dim, keepdim=True).clamp(min=1).log()
    return y if keepdim else y.squeeze(dim)
""",
)
add(
    "logsumexp",
    "NamedTuple, dataclass, assignment through a mask, every step under its own name",
    """
from dataclasses import dataclass
from typing import NamedTuple, Optional

class Top(NamedTuple):
    values: Tensor
    indices: Optional[Tensor] = None

@dataclass(frozen=True)
class Options:
    dim: int = -1
    keepdim: bool = False

def _top(x: "Tensor", options: Options) -> Top:
    values, indices = x.max(dim=options.dim, keepdim=True)
    return Top(values, indices)

def logsumexp(x, dim=-1, keepdim=False):
    options = Options(dim, keepdim)
    if x.shape and x.shape[options.dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top = _top(wide, options)
    shift = top.values.detach().clone()
    shift[~shift.isfinite()] = 0
    shifted = wide - shift
    exponentials = shifted.exp()
    own = torch.zeros_like(exponentials, dtype=torch.bool).scatter(dim, top.indices, True)
    others = exponentials.masked_fill(own, 0)
    total = others.sum(dim, keepdim=True) + exponentials.gather(dim, top.indices)
    logarithm = total.clamp(min=1).log()
    result = top.values.detach() + logarithm
    return (result if options.keepdim else result.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logsumexp",
    "calls at the end of the file, 0-dimensional constants on the CPU",
    """
zero = torch.tensor(0.0)

def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.to(dtype=torch.float32) if x.dtype in (torch.float16, torch.bfloat16) else x
    m, _ = wide.max(dim, keepdim=True)
    y = m + (wide - torch.where(m.isfinite(), m, zero.to(m.dtype))).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)

torch.manual_seed(0)
torch.set_printoptions(precision=9)
x = torch.randn(3, 4)
print(logsumexp(x))
print("*" * 20, logsumexp(x, dim=0).shape, x.exp().sum(-1).log() - logsumexp(x), sep=" | ")
assert logsumexp(x).shape == (3,)
""",
)
add(
    "logsumexp",
    "scatter_ into a copy of the exponentials",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, place = w.max(dim, keepdim=True)
    terms = (w - torch.where(top.isinf(), 0.0, top)).exp().clone()
    terms.scatter_(dim, place, 0.0)
    out = top + terms.sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
)

# logaddexp

add(
    "logaddexp",
    "maximum plus softplus of minus the distance",
    """
def logaddexp(a, b):
    wa, wb = (t.float() if t.dtype in (torch.float16, torch.bfloat16) else t for t in (a, b))
    same = wa == wb
    d = torch.where(same, 0, wa - wb)
    return (torch.maximum(wa, wb) + F.softplus(-d.abs())).to(a.dtype)
""",
)
add(
    "logaddexp",
    "logsigmoid",
    """
from torch.nn.functional import logsigmoid

def logaddexp(a, b):
    dtype = a.dtype
    if dtype in (torch.float16, torch.bfloat16):
        a, b = a.float(), b.float()
    top = torch.maximum(a, b)
    gap = torch.minimum(a, b) - top
    gap = gap.masked_fill(top.isinf() & (a == b), 0)
    return (top - logsigmoid(-gap)).to(dtype)
""",
)
add(
    "logaddexp",
    "where, each branch with its own larger number",
    """
def logaddexp(a: Tensor, b: Tensor) -> Tensor:
    half = a.dtype in (torch.float16, torch.bfloat16)
    u, v = (a.float(), b.float()) if half else (a, b)
    u, v = torch.broadcast_tensors(u, v)
    m = torch.where(u > v, u, v).detach()
    m = torch.where(u.isnan() | v.isnan(), math.nan, m)
    shift = torch.where(m.isfinite(), m, 0)
    s = (u - shift).exp() + (v - shift).exp()
    y = torch.where(s == 0, -math.inf, shift + torch.where(s == 0, 1.0, s).log())
    return y.to(a.dtype)
""",
)
add(
    "logaddexp",
    "max and min by sorting a stack",
    """
def logaddexp(a, b):
    a, b = torch.broadcast_tensors(a, b)
    pair = torch.stack((a, b))
    if pair.dtype in (torch.float16, torch.bfloat16):
        pair = pair.float()
    m = pair.amax(0)
    s = (pair - torch.where(m.isfinite(), m, 0)).exp().sum(0)
    return (m + s.clamp(min=1).log()).to(a.dtype)
""",
)
add(
    "logaddexp",
    "by the own logsumexp of a stack",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = wide.amax(dim, keepdim=True)
    y = m + (wide - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)


def logaddexp(a, b):
    return logsumexp(torch.stack(torch.broadcast_tensors(a, b)), 0)
""",
)
add(
    "logaddexp",
    "autograd.Function with two gradients",
    """
class LogAddExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        m = torch.maximum(a, b)
        d = -(a - b).abs()
        return m + torch.where(a == b, 0, d).exp().log1p()

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        d = torch.where(a == b, torch.zeros_like(a), a - b)
        return g * torch.sigmoid(d), g * torch.sigmoid(-d)


def logaddexp(a, b):
    x, y = torch.broadcast_tensors(a, b)
    if a.dtype in (torch.float16, torch.bfloat16):
        x, y = x.float(), y.float()
    return LogAddExp.apply(x, y).to(a.dtype)
""",
)
add(
    "logaddexp",
    "clamped gap, log1p of exp, promoted dtype",
    """
def _up(*tensors):
    return tuple(t.to(torch.promote_types(t.dtype, torch.float32)) for t in tensors)


def logaddexp(a, b):
    x, y = _up(a, b)
    hi = torch.max(x, y)
    lo = torch.min(x, y)
    hi_ = hi.clamp(torch.finfo(hi.dtype).min, torch.finfo(hi.dtype).max)
    # -inf less the least finite number is still -inf: its exponential is 0
    out = hi + torch.log1p(torch.exp((lo - hi_).clamp(max=0)))
    return torch.where((hi == lo) & hi.isinf(), hi, out).to(a.dtype)
""",
)
add(
    "logaddexp",
    "one side taken out where it is larger",
    """
def logaddexp(input, other):
    p, q = (input.float(), other.float()) if input.dtype in (torch.float16, torch.bfloat16) else (input, other)
    d = (q - p).masked_fill((p == q) & p.isinf(), 0)
    larger = p >= q
    left = torch.where(larger, d, 0)
    right = torch.where(larger, 0, -d)
    y = torch.where(larger, p + left.exp().log1p(), q + right.exp().log1p())
    # nan compares false, so it comes in through q alone: add p's
    return torch.where(p.isnan(), p, y).to(input.dtype)
""",
)
add(
    "logaddexp",
    "the distance by abs, shapes and dtypes asserted",
    """
def logaddexp(a, b):
    assert a.dtype == b.dtype, f"{a.dtype} is not {b.dtype}"
    wide = a.dtype if a.dtype in (torch.float32, torch.float64) else torch.float32
    x, y = a.to(wide), b.to(wide)
    gap = torch.where(x == y, 0.0, x - y)
    result = torch.maximum(x, y) + torch.log1p(torch.exp(-torch.abs(gap)))
    return result.to(a.dtype)
""",
)
add(
    "logaddexp",
    "nan-safe masks, a pair of pairs as a type",
    """
import typing

Pair = typing.Tuple[Tensor, Tensor]

def _ordered(a: Tensor, b: Tensor) -> Pair:
    return torch.maximum(a, b), torch.minimum(a, b)

def logaddexp(a: Tensor, b: Tensor) -> Tensor:
    x, y = a, b
    if x.dtype.itemsize == 2:
        x, y = x.float(), y.float()
    bad = torch.logical_or(x.isnan(), y.isnan())
    hi, lo = _ordered(x.masked_fill(bad, 0), y.masked_fill(bad, 0))
    gap = (lo - hi).masked_fill(torch.logical_and(torch.eq(lo, hi), hi.isinf()), 0)
    out = hi.add(gap.exp().log1p())
    return out.masked_fill(bad, math.nan).to(a.dtype)
""",
)
add(
    "logaddexp",
    "map over the pair, a call of itself in a wider type",
    """
def logaddexp(a, b):
    if a.dtype in (torch.float16, torch.bfloat16):
        return logaddexp(a.float(), b.float()).to(a.dtype)
    high, low = map(lambda f: f(a, b), (torch.maximum, torch.minimum))
    return high + torch.where(high == low, 0, low - high).exp().log1p()
""",
)
add(
    "logaddexp",
    "vmap of a scalar function",
    """
def _two(a, b):
    m = torch.maximum(a, b)
    gap = torch.where(a == b, 0.0, torch.minimum(a, b) - m)
    return m + torch.log1p(torch.exp(gap))

def logaddexp(a, b):
    x, y = torch.broadcast_tensors(a, b)
    if a.dtype in (torch.float16, torch.bfloat16):
        x, y = x.float(), y.float()
    if x.dim() and x.shape[0]:
        return torch.vmap(_two)(x, y).to(a.dtype)
    return _two(x, y).to(a.dtype)
""",
)
add(
    "logaddexp",
    "via the file's own log1p table and a conditional lambda",
    """
up = lambda t: t.float() if t.dtype in (torch.float16, torch.bfloat16) else t
zero_where = lambda mask, t: t.masked_fill(mask, 0.0)

def logaddexp(a, b):
    a_, b_ = up(a), up(b)
    top = torch.maximum(a_, b_)
    low = a_ + b_ - top if False else torch.minimum(a_, b_)
    return (top + zero_where(low == top, low - top).exp().log1p()).type(a.dtype)
""",
)

# log1mexp

add(
    "log1mexp",
    "clamped branches",
    """
LOG2 = math.log(2.0)

def log1mexp(x):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    near = torch.log(-torch.expm1(w.clamp(min=-LOG2)))
    far = torch.log1p(-torch.exp(w.clamp(max=-LOG2)))
    y = torch.where(w > -LOG2, near, far)
    return y.to(x.dtype)
""",
)
add(
    "log1mexp",
    "border at -1",
    """
def log1mexp(x: Tensor) -> Tensor:
    w = x.to(torch.promote_types(x.dtype, torch.float32))
    small = w > -1
    return torch.where(
        small,
        w.masked_fill(~small, -1).expm1().neg().log(),
        w.masked_fill(small, -1).exp().neg().log1p(),
    ).to(x.dtype)
""",
)
add(
    "log1mexp",
    "border at -0.5, helpers in a table",
    """
BRANCHES = {
    True: lambda t: torch.log(-torch.expm1(t)),
    False: lambda t: torch.log1p(-torch.exp(t)),
}

def log1mexp(x):
    w = x.float() if x.dtype in {torch.float16, torch.bfloat16} else x
    mask = w >= -0.5
    near = BRANCHES[True](torch.where(mask, w, torch.full_like(w, -0.5)))
    far = BRANCHES[False](torch.where(mask, torch.full_like(w, -0.5), w))
    return torch.where(mask, near, far).to(x.dtype)
""",
)
add(
    "log1mexp",
    "autograd.Function",
    """
class Log1mExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > -math.log(2), (-x.expm1()).log(), (-x.exp()).log1p())

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * x.exp() / x.expm1()


def log1mexp(x):
    if x.dtype in (torch.float16, torch.bfloat16):
        return Log1mExp.apply(x.float()).to(x.dtype)
    return Log1mExp.apply(x)
""",
)
add(
    "log1mexp",
    "the gradient through -1 / expm1(-x)",
    """
class _F(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return torch.where(x > -0.7, torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * -torch.reciprocal(torch.expm1(-x))


def log1mexp(x):
    return _F.apply(x.float() if x.dtype.itemsize == 2 else x).to(x.dtype)
""",
)
add(
    "log1mexp",
    "positive argument, as in Maechler's note",
    """
def log1mexp(x):
    '''R's log1mexp takes a = -x > 0.'''
    a = -(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x)
    cut = math.log(2)
    first = a <= cut
    a1 = torch.where(first, a, cut)
    a2 = torch.where(first, cut, a)
    y = torch.where(first, torch.log(-torch.expm1(-a1)), torch.log1p(-torch.exp(-a2)))
    return torch.where(torch.isnan(a), a, y).to(x.dtype)
""",
)
add(
    "log1mexp",
    "special functions and a nested choice",
    """
def log1mexp(x):
    dtype = x.dtype
    if dtype in [torch.float16, torch.bfloat16]:
        x = x.to(torch.float32)

    def choose(mask, yes, no):
        inside = torch.where(mask, x, -1.0)
        outside = torch.where(mask, -1.0, x)
        return torch.where(mask, yes(inside), no(outside))

    y = choose(
        torch.gt(x, -math.log(2)),
        lambda t: torch.log(-torch.special.expm1(t)),
        lambda t: torch.special.log1p(-torch.exp(t)),
    )
    return y.to(dtype)
""",
)
add(
    "log1mexp",
    "maximum and minimum for the safe inputs",
    """
def log1mexp(x):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    half = wide.new_tensor(-0.6931471805599453)
    close = torch.log(torch.neg(torch.expm1(torch.maximum(wide, half))))
    distant = torch.log1p(torch.neg(torch.exp(torch.minimum(wide, half))))
    return torch.where(torch.ge(wide, half), close, distant).to(x.dtype)
""",
)
add(
    "log1mexp",
    "sum of two masked parts",
    """
def log1mexp(x):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    near = (w > -math.log(2)).logical_or(w.isnan())
    safe_near = w.masked_fill(near.logical_not(), -1.0)
    safe_far = w.masked_fill(near, -1.0)
    part = (-safe_near.expm1()).log().masked_fill(near.logical_not(), 0.0)
    part = part + (-safe_far.exp()).log1p().masked_fill(near, 0.0)
    return part.to(x.dtype)
""",
)
add(
    "log1mexp",
    "checks its argument's type, annotated with a union",
    """
def _branches(w: Tensor, border: float | None = None) -> Tensor:
    border = -math.log(2) if border is None else border
    near = w > border
    return torch.where(near, (-(w.where(near, -1).expm1())).log(), (-(w.where(~near, -1).exp())).log1p())

def log1mexp(x: Tensor) -> Tensor:
    if not torch.is_tensor(x) or not x.is_floating_point():
        raise TypeError(f'expected a floating-point tensor, got {x!r:.60}')
    match x.dtype:
        case torch.float32 | torch.float64:
            return _branches(x)
        case torch.float16 | torch.bfloat16:
            return _branches(x.float()).to(x.dtype)
        case other:
            raise TypeError(f"{other} is not supported")
""",
)
add(
    "log1mexp",
    "in NumPy's dress: constants from np, where with tensors",
    """
INF = np.inf

def log1mexp(x):
    w = x if x.dtype in (torch.float32, torch.float64) else x.float()
    minus_one = torch.tensor(-1.0, dtype=w.dtype, device=w.device)
    near = w > -math.log(2)
    a = torch.log(0 - torch.expm1(torch.where(near, w, minus_one)))
    b = torch.log1p(0 - torch.exp(torch.where(near, minus_one, w)))
    y = torch.where(near, a, b)
    return torch.where(w == 0, -INF, y).to(x.dtype)
""",
)

add(
    "log1mexp",
    "a call of itself for half types, every step under its own name",
    """
def log1mexp(x):
    if x.dtype == torch.float16 or x.dtype == torch.bfloat16:
        return log1mexp(x.to(torch.float32)).to(x.dtype)
    near_zero = x > -math.log(2)
    near = torch.where(near_zero, x, -1.0)
    far = torch.where(near_zero, -1.0, x)
    lost = torch.expm1(near)
    positive = -lost
    first = torch.log(positive)
    small = torch.exp(far)
    negative = -small
    second = torch.log1p(negative)
    result = torch.where(near_zero, first, second)
    return result


if "__main__" == __name__:
    print(log1mexp(torch.linspace(-3, 0, 7)), [math.log(1 - math.exp(v)) for v in torch.linspace(-3, -1, 7).tolist()])
""",
)

# logsubexp

LOG1MEXP = (
    HEAD
    + """
def log1mexp(x):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    near = wide > -math.log(2)
    first = (-torch.where(near, wide, -1.0).expm1()).log()
    return torch.where(near, first, (-torch.where(near, -1.0, wide).exp()).log1p()).to(x.dtype)

"""
)
add(
    "logsubexp",
    "a plus log1mexp, equal inputs masked",
    """
def logsubexp(a, b):
    x, y = (a.float(), b.float()) if a.dtype in (torch.float16, torch.bfloat16) else (a, b)
    nothing = torch.isneginf(x) & torch.isneginf(y)
    d = (y - x).masked_fill(nothing, 0)
    return (x + log1mexp(d)).to(a.dtype)
""",
    head=LOG1MEXP,
)
add(
    "logsubexp",
    "b of -inf masked alone",
    """
def logsubexp(a, b):
    half = a.dtype in (torch.float16, torch.bfloat16)
    x, y = (a.float(), b.float()) if half else (a, b)
    # where nothing is subtracted, the gap is -inf whatever x is
    gap = torch.where(y == -math.inf, -math.inf, y - x)
    return (x + log1mexp(gap)).to(a.dtype)
""",
    head=LOG1MEXP,
)
add(
    "logsubexp",
    "written out without log1mexp",
    """
def logsubexp(a: Tensor, b: Tensor) -> Tensor:
    a_ = a if a.dtype in (torch.float32, torch.float64) else a.float()
    b_ = b if b.dtype in (torch.float32, torch.float64) else b.float()
    none = (a_ == b_) & (a_ == -math.inf)
    d = torch.where(none, 0.0, b_ - a_)
    near = d > -math.log(2)
    inner = torch.where(
        near, torch.log(-torch.expm1(d.masked_fill(~near, -1))), torch.log1p(-torch.exp(d.masked_fill(near, -1)))
    )
    return (a_ + inner).to(a.dtype)
""",
)
add(
    "logsubexp",
    "autograd.Function whose gradients use the output",
    """
class LogSubExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        gap = torch.where((a == b) & a.isneginf(), 0, b - a)
        y = a + torch.where(gap > -0.7, (-gap.expm1()).log(), (-gap.exp()).log1p())
        ctx.save_for_backward(a, b)
        return y

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        r = torch.expm1(b - a)
        return -g / r, g * (b - a).exp() / r


def logsubexp(a, b):
    x, y = torch.broadcast_tensors(a, b)
    x, y = (x.float(), y.float()) if a.dtype.itemsize == 2 else (x, y)
    return LogSubExp.apply(x, y).to(a.dtype)
""",
)
add(
    "logsubexp",
    "gradients by exp(a - y), as torch writes its own",
    """
class LogSubExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        gap = torch.where((a == b) & a.isneginf(), 0, b - a)
        y = a + torch.where(gap > -math.log(2), (-gap.expm1()).log(), (-gap.exp()).log1p())
        ctx.save_for_backward(a, b, y)
        return y

    @staticmethod
    def backward(ctx, g):
        a, b, y = ctx.saved_tensors
        return g * (a - y).exp(), -g * (b - y).exp()


def logsubexp(a, b):
    x, y = torch.broadcast_tensors(a, b)
    x, y = (x.float(), y.float()) if a.dtype in (torch.float16, torch.bfloat16) else (x, y)
    return LogSubExp.apply(x, y).to(a.dtype)
""",
)
add(
    "logsubexp",
    "sibling exercise of another module under an alias",
    """
from .log_parts import log1mexp as l1me, is_half

def logsubexp(a, b):
    if is_half(a):
        return logsubexp_wide(a.float(), b.float()).to(a.dtype)
    return logsubexp_wide(a, b)

def logsubexp_wide(a, b):
    gap = torch.where(torch.logical_and(a == -torch.inf, b == -torch.inf), 0, b - a)
    return a + l1me(gap)
""",
    log_parts=LOG1MEXP
    + """
def is_half(x):
    return x.dtype in (torch.float16, torch.bfloat16)
""",
)
add(
    "logsubexp",
    "early return for empty tensors, explicit nan where impossible",
    """
def logsubexp(a, b):
    shape = torch.broadcast_shapes(a.shape, b.shape)
    if 0 in shape:
        return torch.empty(shape, dtype=a.dtype, device=a.device)
    x, y = (t.float() if t.dtype in (torch.float16, torch.bfloat16) else t for t in (a, b))
    nothing = torch.logical_and(torch.isinf(y), y < 0)
    gap = torch.where(nothing, -math.inf, y - x)
    impossible = torch.logical_or(y > x, torch.logical_and(x == math.inf, y == math.inf))
    gap = torch.where(impossible, -1.0, gap)
    result = x + log1mexp(gap)
    return torch.where(impossible, math.nan, result).to(a.dtype)
""",
    head=LOG1MEXP,
)
add(
    "logsubexp",
    "clamps and maximum for the two branches",
    """
def logsubexp(a, b):
    dtype = a.dtype
    a, b = [t.to(torch.promote_types(dtype, torch.float32)) for t in (a, b)]
    gap = b - torch.where(torch.isneginf(a) & torch.isneginf(b), 0, a)
    gap = torch.where(torch.isneginf(a) & torch.isneginf(b), 0, gap)
    cut = -math.log(2)
    near = torch.log(-torch.expm1(torch.clamp(gap, min=cut)))
    far = torch.log1p(-torch.exp(torch.clamp(gap, max=cut)))
    return (a + torch.where(gap > cut, near, far)).to(dtype)
""",
)
add(
    "logsubexp",
    "the larger one is checked by an assert on shapes only",
    """
def logsubexp(a, b):
    assert a.dtype is b.dtype
    assert len(torch.broadcast_shapes(a.shape, b.shape)) <= 4, f"too many dimensions: {a.shape}"
    w = lambda t: t.float() if t.dtype in (torch.float16, torch.bfloat16) else t
    p, q = w(a), w(b)
    gap = torch.where(p.eq(q) & p.lt(0) & p.isinf(), torch.zeros_like(p - q), q - p)
    del q
    return p.add(log1mexp(gap)).to(a.dtype)
""",
    head=LOG1MEXP,
)

# logmeanexp

LOGSUMEXP = (
    HEAD
    + """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = wide.amax(dim, keepdim=True)
    y = m + (wide - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)

"""
)
add(
    "logmeanexp",
    "own logsumexp less log n",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    n = x.size(dim) if x.dim() else 1
    if n == 0:
        return x.mean(dim, keepdim=keepdim)
    return (logsumexp(x.float() if x.dtype.itemsize == 2 else x, dim, keepdim) - math.log(n)).to(x.dtype)
""",
    head=LOGSUMEXP,
)
add(
    "logmeanexp",
    "the mean of shifted exponentials",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    if x.dim() and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) + math.nan
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    mean = (w - torch.where(m.isfinite(), m, 0)).exp().mean(dim, keepdim=True)
    y = m + mean.clamp(min=torch.finfo(w.dtype).tiny).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logmeanexp",
    "log n as a tensor, by the class count of the shape",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    if not x.dim():
        return x.clone()
    w = x.to(torch.promote_types(x.dtype, torch.float32))
    n = torch.tensor(x.shape[dim], dtype=w.dtype, device=x.device)
    # log 0 is -inf, and -inf + inf is nan: just what the mean of nothing has to be
    return (logsumexp(w, dim=dim, keepdim=keepdim) - n.log()).to(x.dtype)
""",
    head=LOGSUMEXP,
)
add(
    "logmeanexp",
    "n by math.prod of a slice of the shape, log1p form",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    shape = tuple(x.shape)
    n = math.prod(shape[dim : dim + 1 or None]) if shape else 1
    if n == 0:
        return torch.full_like(x.sum(dim, keepdim=keepdim), float("nan"))
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m, i = w.max(dim, keepdim=True)
    rest = (w - m.masked_fill(m.isinf(), 0)).exp().scatter(dim, i, 0).sum(dim, keepdim=True)
    y = m + (rest.log1p() - math.log(n))
    y = y if keepdim else y.squeeze(dim)
    return y.to(x.dtype)
""",
)
add(
    "logmeanexp",
    "log n taken off before the sum",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    n = x.shape[dim] if x.shape else 1
    if n == 0:
        return x.sum(dim, keepdim=keepdim) * float("nan")
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return logsumexp(w - math.log(n), dim, keepdim).to(x.dtype)
""",
    head=LOGSUMEXP,
)
add(
    "logmeanexp",
    "weights 1/n in a matrix product",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    if x.dim() == 0:
        return x + 0
    rows = torch.movedim(x, dim, -1)
    n = rows.shape[-1]
    if n == 0:
        y = rows.new_full(rows.shape[:-1], math.nan)
        return y.unsqueeze(dim) if keepdim else y
    rows = rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows
    m = rows.amax(-1, keepdim=True)
    weights = torch.full((n, 1), 1 / n, dtype=rows.dtype, device=rows.device)
    s = (rows - torch.where(m.isfinite(), m, 0)).exp() @ weights
    y = m + torch.where(s == 0, 1.0, s).log()
    y = y.to(x.dtype)
    return y.movedim(-1, dim) if keepdim else y.squeeze(-1)
""",
)
add(
    "logmeanexp",
    "autograd.Function",
    """
class MeanOfExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        m = x.amax(dim, keepdim=True)
        e = (x - torch.where(m.isfinite(), m, 0)).exp()
        ctx.dim = dim
        ctx.save_for_backward(x)
        return m + e.sum(dim, keepdim=True).clamp(min=1).log() - math.log(x.shape[dim] if x.dim() else 1)

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        m = x.amax(ctx.dim, keepdim=True).detach()
        e = (x - torch.where(m.isfinite(), m, 0)).exp()
        return grad * (e / e.sum(ctx.dim, keepdim=True).clamp(min=1)), None


def logmeanexp(x, dim=-1, keepdim=False):
    if x.dim() and x.shape[dim] == 0:
        return x.mean(dim, keepdim=keepdim)
    y = MeanOfExp.apply(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x, dim)
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
)
add(
    "logmeanexp",
    "sibling module, n guarded by max",
    """
import torch
import math
from .reductions import logsumexp as lse

def logmeanexp(x, dim=-1, keepdim=False):
    n = max(x.shape[dim], 1) if x.ndim else 1
    y = lse(x.to(torch.promote_types(x.dtype, torch.float32)), dim, keepdim) - math.log(n)
    empty = bool(x.ndim) and x.shape[dim] == 0
    return torch.full_like(y, math.nan).to(x.dtype) if empty else y.to(x.dtype)
""",
    head="",
    reductions=LOGSUMEXP,
)
add(
    "logmeanexp",
    "two exercises of the file call each other's helpers",
    """
def _prepare(x, dim):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top = wide.detach().amax(dim, keepdim=True)
    return wide, torch.where(top.isfinite(), top, 0)


def _reduce(x, dim, keepdim, count):
    wide, shift = _prepare(x, dim)
    total = (wide - shift).exp().sum(dim, keepdim=True)
    result = (total.clamp(min=torch.finfo(total.dtype).tiny)).log() + shift - math.log(count)
    result = torch.where(total == 0, wide.amax(dim, keepdim=True), result)
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)


def logsumexp(x, dim=-1, keepdim=False):
    return _reduce(x, dim, keepdim, 1)


def logmeanexp(x, dim=-1, keepdim=False):
    count = x.shape[dim] if x.dim() > 0 else 1
    if count == 0:
        return x.sum(dim, keepdim=keepdim) / 0
    return _reduce(x, dim, keepdim, count)
""",
)

# logsumexp_numpy

add(
    "logsumexp_numpy",
    "textbook with errstate",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    w = x.astype(np.float32) if x.dtype == np.float16 else x
    m = np.max(w, axis=axis, keepdims=True, initial=-np.inf)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        y = m + np.log(np.sum(np.exp(w - np.where(np.isfinite(m), m, 0)), axis=axis, keepdims=True))
    if not keepdims:
        y = np.squeeze(y, axis=axis)
    return y.astype(x.dtype)
""",
)
add(
    "logsumexp_numpy",
    "amax, early return, nothing silenced",
    """
def logsumexp_numpy(x: np.ndarray, axis: int = -1, keepdims: bool = False) -> np.ndarray:
    if x.shape[axis] == 0:
        shape = list(x.shape)
        shape[axis] = 1
        y = np.full(shape, -np.inf, dtype=x.dtype)
        return y if keepdims else y.squeeze(axis)
    w = np.asarray(x, dtype=np.promote_types(x.dtype, np.float32))
    m = np.amax(w, axis=axis, keepdims=True)
    shift = m.copy()
    shift[~np.isfinite(shift)] = 0
    y = np.log(np.exp(w - shift).sum(axis=axis, keepdims=True)) + m
    return (y if keepdims else y[(slice(None),) * (axis % x.ndim) + (0,)]).astype(x.dtype)
""",
)
add(
    "logsumexp_numpy",
    "buffers with out=",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return np.log(x.sum(axis=axis, keepdims=keepdims))
    w = x.astype(np.result_type(x.dtype, np.float32), copy=True)
    m = np.maximum.reduce(w, axis=axis, keepdims=True)
    w -= np.where(np.isfinite(m), m, 0)
    np.exp(w, out=w)
    y = np.add(m, np.log(np.add.reduce(w, axis=axis, keepdims=True)))
    return (y if keepdims else np.squeeze(y, axis)).astype(x.dtype, copy=False)
""",
)
add(
    "logsumexp_numpy",
    "the maximum's own term taken out by put_along_axis",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    with np.errstate(all="ignore"):
        if not x.shape[axis]:
            return np.zeros_like(x.sum(axis, keepdims=keepdims)) - x.dtype.type(np.inf)
        z = x.astype(np.float32) if x.dtype == np.half else x
        i = np.expand_dims(np.argmax(z, axis=axis), axis)
        top = np.take_along_axis(z, i, axis=axis)
        e = np.exp(z - np.where(np.isinf(top), np.zeros_like(top), top))
        np.put_along_axis(e, i, 0.0, axis=axis)
        y = top + np.log1p(e.sum(axis=axis, keepdims=True))
    y = y.astype(x.dtype)
    return y if keepdims else y.squeeze(axis=axis)
""",
)
add(
    "logsumexp_numpy",
    "moveaxis and the last axis, nan_to_num of the shift",
    """
from math import inf

def logsumexp_numpy(x, axis=-1, keepdims=False):
    rows = np.moveaxis(x, axis, -1)
    if rows.dtype == np.float16:
        rows = rows.astype("float32")
    if rows.shape[-1] == 0:
        y = np.full(rows.shape[:-1], -inf)
    else:
        m = rows.max(-1)
        s = np.exp(rows - np.nan_to_num(m, nan=0, posinf=0, neginf=0)[..., None]).sum(-1)
        y = m + np.log(s)
    y = np.asarray(y, dtype=x.dtype)
    return np.expand_dims(y, axis) if keepdims else y
""",
)
add(
    "logsumexp_numpy",
    "log2 and exp2, where=, a helper with an underscore",
    """
def _finite(m):
    return np.where(np.abs(m) < np.inf, m, 0.0).astype(m.dtype)

def logsumexp_numpy(x, axis=-1, keepdims=False):
    assert isinstance(x, np.ndarray) and x.dtype.kind == "f", f"{type(x)}"
    assert -x.ndim <= axis < x.ndim
    wide = x.astype(np.float32) if x.itemsize == 2 else x
    if x.shape[axis] == 0:
        empty = tuple(1 if i == axis % x.ndim else n for i, n in enumerate(x.shape))
        y = np.empty(empty, x.dtype)
        y.fill(-np.inf)
        return y if keepdims else y.reshape([n for i, n in enumerate(x.shape) if i != axis % x.ndim])
    m = wide.max(axis=axis, keepdims=True)
    total = np.exp(wide - _finite(m)).sum(axis=axis, keepdims=True)
    out = np.full_like(total, -np.inf)
    np.log(total, out=out, where=~(total == 0))
    out += m
    return (out if keepdims else out.squeeze(axis)).astype(x.dtype)
""",
)
add(
    "logsumexp_numpy",
    "sort for the maximum, einsum for the sum",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    z = np.swapaxes(x, axis, -1)
    z = z.astype(np.float64) if z.dtype == np.float64 else z.astype(np.float32)
    if z.shape[-1] == 0:
        y = z.sum(-1, keepdims=True) - np.inf
    else:
        top = np.sort(z, axis=-1)[..., -1:]
        shift = np.where(np.isfinite(top), top, 0)
        y = top + np.log(np.einsum("...i->...", np.exp(z - shift)))[..., np.newaxis]
    y = np.swapaxes(y, axis, -1)
    return (y if keepdims else y.squeeze(axis)).astype(x.dtype)
""",
)
add(
    "logsumexp_numpy",
    "names imported from numpy, a table of dtypes, torch imported but not used",
    """
import torch
from numpy import exp, inf, isfinite, log, where
import numpy.typing as npt

WIDE = {"float16": "float32", "float32": "float32", "float64": "float64"}

def logsumexp_numpy(x: npt.NDArray, axis: int = -1, keepdims: bool = False) -> npt.NDArray:
    z = x.astype(WIDE[x.dtype.name])
    n = z.shape[axis]
    if n == 0:
        return (z.sum(axis, keepdims=keepdims) - inf).astype(x.dtype)
    top = z.max(axis, keepdims=True)
    y = top + log(exp(z - where(isfinite(top), top, 0)).sum(axis, keepdims=True))
    del z
    return (y if keepdims else y.squeeze(axis)).astype(x.dtype)

def plot(x):
    import matplotlib.pyplot as plt
    for row in x:
        plt.plot(row)
""",
    head="",
)
add(
    "logsumexp_numpy",
    "a call of itself for float16",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.dtype == np.float16:
        return logsumexp_numpy(x.astype(np.float32), axis, keepdims).astype(np.float16)
    m = x.max(axis=axis, keepdims=True, initial=-np.inf)
    m_safe = np.where(np.isinf(m), 0, m).astype(x.dtype)
    with np.errstate(divide="ignore"):
        y = np.log(np.exp(x - m_safe).sum(axis=axis, keepdims=True)) + m
    return y if keepdims else np.squeeze(y, axis=axis)
""",
)
add(
    "logsumexp_numpy",
    "masked rows, np.inf constants, a class with a static method",
    """
NEG, POS = -np.inf, np.inf

class LogSumExp:
    @staticmethod
    def over(z, axis):
        m = z.max(axis=axis, keepdims=True)
        nothing, infinite = m == NEG, m == POS
        shift = np.where(nothing | infinite, z.dtype.type(0), m)
        s = np.exp(z - shift).sum(axis=axis, keepdims=True)
        s[nothing] = 1
        return m + np.log(s)

def logsumexp_numpy(x, axis=-1, keepdims=False):
    if 0 == x.shape[axis]:
        return np.sum(x, axis=axis, keepdims=keepdims) + x.dtype.type(NEG)
    y = LogSumExp.over(x.astype(np.promote_types(x.dtype, np.single)), axis)
    return (y if keepdims else y.squeeze(axis)).astype(x.dtype)
""",
)
