"""The zip is unpacked and executed as Gradescope does; results.json is there whatever happens."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile

import jsonschema
import pytest

from autograder import registry
from autograder.reporting.exports.gradescope import NEEDED, archive, bundle, requirements
from autograder.reporting.records import RecordsError
from autograder.tests.reporting.exports.test_gradescope_form import SPECIFICATION

SETTINGS = {"exercises": ["exp_range", "log1mexp"], "seed": 11, "private": "hidden", "limit_s": 500}


@pytest.fixture(scope="module")
def data():
    return bundle(registry.ROOT, SETTINGS)


@pytest.fixture
def container(data, tmp_path):
    """Unpack the zip as Gradescope does, into a root of our own."""
    for folder in ("source", "submission", "results"):
        (tmp_path / folder).mkdir()
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        for entry in packed.infolist():
            (tmp_path / "source" / entry.filename).parent.mkdir(parents=True, exist_ok=True)
            packed.extract(entry, tmp_path / "source")
            os.chmod(tmp_path / "source" / entry.filename, entry.external_attr >> 16 & 0o777)
    shutil.copy(tmp_path / "source" / "run_autograder", tmp_path / "run_autograder")
    (tmp_path / "submission_metadata.json").write_text("{}")

    def run(**changes):
        variables = {"PATH": os.environ["PATH"], "AUTOGRADER_ROOT": str(tmp_path), "AUTOGRADER_PYTHON": sys.executable}
        done = subprocess.run(
            ["./run_autograder"], cwd=tmp_path, env=variables | changes, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found = json.loads((tmp_path / "results" / "results.json").read_text())
        jsonschema.validate(found, SPECIFICATION)
        return found

    run.root = tmp_path
    return run


def test_the_zip_has_what_gradescope_wants_at_its_root(data):
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        names = {entry.filename: entry.external_attr >> 16 for entry in packed.infolist()}
        assert packed.testzip() is None
        assert packed.read("run_autograder").startswith(b"#!/usr/bin/env bash\n")
        assert packed.read("setup.sh").startswith(b"#!/usr/bin/env bash\n")
    assert names["setup.sh"] & 0o111 and names["run_autograder"] & 0o111
    assert not [name for name in names if "solutions" in name or "/tests/" in name or "exercises/" in name]
    assert len(data) < 2_000_000


@pytest.mark.parametrize("script", ["setup.sh", "run_autograder"])
def test_the_scripts_are_bash(container, script):
    assert subprocess.run(["bash", "-n", container.root / "source" / script]).returncode == 0


def test_the_same_course_gives_the_same_zip(data):
    assert bundle(registry.ROOT, SETTINGS) == data
    assert archive({"b": b"1", "a": b"2"}, ()) == archive({"a": b"2", "b": b"1"}, ())


def test_requirements_are_the_pins_of_what_grading_imports():
    pins = (registry.ROOT / "requirements.txt").read_text()
    assert [line.split("==")[0] for line in requirements(pins).splitlines()] == list(NEEDED)
    with pytest.raises(RecordsError, match="does not pin torch"):
        requirements("numpy==2\n")


def test_a_submission_is_graded_exercise_by_exercise(container):
    work = container.root / "submission" / "exercises"
    work.mkdir()
    shutil.copy(registry.ROOT / "solutions" / "floats.py", work)
    barred = ("IPython", "matplotlib", "pytest", "hypothesis", "nbformat", "jinja2", "rich", "ipykernel", "nbval")
    text = f"import sys; sys.modules.update(dict.fromkeys({barred}))\n"  # setup.sh installs none of these
    (container.root / "source" / "course" / "sitecustomize.py").write_text(text)
    (work / "log_sums.py").write_text("def log1mexp(x):\n    return (1 - x.exp()).log()\n")
    found = container()
    tests = {test["name"]: test for test in found["tests"]}
    right = [test for name, test in tests.items() if name.startswith("exp_range")]
    assert all(test["status"] == "passed" and test["score"] == test["max_score"] for test in right)
    assert tests["log1mexp: value"]["status"] == "failed"
    assert "diagnosis: " in tests["log1mexp: rules"]["output"]
    assert 0 < found["score"] < sum(test["max_score"] for test in found["tests"])
    assert found["output"].startswith("1 of 2 exercises passed")
    assert found["extra_data"]["layers"]
    assert {test["visibility"] for name, test in tests.items() if "(private)" in name} == {"hidden"}


def test_a_grader_that_does_not_start_leaves_a_result_too(container):
    found = container(AUTOGRADER_PYTHON="/bin/false")
    assert (found["score"], found["tests"]) == (0, [])
    assert "(exit code 1): this is not your fault" in found["output"]
