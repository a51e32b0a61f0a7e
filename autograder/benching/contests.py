"""What is compared: inputs of a size, and the functions that compete on them, each under a name of its own."""

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.benching.lanes import LANES, in_lanes, lane_sums

STEMS = ("log_sums", "tokens", "speed", "streaming")
KERNELS = "gpu_kernels"
CHUNK = 128  # tokens of linear_cross_entropy that are worked on at once
BLOCK_ROWS = 16
COPY_SHARE = 0.85  # of the bandwidth that a copy reaches, to be reached by a kernel
OURS, COMPILED = "ours: ", "compiled: "
IN_LANES = f"{OURS}fast_logsumexp, compiled in {LANES} lanes"  # of ours, errors are judged
Form = Callable[..., Any]


@dataclass(frozen=True)
class Bar:
    """A promise about one form: its time and its peak in units of those of `versus`, the first form if not named.

    `passing` bounds the bytes that neither inputs nor results hold, as a part of `unit` bytes. One thread is meant.
    """

    form: str
    time: float | None = None
    peak: float | None = None
    versus: str | None = None
    passing: float | None = None
    unit: int = 0


@dataclass(frozen=True)
class Contest:
    """Functions of the same inputs; the first one is what the others are measured by."""

    name: str
    make: Callable[[torch.device], tuple[Tensor, ...]]
    forms: Mapping[str, Form]
    bars: tuple[Bar, ...] = ()
    exact: Callable[..., Tensor] | None = None  # of float64 inputs: the answer that errors are measured by
    gradients: bool = False  # whether the forms return gradients, to be compared with the first one's


@dataclass
class Package:
    """The modules of a package of exercises, by stem."""

    modules: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, stem: str) -> Any:
        """Return a module."""
        return self.modules[stem]


def load(package: str, cuda: bool) -> Package:
    """Import the modules that compete; the kernels only where there are a GPU and Triton."""
    stems = (*STEMS, *([KERNELS] if cuda and importlib.util.find_spec("triton") else []))
    return Package({stem: importlib.import_module(f"{package}.{stem}") for stem in stems})


def naive(x: Tensor) -> Tensor:
    """Return log-sum-exp by its definition."""
    return x.exp().sum(-1).log()


def shifted(x: Tensor) -> Tensor:
    """Return log-sum-exp by the textbook's shift."""
    top = x.amax(-1, keepdim=True)
    return (top + (x - top).exp().sum(-1, keepdim=True).log()).squeeze(-1)


def _normal(*shape: int, dtype: torch.dtype = torch.float32) -> Callable[[torch.device], tuple[Tensor, ...]]:
    def make(device: torch.device) -> tuple[Tensor, ...]:
        generator = torch.Generator(device).manual_seed(0)
        return (torch.randn(shape, generator=generator, device=device, dtype=dtype),)

    return make


def _scored(rows: int, classes: int) -> Callable[[torch.device], tuple[Tensor, ...]]:
    def make(device: torch.device) -> tuple[Tensor, ...]:
        generator = torch.Generator(device).manual_seed(0)
        logits = torch.randn(rows, classes, generator=generator, device=device).requires_grad_()
        return logits, torch.randint(classes, (rows,), generator=generator, device=device)

    return make


def _projected(tokens: int, width: int, classes: int) -> Callable[[torch.device], tuple[Tensor, ...]]:
    def make(device: torch.device) -> tuple[Tensor, ...]:
        generator = torch.Generator(device).manual_seed(0)
        hidden = torch.randn(tokens, width, generator=generator, device=device).requires_grad_()
        weight = torch.randn(classes, width, generator=generator, device=device).mul_(width**-0.5).requires_grad_()
        return hidden, weight, torch.randint(classes, (tokens,), generator=generator, device=device)

    return make


def _gather_log_softmax(logits: Tensor, ids: Tensor) -> Tensor:
    return torch.log_softmax(logits, -1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)


def _gather_minus_lse(logits: Tensor, ids: Tensor) -> Tensor:
    return logits.gather(-1, ids.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)


def _minus_ce(logits: Tensor, ids: Tensor) -> Tensor:
    return -F.cross_entropy(logits, ids, reduction="none")


