"""What was counted, in Prometheus's text format. Names and labels are made only when it is read.

Base units are seconds; counters end in ``_total``; labels are bounded by the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from metrics.collector import PollCounts
from metrics.counters import Counters
from metrics.table import EndpointTable

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Sources:
    """Where the exposition reads from.

    Attributes:
        open_connections: of clients, now.
        idle_upstream: kept connections to endpoints, now.
        dropped_lines: of the request log, so far.
    """

    __slots__ = (
        "counters",
        "dropped_lines",
        "idle_upstream",
        "open_connections",
        "polls",
        "table",
    )

    def __init__(
        self,
        table: EndpointTable,
        counters: Counters,
        polls: dict[str, PollCounts],
        open_connections: Callable[[], int],
        idle_upstream: Callable[[], int],
        dropped_lines: Callable[[], int],
    ) -> None:
        self.table = table
        self.counters = counters
        self.polls = polls
        self.open_connections = open_connections
        self.idle_upstream = idle_upstream
        self.dropped_lines = dropped_lines


class _Reader(Collector):
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        yield from _attempts(self._sources.counters)
        yield from _endpoints(self._sources)
        yield from _node(self._sources)


def render(sources: Sources) -> bytes:
    """Everything, now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reader(sources))
    return generate_latest(registry)


def _attempts(counters: Counters) -> Iterator[Metric]:
    labels = ["strategy", "endpoint"]
    requests = CounterMetricFamily(
        "slb_requests", "Attempts by the endpoint's status; 0 is none.", labels=[*labels, "code"]
    )
    failures = CounterMetricFamily(
        "slb_request_failures", "Attempts that the endpoint failed.", labels=labels
    )
    ignored = CounterMetricFamily(
        "slb_requests_ignored", "Attempts that ended for other reasons.", labels=labels
    )
    duration = HistogramMetricFamily(
        "slb_request_duration_seconds", "Decision to first byte.", labels=labels
    )
    for strategy, endpoint, series in counters.all_series():
        for status, count in sorted(series.statuses.items()):
            requests.add_metric([strategy, endpoint, str(status)], count)
        failures.add_metric([strategy, endpoint], series.failures)
        ignored.add_metric([strategy, endpoint], series.ignored)
        buckets = [
            ("+Inf" if edge == float("inf") else str(edge), float(count))
            for edge, count in series.duration.cumulative()
        ]
        duration.add_metric([strategy, endpoint], buckets, series.duration.total)
    yield from (requests, failures, ignored, duration)


def _endpoints(sources: Sources) -> Iterator[Metric]:
    gauges = {
        "in_flight": GaugeMetricFamily(
            "slb_endpoint_in_flight", "Requests sent and not yet over.", labels=["endpoint"]
        ),
        "healthy": GaugeMetricFamily(
            "slb_endpoint_healthy", "1 while polls succeed.", labels=["endpoint"]
        ),
        "ejected": GaugeMetricFamily(
            "slb_endpoint_ejected", "1 while its answers keep it out.", labels=["endpoint"]
        ),
        "latency": GaugeMetricFamily(
            "slb_endpoint_latency_seconds", "Weighted mean to the first byte.", labels=["endpoint"]
        ),
        "error_rate": GaugeMetricFamily(
            "slb_endpoint_error_ratio", "Weighted mean share of failures.", labels=["endpoint"]
        ),
        "cpu": GaugeMetricFamily(
            "slb_endpoint_cpu_ratio", "Processor use as it reports it.", labels=["endpoint"]
        ),
    }
    for stats in sources.table.all:
        for attribute, gauge in gauges.items():
            gauge.add_metric([stats.id], float(getattr(stats, attribute)))
    yield from gauges.values()
    polls = CounterMetricFamily("slb_polls", "Health polls.", labels=["endpoint", "result"])
    for endpoint, counts in sources.polls.items():
        polls.add_metric([endpoint, "success"], counts.succeeded)
        polls.add_metric([endpoint, "failure"], counts.failed)
    yield polls


def _node(sources: Sources) -> Iterator[Metric]:
    counters = sources.counters
    answers = CounterMetricFamily("slb_answers", "Responses to clients.", labels=["code"])
    for status, count in sorted(counters.answers.items()):
        answers.add_metric([str(status)], count)
    refusals = CounterMetricFamily(
        "slb_refusals", "Requests that the balancer answered by itself.", labels=["reason"]
    )
    for label, count in sorted(counters.refusals.items()):
        refusals.add_metric([label], count)
    yield from (answers, refusals)
    yield _counter("slb_retries", "Attempts on another endpoint.", counters.retries)
    yield _counter("slb_reconnections", "Kept connections found closed.", counters.reconnections)
    yield _counter("slb_connections", "Client connections accepted.", counters.connections)
    yield _counter(
        "slb_request_log_dropped", "Lines that were not written.", sources.dropped_lines()
    )
    yield GaugeMetricFamily(
        "slb_open_connections", "Client connections.", value=sources.open_connections()
    )
    yield GaugeMetricFamily(
        "slb_idle_upstream_connections", "Kept connections.", value=sources.idle_upstream()
    )


def _counter(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)
