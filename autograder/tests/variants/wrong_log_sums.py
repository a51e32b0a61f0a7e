"""Wrong answers to the exercises of `log_sums`, on different bases: each must lose points and be told its mistake.

A naive base overflows, a textbook base gives nan on rows of infinities, a robust base is right but for the mistake.
"""

from autograder.tests.variants import Collection

WRONG = Collection("log_sums")
add = WRONG.add

# logsumexp 1: no shift

add(
    "logsumexp",
    "naive, half types widened",
    """
def logsumexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return torch.log(torch.sum(torch.exp(w), dim=dim, keepdim=keepdim)).to(x.dtype)
""",
    "no_shift",
)
add(
    "logsumexp",
    "naive with a guarded logarithm, squeezed by dim",
    """
def logsumexp(x, dim=-1, keepdim=False):
    total = x.exp().sum(dim, keepdim=True)
    empty = total == 0
    y = torch.where(empty, -math.inf, total.masked_fill(empty, 1).log())
    return y if keepdim else y.squeeze(dim)
""",
    "no_shift",
)
add(
    "logsumexp",
    "naive in base 2",
    """
def logsumexp(x, dim=-1, keepdim=False):
    w = x.to(torch.promote_types(x.dtype, torch.float32))
    s = torch.exp2(w / math.log(2)).sum(dim, keepdim)
    return (s.log2() * math.log(2)).to(x.dtype)
""",
    "no_shift",
)
add(
    "logsumexp",
    "naive, log1p of the sum less 1",
    """
def logsumexp(x, dim=-1, keepdim=False):
    s = torch.expm1(x).sum(dim, keepdim=keepdim) + (x.shape[dim] if x.dim() else 1)
    return s.log()
""",
    "no_shift",
)

# logsumexp 2: one maximum for the whole batch

add(
    "logsumexp",
    "x.max() in the textbook",
    """
def logsumexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.max()
    return (m + (w - m).exp().sum(dim, keepdim=keepdim).log()).to(x.dtype)
""",
    "one_maximum_for_the_batch",
)
add(
    "logsumexp",
    "amax of everything, detached, made finite, empty inputs handled",
    """
def logsumexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    if w.numel() == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    m = torch.amax(w.detach())
    m = torch.where(torch.isfinite(m), m, 0.0)
    return (torch.log(torch.exp(w - m).sum(dim, keepdim=keepdim)) + m).to(x.dtype)
""",
    "one_finite_maximum_for_the_batch",
)
add(
    "logsumexp",
    "max of the flattened tensor, keepdim by unsqueeze",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.numel() == 0:
        return x.sum(dim, keepdim=keepdim).log()
    top = x.reshape(-1).max(0).values
    s = (x - top).exp().sum(dim)
    y = s.log() + top
    return y.unsqueeze(dim) if keepdim else y
""",
    "one_finite_maximum_for_the_batch",
)
add(
    "logsumexp",
    "the maximum over all dimensions, a sum of 0 answered by hand",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() and x.shape[dim] == 0 or not x.numel():
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.double() if x.dtype == torch.float64 else x.float()
    m = torch.max(w)
    e = torch.exp(w - torch.nan_to_num(m, nan=0.0, posinf=0.0, neginf=0.0))
    s = e.sum(dim, keepdim=True)
    y = torch.where(s == 0, -math.inf, m + s.log())
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "one_finite_maximum_for_the_batch",
)

# logsumexp 3: clamp to +-80

add(
    "logsumexp",
    "clamp of both sides",
    """
def logsumexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return w.clamp(min=-80, max=80).exp().sum(dim, keepdim=keepdim).log().to(x.dtype)
""",
    "clamp_to_80",
)
add(
    "logsumexp",
    "torch.clip at 88",
    """
def logsumexp(x, dim=-1, keepdim=False):
    return torch.log(torch.exp(torch.clip(x, max=88.0)).sum(dim, keepdim=keepdim))
""",
    "clamp_above",
)
add(
    "logsumexp",
    "hardtanh to +-50",
    """
def logsumexp(x, dim=-1, keepdim=False):
    y = F.hardtanh(x, -50.0, 50.0).exp().sum(dim, keepdim=True).log()
    return y if keepdim else y.squeeze(dim)
""",
    "clamp_to_80",
)
add(
    "logsumexp",
    "minimum and maximum to +-80, rows of -inf by hand",
    """
def logsumexp(x, dim=-1, keepdim=False):
    bounded = torch.minimum(torch.maximum(x, torch.full_like(x, -80)), torch.full_like(x, 80))
    nothing = (x == -math.inf).all(dim, keepdim=keepdim)
    return bounded.exp().sum(dim, keepdim=keepdim).log().masked_fill(nothing, -math.inf)
""",
    "clamp_to_80",
)

# logsumexp 4: squeeze without dim

add(
    "logsumexp",
    "the document's code",
    """
def logsumexp(x, dim=-1, keepdim=False):
    max_x = torch.max(x, dim=dim, keepdim=True)[0]
    return max_x.squeeze() + torch.log(torch.sum(torch.exp(x - max_x), dim=dim))
""",
    "squeeze_everything",
)
add(
    "logsumexp",
    "robust, squeezed at the end unless keepdim",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    y = m + (w - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze()).to(x.dtype)
""",
    "squeeze_at_the_end",
)
add(
    "logsumexp",
    "torch.squeeze of both parts before they are added",
    """
def logsumexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    log_sum = (w - m).exp().sum(dim, keepdim=True).log()
    y = torch.squeeze(m) + torch.squeeze(log_sum)
    return (y.unsqueeze(dim) if keepdim else y).to(x.dtype)
""",
    "squeeze_at_the_end",
)
add(
    "logsumexp",
    "the maximum squeezed, the sum not",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    m = x.max(dim, keepdim=True).values
    m = torch.where(m.isinf(), torch.zeros_like(m), m)
    s = torch.log(torch.exp(x - m).sum(dim))
    out = m.squeeze() + s
    return out.unsqueeze(dim) if keepdim else out
""",
    "squeeze_everything",
)

# logsumexp 5: nan on a row of -inf

add(
    "logsumexp",
    "textbook",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(dim, keepdim=True)
    y = m + (x - m).exp().sum(dim, keepdim=True).log()
    return y if keepdim else y.squeeze(dim)
""",
    "nan_on_infinite_rows",
)
add(
    "logsumexp",
    "textbook, detached, +inf handled",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.detach().amax(dim, keepdim=True)
    m = torch.where(m == math.inf, 0, m)
    y = m + (w - m).exp().sum(dim, keepdim=True).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "nan_on_a_row_of_minus_inf",
)
add(
    "logsumexp",
    "log1p form with scatter",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m, i = w.max(dim, keepdim=True)
    y = m + (w - m).exp().scatter(dim, i, 0.0).sum(dim, keepdim=True).log1p()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "nan_on_infinite_rows",
)
add(
    "logsumexp",
    "guarded by the largest finite number on one side only",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) + -math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.max(dim=dim, keepdim=True).values.clamp(max=torch.finfo(w.dtype).max)
    y = torch.log(torch.sum(torch.exp(w - m), dim=dim, keepdim=True)) + m
    return (y if keepdim else y[(slice(None),) * (dim % x.dim()) + (0,)] if x.dim() else y).to(x.dtype)
""",
    "nan_on_a_row_of_minus_inf",
)

# logsumexp 6: loops over rows

LOOPED = """
def one(row):
    m = row.max()
    m = torch.where(m.isfinite(), m, 0)
    return m + (row - m).exp().sum().log()

"""
add(
    "logsumexp",
    "for over range, textbook rows",
    LOOPED
    + """
