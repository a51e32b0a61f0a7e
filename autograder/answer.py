"""What a learner's function did with one question, and what is wrong with that: data only."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Answer:
    """What came back from a worker, or why nothing did.

    `outcome` is "returned" (`result` holds the driver's value), "raised" (`error` describes the exception),
    "timeout", "crashed" (`detail` says how) or "garbled" (the frame was not one of ours).
    """

    outcome: Literal["returned", "raised", "timeout", "crashed", "garbled"]
    result: Any = None
    error: dict[str, Any] | None = None
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """Numbers of an answer beside the expected ones, and the error of each in ulps (inf where one is special).

    `first` is the place of the first number in its row, `worst` the place of the worst one among those held here.
    """

    got: tuple[float, ...]
    expected: tuple[float, ...]
    ulps: tuple[float, ...]
    allowed: float
    worst: int
    first: int = 0


@dataclass(frozen=True)
class Complaint:
    """What is wrong with an answer. `kind` is a word for the diagnosis, `message` is for the learner.

    `ulps` is the size of the error; `frequencies` sum up random numbers, so that two samples can be told apart; a
    picture shows `row`.
    """

    kind: str
    message: str
    ulps: float | None = None
    frequencies: tuple[float, ...] = ()
    row: Row | None = None
