"""Whole fogs against figures that were worked out by hand, in both modes."""

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from rl.fog.applications import TaskType
from rl.fog.schedules import Schedule, Segment
from rl.fog.settings import FogSettings
from rl.fog.world import World
from tests.rl.fog.fogs import TWELVE, application, plain

pytestmark = pytest.mark.unit

BOTH = pytest.mark.parametrize("compat", [False, True])


def begun(fog: FogSettings, seed: int = 1) -> World:
    world = World(fog, seed)
    world.begin()
    return world


def silent(nodes: int = 2, **more: Any) -> World:
    """Nobody asks for anything."""
    return begun(plain(nodes, rate=0.0, **more))


@BOTH
@pytest.mark.parametrize(("rate", "per_tick"), [(0.5, 0.454), (0.6, 0.526)])
def test_applications_arrive_as_often_as_slots_allow(
    rate: float, per_tick: float, compat: bool
) -> None:
    """Over 1,500 ticks, and never two of a pair in one tick."""
    fog = plain(8, "random", rate, compat=compat, radius_meters=0.0)
    world = begun(fog)
    before = world.tallies.asked.copy()
    for _ in range(1500):
        world.advance()
        asked = world.tallies.asked
        assert all(now - then in (0, 1) for now, then in zip(asked, before, strict=True))
        before = asked.copy()

    assert math.fsum(before) / 8 / 1500 == pytest.approx(per_tick, abs=0.02)


def test_a_client_that_is_itself_leaks_in_compat_only() -> None:
    """Three nodes at 0.5: 0.457 to itself and 0.32 to each neighbour per tick in the original."""
    asked: dict[bool, Counter[bool]] = {}
    for compat in (False, True):
        world = begun(plain(3, rate=0.5, compat=compat))
        found: Counter[bool] = Counter()
        for _ in range(2000):
            found.update(client == home for client, home in world._arrivals.due(world.now))
            world.now += 1
        asked[compat] = found

    assert asked[False][False] == 0
    assert asked[False][True] / 6000 == pytest.approx(0.454, abs=0.02)
    assert asked[True][True] / 6000 == pytest.approx(0.457, abs=0.02)
    assert asked[True][False] / 12000 == pytest.approx(0.32, abs=0.02)


@pytest.mark.parametrize(
    ("weights", "compat", "shares"),
    [
        ((4, 6), False, (0.4, 0.6)),
        ((4, 6), True, (0.2, 0.8)),
        ((3, 3, 4), False, (0.3, 0.3, 0.4)),
        ((3, 3, 4), True, (0.2, 0.0, 0.8)),
    ],
)
def test_types_are_drawn_in_these_shares(
    weights: tuple[int, ...], compat: bool, shares: tuple[float, ...]
) -> None:
    fog = plain(2, task_types=tuple(TaskType(each) for each in weights), compat=compat)
    world = begun(fog)
    kinds = Counter(world._workload.application(0, 0, 0).tasks[0].kind for _ in range(4000))

    for kind, share in enumerate(shares):
        assert kinds[kind] / 4000 == pytest.approx(share, abs=0.03)


@BOTH
@pytest.mark.parametrize(
    ("instructions", "finished"),
    [(4e7, [1, 2, 3, 4]), (1e7, [4, 8, 10, 10]), (6e7, [0, 1, 2, 2, 3])],
)
def test_a_node_processes_so_many_tasks(
    instructions: float, finished: list[int], compat: bool
) -> None:
    """Power 4e7 per tick; what is left of a tick goes to the next task."""
    world = silent(compat=compat)
    tasks = application(10, 0, instructions)
    world.tallies.created = 10
    world._lives.accept(tasks)
    counted = []
    for _ in finished:
        world.advance()
        counted.append(world.tallies.processed[0])

    assert finished == counted
    assert world.census().balanced