def _materialised(hidden: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(hidden @ weight.T, target)


def trained(form: Form) -> Form:
    """Return the form with its backward pass: the results are the gradients of all inputs that have one."""

    def both(*inputs: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(form(*inputs).sum(), [x for x in inputs if x.requires_grad])

    return both


def silent(form: Form) -> Form:
    """Return the form without a graph."""

    def run(*inputs: Tensor) -> Any:
        with torch.no_grad():
            return form(*inputs)

    return run


def log_sums(package: Package, compiled: bool) -> Iterator[Contest]:
    """Yield log-sum-exp at every size, forward only."""
    fast = OURS + "fast_logsumexp"
    forms: dict[str, Form] = {
        "torch.logsumexp": lambda x: torch.logsumexp(x, -1),
        "torch.log_softmax": lambda x: torch.log_softmax(x, -1),
        "naive": naive,
        "shifted by hand": shifted,
        OURS + "logsumexp": package.log_sums.logsumexp,
        fast: package.speed.fast_logsumexp,
        OURS + "blocked_logsumexp": lambda x: package.streaming.blocked_logsumexp(x, BLOCK_ROWS),
    }
    if compiled:
        forms[COMPILED + "shifted"] = torch.compile(shifted, dynamic=False)
        sums = torch.compile(lane_sums, dynamic=False)
        forms[IN_LANES] = in_lanes(sums, otherwise=package.speed.fast_logsumexp)
    sizes: dict[tuple[int, ...], tuple[Bar, ...]] = {
        (1_000_000,): (Bar(fast, time=1.0),),
        (64, 1000): (Bar(fast, time=1.0),),
        (4096, 32000): (
            Bar(fast, time=0.30, passing=0.01, unit=4096 * 32000 * 4),
            Bar(IN_LANES, time=0.20, passing=0.01, unit=4096 * 32000 * 4),
        ),
        (2048, 151936): (),
    }
    silenced = {name: silent(form) for name, form in forms.items()}
    for shape, bars in sizes.items():
        alone = {n: f for n, f in silenced.items() if len(shape) > 1 or "blocked" not in n}
        exact = lambda x: torch.logsumexp(x, -1)  # noqa: E731
        yield Contest(f"log-sum-exp {shape}", _normal(*shape), alone, bars, exact)


def tokens(package: Package, compiled: bool) -> Iterator[Contest]:
    """Yield the log-probabilities of given tokens, with their backward pass."""
    blocked = OURS + "blocked_token_log_probs"
    forms: dict[str, Form] = {
        "gather(log_softmax)": _gather_log_softmax,
        "gather − logsumexp": _gather_minus_lse,
        "−cross_entropy": _minus_ce,
        OURS + "token_log_probs": package.tokens.token_log_probs,
        blocked: lambda x, ids: package.streaming.blocked_token_log_probs(x, ids, BLOCK_ROWS),
    }
    if compiled:
        forms[COMPILED + "−cross_entropy"] = torch.compile(_minus_ce, dynamic=False)
    both = {name: trained(form) for name, form in forms.items()}
    bars = {4096: (Bar(blocked, time=0.75, peak=0.4),)}
    for rows, classes in ((4096, 32000), (2048, 151936)):
        name = f"token log-probs ({rows}, {classes}), with backward"
        yield Contest(name, _scored(rows, classes), both, bars.get(rows, ()), gradients=True)


def projections(package: Package, compiled: bool) -> Iterator[Contest]:
    """Yield the loss of a language model's last layer, with its backward pass."""
    ours = OURS + "linear_cross_entropy"
    forms: dict[str, Form] = {
        "cross_entropy(hidden @ weight.T)": _materialised,
        ours: lambda h, w, t: package.streaming.linear_cross_entropy(h, w, t, CHUNK),
    }
    theirs = getattr(F, "linear_cross_entropy", None)
    if theirs is not None:
        forms["F.linear_cross_entropy"] = theirs
        chunks = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=CHUNK)
        forms[f"F.linear_cross_entropy, chunks of {CHUNK}"] = lambda h, w, t: theirs(h, w, t, options=chunks)
    if compiled:
        forms[COMPILED + "cross_entropy"] = torch.compile(_materialised, dynamic=False)
    tokens, width, classes = 2048, 1024, 32000
    bar = Bar(ours, time=1.3, passing=1 / 8, unit=tokens * classes * 4)
    name = f"loss of the last layer ({tokens}, {width}) × ({classes}, {width}), with backward"
    both = {n: trained(form) for n, form in forms.items()}
    yield Contest(name, _projected(tokens, width, classes), both, (bar,), gradients=True)


def kernels(package: Package) -> Iterator[Contest]:
    """Yield the Triton kernels against eager torch; only on a GPU."""
    ours: Any = package.modules.get(KERNELS, SimpleNamespace())
    if not hasattr(ours, "triton_logsumexp"):
        return
    dtypes = [torch.float32] + ([torch.bfloat16] if torch.cuda.get_device_capability() >= (8, 0) else [])
    for dtype in dtypes:
        # A copy reads and writes; log-sum-exp only reads.
        for name, theirs, mine, moved in (
            ("logsumexp", lambda x: torch.logsumexp(x, -1), ours.triton_logsumexp, 0.5),
            ("softmax", lambda x: torch.softmax(x, -1), ours.triton_softmax, 1.0),
        ):
            forms = {f"torch.{name}": silent(theirs), f"{OURS}triton_{name}": silent(mine), "copy": torch.clone}
            title = f"{name} (8192, 32768) {str(dtype).removeprefix('torch.')}"
            kernel = f"{OURS}triton_{name}"
            bars = (Bar(kernel, time=0.5), Bar(kernel, time=moved / COPY_SHARE, versus="copy"))
            yield Contest(title, _normal(8192, 32768, dtype=dtype), forms, bars)


def everything(package: Package, compiled: bool, cuda: bool) -> Iterator[Contest]:
    """Yield all contests."""
    yield from log_sums(package, compiled)
    yield from tokens(package, compiled)
    yield from projections(package, compiled)
    if cuda:
        yield from kernels(package)
