"""Words for what went wrong: what was given, what came back, what was expected, and where."""

import re
import unicodedata
from typing import Any

import numpy as np
from torch import Tensor

from autograder.answer import Answer
from autograder.judging.closeness import Mismatch, dtype_name, read_output
from autograder.judging.truth import as_tensor
from autograder.spec import Call, Seed

SHOWN = 12  # numbers shown of an input


def clean(text: str, limit: int = 300) -> str:
    """Return a learner's text without control characters and cut to length: it ends on an instructor's screen."""
    kept = "".join(
        c if c == " " or not unicodedata.category(c).startswith(("C", "Z")) else " " for c in text[: 4 * limit]
    )
    return kept if len(kept) <= limit else kept[: limit - 3] + "..."


def _short(value: float) -> str:
    return f"{value:.6g}"


def show(value: Any, focus: tuple[int, ...] | None = None) -> str:
    """Return a line for one argument: all of a small tensor, the row at `focus` of a larger one."""
    if isinstance(value, Seed):
        return f"a generator of seed {value.value}"
    if isinstance(value, tuple) and any(isinstance(item, (Tensor, tuple)) for item in value):
        return "(" + ", ".join(show(item) for item in value) + ")"
    if not isinstance(value, (Tensor, np.ndarray)):
        return repr(value)
    tensor = as_tensor(value).detach()
    head = f"{dtype_name(tensor.dtype)} {tuple(tensor.shape)}"
    if tensor.is_meta:
        return head
    if tensor.numel() <= SHOWN:
        return f"{head} {_rows(tensor)}"
    if focus and tensor.dim() == len(focus) + 1 and tensor.shape[:-1] > focus:
        row = tensor[focus]
        if row.numel() <= SHOWN:
            return f"{head}, row {list(focus)} = {_rows(row)}"
        return f"{head}, row {list(focus)} = {_rows(row[:4])[:-1]}, ...]"
    return f"{head}, from {_short(float(tensor.min()))} to {_short(float(tensor.max()))}"


def _rows(tensor: Tensor) -> str:
    if tensor.dim() == 0:
        return _short(float(tensor)) if tensor.is_floating_point() else str(tensor.item())
    return "[" + ", ".join(_rows(row) for row in tensor) + "]"


def given(call: Call, focus: tuple[int, ...] | None = None) -> str:
    """Return the line that says what the function was called with."""
    parts = [show(a, focus) for a in call.args] + [f"{k}={show(v, focus)}" for k, v in call.kwargs.items()]
    return "given     " + "; ".join(parts)


def mismatch(call: Call, found: Mismatch, what: str) -> str:
    """Explain a mismatch of `what` ("the answer", "the gradient")."""
    lines = [given(call, found.place)]
    subject = "" if what == "the answer" else f" ({what})"
    got = spoken(found.got) if found.kind == "type" else clean(found.got, 100)
    lines.append(f"got       {got}{subject}")
    lines.append(f"expected  {found.expected}")
    if found.place is not None:
        where = f"at {list(found.place)}" if found.place else "it"
        several = f"; {found.wrong} of {found.total} are wrong" if found.total > 1 else ""
        if found.ulps is None and not found.place:
            pass  # there is but one number
        elif found.ulps is None:
            lines.append(f"where     {where}{several}")
        else:
            off = f"{found.ulps:.2g}"
            if found.allowed is not None and float(off) <= found.allowed:
                off = f"{found.ulps:.6g}"  # rounded to two digits it would look right
            lines.append(f"where     {where} is {off} ulp off, allowed are {found.allowed:g}{several}")
    return "\n".join(lines)


def wrong_shape(call: Call, got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Explain a wrong shape."""
    return f"{given(call)}\ngot       shape {got}\nexpected  shape {expected}"


def error_line(error: dict[str, Any]) -> str:
    """Return "log_sums.py line 12: ValueError: ..." for an exception described by the worker."""
    place = f"{clean(str(error.get('file')), 60)} line {error.get('line')}: " if error.get("line") else ""
    message = re.sub(r"\[enforce fail at [^]]*\] err == 0\. ", "", str(error.get("message"))[:2000])  # torch's own file
    return f"{place}{clean(str(error.get('type')), 60)}: {clean(message)}"


def no_answer(call: Call, answer: Answer) -> str:
    """Explain why nothing came back."""
    if answer.outcome == "raised" and answer.error is not None:
        text = error_line(answer.error)
        if "can't allocate memory" in text or answer.error.get("type") == "MemoryError":
            text += "\n          (a worker has 1 GiB for itself; no case needs more than a few times its input)"
        return f"{given(call)}\nraised    {text}"
    words = {
        "timeout": f"no answer: {answer.detail}; is there an endless loop?",
        "crashed": f"the process died: {clean(answer.detail)}",
        "garbled": f"the answer was not readable: {clean(answer.detail)}",
    }
    return f"{given(call)}\nend       {words[answer.outcome]}"


def spoken(word: str) -> str:
    """Return the word for an answer that is no tensor, with what is often behind it."""
    if word == "None":
        return "None: is a `return` missing?"
    if word.startswith("torch.return_types."):
        return f"{clean(word, 60)}: a pair of values and indices, of which one is asked"
    return clean(word, 100)


def not_raised(call: Call, errors: tuple[str, ...], answer: Answer) -> str:
    """Explain that an exception was expected."""
    if answer.outcome == "returned":
        output = read_output(answer.result)
        got = spoken(output) if isinstance(output, str) else f"a tensor of shape {tuple(output.shape)}"
        return f"{given(call)}\ngot       {got}\nexpected  {errors[0]}"
    return f"{no_answer(call, answer)}\nexpected  {errors[0]}"


def no_gradient(call: Call, position: int) -> str:
    """Explain that the result does not depend on an input, as far as autograd can see."""
    return f"{given(call)}\ngot       no gradient for argument {position + 1}: the graph is cut\nexpected  a gradient"


def no_second(call: Call) -> str:
    """Explain that the gradient has no gradient."""
    return f"{given(call)}\ngot       a gradient that cannot be differentiated again\nexpected  one that can"


def not_finite(call: Call, gradient: Tensor, what: str) -> str:
    """Explain a nan or infinity in a gradient that must be finite."""
    bad = "nan" if bool(gradient.isnan().any()) else "inf"
    return f"{given(call)}\ngot       {bad} in {what}\nexpected  finite numbers"


def modified(call: Call, position: int, before: Tensor, after: Tensor, by: str = "") -> str:
    """Explain that an input was changed, by the call and what else is named."""
    expected = f"expected  argument {position + 1} as it was"
    if before.numel() <= SHOWN and before.shape == after.shape:
        return f"before    {show(before)}\nafter     {show(after)}\n{expected}" + (f"; the call {by} ran" if by else "")
    return f"{given(call)}\n{expected} after the call{f' {by}' if by else ''}: it was changed"


def plural(count: int, word: str) -> str:
    """Return "1 case", "2 cases"."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
