"""The settings of a node's cache."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.balancer import LoadBalancer
from config.caching import CacheSettings

pytestmark = pytest.mark.unit


def test_a_plain_balancer_has_none() -> None:
    assert not LoadBalancer().cache.enabled
    assert not LoadBalancer().cache.heuristic


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("enabled", 1),
        ("entries", 0),
        ("entries", True),
        ("memory_bytes", -1),
        ("memory_bytes", True),
        ("largest_body_bytes", -1),
        ("variants", 0),
        ("variants", True),
        ("heuristic_share", 1.1),
        ("heuristic_max_seconds", 0),
        ("stale_if_unreachable_seconds", -1),
        ("collapse_seconds", float("inf")),
        ("unheard_of", 1),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        CacheSettings(**{key: value})
