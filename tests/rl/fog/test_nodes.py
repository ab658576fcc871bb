"""Queues of workers."""

import pytest

from rl.fog.nodes import Nodes
from rl.fog.tasks import Place, Task
from tests.rl.fog.fogs import application, task

pytestmark = pytest.mark.unit


def filled(count: int = 4, compat: bool = False) -> Nodes:
    nodes = Nodes([100], [10], compat)
    for each in application(count, 0, 100.0).tasks:
        nodes.add(each, 0)
    return nodes


def ids(tasks: list[Task]) -> list[int]:
    return [each.id for each in tasks]


def test_first_come_first_served_but_the_newest_first_in_compat() -> None:
    documented, compat = filled(), filled(compat=True)

    assert [ids(documented.process(0, now)) for now in range(4)] == [[0], [1], [2], [3]]
    assert [ids(compat.process(0, now)) for now in range(4)] == [[3], [2], [1], [0]]


def test_in_compat_newcomers_are_moved_every_second_tick_or_when_the_queue_is_empty() -> None:
    nodes = filled(3, compat=True)
    nodes.process(0, 1)
    nodes.add(task(100.0), 0)

    assert ids(nodes.process(0, 1)) == [1]
    assert nodes.load == [2]
    nodes.process(0, 3)
    assert nodes.load == [1]
    assert [each.place for each in nodes.queued(0)] == [Place.QUEUED]


def test_what_is_kept_is_not_taken() -> None:
    nodes = filled()
    assert nodes.keep(0, 2) == 2
    assert nodes.undecided(0) is nodes.queued(0)[2]

    assert ids(nodes.take(0, 5)) == [2, 3]
    assert nodes.take(0, 1) == []
    assert (nodes.load, nodes.keep(0, 1), nodes.undecided(0)) == ([2], 0, None)


def test_in_compat_keeping_is_about_the_next_task_whether_decided_or_not() -> None:
    nodes = filled(compat=True)

    assert nodes.keep(0, 3) == nodes.keep(0, 1) == 1
    assert ids(nodes.take(0, 5)) == [2, 1, 0]


def test_a_running_task_is_never_taken() -> None:
    nodes = Nodes([10], [10], False)
    only = task(100.0)
    nodes.add(only, 0)
    nodes.process(0, 0)

    assert (only.place, nodes.take(0, 1), nodes.load) == (Place.RUNNING, [], [1])
    assert nodes.instructions == [10.0]


@pytest.mark.parametrize("compat", [False, True])
def test_waiting_tasks_are_released_removed_and_cleared(compat: bool) -> None:
    nodes = Nodes([100], [10], compat)
    waiting, other, queued = application(3, 0, 100.0).tasks
    nodes.add_waiting(waiting, 0)
    nodes.add_waiting(other, 0)
    nodes.add(queued, 0)
    assert (nodes.load, waiting.place, len(nodes.queued(0))) == ([3], Place.WAITING, 1)

    nodes.release(waiting)
    assert (nodes.load, waiting.place, len(nodes.queued(0))) == ([3], Place.QUEUED, 2)
    nodes.remove(other)
    nodes.remove(waiting)
    assert (nodes.load, nodes.held(0)) == ([1], [queued])
    assert nodes.clear(0) == [queued]
    assert (nodes.load, nodes.held(0), len(nodes)) == ([0], [], 1)
