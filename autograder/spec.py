"""What an exercise is: data only. The specs declare it, the other packages read it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from autograder.answer import Complaint

Family = Literal[
    "rules",
    "device",
    "memory",
    "untouched",
    "value",
    "shape",
    "dtype",
    "extremes",
    "gradient",
    "law",
    "time",
]


@dataclass(frozen=True)
class Call:
    """The arguments of one call: tensors, arrays, numbers, strings, dtypes, generators (given by their seed)."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Seed:
    """A generator to be made in the worker: it is sent as a number."""

    value: int


@dataclass(frozen=True)
class Tolerance:
    """The allowed error: `ulps` units in the last place of max(|exact|, `floor`), in the answer's dtype.

    A floor of 1 makes the bound absolute below 1, for answers that come out of a cancellation.
    """

    ulps: float
    floor: float = 0.0


@dataclass(frozen=True)
class Value:
    """Ask for the answer itself; `dtype` also asks that it has the expected dtype.

    That is the dtype of the first floating-point input, or `answer`. Integers and booleans are compared exactly; a
    plain float or a tuple of them is read as a float64 tensor.
    """

    tolerance: Tolerance
    dtype: bool = False
    answer: torch.dtype | None = None


@dataclass(frozen=True)
class Gradient:
    """Ask for vector-Jacobian products with random cotangents; `second` asks for those of the gradient as well.

    `wrt` are positions in the call's args. `finite` asks only that no gradient is nan or infinite.
    """

    tolerance: Tolerance
    wrt: tuple[int, ...] = (0,)
    second: bool = False
    finite: bool = False


@dataclass(frozen=True)
class Untouched:
    """Ask that the call leaves its inputs as they were."""


@dataclass(frozen=True)
class Raises:
    """Ask for an exception of one of these types (names), when `driver` is asked."""

    errors: tuple[str, ...]
    driver: str = "value"


@dataclass(frozen=True)
class Driven:
    """Ask a named driver of the worker; `judge` gets the call and the driver's result as it came.

    Where the numbers are random, its complaint's kind begins with "law": known mistakes are then matched by that kind
    and by the complaint's `frequencies`.
    """

    driver: str
    judge: Callable[[Call, Any], Complaint | None]


Ask = Value | Gradient | Untouched | Raises | Driven


@dataclass(frozen=True)
class Case:
    """One question to a learner's function. `make` builds its call from a seeded source of numbers."""

    name: str
    family: Family
    make: Callable[["Draw"], Call]
    ask: Ask
    points: float = 1.0
    public: bool = True
    honours: bool = False
    limit_s: float = 2.0


@dataclass(frozen=True)
class Forbidden:
    """What does the job in one call: function objects (resolved references) and dispatcher ops ("aten::logsumexp")."""

    functions: tuple[object, ...] = ()
    ops: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rules:
    """What the gate and the meta run ask of the source.

    `allows` maps what is allowed beyond the usual to the reason: "numpy", "loops" (over blocks or parameter groups),
    "checkpoint", "triton" (its kernels may loop), "boolean_masks" (where a mask indexes, the meta run is made anew on
    the CPU).
    `skips_meta` is the reason why the function cannot run on the meta device, or None.
    """

    forbidden: Forbidden = Forbidden()
    allows: Mapping[str, str] = field(default_factory=dict)
    skips_meta: str | None = None


@dataclass(frozen=True)
class Memory:
    """Peak bytes of a call, in units of all its floating-point inputs, without and with the backward pass.

    `make` makes the call that is weighed, on the meta device, where the trace's sizes would not show what is asked.
    """

    forward: float
    backward: float | None = None
    honours_forward: float | None = None
    honours_backward: float | None = None
    make: Callable[[], Call] | None = None


@dataclass(frozen=True)
class Time:
    """The call's time as a ratio to a trusted reference of the same input, one thread each.

    `reference` names a torch function by path ("torch.logsumexp"), `kwargs` are its keyword arguments.
    """

    name: str
    reference: str
    make: Callable[["Draw"], Call]
    budget: float
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    points: float = 1.0


