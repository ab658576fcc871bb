"""The global fields."""

import pytest

from rl.fog.reporting import everything
from rl.fog.world import World
from tests.rl.fog.fogs import application, plain

pytestmark = pytest.mark.unit


def test_all_of_the_originals_fields_are_there() -> None:
    world = World(plain(2, rate=0.0), 1)
    world._lives.accept(application(10, 0))
    world.tallies.finished = [3, 1]
    world.tallies.response_ticks = [9, 7]
    told = everything(world)

    assert (told["true_Q"], told["overloadedNodes"], told["occupancy"]) == (
        [10, 0],
        [1, 0],
        [1.0, 0.0],
    )
    assert told["averageCompletionTimes"] == [3.0, 7.0]
    assert told["averageResponseTime"] == 4.0
    assert told["totalTasksReceived"] == told["tasksRecievedSinceLastCycle"] == [10, 0]
    assert {
        "droppedTasks",
        "finishedTasks",
        "totalTasks",
        "energyConsumed",
        "timesOverloaded",
        "noExpired",
        "noFailedOnArrival",
        "totalTasksProcessedPerNode",
        "totalTasksOffloadedFromNode",
        "totalTasksOffloadedToNode",
        "ids",
        "droppedThisCycle",
    } <= set(told)


def test_what_was_told_does_not_change_afterwards() -> None:
    world = World(plain(2, rate=3.0), 1)
    world.begin()
    told = everything(world)
    before = repr(told)
    for _ in range(10):
        world.tallies.begin_period()
        world.advance()

    assert before == repr(told) != repr(everything(world))
