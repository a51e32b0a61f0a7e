"""The same work on a Dask cluster, where Dask is installed."""

import pytest

from autograder.classroom.dask import Cluster, on_cluster
from autograder.classroom.pool import Task
from autograder.classroom.run import Settings, grade
from autograder.classroom.work import Examination, Grader, Papers
from autograder.sources import SourceError

PAPERS = Papers(Examination(4, ("exp_range",), clock=False))


@pytest.fixture(scope="module")
def address():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, scheduler_port=0
    ) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_gives_what_one_process_gives(address, wall, solutions):
    cluster = Cluster(address, PAPERS)
    texts = {"ann": solutions, "bob": {"floats": solutions["floats"].replace("exp_range", "range_")}}
    found = dict(cluster.outcomes(Task(student, dict(text)) for student, text in texts.items()))
    cluster.close()
    for student, text in texts.items():
        assert found[student]["exercises"] == Grader(PAPERS, wall).grade(text)["exercises"]


def test_a_class_is_graded_there(address, tmp_path, solutions):
    (tmp_path / "class" / "ann").mkdir(parents=True)
    (tmp_path / "class" / "ann" / "floats.py").write_text(solutions["floats"])
    settings = Settings(tmp_path / "class", tmp_path / "out", ("exp_range",))
    assert grade(settings, on_cluster(address)) == 0


def test_without_dask_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(SourceError, match=r"pip install 'stable-logprobs\[dask\]'"):
        Cluster("tcp://127.0.0.1:1", PAPERS)
