"""A run over a class, with the judging itself replaced: what is graded, recorded, kept, and with which exit code."""

import json
import shutil
import signal
import threading

import pytest
import torch

from autograder import __main__ as command_line
from autograder import registry
from autograder.classroom import run
from autograder.classroom.ledger import Ledger, read_journal
from autograder.classroom.merge import merge
from autograder.classroom.records import latest
from autograder.classroom.run import Settings, in_shard
from autograder.running.confinement import LAYERS
from autograder.sources import SourceError
from autograder.tests.classroom.packing import packed

NAMES = ("log1mexp", "gather_last")


class Judge:
    """Stands for the pool: gives full points for the word `right`, trouble for `trouble`, and counts."""

    layers_held = LAYERS

    def __init__(self, papers, jobs, private):
        self.papers = papers

    def layers(self):
        return self.layers_held

    def outcomes(self, tasks):
        for task in tasks:
            graded.append(task.student)
            text = "".join(task.texts.values())
            if "stop" in text:
                raise KeyboardInterrupt
            if "trouble" in text:
                yield task.student, {"trouble": "the grading process died"}
                continue
            yield task.student, {"exercises": [self._exercise(n, "right" in text) for n in self.papers.papers]}

    @staticmethod
    def _exercise(name, right):
        empty = {"honours": {}, "problem": "", "diagnosis": None, "cases": []}
        score = {"status": "passed" if right else "failed", "score": 4.0 * right, "max_score": 4.0}
        return {"name": name, "stem": registry.find(name)[0], **score, **empty}

    def close(self):
        closed.append(True)


graded: list[str] = []
closed: list[bool] = []


@pytest.fixture(autouse=True)
def _fresh():
    graded.clear()
    closed.clear()
    yield
    assert all(closed)


@pytest.fixture
def class_of(tmp_path):
    def write(**texts: str):
        for student, text in texts.items():
            folder = tmp_path / "class" / student
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "log_sums.py").write_text(text)
        return tmp_path / "class"

    return write


@pytest.fixture
def grade(tmp_path):
    def go(submissions, out="out", only=NAMES, **kwargs):
        graded.clear()
        return run.grade(Settings(submissions, tmp_path / out, only, **kwargs), kwargs.pop("sharing", Judge))

    return go


def students(tmp_path, out="out"):
    return {r["student"]: r for r in latest(read_journal(tmp_path / out))}


def test_each_submission_gets_one_record_with_all_of_the_form(tmp_path, class_of, grade):
    place = class_of(ann="right", bob="wrong")
    (place / "cem").mkdir()
    (place / "dan.zip").write_bytes(b"none")
    assert grade(place) == 1
    found = read_journal(tmp_path / "out")
    assert sorted(r["student"] for r in found) == ["ann", "bob", "cem", "dan"]
    by = {r["student"]: r for r in found}
    fields = (
        "schema student source key files ignored problem wall layers seed_id versions seconds score max_score exercises"
    )
    assert all(set(r) == set(fields.split()) for r in found)
    assert (by["ann"]["score"], by["bob"]["score"], by["ann"]["max_score"]) == (8, 0, 8)
    assert "no STEM.py" in by["cem"]["problem"] and "cannot be opened" in by["dan"]["problem"]
    assert [e["name"] for e in by["cem"]["exercises"]] == list(NAMES)
    assert by["cem"]["max_score"] > 0 == by["cem"]["score"]
    assert set(by["ann"]["files"]) == {"log_sums.py"}
    assert str(Ledger(tmp_path / "out").seed()) not in (tmp_path / "out" / "results.jsonl").read_text()


def test_grades_are_sorted_and_those_of_nothing_are_zero(tmp_path, class_of, grade):
    place = class_of(bob="right", ann="wrong")
    (place / "=cem()").mkdir()
    grade(place)
    rows = (tmp_path / "out" / "grades.csv").read_text().splitlines()
    assert rows[0] == "student,exercise,score,max_score"
    assert rows[1:3] == ["'=cem(),log1mexp,0,24", "'=cem(),gather_last,0,23"]
    assert rows[3:] == ["ann,log1mexp,0,4", "ann,gather_last,0,4", "bob,log1mexp,4,4", "bob,gather_last,4,4"]


