"""Honest, correct and different answers to the exercises of `streaming`: each must earn full marks."""

from autograder.tests.variants import Collection

HONEST = Collection("streaming")
add = HONEST.add

# merge_logsumexp

add(
    "merge_logsumexp",
    "a detached shift and a list for a pair",
    """
def merge_logsumexp(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    (m_a, s_a), (m_b, s_b) = a, b
    m = torch.max(m_a, m_b).detach()
    safe = m.masked_fill(m.isinf(), 0.0)
    return [m, s_a * (m_a - safe).exp() + s_b * (m_b - safe).exp()]
""",
)
add(
    "merge_logsumexp",
    "the factors are masked where a run is empty",
    """
def merge_logsumexp(a, b):
    m = torch.maximum(a[0], b[0])
    base = torch.where(m.isinf(), torch.zeros_like(m), m)
    factor_a = torch.where(a[0] == -math.inf, torch.zeros_like(m), torch.exp(a[0] - base))
    factor_b = torch.where(b[0] == -math.inf, torch.zeros_like(m), torch.exp(b[0] - base))
    return m, a[1] * factor_a + b[1] * factor_b
""",
)
add(
    "merge_logsumexp",
    "where picks the larger one",
    """
def merge_logsumexp(a, b):
    m = torch.where((a[0] > b[0]) | a[0].isnan(), a[0], b[0])
    base = torch.nan_to_num(m, nan=math.nan, posinf=0.0, neginf=0.0)
    s = sum(total * (top - base).exp() for top, total in (a, b))
    return m, s
""",
)

# blocked_logsumexp

add(
    "blocked_logsumexp",
    "a list and cat, with names for every step",
    """
def blocked_logsumexp(x, block_rows):
    if block_rows < 1:
        raise ValueError("block_rows must be at least 1")
    rows = x.reshape(-1, x.shape[-1])
    results = []
    for start in range(0, max(rows.shape[0], 1), block_rows):
        block = rows[start:start + block_rows]
        block = block.float() if block.dtype in (torch.float16, torch.bfloat16) else block
        m = block.max(dim=-1, keepdim=True).values
        m_safe = torch.where(torch.isinf(m), torch.zeros_like(m), m)
        shifted = block - m_safe
        e = torch.exp(shifted)
        results.append((m_safe + torch.log(e.sum(dim=-1, keepdim=True))).squeeze(-1))
    return torch.cat(results).reshape(x.shape[:-1]).to(x.dtype)
""",
)
add(
    "blocked_logsumexp",
    "an output filled in a while loop",
    """
def blocked_logsumexp(x, block_rows):
    assert_positive(block_rows)
    flat = x.flatten(0, -2) if x.dim() > 1 else x[None]
    out = torch.empty(flat.shape[:1], dtype=x.dtype, device=x.device)
    i = 0
    while i < len(flat):
        block = flat[i : i + block_rows].to(torch.promote_types(x.dtype, torch.float32))
        top = block.amax(1)
        shift = top.masked_fill(top.isinf(), 0)
        torch.add((block - shift[:, None]).exp_().sum(1).log_(), shift, out=top)
        out[i : i + block_rows] = top
        i += block_rows
    return out.view(x.shape[:-1])


def assert_positive(n):
    if n <= 0:
        raise ValueError(f"got {n}")
""",
)
add(
    "blocked_logsumexp",
    "with the chapter's own logsumexp",
    """
from .log_sums import logsumexp


def blocked_logsumexp(x, block_rows):
    if block_rows < 1:
        raise ValueError
    parts = x.reshape(-1, x.size(-1)).split(block_rows, dim=0)
    return torch.cat([logsumexp(part) for part in parts]).reshape(x.shape[:-1])
""",
    log_sums="""
import torch


def logsumexp(x, dim=-1, keepdim=False):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    top, place = wide.max(dim, keepdim=True)
    others = (wide - torch.where(top.isfinite(), top, 0)).exp().scatter(dim, place, 0.0)
    result = top + others.sum(dim, keepdim=True).log1p()
    return (result if keepdim else result.squeeze(dim)).to(x.dtype)
""",
)

# blocked_token_log_probs

