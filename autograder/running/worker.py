"""The untrusted side: loads a learner's sources from text and answers the grader's calls.

Runs in a process forked from the zygote, confined before the first byte of learner's code is compiled.
"""

import functools
import linecache
import os
import sys
import types
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

import torch

from autograder.running import wire
from autograder.running.barred import bar, unbar
from autograder.running.confinement import Policy, confine
from autograder.running.drivers import DRIVERS, describe, describe_error, freshen, moved
from autograder.running.launch import INTERPRETED
from autograder.running.untampered import demand

PACKAGE = "exercises"


class Sources(MetaPathFinder, Loader):
    """Import `exercises.STEM` from texts that came over the wire."""

    def __init__(self, texts: dict[str, str]) -> None:
        """Keep the texts by stem."""
        self.texts = texts

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """Claim the package and its modules."""
        stem = name.removeprefix(PACKAGE + ".")
        if name == PACKAGE:
            return ModuleSpec(name, self, is_package=True)
        return ModuleSpec(name, self, origin=f"{stem}.py") if name != stem and stem in self.texts else None

    def exec_module(self, module: types.ModuleType) -> None:
        """Compile and run one text."""
        stem = module.__name__.removeprefix(PACKAGE + ".")
        if module.__name__ == PACKAGE:
            return
        text = self.texts[stem]
        linecache.cache[f"{stem}.py"] = (len(text), None, text.splitlines(keepends=True), f"{stem}.py")
        exec(_compiled(text, f"{stem}.py"), module.__dict__)


@functools.lru_cache(maxsize=16)  # each exercise of a chapter imports it anew
def _compiled(text: str, filename: str) -> types.CodeType:
    return compile(text, filename, "exec")


class Bench:
    """The worker's state: the function under test and, for timing, its prepared inputs."""

    def __init__(self, texts: dict[str, str] | None = None) -> None:
        """Start with nothing loaded but `texts`, the sources of an earlier exercise."""
        self.texts = texts or {}
        self.function: Any = None
        self.inputs: tuple[Any, Any] = ((), {})
        self.ready: tuple[Any, Any] = ((), {})
        self.output: Any = None
        self.device: str | None = None

    def load(self, texts: dict[str, str] | None, stem: str, function: str, barred: tuple[str, ...] = ()) -> None:
        """Import the learner's module, pick the function, and take the `barred` ops away from it.

        What an earlier exercise had loaded is forgotten first: each gets modules of its own. Without `texts`, the
        sources are those of that exercise.
        """
        unbar()
        self.__init__(self.texts if texts is None else texts)  # type: ignore[misc]
        for finder in [f for f in sys.meta_path if isinstance(f, Sources)]:
            sys.meta_path.remove(finder)
            for name in (PACKAGE, *(f"{PACKAGE}.{known}" for known in finder.texts)):
                sys.modules.pop(name, None)
        sys.meta_path.insert(0, Sources(self.texts))
        module = __import__(f"{PACKAGE}.{stem}", fromlist=["*"])
        self.function = getattr(module, function)
        bar(barred)
        demand()

    def warm_up(self, device: str) -> None:
        """Put a device to work for the first time, which takes seconds on a GPU."""
        torch.ones(1, device=device).exp()

    def load_reference(self, path: str) -> None:
        """Pick a trusted function by its path, "torch.logsumexp"."""
        root, *names = path.split(".")
        self.function = {"torch": torch}[root]
        for name in names:
            self.function = getattr(self.function, name)

    def prepare(self, args: Any, kwargs: Any, device: str | None = None) -> None:
        """Keep the inputs of a timing run, on `device` if one is named."""
        self.device = device
        self.inputs, self.ready = moved((args, kwargs), device) if device else (args, kwargs), ((), {})

    def fresh(self, turn: int) -> None:
        """Make the next timed call's inputs, before the clock starts."""
        self.output = None
        self.ready = freshen(self.inputs[0], turn, self.ready[0]), self.inputs[1]
        demand()

    def go(self) -> float | None:
        """Make the timed call; return the seconds between two events on a GPU, if it runs there."""
        if self.device != "cuda":
            self.output = self.function(*self.ready[0], **self.ready[1])
            return None
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        self.output = self.function(*self.ready[0], **self.ready[1])
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end)) / 1e3

    def fetch(self) -> Any:
        """Return the last timed call's output."""
        demand()
        return describe(self.output)

    def drive(self, driver: str, device: str | None = None, **message: Any) -> Any:
        """Run a driver on the function, with the inputs on `device` if one is named."""
        answer = DRIVERS[driver](self.function, **(moved(message, device) if device else message))
        demand()
        return answer


def run(requests: int, replies: int, policy: Policy) -> None:
    """Confine this process, then answer requests until the grader closes the pipe."""
    torch.set_num_threads(1)  # a forked child that meets the parent's thread pool hangs
    layers = confine(policy)
    os.environ.update(INTERPRETED)  # `confine` empties the environment
    wire.send(replies, {"layers": list(layers)})
    bench = Bench()
    while True:
        try:
            message = wire.receive(requests, header_cap=wire.REQUEST_HEADER_CAP)
        except wire.Closed:
            return
        nonce = message.pop("nonce")
        try:
            result = getattr(bench, message.pop("do"))(**message)
            wire.send(replies, {"nonce": nonce, "ok": True, "result": result})
        except wire.Closed:
            return
        except BaseException as error:  # SystemExit and KeyboardInterrupt are a learner's answers too
            wire.send(replies, {"nonce": nonce, "ok": False, "error": describe_error(error)})
