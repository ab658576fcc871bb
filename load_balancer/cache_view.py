"""A node's cache, in memory and on disk, as those see it who look at numbers."""

from __future__ import annotations

from load_balancer.cache_file import CacheFile
from load_balancer.forwarding.live_cache import LiveCache
from metrics.cache_exposition import CacheSeen, DiskSeen


def seen(live: LiveCache | None, file: CacheFile | None) -> CacheSeen | None:
    """What is counted and held now; None without a cache."""
    if live is None:
        return None
    counts, held = live.cache.counters, live.cache.held
    return CacheSeen(
        requests={
            "hit": counts.hits - counts.stale_hits,
            "stale": counts.stale_hits,
            "miss": counts.misses,
            "validate": counts.validations,
            "bypass": counts.bypassed,
            "only_if_cached": counts.refused,
        },
        entries=len(held),
        bytes=held.bytes,
        stored=counts.stored,
        too_large=counts.too_large,
        revalidated=counts.revalidated,
        collapsed=live.collapsed,
        removed={
            "evicted": held.evicted,
            "invalidated": counts.invalidated,
            "purged": counts.purged,
        },
        disk=None if file is None else _disk(file),
    )


def _disk(file: CacheFile) -> DiskSeen:
    return DiskSeen(
        entries=file.entries,
        bytes=file.bytes,
        read=file.found,
        written=file.written,
        lost={"queue": file.refused, "failed": file.lost, "room": file.evicted_rows},
    )
