"""The known mistake that gives the learner's own wrong answers is found, and no other."""

from dataclasses import dataclass

import torch

from autograder.answer import Answer, Complaint
from autograder.exact import log_sums
from autograder.grading import run_mistake
from autograder.judging.diagnosis import Experience, copy_message, diagnose
from autograder.judging.questions import judge, question
from autograder.spec import Call, Case, Draw, Driven, Exercise, Mistake, Seed, Tolerance, Untouched, Value

EXERCISE = Exercise("logsumexp", log_sums.logsumexp, None, (), ("", "", ""), "", 1, 1)
ORDINARY, LARGE, ALONE = torch.tensor([[0.0, 1.0]]), torch.tensor([[500.0, 501.0]]), torch.tensor([[2.0]])


def mistake(name, function, fault=None) -> Mistake:
    return Mistake(name, "logsumexp", function, f"You made the mistake {name}.", fault)


def right(x):
    return torch.logsumexp(x, -1)


def no_shift(x):
    return x.exp().sum(-1).log()


def doubled(x):
    return 2 * right(x)


def keeps_dim(x):
    return torch.logsumexp(x, -1, True)


def in_place(x):
    return right(x.mul_(1.5) / 1.5)


NO_SHIFT, DOUBLED = mistake("no_shift", no_shift), mistake("doubled", doubled)
LOOP, MEMORY = mistake("loop", right, "gate:loop"), mistake("memory", right, "memory")


@dataclass
class Learner:
    function: object

    def meets(self, *inputs, ask=None) -> list[Experience]:
        met = []
        for x in inputs:
            call = Call((x,))
            case = Case("one", "value", lambda draw: Call(), ask or Value(Tolerance(4, 1.0)))
            asked = question(EXERCISE, case, call, Draw(0))
            answer = run_mistake(mistake("learner", self.function), asked)
            met.append(Experience(case, call, asked, answer, judge(case, call, asked, answer)))
        return met


def named(experiences, mistakes, kinds=()) -> str | None:
    found = diagnose(experiences, kinds, mistakes, run_mistake)
    return found.mistake if found else None


def test_the_mistake_with_the_same_wrong_answers_is_named():
    experiences = Learner(no_shift).meets(ORDINARY, LARGE)
    assert named(experiences, [DOUBLED, NO_SHIFT]) == "no_shift"
    assert diagnose(experiences, (), [NO_SHIFT], run_mistake).text == "You made the mistake no_shift."


def test_right_answers_have_no_diagnosis():
    assert named(Learner(right).meets(ORDINARY, LARGE), [NO_SHIFT, DOUBLED]) is None


def test_an_unknown_mistake_has_no_diagnosis():
    assert named(Learner(lambda x: right(x) + 7).meets(ORDINARY, LARGE), [NO_SHIFT, DOUBLED]) is None


def test_a_mistake_that_fails_where_the_learner_passed_is_ruled_out():
    def doubled_where_large(x):
        return right(x) * torch.where(x[..., 0] > 9, 2.0, 1.0)

    assert named(Learner(doubled_where_large).meets(LARGE), [DOUBLED]) == "doubled"
    assert named(Learner(doubled_where_large).meets(LARGE, ORDINARY), [DOUBLED]) is None


def test_another_error_of_the_same_kind_does_not_match():
    assert named(Learner(lambda x: 2.5 * right(x)).meets(ORDINARY), [DOUBLED]) is None


def test_a_tiny_error_is_not_explained_by_a_large_one():
    rounded = Learner(lambda x: right(x) * (1 + 1e-5))
    noisy = mistake("noisy", lambda x: right(x) * (1 + 1e-2))  # alike within 2 %, 1000 times as many ulps
    assert named(rounded.meets(ORDINARY), [noisy]) is None
    close = mistake("close", lambda x: right(x) * (1 + 2e-5))
    assert named(rounded.meets(ORDINARY), [noisy, close]) == "close"


def test_a_changed_input_is_the_same_mistake_whatever_the_numbers():
    shifted = mistake("shifted", lambda x: right(x.sub_(3)))
    assert named(Learner(in_place).meets(ORDINARY, ask=Untouched()), [shifted]) == "shifted"


