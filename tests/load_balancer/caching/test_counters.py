"""What a cache counts."""

import pytest

from load_balancer.caching.counters import CacheCounters

pytestmark = pytest.mark.unit


def test_every_count_begins_at_zero_and_there_are_no_others() -> None:
    counters = CacheCounters()

    assert {getattr(counters, name) for name in CacheCounters.__slots__} == {0}
    with pytest.raises(AttributeError):
        counters.unheard_of = 1  # type: ignore[attr-defined]
