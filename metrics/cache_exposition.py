"""What a cache counts and holds, in Prometheus's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class DiskSeen:
    """Of the file behind a cache.

    Attributes:
        entries, bytes: in it now.
        read, written: responses.
        lost: responses that were not written or had to go, by reason.
    """

    entries: int
    bytes: int
    read: int
    written: int
    lost: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CacheSeen:
    """Of one cache; counts are since it was made.

    Attributes:
        requests: by what became of them.
        entries, bytes: in memory now.
        stored: responses.
        too_large: responses that would have been stored.
        revalidated: validations that a 304 ended.
        collapsed: requests that got the answer to another one.
        removed: responses that are not in memory any more, by reason.
        disk: where there is one.
    """

    requests: Mapping[str, int] = field(default_factory=dict)
    entries: int = 0
    bytes: int = 0
    stored: int = 0
    too_large: int = 0
    revalidated: int = 0
    collapsed: int = 0
    removed: Mapping[str, int] = field(default_factory=dict)
    disk: DiskSeen | None = None


def families(seen: CacheSeen) -> Iterator[Metric]:
    """All of it."""
    yield _by("slb_cache_requests", "What became of requests.", "result", seen.requests)
    yield _gauge("slb_cache_entries", "Responses in memory.", seen.entries)
    yield _gauge("slb_cache_bytes", "What they take.", seen.bytes)
    yield _counter("slb_cache_stored", "Responses stored.", seen.stored)
    yield _counter("slb_cache_too_large", "Responses too large to be stored.", seen.too_large)
    yield _counter("slb_cache_revalidated", "Validations ended by a 304.", seen.revalidated)
    yield _counter("slb_cache_collapsed", "Requests answered by another's.", seen.collapsed)
    yield _by("slb_cache_removed", "Responses removed from memory.", "reason", seen.removed)
    disk = seen.disk
    if disk is None:
        return
    yield _gauge("slb_cache_disk_entries", "Responses on disk.", disk.entries)
    yield _gauge("slb_cache_disk_bytes", "What they take.", disk.bytes)
    yield _counter("slb_cache_disk_read", "Responses read from disk.", disk.read)
    yield _counter("slb_cache_disk_written", "Responses written to disk.", disk.written)
    yield _by("slb_cache_disk_lost", "Responses that are not on disk.", "reason", disk.lost)


def _by(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _counter(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _gauge(name: str, text: str, value: int) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
