"""Honest, correct and different answers to the exercises of `sampling`: each must earn full marks."""

from autograder.tests.variants import Collection

HONEST = Collection("sampling")
add = HONEST.add

# gumbel_noise: each way to keep away from the ends

JANG = """
def gumbel_noise(shape, *, dtype, device, generator=None, eps=1e-20):
    u = torch.rand(shape, dtype=torch.float32, device=device, generator=generator)
    return (-torch.log(-torch.log(u + eps) + eps)).to(dtype)
"""
TORCHS = """
def gumbel_noise(shape, *, dtype, device, generator=None):
    wide = torch.promote_types(dtype, torch.float32)
    waiting = torch.empty(shape, dtype=wide, device=device).exponential_(generator=generator)
    return -waiting.log().to(dtype)
"""
add("gumbel_noise", "float32 with an epsilon of 1e-20 in both logarithms", JANG)
add("gumbel_noise", "the logarithm of torch's exponential draws", TORCHS)
add(
    "gumbel_noise",
    "clamped to the open interval",
    """
def gumbel_noise(shape, *, dtype, device, generator=None):
    work = torch.float64 if dtype == torch.float64 else torch.float32
    info = torch.finfo(work)
    u = torch.rand(shape, dtype=work, device=device, generator=generator)
    u = u.clamp(info.tiny, 1 - info.eps / 2)
    return -(-u.log()).log().to(dtype)
""",
)
add(
    "gumbel_noise",
    "uniform_ from tiny to 1",
    """
def gumbel_noise(
    shape: tuple[int, ...],
    *,
    dtype: torch.dtype,
    device: torch.device,
    generator: torch.Generator | None = None,
) -> Tensor:
    u = torch.empty(shape, dtype=torch.float32, device=device)
    u.uniform_(torch.finfo(torch.float32).tiny, 1, generator=generator)
    return torch.neg(torch.log(torch.neg(torch.log(u)))).to(dtype=dtype)
""",
)
add(
    "gumbel_noise",
    "where for the draws of 0",
    """
def gumbel_noise(shape, *, dtype, device, generator=None):
    u = torch.rand(shape, device=device, generator=generator, dtype=torch.float64)
    u = torch.where(u == 0, torch.full_like(u, 0.5), u)
    return -torch.log(-torch.log(u)).to(dtype)
""",
)

# gumbel_max

add(
    "gumbel_max",
    "on the learner's own noise",
    JANG
    + """

def gumbel_max(logits, generator=None):
    x = logits.to(torch.promote_types(logits.dtype, torch.float32))
    g = gumbel_noise(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    return torch.argmax(x + g, dim=-1)
""",
)
add(
    "gumbel_max",
    "always in float64",
    TORCHS
    + """

def gumbel_max(logits, generator=None):
    noise = gumbel_noise(logits.shape, dtype=torch.float64, device=logits.device, generator=generator)
    return (logits.double() + noise).max(-1).indices
""",
)
add(
    "gumbel_max",
    "float32 noise, a pair of values and indices taken apart",
    JANG
    + """

def gumbel_max(logits, generator=None):
    wide = torch.promote_types(logits.dtype, torch.float32)
    noise = gumbel_noise(logits.shape, dtype=torch.float32, device=logits.device, generator=generator)
    values, indices = torch.max(logits.to(wide) + noise, dim=-1)
    return indices
""",
)
add(
    "gumbel_max",
    "an exponential race of probabilities",
    """
def gumbel_max(logits, generator=None):
    x = logits.double()
    p = torch.softmax(x, -1)
    waiting = torch.empty_like(p).exponential_(generator=generator)
    return (p / waiting).argmax(-1)
""",
)
add(
    "gumbel_max",
    "a race on log scale, by the smallest",
    """
def gumbel_max(logits, generator=None):
    x = logits.float() if logits.dtype != torch.float64 else logits
    u = torch.rand(x.shape, device=x.device, generator=generator).clamp_min(1e-30)
    return ((-u.log()).log() - x).argmin(dim=-1)
""",
)

# gumbel_softmax

