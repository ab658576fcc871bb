"""Where a request can go, and what is known of it."""

import dataclasses

import pytest

from rl import endpoint, vocabulary

pytestmark = pytest.mark.unit


def test_they_are_words_of_the_vocabulary() -> None:
    assert vocabulary.Endpoint is endpoint.Endpoint
    assert vocabulary.EndpointStats is endpoint.EndpointStats


def test_an_endpoint_does_not_change() -> None:
    place = endpoint.Endpoint("a", "localhost", 80)
    assert (1.0, (), (), False) == (place.weight, place.tags, place.domains, place.proxy_node)
    with pytest.raises(dataclasses.FrozenInstanceError):
        place.port = 81  # type: ignore[misc]


def test_of_a_new_endpoint_nothing_is_known() -> None:
    stats = endpoint.EndpointStats(endpoint.Endpoint("a", "localhost", 80))
    assert "a" == stats.id
    assert (True, False, 1.0) == (stats.healthy, stats.ejected, stats.share)
    rest = {
        name
        for name in endpoint.EndpointStats.__slots__
        if getattr(stats, name) not in (0, float("-inf"))
    }
    assert {"endpoint", "id", "healthy", "share", "limit"} == rest
    assert "<EndpointStats a in_flight=0 latency=0.0000>" == repr(stats)
    with pytest.raises(AttributeError):
        stats.anything = 1  # type: ignore[attr-defined]
