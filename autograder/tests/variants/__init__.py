"""Submissions as texts: honest ones that must earn full marks, wrong ones that must lose points and be told why."""

from dataclasses import dataclass, field

HEAD = """import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

"""


@dataclass(frozen=True)
class Variant:
    """One submission for one exercise: the texts by stem and, for a wrong one, the mistake to be named."""

    exercise: str
    name: str
    texts: dict[str, str]
    mistake: str = ""

    def __str__(self) -> str:
        """Return a name for the test."""
        return f"{self.exercise}: {self.name}"


@dataclass
class Collection:
    """Variants in the order in which they were added."""

    stem: str
    variants: list[Variant] = field(default_factory=list)

    def add(self, exercise: str, name: str, text: str, mistake: str = "", head: str = HEAD, **others: str) -> None:
        """Add a submission: `head` stands before its text, `others` are further modules of its package."""
        text = head + text.removeprefix("\n")
        self.variants.append(Variant(exercise, name, {self.stem: text, **others}, mistake))