add(
    "gumbel_softmax",
    "torch's own source, in float32 for half types",
    """
def gumbel_softmax(logits, tau=1.0, hard=False, dim=-1, generator=None):
    if tau <= 0:
        raise ValueError("tau must be positive")
    x = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    gumbels = -torch.empty_like(x, memory_format=torch.legacy_contiguous_format).exponential_(generator=generator).log()
    gumbels = (x + gumbels) / tau
    y_soft = gumbels.softmax(dim).to(logits.dtype)
    if hard:
        index = y_soft.max(dim, keepdim=True)[1]
        y_hard = torch.zeros_like(y_soft, memory_format=torch.legacy_contiguous_format).scatter_(dim, index, 1.0)
        return y_hard - y_soft.detach() + y_soft
    return y_soft
""",
)
add(
    "gumbel_softmax",
    "softmax by hand, one-hot by comparison, straight through by a detached difference",
    JANG
    + """

def _softmax(x, dim):
    e = torch.exp(x - x.amax(dim=dim, keepdim=True))
    return e / e.sum(dim=dim, keepdim=True)


def gumbel_softmax(logits: Tensor, tau: float = 1.0, hard: bool = False, dim: int = -1, generator=None) -> Tensor:
    if not tau > 0.0:
        raise ValueError(f"tau = {tau}")
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    noise = gumbel_noise(wide.shape, dtype=wide.dtype, device=wide.device, generator=generator)
    soft = _softmax((wide + noise) / tau, dim)
    if hard:
        places = torch.arange(soft.shape[dim], device=soft.device)
        shape = [1] * soft.dim()
        shape[dim] = -1
        one_hot = (places.reshape(shape) == soft.argmax(dim=dim, keepdim=True)).to(soft.dtype)
        soft = soft + (one_hot - soft).detach()
        soft = torch.where(one_hot.bool(), soft - soft.detach() + 1, soft - soft.detach())
    return soft.to(logits.dtype)
""",
)
add(
    "gumbel_softmax",
    "F.one_hot and movedim",
    TORCHS
    + """

def gumbel_softmax(logits, tau=1.0, hard=False, dim=-1, generator=None):
    assert tau > 0, "tau must be positive"
    g = gumbel_noise(logits.shape, dtype=torch.float32, device=logits.device, generator=generator)
    wide = logits if logits.dtype == torch.float64 else logits.float()
    y = F.softmax((wide + g) / tau, dim=dim).type_as(logits)
    if not hard:
        return y
    z = F.one_hot(y.argmax(dim), y.size(dim)).movedim(-1, dim).to(y.dtype)
    return z - y.detach() + y
""",
)
add(
    "gumbel_softmax",
    "the winner of logits and noise, an index scattered into zeros",
    TORCHS
    + """

def gumbel_softmax(logits, tau=1.0, hard=False, dim=-1, generator=None):
    if tau <= 0:
        raise ValueError("tau must be positive")
    x = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    keys = x + gumbel_noise(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    top, winner = keys.max(dim, keepdim=True)
    soft = ((keys - top.detach()) / tau).softmax(dim)
    if not hard:
        return soft.to(logits.dtype)
    one_hot = torch.zeros_like(soft).scatter_(dim, winner, 1)
    return (one_hot - soft.detach() + soft).to(logits.dtype)
""",
)

# gumbel_top_k

add(
    "gumbel_top_k",
    "topk",
    JANG
    + """

def gumbel_top_k(logits, k, generator=None):
    x = logits.to(torch.promote_types(logits.dtype, torch.float32))
    g = gumbel_noise(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    values, indices = torch.topk(x + g, k, dim=-1)
    return indices
""",
)
add(
    "gumbel_top_k",
    "argsort, cut",
    TORCHS
    + """

def gumbel_top_k(logits: Tensor, k: int, generator: torch.Generator | None = None) -> Tensor:
    x = logits.double()
    keys = x + gumbel_noise(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    return keys.argsort(dim=-1, descending=True)[..., :k]
""",
)
add(
    "gumbel_top_k",
    "an exponential race, by the smallest",
    """
def gumbel_top_k(logits, k, generator=None):
    x = logits.to(torch.promote_types(logits.dtype, torch.float32))
    u = torch.rand(x.shape, dtype=torch.float64, device=x.device, generator=generator)
    arrival = (-torch.log1p(-u.clamp(min=1e-300))).log() - x
    return arrival.topk(k, dim=-1, largest=False).indices
""",
)
