"""Rewards over arrays against the formulas one by one."""

import random

import numpy as np
import pytest

from rl.fog import payment
from rl.fog.payment import Deed, RewardName
from rl.fog.rewards import DelayWeights
from rl.fog.vector_ground import Grounds
from rl.fog.vector_pay import VectorDeeds, build
from rl.fog.world import World
from tests.rl.fog.fogs import LARGE, SMALL, plain

pytestmark = pytest.mark.unit

FOG = plain(
    4,
    "ring",
    clouds=1,
    cloud_access=(True,),
    cloud_positions_meters=((300.0, 0.0),),
    task_types=(SMALL, LARGE),
    frequency_variations=(1e6,),
    ticks_per_second=2,
    delay_weights=DelayWeights(0.7, 1.3, 0.4),
    no_op_reward=-0.5,
    client_is_self=False,
)


@pytest.mark.parametrize("name", ["documented", "sparse", "dense", "baek"])
def test_every_deed_is_worth_the_same(name: RewardName) -> None:
    seeds, agents, dice = (3, 4), 4, random.Random(1)
    grounds = Grounds(FOG, seeds, 0, 4)
    pay, alone = build(name, FOG, grounds), payment.build(name, FOG)
    worlds = [World(FOG, seed) for seed in seeds]
    for _ in range(60):
        cells = [(run, agent) for run in range(2) for agent in range(agents)]
        chosen = [dice.randrange(-1, 5) for _ in cells]
        valid = [0 <= each < 4 for each in chosen]
        moved = [good and dice.random() < 0.7 for good in valid]
        seen = [[dice.randrange(11) for _ in range(3)] + [0] for _ in cells]
        counts = [(dice.randrange(3), dice.randrange(3)) for _ in cells]
        columns = [each if good else 0 for each, good in zip(chosen, valid, strict=True)]
        paid = pay(
            VectorDeeds(
                at=np.arange(len(cells)) * 4 + columns,
                valid=np.array(valid),
                local=np.array(chosen) == 0,
                moved=np.array(moved),
                own=np.array([row[0] for row in seen]),
                queue=np.array([row[at] for row, at in zip(seen, columns, strict=True)]),
                completed=np.array([each for each, _ in counts]),
                dropped=np.array([each for _, each in counts]),
            )
        )
        for number, (run, agent) in enumerate(cells):
            world = worlds[run]
            deed = Deed(world, f"worker_{agent}", agent, chosen[number], False, seen[number])
            deed.moved = int(moved[number])
            lately = world.tallies
            lately.completed_lately[agent], lately.dropped_lately[agent] = counts[number]
            assert paid[number] == pytest.approx(alone(deed), rel=1e-9, abs=1e-9)
