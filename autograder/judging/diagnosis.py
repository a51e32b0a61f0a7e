"""Finds the known mistake that gives the learner's own wrong answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Experience:
    """One case as it went: what was asked, what came back, and the complaint if there was one."""

    case: Case
    call: Call
    asked: Question
    answer: Answer
    complaint: Complaint | None


def _explains(experience: Experience, answer: Answer, complaint: Complaint) -> bool:
    mine = experience.complaint
    if mine is None or mine.kind != complaint.kind:
        return False
    if mine.ulps is not None and complaint.ulps is not None:
        low, high = sorted((mine.ulps, complaint.ulps))
        if high > ULPS_APART * low:
            return False
    # A changed input or a cut graph is the same mistake whatever the numbers are.
    same_by_kind = complaint.kind in ("modified", "no-gradient", "dtype") or complaint.kind.startswith("law")
    return same_by_kind or alike(experience.answer, answer)


def diagnose(
    experiences: Sequence[Experience],
    kinds: Sequence[str],
    mistakes: Sequence[Mistake],
    run: Callable[[Mistake, Question], Answer],
) -> Diagnosis | None:
    """Return the mistakes that explain the failures, the best one first.

    `kinds` are the complaints that come without answers (the gate's, the meta run's). `run` puts a question to a
    mistake, as the worker does to the learner's function. A mistake that fails where the learner passed is ruled out.
    """
    found = [m for kind in kinds if kind not in LAST for m in mistakes if m.fault == kind]
    open_cases = [e for e in experiences if e.complaint is not None]
    ranked: list[tuple[bool, int, int, Mistake, list[Experience]]] = []
    for order, mistake in enumerate(mistakes):
        if mistake.fault is not None or not open_cases:
            continue
        explained = _explained(mistake, experiences, open_cases, run)
        if explained:
            structural = any(e.complaint and e.complaint.kind in STRUCTURAL for e in explained)
            ranked.append((not structural, -len(explained), order, mistake, explained))
    ranked.sort(key=lambda entry: entry[:3])
    left = list(open_cases)
    for *_, mistake, explained in ranked:
        if any(e in left for e in explained):
            found.append(mistake)
            left = [e for e in left if e not in explained]
    found += [m for kind in kinds if kind in LAST for m in mistakes if m.fault == kind]
    unique = list(dict.fromkeys(m.id for m in found))
    if not unique:
        return None
    texts = {m.id: m.diagnosis for m in found}
    return Diagnosis(unique[0], "\n".join([texts[unique[0]], *(f"Also: {texts[i]}" for i in unique[1:3])]))


def _explained(
    mistake: Mistake,
    experiences: Sequence[Experience],
    open_cases: Sequence[Experience],
    run: Callable[[Mistake, Question], Answer],
) -> list[Experience]:
    explained = []
    for experience in open_cases:
        answer = run(mistake, experience.asked)
        complaint = judge(experience.case, experience.call, experience.asked, answer)
        if complaint is not None and _explains(experience, answer, complaint):
            explained.append(experience)
    if not explained:
        return []
    for experience in experiences:
        if experience.complaint is None:
            answer = run(mistake, experience.asked)
            if judge(experience.case, experience.call, experience.asked, answer) is not None:
                return []
    return explained


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