def logsumexp(x, dim=-1, keepdim=False):
    rows = x.movedim(dim, -1)
    flat = rows.reshape(-1, rows.shape[-1])
    out = []
    for i in range(len(flat)):
        out.append(one(flat[i]))
    y = torch.stack(out).reshape(rows.shape[:-1])
    return y.unsqueeze(dim) if keepdim else y
""",
    "loop_over_rows",
)
add(
    "logsumexp",
    "while with a counter, naive rows in a list",
    """
def logsumexp(x, dim=-1, keepdim=False):
    rows = x.movedim(dim, -1)
    flat = rows.reshape(-1, rows.shape[-1])
    out, i = [], 0
    while i < len(flat):
        out.append(flat[i].exp().sum().log())
        i += 1
    y = torch.stack(out).reshape(rows.shape[:-1])
    return y.unsqueeze(dim) if keepdim else y
""",
    "loop_over_rows",
)
add(
    "logsumexp",
    "enumerate in a nested function",
    LOOPED
    + """
def logsumexp(x, dim=-1, keepdim=False):
    def fill(flat, out):
        for i, row in enumerate(flat):
            out[i] = one(row)
        return out

    rows = x.movedim(dim, -1)
    flat = rows.reshape(-1, rows.size(-1))
    y = fill(flat, torch.zeros(flat.shape[0], dtype=x.dtype, device=x.device)).view(rows.shape[:-1])
    return y.unsqueeze(dim) if keepdim else y
""",
    "loop_over_rows",
)
add(
    "logsumexp",
    "zip of rows and maxima in a helper of the file",
    """
def _gather(rows, tops):
    parts = []
    for row, top in zip(rows, tops):
        parts += [(top + (row - top).exp().sum().log()).reshape(1)]
    return torch.cat(parts)


def logsumexp(x, dim=-1, keepdim=False):
    flat = x.movedim(dim, -1).flatten(0, -2)
    y = _gather(flat, flat.amax(-1)).reshape(x.movedim(dim, -1).shape[:-1])
    return y.unsqueeze(dim) if keepdim else y
""",
    "loop_over_rows",
)
add(
    "logsumexp",
    "specification in Python floats",
    """
def logsumexp(x, dim=-1, keepdim=False):
    answers = []
    for row in x.reshape(-1, x.shape[-1]).tolist():
        top = max(row)
        answers.append(top + math.log(sum(math.exp(v - top) for v in row)))
    return torch.tensor(answers).reshape(x.shape[:-1])
""",
    "loop_over_rows",
)

# logsumexp 7: comprehensions over rows

add(
    "logsumexp",
    "torch.stack of a list comprehension",
    LOOPED
    + """
def logsumexp(x, dim=-1, keepdim=False):
    rows = x.movedim(dim, -1)
    y = torch.stack([one(r) for r in rows.reshape(-1, rows.shape[-1])]).reshape(rows.shape[:-1])
    return y.unsqueeze(dim) if keepdim else y
""",
    "comprehension_over_rows",
)
add(
    "logsumexp",
    "torch.tensor of a comprehension of floats",
    """
def logsumexp(x, dim=-1, keepdim=False):
    rows = x.reshape(-1, x.shape[-1]).tolist()
    answers = [m + math.log(math.fsum([math.exp(v - m) for v in r])) for r in rows for m in [max(r)]]
    return torch.tensor(answers, dtype=x.dtype).reshape(x.shape[:-1])
""",
    "comprehension_over_rows",
)
add(
    "logsumexp",
    "torch.cat of a tuple of a generator over indices",
    LOOPED
    + """
def logsumexp(x, dim=-1, keepdim=False):
    rows = x.movedim(dim, -1)
    flat = rows.reshape(-1, rows.shape[-1])
    n = flat.shape[0]
    y = torch.cat(tuple(one(flat[i])[None] for i in range(n))).reshape(rows.shape[:-1])
    return y.unsqueeze(dim) if keepdim else y
""",
    "comprehension_over_rows",
)
add(
    "logsumexp",
    "map over the rows of unbind",
    LOOPED
    + """
def logsumexp(x, dim=-1, keepdim=False):
    rows = x.movedim(dim, -1)
    flat = rows.reshape(-1, rows.shape[-1])
    y = torch.stack(list(map(one, flat.unbind(0)))).view(rows.shape[:-1])
    return y.unsqueeze(dim) if keepdim else y
""",
    "comprehension_over_rows",
)
add(
    "logsumexp",
    "rows unpacked into a tuple first",
    LOOPED
    + """
def logsumexp(x, dim=-1, keepdim=False):
    rows = x.movedim(dim, -1)
    y = torch.stack([one(r) for r in (*rows.reshape(-1, rows.shape[-1]),)]).reshape(rows.shape[:-1])
    return y.unsqueeze(dim) if keepdim else y
""",
    "comprehension_over_rows",
)

# logsumexp 8: forbidden functions under many spellings

add(
    "logsumexp",
    "direct, with keywords",
    """
def logsumexp(x, dim=-1, keepdim=False):
    return torch.logsumexp(x, dim=dim, keepdim=keepdim)
""",
    "forbidden_function",
)
add(
    "logsumexp",
    "direct, imported under an alias",
    """
from torch.special import logsumexp as lse

def logsumexp(x, dim=-1, keepdim=False):
    return lse(x, dim, keepdim)
""",
    "forbidden_function",
)
add(
    "logsumexp",
    "direct, from a table at module level in a helper",
    """
OPS = {"lse": torch.special.logsumexp}

def _reduce(x, dim, keepdim):
    return OPS["lse"](x, dim, keepdim)

def logsumexp(x, dim=-1, keepdim=False):
    return _reduce(x, dim, keepdim)
""",
    "forbidden_function",
)
add(
    "logsumexp",
    "x minus log_softmax",
    """
def logsumexp(x, dim=-1, keepdim=False):
    y = (x - F.log_softmax(x, dim)).select(dim, 0)
    return y.unsqueeze(dim) if keepdim else y
""",
    "forbidden_function",
)
add(
    "logsumexp",
    "cross_entropy against the first class",
    """
def logsumexp(x, dim=-1, keepdim=False):
    rows = x.movedim(dim, -1)
    first = torch.zeros(rows.shape[:-1], dtype=torch.long, device=x.device)
    flat = F.cross_entropy(rows.flatten(0, -2), first.flatten(), reduction="none")
    y = flat.view(rows.shape[:-1]) + rows[..., 0]
    return y.unsqueeze(dim) if keepdim else y
""",
    "forbidden_function",
)
add(
    "logsumexp",
    "the last of logcumsumexp as a method",
    """
def logsumexp(x, dim=-1, keepdim=False):
    y = x.logcumsumexp(dim).select(dim, -1)
    return y.unsqueeze(dim) if keepdim else y
""",
    "forbidden_method",
)
add(
    "logsumexp",
    "a method bound to a local name",
    """
def logsumexp(x, dim=-1, keepdim=False):
    reduce = x.float().logsumexp
    return reduce(dim, keepdim=keepdim).to(x.dtype)