@BOTH
def test_an_application_that_does_not_fit_is_refused_and_so_is_an_offload_to_a_full_node(
    compat: bool,
) -> None:
    world = silent(compat=compat)
    lives, tallies = world._lives, world.tallies
    tallies.created = 13
    lives.accept(application(9, home=1))
    lives.accept(application(2, home=1))
    assert (world.nodes.load[1], tallies.refused_at[1], tallies.dropped) == (9, 1, 2)
    lives.accept(application(1, home=1))
    assert world.nodes.load[1] == 10

    lives.accept(application(1, home=0))
    assert world.act(0, 1) == 1
    ticks = world.post.ticks(0, 1, 38e6)
    world.nodes.power[1] = 0  # it stays full
    for _ in range(ticks):
        world.advance()

    assert (world.nodes.load, tallies.refused_at, tallies.dropped) == ([0, 10], [0, 2], 3)
    assert tallies.overloaded[1] == ticks
    assert world.census().balanced


@pytest.mark.parametrize(
    ("meters", "compat", "ticks"),
    [
        (1.0, True, 7),
        (10.0, True, 9),
        (50.0, True, 13),
        (100.0, True, 16),
        (1.0, False, 5),
        (10.0, False, 6),
        (50.0, False, 8),
        (100.0, False, 9),
    ],
)
def test_a_task_takes_so_long_there_and_back(meters: float, compat: bool, ticks: int) -> None:
    """38 MB by radio: then a tick's work, and a result as large."""
    world = silent(positions_meters=((0.0, 0.0), (meters, 0.0)), compat=compat)
    world.tallies.created = 1
    world._lives.accept(application(1, home=0))
    assert world.act(0, 1) == 1
    arrived = 0
    while not world.nodes.load[1]:
        world.advance()
        arrived += 1
    # It is processed within the tick that it arrives in, unless received in between two moves.
    while world.census().completed == 0:
        world.advance()

    assert arrived == ticks
    assert world.now == 2 * ticks
    assert world.nodes.load == [0, 0]


def test_results_go_back_hop_by_hop_and_energy_is_counted() -> None:
    line = ((0, 1), (1, 0, 2), (2, 1))
    world = silent(
        3,
        topology="manual",
        neighbours=line,
        positions_meters=((0.0, 0.0), (10.0, 0.0), (20.0, 0.0)),
    )
    world.tallies.created = 1
    asked = application(1, home=0)
    world._lives.accept(asked)
    world.act(0, 1)
    for _ in range(6):
        world.advance()
    assert world.nodes.load == [0, 1, 0]
    world.act(1, 2)
    assert [0, 1] == asked.tasks[0].path
    for _ in range(6):
        world.advance()
    for _ in range(12):
        world.advance()

    assert world.tallies.completed_for == [1, 0, 0]
    assert world.tallies.processed == [0, 0, 1]
    assert (world.tallies.sent, world.tallies.taken) == ([1, 1, 0], [0, 1, 1])
    # 38 MB twice over each link; the work at the last node.
    assert world.tallies.energy == [380.0, 760.0, 380.0 + 4e7]


def test_what_was_completed_is_harvested_once() -> None:
    world = silent()
    world._lives.accept(application(1))
    world.advance()
    assert world.harvest() == []  # nothing was kept before the first time
    asked = application(2)
    world._lives.accept(asked)
    for _ in range(3):
        world.advance()

    assert world.harvest() == asked.tasks
    assert world.harvest() == []


def test_a_graph_of_tasks_runs_in_its_order() -> None:
    world = begun(TWELVE["dag"])
    applications = []
    application_of = world._workload.application

    def noted(client: int, home: int, now: int):  # type: ignore[no-untyped-def]
        applications.append(application_of(client, home, now))
        return applications[-1]

    world._workload.application = noted  # type: ignore[method-assign]
    finished: dict[int, int] = {}
    for _ in range(60):
        world.advance()
        for each in applications:
            for task in each.tasks:
                if task.place.name == "COMPLETED":
                    finished.setdefault(task.id, world.now)

    whole = [each for each in applications if not each.open and not each.failed]
    assert len(whole) > 10
    for each in whole:
        ends = [finished[task.id] for task in each.tasks]
        assert ends[0] <= min(ends[1], ends[2]) <= max(ends[1], ends[2]) <= ends[3]
    assert sum(world.tallies.finished) > 10