def test_only_what_changed_is_graded_again(tmp_path, class_of, grade):
    place = class_of(ann="right", bob="right")
    assert grade(place) == 0
    assert sorted(graded) == ["ann", "bob"]
    before = (tmp_path / "out" / "results.jsonl").read_bytes()
    assert grade(place) == 0
    assert graded == []
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == before
    class_of(bob="wrong")
    assert grade(place) == 1
    assert graded == ["bob"]


def test_grades_of_other_exercises_come_back_from_the_journal(tmp_path, class_of, grade, capsys):
    place = class_of(ann="right", bob="wrong")
    grade(place)
    before = (tmp_path / "out" / "grades.csv").read_bytes()
    grade(place, only=NAMES[:1])
    assert sorted(graded) == ["ann", "bob"]
    assert "grades of other exercises stay in the journal" in capsys.readouterr().err
    grade(place)
    assert graded == []
    assert (tmp_path / "out" / "grades.csv").read_bytes() == before
    grade(place)
    assert len(read_journal(tmp_path / "out")) == 6  # and what is the latest already is not written again


def test_what_could_not_be_graded_is_named_with_its_reason(tmp_path, class_of, grade, capsys):
    place = class_of(ann="right")
    (place / "cem").mkdir()
    (place / "cem" / "Log_Sums.py").write_text("right")
    grade(place)
    out = capsys.readouterr().out
    assert "1 could not be graded as handed in\n  cem: Log_Sums.py: rename it to log_sums.py\n" in out
    assert {e["problem"] for e in students(tmp_path)["cem"]["exercises"]} == {"Log_Sums.py: rename it to log_sums.py"}


def test_after_an_interruption_as_many_are_new_as_were_recorded(tmp_path, class_of, grade, capsys):
    assert grade(class_of(ann="right", bob="right", cem="stop", dan="right")) == 2
    assert "2 of 4 submissions are recorded" in (out := capsys.readouterr().out)
    assert "(2 anew, " in out


@pytest.mark.parametrize("change", ["only", "points", "judges", "wall"])
def test_a_change_of_the_circumstances_makes_every_grade_stale(tmp_path, class_of, grade, monkeypatch, change):
    place = class_of(ann="right")
    grade(place)
    (tmp_path / "points.csv").write_text("log1mexp,10\ngather_last,5\n")
    if change == "judges":
        monkeypatch.setattr("autograder.classroom.records.judges_hash", lambda: "other")
    if change == "wall":
        monkeypatch.setattr(Judge, "layers_held", ("session",))
    only = NAMES[:1] if change == "only" else NAMES
    grade(place, only=only, points=tmp_path / "points.csv" if change == "points" else None)
    assert graded == ["ann"]


def test_points_scale_and_choose_the_exercises(tmp_path, class_of, grade):
    (tmp_path / "points.csv").write_text("log1mexp,10\n")
    place = class_of(ann="right", bob="wrong")
    grade(place, only=(), points=tmp_path / "points.csv")
    assert (tmp_path / "out" / "grades.csv").read_text().splitlines()[1:] == ["ann,log1mexp,10,10", "bob,log1mexp,0,10"]
    with pytest.raises(SourceError, match="gives gather_last no points"):
        grade(place, points=tmp_path / "points.csv")


def test_two_submissions_of_one_id_both_get_a_record_and_no_grade(tmp_path, class_of, grade):
    place = class_of(ann="right", bob="right")
    (place / "ann.zip").write_bytes(packed({"log_sums.py": b"right"}))
    assert grade(place) == 1
    assert graded == ["bob"]
    found = [r for r in read_journal(tmp_path / "out") if r["student"] == "ann"]
    assert [r["source"] for r in found] == ["ann", "ann.zip"]
    assert all("2 submissions carry the id ann: ann, ann.zip" in r["problem"] and r["score"] == 0 for r in found)
    assert (tmp_path / "out" / "grades.csv").read_text().count("ann,") == 2
    assert grade(place) == 1
    assert len(read_journal(tmp_path / "out")) == 3
    (place / "ann.zip").unlink()
    assert grade(place) == 0
    assert students(tmp_path)["ann"]["problem"] is None


