"""The settings of one node: what must hold between them."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.balancer import AdaptiveLimit, Ejection, LoadBalancer, Metrics, Retries
from load_balancer.forwarding.heads import IDEMPOTENT

pytestmark = pytest.mark.unit


def test_the_two_ports_differ_unless_the_system_chooses_them() -> None:
    assert 0 == LoadBalancer(port=0, admin_port=0).port
    with pytest.raises(ValidationError, match="port and admin_port are both 9000"):
        LoadBalancer(port=9000, admin_port=9000)


def test_who_introduces_clients_must_be_somebody() -> None:
    """A PROXY header is taken from trusted proxies only, and YAML takes ``off`` for false."""
    assert "off" == LoadBalancer.model_validate({"proxy_protocol": False}).proxy_protocol
    with pytest.raises(ValidationError, match="needs trusted_proxies"):
        LoadBalancer(proxy_protocol="required")
    with pytest.raises(ValidationError, match="proxy_protocol"):
        LoadBalancer.model_validate({"proxy_protocol": True, "trusted_proxies": ["10.0.0.0/8"]})


def test_nobody_is_believed_and_a_chain_of_namesakes_is_no_loop_by_default() -> None:
    balancer = LoadBalancer()

    assert ((), "off") == (balancer.trusted_proxies, balancer.proxy_protocol)
    assert ("x_forwarded_for", "x_forwarded") == (balancer.client_header, balancer.forwarded_header)
    assert 1 < balancer.limits.own_hops < balancer.limits.hops


def test_an_adaptive_limit_begins_between_its_ends() -> None:
    assert 4 == AdaptiveLimit(minimum=4, initial=4, maximum=4).initial
    for values in ({"minimum": 21}, {"maximum": 19}, {"initial": 3}):
        with pytest.raises(ValidationError, match="must rise"):
            AdaptiveLimit.model_validate(values)


def test_the_healthy_statuses_are_a_range() -> None:
    assert 204 == Metrics(lowest_status=204, highest_status=204).lowest_status
    with pytest.raises(ValidationError, match="lowest_status 300 is above highest_status 299"):
        Metrics(lowest_status=300)


def test_nothing_limits_delays_or_doubles_a_request_by_default() -> None:
    """Who configures nothing gets no queue, no limit, no hedges and no outliers; but a trickle
    after an ejection, and a budget for retries."""
    balancer = LoadBalancer()

    assert balancer.admission.requests_per_endpoint is None
    assert not balancer.admission.adaptive.enabled
    assert not balancer.hedging.enabled
    assert not balancer.ejection.success_rate.enabled
    assert not balancer.ejection.failure_share.enabled
    assert (0.0, 0.0) == (balancer.slow_start.seconds, balancer.panic_share)
    assert (0.1, 3) == (balancer.probation.share, balancer.probation.successes)
    assert (0.2, 65_536, None) == (
        balancer.retries.budget_share,
        balancer.retries.replay_bytes,
        balancer.retries.try_seconds,
    )


def test_a_count_of_failures_can_be_switched_off() -> None:
    assert Ejection(consecutive_failures=None).consecutive_failures is None


def test_by_default_the_methods_are_the_idempotent_ones() -> None:
    """RFC 9110 section 9.2.2, as the data path knows them."""
    assert set(IDEMPOTENT) == set(Retries().methods)


def test_no_node_believes_declines_or_tells_by_default() -> None:
    settings = LoadBalancer()

    assert not settings.q_headers.enabled
    assert (None, 503) == (settings.decline_load, settings.no_service_status)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"decline_load": 0}, "decline_load"),
        ({"decline_load": 100.1}, "decline_load"),
        ({"capacity": 0}, "capacity"),
        ({"no_service_status": 200}, "no_service_status"),
        ({"q_headers": {"enabled": 1}}, "q_headers.enabled"),
        ({"q_headers": {"largest": 0}}, "q_headers.largest"),
        ({"q_headers": {"largest": float("inf")}}, "q_headers.largest"),
    ],
)
def test_a_node_of_a_network_that_cannot_be_is_refused_by_its_key(
    values: dict[str, Any], key: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        LoadBalancer.model_validate(values)
    assert [tuple(key.split("."))] == [each["loc"] for each in caught.value.errors()]
