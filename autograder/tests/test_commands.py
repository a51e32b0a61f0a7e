"""The commands: what they print, what they change, and their exit codes."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import torch

from autograder import __main__ as command_line
from autograder import desk, progress, registry
from autograder.running.launch import WallError
from autograder.sources import stub

SOLUTIONS = registry.ROOT / "solutions"
WRONG = "def log1mexp(x):\n    return (1 - x.exp()).log()\n"


@pytest.fixture(autouse=True)
def _one_wall(monkeypatch):
    monkeypatch.setattr(command_line, "start", lambda: None)
    monkeypatch.setattr(desk, "judge_package", functools.partial(desk.judge_package, clock=False))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a copy of the solutions the default package: nothing here may touch the learner's own."""
    folder = tmp_path / "mine"
    shutil.copytree(SOLUTIONS, folder)
    monkeypatch.setattr(desk, "default_package", lambda: folder)
    return folder


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Make a small course, with stubs and solutions, the root."""
    (tmp_path / "solutions").mkdir()
    for name in ("log_sums.py", "__init__.py"):
        shutil.copy(SOLUTIONS / name, tmp_path / "solutions" / name)
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            code = command_line.main([str(a) for a in arguments])
        except SystemExit as error:
            code = error.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def change(package, old: str, new: str) -> None:
    path = package / "log_sums.py"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


# check


def test_passed_is_0(run, package):
    code, out, err = run("check", "log1mexp")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("log1mexp: passed, ")
    assert out.splitlines()[-1] == "These were the public cases; `grade` runs private ones too."


def test_failed_is_1_and_brings_a_hint(run, package):
    (package / "log_sums.py").write_text("def log1mexp(x):\n    return x.cos()\n")
    code, out, _ = run("check", "log1mexp")
    assert code == 1
    assert "hint 1 of 3: " in out


@pytest.mark.parametrize("text", ["def f(:\n", "", "raise ValueError\n"])
def test_an_error_is_1(run, package, text):
    (package / "log_sums.py").write_text(text)
    assert run("check", "log1mexp")[0] == 1


def test_not_written_is_1(run, tmp_path):
    (tmp_path / "log_sums.py").write_text(stub((SOLUTIONS / "log_sums.py").read_text()))
    code, out, _ = run("check", "--package", tmp_path, "log1mexp")
    assert (code, out.splitlines()[0]) == (1, "log1mexp: not written yet")


def test_a_chapter_is_all_its_exercises(run, package):
    code, out, _ = run("check", "log_sums")
    count = len(registry.exercises("log_sums"))
    assert code == 0
    assert f"{count} of {count} exercises passed" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "log1mex"), "no exercise is called 'log1mex'; did you mean 'log1mexp'?"),
        (("check", "--package", "/nowhere/at/all"), "there is no folder /nowhere/at/all: give --package"),
        (("check", "--package"), "expected one argument"),
        (("check", "--unheard-of"), "unrecognized arguments"),
        (("check", "--device", "gpu"), "invalid choice"),
        (("hint", "log1mex"), "did you mean"),
        (("hint", "log1mexp", "--level", "4"), "invalid choice"),
        (("solution", "log1mex"), "did you mean"),
        (("reset", "log1mex"), "did you mean"),
        (("unheard-of",), "invalid choice"),
        (("bench", "unheard-of"), "bench knows"),
        (("course", "unheard_of"), "no chapter is called"),
        ((), "required"),
    ],
)
def test_bad_usage_is_2_and_says_why(run, package, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.parametrize("command", [("check",), ("grade", ".", "--out", "out")])
def test_a_gpu_that_is_not_there_is_2(run, package, monkeypatch, command):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, out, err = run(*command, "--device", "cuda")
    assert (code, out) == (2, "")
    assert "torch sees no GPU here" in err


def test_a_file_that_is_no_text_is_2(run, package):
    (package / "log_sums.py").write_bytes(b"\xff\xfe\x00")
    code, _, err = run("check", "log1mexp")
    assert code == 2
    assert "save it as UTF-8" in err


def test_a_wall_that_does_not_stand_is_2(run, package, monkeypatch):
    def fall(*arguments):
        raise WallError("the process does not answer")

    monkeypatch.setattr(desk, "wall", fall)
    assert run("check", "log1mexp")[::2] == (2, "autograder: the process does not answer\n")


def test_an_interruption_is_2(run, package, monkeypatch):
    def interrupt(*arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(desk, "judge_package", interrupt)
    assert run("check", "log1mexp")[::2] == (2, "autograder: stopped\n")


def test_json_is_the_contract(run, package):
    (package / "log_sums.py").write_text(WRONG)
    code, out, err = run("check", "log1mexp", "logsumexp", "--json")
    assert (code, err) == (1, "")
    form = json.loads(out)
    assert {"schema", "package", "score", "max_score", "exercises"} <= set(form)
    assert (form["schema"], form["package"]) == ("check/1", str(package))
    keys = {"name", "stem", "status", "score", "max_score", "honours", "diagnosis", "cases"}
    wrong, missing = form["exercises"]
    assert keys <= set(wrong)
    assert (wrong["name"], wrong["stem"], wrong["status"]) == ("log1mexp", "log_sums", "failed")
    assert (missing["status"], missing["score"], missing["diagnosis"]) == ("error", 0, None)
    assert form["max_score"] == wrong["max_score"] + missing["max_score"]
    assert 0 < form["score"] == wrong["score"] < wrong["max_score"]
    for case in wrong["cases"] + missing["cases"]:
        assert set(case) == {"name", "family", "visibility", "status", "points", "max_points", "message"}
        assert case["visibility"] == "public"
    assert progress.of("log1mexp")["failed"] == 0  # a program asked, not a learner


def test_another_package_is_judged_and_not_remembered(run, package, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "log_sums.py").write_text(WRONG)
    code, out, _ = run("check", "log1mexp", "--package", other)
    assert code == 1
    assert "hint" not in out
    assert progress.of("log1mexp")["failed"] == 0


# hint, solution, list


def test_hints_go_up(run):
    exercise = registry.find("log1mexp")[1]
    for level in (1, 2, 3, 3):
        code, out, _ = run("hint", "log1mexp")
        assert code == 0
        assert exercise.hints[level - 1] in out
    assert exercise.hints[0] in run("hint", "log1mexp", "--level", 1)[1]


def test_the_solution_is_shown_after_passing(run, package):
    code, out, err = run("solution", "log1mexp")
    assert (code, out) == (1, "")
    assert "shown once log1mexp has passed" in err
    run("check", "log1mexp")
    code, out, _ = run("solution", "log1mexp")
    assert code == 0
    assert out.startswith("log1mexp\n\nYour answer\n\ndef log1mexp(x: Tensor) -> Tensor:\n")
    assert out.count("def log1mexp(") == 2
    assert '"""' not in out
    assert "expm1" in out
    assert out.rstrip().endswith(registry.find("log1mexp")[1].why)
    assert "def logsubexp" not in out


