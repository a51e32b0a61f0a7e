"""The cases that come without numbers: rules, device and memory, read from the gate and from the meta run."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from autograder.answer import Answer
from autograder.judging import messages
from autograder.judging.verdicts import Status
from autograder.running.gate import Finding
from autograder.spec import Call, Exercise

SIZES = ((4, 6), (12, 6), (4, 18))  # batch and classes: the op count may grow with neither
BIG = (256, 4096)
SMALL = (4, 64)  # for what works piece by piece: a big input would take minutes
LIMIT_S = 2.0  # as long as a case may take: a meta run takes some milliseconds, its first one in a process 30
CUDA = ("values on CUDA", "device")
SYNCS = ("meta tensor", "Meta tensors", "data-dependent", "is_nonzero", "_local_scalar_dense", "copy out of meta")
MASKS = ("torch.nonzero", "aten::nonzero", "aten::masked_select")  # an index by a boolean mask ends in one of these
Row = tuple[str, str]
Judged = tuple[tuple[str, str, Status, float], dict[str, Any]]
Asking = Callable[[str, dict[str, Any], float], Answer]


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


def _message(call: Call) -> dict[str, Any]:
    return {"args": tuple(call.args), "kwargs": dict(call.kwargs)}


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
    )


class Tracks:
    """Judges these cases. `refused` says why the rest of the exercise must not be judged, if so."""

    def __init__(
        self, exercise: Exercise, ask: Asking | None, traced: Callable[[tuple[int, int]], Call] | None = None
    ) -> None:
        """Ask through `ask`; None where the gate refused the source. `traced` makes the meta run's call of a size."""
        self.exercise, self._ask = exercise, ask
        self._call = traced or self._make
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
            for size in SIZES:
                traced[size] = self._trace(size)
                if traced[size].outcome == "timeout":
                    break  # the next one would wait as long
            broken += self._growth(traced)
        judged = [self._row(points, ("no loops, nothing forbidden", "rules"), broken)]
        for row in list(points)[1:]:
            if row == CUDA:
                continue  # it needs a worker of its own
            if self.refused:
                judged.append(self._row(points, row, [f"not judged: {self.refused}"]))
            elif row[1] == "device":
                judged.append(self._row(points, row, self._device(traced)))
            else:
                judged += self._memory(points, row)
        return judged

    def _row(self, points: dict[Row, float], row: Row, broken: list[str], kind: str = "", **extra: Any) -> Judged:
        status: Status = "failed" if broken else "passed"
        return (*row, status, points[row]), {"message": "\n".join(broken), "kind": kind if broken else "", **extra}

    def _make(self, size: tuple[int, int]) -> Call:
        assert self.exercise.trace is not None
        return on_meta(self.exercise.trace(*size))

    def _weigh(self, size: tuple[int, int], wrt: tuple[int, ...]) -> tuple[Answer, str]:
        """Trace the call whose memory counts; return what it gave, and which call that was."""
        assert self.exercise.memory is not None
        make = self.exercise.memory.make
        if make is None or size != BIG:
            return self._trace(size, wrt), f"inputs for {size[0]} rows of {size[1]}"
        call = on_meta(make())
        return self._trace(size, wrt, call), messages.given(call).removeprefix("given").strip()

    def _trace(self, size: tuple[int, int], wrt: tuple[int, ...] = (), call: Call | None = None) -> Answer:
        assert self.exercise.trace is not None and self._ask is not None
        answer = self._ask("traced", {**_message(call or self._call(size)), "wrt": wrt}, LIMIT_S)
        text = str(answer.error.get("message")) if answer.error is not None else ""
        if "boolean_masks" in self.exercise.rules.allows and any(mask in text for mask in MASKS):
            self._numbers = True
            answer = self._ask("traced", {**_message(self.exercise.trace(*size)), "wrt": wrt}, LIMIT_S)
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

    def _memory(self, points: dict[Row, float], row: Row) -> list[Any]:
        budget = self.exercise.memory
        assert budget is not None
        back = row[0] == "with backward"
        limit, honoured = (
            (budget.backward, budget.honours_backward) if back else (budget.forward, budget.honours_forward)
        )
        assert limit is not None
        size = SMALL if "growth" in self.kinds else BIG
        answer, given = self._weigh(size, self.exercise.trace_wrt if back else ())
        if answer.outcome != "returned":
            text = messages.error_line(answer.error) if answer.error else answer.detail
            return [self._row(points, row, [text])]
        peak = answer.result["peak"] / answer.result["input_bytes"]
        broken = f"given     {given}\ngot       a peak of {peak:.3g} times the inputs\nallowed   {limit:g} times"
        measured = f"{peak:.3g} inputs"
        judged = [self._row(points, row, [broken] if peak > limit else [], "memory", measured=measured)]
        if honoured is not None:
            name = f"memory {row[0]} within {honoured:g} inputs"
            over = [broken.replace(f"{limit:g} times", f"{honoured:g} times")] if peak > honoured else []
            judged.append(self._row({(name, "memory"): 0.0}, (name, "memory"), over, measured=measured, honours=True))
        return judged
