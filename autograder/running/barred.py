"""Takes an exercise's forbidden ops out of this process's dispatcher: no spelling of a call leads around that.

The gate reads names and the meta run counts ops, but a call may be spelled so that no reader sees it, and made only
where nobody counts. Here the op itself is gone, for whatever shape, thread, mode or transform calls it.
"""

from collections.abc import Iterable
from typing import Any, NoReturn

import torch

# torch's own derivatives call these, of scatter for one: taken away, they would take honest gradients with them.
DERIVATIVES = frozenset({"gather", "take", "index_select"})
KEYS = ("CPU", "CUDA") if torch.backends.cuda.is_built() else ("CPU",)
_kept: list[torch.library.Library] = []  # a library that is let go of gives the ops back


class ForbiddenOp(RuntimeError):
    """A call ended in an op that does the exercise's work; the grader knows this name."""


def bar(names: Iterable[str]) -> None:
    """Let these ops ("aten::logsumexp") raise from now on, with numbers; the meta run still counts them.

    Ops that this version of torch lacks are skipped, and those that honest gradients need.
    """
    library = torch.library.Library("aten", "IMPL")
    _kept.append(library)
    for name in sorted({name.removeprefix("aten::").split(".")[0] for name in names} - DERIVATIVES):
        packet = getattr(torch.ops.aten, name, None)
        for overload in packet.overloads() if packet is not None else ():
            full = name if overload == "default" else f"{name}.{overload}"
            for key in KEYS:
                library.impl(full, _refusal(name), key)


def unbar() -> None:
    """Give all ops back: the next exercise has others that do its work."""
    _kept.clear()


def _refusal(name: str) -> Any:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ForbiddenOp(f"the call ends in aten::{name}, which does the exercise's work")

    return refuse