def test_without_solutions_there_is_none_to_show(run, package, tmp_path, monkeypatch):
    run("check", "log1mexp")
    monkeypatch.setattr(registry, "ROOT", tmp_path / "nowhere")
    code, _, err = run("solution", "log1mexp")
    assert code == 2
    assert "no solutions/" in err


def listed(run) -> dict[str, str]:
    code, out, _ = run("list")
    assert code == 0
    rows = [line.split(maxsplit=1) for line in out.splitlines() if line.startswith("  ")]
    return {name: re.split("  +", rest)[0] for name, rest in rows}


def test_the_list_says_how_far_you_are(run, package):
    assert set(listed(run)) == set(registry.everything())
    assert listed(run)["log1mexp"] == "not checked"
    run("check", "log1mexp")
    assert listed(run)["log1mexp"] == "passed"
    (package / "log_sums.py").write_text(WRONG)
    assert listed(run)["log1mexp"] == "changed since it passed"
    run("check", "log1mexp")
    assert listed(run)["log1mexp"] == "failed"
    assert listed(run)["logsumexp"] == "not written"


@pytest.mark.parametrize("data", [None, b"def f(:\n", b"\xff\xfe", b"x = '\0'\n"])
def test_the_list_stands_what_it_cannot_read(run, package, data):
    (package / "log_sums.py").unlink()
    if data is not None:
        (package / "log_sums.py").write_bytes(data)
    assert listed(run)["log1mexp"] == "cannot be read"


# history


def test_what_was_replaced_is_listed_shown_and_brought_back(run, package):
    assert "no older version of log1mexp is kept" in run("history", "log1mexp")[1]
    mine = (package / "log_sums.py").read_text()
    run("reset", "log1mexp")
    assert "1   replaced" in run("history", "log1mexp")[1]
    assert "def log1mexp(" in run("history", "log1mexp", "--show", "1")[1]
    assert run("history", "log1mexp", "--show", "2")[0] == 2
    assert run("restore", "log1mexp")[0] == 0
    assert (package / "log_sums.py").read_text() == mine
    assert run("restore", "log1mexp", "9")[0] == 2


# reset


def test_a_reset_puts_one_function_back_and_keeps_a_copy(run, package):
    mine = (package / "log_sums.py").read_text() + "\n\n# my own notes\n"
    (package / "log_sums.py").write_text(mine)
    run("check", "log1mexp")
    code, out, _ = run("reset", "log1mexp")
    assert code == 0
    after = (package / "log_sums.py").read_text()
    assert 'raise NotImplementedError("log1mexp")' in after
    assert after.count("NotImplementedError") == 1
    gone, came = set(mine.splitlines()) - set(after.splitlines()), set(after.splitlines()) - set(mine.splitlines())
    assert came == {'    raise NotImplementedError("log1mexp")'}
    assert all("near" in line or "wide" in line or "Each branch" in line for line in gone)
    (kept,) = (progress.folder() / "history" / "log_sums").iterdir()
    assert kept.read_text() == mine
    assert str(kept) in out
    assert {"failed": 0, "hints": 0, "passed": None}.items() <= progress.of("log1mexp").items()


