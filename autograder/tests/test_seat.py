"""One worker for several exercises: they come out as each in a worker of its own."""

import pytest

from autograder import registry
from autograder.grading import Grading
from autograder.paper import Paper
from autograder.reporting.json_form import exercise_json
from autograder.running.wall import Scheduled, Worker
from autograder.seat import Seat, shareable

HEAD = "import torch\n\n"
LSE = "def logsumexp(x, dim=-1, keepdim=False):\n    return torch.logsumexp(x, dim, keepdim)\n"


@pytest.fixture
def seat(wall):
    seat = Seat(wall)
    yield seat
    seat.close()


def grade(wall, name, sources, **kwargs):
    stem, exercise = registry.find(name)
    return Grading(wall, exercise, stem, sources, level="all", clock=False, **kwargs).run()


def test_exercises_in_one_seat_come_out_as_alone(wall, seat, solutions):
    wrong = solutions | {"floats": solutions["floats"].replace("abs()", "neg()")}
    for name in ("logsumexp", "log1mexp", "softmax", "ulp", "soft_threshold", "exp_range"):
        together = grade(wall, name, wrong, seat=seat)
        assert exercise_json(together) == exercise_json(grade(wall, name, wrong)), name
    assert seat.worker() is seat.worker()


def test_an_op_is_barred_in_its_own_exercise_only(wall, seat):
    def answer(text, barred):
        worker = seat.worker()
        texts = {"m": HEAD + text}
        assert worker.ask("load", 20.0, texts=texts, stem="m", function="f", barred=barred).outcome == "returned"
        import torch

        return worker.ask("drive", 20.0, driver="value", args=(torch.zeros(2, 2),), kwargs={}).outcome

    body = "def f(x):\n    return torch.logsumexp(x, 1)\n"
    for _ in range(2):
        assert answer(body, ("aten::logsumexp",)) == "raised"
        assert answer(body, ("aten::_softmax",)) == "returned"


def test_modules_are_imported_anew_for_each_exercise(wall, seat):
    source = HEAD + "kept = []\n\n\ndef f(x):\n    kept.append(1)\n    return x + len(kept)\n"
    worker = seat.worker()
    for _ in range(2):
        worker.ask("load", 20.0, texts={"m": source}, stem="m", function="f")
        import torch

        found = worker.ask("drive", 20.0, driver="value", args=(torch.zeros(1),), kwargs={})
        assert float(found.result["value"]) == 1


def test_a_worker_that_died_or_is_worn_out_is_replaced(wall, seat, monkeypatch):
    first = seat.worker()
    first.close()
    second = seat.worker()
    assert second is not first and second.alive
    monkeypatch.setattr(type(second), "scheduled", lambda self: Scheduled(int(60e9), 0))
    assert seat.worker() is not second


@pytest.mark.parametrize(
    "text", ["torch.set_grad_enabled(False)", "torch.manual_seed(0)", "np.seterr(all='ignore')", "global x"]
)
def test_who_changes_settings_shares_no_process(text, solutions):
    assert "floats" not in shareable(solutions | {"floats": text})


def test_who_may_import_such_a_chapter_shares_no_process_either(solutions):
    texts = {"a": "torch.manual_seed(0)", "b": "from .a import f", "c": "import exercises.b as d", "d": "no_a = 1"}
    assert shareable(texts) == {"d"}


def test_the_model_answers_share_one(solutions):
    assert solutions.keys() - shareable(solutions) <= {"speed"}


def test_a_kept_paper_gives_the_same_verdicts(wall, solutions):
    for name in ("logsumexp", "token_log_probs", "gumbel_max", "logsumexp_numpy"):
        stem, exercise = registry.find(name)
        paper = Paper(exercise, 3, kept=True)
        paper.prepare()
        for sources in (solutions, {stem: HEAD + LSE}, {stem: solutions[stem].replace("dim", "-1")}):
            alone = Grading(wall, exercise, stem, sources, registry.mistakes(stem), 3, "all", False).run()
            for _ in range(2):
                kept = Grading(wall, exercise, stem, sources, registry.mistakes(stem), 3, "all", False, paper).run()
                assert exercise_json(kept) == exercise_json(alone)


def test_a_worker_is_sent_the_sources_once_and_so_is_its_successor(wall, seat, solutions, monkeypatch):
    sent = []

    def ask(worker, do, limit_s, **message):
        if do == "load":
            sent.append(message["texts"] is not None)
        return asked(worker, do, limit_s, **message)

    asked = Worker.ask
    monkeypatch.setattr(Worker, "ask", ask)
    for name in ("ulp", "exp_range", "logaddexp"):
        assert grade(wall, name, solutions, seat=seat).status == "passed"
        if name == "exp_range":
            seat.worker().close()
    assert sent == [True, False, True]
