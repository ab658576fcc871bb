"""Several workers' metrics as one text: counters and histograms summed; gauges summed where a sum
is what they are of all workers together, and told apart by a label where it would not be true.

Pure: text in the Prometheus format in and out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

SUMMED_GAUGES = frozenset(
    {
        "slb_endpoint_in_flight",
        "slb_requests_in_flight",
        "slb_requests_waiting",
        "slb_open_connections",
        "slb_open_tunnels",
        "slb_idle_upstream_connections",
        "slb_cache_entries",
        "slb_cache_bytes",
        "slb_cache_disk_entries",
        "slb_cache_disk_bytes",
    }
)
"""Things that each worker holds for itself. Other gauges are told apart by ``worker``."""


class _Merged(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def merged(texts: Sequence[tuple[str, str]]) -> bytes:
    """The metrics of all.

    Args:
        texts: each worker's name and metrics.
    """
    families: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for worker, text in texts:
        for family in text_string_to_metric_families(text):
            families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            sums = values.setdefault(family.name, {})
            apart = family.type not in ("counter", "histogram") and (
                family.name not in SUMMED_GAUGES
            )
            for sample in family.samples:
                labels = tuple(sample.labels.items())
                key = sample.name, (*labels, ("worker", worker)) if apart else labels
                sums[key] = sums.get(key, 0.0) + sample.value
    for name, family in families.items():
        family.samples = [
            Sample(sample, dict(labels), value) for (sample, labels), value in values[name].items()
        ]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Merged(list(families.values())))
    return generate_latest(registry)