add(
    "blocked_token_log_probs",
    "the log-sum-exp is kept, exp(x - lse) in backward",
    """
class TokenLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, ids, block_rows):
        n, v = logits.shape
        lse = torch.empty(n, dtype=torch.promote_types(logits.dtype, torch.float32), device=logits.device)
        picked = torch.empty_like(lse)
        for i in range(0, n, block_rows):
            block = logits[i : i + block_rows].to(lse.dtype)
            m = block.amax(-1, keepdim=True)
            shifted = block - torch.where(m.isinf(), 0.0, m)
            rest = shifted.exp().sum(-1).log()
            picked[i : i + block_rows] = shifted.gather(-1, ids[i : i + block_rows, None])[:, 0] - rest
            lse[i : i + block_rows] = rest + m[:, 0]
        ctx.save_for_backward(logits, ids, lse)
        ctx.block_rows = block_rows
        return picked.to(logits.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        logits, ids, lse = ctx.saved_tensors
        k = ctx.block_rows
        grad = torch.empty_like(logits)
        for i in range(0, logits.shape[0], k):
            g = grad_output[i : i + k, None].to(lse.dtype)
            p = torch.exp(logits[i : i + k] - lse[i : i + k, None])
            p = -g * p
            p.scatter_add_(-1, ids[i : i + k, None], g)
            grad[i : i + k] = p.to(grad.dtype)
        return grad, None, None


def blocked_token_log_probs(logits, ids, block_rows):
    if block_rows < 1:
        raise ValueError(f"block_rows must be positive, got {block_rows}")
    flat = TokenLogProbs.apply(logits.reshape(-1, logits.shape[-1]), ids.reshape(-1), block_rows)
    return flat.reshape(ids.shape)
""",
)
add(
    "blocked_token_log_probs",
    "setup_context, and a one-hot of each block",
    """
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Picked(Function):
    @staticmethod
    def forward(rows, ids, size):
        parts = []
        for start in range(0, max(len(rows), 1), size):
            logs = F.log_softmax(rows[start : start + size], dim=-1, dtype=_type(rows))
            parts.append(logs.gather(-1, ids[start : start + size].unsqueeze(-1)).squeeze(-1))
        return torch.cat(parts).to(rows.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        rows, ids, ctx.size = inputs
        ctx.save_for_backward(rows, ids)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        rows, ids = ctx.saved_tensors
        answer = rows.new_zeros(rows.shape)
        for start in range(0, len(rows), ctx.size):
            stop = start + ctx.size
            p = F.softmax(rows[start:stop], dim=-1, dtype=_type(rows))
            one = F.one_hot(ids[start:stop], rows.shape[-1])
            answer[start:stop] = (one - p) * grad[start:stop].unsqueeze(-1)
        return answer, None, None


def _type(x):
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def blocked_token_log_probs(logits, ids, block_rows):
    if block_rows <= 0:
        raise ValueError("at least one row")
    return Picked.apply(logits.reshape(-1, logits.size(-1)), ids.flatten(), block_rows).reshape(ids.shape)
""",
)

# linear_cross_entropy

