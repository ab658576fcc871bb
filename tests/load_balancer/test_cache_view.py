"""What is counted of a cache, as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.balancer import LoadBalancer
from config.caching import CacheSettings
from load_balancer.cache_file import cache_file
from load_balancer.cache_view import seen
from load_balancer.caching.vocabulary import CacheRequest, Kind
from load_balancer.forwarding.live_cache import cache_for

pytestmark = pytest.mark.unit


def test_without_a_cache_there_is_nothing_to_see() -> None:
    assert seen(None, None) is None
    assert cache_file(CacheSettings(disk="cache.db")) is None
    assert cache_file(CacheSettings(enabled=True)) is None


def test_each_worker_has_a_file_of_its_own() -> None:
    settings = CacheSettings(enabled=True, disk="folder/cache.db")
    files = [cache_file(settings, number) for number in range(3)]
    found = [str(file.path) for file in files if file is not None]
    assert found == ["folder/cache.db", "folder/cache-1.db", "folder/cache-2.db"]


def test_what_happened_is_seen(tmp_path: Path) -> None:
    """In memory and on disk."""
    settings = CacheSettings(enabled=True, entries=2, disk=str(tmp_path / "cache.db"))
    file = cache_file(settings)
    assert file is not None
    file.open()
    live = cache_for(LoadBalancer(cache=settings), lambda: 0.0, file)
    assert live is not None
    requests = [CacheRequest("GET", "a", f"/{number}", []) for number in range(3)]
    for each in requests:
        assert live.cache.lookup(each, 1.0).kind is Kind.MISS
        live.cache.store(each, 1.0, 1.0, 200, b"OK", [(b"Cache-Control", b"max-age=9")], b"body")
    assert live.cache.lookup(requests[2], 2.0).kind is Kind.HIT
    found = seen(live, file)
    assert found is not None
    assert (found.requests["hit"], found.requests["miss"], found.requests["stale"]) == (1, 3, 0)
    assert (found.entries, found.stored, found.removed["evicted"]) == (2, 3, 1)
    assert found.bytes > 0
    assert found.disk is not None
    assert found.disk.entries == 0
    live.cache.purge_prefix("")
    file.close()
    found = seen(live, file)
    assert found is not None
    assert (found.entries, found.removed["purged"]) == (0, 3)
