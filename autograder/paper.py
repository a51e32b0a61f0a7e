"""The examination paper of one exercise: what its cases ask under one seed, with the exact answers.

One submission needs each question once. A whole class needs the same ones: a paper that is kept makes them once.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder import counting, tracks
from autograder.answer import Answer, Complaint
from autograder.judging.closeness import Mismatch, compare, read_output
from autograder.judging.fences import Fence, fence
from autograder.judging.questions import Question, answer_dtype, judge, question
from autograder.running.wire import Prepared, prepare
from autograder.spec import Call, Case, Draw, Exercise, Gradient, Mistake, Time, Tolerance, Value

TIMED = Tolerance(ulps=256, floor=1.0)  # a timed answer must be right, its last digits are judged elsewhere
Run = Callable[[Mistake, Question], Answer]
Message = dict[str, Any] | Prepared


class Paper:
    """The questions of `exercise` under `seed`; everything is made on first use."""

    def __init__(self, exercise: Exercise, seed: int, kept: bool = False) -> None:
        """Prepare; a paper that is `kept` remembers what costs more to make than to hold."""
        self.exercise, self.seed, self.kept = exercise, seed, kept
        self._made: dict[Any, Any] = {}
        self._big: tuple[str, Call | None] = ("", None)

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if not self.kept:
            return make()
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def prepare(self) -> None:
        """Make what every submission needs, but for what is timed."""
        for case in self.exercise.cases:
            call, asked = self.asked(case)
            self.message(asked)
            if isinstance(case.ask, Value):
                self._fence(
                    ("value", case.family, case.name),
                    asked.exact["value"],
                    case.ask.tolerance,
                    answer_dtype(call, case.ask),
                )
            elif isinstance(case.ask, Gradient) and not case.ask.finite:
                for name in ("grads", "seconds") if case.ask.second else ("grads",):
                    for place, exact in enumerate(asked.exact[name]):
                        self._fence(
                            (name, place, case.family, case.name), exact, case.ask.tolerance, answer_dtype(call)
                        )
        if self.exercise.trace is not None and self.exercise.rules.skips_meta is None:
            for run in tracks.runs(self.exercise):
                self.traced(run)
        if self.exercise.times and "loops" not in self.exercise.rules.allows:
            self.counts(self.exercise.times[0])
            for number, part in enumerate(counting.parts(self.counted(self.exercise.times[0]))):
                if self.exercise.reference is not None:
                    self._around(part, f"count/{number}")

    def draw(self, name: str) -> Draw:
        """Return the source of numbers that belongs to a name."""
        return Draw(random.Random(f"{self.seed}/{self.exercise.name}/{name}").getrandbits(62))

    def asked(self, case: Case, place: str = "") -> tuple[Call, Question]:
        """Return a case's call, and what the worker is asked; `place` names a second round ("cuda/")."""

        def make() -> tuple[Call, Question]:
            draw = self.draw(f"{place}{case.family}/{case.name}")
            call = case.make(draw)
            return call, question(self.exercise, case, call, draw)

        made: tuple[Call, Question] = self._once(("asked", place, case.family, case.name), make)
        return made

    def message(self, asked: Question) -> Message:
        """Return what a question sends; of a kept paper, in the form in which it goes over the wire."""
        return self._sent(("message", id(asked)), lambda: asked.message)

    def _sent(self, key: Any, make: Callable[[], dict[str, Any]]) -> Message:
        return self._once(key, lambda: prepare(make())) if self.kept else make()

    def traced(self, run: tracks.Run) -> Message:
        """Return what a run under the dispatch mode sends."""
        return self._sent(("traced", run), lambda: tracks.message(self.exercise, run))

    def timed(self, timed: Time) -> Call:
        """Return the call that is timed: big, and kept only until the next one is made."""
        name, call = self._big
        if call is None or name != timed.name:
            call = timed.make(self.draw(f"time/{timed.name}"))
            self._big = timed.name, None if self.kept else call
        return call

    def counted(self, timed: Time) -> Call:
        """Return the first rows of a call as it is timed, for counting."""
        call: Call = self._once(("counted", timed.name), lambda: counting.parts(self.timed(timed))[0])
        return call

    def counts(self, timed: Time) -> Message:
        """Return what counting a call's work sends."""
        return self._sent(("counts", timed.name), lambda: counting.question(self.counted(timed)))

    def surely_right(self, case: Case, call: Call, asked: Question, answer: Answer) -> bool:
        """Return whether an answer is right at first sight; where it is not, nothing is decided."""
        ask, result = case.ask, answer.result
        if not self.kept or answer.outcome != "returned" or not isinstance(ask, (Value, Gradient)):
            return False
        key = (case.family, case.name)
        if isinstance(ask, Value):
            dtype = answer_dtype(call, ask)
            return self._holds(("value", *key), read_output(result), asked.exact["value"], ask.tolerance, dtype)
        if ask.finite or not isinstance(result, dict) or isinstance(read_output(result.get("output")), str):
            return False
        if type(result.get("changed")) is not dict or result["changed"]:
            return False
        dtype = answer_dtype(call, ask)
        for name in ("grads", "seconds") if ask.second else ("grads",):
            got, exact = result.get(name), asked.exact[name]
            if not isinstance(got, list) or len(got) != len(exact):
                return False
            for place, (mine, right) in enumerate(zip(got, exact, strict=True)):
                if not self._holds((name, place, *key), mine, right, ask.tolerance, dtype):
                    return False
        return True

    def _holds(self, key: Any, got: Any, exact: Any, tolerance: Tolerance, dtype: torch.dtype) -> bool:
        made = self._fence(key, exact, tolerance, dtype)
        return made is not None and made.holds(got)

    def _fence(self, key: Any, exact: Any, tolerance: Tolerance, dtype: torch.dtype) -> Fence | None:
        made: Fence | None = self._once(("fence", *key), lambda: fence(exact, tolerance, dtype))
        return made

    def verify(self, call: Call, output: Any, name: str | None = None) -> Mismatch | None:
        """Compare a timed or counted answer with the exact one; what has a `name` is the same from time to time."""
        got = read_output(output)
        if name is not None and self.kept:
            # The fence is kept and the exact answer is not: it is needed only where something is wrong.
            around = self._around(call, name)
            if around is not None and around.holds(got):
                return None
        return compare(got, self._exact(call), TIMED, answer_dtype(call), False)

    def _exact(self, call: Call) -> Tensor:
        assert self.exercise.reference is not None
        with torch.no_grad():
            exact: Tensor = self.exercise.reference(*call.args, **call.kwargs)
        return exact

    def _around(self, call: Call, name: str) -> Fence | None:
        made: Fence | None = self._once(("verify", name), lambda: fence(self._exact(call), TIMED, answer_dtype(call)))
        return made

    def confess(self, run: Run) -> Run:
        """Return `run`, which puts a question to a known mistake, with a memory."""

        def remembered(mistake: Mistake, asked: Question) -> Answer:
            # Questions of a kept paper live as long as it does, so an id is as good as a name.
            answer: Answer = self._once(("mistake", mistake.id, id(asked)), lambda: run(mistake, asked))
            return answer

        return remembered if self.kept else run

    def judged(self, case: Case, call: Call, asked: Question, answer: Answer) -> Complaint | None:
        """Judge what a known mistake said, once: as `confess`, which keeps the answer."""
        complaint: Complaint | None = self._once(
            ("judged", id(asked), id(answer)), lambda: judge(case, call, asked, answer)
        )
        return complaint
