"""The clouds of many runs against ``Cloud``."""

import random

import numpy as np
import pytest

from rl.fog.clouds import Cloud, CloudSize
from rl.fog.vector_clouds import VectorClouds
from rl.fog.vector_ground import Grounds
from rl.fog.vector_tasks import Table
from tests.rl.fog.fogs import plain, task

pytestmark = pytest.mark.unit


def test_they_finish_what_the_single_ones_finish() -> None:
    fog = plain(
        2,
        clouds=2,
        cloud_access=(True,),
        cloud_positions_meters=((0.0, 0.0), (9.0, 9.0)),
        cloud_machines=2,
        cloud_instructions_per_second=1e7,
    )
    work = np.array([3e6, 1e7, 2.5e7])
    tasks = Table(1000)
    grounds = Grounds(fog, (1, 2), 0, 4)
    many = VectorClouds(fog, grounds, tasks, work)
    # By flat place: two nodes, two clouds and the filler of each run.
    alone = {place: Cloud(place, CloudSize(2, 10_000_000), False) for place in (2, 3, 7, 8)}
    dice, names = random.Random(1), {}
    for tick in range(120):
        coming = [dice.choice(list(alone)) for _ in range(dice.randrange(6))] if tick < 60 else []
        if coming:
            ids = tasks.new(len(coming))
            for id, place in zip(ids.tolist(), coming, strict=True):
                tasks.kind[id] = dice.randrange(3)
                one = task(float(work[tasks.kind[id]]))
                names[one] = id
                alone[place].accept(one)
            many.accept(ids, np.array(coming, dtype=np.int64))
        found = {
            (int(id), int(place))
            for ids, places in many.process()
            for id, place in zip(ids, places, strict=True)
        }
        expected = {
            (names[one], place) for place, cloud in alone.items() for one in cloud.process()
        }
        assert found == expected
        tasks.release(np.array([id for id, _ in found], dtype=np.int64))
        assert many.loads().ravel().tolist() == [len(cloud) for cloud in alone.values()]
    assert many.process() == []


def test_there_may_be_none() -> None:
    fog = plain(2)
    many = VectorClouds(fog, Grounds(fog, (1, 2), 0, 2), Table(1), np.array([1.0]))

    assert many.count == 0
    assert many.process() == []
    assert many.loads().shape == (2, 0)