""",
    "forbidden_method",
)
add(
    "logsumexp",
    "softmax as a method: max over softmax",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(dim, keepdim=True)
    y = m - x.softmax(dim).amax(dim, keepdim=True).log()
    return y if keepdim else y.squeeze(dim)
""",
    "forbidden_method",
)
add(
    "logsumexp",
    "getattr of a joined string",
    """
def logsumexp(x, dim=-1, keepdim=False):
    return getattr(x, "".join(["log", "sum", "exp"]))(dim, keepdim)
""",
    "forbidden_getattr",
)
add(
    "logsumexp",
    "getattr of a variable",
    """
NAME = "pxemusgol"[::-1]

def logsumexp(x, dim=-1, keepdim=False):
    f = getattr(torch, NAME)
    return f(x, dim, keepdim)
""",
    "forbidden_getattr",
)
add(
    "logsumexp",
    "getattr of an f-string",
    """
def logsumexp(x, dim=-1, keepdim=False):
    part = "sum"
    return getattr(torch.Tensor, f"log{part}exp")(x, dim, keepdim)
""",
    "forbidden_getattr",
)
add(
    "logsumexp",
    "getattr under another name",
    """
look = getattr

def logsumexp(x, dim=-1, keepdim=False):
    return look(torch, "log" + "sumexp")(x, dim, keepdim)
""",
    "forbidden_getattr",
)
add(
    "logsumexp",
    "an alias of torch at module level",
    """
lib = torch

def logsumexp(x, dim=-1, keepdim=False):
    return lib.logsumexp(x, dim, keepdim)
""",
    "forbidden_function",
)

# logsumexp 9: maximum and sum detached

add(
    "logsumexp",
    "detached at the start, textbook",
    """
def logsumexp(x, dim=-1, keepdim=False):
    z = x.detach()
    m = z.amax(dim, keepdim=True)
    y = m + (z - m).exp().sum(dim, keepdim=True).log()
    return y if keepdim else y.squeeze(dim)
""",
    "detached",
)
add(
    "logsumexp",
    "x.data, robust",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.data.float() if x.dtype in (torch.float16, torch.bfloat16) else x.data
    m = w.amax(dim, keepdim=True)
    y = m + (w - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "detached",
)
add(
    "logsumexp",
    "everything under no_grad, naive",
    """
def logsumexp(x, dim=-1, keepdim=False):
    with torch.no_grad():
        return x.exp().sum(dim, keepdim=keepdim).log()
""",
    "detached",
)
add(
    "logsumexp",
    "no_grad as a decorator, no keepdim",
    """
@torch.no_grad()
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(dim, keepdim=True)
    return m.squeeze(dim) + (x - m).exp().sum(dim).log()
""",
    "detached",
)
add(
    "logsumexp",
    "the result is copied into a new tensor",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    m = x.max(dim, keepdim=True).values
    total = (x - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True)
    y = torch.empty_like(m).detach()
    y.copy_((m + total.clamp(min=1).log()).detach())
    return y if keepdim else y.squeeze(dim)
""",
    "detached",
)
add(
    "logsumexp",
    "maximum and sum detached one by one",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(dim, keepdim=True).detach()
    s = (x - m).exp().sum(dim, keepdim=True).detach()
    y = m + s.log()
    return y if keepdim else y.squeeze(dim)
""",
    "detached",
)

# logsumexp 10: the result in float64

add(
    "logsumexp",
    "double at the start, textbook",
    """
def logsumexp(x, dim=-1, keepdim=False):
    z = x.double()
    m = z.amax(dim, keepdim=True)
    y = m + (z - m).exp().sum(dim, keepdim=True).log()
    return y if keepdim else y.squeeze(dim)
""",
    "float64_result",
)
add(
    "logsumexp",
    "naive in torch.float64",
    """
def logsumexp(x, dim=-1, keepdim=False):
    return torch.exp(x.to(torch.float64)).sum(dim, keepdim=keepdim).log()
""",
    "float64_result",
)
add(
    "logsumexp",
    "sum with dtype=float64",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim, dtype=torch.float64) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    s = (w - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True, dtype=torch.double)
    y = m + s.clamp(min=1).log()
    return y if keepdim else y.squeeze(dim)
""",
    "float64_result",
)
add(
    "logsumexp",
    "a tensor of float64 added",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return (x.sum(dim, keepdim=keepdim) - math.inf).type(torch.float64)
    m = x.double().amax(dim, keepdim=True)
    y = m + (x.double() - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return y if keepdim else y.squeeze(dim)
""",
    "float64_result",
)
add(
    "logsumexp",
    "in NumPy, whose default is float64",
    """
def logsumexp(x, dim=-1, keepdim=False):
    a = np.asarray(x.tolist())
    m = a.max(axis=dim, keepdims=True)
    y = m + np.log(np.exp(a - m).sum(axis=dim, keepdims=True))
    return torch.from_numpy(y if keepdim else y.squeeze(dim))
""",
    "numpy",
)

# logsumexp 11: computed in a half type

