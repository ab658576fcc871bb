"""Conservation: whatever happens, every task is somewhere, and in one place only."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.fog.applications import Dag, TaskType
from rl.fog.schedules import constant
from rl.fog.settings import FogSettings
from rl.fog.world import World

pytestmark = pytest.mark.unit

DIAMOND = Dag(vertices=4, edges=((0, 1), (0, 2), (1, 3), (2, 3)))
TYPES = (TaskType(4, 1, 20e6, 1e7), TaskType(6, 2, 2e6, 6e7))


@st.composite
def fogs(draw: st.DrawFn) -> FogSettings:
    layers = draw(st.integers(1, 3))
    sizes = tuple(draw(st.integers(1, 4)) for _ in range(layers))
    everyone = tuple(range(layers))
    tasks = draw(st.sampled_from([everyone, (0,), (layers - 1,)]))
    clouds = draw(st.integers(0, 2))
    rate = draw(st.sampled_from([0.3, 2.0]))
    return FogSettings(
        ticks_per_second=draw(st.integers(1, 2)),
        least_jitter_ticks=0.0,
        most_jitter_ticks=draw(st.sampled_from([0.0, 3.0])),
        drop_probability=draw(st.sampled_from([0.0, 0.2, 1.0])),
        nodes_per_layer=sizes,
        agents=tuple(range(sum(sizes))),
        instructions_per_core_second=(1e7,) * layers,
        cores=(4,) * layers,
        queue_limits=(draw(st.integers(1, 12)),) * layers,
        frequency_variations=(1e3,) * layers,
        clouds=clouds,
        cloud_positions_meters=((300.0, 300.0), (0.0, 0.0))[:clouds],
        cloud_access=(True,) * layers,
        client_layers=draw(st.sampled_from([everyone, (0,)])),
        task_layers=tasks,
        client_is_self=draw(st.booleans()),
        schedules=(constant(rate),) * len(tasks),
        application=draw(st.sampled_from(["basic", "dag"])),
        task_types=TYPES,
        dags=(DIAMOND,),
        least_deadline_seconds=draw(st.sampled_from([0, 3, 100])),
        topology=draw(st.sampled_from(["random", "ring", "full"])),
        radius_meters=70.0,
        link_contention=draw(st.booleans()),
        node_meters_per_second=draw(st.sampled_from([0.0, 20.0])),
        client_meters_per_second=draw(st.sampled_from([0.0, 20.0])),
        failures_per_second=draw(st.sampled_from([0.0, 0.1])),
        repair_seconds=3.0,
        compat=draw(st.booleans()),
    )


@settings(max_examples=30, deadline=None)
@given(fogs(), st.integers(0, 2**32))
def test_every_task_is_in_one_place_after_every_tick(fog: FogSettings, seed: int) -> None:
    world = World(fog, seed)
    world.begin()
    dice = random.Random(seed)
    for _ in range(40):
        for agent in fog.agents:
            world.act(agent, dice.randrange(6), dice.randrange(1, 4))
        world.advance()

        census = world.census()
        assert census.balanced, census
        for node, load in enumerate(world.nodes.load):
            assert load == len(world.nodes.held(node)) <= world.nodes.limits[node]
