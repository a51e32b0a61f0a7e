"""Tells that a function raises the same exception whatever it is called with: nothing else is to be said then."""

import builtins
import difflib
import re
from collections.abc import Collection, Sequence

from autograder.judging import messages
from autograder.judging.diagnosis import Experience
from autograder.judging.verdicts import Diagnosis
from autograder.spec import Raises

NAME = "raises"
UNDEFINED = re.compile(r"name '(\w+)' is not defined|local variable '(\w+)'")


def stumble(experiences: Sequence[Experience], names: Collection[str]) -> Diagnosis | None:
    """Return what to say if every call ended in the same exception, in the same line; else None.

    Args:
        experiences: The cases as they went.
        names: What the learner's module defines and imports, and the names of all exercises.
    """
    asked = [e.answer for e in experiences if not isinstance(e.case.ask, Raises)]
    errors = [a.error for a in asked if a.outcome == "raised" and a.error is not None]
    if len(asked) < 2 or len(errors) < len(asked):
        return None
    if len({(str(e.get("type")), str(e.get("file")), str(e.get("line"))) for e in errors}) > 1:
        return None
    error = errors[0]
    text = f"Every call ends in the same place: {messages.error_line(error)}"
    return Diagnosis(
        NAME, "\n".join(filter(None, (text, _advice(str(error.get("type")), str(error.get("message")), names))))
    )


def _advice(kind: str, message: str, names: Collection[str]) -> str:
    if kind == "NotImplementedError" and message in names:
        return f"`{message}` is not written yet, and your function calls it: that exercise comes first."
    undefined = UNDEFINED.search(message) if kind in ("NameError", "UnboundLocalError") else None
    if undefined is None:
        return ""
    name = undefined[1] or undefined[2]
    near = difflib.get_close_matches(name, {*names, *dir(builtins)} - {name}, 1)
    if near:
        return f"Nothing defines `{name}` there: is `{near[0]}` meant?"
    return f"Nothing defines `{name}` there: functions of another chapter come by `from .log_sums import logsumexp`."
