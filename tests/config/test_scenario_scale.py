"""Scenarios scaled to be served live."""

import pytest

from config.loading import load, scenario_names
from config.scenario_scale import live
from config.schema import Settings
from config.simulation import Live

pytestmark = pytest.mark.unit

MOST_RATE = 350
"""Requests per second that leave two cores four fifths of their time: one costs 1.2 ms, clients and
servers included."""


def test_time_is_stretched_and_nothing_else_changes() -> None:
    """Work that comes in a second of it over what can be done in one stays the same."""
    settings = load(scenario="S10", environ={})
    scaled = live(settings)

    assert 6 == settings.live.time_factor
    assert Live() == scaled.live
    assert pytest.approx(settings.experiment.request_rate) == scaled.experiment.request_rate * 6
    assert 360 == scaled.simulation.duration_seconds
    assert (42_000, 3500) == (scaled.experiment.requests, scaled.experiment.warmup_requests)
    for before, after in zip(settings.servers, scaled.servers, strict=True):
        assert before.base_delay_ms * 6 == after.base_delay_ms
        assert before.service.slots == after.service.slots
        assert before.service.routes == after.service.routes
    phase = scaled.servers[3].service.phases[0]
    assert (210, 300, 0.3) == (phase.start, phase.end, phase.probability)


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_can_be_served_and_is_scaled_once(name: str) -> None:
    scaled = live(load(scenario=name, environ={}))

    assert live(scaled) == scaled
    assert len(scaled.servers) <= 12
    assert 0 < scaled.experiment.request_rate <= MOST_RATE
    assert 0 <= scaled.experiment.warmup_requests < scaled.experiment.requests
    assert scaled == Settings(**scaled.model_dump())


def test_what_has_a_length_of_its_own_keeps_its_proportion() -> None:
    cached = live(load(scenario="S6:350", environ={}))
    assert pytest.approx(0.00625) == cached.servers[0].service.cache_seconds
    assert 30 == cached.simulation.duration_seconds
    assert 15 == cached.simulation.warmup_seconds

    noisy = live(load(scenario="noisy_neighbour", environ={})).servers[0].service.phases[0]
    assert (8, 24) == (noisy.on_seconds, noisy.off_seconds)

    bursts = live(load(scenario="S8", environ={})).traffic.modulated
    assert pytest.approx((6, 1.4)) == (bursts.calm_seconds, bursts.burst_seconds)

    joining = live(load(scenario="S9", environ={})).simulation
    assert {"server5": 40} == joining.joins


def test_fewer_servers_get_their_share_of_the_rate() -> None:
    settings = load(scenario="S7:60", environ={})
    scaled = live(settings)

    assert 12 == len(scaled.servers)
    capacity = sum(4 / each.base_delay_ms for each in settings.servers[:12])
    whole = sum(4 / each.base_delay_ms for each in settings.servers)
    rate = settings.experiment.request_rate * capacity / whole / 5
    assert pytest.approx(rate) == scaled.experiment.request_rate


def test_without_a_bound_servers_count_alike() -> None:
    settings = load(scenario="S1u", overrides=["live.servers=1"], environ={})

    assert pytest.approx(20) == live(settings).experiment.request_rate


def test_what_nodes_do_in_virtual_time_they_do_live() -> None:
    hung = live(load(scenario="hung_slots", environ={})).load_balancer
    assert (2, 1) == (hung.deadlines.first_byte_seconds, hung.retries.attempts)

    again = live(load(scenario="retries", environ={})).load_balancer
    assert (60, 2) == (again.deadlines.first_byte_seconds, again.retries.attempts)


def test_scenarios_of_a_given_length_keep_it() -> None:
    for name in ("document_003", "slow_within", "fail_within", "two_classes"):
        settings = load(scenario=name, environ={})

        assert settings.experiment == live(settings).experiment
