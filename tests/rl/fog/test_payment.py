"""What agents are paid: that the formulas are given the right numbers."""

import math
from typing import Any

import pytest

from rl.fog import rewards
from rl.fog.env import FogEnv
from rl.fog.payment import Deed, RewardName, build
from rl.fog.rewards import Terms
from rl.fog.settings import FogSettings
from rl.fog.world import World
from tests.rl.fog.fogs import application, plain

pytestmark = pytest.mark.unit

NAMES = pytest.mark.parametrize("name", ["documented", "sparse", "dense", "baek"])
APART = ((0.0, 0.0), (100.0, 0.0))


def fog(rate: float = 0.0, **more: Any) -> FogSettings:
    return plain(2, rate=rate, positions_meters=APART, arrivals_per_second=0.5, **more)


def deed(world: World, index: int, seen: list[int], moved: int = 1) -> Deed:
    made = Deed(world, "worker_0", 0, index, False, seen)
    made.moved = moved
    return made


def begun(**more: Any) -> World:
    world = World(fog(**more), 1)
    world.begin()
    return world


@NAMES
def test_without_a_task_there_is_the_no_op_reward_and_without_a_neighbour_a_penalty(
    name: RewardName,
) -> None:
    world = begun(no_op_reward=0.0, utility_reward=10.0)
    pay = build(name, world.settings)

    assert pay(deed(world, 0, [0, 0], moved=0)) == 0.0
    assert pay(deed(world, 1, [0, 0], moved=0)) == 0.0
    for index in (2, 99, -1):
        assert pay(deed(world, index, [0, 0], moved=0)) == -10.0
    assert pay(Deed(world, "worker_0", 0, -1, True, [0, 0])) == 0.0


@pytest.mark.parametrize("compat", [False, True])
def test_sparse_pays_for_what_was_completed_and_dropped(compat: bool) -> None:
    """3 completed, 2 dropped, 10 each: 10, whether or not there was a task to decide about."""
    world = begun(compat=compat)
    world.tallies.completed_lately[0] = 0 if compat else 3
    world.tallies.dropped_lately[0] = 2
    pay = build("sparse", world.settings)

    for moved in (0, 1):
        made = deed(world, 0, [4, 0], moved)
        made.completed_before = 3 if compat else 0
        assert pay(made) == 10.0


def test_dense_in_compat_pays_for_a_load_even_if_nothing_could_be_moved() -> None:
    for compat in (False, True):
        world = begun(compat=compat)
        pay = build("dense", world.settings)
        paid = pay(deed(world, 1, [1, 0], moved=0))
        assert paid == (pay(deed(world, 1, [1, 0])) if compat else 0.0)
        assert pay(deed(world, 1, [0, 0], moved=0)) == 0.0
        assert pay(Deed(world, "worker_0", 0, -1, True, [1, 0])) == 0.0


def test_dense_gives_the_worked_numbers() -> None:
    """One client reaches each node, as in the examples; loads are those believed in."""
    world = begun(overload_weight=150.0)
    world._clients = [1, 1]
    pay = build("dense", world.settings)

    assert pay(deed(world, 0, [4, 0])) == pytest.approx(-21.0630, abs=1e-4)
    assert pay(deed(world, 1, [4, 9])) == pytest.approx(-197.1363, abs=1e-3)


def test_documented_and_baek_are_given_loads_powers_limits_and_distances() -> None:
    world = begun()
    terms = Terms.of(world.settings)
    send = world.ground.seconds(0, 1, 38e6)
    documented, baek = build("documented", world.settings), build("baek", world.settings)

    assert documented(deed(world, 0, [4, 9])) == pytest.approx(
        rewards.documented(terms, 4, 4e7, 4, 4e7, 10, 0.0, True).total
    )
    assert documented(deed(world, 1, [4, 9])) == pytest.approx(
        rewards.documented(terms, 4, 4e7, 9, 4e7, 10, send, False).total
    )
    assert baek(deed(world, 0, [4, 9], moved=3)) == pytest.approx(
        rewards.baek2019(terms, 4, 4e7, 10, 1.0, 4, 4e7, 10, 1.0, 0.0, 3, 0).total
    )
    assert baek(deed(world, 1, [4, 9], moved=2)) == pytest.approx(
        rewards.baek2019(terms, 4, 4e7, 10, 1.0, 9, 4e7, 10, 1.0, 100.0, 0, 2).total
    )


@NAMES
def test_clouds_can_be_paid_for(name: RewardName) -> None:
    world = World(fog(clouds=1, cloud_access=(True,), cloud_positions_meters=((300.0, 300.0),)), 1)

    assert math.isfinite(build(name, world.settings)(deed(world, 2, [4, 0, 0])))


def test_an_agent_is_paid_for_its_own_completed_tasks_in_the_step_they_come_back_in() -> None:
    env = FogEnv(fog(), reward="sparse")
    env.reset()
    env.world._lives.accept(application(2, home=0))
    paid = [env.step({"worker_0": 1, "worker_1": 0})[1] for _ in range(25)]

    # One is kept by the node that is quicker than its agent's next action, one goes 9 ticks there
    # and back.
    assert [step["worker_0"] for step in paid if step["worker_0"]] == [10.0, 10.0]
    assert all(not step["worker_1"] for step in paid)


def test_in_compat_it_is_paid_a_step_later() -> None:
    """What came back is paid for with the next action, what was dropped at once."""
    for compat in (False, True):
        env = FogEnv(fog(0.5), reward="sparse", compat=compat)
        env.reset()
        steps = [env.step({"worker_0": 0}) for _ in range(40)]
        told = [infos["worker_0"] for *_, infos in steps]
        assert sum(each["completed"] for each in told) > 3
        paid = [earned["worker_0"] for _, earned, *_ in steps]
        back = [each["completed"] for each in told]
        if compat:
            back = [0, *back[:-1]]
        assert paid == [
            10.0 * (each - now["dropped"]) for each, now in zip(back, told, strict=True)
        ]


def test_there_is_no_other_name() -> None:
    with pytest.raises(ValueError, match="dense"):
        build("danse", FogSettings())  # type: ignore[arg-type]


def test_a_deed_says_whom_it_reached() -> None:
    world = begun()
    world.tallies.completed_lately[0] = 7
    world.tallies.dropped_lately[0] = 5
    made = deed(world, 1, [0, 0])

    assert (made.target, made.valid, made.completed, made.dropped) == (1, True, 7, 5)
    assert (deed(world, 5, [0, 0]).target, deed(world, 5, [0, 0]).valid) == (0, False)