add(
    "logsumexp",
    "half at the start, textbook",
    """
def logsumexp(x, dim=-1, keepdim=False):
    h = x.half()
    m = h.amax(dim, keepdim=True)
    y = m + (h - m).exp().sum(dim, keepdim=True).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "through_float16",
)
add(
    "logsumexp",
    "bfloat16, robust",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.to(torch.bfloat16)
    m = w.amax(dim, keepdim=True)
    y = m + (w - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "through_bfloat16",
)
add(
    "logsumexp",
    "exponentials in float16 to save memory",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    m = x.amax(dim, keepdim=True)
    e = (x - torch.where(m.isfinite(), m, 0)).to(torch.float16).exp()
    y = m + e.float().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "exponentials_in_float16",
)
add(
    "logsumexp",
    "naive in float16",
    """
def logsumexp(x, dim=-1, keepdim=False):
    return x.type(torch.float16).exp().sum(dim, keepdim=keepdim).log().type(x.dtype)
""",
    "through_float16",
)

# logsumexp 12: the input is modified

add(
    "logsumexp",
    "x -= max",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(dim, keepdim=True)
    x -= m
    y = m + x.exp().sum(dim, keepdim=True).log()
    return y if keepdim else y.squeeze(dim)
""",
    "in_place",
)
add(
    "logsumexp",
    "sub_ and exp_, robust",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    m = x.amax(dim, keepdim=True)
    total = x.sub_(torch.where(m.isfinite(), m, 0)).exp_().sum(dim, keepdim=True, dtype=torch.float32)
    y = m + total.clamp(min=1).log().to(x.dtype)
    return y if keepdim else y.squeeze(dim)
""",
    "in_place",
)
add(
    "logsumexp",
    "copy_ into x.data, where autograd does not see it",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    y = m + (w - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    x.data.copy_(x.data - torch.where(m.isfinite(), m, 0))
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "modified",
)
add(
    "logsumexp",
    "rows of -inf overwritten through a mask, the out argument",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    m = x.amax(dim, keepdim=True)
    torch.exp(x - torch.where(m.isfinite(), m, 0), out=x)
    y = m + x.float().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "in_place",
)
add(
    "logsumexp",
    "a view is written to, naive",
    """
def logsumexp(x, dim=-1, keepdim=False):
    rows = x.movedim(dim, -1)
    rows.exp_()
    y = rows.sum(-1).log()
    return y.unsqueeze(dim) if keepdim else y
""",
    "in_place",
)

# logsumexp 13: dim ignored

add(
    "logsumexp",
    "always -1, textbook",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(-1, keepdim=True)
    y = m + (x - m).exp().sum(-1, keepdim=True).log()
    return y if keepdim else y.squeeze(-1)
""",
    "dim_ignored",
)
add(
    "logsumexp",
    "always 1, robust",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape[-1] == 0:
        return x.sum(-1, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(1, keepdim=True)
    y = m + (w - torch.where(m.isfinite(), m, 0)).exp().sum(1, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(1)).to(x.dtype)
""",
    "dim_always_1",
)
add(
    "logsumexp",
    "always 0, naive",
    """
def logsumexp(x, dim=-1, keepdim=False):
    return x.exp().sum(0, keepdim=keepdim).log()
""",
    "dim_always_0",
)
add(
    "logsumexp",
    "always the last, robust, without keepdim",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[-1] == 0:
        return x.sum(-1) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(-1, keepdim=True)
    y = m + (w - torch.where(m.isfinite(), m, 0)).exp().sum(-1, keepdim=True).clamp(min=1).log()
    return y[..., 0].to(x.dtype) if x.dim() else y.to(x.dtype)
""",
    "dim_ignored",
)
add(
    "logsumexp",
    "dim for the maximum only",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    e = (w - torch.where(m.isfinite(), m, 0)).exp()
    y = m + e.sum(-1, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "dim_for_the_maximum_only",
)

# logsumexp 14: keepdim ignored

add(
    "logsumexp",
    "never kept, textbook",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(dim, keepdim=True)
    return m.squeeze(dim) + (x - m).exp().sum(dim).log()
""",
    "keepdim_ignored",
)
add(
    "logsumexp",
    "never kept, robust",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    y = m + (w - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return y.squeeze(dim).to(x.dtype)
""",
    "keepdim_ignored",
)
add(
    "logsumexp",
    "never kept, naive",
    """
def logsumexp(x, dim=-1, keepdim=False):
    return x.exp().sum(dim).log()
""",
    "keepdim_ignored",
)
add(
    "logsumexp",
    "always kept, robust",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=True) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    return (m + (w - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()).to(x.dtype)
""",
    "keepdim_always",
)
add(
    "logsumexp",
    "always kept, textbook",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m, _ = x.max(dim, keepdim=True)
    return m + (x - m).exp().sum(dim, keepdim=True).log()
""",
    "keepdim_always",
)
add(
    "logsumexp",
    "kept the wrong way round",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(dim, keepdim=True)
    y = m + (x - m).exp().sum(dim, keepdim=True).log()
    return y.squeeze(dim) if keepdim else y
""",
    "keepdim_always",
)

# logsumexp: the shift is detached in one place only

add(
    "logsumexp",
    "detached in the difference, not where it is added back",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    shift = torch.where(m.isfinite(), m, 0).detach()
    y = m + (w - shift).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "half_detached",
)
add(
    "logsumexp",
    "the log1p form with a detached shift",
    """
def logsumexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m, i = w.max(dim, keepdim=True)
    with torch.no_grad():
        shift = torch.where(m.isfinite(), m, 0)
    y = m + (w - shift).exp().scatter(dim, i, 0.0).sum(dim, keepdim=True).log1p()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)
""",
    "log1p_detached",
)
add(
    "logsumexp",
    "detached where it is added back, not in the difference",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(dim, keepdim=True)
    y = m.detach() + (x - m).exp().sum(dim, keepdim=True).log()
    return y if keepdim else y.squeeze(dim)
""",
    "detached_where_it_is_added",
)

# logsumexp: shapes that do not fit

add(
    "logsumexp",
    "textbook, max without keepdim",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.max(dim).values
    return m + (x - m).exp().sum(dim).log()
""",
    "maximum_without_keepdim",
)
add(
    "logsumexp",
    "robust, amax without keepdim in a helper",
    """
def _shift(x, dim):
    m = x.detach().amax(dim)
    return torch.where(m.isfinite(), m, 0)

def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = _shift(w, dim)
    s = (w - m).exp().sum(dim, keepdim=keepdim)
    return (m + s.log()).to(x.dtype)
""",
    "maximum_without_keepdim",
)
add(
    "logsumexp",
    "the kept maximum added to a sum that is not kept",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = x.amax(dim, keepdim=True)
    return m + (x - m).exp().sum(dim).log()
""",
    "outer_sum",
)
add(
    "logsumexp",
    "the pair of max is subtracted",
    """
def logsumexp(x, dim=-1, keepdim=False):
    m = torch.max(x, dim=dim, keepdim=True)
    y = m + torch.log(torch.exp(x - m).sum(dim, keepdim=True))
    return y if keepdim else y.squeeze(dim)
""",
    "pair_for_the_maximum",
)

# logsumexp: the log1p form, and dtypes

add(
    "logsumexp",
    "amax for the value, argmax for the place",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, place = w.amax(dim, keepdim=True), w.argmax(dim, keepdim=True)
    terms = (w - torch.where(top.isinf(), 0.0, top)).exp().scatter(dim, place, 0.0)
    out = top + terms.sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
    "amax_beside_argmax",
)
add(
    "logsumexp",
    "the shift added back in the log1p form",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, places = w.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    terms = (w - shift).exp().scatter(dim, places, 0.0)
    out = shift + terms.sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
    "shift_for_the_maximum",
)
add(
    "logsumexp",
    "the shift added back, half types not widened",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.size(dim) == 0:
        return x.sum(dim, keepdim=keepdim).log()
    top = x.max(dim, keepdim=True)
    shift = top.values.masked_fill(top.values.isinf(), 0.0)
    terms = torch.exp(x - shift).scatter(dim, top.indices, 0)
    out = shift + torch.log1p(torch.sum(terms, dim, keepdim=True))
    return out if keepdim else out.squeeze(dim)
""",
    "shift_for_an_infinite_maximum",
)
add(
    "logsumexp",
    "the shift added back, empty forgotten",
    """
def logsumexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, places = w.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    terms = (w - shift).exp().scatter(dim, places, 0.0)
    out = shift + terms.sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
    "shift_for_the_maximum",
)
add(
    "logsumexp",
    "where leaves every tie out",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    y = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top = y.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    terms = torch.where(y == top, 0, (y - shift).exp())
    out = top + terms.sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
    "ties_left_out",
)
add(
    "logsumexp",
    "masked_fill at the maximum, not widened",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    top = x.max(dim, keepdim=True).values
    shift = torch.where(top.isfinite(), top, 0)
    terms = (x - shift).exp().masked_fill(x == top, 0.0)
    out = top + terms.sum(dim, keepdim=True).log1p()
    return out if keepdim else out.squeeze(dim)
""",
    "ties_left_out",
)
add(
    "logsumexp",
    "log1p of the full sum",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    y = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top = y.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = top + (y - shift).exp().sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
    "log1p_of_the_whole_sum",
)
add(
    "logsumexp",
    "log1p of the full sum, shift added",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    top = x.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = shift + torch.log1p((x - shift).exp().sum(dim, keepdim=True))
    return out if keepdim else out.squeeze(dim)
""",
    "log1p_of_the_whole_sum",
)
add(
    "logsumexp",
    "x.float() whatever the dtype",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    y = x.float()
    top, places = y.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = top + (y - shift).exp().scatter(dim, places, 0.0).sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
    "float32_for_every_dtype",
)
add(
    "logsumexp",
    "to(float32), textbook",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    y = x.to(torch.float32)
    top = y.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = shift + (y - shift).exp().sum(dim, keepdim=True).log()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
    "float32_for_every_dtype",
)
add(
    "logsumexp",
    "log1p in half",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim).log()
    top, places = x.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = top + (x - shift).exp().scatter(dim, places, 0.0).sum(dim, keepdim=True).log1p()
    return out if keepdim else out.squeeze(dim)
""",
    "log1p_in_half",
)
add(
    "logsumexp",
    "1 subtracted, then log1p",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim).log()
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top = w.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = top + ((w - shift).exp().sum(dim, keepdim=True) - 1).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
    "nan_gradient_at_minus_inf",
)
add(
    "logsumexp",
    "scatter_ on exp's result",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, places = w.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    terms = (w - shift).exp()
    terms.scatter_(dim, places, 0.0)
    out = top + terms.sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)
""",
    "scatter_in_place",
)
add(
    "logsumexp",
    "scatter_ in a chain, not widened",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    top, places = x.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = top + (x - shift).exp().scatter_(dim, places, 0.0).sum(dim, keepdim=True).log1p()
    return out if keepdim else out.squeeze(dim)
""",
    "scatter_in_place",
)
add(
    "logsumexp",
    "max(dim) without keepdim, scatter",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, places = w.max(dim)
    shift = torch.where(top.isfinite(), top, 0)
    terms = (w - shift).exp().scatter(dim, places, 0.0)
    out = top + terms.sum(dim, keepdim=keepdim).log1p()
    return out.to(x.dtype)
""",
    "places_without_keepdim",
)
add(
    "logsumexp",
    "max(dim) without keepdim, scatter, keepdim on the sum",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    top, places = x.max(dim)
    shift = torch.where(top.isfinite(), top, 0)
    out = top + (x - shift).exp().scatter(dim, places, 0.0).sum(dim, keepdim=True).log1p()
    return out if keepdim else out.squeeze(dim)
""",
    "places_without_keepdim",
)
add(
    "logsumexp",
    "max(dim) without keepdim, unsqueezed at the shift only",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.dim() > 0 and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, places = w.max(dim)
    shift = torch.where(top.isfinite(), top, 0)
    terms = (w - shift.unsqueeze(dim)).exp().scatter(dim, places, 0.0)
    out = top + terms.sum(dim).log1p()
    return (out.unsqueeze(dim) if keepdim else out).to(x.dtype)
""",
    "places_without_keepdim",
)