def test_two_resets_keep_two_copies(run, package):
    run("reset", "log1mexp")
    run("reset", "logsumexp")
    assert len(list((progress.folder() / "history" / "log_sums").iterdir())) == 2
    assert (package / "log_sums.py").read_text().count("NotImplementedError") == 2


def test_a_reset_of_a_missing_file_brings_all_stubs(run, package):
    (package / "log_sums.py").unlink()
    assert run("reset", "log1mexp")[0] == 0
    assert (package / "log_sums.py").read_text() == stub((SOLUTIONS / "log_sums.py").read_text())


def test_a_reset_of_a_missing_function_brings_its_stub(run, package):
    (package / "log_sums.py").write_text("import torch\nfrom torch import Tensor\n")
    assert run("reset", "log1mexp")[0] == 0
    assert 'raise NotImplementedError("log1mexp")' in (package / "log_sums.py").read_text()


def test_a_reset_of_a_broken_file_changes_nothing(run, package):
    (package / "log_sums.py").write_text("x = 1\ndef f(:\n")
    code, _, err = run("reset", "log1mexp")
    assert code == 2
    assert "log_sums.py line 2" in err
    assert "reset log_sums" in err
    assert (package / "log_sums.py").read_text() == "x = 1\ndef f(:\n"


def test_a_reset_in_another_folder(run, package, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(SOLUTIONS, other)
    assert run("reset", "log1mexp", "--package", other)[0] == 0
    assert "NotImplementedError" in (other / "log_sums.py").read_text()
    assert "NotImplementedError" not in (package / "log_sums.py").read_text()


def test_a_reset_reads_what_python_reads(run, package):
    text = (package / "log_sums.py").read_text()
    (package / "log_sums.py").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert run("reset", "log1mexp")[0] == 0
    assert 'raise NotImplementedError("log1mexp")' in (package / "log_sums.py").read_text()


# stubs


def test_stubs_are_written_once(run, course):
    code, out, _ = run("stubs")
    target = course / "exercises" / "log_sums.py"
    assert (code, out) == (0, f"wrote {target}\n")
    assert target.read_text() == stub((SOLUTIONS / "log_sums.py").read_text())
    assert run("stubs") == (0, "", "")
    assert not (course / "exercises" / "__init__.py").exists()


def test_stale_stubs_are_told_and_not_written(run, course):
    code, out, _ = run("stubs", "--check")
    assert code == 1
    assert out.startswith("stale: log_sums.py")
    assert not (course / "exercises").exists()
    run("stubs")
    assert run("stubs", "--check") == (0, "", "")
    with (course / "exercises" / "log_sums.py").open("a") as file:
        file.write("\n")
    assert run("stubs", "--check")[0] == 1


@pytest.mark.parametrize("work", ["def logsumexp(x):\n    return x\n", "def f(:\n", "x = '\0'\n"])
def test_written_work_is_never_overwritten_unasked(run, course, work):
    run("stubs")
    target = course / "exercises" / "log_sums.py"
    target.write_text(work)
    code, _, err = run("stubs")
    assert code == 0
    assert "holds written work: left as it is" in err
    assert target.read_text() == work
    assert run("stubs", "--force")[0] == 0
    assert target.read_text() == stub((SOLUTIONS / "log_sums.py").read_text())


def test_old_stubs_are_no_work(run, course):
    (course / "exercises").mkdir()
    (course / "exercises" / "log_sums.py").write_text("def old(x):\n    raise NotImplementedError('old')\n")
    assert run("stubs")[0] == 0
    assert "def logsumexp" in (course / "exercises" / "log_sums.py").read_text()


def test_stubs_go_elsewhere(run, course, tmp_path):
    assert run("stubs", "--out", tmp_path / "out")[0] == 0
    assert (tmp_path / "out" / "log_sums.py").exists()
    assert not (course / "exercises").exists()


# the process


@pytest.mark.skipif(sys.platform == "win32", reason="no shell")
def test_a_reader_who_leaves_early_hears_no_traceback():
    environment = os.environ | {"PYTHONPATH": str(registry.ROOT)}
    command = [sys.executable, "-m", "autograder", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_the_command_starts_its_own_wall(tmp_path):
    (tmp_path / "log_sums.py").write_text("def logsumexp_numpy(x, axis=-1):\n    return x.sum(axis)\n")
    command = [sys.executable, "-m", "autograder", "check", "logsumexp_numpy", "--package", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=registry.ROOT, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("logsumexp_numpy: FAILED, ")
