"""Applications as clients ask for them."""

import random
from collections import Counter

import pytest

from rl.fog.applications import Dag, Job, TaskType
from rl.fog.workload import Workload
from tests.rl.fog.fogs import DIAMOND

pytestmark = pytest.mark.unit

TYPES = (TaskType(1, 2, 5e6, 1e7), TaskType(3, 1, 6e6, 3e7))


def workload(dags: tuple[Dag, ...] = (), jobs: tuple[Job, ...] = (), deadline: int = 0) -> Workload:
    return Workload(TYPES, dags, jobs, deadline, random.Random(1))


def test_a_single_task_has_its_types_work_and_size() -> None:
    made = workload()
    found: Counter[tuple[int, float, float]] = Counter()
    for number in range(400):
        application = made.application(2, 3, 7)
        (task,) = application.tasks
        found[task.kind, task.instructions, task.size_bytes] += 1
        assert (task.id, application.id) == (number + 1, number + 1)
        assert (application.client, application.home, application.created) == (2, 3, 7)
        assert (application.deadline, application.missing, application.open) == (0, [], 1)

    assert set(found) == {(0, 2e7, 5e6), (1, 3e7, 6e6)}
    assert found[0, 2e7, 5e6] / 400 == pytest.approx(0.25, abs=0.05)


def test_a_graph_has_its_order_anew_each_time() -> None:
    made = workload((DIAMOND,))
    first, second = made.application(0, 0, 0), made.application(0, 0, 0)

    assert (first.missing, first.successors) == ([0, 1, 1, 2], [[1, 2], [3], [3], []])
    assert [task.vertex for task in first.tasks] == [0, 1, 2, 3]
    first.missing[3] = 0
    assert second.missing[3] == 2
    assert first.open == 4


def test_jobs_of_a_trace_are_drawn_evenly() -> None:
    made = workload(jobs=(Job(1.0, 2.0), Job(3.0, 4.0)))
    found = Counter(made.application(0, 0, 0).tasks[0].instructions for _ in range(400))

    assert found[1.0] / 400 == pytest.approx(0.5, abs=0.07)


def test_deadlines_lie_between_one_and_two_times_the_least() -> None:
    made = workload(deadline=4)

    assert {made.application(0, 0, 10).deadline for _ in range(200)} == {14, 15, 16, 17}