def test_trouble_is_recorded_is_2_and_is_tried_again(tmp_path, class_of, grade, capsys):
    place = class_of(ann="right", bob="trouble")
    assert grade(place) == 2
    assert "bob: could not be graded: the grading process died" in capsys.readouterr().err
    assert students(tmp_path)["bob"]["key"] == ""
    assert grade(place) == 2
    assert graded == ["bob"]
    class_of(bob="right")
    assert grade(place) == 0


def test_a_stop_keeps_what_is_finished(tmp_path, class_of, grade, capsys):
    place = class_of(ann="right", bob="stop", cem="right")
    assert grade(place) == 2
    assert "stopped: 1 of 3 are recorded; run again to go on" in capsys.readouterr().err
    assert (tmp_path / "out" / "grades.csv").read_text().count("ann,") == 2
    class_of(bob="right")
    assert grade(place) == 0
    assert graded == ["bob", "cem"]


def test_sigterm_stops_as_ctrl_c_does(tmp_path, class_of, grade):
    class Terminated(Judge):
        def outcomes(self, tasks):
            signal.raise_signal(signal.SIGTERM)
            yield from super().outcomes(tasks)

    usual = signal.getsignal(signal.SIGTERM)
    assert threading.current_thread() is threading.main_thread()
    assert run.grade(Settings(class_of(ann="right"), tmp_path / "out", NAMES), Terminated) == 2
    assert signal.getsignal(signal.SIGTERM) == usual


def test_a_full_disk_is_2_and_loses_nothing(tmp_path, class_of, grade, monkeypatch, capsys):
    place = class_of(ann="right", bob="right")
    append = Ledger.append

    def full(ledger, record):
        if record["student"] == "bob":
            raise OSError(28, "No space left on device")
        append(ledger, record)

    monkeypatch.setattr(Ledger, "append", full)
    assert grade(place) == 2
    assert "a grade could not be recorded" in capsys.readouterr().err
    monkeypatch.undo()
    assert grade(place) == 0
    assert graded == ["bob"]


def test_a_report_that_fails_costs_no_grade(tmp_path, class_of, grade, monkeypatch, capsys):
    def broken(folder, records):
        raise ValueError("no page")

    monkeypatch.setattr(run, "write_reports", broken)
    assert grade(class_of(ann="right")) == 2
    assert "the report could not be written: ValueError: no page" in capsys.readouterr().err
    assert (tmp_path / "out" / "grades.csv").read_text().count("ann,") == 2


def test_a_submission_that_is_gone_stays_in_the_results(tmp_path, class_of, grade, capsys):
    place = class_of(ann="right", bob="right")
    grade(place)
    shutil.rmtree(place / "bob")
    assert grade(place) == 0
    assert "not among these submissions, kept in the results: bob" in capsys.readouterr().err
    assert "bob" in (tmp_path / "out" / "grades.csv").read_text()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_shards_put_together_are_the_whole(tmp_path, class_of, grade, count):
    place = class_of(**{f"s{n}": "right" if n % 3 else "wrong" for n in range(12)})
    assert grade(place, seed=7) == 1
    for number in range(1, count + 1):
        grade(place, out=f"part{number}", seed=7, shard=(number, count))
    parts = [tmp_path / f"part{n}" for n in range(1, count + 1) if (tmp_path / f"part{n}" / "results.jsonl").exists()]
    assert merge(parts, tmp_path / "all") == 1
    assert (tmp_path / "all" / "grades.csv").read_bytes() == (tmp_path / "out" / "grades.csv").read_bytes()
    assert grade(place, out="all") == 1
    assert graded == []


def test_every_id_is_in_one_shard():
    for student in ("ann", "bob", "ünï"):
        assert [in_shard(student, (n, 4)) for n in range(1, 5)].count(True) == 1


def test_merge_tells_which_part_of_a_class_is_missing_or_not_whole(tmp_path, class_of, grade, capsys):
    place = class_of(**{f"s{n}": "right" for n in range(30)})
    parts = [tmp_path / f"part{n}" for n in (1, 2, 3)]
    for number, part in enumerate(parts, start=1):
        grade(place, out=part.name, shard=(number, 3), seed=5)
    assert merge(parts, tmp_path / "all") == 0
    assert merge(parts[:2], tmp_path / "two") == 2
    assert "shard 3/3 is missing" in capsys.readouterr().err
    journal = parts[1] / "results.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    assert merge(parts, tmp_path / "part") == 2
    assert "shard 2/3" in (err := capsys.readouterr().err) and "submissions: grade it" in err