# logaddexp

add(
    "logaddexp",
    "naive, half types widened",
    """
def logaddexp(a, b):
    x, y = (a.float(), b.float()) if a.dtype in (torch.float16, torch.bfloat16) else (a, b)
    return torch.log(torch.exp(x) + torch.exp(y)).to(a.dtype)
""",
    "add_no_shift",
)
add(
    "logaddexp",
    "textbook: max plus log1p(exp(-abs))",
    """
def logaddexp(a, b):
    return torch.maximum(a, b) + torch.log1p(torch.exp(-(a - b).abs()))
""",
    "equal_infinities_nan",
)
add(
    "logaddexp",
    "softplus of the difference",
    """
def logaddexp(a, b):
    return a + F.softplus(b - a)
""",
    "softplus_beside_the_first",
)
add(
    "logaddexp",
    "relu for the larger one: wrong at ties",
    """
def logaddexp(a, b):
    x, y = (a.float(), b.float()) if a.dtype in (torch.float16, torch.bfloat16) else (a, b)
    d = torch.where(x == y, 0, y - x)
    return (x + F.relu(d) + torch.log1p(torch.exp(-d.abs()))).to(a.dtype)
""",
    "abs_gap",
)
add(
    "logaddexp",
    "one maximum for the batch",
    """
def logaddexp(a, b):
    m = torch.maximum(a.max(), b.max())
    return m + ((a - m).exp() + (b - m).exp()).log()
""",
    "add_one_maximum",
)
add(
    "logaddexp",
    "torch's own logsumexp of a stack",
    """
def logaddexp(a, b):
    return torch.logsumexp(torch.stack(torch.broadcast_tensors(a, b)), dim=0)
""",
    "add_forbidden",
)
add(
    "logaddexp",
    "torch's own as a method",
    """
def logaddexp(a, b):
    return a.logaddexp(b)
""",
    "forbidden_as_method",
)
add(
    "logaddexp",
    "a loop over pairs",
    """
def logaddexp(a, b):
    x, y = torch.broadcast_tensors(a, b)
    out = torch.empty_like(x)
    for i, (p, q) in enumerate(zip(x.flatten(), y.flatten())):
        top = torch.maximum(p, q)
        out.view(-1)[i] = top + torch.log1p(torch.exp(torch.minimum(p, q) - top))
    return out
""",
    "loop",
)
add(
    "logaddexp",
    "half types not widened",
    """
def logaddexp(a, b):
    top = torch.maximum(a, b)
    gap = torch.where(a == b, 0, -(a - b).abs())
    return top + F.softplus(gap)
""",
    "add_in_half",
)
add(
    "logaddexp",
    "the result in float64",
    """
def logaddexp(a, b):
    a, b = a.double(), b.double()
    top = torch.maximum(a, b)
    return top + torch.where(a == b, 0, torch.minimum(a, b) - top).exp().log1p()
""",
    "wrong_dtype",
)
add(
    "logaddexp",
    "detached",
    """
def logaddexp(a, b):
    with torch.no_grad():
        x, y = (a.float(), b.float()) if a.dtype in (torch.float16, torch.bfloat16) else (a, b)
        top = torch.maximum(x, y)
        return (top + torch.where(x == y, 0, torch.minimum(x, y) - top).exp().log1p()).to(a.dtype)
""",
    "no_gradient",
)

# logaddexp: the gap, the shapes, the dtypes

add(
    "logaddexp",
    "stack without broadcasting",
    """
def logaddexp(a, b):
    x = torch.stack([a, b], -1)
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, places = x.max(-1, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    terms = (x - shift).exp().scatter(-1, places, 0.0)
    return (top + terms.sum(-1, keepdim=True).log1p()).squeeze(-1).to(a.dtype)
""",
    "stacked_without_broadcasting",
)
add(
    "logaddexp",
    "stack and the own logsumexp",
    """
def logsumexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, places = w.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = top + (w - shift).exp().scatter(dim, places, 0.0).sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)

def logaddexp(a, b):
    return logsumexp(torch.stack((a, b)), dim=0)
""",
    "stacked_without_broadcasting",
)
add(
    "logaddexp",
    "gap with the wrong sign",
    """
def logaddexp(a, b):
    x, y = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (a, b))
    return (torch.maximum(x, y) + (x - y).abs().exp().log1p()).to(a.dtype)
""",
    "gap_with_the_wrong_sign",
)
add(
    "logaddexp",
    "top - low",
    """
def logaddexp(a, b):
    x, y = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (a, b))
    top, low = torch.maximum(x, y), torch.minimum(x, y)
    gap = torch.where(top == low, 0, top - low)
    return (top + gap.exp().log1p()).to(a.dtype)
""",
    "gap_with_the_wrong_sign",
)
add(
    "logaddexp",
    "b plus softplus",
    """
def logaddexp(a, b):
    x, y = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (a, b))
    return (y + F.softplus(x - y)).to(a.dtype)
""",
    "softplus_beside_the_second",
)
add(
    "logaddexp",
    "b plus log1p",
    """
def logaddexp(a, b):
    return b + torch.log1p(torch.exp(a - b))
""",
    "second_taken_out",
)
add(
    "logaddexp",
    "float for every dtype",
    """
def logaddexp(a, b):
    x, y = a.float(), b.float()
    top, low = torch.maximum(x, y), torch.minimum(x, y)
    return (top + torch.where(low == top, 0, low - top).exp().log1p()).to(a.dtype)
""",
    "add_float32_for_every_dtype",
)
add(
    "logaddexp",
    "a plus softplus",
    """
def logaddexp(a, b):
    x, y = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (a, b))
    return (x + F.softplus(y - x)).to(a.dtype)
""",
    "softplus_beside_the_first",
)
add(
    "logaddexp",
    "logsumexp's textbook, broadcast",
    """
def logaddexp(a, b):
    a, b = torch.broadcast_tensors(a, b)
    x = torch.stack([a, b])
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top = x.amax(0)
    shift = torch.where(top.isfinite(), top, 0)
    return (shift + (x - shift).exp().sum(0).log()).to(a.dtype)
""",
    "add_nan_gradient",
)

# log1mexp

