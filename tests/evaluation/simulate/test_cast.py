"""The cast is made of production parts as the settings say; what is not simulated is refused."""

import random
from collections.abc import Sequence

import pytest

from config.balancer import LoadBalancer
from config.schema import MixEntry, Server, Settings
from evaluation.simulate.cast import Cast, NodePolls, NodeRetries, from_registry
from load_balancer.node import Node
from load_balancer.strategies.least_request import LeastRequest
from metrics.table import EndpointTable
from rl.simulation.kernel import Kernel
from rl.simulation.service import ServiceBehaviour, ServiceProfile
from rl.simulation.station import Station, Visit
from rl.vocabulary import Decision, Observation, Policy, RequestContext, learn_nothing
from traffic.workload import PlannedRequest

pytestmark = pytest.mark.unit


def settings(**changes: object) -> Settings:
    servers = tuple(
        Server(id=f"s{index}", port=8001 + index, base_delay_ms=50.0 * (index + 1))
        for index in range(3)
    )
    given: dict[str, object] = {
        "servers": servers,
        "traffic": {"mix": (MixEntry(path="/"),)},
        **changes,
    }
    return Settings(**given)  # type: ignore[arg-type]


def asked(number: int, gap: float = 0.1) -> list[PlannedRequest]:
    return [PlannedRequest(index * gap, "GET", "/", 0, 0.5) for index in range(number)]


def test_nodes_stations_and_policies_are_as_the_settings_say() -> None:
    cast = Cast(settings(simulation={"balancers": 2}), "least_request", 1)
    assert len(cast.nodes) == len(cast.cluster.balancers) == 2
    assert [station.id for station in cast.cluster.stations] == ["s0", "s1", "s2"]
    assert [station.behaviour.base_delay for station in cast.cluster.stations] == [0.05, 0.1, 0.15]
    for node in cast.nodes:
        assert isinstance(node, Node)
        assert isinstance(node.table, EndpointTable)
        assert isinstance(node.strategy.policy, LeastRequest)
        assert [stats.id for stats in node.table.all] == ["s0", "s1", "s2"]
    assert cast.nodes[0].strategy.policy is not cast.nodes[1].strategy.policy


def test_a_strategy_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown strategy 'nobody'"):
        Cast(settings(), "nobody", 1)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"hedging": {"enabled": True}}, "hedging"),
        ({"cache": {"enabled": True}}, "cache"),
        ({"decline_load": 50}, "decline_load"),
        ({"admission": {"requests_per_endpoint": 5}}, "admission.requests_per_endpoint"),
        ({"admission": {"adaptive": {"enabled": True}}}, "admission.adaptive"),
        ({"stickiness": {"kind": "uri"}}, "stickiness"),
    ],
)
def test_what_is_not_simulated_is_refused_by_its_key(changes: dict[str, object], key: str) -> None:
    with pytest.raises(ValueError, match=f"^load_balancer.{key}: is not simulated$"):
        Cast(settings(load_balancer=LoadBalancer(**changes)), "round_robin", 1)  # type: ignore[arg-type]


def test_who_joins_later_is_not_there_at_first() -> None:
    cast = Cast(settings(simulation={"joins": {"s2": 1.0}}), "round_robin", 1)
    (node,) = cast.nodes
    assert [stats.id for stats in node.table.all] == ["s0", "s1"]
    record = cast.cluster.run(asked(30))
    assert [stats.id for stats in node.table.all] == ["s0", "s1", "s2"]
    assert 2 not in record.station[:10]
    assert 2 in record.station[10:]


class Knowing:
    """Sends everything to the station of the least base delay: no router could know it."""

    def __init__(self, stations: Sequence[Station]) -> None:
        self.stations = stations

    def select(self, observation: Observation) -> Decision:
        delays = {station.id: station.behaviour.base_delay for station in self.stations}
        ids = [stats.id for stats in observation.candidates]
        return Decision(min(range(len(ids)), key=lambda index: delays[ids[index]]))

    observe = learn_nothing


def test_a_reference_sees_the_stations() -> None:
    def build(
        name: str, settings: Settings, dice: random.Random, stations: Sequence[Station]
    ) -> Policy:
        if name == "knowing":
            return Knowing(stations)
        return from_registry(name, settings, dice, stations)

    record = Cast(settings(), "knowing", 1, build).cluster.run(asked(10))
    assert set(record.station) == {0}
    record = Cast(settings(), "round_robin", 1, build).cluster.run(asked(10))
    assert set(record.station) == {0, 1, 2}


def test_servers_meet_the_same_chances_under_every_strategy() -> None:
    """Dice are one for each purpose and part, so what one strategy throws disturbs no other."""
    one, other = Cast(settings(), "least_request", 3), Cast(settings(), "random", 3)
    for first, second in zip(one.cluster.stations, other.cluster.stations, strict=True):
        assert first.behaviour.rng.random() == second.behaviour.rng.random()
    assert (
        Cast(settings(), "random", 4).cluster.stations[0].behaviour.rng.random()
        != Cast(settings(), "random", 3).cluster.stations[0].behaviour.rng.random()
    )


