"""What is counted of a service's own life: reloads, and workers that were started again."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector


class LifeCycle:
    """The counts of one service.

    Attributes:
        reloads: of the configuration, by result: success, failure.
        last_reload_succeeded: true before the first one.
        workers: processes that serve; None where there is no supervisor.
        restarts: of workers that had ended by themselves.
    """

    __slots__ = ("last_reload_succeeded", "reloads", "restarts", "workers")

    def __init__(self) -> None:
        self.reloads = {"success": 0, "failure": 0}
        self.last_reload_succeeded = True
        self.workers: int | None = None
        self.restarts = 0

    def reloaded(self, succeeded: bool) -> None:
        """A reload has ended."""
        self.reloads["success" if succeeded else "failure"] += 1
        self.last_reload_succeeded = succeeded


class _Reader(Collector):
    def __init__(self, counts: LifeCycle) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        reloads = CounterMetricFamily(
            "slb_config_reloads", "Reloads of the configuration.", labels=["result"]
        )
        for result, count in counts.reloads.items():
            reloads.add_metric([result], count)
        yield reloads
        yield GaugeMetricFamily(
            "slb_config_last_reload_success",
            "1 unless the last reload failed.",
            value=float(counts.last_reload_succeeded),
        )
        if counts.workers is not None:
            yield GaugeMetricFamily("slb_workers", "Workers that serve.", value=counts.workers)
            yield CounterMetricFamily(
                "slb_worker_restarts", "Workers started again.", value=counts.restarts
            )


def render(counts: LifeCycle) -> bytes:
    """All of it in Prometheus's text format, to be put behind what a node counts."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reader(counts))
    return generate_latest(registry)
