"""The cost of the whole fog as a reward."""

import pytest

from rl.fog.env import FogEnv
from rl.fog.payment import Deed
from rl.fog.shared_cost import LOST_TICKS, shared_cost
from tests.rl.fog.fogs import application, plain

pytestmark = pytest.mark.unit


def test_all_agents_pay_for_what_is_in_the_system() -> None:
    env = FogEnv(plain(4, rate=0.9), reward=shared_cost)
    env.reset(seed=1)
    for _ in range(30):
        _, rewards, _, _, _ = env.step({})
        assert set(rewards.values()) == {-env.world.census().in_system / 4}


def test_a_lost_task_costs_more() -> None:
    env = FogEnv(plain(2, rate=0.0), reward=shared_cost)
    env.reset(seed=1)
    world = env.world
    world.nodes.power[1] = 1
    for _ in range(11):  # one more than fit
        made = application(1, 1)
        world.tallies.created += 1
        world._lives.accept(made)
    assert world.tallies.dropped == 1
    _, rewards, _, _, _ = env.step({})
    assert rewards["worker_0"] == -10 / 2

    world.tallies.dropped_lately[1] = 1
    assert shared_cost(Deed(world, "worker_0", 0, 0, False, [0, 0])) == -(10 + LOST_TICKS) / 2


def test_summed_up_it_is_the_response_times() -> None:
    """Little's law: of fogs that lose nothing."""
    env = FogEnv(plain(3, rate=0.4, duration_seconds=400), reward=shared_cost)
    env.reset(seed=4)
    paid = 0.0
    while env.agents:
        paid += env.step({})[1].get("worker_0", 0.0)
    tallies = env.world.tallies
    assert tallies.dropped == tallies.expired == 0
    assert -paid * 3 == pytest.approx(sum(tallies.response_ticks), rel=0.02)