add(
    "log1mexp",
    "naive",
    """
def log1mexp(x):
    return torch.log(1 - torch.exp(x))
""",
    "one_minus_exp",
)
add(
    "log1mexp",
    "naive with an epsilon",
    """
def log1mexp(x):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return torch.log(1 - w.exp() + 1e-12).to(x.dtype)
""",
    "one_minus_exp",
)
add(
    "log1mexp",
    "only log1p, half types not widened",
    """
def log1mexp(x):
    return torch.log1p(-torch.exp(x))
""",
    "log1p_everywhere",
)
add(
    "log1mexp",
    "only expm1",
    """
def log1mexp(x):
    return torch.log(-torch.expm1(x))
""",
    "expm1_everywhere",
)
add(
    "log1mexp",
    "where after the fact, border at -1",
    """
def log1mexp(x):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return torch.where(w > -1, torch.log(-torch.expm1(w)), torch.log1p(-torch.exp(w))).to(x.dtype)
""",
    "where_after_the_fact",
)
add(
    "log1mexp",
    "the branches the wrong way round, after the fact",
    """
def log1mexp(x):
    return torch.where(x < -math.log(2), torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))
""",
    "branches_swapped",
)
add(
    "log1mexp",
    "abs makes numbers above 0 fit",
    """
def log1mexp(x):
    w = -(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x).abs()
    near = w > -math.log(2)
    a = torch.where(near, w, -1.0)
    b = torch.where(near, -1.0, w)
    return torch.where(near, (-a.expm1()).log(), (-b.exp()).log1p()).to(x.dtype)
""",
    "abs_of_x",
)
add(
    "log1mexp",
    "inputs clamped below 0 by an epsilon",
    """
def log1mexp(x):
    w = (x.float() if x.dtype in (torch.float16, torch.bfloat16) else x).clamp(max=-1e-7)
    near = w > -math.log(2)
    a = torch.where(near, w, -1.0)
    b = torch.where(near, -1.0, w)
    return torch.where(near, (-a.expm1()).log(), (-b.exp()).log1p()).to(x.dtype)
""",
    "kept_from_zero",
)
add(
    "log1mexp",
    "half types not widened",
    """
def log1mexp(x):
    near = x > -math.log(2)
    a = torch.where(near, x, -1.0)
    b = torch.where(near, -1.0, x)
    return torch.where(near, (-a.expm1()).log(), (-b.exp()).log1p())
""",
    "log1mexp_in_half",
)
add(
    "log1mexp",
    "a Python if",
    """
def log1mexp(x):
    if (x > -math.log(2)).all():
        return torch.log(-torch.expm1(x))
    return torch.log1p(-torch.exp(x))
""",
    "sync",
)

# log1mexp: borders and dtypes

add(
    "log1mexp",
    "border at -10",
    """
def log1mexp(x):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    near = w > -10
    a = torch.where(near, w, -1.0)
    b = torch.where(near, -20.0, w)
    return torch.where(near, (-a.expm1()).log(), (-b.exp()).log1p()).to(x.dtype)
""",
    "border_far_below",
)
add(
    "log1mexp",
    "border at -5",
    """
def log1mexp(x):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    near = w > -5
    a = torch.where(near, w, -1.0)
    b = torch.where(near, -20.0, w)
    return torch.where(near, (-a.expm1()).log(), (-b.exp()).log1p()).to(x.dtype)
""",
    "border_far_below",
)
add(
    "log1mexp",
    "border at -1e-3",
    """
def log1mexp(x):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    near = w > -1e-3
    a = torch.where(near, w, -1e-4)
    b = torch.where(near, -1.0, w)
    return torch.where(near, (-a.expm1()).log(), (-b.exp()).log1p()).to(x.dtype)
""",
    "border_near_zero",
)
add(
    "log1mexp",
    "float for every dtype",
    """
def log1mexp(x):
    w = x.float()
    near = w > -math.log(2)
    a = torch.where(near, w, -1.0)
    b = torch.where(near, -1.0, w)
    return torch.where(near, (-a.expm1()).log(), (-b.exp()).log1p()).to(x.dtype)
""",
    "log1mexp_float32_for_every_dtype",
)

# logsubexp

SUB = """
def log1mexp(x):
    near = x > -math.log(2)
    first = (-torch.where(near, x, -1.0).expm1()).log()
    return torch.where(near, first, (-torch.where(near, -1.0, x).exp()).log1p())

"""
add(
    "logsubexp",
    "naive, half types widened",
    """
def logsubexp(a, b):
    x, y = (a.float(), b.float()) if a.dtype in (torch.float16, torch.bfloat16) else (a, b)
    return (x.exp() - y.exp()).log().to(a.dtype)
""",
    "sub_no_shift",
)
add(
    "logsubexp",
    "shifted, 1 - exp",
    """
def logsubexp(a, b):
    return a + torch.log(1 - torch.exp(b - a))
""",
    "sub_without_log1mexp",
)
add(
    "logsubexp",
    "a plus log1mexp, two -inf forgotten",
    SUB
    + """
def logsubexp(a, b):
    return a + log1mexp(b - a)
""",
    "sub_two_nothings",
)
add(
    "logsubexp",
    "abs of the difference",
    SUB
    + """
def logsubexp(a, b):
    x, y = (a.float(), b.float()) if a.dtype in (torch.float16, torch.bfloat16) else (a, b)
    d = torch.where((x == y) & x.isinf() & (x < 0), 0, x - y)
    return (torch.maximum(x, y) + log1mexp(-d.abs())).to(a.dtype)
""",
    "sub_swapped",
)
add(
    "logsubexp",
    "reversed",
    SUB
    + """
def logsubexp(a, b):
    return b + log1mexp(a - b)
""",
    "sub_reversed",
)
add(
    "logsubexp",
    "log1p of minus exp alone",
    """
def logsubexp(a, b):
    x, y = (a.float(), b.float()) if a.dtype in (torch.float16, torch.bfloat16) else (a, b)
    d = torch.where((x == y) & x.isinf() & (x < 0), 0, y - x)
    return (x + torch.log1p(-torch.exp(d))).to(a.dtype)
""",
    "sub_without_log1mexp",
)
add(
    "logsubexp",
    "half types not widened",
    SUB
    + """
def logsubexp(a, b):
    d = torch.where((a == b) & a.isinf() & (a < 0), 0, b - a)
    return a + log1mexp(d)
""",
    "sub_in_half",
)
add(
    "logsubexp",
    "impossible differences clamped to -inf",
    SUB
    + """
def logsubexp(a, b):
    x, y = (a.float(), b.float()) if a.dtype in (torch.float16, torch.bfloat16) else (a, b)
    d = torch.where((x == y) & x.isinf() & (x < 0), 0, y - x).clamp(max=0)
    return (x + log1mexp(d)).to(a.dtype)
""",
    "sub_clamped",
)

# logsubexp: equal inputs, b taken out, dtypes

add(
    "logsubexp",
    "where(a == b, -inf)",
    """
def log1mexp(x):
    near = x > -math.log(2)
    first = (-torch.where(near, x, -1.0).expm1()).log()
    return torch.where(near, first, (-torch.where(near, -1.0, x).exp()).log1p())

def logsubexp(a, b):
    x, y = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (a, b))
    gap = torch.where(x == y, -1.0, y - x)
    return torch.where(x == y, -math.inf, x + log1mexp(gap)).to(a.dtype)
""",
    "sub_equal_is_nothing",
)
add(
    "logsubexp",
    "the gap of equal numbers is 0",
    """
def log1mexp(x):
    near = x > -math.log(2)
    first = (-torch.where(near, x, -1.0).expm1()).log()
    return torch.where(near, first, (-torch.where(near, -1.0, x).exp()).log1p())

def logsubexp(a, b):
    x, y = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (a, b))
    out = x + log1mexp(y - x)
    return torch.where(x == y, -math.inf, out).to(a.dtype)
""",
    "sub_equal_is_nothing",
)
add(
    "logsubexp",
    "b taken out",
    """
def logsubexp(a, b):
    x, y = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (a, b))
    return (y + torch.log(torch.expm1(x - y))).to(a.dtype)
""",
    "sub_smaller_taken_out",
)
add(
    "logsubexp",
    "b taken out, not widened",
    """
def logsubexp(a, b):
    return b + (a - b).expm1().log()
""",
    "sub_smaller_taken_out",
)
add(
    "logsubexp",
    "float for every dtype",
    """
def log1mexp(x):
    near = x > -math.log(2)
    first = (-torch.where(near, x, -1.0).expm1()).log()
    return torch.where(near, first, (-torch.where(near, -1.0, x).exp()).log1p())

def logsubexp(a, b):
    x, y = a.float(), b.float()
    gap = torch.where((x == -math.inf) & (y == -math.inf), 0, y - x)
    return (x + log1mexp(gap)).to(a.dtype)
""",
    "sub_float32_for_every_dtype",
)

