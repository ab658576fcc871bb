"""A node's own load."""

import pytest

from load_balancer.load import FULL, Idle, InFlight, Load
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint

pytestmark = pytest.mark.unit


def test_requests_in_flight_over_the_capacity() -> None:
    table = EndpointTable([Endpoint("a", "h", 1), Endpoint("b", "h", 2)])
    load = InFlight(table, 8)
    assert 0.0 == load.current()
    table.sent(table["a"])
    table.sent(table["b"])

    assert (25.0, 25.0) == (load.current(), load.rewarded())
    load.declined()
    assert 25.0 == load.current()


def test_what_is_in_flight_to_who_drains_counts() -> None:
    table = EndpointTable([Endpoint("a", "h", 1), Endpoint("b", "h", 2)])
    load = InFlight(table, 2)
    table.sent(table["a"])
    table.drain("a")

    assert 50.0 == load.current()


def test_more_than_full_is_full() -> None:
    table = EndpointTable([Endpoint("a", "h", 1)])
    for _ in range(3):
        table.sent(table["a"])

    assert FULL == InFlight(table, 2).current()


def test_a_node_without_a_load_has_none() -> None:
    load: Load = Idle()
    load.declined()

    assert (0.0, 0.0) == (load.current(), load.rewarded())
