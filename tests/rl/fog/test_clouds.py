"""Clouds: machines that share one queue."""

import pytest

from rl.fog.clouds import Cloud, CloudSize
from rl.fog.tasks import Place
from tests.rl.fog.fogs import task

pytestmark = pytest.mark.unit


def cloud_of(instructions: list[float], machines: int = 1, compat: bool = False) -> Cloud:
    cloud = Cloud(7, CloudSize(machines, 100), compat)
    for each in instructions:
        cloud.accept(task(each))
    return cloud


def test_a_machine_carries_what_is_left_of_a_tick_to_the_next_task() -> None:
    cloud = cloud_of([60.0, 60.0, 60.0, 30.0])

    assert [len(cloud.process()) for _ in range(4)] == [1, 2, 1, 0]
    assert cloud.processed == 210.0


def test_in_compat_it_begins_anew_with_each_task() -> None:
    cloud = cloud_of([60.0, 60.0, 60.0, 130.0], compat=True)

    assert [len(cloud.process()) for _ in range(2)] == [3, 1]


def test_machines_work_side_by_side_and_all_that_they_hold_is_counted() -> None:
    cloud = cloud_of([150.0] * 3, machines=2)
    assert (len(cloud), cloud.held()[0].place, cloud.held()[0].node) == (3, Place.QUEUED, 7)

    assert cloud.process() == []
    assert [each.place for each in cloud.held()] == [Place.RUNNING] * 2 + [Place.QUEUED]
    assert len(cloud.process()) == 2
    assert len(cloud) == 1
