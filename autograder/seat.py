"""One worker for all exercises of one submission: what the same learner wrote may share a process.

An exercise judged in a seat must come out as in a process of its own. So nobody takes a seat whose source breaks a rule
(see Grading) or changes settings that outlive a call, and each exercise's modules are imported anew.
"""

import re
from collections.abc import Mapping

from autograder.running.wall import Wall, Worker

# Words that change what all exercises of a process see: torch.set_grad_enabled, np.seterr, torch.manual_seed ...
SETTINGS = re.compile(r"set_|seed|seterr|errstate|filter|printoptions|environ|register_|global|_mode|backends")
CPU_S = 40.0  # a worker may use 120 s of processor time: long before, the next exercise gets a new one
MOST = 12  # exercises in one process where that time cannot be read


def shareable(sources: Mapping[str, str]) -> frozenset[str]:
    """Return the chapters of a submission whose exercises may share a process: those that change no settings.

    A chapter that so much as names one that does may import it.
    """
    alone = {stem for stem, text in sources.items() if SETTINGS.search(text)}
    rest = sources.keys() - alone
    while found := {s for s in rest if any(re.search(rf"\b{re.escape(other)}\b", sources[s]) for other in alone)}:
        alone |= found
        rest -= found
    return frozenset(rest)


class Seat:
    """Hands out the same worker as long as it is good."""

    def __init__(self, wall: Wall) -> None:
        """Start nothing yet."""
        self._wall = wall
        self._worker: Worker | None = None
        self._taken = 0
        self.knows = False  # whether the present worker has been sent the submission's sources

    def worker(self) -> Worker:
        """Return a live worker."""
        if self._worker is not None and self._worker.alive and self._used_up(self._worker):
            self._worker.close()
        if self._worker is None or not self._worker.alive:
            self._worker, self._taken, self.knows = self._wall.worker(), 0, False
        self._taken += 1
        return self._worker

    def _used_up(self, worker: Worker) -> bool:
        noted = worker.scheduled()
        return self._taken >= MOST if noted is None else noted.cpu_ns > CPU_S * 1e9

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
