"""From what happens to one client to what its agent sees."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.shaping import Shaping
from load_balancer.shaping.clients import Client
from load_balancer.shaping.readings import (
    CONNECTIONS,
    ENDPOINTS,
    KEPT_INTERVALS,
    LATENCIES,
    Ending,
    Look,
    Meter,
    percentile,
)
from load_balancer.shaping.shaper import Shaper

pytestmark = pytest.mark.unit


def held(**rule: object) -> tuple[Shaper, Client]:
    wanted = Shaping.model_validate({"enabled": True, "rules": [{"name": "a", **rule}]})
    shaper = Shaper(wanted, random.Random(0))
    found = shaper.recogniser.find("10.0.0.1", "/", [], "")
    assert found is not None
    shaper.over(shaper.admit(found, 0.0, []), 0.0)
    client = shaper.clients.get("a/10.0.0.1")
    assert client is not None
    return shaper, client


def test_endings_are_told_apart() -> None:
    meter = Meter()
    for ending in Ending:
        meter.over(ending, 0.1, 0.2, 10, 100)

    seen = meter.read(None, Look(), 2.0)

    assert (1, 2, 1, 2) == (seen.completed, seen.failed, seen.refused, seen.resets)
    assert (2.0, 5, 50, 500) == (
        seen.seconds,
        seen.arrivals,
        seen.received_bytes,
        seen.sent_bytes,
    )
    assert 0 == meter.read(None, Look(), 1.0).arrivals


def test_percentiles_are_of_the_interval_alone() -> None:
    meter = Meter()
    for number in range(1, 101):
        meter.over(Ending.COMPLETED, number / 100, 1.0, 0, 0)

    seen = meter.read(None, Look(), 1.0)
    assert (0.5, 0.95) == (seen.p50_seconds, seen.p95_seconds)
    assert 0.0 == meter.read(None, Look(), 1.0).p95_seconds


def test_what_is_refused_took_no_time() -> None:
    meter = Meter()
    meter.over(Ending.REFUSED, 0.0, 0.0, 0, 0)
    meter.over(Ending.COMPLETED, 1.0, 1.0, 0, 0)

    assert 1.0 == meter.read(None, Look(), 1.0).p50_seconds


def test_an_endpoint_that_answers_nobody_does_not_look_quiet() -> None:
    meter, look = Meter(), Look()
    look.unanswered = [3.0, 4.0]

    assert (3.0, 4.0) == (
        (seen := meter.read(None, look, 1.0)).p50_seconds,
        seen.p95_seconds,
    )


@given(st.integers(1, 20_000))
@settings(max_examples=20, deadline=None)
def test_many_latencies_are_thinned_and_bounded(count: int) -> None:
    """Percentiles of what comes evenly stay within a hundredth of its range."""
    meter = Meter()
    for number in range(count):
        meter.over(Ending.COMPLETED, (number * 7919) % count / count, 0.0, 0, 0)
        assert len(meter._latencies) <= LATENCIES
    seen = meter.read(None, Look(), 1.0)

    if count > 200:
        assert seen.p95_seconds == pytest.approx(0.95, abs=0.06)
        assert seen.p50_seconds == pytest.approx(0.5, abs=0.12)


def test_a_long_transfer_shows_while_it_lasts_and_counts_once() -> None:
    meter = Meter()
    shown = []
    for sent in (100, 250):
        look = Look()
        look.sent = sent
        shown.append(meter.read(None, look, 1.0).sent_bytes)
    meter.over(Ending.COMPLETED, 0.1, 3.0, 0, 400)
    shown.append(meter.read(None, Look(), 1.0).sent_bytes)

    assert [100, 150, 150] == shown


def test_a_missed_deadline_counts_once_when_it_is_missed() -> None:
    meter, look = Meter(), Look()
    meter.deadline = 1.0
    look.late = 1
    assert 1 == meter.read(None, look, 1.0).deadline_missed
    meter.over(Ending.COMPLETED, 0.1, 2.5, 0, 0)
    meter.over(Ending.COMPLETED, 0.1, 1.5, 0, 0)
    meter.over(Ending.COMPLETED, 0.1, 0.5, 0, 0)
    assert 1 == meter.read(None, Look(), 1.0).deadline_missed


def test_arrivals_are_what_ended_and_what_is_more_under_way() -> None:
    shaper, client = held(in_flight=1, delay_seconds=60)
    meter = Meter()
    meter.meet(client)
    found = client.rule, client.name
    turns = [shaper.admit(found, 1.0, []) for _ in range(3)]
    seen = meter.read(client, Look(), 1.0)
    assert (3, 1, 2, 2) == (seen.arrivals, seen.in_flight, seen.waiting, seen.delayed)

    shaper.over(turns[0], 2.0)
    meter.over(Ending.COMPLETED, 0.1, 0.1, 0, 0)
    seen = meter.read(client, Look(), 1.0)
    assert (0, 1, 1, 0) == (seen.arrivals, seen.in_flight, seen.waiting, seen.delayed)


def test_who_is_met_anew_begins_anew() -> None:
    _, client = held()
    client.tally.delayed, client.in_flight = 7, 2
    meter = Meter()
    meter.meet(client)

    seen = meter.read(client, Look(), 1.0)
    assert (0, 0, 2) == (seen.delayed, seen.arrivals, seen.in_flight)
    client.tally.delayed = 3  # another object, which was met by nobody
    assert 3 == meter.read(client, Look(), 1.0).delayed


def test_segments_are_counted_since_the_last_look() -> None:
    meter = Meter()
    meter.sampled("one", 0.01, 1, 10)
    meter.sampled("two", 0.03, 0, 5)
    meter.sampled_endpoint("three", 9, 1000)
    seen = meter.read(None, Look(), 1.0)
    assert (1, 15) == (seen.retransmitted, seen.segments)
    assert 0.02 == pytest.approx(seen.round_trip_seconds)

    assert not meter.asked("one")
    meter.sampled("one", 0.0, 3, 30)
    meter.sampled_endpoint("three", 9, 1100)
    assert meter.asked("one") and not meter.asked("two")
    seen = meter.read(None, Look(), 1.0)
    assert (2, 120, 0.0) == (seen.retransmitted, seen.segments, seen.round_trip_seconds)


def test_connections_are_bounded_and_forgotten() -> None:
    meter = Meter()
    for number in range(CONNECTIONS):
        assert not meter.asked(number)
        meter.sampled(number, 0.1, 0, 1)
    assert meter.asked("one more")
    for _ in range(KEPT_INTERVALS + 1):
        meter.read(None, Look(), 1.0)
    assert not meter._known


def test_endpoints_are_bounded() -> None:
    meter = Meter()
    for number in range(ENDPOINTS + 1):
        meter.used(str(number))

    assert ENDPOINTS == len(meter.endpoints)


def test_what_is_seen_around_goes_into_the_reading() -> None:
    look = Look()
    look.cpu, look.memory, look.pressure, look.endpoint_round_trip = 0.1, 0.2, 0.3, 0.4

    seen = Meter().read(None, look, 1.0)
    assert (0.1, 0.2, 0.3, 0.4) == (
        seen.cpu,
        seen.memory,
        seen.pressure,
        seen.endpoint_round_trip_seconds,
    )


def test_percentiles_of_few() -> None:
    assert (0.0, 7.0) == (percentile([], 0.95), percentile([7.0], 0.5))