add(
    "linear_cross_entropy",
    "named steps, gradients divided at the end",
    """
class LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, target, chunk, need_grad):
        wide = torch.float64 if hidden.dtype == torch.float64 else torch.float32
        h, w = hidden.to(wide), weight.to(wide)
        n = h.shape[0]
        grad_h = torch.zeros_like(h) if need_grad else None
        grad_w = torch.zeros_like(w) if need_grad else None
        loss = torch.zeros((), dtype=wide, device=h.device)
        for i in range(0, n, chunk):
            x = h[i : i + chunk]
            t = target[i : i + chunk]
            logits = x @ w.T
            log_probs = torch.log_softmax(logits, dim=-1)
            loss = loss - log_probs.gather(1, t[:, None]).sum()
            if need_grad:
                p = log_probs.exp()
                p[torch.arange(len(t), device=t.device), t] -= 1
                p = p / n
                grad_h[i : i + chunk] = p @ w
                grad_w.addmm_(p.T, x)
        if need_grad:
            ctx.save_for_backward(grad_h, grad_w)
        ctx.dtypes = hidden.dtype, weight.dtype
        return (loss / n).to(hidden.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        grad_h, grad_w = ctx.saved_tensors
        grad_h.mul_(grad_output)
        grad_w.mul_(grad_output)
        return grad_h.to(ctx.dtypes[0]), grad_w.to(ctx.dtypes[1]), None, None, None


def linear_cross_entropy(hidden, weight, target, chunk):
    if chunk < 1:
        raise ValueError("chunk must be at least 1")
    need_grad = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    return LinearCrossEntropy.apply(hidden, weight, target, chunk, need_grad)
""",
)
add(
    "linear_cross_entropy",
    "a function of its own for a graph that wants no gradient",
    """
def _pieces(hidden, weight, target, chunk):
    return zip(hidden.split(chunk), target.split(chunk), strict=True)


def _up(t):
    return t.float() if t.dtype in (torch.float16, torch.bfloat16) else t


def _value(hidden, weight, target, chunk):
    total = 0.0
    w = _up(weight)
    for part, chosen in _pieces(_up(hidden), w, target, chunk):
        logits = part @ w.t()
        top = logits.amax(-1, keepdim=True)
        shifted = logits.sub_(top)
        own = shifted[torch.arange(len(chosen), device=chosen.device), chosen]
        total = total + (shifted.exp_().sum(-1).log() - own).sum()
    return (total / len(target)).to(hidden.dtype)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, target, chunk):
        w, total, dh = _up(weight), 0.0, []
        dw = torch.zeros_like(w)
        for part, chosen in _pieces(_up(hidden), w, target, chunk):
            p = torch.softmax(part @ w.t(), dim=-1)
            rows = torch.arange(len(chosen), device=chosen.device)
            total = total - p[rows, chosen].log().sum()
            p[rows, chosen] -= 1.0
            p.div_(len(target))
            dh.append(p @ w)
            torch.addmm(dw, p.t(), part, out=dw)
        ctx.save_for_backward(torch.cat(dh), dw)
        ctx.kind = hidden.dtype
        return (total / len(target)).to(hidden.dtype)

    @staticmethod
    def backward(ctx, g):
        dh, dw = ctx.saved_tensors
        return dh.mul_(g).to(ctx.kind), dw.mul_(g).to(ctx.kind), None, None


def linear_cross_entropy(hidden, weight, target, chunk):
    if chunk < 1:
        raise ValueError(chunk)
    if torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad):
        return _Fused.apply(hidden, weight, target, chunk)
    return _value(hidden, weight, target, chunk)
""",
)

# streaming_attention

add(
    "streaming_attention",
    "differentiated by autograd",
    """
def streaming_attention(q, k, v, block):
    if block < 1:
        raise ValueError("block must be at least 1")
    dtype = q.dtype
    if dtype in (torch.float16, torch.bfloat16):
        q, k, v = q.float(), k.float(), v.float()
    m = torch.full(q.shape[:-1], -math.inf, dtype=q.dtype, device=q.device).unsqueeze(-1)
    s = torch.zeros_like(m)
    acc = torch.zeros_like(q)
    for i in range(0, k.shape[-2], block):
        kb, vb = k[..., i : i + block, :], v[..., i : i + block, :]
        scores = q @ kb.transpose(-1, -2) / math.sqrt(q.shape[-1])
        m_new = torch.maximum(m, scores.max(dim=-1, keepdim=True).values)
        p = torch.exp(scores - m_new)
        alpha = torch.exp(m - m_new)
        s = alpha * s + p.sum(dim=-1, keepdim=True)
        acc = alpha * acc + p @ vb
        m = m_new
    return (acc / s).to(dtype)
""",
)
add(
    "streaming_attention",
    "two passes over the keys: the normaliser first, by merges",
    """
def merge_logsumexp(a, b):
    top = torch.maximum(a[0], b[0])
    shift = torch.where(top.isfinite(), top, 0.0)
    return top, a[1] * (a[0] - shift).exp() + b[1] * (b[0] - shift).exp()


def streaming_attention(q, k, v, block):
    if block < 1:
        raise ValueError
    wide = torch.promote_types(q.dtype, torch.float32)
    queries, keys, values = (t.to(wide) for t in (q / 1, k, v))
    queries = queries * q.shape[-1] ** -0.5
    state = queries.new_full(q.shape[:-1], -math.inf), queries.new_zeros(q.shape[:-1])
    for part in keys.split(block, dim=-2):
        scores = torch.einsum("...td,...sd->...ts", queries, part)
        top = scores.amax(-1)
        state = merge_logsumexp(state, (top, (scores - top.unsqueeze(-1)).exp().sum(-1)))
    lse = (state[0] + state[1].log()).unsqueeze(-1)
    out = torch.zeros_like(queries)
    for part, some in zip(keys.split(block, dim=-2), values.split(block, dim=-2), strict=True):
        out = out + torch.exp(queries @ part.mT - lse) @ some
    return out.to(q.dtype)
""",
)
