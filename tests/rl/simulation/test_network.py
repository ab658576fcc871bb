"""Requests that move between nodes in virtual time. The nodes, policies and caches are real."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from config.balancer import Ejection
from load_balancer.health import Health
from load_balancer.node import Attempt, Node, Strategy
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.q_routing import QRouting, QRoutingParameters
from rl.reward import RewardParameters, build
from rl.simulation.journey import Journey, Site
from rl.simulation.loads import InFlightLoad, Load
from rl.simulation.network import Network
from rl.simulation.service import ServiceBehaviour, ServiceProfile
from rl.vocabulary import Endpoint

pytestmark = pytest.mark.unit

DOMAIN = "domain1.com"
PROXY_NETWORK = RewardParameters(name="proxy_network")
LATENCY = RewardParameters()


class Shelf:
    """Holds all pages that came by."""

    def __init__(self) -> None:
        self.pages: set[tuple[str, str]] = set()

    def holds(self, domain: str, path: str, now: float) -> bool:
        return (domain, path) in self.pages

    def keep(self, domain: str, path: str, requested_at: float, now: float) -> None:
        assert requested_at <= now
        self.pages.add((domain, path))


class FixedLoad:
    """A load that stays, and counts what is told of it."""

    def __init__(self, load: float = 30.0) -> None:
        self.load = load
        self.here = self.refusals = 0

    def current(self) -> float:
        return self.load

    rewarded = current

    def declined(self) -> None:
        self.refusals += 1

    def admitted(self) -> None:
        self.here += 1

    def left(self) -> None:
        self.here -= 1


def node(
    parents: Sequence[str] = (),
    domains: Sequence[str] = (),
    load: Load | None = None,
    reward: RewardParameters = PROXY_NETWORK,
) -> Node:
    table = EndpointTable(
        [
            *(Endpoint(domain, "origin", 80, domains=(domain,)) for domain in domains),
            *(Endpoint(parent, "node", 80, proxy_node=True) for parent in parents),
        ]
    )
    policy = QRouting(QRoutingParameters(estimate="document"), random.Random(1))
    return Node(
        table,
        Health(Ejection(consecutive_failures=None), table),
        Strategy("q_routing", policy),
        build(reward),
        Counters(),
        load=load,
        decline_load=100.0,
    )


def behaviour(seconds: float, slots: int | None = None, queue: int = 200) -> ServiceBehaviour:
    profile = ServiceProfile(spread=0.0, slots=slots, queue_limit=queue)
    return ServiceBehaviour(profile, seconds, random.Random(1))


class Chain:
    """``a`` asks ``b``, and ``b`` knows the origin; with what a test wants of each."""

    def __init__(
        self,
        reward: RewardParameters = PROXY_NETWORK,
        knows: Sequence[str] = (DOMAIN,),
        work: tuple[float, float] | None = None,
        origin: float | None = None,
        link: float | None = None,
        shelves: bool = False,
        slots: int | None = None,
        queue: int = 200,
    ) -> None:
        self.loads = {"a": FixedLoad(20.0), "b": FixedLoad(30.0)}
        self.nodes = {
            "a": node(["b"], load=self.loads["a"], reward=reward),
            "b": node(domains=knows, load=self.loads["b"], reward=reward),
        }
        self.done: list[Journey] = []
        self.network: Network[Attempt] = Network(
            {
                name: Site(
                    name,
                    level,
                    self.nodes[name],
                    self.loads[name],
                    Shelf() if shelves else None,
                    None if work is None else behaviour(work[level - 1], slots, queue),
                )
                for name, level in (("a", 2), ("b", 1))
            },
            {DOMAIN: None if origin is None else behaviour(origin)},
            build(reward),
            self.done.append,
            None if link is None else lambda start, end: link,
        )

    def ask(self, path: str = "/path-1/page.html", domain: str = DOMAIN) -> Journey:
        journey = self.network.ask("a", domain, path)
        self.network.run()
        assert journey is self.done[-1]
        return journey

    def learned(self) -> dict[str, float]:
        policy = self.nodes["a"].strategy.policy
        assert isinstance(policy, QRouting)
        return policy.values(DOMAIN)


def test_the_documents_rewards_travel_back_with_the_answer() -> None:
    """The edge realises 500 and a value of 0; the node below learns it, says what it learned, and
    pays its own load."""
    chain = Chain()
    journey = chain.ask()

    assert journey.success
    assert ["a", "b"] == journey.way
    assert [500.0, -20.0] == journey.rewards
    assert journey.told == pytest.approx((50.0, -20.0))
    assert {"b": pytest.approx(50.0)} == chain.learned()
    assert 2 == chain.network.hops
    assert 0.0 == journey.seconds


def test_an_edge_that_does_not_know_the_domain_refuses() -> None:
    chain = Chain(knows=())
    journey = chain.ask()

    assert 501 == journey.status
    assert [-500.0, -20.0] == journey.rewards
    assert {"b": pytest.approx(-50.0)} == chain.learned()
    assert "a>b>X  domain1.com" == journey.trajectory()


def test_a_node_over_its_load_declines_and_is_not_on_the_way() -> None:
    chain = Chain()
    chain.loads["b"].load = 100.0
    journey = chain.ask()

    assert 501 == journey.status
    assert ["a"] == journey.way
    assert 1 == chain.loads["b"].refusals
    assert {"b": pytest.approx(-50.0)} == chain.learned()


def test_a_page_that_came_by_is_answered_from_the_first_cache() -> None:
    chain = Chain(shelves=True)
    chain.ask()
    again = chain.ask()
    other = chain.ask("/path-2/page.html")

    assert again.success
    assert ["a"] == again.way
    assert 2 == again.hit_level
    assert (0.0, 500.0) == again.told
    assert "a>+>*  domain1.com" == again.trajectory()
    assert ["a", "b"] == other.way
    assert other.hit_level is None


def test_a_node_that_is_not_there_is_a_failure_and_told_as_one_midway() -> None:
    chain = Chain()
    del chain.network.sites["b"]
    journey = chain.ask()

    assert 501 == journey.status
    assert {"b": pytest.approx(-50.0)} == chain.learned()
    assert journey.told == pytest.approx((-50.0, -20.0))
    assert 0 == chain.network.ask("b", DOMAIN, "/").status


def test_every_second_is_paid_once() -> None:
    """Link 1 ms each way, work 10 ms at a and 20 ms at b, origin 50 ms: from a's decision on it is
    1 + 20 + 1 + 50 + 1 + 1 ms, of which none is charged to a twice."""
    chain = Chain(LATENCY, work=(0.020, 0.010), origin=0.050, link=0.001)
    for _ in range(200):
        journey = chain.ask()

    assert journey.seconds == pytest.approx(0.086)
    assert {"b": pytest.approx(-7.4)} == chain.learned()
    assert journey.told == pytest.approx((-7.4, -7.4))


def test_requests_are_under_way_side_by_side() -> None:
    """Ten at once through nodes without a limit take as long as one."""
    chain = Chain(LATENCY, work=(0.020, 0.010), origin=0.050)
    for _ in range(10):
        chain.network.ask("a", DOMAIN, "/")
    chain.network.run()

    assert [pytest.approx(0.080)] * 10 == [journey.seconds for journey in chain.done]
    assert 0 == chain.loads["a"].here == chain.loads["b"].here


def test_who_finds_no_slot_waits_and_who_finds_no_room_is_refused() -> None:
    chain = Chain(LATENCY, work=(0.0, 0.010), slots=1, queue=2)
    for _ in range(5):
        chain.network.ask("a", DOMAIN, "/")
    chain.network.run()

    served = sorted(journey.seconds for journey in chain.done if journey.success)
    assert [pytest.approx(0.010 * number) for number in (1, 2, 3)] == served
    assert 2 == sum(journey.status == 501 for journey in chain.done)
    assert 0 == chain.loads["a"].here


def test_a_load_in_flight_counts_those_at_the_node() -> None:
    load = InFlightLoad(4)
    done: list[Journey] = []
    network: Network[Attempt] = Network(
        {"a": Site("a", 1, node(domains=[DOMAIN], load=load), load)},
        {DOMAIN: behaviour(1.0)},
        build(PROXY_NETWORK),
        done.append,
    )
    for number in range(8):
        network.schedule(0.1 * number, network.ask, "a", DOMAIN, "/")
    network.run()

    assert 4 == sum(journey.success for journey in done)  # the others found four there
    assert 0.0 == load.current()


def test_a_request_that_goes_round_is_refused() -> None:
    loads = {name: FixedLoad() for name in "ab"}
    done: list[Journey] = []
    nodes = {"a": node(["b"], load=loads["a"]), "b": node(["a"], load=loads["b"])}
    network: Network[Attempt] = Network(
        {name: Site(name, 1, nodes[name], loads[name]) for name in "ab"},
        {},
        build(PROXY_NETWORK),
        done.append,
    )
    network.ask("a", DOMAIN, "/")
    network.run()

    assert ["a", "b", "a"] == done[0].way
    assert 501 == done[0].status
    assert 0 == loads["a"].here == loads["b"].here


def test_a_node_may_be_asked_again_in_another_try() -> None:
    """Both ways lead over c, which has nobody to ask but one who is gone."""
    parents = {"a": ["b1", "b2"], "b1": ["c"], "b2": ["c"], "c": ["gone"]}
    loads = {name: FixedLoad() for name in parents}
    done: list[Journey] = []
    network: Network[Attempt] = Network(
        {
            name: Site(name, 1, node(asked, load=loads[name]), loads[name], tries=2)
            for name, asked in parents.items()
        },
        {},
        build(PROXY_NETWORK),
        done.append,
    )
    network.ask("a", DOMAIN, "/")
    network.run()

    assert 2 == done[0].way.count("c")
    assert not any(load.here for load in loads.values())


@pytest.mark.parametrize(("tries", "success"), [(1, False), (2, True)])
def test_another_next_hop_may_be_tried(tries: int, success: bool) -> None:
    """One of them is not there; with one try the first request fails whenever it is chosen."""
    outcomes = []
    for _ in range(20):
        done: list[Journey] = []
        loads = {name: FixedLoad() for name in "ab"}
        nodes = {
            "a": node(["b", "gone"], load=loads["a"]),
            "b": node(domains=[DOMAIN], load=loads["b"]),
        }
        network: Network[Attempt] = Network(
            {name: Site(name, 1, nodes[name], loads[name], tries=tries) for name in "ab"},
            {DOMAIN: None},
            build(PROXY_NETWORK),
            done.append,
        )
        for _ in range(3):
            network.ask("a", DOMAIN, "/")
            network.run()
        outcomes += [journey.success for journey in done]

    assert all(outcomes) == success