def test_deadlines_give_up_applications_and_later_their_tasks() -> None:
    """One task of 3 ticks each at one node: the queue's end expires five ticks after."""
    slow = TaskType(instructions=4e8)
    world = begun(plain(1, rate=1.0, task_types=(slow,), least_deadline_seconds=5))
    for _ in range(60):
        world.advance()
        assert world.census().balanced
    tallies = world.tallies

    assert tallies.expired == tallies.expired_at[0] > 10
    assert tallies.late[0] > tallies.finished[0]


def test_in_compat_a_deadline_counts_the_time_of_asking_twice() -> None:
    late = []
    for compat in (False, True):
        slow = TaskType(instructions=4e9)
        world = begun(plain(1, rate=1.0, task_types=(slow,), compat=compat))
        for _ in range(250):
            world.advance()
        late.append(world.tallies.late[0])

    assert late[0] > late[1] > 0


def test_rates_change_on_time() -> None:
    busy = Schedule((Segment(0.0, 100), Segment(5.0, 100), Segment(0.0, 1)))
    world = begun(replace(plain(1), schedules=(busy,)))
    asked = []
    for _ in range(300):
        asked.append(world.tallies.asked[0])
        world.advance()

    assert (asked[100], asked[200], asked[299]) == (1, asked[299], asked[200])
    assert asked[200] > 90


def test_drop_loses_messages_but_not_in_compat() -> None:
    runs = []
    for compat, drop in ((True, 0.0), (True, 0.9), (False, 0.0), (False, 0.9)):
        world = begun(plain(3, compat=compat, drop_probability=drop))
        for _ in range(200):
            world.act(0, 1)
            world.advance()
        runs.append(world.census())

    assert runs[0] == runs[1]
    assert runs[2].dropped == 0
    assert runs[3].dropped > 0.8 * runs[3].created


def test_what_agents_do_does_not_change_what_is_asked() -> None:
    worlds = [begun(plain(3, rate=0.8)) for _ in range(2)]
    for world in worlds:
        for _ in range(100):
            if world is worlds[0]:
                world.act(0, 1)
            world.advance()

    assert worlds[0].tallies.asked == worlds[1].tallies.asked
    assert worlds[0].tallies.sent != worlds[1].tallies.sent


def test_the_cloud_takes_all_and_gives_results_back() -> None:
    cloud = plain(
        1, rate=3.0, clouds=1, cloud_access=(True,), cloud_positions_meters=((20.0, 0.0),)
    )
    world = begun(replace(cloud, task_types=(TaskType(size_bytes=1e5),)))
    for _ in range(100):
        world.act(0, 1, 5)
        world.advance()

    assert world.clouds[0].processed > 50 * 4e7
    assert world.tallies.completed > 80
    assert world.tallies.processed[0] + world.tallies.sent[0] >= world.tallies.completed


def test_walking_nodes_change_their_neighbours_and_failed_ones_lose_what_they_hold() -> None:
    world = begun(TWELVE["moving"])
    seen = set()
    for _ in range(100):
        seen.add(world.ground.neighbours)
        world.advance()
    assert len(seen) > 5
    assert world.rearranged

    world = begun(TWELVE["failing"])
    down = 0
    for _ in range(300):
        world.advance()
        down += world.nodes.up.count(False)
        for node, up in enumerate(world.nodes.up):
            assert up or not world.nodes.load[node]
    assert 0 < down < 4 * 300
    assert world.tallies.dropped > 0


def test_federated_messages_go_link_by_link_and_load_them() -> None:
    line = ((0, 1), (1, 0, 2), (2, 1))
    world = silent(
        3,
        topology="manual",
        neighbours=line,
        positions_meters=((0.0, 0.0), (10.0, 0.0), (20.0, 0.0)),
        link_contention=True,
    )
    assert world.transfer("a", 0, 2, 38e6)
    assert world.transfer("b", 0, 2, 38e6)
    with pytest.raises(ValueError, match="'a'"):
        world.transfer("a", 0, 2, 1.0)
    done = []
    for _ in range(18):
        world.advance()
        done.append(sum(world.transferred.values()))

    assert done == [0] * 11 + [1] * 6 + [2]
    assert not silent(3, topology="manual", neighbours=((0,), (1,), (2,))).transfer("c", 0, 2, 1.0)
