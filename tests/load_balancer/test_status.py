"""How the node is, as plain data."""

import json
import random
from collections.abc import Mapping

import pytest

from config.balancer import Ejection, Metrics
from load_balancer.health import Health
from load_balancer.node import Node, Strategy
from load_balancer.status import Status, as_text
from metrics.collector import Collector
from metrics.counters import Counters
from metrics.table import EndpointTable, Report
from rl import reward
from rl.reward import RewardParameters
from rl.vocabulary import (
    JSON,
    Decision,
    Endpoint,
    Observation,
    Outcome,
    Policy,
    RequestContext,
    Transition,
    Verdict,
)

pytestmark = pytest.mark.unit


class First:
    """Chooses the first and learns nothing."""

    def select(self, observation: Observation) -> Decision:
        return Decision(0)

    def observe(self, transition: Transition) -> None:
        pass


class Telling(First):
    """The same, with something to show."""

    def table(self) -> list[dict[str, JSON]]:
        return [{"best": "server1"}]


class Rig:
    """A node over server1, server2 and server3, at 100 s, 1,700,000,000 s by the wall."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.now = 100.0
        self.table = EndpointTable(
            Endpoint(f"server{i}", "localhost", 8000 + i, float(i)) for i in (1, 2, 3)
        )
        self.counters = Counters()
        self.node = Node(
            self.table,
            Health(Ejection(), self.table),
            Strategy("first", policy or First()),
            reward.build(RewardParameters()),
            self.counters,
        )
        self.collector = Collector(
            Metrics(), self.table, self.node.set_healthy, random.Random(1), lambda: self.now
        )
        self.status = Status(
            self.node, self.counters, self.collector, lambda: 1.7e9 + self.now, lambda: self.now
        )

    def attempt(self, outcome: Outcome | None) -> None:
        attempt = self.node.route(RequestContext(), "r", self.now)
        assert attempt is not None
        if outcome is not None:
            self.node.complete(attempt, outcome, self.now)


def part(data: JSON, *path: str | int) -> JSON:
    for each in path:
        if isinstance(each, int):
            assert isinstance(data, list)
            data = data[each]
        else:
            assert isinstance(data, dict)
            data = data[each]
    return data


def test_health_is_the_balancers_own() -> None:
    rig = Rig()
    rig.attempt(Outcome(Verdict.SUCCESS, 0.0123456, 200))
    rig.attempt(None)
    rig.now = 107.0

    assert {
        "status": "healthy",
        "routing_strategy": "first",
        "servers_count": 3,
        "servers_healthy": 3,
        "timestamp": 1_700_000_107.0,
        "servers": {
            "server1": {"state": "healthy", "in_flight": 1, "latency_ms": 12.346},
            "server2": {"state": "healthy", "in_flight": 0, "latency_ms": 0.0},
            "server3": {"state": "healthy", "in_flight": 0, "latency_ms": 0.0},
        },
    } == rig.status.health()


@pytest.mark.parametrize(
    ("unhealthy", "ejected", "expected"),
    [
        ((), (), ("healthy", 3)),
        ((1,), (), ("degraded", 2)),
        ((1,), (2,), ("degraded", 1)),
        ((1, 2), (1, 3), ("unhealthy", 0)),
    ],
)
def test_the_state_is_that_of_the_fleet(
    unhealthy: tuple[int, ...], ejected: tuple[int, ...], expected: tuple[str, int]
) -> None:
    rig = Rig()
    for number in unhealthy:
        rig.table.set_healthy(rig.table[f"server{number}"], False, 0.0)
    for number in ejected:
        rig.table.set_ejected(rig.table[f"server{number}"], True)
    health = rig.status.health()

    assert expected == (health["status"], health["servers_healthy"])


def test_the_state_of_a_server_is_one_word() -> None:
    """Ejected goes before unhealthy: it says what our own requests met with."""
    rig = Rig()
    rig.table.set_healthy(rig.table["server1"], False, 0.0)
    rig.table.set_ejected(rig.table["server2"], True)
    rig.table.set_healthy(rig.table["server3"], False, 0.0)
    rig.table.set_ejected(rig.table["server3"], True)
    servers = rig.status.health()["servers"]

    assert ["unhealthy", "ejected", "ejected"] == [
        part(servers, f"server{i}", "state") for i in (1, 2, 3)
    ]


def test_the_page_is_the_same_as_json() -> None:
    rig = Rig()
    content_type, body = rig.status.page()

    assert "application/json" == content_type
    assert rig.status.health() == json.loads(body)
    assert body.endswith(b"\n")


def test_stats_are_everything_that_is_known_of_an_endpoint() -> None:
    rig = Rig()
    rig.attempt(Outcome(Verdict.SUCCESS, 0.25, 200))
    stats = rig.table["server1"]
    rig.table.reported(stats, Report(0.5, 0.25, 3, 0.075), 90.0)
    counts = rig.collector.counts["server1"]
    counts.succeeded, counts.failed, counts.last_error = 4, 2, "status 500"

    assert {
        "id": "server1",
        "host": "localhost",
        "port": 8001,
        "weight": 1.0,
        "domains": [],
        "proxy_node": False,
        "state": "healthy",
        "in_flight": 0,
        "latency": 0.25,
        "error_rate": 0.0,
        "completed": 1,
        "failures": 0,
        "share": 1.0,
        "limit": None,
        "cpu": 0.5,
        "memory": 0.25,
        "active": 3,
        "reported_latency": 0.075,
        "report_age": 10.0,
        "polls_succeeded": 4,
        "polls_failed": 2,
        "last_poll_error": "status 500",
    } == part(rig.status.stats(), "endpoints", 0)


def test_stats_are_everything_that_was_counted() -> None:
    rig = Rig()
    rig.attempt(Outcome(Verdict.SUCCESS, 0.2, 200))
    rig.attempt(Outcome(Verdict.FAILURE, 0.4, 503))
    rig.attempt(Outcome(Verdict.IGNORED, 9.0, 0))
    rig.node.strategy = Strategy("second", First())
    rig.attempt(None)
    rig.counters.answers[503] = 1
    rig.counters.answers[200] = 1
    rig.counters.refused("host")
    rig.counters.retries = 1
    rig.counters.reconnections = 2
    rig.counters.connections = 3
    rig.now = 160.0
    stats = rig.status.stats()

    assert {
        "first": {
            "server1": {
                "answers": 2,
                "failures": 1,
                "ignored": 1,
                "mean_latency": pytest.approx(0.3),
            }
        },
        "second": {"server1": {"answers": 0, "failures": 0, "ignored": 0, "mean_latency": 0.0}},
    } == stats["strategies"]
    assert ("second", 60.0) == (stats["routing_strategy"], stats["uptime"])
    assert ({"200": 1, "503": 1}, {"host": 1}) == (stats["answers"], stats["refusals"])
    assert (1, 2, 3) == (stats["retries"], stats["reconnections"], stats["connections"])


def test_a_strategy_that_served_several_endpoints_has_a_row_for_each() -> None:
    rig = Rig()
    rig.attempt(None)
    rig.node.set_healthy(rig.table["server1"], False, 0.0)
    rig.attempt(None)
    rows = part(rig.status.stats(), "strategies", "first")

    assert isinstance(rows, dict)
    assert ["server1", "server2"] == list(rows)


def test_an_endpoint_that_never_reported_has_no_age() -> None:
    """Infinity is not JSON."""
    stats = Rig().status.stats()

    assert part(stats, "endpoints", 0, "report_age") is None
    assert json.loads(json.dumps(stats, allow_nan=False)) == stats


@pytest.mark.parametrize(
    ("policy", "expected"), [(First(), None), (Telling(), [{"best": "server1"}])]
)
def test_a_table_is_shown_where_there_is_one(
    policy: Policy, expected: list[Mapping[str, JSON]] | None
) -> None:
    assert expected == Rig(policy).status.table()


def test_the_strategy_is_the_one_of_now() -> None:
    rig = Rig()
    rig.node.strategy = Strategy("other", Telling())

    assert ("other", True) == (rig.status.strategy, rig.status.table() is not None)


# As text.


def test_rows_stand_in_columns_nested_ones_under_dotted_names() -> None:
    rows: list[dict[str, JSON]] = [
        {"state": {"a": "low", "b": "high"}, "values": {"a": -1.25, "b": 0.0}, "best": "a"},
        {"state": {"a": "medium"}, "visits": 12, "best": None},
    ]

    assert as_text(rows) == (
        "state.a  state.b  values.a  values.b  best  visits\n"
        "low      high     -1.250    0.000     a\n"
        "medium                                None  12\n"
    )


def test_no_row_is_told_in_words() -> None:
    assert "nothing learned yet\n" == as_text([])


def test_rows_that_nest_deeper_are_flat_as_well() -> None:
    assert "a.b.c\n1\n" == as_text([{"a": {"b": {"c": 1}}}])