def test_the_mistake_that_explains_more_comes_first():
    partly = mistake("partly", lambda x: torch.where(x[..., 0] > 9, doubled(x), right(x)))
    found = diagnose(Learner(doubled).meets(ORDINARY, LARGE), (), [partly, DOUBLED], run_mistake)
    assert (found.mistake, found.text) == ("doubled", "You made the mistake doubled.")


def test_a_structural_mistake_comes_before_numbers():
    both = Learner(lambda x: keeps_dim(x) if x.shape[-1] == 1 else doubled(x))
    wide = mistake("wide", lambda x: keeps_dim(x) if x.shape[-1] == 1 else right(x))
    narrow = mistake("narrow", lambda x: doubled(x) if x.shape[-1] > 1 else right(x))
    found = diagnose(both.meets(ORDINARY, LARGE, ALONE), (), [narrow, wide], run_mistake)
    assert found.mistake == "wide"
    assert found.text.splitlines()[1] == "Also: You made the mistake narrow."


def test_the_gates_finding_comes_first_and_memory_last():
    experiences = Learner(no_shift).meets(LARGE)
    found = diagnose(experiences, ["memory", "gate:loop"], [MEMORY, NO_SHIFT, LOOP], run_mistake)
    assert [line.split()[-1] for line in found.text.splitlines()] == ["loop.", "no_shift.", "memory."]
    assert found.mistake == "loop"


def test_at_most_three_are_told():
    faults = [mistake(f"m{i}", right, f"gate:{i}") for i in range(5)]
    assert len(diagnose([], [f"gate:{i}" for i in range(5)], faults, run_mistake).text.splitlines()) == 3


def test_a_faults_function_is_never_compared():
    assert named(Learner(no_shift).meets(LARGE), [mistake("loop", no_shift, "gate:loop")]) is None


def test_the_same_exception_is_the_same_mistake():
    def refuse(x):
        raise TypeError("mine")

    def also(x):
        raise TypeError("theirs")

    def other(x):
        raise ValueError

    experiences = Learner(refuse).meets(ORDINARY)
    assert named(experiences, [mistake("other", other), mistake("also", also)]) == "also"


def test_a_mistake_gets_copies_of_what_was_asked():
    x = torch.zeros(2)
    message = {"args": (x, [x]), "kwargs": {"y": x.numpy()}, "second": None}
    copied = copy_message(message)
    copied["args"][0].add_(1)
    copied["args"][1][0].add_(1)
    copied["kwargs"]["y"] += 1
    assert torch.equal(x, torch.zeros(2))
    assert copied["second"] is None


def test_a_mistake_that_raises_is_an_answer():
    asked = Learner(right).meets(ORDINARY)[0].asked
    answer = run_mistake(mistake("raises", lambda x: 1 // 0), asked)
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.error["type"]) == ("raised", "ZeroDivisionError")


def test_laws_are_matched_by_their_kind():
    def judge_law(call, result):
        return None if result["value"].sum() > 0 else Complaint("law-sign", str(result["value"]))

    ask = Driven("value", judge_law)
    one, other = mistake("one", lambda x: -x * 2), mistake("other", lambda x: x)
    assert named(Learner(lambda x: -x * 7).meets(ORDINARY, ask=ask), [other, one]) == "one"


def test_laws_are_told_apart_by_their_frequencies():
    def judge_law(call, result):
        share = float(result["value"].sigmoid().mean())
        return Complaint("law-share", "", frequencies=(share,))

    ask = Driven("value", judge_law)
    one, other = mistake("one", lambda x: x), mistake("other", lambda x: x - 1)
    assert named(Learner(lambda x: x + 0.001).meets(ORDINARY, ask=ask), [other, one]) == "one"
    assert named(Learner(lambda x: x - 0.999).meets(ORDINARY, ask=ask), [one, other]) == "other"
    assert named(Learner(lambda x: x - 5).meets(ORDINARY, ask=ask), [one, other]) is None


def test_seeds_are_copied_as_generators():
    assert copy_message({"args": (Seed(3),)})["args"][0].initial_seed() == 3
