"""Finds the known mistake that gives the learner's own wrong answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from autograder.answer import Answer, Complaint
from autograder.judging.questions import Question, alike, judge
from autograder.judging.verdicts import Diagnosis
from autograder.spec import Call, Case, Mistake, Seed

# Kinds of complaint that name the mistake by themselves, more telling than any number.
STRUCTURAL = ("shape", "dtype", "type", "modified", "no-gradient")
# Kinds that are often only the consequence of another mistake: named after it.
LAST = ("memory", "slow")
ULPS_APART = 30.0
# Frequencies of 20000 draws scatter by 0.0035 at most.
FREQUENCIES_APART = 0.02
CONTRADICTED = 2
MOST_BYTES = 1 << 20  # of a wrong answer beside what its question suggests
Judged = Callable[[Case, Call, Question, Answer], Complaint | None]


@dataclass(frozen=True)
class Experience:
    """One case as it went: what was asked, what came back, and the complaint if there was one."""

    case: Case
    call: Call
    asked: Question
    answer: Answer
    complaint: Complaint | None


def experience(case: Case, call: Call, asked: Question, answer: Answer, complaint: Complaint | None) -> Experience:
    """Return what is remembered of a case: of an answer only what may be compared with that of a mistake.

    A wrong answer may be as large as the wire lets it be, and there are many cases.
    """
    if complaint is None or weight(answer.result) > MOST_BYTES + 4 * (weight(asked.message) + weight(asked.exact)):
        answer = replace(answer, result=None)
    return Experience(case, call, asked, answer, complaint)


def weight(value: Any) -> int:
    """Return the bytes of all tensors and arrays in a value."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return int(value.nbytes)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return sum(map(weight, items))


def _explains(experience: Experience, answer: Answer, complaint: Complaint) -> bool:
    mine = experience.complaint
    if mine is None or mine.kind != complaint.kind:
        return False
    if mine.ulps is not None and complaint.ulps is not None:
        low, high = sorted((mine.ulps, complaint.ulps))
        if high > ULPS_APART * low:
            return False
    if complaint.kind.startswith("law"):
        pairs = zip(mine.frequencies, complaint.frequencies, strict=False)
        return all(abs(a - b) <= FREQUENCIES_APART for a, b in pairs)
    # A changed input or a cut graph is the same mistake whatever the numbers are.
    return complaint.kind in ("modified", "no-gradient", "dtype") or alike(experience.answer, answer)


@dataclass(frozen=True)
class Suspect:
    """A known mistake: the failed cases that it explains (by number), and how many others it would have failed."""

    mistake: Mistake
    explained: frozenset[int]
    structural: frozenset[int]
    contradicted: int

    def gain(self, left: set[int]) -> int:
        """Return what speaks for it; a right answer that it would have spoiled weighs more than one it explains."""
        return len(self.explained & left) - CONTRADICTED * self.contradicted


def diagnose(
    experiences: Sequence[Experience],
    kinds: Sequence[str],
    mistakes: Sequence[Mistake],
    run: Callable[[Mistake, Question], Answer],
    judged: Judged = judge,
) -> Diagnosis | None:
    """Return the mistakes that explain the failures, the best one first.

    `kinds` are the complaints that come without answers (the gate's, the meta run's). `run` puts a question to a
    mistake, as the worker does to the learner's function, and `judged` judges what it says. Learners make several
    mistakes at a time, and each on a base of its own: a mistake may fail where the learner passed, but has to explain
    many more cases than that.
    """
    found = [m for kind in kinds if kind not in LAST for m in _with_fault(kind, mistakes)]
    open_cases = [e for e in experiences if e.complaint is not None]
    suspects = [_suspect(m, experiences, open_cases, run, judged) for m in mistakes] if open_cases else []
    left = set(range(len(open_cases)))
    while True:
        likely = [s for s in suspects if s.gain(left) > 0]
        if not likely:
            break
        # A second mistake must not fail anywhere that the learner passed.
        suspects = [s for s in suspects if not s.contradicted]
        best = max(likely, key=lambda s: (bool(s.structural & left), s.gain(left)))
        found.append(best.mistake)
        left -= best.explained
    found += [m for kind in kinds if kind in LAST for m in _with_fault(kind, mistakes)]
    unique = list(dict.fromkeys(m.id for m in found))
    if not unique:
        return None
    texts = {m.id: m.diagnosis for m in found}
    return Diagnosis(unique[0], "\n".join([texts[unique[0]], *(f"Also: {texts[i]}" for i in unique[1:3])]))


def _with_fault(kind: str, mistakes: Sequence[Mistake]) -> list[Mistake]:
    return [m for m in mistakes if m.fault == kind][:1]


def _suspect(
    mistake: Mistake,
    experiences: Sequence[Experience],
    open_cases: Sequence[Experience],
    run: Callable[[Mistake, Question], Answer],
    judged: Judged,
) -> Suspect:
    explained, structural = set(), set()
    for number, experience in enumerate(open_cases):
        assert experience.complaint is not None
        if mistake.fault is not None:
            same = mistake.fault == f"case:{experience.complaint.kind}"
        else:
            answer = run(mistake, experience.asked)
            complaint = judged(experience.case, experience.call, experience.asked, answer)
            same = complaint is not None and _explains(experience, answer, complaint)
        if same:
            explained.add(number)
            word = experience.complaint.kind.removeprefix("law-").split()[0]
            structural |= {number} if word in STRUCTURAL else set()
    contradicted = 0
    for e in experiences:
        if e.complaint is None and mistake.fault is None and len(explained) > CONTRADICTED * contradicted:
            contradicted += judged(e.case, e.call, e.asked, run(mistake, e.asked)) is not None
    return Suspect(mistake, frozenset(explained), frozenset(structural), contradicted)


def copy_message(value: Any) -> Any:
    """Return the message as a worker gets it: tensors and arrays of its own, generators for seeds."""
    if isinstance(value, Seed):
        return torch.Generator().manual_seed(value.value)
    if hasattr(value, "clone"):
        return value.clone()
    if isinstance(value, dict):
        return {key: copy_message(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(copy_message(item) for item in value)
    return value.copy() if hasattr(value, "copy") else value
