"""Many worlds side by side; that each is the single one is shown in test_vector."""

import numpy as np
import pytest

from rl.fog.applications import TaskType
from rl.fog.streams import Integers
from rl.fog.vector_ground import Grounds
from rl.fog.vector_world import VectorWorld
from tests.rl.fog.fogs import LARGE, plain

pytestmark = pytest.mark.unit

QUICK = TaskType(1, 1, 1e3, 1e7)


def integers(*values: int) -> Integers:
    return np.array(values, dtype=np.int64)


def world_of(seeds: tuple[int, ...], **more: object) -> VectorWorld:
    fog = plain(3, **more)  # type: ignore[arg-type]
    world = VectorWorld(fog, Grounds(fog, seeds, 0, 3), seeds, 0)
    world.begin()
    return world


def test_runs_do_not_touch_each_other() -> None:
    together, alone = world_of((5, 6, 5)), world_of((6,))
    for _ in range(60):
        together.advance()
        alone.advance()

    loads = together.load.reshape(3, -1)
    assert np.array_equal(loads[0], loads[2])
    assert not np.array_equal(loads[0], loads[1])
    assert np.array_equal(loads[1], alone.load)


def test_an_undecided_task_can_be_kept_or_sent_and_comes_back() -> None:
    world = world_of((5,), rate=50.0, task_types=(QUICK,), duration_seconds=30)
    world.advance()
    here, kept, sent = integers(0), np.array([True]), np.array([False])

    assert world.undecided(integers(0, 1)).tolist() == [1, 1]

    world.act(here, here, kept)

    assert world.undecided(here).tolist() == [0]
    assert world.load[0] == 1

    world.act(integers(1), integers(2), sent)

    assert world.load[1] == 0
    assert world.tallies.sent.tolist() == [0, 1, 0, 0]
    for _ in range(4):
        world.advance()
    assert world.tallies.taken.tolist() == [0, 0, 1, 0]
    # Each node was asked once a tick, and has done all that came until the tick before.
    assert world.tallies.completed.tolist() == [4, 4, 4, 0]
    assert world.tallies.processed.tolist() == [4, 3, 5, 0]


def test_tasks_are_conserved() -> None:
    world = world_of(
        (1, 2, 3), task_types=(LARGE,), queue_limits=(4,), least_deadline_seconds=3, expiry_ticks=1
    )
    dice = np.random.default_rng(1)
    places = np.arange(12)[np.arange(12) % 4 < 3]
    for _ in range(70):
        ready = places[world.undecided(places) > 0]
        targets = ready // 4 * 4 + dice.integers(0, 3, len(ready))
        world.act(ready, targets, targets == ready)
        world.advance()
        tallies = world.tallies
        ended = tallies.completed.sum() + tallies.refused.sum() + tallies.expired.sum()
        assert tallies.asked.sum() == ended + world.tasks
    assert tallies.expired.sum() > 0
    assert tallies.refused.sum() > 0