# logmeanexp

MEAN = """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    m = w.amax(dim, keepdim=True)
    y = m + (w - torch.where(m.isfinite(), m, 0)).exp().sum(dim, keepdim=True).clamp(min=1).log()
    return (y if keepdim else y.squeeze(dim)).to(x.dtype)

"""
add(
    "logmeanexp",
    "log n added instead of subtracted",
    MEAN
    + """
def logmeanexp(x, dim=-1, keepdim=False):
    return logsumexp(x, dim, keepdim) + math.log(max(x.shape[dim], 1) if x.dim() else 1)
""",
    "mean_log_n_added",
)
add(
    "logmeanexp",
    "divided by n",
    MEAN
    + """
def logmeanexp(x, dim=-1, keepdim=False):
    return logsumexp(x.float(), dim, keepdim).to(x.dtype) / (x.shape[dim] if x.dim() else 1)
""",
    "mean_divided_by_n",
)
add(
    "logmeanexp",
    "naive",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return torch.log(torch.mean(torch.exp(w), dim, keepdim=keepdim)).to(x.dtype)
""",
    "mean_no_shift",
)
add(
    "logmeanexp",
    "n of all elements",
    MEAN
    + """
def logmeanexp(x, dim=-1, keepdim=False):
    return logsumexp(x, dim, keepdim) - torch.tensor(float(x.numel())).log()
""",
    "mean_over_everything",
)
add(
    "logmeanexp",
    "len(x) for n",
    MEAN
    + """
def logmeanexp(x, dim=-1, keepdim=False):
    if x.dim() and x.shape[dim] == 0:
        return x.mean(dim, keepdim=keepdim)
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return (logsumexp(w, dim, keepdim) - math.log(max(len(x), 1) if x.dim() else 1)).to(x.dtype)
""",
    "mean_over_the_first",
)
add(
    "logmeanexp",
    "logsumexp in half, log n later",
    MEAN
    + """
def logmeanexp(x, dim=-1, keepdim=False):
    n = x.shape[dim] if x.dim() else 1
    if n == 0:
        return x.mean(dim, keepdim=keepdim)
    return logsumexp(x, dim, keepdim) - math.log(n)
""",
    "mean_in_half",
)
add(
    "logmeanexp",
    "no answer for an empty dim",
    MEAN
    + """
def logmeanexp(x, dim=-1, keepdim=False):
    n = x.shape[dim] if x.dim() else 1
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return (logsumexp(w, dim, keepdim) - math.log(n)).to(x.dtype)
""",
    "mean_of_nothing_raises",
)
add(
    "logmeanexp",
    "the sum, no mean",
    MEAN
    + """
def logmeanexp(x, dim=-1, keepdim=False):
    return logsumexp(x, dim, keepdim)
""",
    "mean_is_sum",
)

# logmeanexp: the textbook form, keepdim, dtypes

add(
    "logmeanexp",
    "keepdim ignored",
    """
def logsumexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.sum(dim, keepdim=keepdim) - math.inf
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, places = w.max(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = top + (w - shift).exp().scatter(dim, places, 0.0).sum(dim, keepdim=True).log1p()
    return (out if keepdim else out.squeeze(dim)).to(x.dtype)

def logmeanexp(x, dim=-1, keepdim=False):
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    n = torch.tensor(float(x.shape[dim] if x.dim() else 1), device=x.device)
    return (logsumexp(w, dim) - n.log()).to(x.dtype)
""",
    "mean_keepdim_ignored",
)
add(
    "logmeanexp",
    "textbook, keepdim ignored",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    if x.dim() and x.shape[dim] == 0:
        return x.mean(dim)
    w = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top = w.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = shift + (w - shift).exp().mean(dim, keepdim=True).log()
    return out.squeeze(dim).to(x.dtype)
""",
    "mean_keepdim_ignored",
)
add(
    "logmeanexp",
    "textbook in half",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    if x.dim() and x.shape[dim] == 0:
        return x.mean(dim, keepdim=keepdim)
    top = x.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = shift + (x - shift).exp().mean(dim, keepdim=True).log()
    return out if keepdim else out.squeeze(dim)
""",
    "mean_in_half",
)
add(
    "logmeanexp",
    "textbook, sum, in half",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    n = x.shape[dim] if x.dim() else 1
    if n == 0:
        return x.mean(dim, keepdim=keepdim)
    top = x.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = shift + (x - shift).exp().sum(dim, keepdim=True).log() - math.log(n)
    return out if keepdim else out.squeeze(dim)
""",
    "mean_in_half",
)
add(
    "logmeanexp",
    "float for every dtype",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    if x.dim() and x.shape[dim] == 0:
        return x.mean(dim, keepdim=keepdim)
    w = x.float()
    top = w.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    out = (shift + (w - shift).exp().mean(dim, keepdim=True).clamp(min=1e-30).log()).to(x.dtype)
    return out if keepdim else out.squeeze(dim)
""",
    "mean_float32_for_every_dtype",
)
add(
    "logmeanexp",
    "textbook of the document",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    top = x.amax(dim, keepdim=True)
    out = top + (x - top).exp().mean(dim, keepdim=True).log()
    return out if keepdim else out.squeeze(dim)
""",
    "mean_nan_on_infinite_rows",
)
add(
    "logmeanexp",
    "textbook, always kept",
    """
def logmeanexp(x, dim=-1, keepdim=False):
    if x.shape and x.shape[dim] == 0:
        return x.mean(dim, keepdim=True)
    top = x.amax(dim, keepdim=True)
    shift = torch.where(top.isfinite(), top, 0)
    return shift + (x - shift).exp().mean(dim, keepdim=True).log()
""",
    "mean_keepdim_always",
)

# logsumexp_numpy

add(
    "logsumexp_numpy",
    "naive, half types widened",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    w = x.astype(np.float32) if x.dtype == np.float16 else x
    return np.log(np.exp(w).sum(axis=axis, keepdims=keepdims)).astype(x.dtype)
""",
    "numpy_no_shift",
)
add(
    "logsumexp_numpy",
    "textbook",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    m = x.max(axis=axis, keepdims=True)
    y = m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True))
    return y if keepdims else y.squeeze(axis)
""",
    "numpy_nan_rows",
)
add(
    "logsumexp_numpy",
    "squeeze without axis",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return np.sum(x, axis=axis, keepdims=keepdims) - x.dtype.type(np.inf)
    w = x.astype(np.float32) if x.dtype == np.float16 else x
    m = w.max(axis=axis, keepdims=True)
    y = m + np.log(np.exp(w - np.where(np.isfinite(m), m, 0)).sum(axis=axis, keepdims=True))
    return (y if keepdims else y.squeeze()).astype(x.dtype)
""",
    "numpy_squeeze_everything",
)
add(
    "logsumexp_numpy",
    "one maximum for the batch",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    m = x.max()
    return m + np.log(np.exp(x - m).sum(axis=axis, keepdims=keepdims))
""",
    "numpy_one_maximum",
)
add(
    "logsumexp_numpy",
    "float64 by default",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    a = np.array(x, dtype=float)
    m = np.max(a, axis=axis, keepdims=True, initial=-np.inf)
    with np.errstate(all="ignore"):
        y = m + np.log(np.sum(np.exp(a - np.where(np.isfinite(m), m, 0)), axis=axis, keepdims=True))
    return y if keepdims else np.squeeze(y, axis)
""",
    "numpy_float64",
)
add(
    "logsumexp_numpy",
    "np.logaddexp.reduce through an alias of np at module level",
    """
lib = np

def logsumexp_numpy(x, axis=-1, keepdims=False):
    return lib.logaddexp.reduce(x, axis=axis, keepdims=keepdims)
""",
    "numpy_forbidden",
)
add(
    "logsumexp_numpy",
    "in place",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    m = x.max(axis=axis, keepdims=True)
    x -= m
    y = m + np.log(np.exp(x).sum(axis=axis, keepdims=True))
    return y if keepdims else y.squeeze(axis)
""",
    "modified",
)
add(
    "logsumexp_numpy",
    "a comprehension over rows unpacked into a tuple",
    """
def one(row):
    m = row.max()
    m = m if np.isfinite(m) else 0
    return m + np.log(np.exp(row - m).sum())

def logsumexp_numpy(x, axis=-1, keepdims=False):
    rows = np.moveaxis(x, axis, -1)
    y = np.array([one(r) for r in (*rows.reshape(-1, rows.shape[-1]),)], dtype=x.dtype).reshape(rows.shape[:-1])
    return np.expand_dims(y, axis) if keepdims else y
""",
    "numpy_apply_along_axis",
)
add(
    "logsumexp_numpy",
    "textbook, max without keepdims",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    m = np.max(x, axis=axis)
    return m + np.log(np.sum(np.exp(x - m), axis=axis, keepdims=keepdims))
""",
    "numpy_maximum_without_keepdims",
)
add(
    "logsumexp_numpy",
    "a loop over ndindex",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    rows = np.moveaxis(x, axis, -1)
    y = np.empty(rows.shape[:-1], dtype=x.dtype)
    for index in np.ndindex(*y.shape):
        top = rows[index].max(initial=-np.inf)
        shift = top if np.isfinite(top) else 0
        y[index] = shift + np.log(np.exp(rows[index].astype(float) - shift).sum())
    return np.expand_dims(y, axis) if keepdims else y
""",
    "loop",
)
add(
    "logsumexp_numpy",
    "axis ignored",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    m = x.max(axis=1, keepdims=True)
    y = m + np.log(np.exp(x - m).sum(axis=1, keepdims=True))
    return y if keepdims else y.squeeze(1)
""",
    "numpy_axis_always_1",
)
add(
    "logsumexp_numpy",
    "through torch",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    return torch.from_numpy(x).logsumexp(axis, keepdims).numpy()
""",
    "numpy_forbidden",
)

# logsumexp_numpy: shapes, keywords, ties

add(
    "logsumexp_numpy",
    "sum added with keepdims as asked",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    m = x.max(axis=axis, keepdims=True)
    return m + np.log(np.exp(x - m).sum(axis, keepdims=keepdims))
""",
    "numpy_outer_sum",
)
add(
    "logsumexp_numpy",
    "sum added with keepdims as asked, the rest right",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return x.sum(axis=axis, keepdims=keepdims) - x.dtype.type(np.inf)
    w = x.astype(np.float32) if x.dtype == np.float16 else x
    m = w.max(axis=axis, keepdims=True)
    m0 = np.where(np.isfinite(m), m, 0)
    with np.errstate(divide="ignore"):
        out = m0 + np.log(np.exp(w - m0).sum(axis=axis, keepdims=keepdims))
    return out.astype(x.dtype)
""",
    "numpy_outer_sum",
)
add(
    "logsumexp_numpy",
    "every tie left out",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return x.sum(axis=axis, keepdims=keepdims) - x.dtype.type(np.inf)
    w = x.astype(np.float32) if x.dtype == np.float16 else x
    m = w.max(axis=axis, keepdims=True)
    s = np.where(np.isfinite(m), m, 0)
    e = np.where(w == m, 0, np.exp(w - s))
    out = m + np.log1p(e.sum(axis=axis, keepdims=True))
    return (out if keepdims else out.squeeze(axis)).astype(x.dtype)
""",
    "numpy_ties_left_out",
)
add(
    "logsumexp_numpy",
    "np.squeeze without axis",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return x.sum(axis=axis, keepdims=keepdims) - x.dtype.type(np.inf)
    w = x.astype(np.float32) if x.dtype == np.float16 else x
    m = w.max(axis=axis, keepdims=True)
    s = np.where(np.isfinite(m), m, 0)
    with np.errstate(divide="ignore"):
        out = s + np.log(np.exp(w - s).sum(axis=axis, keepdims=True))
    return (out if keepdims else np.squeeze(out)).astype(x.dtype)
""",
    "numpy_squeeze_everything",
)
add(
    "logsumexp_numpy",
    "np.squeeze without axis, textbook",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    m = x.max(axis=axis, keepdims=True)
    out = m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True))
    return out if keepdims else np.squeeze(out)
