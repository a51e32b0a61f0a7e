"""Puts one exercise's questions to a learner's function: a process that dies, or that others have used, is replaced."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from autograder.answer import Answer
from autograder.judging import messages
from autograder.paper import Message
from autograder.running.launch import describe_status
from autograder.running.wall import Wall, Worker
from autograder.running.wire import Prepared
from autograder.seat import Seat
from autograder.spec import Exercise

LOAD_S = 10.0
CUDA_S = 60.0  # a worker initialises CUDA after its fork
TIMEOUTS = 2  # after so many, the rest of an exercise is not run
KILLED = describe_status(9)
Asked = tuple[str, Message, float]  # a driver, what it is sent, and how long its answer may take
Named = tuple[dict[str, str], Message, float]


def loading(exercise: Exercise, stem: str, texts: Mapping[str, str] | None) -> dict[str, Any]:
    """Return what loads an exercise's function in a worker; without texts, from those that it has already."""
    barred = tuple(sorted(exercise.rules.forbidden.ops))
    sources = None if texts is None else dict(texts)
    return {"texts": sources, "stem": stem, "function": exercise.name, "barred": barred}


class Interview:
    """Asks, and keeps what came to light on the way: `spotted`, and how many answers did not come in time."""

    def __init__(
        self,
        wall: Wall,
        exercise: Exercise,
        stem: str,
        sources: Mapping[str, str],
        seat: Seat | None = None,
        device: str | None = None,
    ) -> None:
        """Start nothing yet. With a `seat`, share its process; with a `device`, get one that may use it."""
        self._wall, self._exercise, self._stem, self._sources = wall, exercise, stem, sources
        self._seat, self._device = seat, device
        self._worker: Worker | None = None
        self._killed = False
        self.layers: tuple[str, ...] = ()
        self.timeouts = 0
        self.spotted = ""  # a forbidden op that only a call with numbers ended in

    @property
    def is_over(self) -> bool:
        """Whether too many answers did not come in time: nothing more is asked."""
        return self.timeouts >= TIMEOUTS

    def worker(self) -> Worker | Answer:
        """Return a worker that holds the function, or the answer that says why there is none."""
        if self._worker is not None and self._worker.alive:
            return self._worker
        cuda = self._device is not None
        self._worker = worker = self._seat.worker() if self._seat else self._wall.worker(cuda=cuda)
        self.layers = worker.layers
        known = self._seat is not None and self._seat.knows
        sources = None if known else self._sources
        answer = worker.ask("load", LOAD_S, **loading(self._exercise, self._stem, sources))
        if self._seat is not None:
            self._seat.knows = True  # or the worker is dead
        if self._device is not None and answer.outcome == "returned":
            answer = worker.ask("warm_up", CUDA_S, device=self._device)
        return worker if answer.outcome == "returned" else answer

    def begin(self) -> Answer | None:
        """Load the function; return the answer that says why it cannot be loaded, if so."""
        answer = self.worker()
        if isinstance(answer, Answer) and self._doubtful(answer):
            answer = self.worker()
        return answer if isinstance(answer, Answer) else None

    def ask(self, questions: Sequence[Asked], device: str | None = None) -> Iterator[Answer]:
        """Put questions one after the other, or several at once; yield their answers in order."""
        words = {} if device is None else {"device": device}
        coming = [({"driver": driver, **words}, message, limit_s) for driver, message, limit_s in questions]
        for place, (named, message, limit_s) in enumerate(coming):
            if self.is_over:
                yield Answer("timeout", detail="not run after two calls without an answer")
                continue
            answer = self._try(named, message, limit_s, itertools.islice(coming, place + 1, None))
            if self._doubtful(answer):
                answer = self._try(named, message, limit_s)
            self.timeouts += answer.outcome == "timeout"
            yield self.seen(answer)

    def _try(self, words: dict[str, str], message: Message, limit_s: float, later: Iterable[Named] = ()) -> Answer:
        worker = self.worker()
        if isinstance(worker, Answer):
            return worker
        if isinstance(message, Prepared):
            following = ((w, m) for w, m, _ in later if isinstance(m, Prepared))
            return worker.ask_prepared("drive", limit_s, message, following, **words)
        return worker.ask("drive", limit_s, **words, **message)

    def seen(self, answer: Answer) -> Answer:
        """Return the answer, and note if it ended in an op that was taken away."""
        if answer.error is not None and answer.error["type"] == "ForbiddenOp":
            self.spotted = messages.clean(str(answer.error["message"]))
        return answer

    def _doubtful(self, answer: Answer) -> bool:
        """Return whether a failure may be due to what other exercises left in the process, and leave the seat if so.

        A kill from outside is no answer either; a learner's process cannot send itself one.
        """
        if self._seat is None:
            doubtful = answer.detail == KILLED and not self._killed
            self._killed |= doubtful
            return doubtful
        text = str(answer.error.get("message")) if answer.error else ""
        if answer.outcome == "returned" or (answer.outcome == "raised" and "alloc" not in text):
            return False
        self.leave_seat()
        return True

    def leave_seat(self) -> None:
        """Go on in a process of its own."""
        if self._worker is not None:
            self._worker.close()
        self._worker, self._seat = None, None

    def close(self) -> None:
        """End the process, unless it is shared."""
        if self._worker is not None and self._seat is None:
            self._worker.close()