@dataclass(frozen=True)
class Atlas:
    """A family of inputs along which errors are drawn, and the forms that are drawn beside an answer.

    `make` turns values of its one parameter (float64, `(n,)`) into a call whose answer has a row for each of them. They
    run from `low` to `high`, evenly or, with `log`, evenly in their logarithm. With `reach` both ends are in units of
    the logarithm of the dtype's largest number: so each dtype shows its own overflow.
    `naive`, `stable` and `peer` (torch's own; None where it has nothing like it) take the call's arguments. `naive` is
    a `def` in a module of torch alone: its source is sent to a worker. `precise` serves where the exercise has none.
    """

    make: Callable[[torch.Tensor, torch.dtype], Call]
    low: float
    high: float
    label: str
    naive: Callable[..., torch.Tensor]
    stable: Callable[..., torch.Tensor]
    peer: Callable[..., torch.Tensor] | None = None
    log: bool = False
    reach: bool = False
    precise: Callable[..., "Exact"] | None = None


@dataclass(frozen=True)
class Exercise:
    """All that is known of one exercise.

    `reference` computes the answer in float64 by a differentiable formula, from the call's own arguments.
    `precise` computes it for float64 inputs, as an unevaluated sum of two float64 tensors.
    Random answers have no reference but `sound`, which says what is wrong with an answer whatever was drawn, and
    `domain`, which says why a call is none for this exercise, or nothing.
    `trace` makes a call of a given batch size and class size; its values do not matter.
    `needs` is a package that the course does without: where it is missing, the exercise is skipped.
    """

    name: str
    reference: Callable[..., Any] | None
    precise: Callable[..., "Exact"] | None
    cases: tuple[Case, ...]
    hints: tuple[str, str, str]
    why: str
    minutes: int
    difficulty: Literal[1, 2, 3, 4, 5]
    rules: Rules = Rules()
    trace: Callable[[int, int], Call] | None = None
    trace_wrt: tuple[int, ...] = (0,)
    memory: Memory | None = None
    times: tuple[Time, ...] = ()
    sound: Callable[[Call, Any], Complaint | None] | None = None
    domain: Callable[[Call], str] | None = None
    atlas: Atlas | None = None
    needs: Literal["triton"] | None = None


@dataclass(frozen=True)
class Exact:
    """An exact answer as an unevaluated sum `high + low` of float64 tensors."""

    high: torch.Tensor
    low: torch.Tensor


@dataclass(frozen=True)
class Mistake:
    """A known wrong implementation: its function, and what to tell the learner who made it.

    `fault` names the fault that identifies it where outputs cannot ("gate:loop", "gate:forbidden-method").
    """

    id: str
    exercise: str
    function: Callable[..., Any]
    diagnosis: str
    fault: str | None = None


class Draw:
    """A seeded source of tensors: drawn in float64, then rounded to the dtype asked for.

    Those of `MANY` float32 numbers, which are timed and not looked at one by one, are drawn in float32: a third of the
    time.
    """

    MANY = 1 << 20

    def __init__(self, seed: int) -> None:
        """Start the stream of `seed`."""
        self.generator = torch.Generator().manual_seed(seed)

    def normal(
        self, *shape: int, scale: float = 1.0, offset: float = 0.0, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Return normal numbers of the given shape."""
        many = dtype == torch.float32 and math.prod(shape) >= self.MANY
        drawn = torch.randn(shape, generator=self.generator, dtype=torch.float32 if many else torch.float64)
        return drawn.mul_(scale).add_(offset).to(dtype)

    def uniform(self, *shape: int, low: float, high: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return numbers uniform in [low, high)."""
        return (torch.rand(shape, generator=self.generator, dtype=torch.float64) * (high - low) + low).to(dtype)

    def integers(self, *shape: int, low: int, high: int) -> torch.Tensor:
        """Return int64 numbers in [low, high)."""
        return torch.randint(low, high, shape, generator=self.generator)
