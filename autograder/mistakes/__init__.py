"""One module per chapter: known wrong implementations, each with its diagnosis."""

from collections.abc import Callable
from typing import Any

from autograder.spec import Mistake


def mistake(exercise: str, diagnosis: str, fault: str | None = None) -> Callable[[Any], Any]:
    """Declare the function below as a known mistake of `exercise`; its name is the mistake's id.

    Args:
        exercise: The exercise's name.
        diagnosis: What to tell the learner who made it.
        fault: The complaint that identifies it where no output can: a gate's finding ("gate:loop"), "sync", "memory".
    """

    def declare(function: Any) -> Any:
        function.mistake = Mistake(function.__name__, exercise, function, diagnosis, fault)
        return function

    return declare