def test_merge_refuses_what_does_not_fit(tmp_path, class_of, grade):
    place = class_of(ann="right")
    grade(place, out="a", seed=1)
    grade(place, out="b", seed=2)
    with pytest.raises(SourceError, match="both graded ann, not alike"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    shutil.rmtree(place / "ann")
    grade(class_of(bob="right"), out="c", seed=2)
    with pytest.raises(SourceError, match="different seeds"):
        merge([tmp_path / "a", tmp_path / "c"], tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_merging_twice_changes_nothing(tmp_path, class_of, grade):
    grade(class_of(ann="right", bob="trouble"), out="a")
    assert merge([tmp_path / "a"], tmp_path / "all") == 2
    before = (tmp_path / "all" / "results.jsonl").read_bytes()
    assert merge([tmp_path / "a", tmp_path / "a"], tmp_path / "all") == 2
    assert (tmp_path / "all" / "results.jsonl").read_bytes() == before


def test_less_than_the_full_wall_can_be_refused(class_of, grade, monkeypatch):
    monkeypatch.setattr(Judge, "layers_held", ("session", "seccomp"))
    with pytest.raises(SourceError, match="the wall's level here is 'partial'"):
        grade(class_of(ann="right"), require_sandbox=True)
    assert grade(class_of(ann="right")) == 0
    monkeypatch.setattr(Judge, "layers_held", LAYERS)
    assert grade(class_of(ann="right"), require_sandbox=True) == 0


def test_a_gpu_is_no_place_behind_the_full_wall(grade, class_of, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(SourceError, match="holes in the wall"):
        grade(class_of(ann="right"), require_sandbox=True, device="cuda")


@pytest.fixture
def command(monkeypatch, capsys):
    monkeypatch.setattr(command_line, "start", lambda: None)
    monkeypatch.setattr(run.grade, "__defaults__", (Judge,))

    def go(*arguments):
        try:
            code = command_line.main([str(a) for a in arguments])
        except SystemExit as error:
            code = error.code
        return code, capsys.readouterr()

    return go


def test_the_command_line(tmp_path, class_of, command):
    place, out = class_of(ann="right"), tmp_path / "out"
    code, (text, _) = command("grade", place, "--out", out, "--only", "log1mexp", "--jobs", 2, "--seed", 3)
    assert (code, text.splitlines()[1]) == (0, "1 passed everything, 0 did not, 0 could not be graded as handed in")
    assert (out / "seed").read_text() == "3\n"
    assert command("merge", out, "--out", tmp_path / "all")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "logsumex"], "did you mean 'logsumexp'"),
        (["--points", "none.csv"], "cannot be read"),
        (["--shard", "3/2"], "expected i/n"),
        (["--jobs", "0"], "1 or more"),
        (["--seed", "x"], "invalid int value"),
        (["--dask", "127.0.0.1:1"], "Dask"),
    ],
)
def test_bad_usage_is_2_and_says_so(tmp_path, class_of, command, monkeypatch, arguments, words):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    code, (_, err) = command("grade", class_of(ann="right"), "--out", tmp_path / "out", *arguments)
    assert code == 2 and words in err


def test_what_is_no_class_is_2(tmp_path, command):
    (tmp_path / "empty").mkdir()
    assert command("grade", tmp_path / "none", "--out", tmp_path / "out")[0] == 2
    code, (_, err) = command("grade", tmp_path / "empty", "--out", tmp_path / "out")
    assert code == 2 and "holds no submissions" in err
    assert command("merge", tmp_path / "empty", "--out", tmp_path / "out")[0] == 2


def test_a_second_run_is_2(tmp_path, class_of, command):
    with Ledger(tmp_path / "out"):
        code, (_, err) = command("grade", class_of(ann="right"), "--out", tmp_path / "out")
    assert code == 2 and "in use by another run" in err


def test_records_are_json_without_nan(tmp_path, class_of, grade):
    grade(class_of(ann="right"))
    for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(word))
