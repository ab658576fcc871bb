"""Experiments with a network made of dice: what would have been measured, with a known truth."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from config.topology import document_topology
from evaluation.export import make_folder
from evaluation.network.analysis import Analysis, analyze, windowed
from evaluation.network.export import RESULTS
from evaluation.network.records import (
    Asked,
    Change,
    ChangeKind,
    Hop,
    Link,
    NetworkResult,
    Purpose,
    Run,
    Setting,
    Shape,
    Snapshot,
    Variant,
    trajectory,
)
from evaluation.network.report import Published, publish
from evaluation.records import Circumstances, Machine

MakeRun = Callable[..., Run]
MakeResult = Callable[..., NetworkResult]
SMALL = Shape(3, 3)
LARGE = Shape(10, 10)
DOMAIN = "domain1.com"
# How many of a hundred requests fail at the start, and the factor by which they fall each window.
FAILING = {
    "q_routing": (60, 0.55),
    "random": (70, 1.0),
    "round_robin": (70, 1.0),
    "least_request": (68, 1.0),
    "shortest_path": (0, 1.0),
}


def make_run(
    setting: Setting = Setting.LIVE,
    purpose: Purpose = Purpose.LEARNING,
    shape: Shape = SMALL,
    variant: Variant | None = None,
    seed: int = 0,
    windows: int = 12,
    rate: float = 100.0,
    outage: float = 0.5,
    advertised: float = 1.02,
) -> Run:
    """With changes a node is killed at half the time and an origin moves at three quarters, and
    everything then fails for ``outage`` seconds. Every value is ``advertised`` times the cost."""
    variant = variant or Variant("q_routing")
    dice = random.Random(f"{setting}/{purpose}/{shape}/{variant}/{seed}")
    topology = document_topology(shape.levels, shape.width, 2, shape.width, 10, random.Random(seed))
    places = {place.name: place for place in topology.places}
    first, factor = FAILING[variant.strategy]
    killed, moved = (windows * 100 / rate * share for share in (0.5, 0.75))
    requests = []
    for index in range(windows * 100):
        at = index / rate
        way = [dice.choice(topology.outermost).name]
        hit = False
        while places[way[-1]].parents:
            if variant.cache and dice.random() < 0.1:
                hit = True
                break
            way.append(dice.choice(places[way[-1]].parents))
        success = dice.random() * 100 >= first * factor ** (index // 100)
        if purpose is Purpose.CHANGES and any(at0 <= at < at0 + outage for at0 in (killed, moved)):
            success = False
        cost = 0.003 * shape.levels * dice.uniform(0.8, 1.2)
        requests.append(
            Asked(
                index=index,
                at=at,
                domain=f"domain{dice.randint(1, shape.width)}.com",
                path="/path-1/page.html",
                way=tuple(way),
                status=200 if success else 503,
                success=success,
                hit=hit and success,
                latency=cost + 0.0005,
                value=-advertised * 0.003 * shape.levels,
                reward=-cost,
            )
        )
    edges = tuple(p.name for p in topology.places if DOMAIN in p.domains)
    reach = topology.distances(DOMAIN)
    snapshots = tuple(
        Snapshot(
            number,
            number * 100 / rate,
            tuple(
                Link(
                    place.name,
                    parent,
                    (400 if parent in reach else -400) * (1 - 0.6**number) * dice.uniform(0.8, 1.2)
                    if dice.random() < 1 - 0.6**number
                    else None,
                )
                for place in topology.places
                for parent in place.parents
            ),
        )
        for number in range(windows + 1)
    )
    elsewhere = next(place.name for place in topology.places if place.name not in edges)
    changes = (
        Change(ChangeKind.KILL, killed, ("202",), "node 202 is killed"),
        Change(ChangeKind.MOVE, moved, (edges[0], elsewhere), f"{DOMAIN} moves"),
    )
    return Run(
        setting=setting,
        purpose=purpose,
        shape=shape,
        variant=variant,
        reward="latency" if setting is Setting.LIVE else "proxy_network",
        seed=seed,
        domain=DOMAIN,
        windows=windowed(requests, shape.levels),
        edges=edges,
        snapshots=snapshots,
        changes=changes if purpose is Purpose.CHANGES else (),
        requests=() if setting is Setting.VIRTUAL else tuple(requests),
        hops=tuple(
            Hop(place.name, to, 50, 0.003 * place.level)
            for place in topology.places
            for to in (*place.parents, *place.domains)
        ),
        trajectories=tuple(
            trajectory(each.way, each.success, each.hit, each.domain) for each in requests[:5]
        ),
    )


def make_result(
    seeds: Sequence[int] = range(6),
    strategies: Sequence[str] = ("q_routing", "random", "round_robin", "least_request"),
    shapes: Sequence[Shape] = (SMALL, LARGE),
    interrupted: bool = False,
) -> NetworkResult:
    """All strategies virtually in the last shape and live in the first one, changes in all."""
    runs = [
        make_run(setting, shape=shape, variant=Variant(strategy, cache), seed=seed)
        for setting, shape, names in (
            (Setting.VIRTUAL, shapes[-1], (*strategies, "shortest_path")),
            (Setting.LIVE, shapes[0], strategies),
        )
        for strategy in names
        for cache in (True, False)
        for seed in seeds
    ]
    runs += [
        make_run(purpose=Purpose.CHANGES, shape=shape, seed=seed)
        for shape in shapes
        for seed in seeds
    ]
    return NetworkResult(
        runs=tuple(runs),
        circumstances=Circumstances(
            started="2026-01-02T03:04:05Z",
            finished="2026-01-02T03:14:05Z",
            command="python run_experiment.py --network",
            scenario="network",
            description="networks of caching proxies that learn their routes",
            commit="0123456789abcdef",
            machine=Machine(2, "a processor", "Linux", "CPython 3.11", 0.1, 1.2, {"httpx": "1"}),
            settings="",
        ),
        rates=tuple((shape, 100.0) for shape in shapes),
        interrupted=interrupted,
    )


@pytest.fixture(name="make_run", scope="session")
def run_maker() -> MakeRun:
    return make_run


@pytest.fixture(name="make_result", scope="session")
def result_maker() -> MakeResult:
    return make_result


@pytest.fixture(scope="session")
def result() -> NetworkResult:
    """A small one of every kind of run, six seeds."""
    return make_result(shapes=(SMALL,))


@pytest.fixture(scope="session")
def analysis(result: NetworkResult) -> Analysis:
    return analyze(result)


@pytest.fixture(scope="session")
def published(result: NetworkResult, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Its report, in a folder of its own."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return publish(result, make_folder(tmp_path_factory.mktemp("network"), now, RESULTS))
