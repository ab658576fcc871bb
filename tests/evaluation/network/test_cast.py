"""The cast of a virtual network."""

import random

import pytest

from config.topology import document_topology
from evaluation.network.cast import ORACLE, Cast, NetworkParameters, Timing
from load_balancer.caching.cache import Cache
from load_balancer.node import Node
from rl.q_routing import QRouting
from rl.reward import RewardParameters
from rl.simulation.journey import Journey

pytestmark = pytest.mark.unit

SMALL = NetworkParameters(levels=3, width=3, origins=3, pages=2)


def cast(
    parameters: NetworkParameters = SMALL, strategy: str = "q_routing", seed: int = 0
) -> tuple[Cast, list[Journey]]:
    done: list[Journey] = []
    return Cast(parameters, strategy, seed, done.append), done


def test_every_place_has_a_production_node_with_its_own_policy_and_cache() -> None:
    found, _ = cast()

    assert document_topology(3, 3, 2, 3, 2, random.Random(0)) == found.topology
    assert {place.name for place in found.topology.places} == {*found.nodes}
    policies = {id(node.strategy.policy) for node in found.nodes.values()}
    assert 9 == len(policies)
    for place in found.topology.places:
        node = found.nodes[place.name]
        site = found.network.sites[place.name]
        assert isinstance(node, Node)
        assert isinstance(node.strategy.policy, QRouting)
        assert isinstance(getattr(site.store, "_cache", None), Cache)
        assert [*place.domains, *place.parents] == [stats.id for stats in node.table.all]
        assert place.level == site.level


def test_the_cache_keeps_the_last_four_pages() -> None:
    """After five pages into four slots the first is gone: not the last, as in the document."""
    found, _ = cast(NetworkParameters(levels=1, width=1, origins=1, pages=5))
    store = found.network.sites["101"].store
    assert store is not None
    for number in range(1, 6):
        store.keep("domain1.com", f"/path-{number}/page.html", 0.0, 0.0)

    held = [store.holds("domain1.com", f"/path-{n}/page.html", 1.0) for n in range(1, 6)]
    assert [False, True, True, True, True] == held


def test_without_entries_there_is_no_cache() -> None:
    found, _ = cast(NetworkParameters(levels=1, width=1, origins=1, cache_entries=0))

    assert found.network.sites["101"].store is None


def test_what_a_node_has_learned_can_be_seen() -> None:
    found, done = cast()
    entry = found.topology.outermost[0]
    assert {} == found.worth(entry.name, "domain1.com")
    found.network.ask(entry.name, "domain1.com", "/path-1/page.html")
    found.network.run()

    (parent,) = found.worth(entry.name, "domain1.com")
    assert parent == done[0].way[1]
    classic, _ = cast(strategy="random")
    assert {} == classic.worth(entry.name, "domain1.com")


def test_the_oracle_goes_the_shortest_way() -> None:
    """Always to an edge that knows the origin, in as many hops as there are levels."""
    found, done = cast(
        NetworkParameters(cache_entries=0, decline_load=None, random_parents=2), ORACLE
    )
    for place in found.topology.outermost:
        for origin in found.topology.origins:
            found.network.ask(place.name, origin.domain, origin.pages[0])
    found.network.run()

    assert all(journey.success for journey in done)
    assert {10} == {len(journey.way) for journey in done}


def test_variants_under_one_seed_have_the_same_delays() -> None:
    timed = NetworkParameters(
        levels=1,
        width=1,
        origins=1,
        random_parents=0,
        cache_entries=0,
        reward=RewardParameters(),
        timing=Timing(),
    )

    def seconds(strategy: str, seed: int) -> list[float]:
        found, done = cast(timed, strategy, seed)
        for _ in range(5):
            found.network.ask("101", "domain1.com", "/")
            found.network.run()
        return [journey.seconds for journey in done]

    assert seconds("q_routing", 1) == seconds("random", 1)
    assert seconds("q_routing", 1) != seconds("q_routing", 2)
    assert all(each > 0.005 for each in seconds("q_routing", 1))


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown strategy 'q_rooting'"):
        cast(strategy="q_rooting")
