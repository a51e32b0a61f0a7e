"""Honest, correct and different answers to the exercises of `speed`: each must earn full marks."""

from autograder.tests.variants import HEAD, Collection

HONEST = Collection("speed")
add = HONEST.add
CLOCK = HEAD.replace("import math\n", "import math\nimport time\n")
BARE_CLOCK = HEAD.replace(
    "import math\n", "import gc\nimport math\nfrom statistics import mean\nfrom time import perf_counter_ns\n"
)

# measure

add(
    "measure",
    "lists of times, shuffled rounds",
    """
def measure(functions, make_input, repeats=20, threads=1):
    if repeats < 1:
        raise ValueError("repeats must be at least 1")
    if threads < 1:
        raise ValueError("threads must be at least 1")
    if len(functions) == 0:
        raise ValueError("no functions to measure")
    old_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        names = list(functions)
        times = {name: [] for name in names}
        for name in names:
            functions[name](make_input())
        for _ in range(repeats):
            for i in torch.randperm(len(names)).tolist():
                x = make_input()
                begin = time.perf_counter()
                functions[names[i]](x)
                end = time.perf_counter()
                times[names[i]].append(end - begin)
                del x
    finally:
        torch.set_num_threads(old_threads)
    seconds = {name: min(times[name]) for name in names}
    yardstick = seconds[names[0]]
    return {name: (seconds[name], seconds[name] / yardstick) for name in names}
""",
    head=CLOCK,
)
add(
    "measure",
    "nanoseconds, without the garbage collector, two calls to warm up",
    """
class _Clock:
    def __init__(self):
        self.best = None

    def time(self, function, x):
        start = perf_counter_ns()
        function(x)
        taken = perf_counter_ns() - start
        self.best = taken if self.best is None else min(self.best, taken)


def measure(functions, make_input, repeats=20, threads=1):
    if min(repeats, threads, len(functions)) < 1:
        raise ValueError(f"at least 1 each: {repeats=}, {threads=}, {len(functions)} functions")
    threads_before, collecting = torch.get_num_threads(), gc.isenabled()
    torch.set_num_threads(threads)
    gc.disable()
    try:
        clocks = {name: _Clock() for name in functions}
        for count in range(-2, repeats):
            for name in functions:
                fresh = make_input()
                if count < 0:
                    functions[name](fresh)
                else:
                    clocks[name].time(functions[name], fresh)
    finally:
        if collecting:
            gc.enable()
        torch.set_num_threads(threads_before)
    seconds = [clock.best * 1e-9 for clock in clocks.values()]
    return dict(zip(functions, [(s, s / seconds[0]) for s in seconds]))
""",
    head=BARE_CLOCK,
)
add(
    "measure",
    "monotonic, a while loop, inputs of a round made together",
    """
def measure(functions: dict, make_input, repeats: int = 20, threads: int = 1) -> dict:
    if repeats < 1 or threads < 1 or not functions:
        raise ValueError("repeats, threads and functions")
    for f in functions.values():
        if not callable(f):
            raise ValueError(f"{f} is no function")
    best = {}
    n_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        round_number = 0
        while round_number <= repeats:
            inputs = [make_input() for _ in functions]
            for (name, f), x in zip(functions.items(), inputs):
                t = time.monotonic()
                f(x)
                t = time.monotonic() - t
                if round_number > 0:
                    best[name] = min(t, best.get(name, float("inf")))
            round_number += 1
    finally:
        torch.set_num_threads(n_before)
    first = best[next(iter(functions))]
    return {name: (best[name], best[name] / first) for name in functions}
""",
    head=CLOCK,
)

# fast_logsumexp

add(
    "fast_logsumexp",
    "the maximum minus the maximum of log_softmax, blocks of a MiB",
    """
def fast_logsumexp(x):
    n = x.shape[-1]
    if n == 0:
        return torch.full(x.shape[:-1], -math.inf, dtype=x.dtype, device=x.device)
    rows = x.reshape(-1, n)
    result = torch.empty(rows.shape[0], dtype=x.dtype, device=x.device)
    block = max(1, (1 << 20) // (4 * n))
    for start in range(0, rows.shape[0], block):
        piece = rows[start:start + block]
        if piece.dtype in (torch.float16, torch.bfloat16):
            piece = piece.float()
        top = piece.amax(-1)
        value = top - torch.log_softmax(piece, -1).amax(-1)
        result[start:start + block] = torch.where(top.isinf(), top, value).to(x.dtype)
    return result.reshape(x.shape[:-1])
""",
)
add(
    "fast_logsumexp",
    "softmax in a buffer, the time module in the same file",
    """
def fast_logsumexp(x: Tensor) -> Tensor:
    if x.shape[-1] == 0:
        return x.sum(-1) - math.inf
    flat = x.flatten(end_dim=-2) if x.dim() > 1 else x[None]
    rows_at_once = max((1 << 19) // flat.shape[1], 1)
    wide = torch.promote_types(x.dtype, torch.float32)
    scratch = torch.empty(min(rows_at_once, flat.shape[0]), flat.shape[1], dtype=wide, device=x.device)
    out = []
    for block in flat.split(rows_at_once):
        block = block.to(wide)
        top = block.max(-1).values
        biggest = torch.softmax(block, -1, out=scratch[:block.shape[0]]).amax(-1)
        out.append(torch.where(top.abs() == math.inf, top, top - biggest.log()))
    return torch.cat(out).view(x.shape[:-1]).to(x.dtype)
""",
    head=CLOCK,
)
add(
    "fast_logsumexp",
    "shifted sums in blocks of 8 MiB, a helper, no buffer",
    """
BLOCK = 8 * 2**20


def lse(rows):
    m = rows.amax(dim=-1, keepdim=True)
    m = torch.where(m.isfinite(), m, torch.zeros_like(m))
    return (rows - m).exp_().sum(-1).log() + m.squeeze(-1)


def fast_logsumexp(x):
    shape = x.shape[:-1]
    if x.shape[-1] == 0 or x.numel() == 0:
        return x.new_full(shape, float("-inf"))
    x = x.reshape(-1, x.shape[-1])
    k = max(1, BLOCK // (x.shape[-1] * 4))
    low = x.dtype in (torch.float16, torch.bfloat16)
    pieces = [lse(x[i:i + k].float() if low else x[i:i + k]) for i in range(0, len(x), k)]
    return torch.cat(pieces).to(x.dtype).reshape(shape)
""",
)
