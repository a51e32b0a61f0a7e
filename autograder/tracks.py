"""The cases that come without numbers: rules, device and memory, read from the gate and from the meta run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from autograder.answer import Answer
from autograder.judging import messages
from autograder.judging.verdicts import Status
from autograder.running.gate import Finding
from autograder.running.wire import Prepared
from autograder.spec import Call, Exercise

SIZES = ((4, 6), (12, 18))  # batch and classes: the op count may grow with neither
BIG = (256, 4096)
SMALL = (4, 64)  # for what works piece by piece
LIMIT_S = 2.0  # as long as a case may take: a meta run takes some milliseconds, its first one in a process 30
CUDA = ("values on CUDA", "device")
SYNCS = ("meta tensor", "Meta tensors", "data-dependent", "is_nonzero", "_local_scalar_dense", "copy out of meta")
MASKS = ("torch.nonzero", "aten::nonzero", "aten::masked_select")  # an index by a boolean mask ends in one of these
Row = tuple[str, str]
Judged = tuple[tuple[str, str, Status, float], dict[str, Any]]
Message = dict[str, Any] | Prepared
Asking = Callable[[Sequence[tuple[str, Message, float]]], Iterator[Answer]]


@dataclass(frozen=True)
class Run:
    """One run under the dispatch mode: its size, the positions of `wrt` where it goes backward, what it is called on.

    `weighed` runs are called on what the exercise's memory is judged by; with `numbers`, inputs have their values.
    """

    size: tuple[int, int]
    wrt: tuple[int, ...] = ()
    weighed: bool = False
    numbers: bool = False


def rows(exercise: Exercise) -> list[tuple[Row, float]]:
    """Return name, family and points of these cases of an exercise."""
    listed: list[tuple[Row, float]] = [(("no loops, nothing forbidden", "rules"), 2.0)]
    if exercise.trace is not None and exercise.rules.skips_meta is None:
        listed.append((("stays on its input's device", "device"), 1.0))
        listed.append((CUDA, 1.0))
        if exercise.memory is not None:
            listed.append((("forward", "memory"), 1.0))
            if exercise.memory.backward is not None:
                listed.append((("with backward", "memory"), 1.0))
    return listed


def _meta(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(map(_meta, value))
    return value.to("meta") if isinstance(value, Tensor) else value


def on_meta(call: Call) -> Call:
    """Return a call with its tensors on the meta device."""
    return Call(tuple(map(_meta, call.args)), {k: _meta(v) for k, v in call.kwargs.items()})


def runs(exercise: Exercise) -> list[Run]:
    """Return the runs of an exercise that a sound answer is put to."""
    found = [Run(size) for size in SIZES]
    if exercise.memory is not None:
        found.append(Run(BIG, weighed=True))
        if exercise.memory.backward is not None:
            found.append(Run(BIG, exercise.trace_wrt, weighed=True))
    return found


def _call(exercise: Exercise, run: Run) -> Call:
    assert exercise.trace is not None
    if run.numbers:
        return exercise.trace(*run.size)
    make = exercise.memory.make if exercise.memory is not None and run.weighed else None
    return on_meta(exercise.trace(*run.size) if make is None else make())


def _given(exercise: Exercise, run: Run) -> str:
    if not run.weighed or exercise.memory is None or exercise.memory.make is None:
        return f"inputs for {run.size[0]} rows of {run.size[1]}"
    return messages.given(_call(exercise, run)).removeprefix("given").strip()


def message(exercise: Exercise, run: Run) -> dict[str, Any]:
    """Return what a run sends to the driver `traced`."""
    call = _call(exercise, run)
    return {"args": tuple(call.args), "kwargs": dict(call.kwargs), "wrt": run.wrt}


def _is_trace(result: Any, weighed: bool) -> bool:
    """Return whether a result is what the driver gives, and nothing that the learner's process made up.

    Where memory is `weighed`, in units of the inputs, there are some.
    """
    kinds = {"ops": dict, "leaks": list, "peak": int, "outputs": list, "input_bytes": int}
    if not isinstance(result, dict) or any(type(result.get(key)) is not kind for key, kind in kinds.items()):
        return False
    words = [*result["ops"], *result["leaks"]]
    numbers = [*result["ops"].values(), *([result["input_bytes"]] if weighed else [])]
    return (
        all(isinstance(word, str) for word in words)
        and all(type(number) is int and number > 0 for number in numbers)
        and all(isinstance(output, list) and len(output) == 3 for output in result["outputs"])
        and all(type(dtype) is str and type(device) is str for dtype, _, device in result["outputs"])
        and result["peak"] >= 0
    )


class Tracks:
    """Judges these cases. `refused` says why the rest of the exercise must not be judged, if so."""

    def __init__(self, exercise: Exercise, ask: Asking | None, sent: Callable[[Run], Message] | None = None) -> None:
        """Ask through `ask`; None where the gate refused the source. `sent` makes what a run sends."""
        self.exercise, self._ask = exercise, ask
        self._sent = sent or (lambda run: message(exercise, run))
        self.kinds: list[str] = []
        self.refused = ""
        self._numbers = False  # whether a boolean mask had to be given the trace's own values

    def judge(self, findings: Sequence[Finding]) -> list[Judged]:
        """Return the cases' name, family, status, points and further fields."""
        points = dict(rows(self.exercise))
        broken = [f"{f.stem}.py line {f.line}: {f.text}" for f in findings]
        refusing = [f for f in findings if f.refuse]
        if refusing:
            self.refused = f"{refusing[0].stem}.py line {refusing[0].line}: {refusing[0].text}"
        traced: dict[tuple[int, int], Answer] = {}
        if self._ask is not None and ("stays on its input's device", "device") in points:
            traced = {run.size: answer for run, answer in self._traced([Run(size) for size in SIZES]).items()}
            broken += self._growth(traced) or self._uneven(traced)
        judged = [self._row(points, ("no loops, nothing forbidden", "rules"), broken)]
        weighed = {} if self.refused or ("forward", "memory") not in points else self._traced(self._weighings())
        for row in list(points)[1:]:
            if row == CUDA:
                continue  # it needs a worker of its own
            if self.refused:
                judged.append(self._row(points, row, [f"not judged: {self.refused}"]))
            elif row[1] == "device":
                judged.append(self._row(points, row, self._device(traced)))
            else:
                judged += self._memory(points, row, weighed)
        return judged

    def _weighings(self) -> list[Run]:
        """Return the runs by which memory is judged: in the rows' order, forward first."""
        big = [run for run in runs(self.exercise) if run.weighed]
        if "growth" in self.kinds:  # a big input would take minutes
            big = [replace(run, size=SMALL, weighed=False) for run in big]
        return big

    def _row(self, points: dict[Row, float], row: Row, broken: list[str], kind: str = "", **extra: Any) -> Judged:
        status: Status = "failed" if broken else "passed"
        return (*row, status, points[row]), {"message": "\n".join(broken), "kind": kind if broken else "", **extra}

    def _traced(self, asked: Sequence[Run]) -> dict[Run, Answer]:
        """Return the answers of these runs, up to the first one that did not come: the next would take as long."""
        assert self._ask is not None
        answers: dict[Run, Answer] = {}
        for run, answer in zip(asked, self._ask([("traced", self._sent(run), LIMIT_S) for run in asked]), strict=True):
            answers[run] = answer
            if answer.outcome == "timeout":
                break
        return {run: self._read(run, answer) for run, answer in answers.items()}

    def _read(self, run: Run, answer: Answer) -> Answer:
        text = str(answer.error.get("message")) if answer.error is not None else ""
        masks = "boolean_masks" in self.exercise.rules.allows and not run.numbers
        if masks and any(mask in text for mask in MASKS):
            self._numbers = True
            ((_, answer),) = self._traced([replace(run, numbers=True)]).items()
            return answer
        if answer.outcome == "returned" and not _is_trace(answer.result, self.exercise.memory is not None):
            return Answer("garbled", detail="the answer was not readable: it has not the form of a trace")
        return answer

    def _growth(self, traced: dict[tuple[int, int], Answer]) -> list[str]:
        counted = [a.result["ops"] for a in traced.values() if a.outcome == "returned"]
        for ops in counted:
            used = sorted(set(ops) & self.exercise.rules.forbidden.ops)
            if used:
                self.kinds.append("forbidden-op")
                self.refused = f"the call ends in {used[0]}, which does the exercise's work"
                return [self.refused]
        totals = {size: sum(a.result["ops"].values()) for size, a in traced.items() if a.outcome == "returned"}
        if len(totals) == len(SIZES) and len(set(totals.values())) > 1:
            self.kinds.append("growth")
            words = ", ".join(f"{n} ops for shape {size}" for size, n in totals.items())
            return [f"the work is done piece by piece: {words}"]
        return []

    def _uneven(self, traced: dict[tuple[int, int], Answer]) -> list[str]:
        """Say that a call answers for one size and not for another, where its work would have shown."""
        outcomes = {size: answer.outcome == "returned" for size, answer in traced.items()}
        failed = [size for size, returned in outcomes.items() if not returned]
        if not failed or len(failed) == len(outcomes):
            return []  # what fails for every size is told by the device's row
        answer = traced[failed[0]]
        why = messages.error_line(answer.error) if answer.error else answer.detail
        return [f"no answer for shape {failed[0]}, where the work is counted, and one for another: {why}"]

    def _device(self, traced: dict[tuple[int, int], Answer]) -> list[str]:
        answer = traced[SIZES[0]]
        if answer.outcome == "raised" and answer.error is not None:
            text = messages.error_line(answer.error)
            # A learner's own stub raises its name; torch, which has no kernel for meta, a sentence.
            unwritten = str(answer.error.get("message")).isidentifier()
            lacks = answer.error.get("type") == "NotImplementedError" and not unwritten
            if lacks or any(sign in text for sign in SYNCS):
                self.kinds.append("sync")
                return [f"{text}\nthis needs the numbers on the CPU in the middle of the call: use torch.where"]
            if "device" in text:  # else the function fails on any device, and its cases say how
                self.kinds.append("leak")
            return [text]
        if answer.outcome != "returned":
            return [answer.detail]
        if answer.result["leaks"]:
            self.kinds.append("leak")
            ops = messages.clean(", ".join(answer.result["leaks"]))
            return [f"a CPU tensor takes part in {ops}: make it with device=x.device"]
        if not self._numbers and any(device != "meta" for _, _, device in answer.result["outputs"]):
            self.kinds.append("leak")
            return ["the result is on the CPU whatever the input's device is"]
        return []

    def _memory(self, points: dict[Row, float], row: Row, weighed: dict[Run, Answer]) -> list[Any]:
        budget = self.exercise.memory
        assert budget is not None
        back = row[0] == "with backward"
        limit, honoured = (
            (budget.backward, budget.honours_backward) if back else (budget.forward, budget.honours_forward)
        )
        assert limit is not None
        run = self._weighings()[back]
        answer = weighed.get(run) or Answer("timeout", detail="not run: the run before it did not end")
        if answer.outcome != "returned":
            text = messages.error_line(answer.error) if answer.error else answer.detail
            return [self._row(points, row, [text])]
        peak = answer.result["peak"] / answer.result["input_bytes"]
        given = _given(self.exercise, run)
        broken = f"given     {given}\ngot       a peak of {peak:.3g} times the inputs\nallowed   {limit:g} times"
        measured = f"{peak:.3g} inputs"
        judged = [self._row(points, row, [broken] if peak > limit else [], "memory", measured=measured)]
        if honoured is not None:
            name = f"memory {row[0]} within {honoured:g} inputs"
            over = [broken.replace(f"{limit:g} times", f"{honoured:g} times")] if peak > honoured else []
            judged.append(self._row({(name, "memory"): 0.0}, (name, "memory"), over, measured=measured, honours=True))
        return judged