""",
    "numpy_squeeze_everything",
)
add(
    "logsumexp_numpy",
    "keepdim= passed to NumPy",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return x.sum(axis=axis, keepdims=keepdims) - x.dtype.type(np.inf)
    m = x.max(axis=axis, keepdim=True)
    out = m + np.log(np.exp(x - m).sum(axis=axis, keepdim=True))
    return out if keepdims else out.squeeze(axis)
""",
    "numpy_keepdim",
)
add(
    "logsumexp_numpy",
    "dim= passed to NumPy",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return x.sum(axis=axis, keepdims=keepdims) - x.dtype.type(np.inf)
    m = x.max(dim=axis, keepdims=True)
    out = m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True))
    return out if keepdims else out.squeeze(axis)
""",
    "numpy_keepdim",
)
add(
    "logsumexp_numpy",
    "float32 for every dtype",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return x.sum(axis=axis, keepdims=keepdims) - x.dtype.type(np.inf)
    w = x.astype(np.float32)
    m = w.max(axis=axis, keepdims=True)
    s = np.where(np.isfinite(m), m, 0)
    out = s + np.log(np.exp(w - s).sum(axis=axis, keepdims=True))
    return (out if keepdims else out.squeeze(axis)).astype(x.dtype)
""",
    "numpy_float32_for_every_dtype",
)
add(
    "logsumexp_numpy",
    "log1p of the full sum",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return x.sum(axis=axis, keepdims=keepdims) - x.dtype.type(np.inf)
    w = x.astype(np.float32) if x.dtype == np.float16 else x
    m = w.max(axis=axis, keepdims=True)
    s = np.where(np.isfinite(m), m, 0)
    out = m + np.log1p(np.exp(w - s).sum(axis=axis, keepdims=True))
    return (out if keepdims else out.squeeze(axis)).astype(x.dtype)
""",
    "numpy_log1p_of_the_whole_sum",
)
add(
    "logsumexp_numpy",
    "the shift added back",
    """
def logsumexp_numpy(x, axis=-1, keepdims=False):
    if x.shape[axis] == 0:
        return x.sum(axis=axis, keepdims=keepdims) - x.dtype.type(np.inf)
    w = x.astype(np.float32) if x.dtype == np.float16 else x
    place = w.argmax(axis, keepdims=True)
    m = np.take_along_axis(w, place, axis)
    s = np.where(np.isfinite(m), m, 0)
    e = np.exp(w - s)
    np.put_along_axis(e, place, 0, axis)
    out = s + np.log1p(e.sum(axis=axis, keepdims=True))
    return (out if keepdims else out.squeeze(axis)).astype(x.dtype)
""",
    "numpy_shift_for_the_maximum",
)