def station(profile: ServiceProfile) -> Station:
    kernel = Kernel()
    behaviour = ServiceBehaviour(profile, 1.0, random.Random(1))
    return Station("s0", 0, behaviour, kernel, lambda visit, now: None)


def test_polls_go_by_the_collectors_rules() -> None:
    """Unhealthy after ``fall`` polls of a full station, healthy again at once."""
    given = settings(metrics={"fall": 2, "jitter": 0.0, "unhealthy_interval_seconds": 0.25})
    (node,) = Cast(given, "round_robin", 1).nodes
    polls = NodePolls(given, node, random.Random(1))
    stats = node.table["s0"]
    polled = station(ServiceProfile(slots=1, queue_limit=0))
    assert polls.first(stats) == 0.0
    assert polls.poll(stats, polled, 1.0) == 1.0
    assert (stats.reported_at, stats.active) == (1.0, 0)
    visit = Visit(0, 0.0, RequestContext(), 0.5, None, None, (), polled)
    polled.arrive(visit, 1.5)
    assert polls.poll(stats, polled, 2.0) == 1.0
    assert stats.healthy
    assert polls.poll(stats, polled, 3.0) == 0.25
    assert not stats.healthy
    assert stats.reported_at == 1.0
    polled.leave(visit, 3.1)
    assert polls.poll(stats, polled, 4.0) == 1.0
    assert stats.healthy


def test_polls_spread_by_their_jitter_and_a_connection_says_nothing() -> None:
    given = settings(metrics={"check": "tcp", "jitter": 0.5})
    (node,) = Cast(given, "round_robin", 1).nodes
    polls = NodePolls(given, node, random.Random(1))
    stats = node.table["s0"]
    firsts = [polls.first(stats) for _ in range(50)]
    assert 0.0 <= min(firsts) < 0.1 and 0.4 < max(firsts) < 0.5
    periods = [polls.poll(stats, station(ServiceProfile()), 1.0) for _ in range(50)]
    assert 0.5 <= min(periods) < 0.6 and 1.4 < max(periods) <= 1.5
    assert stats.reported_at == float("-inf")


def test_without_polls_nobody_is_asked() -> None:
    (balancer,) = Cast(settings(metrics={"check": "off"}), "round_robin", 1).cluster.balancers
    assert balancer.polls is None


def test_retries_go_by_the_data_paths_rules_and_the_budget() -> None:
    retries = {"attempts": 3, "budget_share": 0.0, "budget_minimum_per_second": 0.2}
    given = settings(
        load_balancer=LoadBalancer(retries=retries),  # type: ignore[arg-type]
        simulation={"retries": True},
    )
    cast = Cast(given, "round_robin", 1)
    (node,) = cast.nodes
    rule = cast.cluster.balancers[0].retries
    assert isinstance(rule, NodeRetries)
    get, post = RequestContext("GET"), RequestContext("POST")
    large = RequestContext("GET", size=1 << 20)
    assert not rule.again(get, 503, ("s0",), 1.0)  # the default retries no status
    assert not rule.again(post, 0, ("s0",), 1.0)  # it may have been acted upon
    assert not rule.again(large, 0, ("s0",), 1.0)  # nobody has kept it
    assert not rule.again(get, 0, ("s0", "s1", "s2"), 1.0)
    assert [rule.again(get, 0, ("s0",), 1.0) for _ in range(3)] == [True, True, False]
    assert (node.counters.retries, node.counters.budget_refusals["retry"]) == (2, 1)
    rule.sweep(1.0)
    assert not rule.again(get, 0, ("s0",), 1.5)


def test_statuses_are_retried_where_the_settings_say_so_and_somebody_is_left() -> None:
    retries = {"attempts": 9, "conditions": ("status",), "statuses": (502,)}
    balancer = LoadBalancer(retries=retries)  # type: ignore[arg-type]
    (node,) = Cast(settings(), "round_robin", 1).nodes
    rule = NodeRetries(balancer, node)
    assert rule.again(RequestContext("GET"), 502, ("s0",), 1.0)
    assert not rule.again(RequestContext("GET"), 500, ("s0",), 1.0)
    assert not rule.again(RequestContext("GET"), 0, ("s0",), 1.0)
    assert not rule.again(RequestContext("GET"), 502, ("s0", "s1", "s2"), 1.0)


def test_a_policy_that_probes_is_answered() -> None:
    cast = Cast(settings(), "prequal", 1)
    (node,) = cast.nodes
    assert node.ask == cast.cluster.ask
    assert all(station.estimate is not None for station in cast.cluster.stations)
    assert set(cast.cluster.run(asked(40, 0.02)).status) == {200}


def test_without_probes_stations_estimate_nothing() -> None:
    stations = Cast(settings(), "round_robin", 1).cluster.stations
    assert all(station.estimate is None for station in stations)
