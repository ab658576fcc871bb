"""The clients that rules hold."""

from typing import Any

import pytest

from config.shaping import Rule
from load_balancer.shaping.clients import Client, ClientTable, Tally
from load_balancer.shaping.turns import Turn

pytestmark = pytest.mark.unit


def rule(**values: Any) -> Rule:
    return Rule.model_validate({"name": "r", **values})


def client(**values: Any) -> Client:
    return Client("r/1", rule(**values), Tally(), 0.0)


def test_a_rule_without_bounds_has_no_buckets() -> None:
    free = client()

    assert (None, None, None, None) == (free.requests, free.up, free.down, free.lane)
    assert free.has_room() and not free.busy


@pytest.mark.parametrize(
    ("rate", "size"), [(100, 512), (10_000, 512), (1_000_000, 10_000), (1e9, 65536)]
)
def test_bytes_go_on_in_pieces_that_fit_the_rate(rate: float, size: int) -> None:
    held = client(download_bytes_per_second=rate)

    assert size == held.slice_down
    assert held.down is not None and held.down.burst >= size


def test_another_rule_keeps_what_is_owed() -> None:
    held = client(requests_per_second=10, burst=1, dscp=46)
    assert held.requests is not None
    for _ in range(3):
        held.requests.take(1.0, 0.0)
    held.apply(rule(requests_per_second=20, burst=1), Tally(), 0.0)

    assert -2 == pytest.approx(held.requests.left(0.0))
    assert held.lane is None


def test_whoever_was_seen_least_recently_makes_room() -> None:
    table = ClientTable(2, 60)
    for number, name in enumerate(("a", "b", "a", "c")):
        table.find(name, rule(), Tally(), float(number))

    assert ["a", "c"] == [each.name for each in table]
    assert 1 == table.forgotten


def test_who_is_busy_stays_if_anybody_else_can_go() -> None:
    table = ClientTable(2, 60)
    table.find("a", rule(), Tally(), 0.0).in_flight = 1
    table.find("b", rule(), Tally(), 1.0)
    table.find("c", rule(), Tally(), 2.0)

    assert ["a", "c"] == [each.name for each in table]
    table.find("c", rule(), Tally(), 2.0).in_flight = 1
    table.find("d", rule(), Tally(), 3.0)
    assert 2 == len(table)


def test_the_idle_are_forgotten_and_the_busy_are_not() -> None:
    table = ClientTable(10, 60)
    busy = table.find("a", rule(), Tally(), 0.0)
    busy.line.append(Turn(busy, 3, 0.0))
    table.find("b", rule(), Tally(), 1.0)
    table.find("c", rule(), Tally(), 50.0)
    table.sweep(70.0)

    assert ["a", "c"] == [each.name for each in table]
    table.remove("c")
    assert table.get("c") is None and table.get("a") is busy
