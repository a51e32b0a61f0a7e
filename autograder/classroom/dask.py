"""Grades submissions on a Dask cluster: the same unit of work, on machines that the instructor trusts with the seed."""

import functools
import threading
from collections.abc import Iterator
from typing import Any

from autograder.classroom.pool import Task
from autograder.classroom.work import Examination, Grader, Outcome, Papers
from autograder.running.launch import WallError
from autograder.sources import SourceError

AHEAD = 2  # tasks under way for each thread of the cluster
_one_at_a_time = threading.Lock()  # a worker of Dask may have several threads; a wall answers one


@functools.lru_cache(maxsize=1)
def _grader(examination: Examination) -> Grader:
    return Grader(Papers(examination))


def grade_there(examination: Examination, texts: dict[str, str]) -> Outcome:
    """Grade one submission in a process of the cluster; papers and wall are kept from task to task."""
    with _one_at_a_time:
        try:
            return _grader(examination).grade(texts)
        except (WallError, MemoryError, OSError) as error:
            return {"trouble": f"{type(error).__name__}: {error}"}


def layers_there(examination: Examination) -> tuple[str, ...]:
    """Return the isolation that holds in a process of the cluster."""
    with _one_at_a_time:
        return _grader(examination).layers()


class Cluster:
    """Shares tasks out over a cluster."""

    def __init__(self, address: str, papers: Papers) -> None:
        """Connect.

        Raises:
            SourceError: Dask is not installed, or nobody answers at the address.
        """
        try:
            import distributed
        except ImportError:
            raise SourceError("--dask needs Dask: pip install 'stable-logprobs[dask]'") from None
        self._distributed, self._examination = distributed, papers.examination
        try:
            self._client: Any = distributed.Client(address, timeout=20)
        except (OSError, ValueError, TypeError) as error:
            raise SourceError(f"no Dask scheduler answers at {address} ({error})") from None

    def layers(self) -> tuple[str, ...]:
        """Return the isolation that holds on every machine of the cluster.

        Raises:
            SourceError: The machines differ, or there are none.
        """
        found = {tuple(layers) for layers in self._client.run(layers_there, self._examination).values()}
        if len(found) != 1:
            raise SourceError(f"the cluster's workers have {len(found)} different walls, expected one: {sorted(found)}")
        return found.pop()

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[tuple[str, Outcome]]:
        """Yield each task's student and outcome, in any order."""
        running = self._distributed.as_completed(raise_errors=False)
        students: dict[str, str] = {}
        room = AHEAD * max(1, sum(self._client.nthreads().values()))
        waiting, left = iter(tasks), True
        while left or students:
            while left and len(students) < room:
                task = next(waiting, None)
                if task is None:
                    left = False
                else:
                    future = self._client.submit(
                        grade_there, self._examination, task.texts, key=f"grade-{task.student}-{id(task)}", pure=False
                    )
                    students[future.key] = task.student
                    running.add(future)
            if students:
                future = next(running)
                student = students.pop(future.key)
                if future.status == "finished":
                    yield student, future.result()
                else:
                    yield student, {"trouble": f"the cluster gave it up ({future.exception()})"}

    def close(self) -> None:
        """Leave the cluster; it goes on."""
        self._client.close()


def on_cluster(address: str) -> Any:
    """Return what shares tasks out over the cluster at an address."""
    return lambda papers, jobs, private: Cluster(address, papers)
