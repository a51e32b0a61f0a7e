"""Judges exercises: gate, meta run, cases, clock, diagnosis. The only place where both sides of the wall are known."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch

from autograder import counting, needs, reach, tracks
from autograder.answer import Answer
from autograder.faults import FAULTS
from autograder.interview import CUDA_S, LOAD_S, Interview, loading
from autograder.judging import messages
from autograder.judging.closeness import read_output, worst
from autograder.judging.diagnosis import Experience, copy_message, diagnose, experience
from autograder.judging.questions import Question, answer_dtype, judge
from autograder.judging.stumble import stumble
from autograder.judging.verdicts import ORDER, CaseVerdict, Diagnosis, ExerciseVerdict, Status
from autograder.lineup import Lineup
from autograder.paper import Paper
from autograder.running import gate
from autograder.running.confinement import wall_level
from autograder.running.drivers import DRIVERS, describe_error, freshen
from autograder.running.timing import on_a_gpu, race
from autograder.running.wall import Wall, Worker
from autograder.seat import Seat
from autograder.sources import defined
from autograder.spec import Call, Case, Driven, Exercise, Gradient, Mistake, Time, Value

LONG_S = 10.0  # a case with such a limit is not put to every known mistake
Device = Literal["auto", "cpu", "cuda"]
GPU = "cuda"
COMPARED = frozenset({"value", "shape", "dtype", "law"})  # what fails there needs no second word
# What a process that writes its replies itself could say as well as an honest one: nothing is compared there.
FORGEABLE = frozenset({"device", "memory", "untouched", "time"})


class Grading:
    """Judges one exercise of one submission; `level` "all" includes the private cases.

    A class shares the `paper`: its exact answers are made once. One submission's exercises share the `seat`.
    """

    def __init__(
        self,
        wall: Wall,
        exercise: Exercise,
        stem: str,
        sources: Mapping[str, str],
        mistakes: Sequence[Mistake] = (),
        seed: int = 0,
        level: Literal["public", "all"] = "public",
        clock: bool = True,
        paper: Paper | None = None,
        seat: Seat | None = None,
        device: Device = "auto",
        endless: str = "",
    ) -> None:
        """Prepare; nothing runs yet. On `device` "cuda" all cases have their inputs on the GPU; "cpu" leaves it alone.

        "auto" puts the public questions once more there, if there is one. Time is judged on the CPU only. Where another
        exercise has shown that the chapter's import does not end, `endless` is what it said, and nothing runs.
        """
        self.endless = endless
        self.paper = paper or Paper(exercise, seed)
        self._on = GPU if device == "cuda" else None  # where the cases' inputs are brought
        self._has_cuda = device != "cpu" and torch.cuda.is_available()
        self.wall, self.exercise, self.stem, self.sources = wall, exercise, stem, dict(sources)
        self.mistakes = [m for m in mistakes if m.exercise == exercise.name]
        self.seed, self.level, self.clock = seed, level, clock
        self._interview = Interview(wall, exercise, stem, self.sources, seat if self._on is None else None, self._on)
        self._kinds: list[str] = []
        self._experiences: list[Experience] = []

    @property
    def layers(self) -> tuple[str, ...]:
        """The isolation of the process that was asked last; nothing where none was."""
        return self._interview.layers

    def run(self) -> ExerciseVerdict:
        """Judge the exercise."""
        lacking = needs.missing(self.exercise)
        if lacking:
            return replace(self._unjudged(lacking), problem="")
        report = gate.examine(self.sources, self.stem, self.exercise.name, self.exercise.rules)
        if report.state == "not_written":
            return self._unjudged("", written=False)
        if report.state != "written":
            finding = report.findings[0]
            line = f" line {finding.line}" if finding.line else ""
            return self._unjudged(f"{finding.stem}.py{line}: {finding.text}" if line else finding.text)
        self._kinds += [f"gate:{finding.kind}" for finding in report.findings]
        if report.findings:
            self._interview.leave_seat()  # it is shared by what broke no rule
        try:
            verdicts = self._cases(report)
        finally:
            self._interview.close()
        if isinstance(verdicts, str):
            return self._unjudged(verdicts)
        verdicts.sort(key=lambda v: ORDER.index(v.family))
        return ExerciseVerdict(self.exercise.name, self.stem, True, tuple(verdicts), self._diagnosis(verdicts))

    def _unjudged(self, problem: str, written: bool = True) -> ExerciseVerdict:
        message = problem or "not written yet"
        rows = [self._verdict(c.name, c.family, "skipped", c.points, message, c) for c in self._asked()]
        for row, points in tracks.rows(self.exercise):
            counts = row != tracks.CUDA or self._has_cuda
            rows.append(self._verdict(*row, "skipped", points if counts else 0.0, message))
        rows += [self._verdict(t.name, "time", "skipped", t.points, message) for t in self._times()]
        rows.sort(key=lambda v: ORDER.index(v.family))
        return ExerciseVerdict(self.exercise.name, self.stem, written, tuple(rows), None, message)

    def _asked(self) -> list[Case]:
        return [c for c in self.exercise.cases if c.public or self.level == "all"]

    def _verdict(
        self,
        name: str,
        family: str,
        status: Status,
        points: float,
        message: str = "",
        case: Case | None = None,
        kind: str = "",
        measured: str = "",
        honours: bool = False,
    ) -> CaseVerdict:
        public = case is None or case.public
        if not public and message:
            message = f"a private case of the family '{family}' failed"
        honours = honours or (case is not None and case.honours)
        return CaseVerdict(
            name, family, "public" if public else "private", status, points, message, kind, honours, measured
        )

    def _cases(self, report: gate.Report) -> list[CaseVerdict] | str:
        if not report.refused and self.endless:
            return self.endless
        if not report.refused and self._distrusted(report):
            return "the file reaches for the system, and this machine cannot wall it off: " + report.findings[0].text
        if not report.refused:
            failure = self._interview.begin()
            if failure is not None:
                text = messages.error_line(failure.error) if failure.error else failure.detail
                told = f"{self.stem}.py cannot be imported: {text}"
                self.endless = told if failure.outcome == "timeout" else ""
                return told
        traced = tracks.Tracks(self.exercise, self._interview.ask if not report.refused else None, self.paper.traced)
        rows = [self._verdict(*row, **extra) for row, extra in traced.judge(report.findings)]
        self._kinds += traced.kinds
        if traced.refused:
            text = "not judged: " + traced.refused
            rows += [self._verdict(c.name, c.family, "failed", c.points, text, c) for c in self._asked()]
            rows += [self._verdict(t.name, "time", "failed", t.points, text) for t in self._times()]
            rows += [self._on_cuda(text)] if tracks.CUDA in dict(tracks.rows(self.exercise)) else []
            return rows
        rows += self._judged(sorted(self._asked(), key=lambda c: ORDER.index(c.family)))
        rows += [self._on_cuda()] if tracks.CUDA in dict(tracks.rows(self.exercise)) else []
        rows += [self._timed(timed) for timed in self._times()]
        if self._interview.spotted:
            return self._refuse(rows)
        return self._doubted(self._counted(rows), report)

    def _counted(self, rows: list[CaseVerdict]) -> list[CaseVerdict]:
        """Fail the cases that only the meta run let pass: there, no answer is compared."""
        known = "growth" in self._kinds or "loops" in self.exercise.rules.allows
        if not self.exercise.times or known or self._interview.is_over:
            return rows
        timed, memory = self.exercise.times[0], self.exercise.memory
        (answer,) = self._interview.ask([("counted_parts", self.paper.counts(timed), counting.LIMIT_S)])
        call = self.paper.counted(timed)
        counts = counting.count(call, answer)
        broken = {"rules": counting.growth(counts), "memory": counting.hunger(counts, memory.forward) if memory else ""}
        if broken["rules"]:
            self._kinds.append("growth")
        elif not all(row.status == "passed" for row in rows if row.family in COMPARED and not row.honours):
            pass  # an answer that is wrong, or none, is told by its case
        elif not counts:
            broken["rules"] = "nothing could be counted\n" + messages.no_answer(call, answer)
        else:
            parts = [(c, f"count/{number}") for number, c in enumerate(counts)]
            wrong = [self._verify(c.call, c.output, "the counted answer", name) for c, name in parts]
            broken["rules"] = next(filter(None, wrong), "")
        return [self._broken(row, broken.get(row.family, "")) for row in rows]

    @staticmethod
    def _broken(row: CaseVerdict, text: str) -> CaseVerdict:
        if not text or (row.family == "memory" and row.status == "failed"):
            return row
        return replace(row, status="failed", message="\n".join(filter(None, (row.message, text))))

    def _doubted(self, rows: list[CaseVerdict], report: gate.Report) -> list[CaseVerdict]:
        """Fail what the learner's process could have answered by itself, where the source reaches for the system."""
        place = reach.reaches_out(self.sources, [f for f in report.findings if f.kind == "process"])
        if not place:
            return rows
        text = f"not judged: {place}, so this answer could have been made up"
        asks = {(c.name, str(c.family)): c.ask for c in self.exercise.cases}

        def forgeable(row: CaseVerdict) -> bool:
            compared = isinstance(asks.get((row.name, row.family)), (Value, Gradient))
            return row.family in FORGEABLE or ((row.name, row.family) in asks and not compared)

        private = "a private case of the family '{}' failed"
        return [
            replace(row, status="failed", message=private.format(row.family) if row.visibility == "private" else text)
            if forgeable(row) and row.status in ("passed", "inconclusive")
            else row
            for row in rows
        ]

    def _refuse(self, rows: list[CaseVerdict]) -> list[CaseVerdict]:
        """Fail every case: what the meta run did not show came to light in a case."""
        self._kinds.append("forbidden-op")
        failed = []
        for row in rows:
            private = f"a private case of the family '{row.family}' failed"
            text = private if row.visibility == "private" else f"not judged: {self._interview.spotted}"
            failed.append(row if row.status == "skipped" else replace(row, status="failed", message=text))
        return failed

    def _distrusted(self, report: gate.Report) -> bool:
        if not any(f.kind == "process" for f in report.findings):
            return False
        worker = self.wall.worker()
        level = wall_level(worker.layers)
        worker.close()
        return level != "full"

    def _times(self) -> tuple[Time, ...]:
        return self.exercise.times if self.clock else ()

    def _judged(self, cases: Sequence[Case]) -> Iterator[CaseVerdict]:
        asked = [self.paper.asked(case) for case in cases]
        questions = [(q.driver, self.paper.message(q), c.limit_s) for c, (_, q) in zip(cases, asked, strict=True)]
        for case, (call, question), answer in zip(cases, asked, self._interview.ask(questions, self._on), strict=True):
            yield self._case(case, call, question, answer)

    def _case(self, case: Case, call: Call, asked: Question, answer: Answer) -> CaseVerdict:
        right = self.paper.surely_right(case, call, asked, answer)
        complaint = None if right else judge(case, call, asked, answer)
        if not case.honours:
            self._experiences.append(experience(case, call, asked, answer, complaint))
        if complaint is None:
            measured = self._reached(case, call, asked, answer) if case.honours else ""
            return self._verdict(case.name, case.family, "passed", case.points, case=case, measured=measured)
        status: Status = "failed"
        if answer.outcome in ("timeout", "crashed"):
            status = "timeout" if answer.outcome == "timeout" else "crashed"
        verdict = self._verdict(case.name, case.family, status, case.points, complaint.message, case, complaint.kind)
        return replace(verdict, row=complaint.row) if case.public else verdict

    def _reached(self, case: Case, call: Call, asked: Question, answer: Answer) -> str:
        """Say how near to the truth an answer came that earned honours, and how near torch's own comes."""
        if not isinstance(case.ask, Value) or not isinstance(answer.result, dict):
            return ""
        dtype, exact = answer_dtype(call, case.ask), asked.exact["value"]
        said = f"within {worst(read_output(answer.result), exact, case.ask.tolerance, dtype):.2g} ulp of the truth"
        peer = self.exercise.atlas.peer if self.exercise.atlas else None
        if peer is None or call.kwargs:
            return said
        with torch.no_grad():
            theirs = worst(peer(*call.args), exact, case.ask.tolerance, dtype)
        return f"{said}; torch's own is at {theirs:.2g}"

    def _on_cuda(self, refused: str = "") -> CaseVerdict:
        """Put the public questions to the function once more, with the inputs on a GPU if there is one."""
        name, family = tracks.CUDA
        if not self._has_cuda:
            return self._verdict(name, family, "skipped", 1.0, "there is no CUDA here")
        if refused:
            return self._verdict(name, family, "failed", 1.0, refused)
        worker = self.wall.worker(cuda=True)
        try:
            loaded = worker.ask("load", CUDA_S, **loading(self.exercise, self.stem, self.sources))
            for case in self.exercise.cases:
                if not case.public or case.honours or not isinstance(case.ask, (Value, Gradient, Driven)):
                    continue
                call, asked = self.paper.asked(case, "cuda/")
                answer = loaded
                if loaded.outcome == "returned":
                    answer = self._interview.seen(
                        worker.ask("drive", CUDA_S, driver=asked.driver, device="cuda", **asked.message)
                    )
                complaint = judge(case, call, asked, answer)
                if complaint is not None:
                    text = f"{case.family}: {case.name}, on CUDA\n{complaint.message}"
                    return self._verdict(name, family, "failed", 1.0, text, kind="cuda")
        finally:
            worker.close()
        return self._verdict(name, family, "passed", 1.0)

    def _timed(self, timed: Time) -> CaseVerdict:
        if self._interview.is_over:
            text = "not run after two calls without an answer"
            return self._verdict(timed.name, "time", "timeout", timed.points, text, kind="timeout")
        worker = self._interview.worker()
        if isinstance(worker, Answer):
            return self._verdict(timed.name, "time", "failed", timed.points, worker.detail)
        call = self.paper.timed(timed)
        if self._on is not None:
            return self._timed_on_gpu(timed, call, worker, self._on)
        reference = self.wall.worker()
        try:
            reference.ask("load_reference", LOAD_S, path=timed.reference)
            message = {"args": tuple(call.args), "kwargs": dict(call.kwargs)}
            turns = random.Random(f"{self.seed}/{timed.name}").randrange(1, 400)
            timing = race(worker, reference, message, dict(timed.kwargs), timed.budget, turns)
        finally:
            reference.close()
        if timing.failure is not None:
            status: Status = "timeout" if timing.failure.outcome == "timeout" else "failed"
            self._interview.timeouts += status == "timeout"
            text = messages.no_answer(call, timing.failure)
            kind = "slow" if status == "timeout" else timing.failure.outcome
            return self._verdict(timed.name, "time", status, timed.points, text, kind=kind)
        timed_call = Call(tuple(freshen(value, timing.turn) for value in call.args), call.kwargs)
        wrong = self._verify(timed_call, timing.output, "the timed answer")
        if wrong:
            return self._verdict(timed.name, "time", "failed", timed.points, wrong, kind="error")
        measured = f"{timing.ratio:.2f} times {timed.reference}, {timing.pairs} pairs"
        bound = f"{messages.given(call)}\nallowed   {timed.budget:g} times the time of {timed.reference}"
        if timing.status == "failed":
            text = f"{bound}\ngot       {timing.ratio:.3g} times"
            return self._verdict(timed.name, "time", "failed", timed.points, text, kind="slow", measured=measured)
        text = "the machine was too busy to tell; the points are given" if timing.status == "inconclusive" else ""
        return self._verdict(timed.name, "time", timing.status, timed.points, text, measured=measured)

    def _timed_on_gpu(self, timed: Time, call: Call, worker: Worker, device: str) -> CaseVerdict:
        """Tell the time, and judge nothing: the budgets are a CPU's."""
        reference = self.wall.worker(cuda=True)
        try:
            reference.ask("load_reference", LOAD_S, path=timed.reference)
            reference.ask("warm_up", CUDA_S, device=device)
            message = {"args": tuple(call.args), "kwargs": dict(call.kwargs)}
            ratio = on_a_gpu(worker, reference, message, dict(timed.kwargs), device, CUDA_S)
        finally:
            reference.close()
        if isinstance(ratio, Answer):
            return self._verdict(timed.name, "time", "skipped", 0.0, messages.no_answer(call, ratio))
        text = f"{ratio:.3g} times the time of {timed.reference} on the GPU; not judged: the budget is a CPU's"
        return self._verdict(timed.name, "time", "skipped", 0.0, text)

    def _verify(self, call: Call, output: Any, what: str, name: str | None = None) -> str | None:
        if self.exercise.reference is None:
            complaint = self.exercise.sound(call, output) if self.exercise.sound else None
            return complaint.message if complaint else None
        found = self.paper.verify(call, output, name)
        return messages.mismatch(call, found, what) if found else None

    def _diagnosis(self, verdicts: Sequence[CaseVerdict]) -> Diagnosis | None:
        if all(v.status in ("passed", "inconclusive", "skipped") for v in verdicts if not v.honours):
            return None
        told = (
            None
            if self._interview.spotted or any(k.startswith("gate:") for k in self._kinds)
            else stumble(self._experiences, defined(self.sources))
        )
        if told is not None:
            return told
        silent = self._interview.is_over and all(e.answer.outcome == "timeout" for e in self._experiences)
        kinds = [*(["endless"] if silent else []), *self._kinds, *(v.kind for v in verdicts if v.kind)]
        with Lineup(self.wall, self.stem) as lineup:
            run = self.paper.confess(run_mistake if self.exercise.needs is None else lineup.run)
            return diagnose(self._telling(), kinds, [*self.mistakes, *FAULTS], run, self.paper.judged)

    def _telling(self) -> list[Experience]:
        """Return the experiences that known mistakes are compared by.

        None where a forbidden op explains them all; those that take long only where no other case failed.
        """
        short = [e for e in self._experiences if e.case.limit_s < LONG_S]
        failed = any(e.complaint is not None for e in short)
        return [] if self._interview.spotted else short if failed else self._experiences


def run_mistake(mistake: Mistake, asked: Question) -> Answer:
    """Put a question to a known mistake, in this process: it is ours."""
    try:
        return Answer("returned", result=DRIVERS[asked.driver](mistake.function, **copy_message(asked.message)))
    except Exception as error:
        return Answer("raised", error=describe_error(error))
