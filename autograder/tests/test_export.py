"""`export` on the command line: what it writes, what it says, and its exit codes."""

import csv
import json
import zipfile

import pytest

from autograder import __main__ as command_line
from autograder import desk
from autograder.tests.reporting.class_sample import FAILED, PASSED, journal, record

ROSTER = "Student,ID,SIS User ID,SIS Login ID,Section,HW (7)\n    Points Possible,,,,,10\nAda,1,,ada,A,\nCy,3,,cy,A,\n"


@pytest.fixture
def run(capsys):
    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            code = command_line.main(["export", *(str(a) for a in arguments)])
        except SystemExit as error:
            code = error.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def grades(tmp_path):
    return journal(tmp_path / "grades", record("ada", [PASSED, FAILED]), record("bo/../x", [PASSED]))


@pytest.fixture
def roster(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER)
    return path


def test_csv(run, grades, tmp_path):
    out = tmp_path / "new" / "wide.csv"
    assert run("csv", grades, "--out", out) == (0, f"wrote 2 learners to {out}\n", "")
    with out.open(newline="", encoding="utf-8") as file:
        assert [row["student"] for row in csv.DictReader(file)] == ["ada", "bo/../x"]
    assert run("csv", grades, "--long", "--excel", "--out", out)[0] == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbfstudent,exercise,score,max_score\r\n")


def test_canvas_with_everyone_on_the_roster_is_0(run, tmp_path, roster):
    folder = journal(tmp_path / "one", record("ada", [PASSED]))
    out = tmp_path / "filled.csv"
    code, said, err = run("canvas", folder, "--roster", roster, "--column", "HW (7)", "--out", out)
    assert (code, err) == (0, "")
    assert "filled 1 cells of 'HW (7)', scaled to 10 points" in said
    assert "on the roster, but not graded (left as they were): Cy" in said
    assert out.read_text() == ROSTER.replace("ada,A,", "ada,A,10")


def test_canvas_with_a_learner_who_is_not_on_the_roster_writes_the_others_and_is_2(run, grades, roster, tmp_path):
    out = tmp_path / "filled.csv"
    code, _, err = run("canvas", grades, "--roster", roster, "--column", "HW (7)", "--out", out)
    assert code == 2
    assert err == "autograder: graded, but not on the roster: bo/../x\n"
    assert "ada,A,5" in out.read_text()


def test_classroom50_of_one_learner(run, grades, tmp_path):
    out = tmp_path / "room"
    names = ("--classroom", "c", "--assignment", "a", "--datetime", "2026-06-01T14:32:01Z")
    assert run("classroom50", grades, "--student", "ada", *names, "--out", out)[0] == 0
    found = json.loads((out / "result.json").read_text())
    assert (found["classroom"], found["assignment"], found["datetime"]) == ("c", "a", "2026-06-01T14:32:01Z")
    assert found["submission"] == found["commit"] == "submit/2026-06-01T14-32-01Z"
    assert "4 of 8 points" in (out / "summary.md").read_text()
    assert (out / ".github" / "workflows" / "grade.yml").exists()


def test_classroom50_takes_what_the_runner_sets(run, grades, tmp_path, monkeypatch):
    for name in ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL", "REVIEW_URL"):
        monkeypatch.setenv(name, f"the {name}")
    assert run("classroom50", grades, "--student", "ada", "--out", tmp_path / "room")[0] == 0
    found = json.loads((tmp_path / "room" / "result.json").read_text())
    assert [found[f] for f in ("classroom", "submission", "review")] == [
        f"the {name}" for name in ("CLASSROOM", "SUBMISSION_TAG", "REVIEW_URL")
    ]


def test_classroom50_of_all_has_a_safe_folder_for_each(run, grades, tmp_path):
    out = tmp_path / "room"
    assert run("classroom50", grades, "--classroom", "c", "--assignment", "a", "--out", out)[0] == 0
    assert len(list(out.glob("*/result.json"))) == 2
    assert not (tmp_path / "x").exists()


def test_gradescope(run, tmp_path):
    out = tmp_path / "autograder.zip"
    code, said, err = run("gradescope", "--only", "exp_range", "--private", "after_due_date", "--out", out)
    assert (code, err) == (0, "")
    unjudged = desk.judge_package({}, ["exp_range"], "", "all")
    assert f"autograder points to {unjudged.max_score:g}," in said
    with zipfile.ZipFile(out) as packed:
        settings = json.loads(packed.read("course/gradescope.json"))
    assert (settings["exercises"], settings["private"]) == (["exp_range"], "after_due_date")
    assert settings["seed"] > 0


def test_each_zip_has_a_seed_of_its_own(run, tmp_path):
    seeds = set()
    for number in range(2):
        run("gradescope", "--only", "exp_range", "--out", tmp_path / f"{number}.zip")
        with zipfile.ZipFile(tmp_path / f"{number}.zip") as packed:
            seeds.add(json.loads(packed.read("course/gradescope.json"))["seed"])
    assert len(seeds) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("csv", "/nowhere", "--out", "{tmp}/x"), "there is no folder /nowhere: give the folder that `grade"),
        (("csv", "{tmp}", "--out", "{tmp}/x"), "there is no results.jsonl in"),
        (("csv", "{grades}"), "required: --out"),
        (("canvas", "{grades}", "--roster", "/no", "--column", "HW (7)", "--out", "{tmp}/x"), "there is no roster /no"),
        (
            ("canvas", "{grades}", "--roster", "{roster}", "--column", "HW (8)", "--out", "{tmp}/x"),
            "the roster has no column 'HW (8)'; did you mean 'HW (7)'?",
        ),
        (("classroom50", "{grades}", "--student", "eve", "--out", "{tmp}/x"), "no grade of eve in"),
        (("classroom50", "{grades}", "--student", "ada", "--out", "{tmp}/x"), "give --classroom NAME"),
        (
            ("classroom50", "{grades}", "--classroom", "c", "--assignment", "a", "--only", "ulpp", "--out", "{tmp}/x"),
            "did you mean 'ulp'?",
        ),
        (
            (
                *("classroom50", "{grades}", "--classroom", "c", "--assignment", "a"),
                "--datetime",
                "now",
                "--out",
                "{tmp}/x",
            ),
            "'now' is no time of the form 2026-06-01T14:32:01Z",
        ),
        (
            (
                *("classroom50", "{grades}", "--classroom", "c", "--assignment", "a"),
                "--course",
                "$(x)",
                "--out",
                "{tmp}/x",
            ),
            "'$(x)' is no OWNER/NAME or OWNER/NAME@REF",
        ),
        (("gradescope", "--only", "log1mex", "--out", "{tmp}/x"), "did you mean 'log1mexp'?"),
        (("gradescope", "--private", "shown", "--out", "{tmp}/x"), "invalid choice"),
        (("moodle",), "invalid choice"),
        ((), "required: FORMAT"),
    ],
)
def test_bad_usage_is_2_in_one_line_and_writes_nothing(run, grades, roster, tmp_path, monkeypatch, arguments, words):
    for name in ("CLASSROOM", "ASSIGNMENT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "empty").mkdir()
    places = {"{tmp}": tmp_path / "empty", "{grades}": grades, "{roster}": roster}
    filled = []
    for argument in arguments:
        for mark, place in places.items():
            argument = argument.replace(mark, str(place))
        filled.append(argument)
    code, out, err = run(*filled)
    assert (code, out) == (2, "")
    assert words in err
    assert not list((tmp_path / "empty").iterdir())
    if err.startswith("autograder: "):
        assert err.count("\n") == 1
