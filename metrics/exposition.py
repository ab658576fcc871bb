"""What was counted, in Prometheus's text format. Names and labels are made only when it is read.

Base units are seconds and bytes; counters end in ``_total``; labels are bounded by the
configuration. docs/observability.md lists every metric, and a test holds the two together.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from metrics.adaptive_exposition import AdaptiveSeen, adaptive_families
from metrics.cache_exposition import CacheSeen, families
from metrics.collector import PollCounts
from metrics.counters import Counters
from metrics.federation_exposition import FederationSeen, federation_families
from metrics.histogram import Histogram
from metrics.shaping_exposition import ShapingSeen, shaping_families
from metrics.table import EndpointTable

CONTENT_TYPE = CONTENT_TYPE_LATEST


def _none() -> int:
    return 0


def _no_cache() -> CacheSeen | None:
    return None


def _no_shaping() -> ShapingSeen | None:
    return None


def _no_agents() -> AdaptiveSeen | None:
    return None


def _no_federation() -> FederationSeen | None:
    return None


class Sources:
    """Where the exposition reads from.

    Attributes:
        open_connections: of clients, now.
        idle_upstream: kept connections to endpoints, now.
        dropped_lines: of the request log, so far.
        access_log_dropped: lines of the access log, so far.
        spans_dropped: requests whose spans were not told, so far.
        in_flight: requests of clients that are not over, now.
        cache: what the cache counts and holds, if there is one.
        shaping: what rules for clients count, if there are any.
        adaptive: what agents do that move these rules, if there are any.
        federation: the node's part in federated learning, if it has one.
    """

    __slots__ = (
        "access_log_dropped",
        "adaptive",
        "cache",
        "counters",
        "dropped_lines",
        "federation",
        "idle_upstream",
        "in_flight",
        "open_connections",
        "polls",
        "shaping",
        "spans_dropped",
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
        *,
        access_log_dropped: Callable[[], int] = _none,
        spans_dropped: Callable[[], int] = _none,
        in_flight: Callable[[], int] = _none,
        cache: Callable[[], CacheSeen | None] = _no_cache,
        shaping: Callable[[], ShapingSeen | None] = _no_shaping,
        adaptive: Callable[[], AdaptiveSeen | None] = _no_agents,
        federation: Callable[[], FederationSeen | None] = _no_federation,
    ) -> None:
        self.table = table
        self.counters = counters
        self.polls = polls
        self.open_connections = open_connections
        self.idle_upstream = idle_upstream
        self.dropped_lines = dropped_lines
        self.access_log_dropped = access_log_dropped
        self.spans_dropped = spans_dropped
        self.in_flight = in_flight
        self.cache = cache
        self.shaping = shaping
        self.adaptive = adaptive
        self.federation = federation


class _Reader(Collector):
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        sources = self._sources
        yield from _attempts(sources.counters)
        yield from _endpoints(sources)
        yield from _ejections(sources.counters)
        yield from _clients(sources)
        yield from _connections(sources)
        yield from _node(sources)
        seen = sources.cache()
        if seen is not None:
            yield from families(seen)
        shaped = sources.shaping()
        if shaped is not None:
            yield from shaping_families(shaped)
        adapted = sources.adaptive()
        if adapted is not None:
            yield from adaptive_families(adapted)
        federated = sources.federation()
        if federated is not None:
            yield from federation_families(federated)
        yield _build()


def render(sources: Sources) -> bytes:
    """Everything, now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reader(sources))
    ProcessCollector(registry=registry)  # reads /proc; says nothing where there is none
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
        _add_histogram(duration, [strategy, endpoint], series.duration)
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
        "share": GaugeMetricFamily(
            "slb_endpoint_share_ratio",
            "Share of the requests that it is shown to; below 1 on probation and in a slow start.",
            labels=["endpoint"],
        ),
        "limit": GaugeMetricFamily(
            "slb_endpoint_limit", "Requests in flight that make it full.", labels=["endpoint"]
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


def _ejections(counters: Counters) -> Iterator[Metric]:
    ejections = CounterMetricFamily(
        "slb_ejections", "Times that an endpoint was put out.", labels=["endpoint", "reason"]
    )
    for key, count in sorted(counters.ejections.items()):
        ejections.add_metric(key, count)
    yield ejections


def _clients(sources: Sources) -> Iterator[Metric]:
    """Requests as clients see them, whatever it took to answer them."""
    counters = sources.counters
    answers = CounterMetricFamily("slb_answers", "Responses to clients.", labels=["code"])
    for status, count in sorted(counters.answers.items()):
        answers.add_metric([str(status)], count)
    refusals = CounterMetricFamily(
        "slb_refusals", "Requests that the balancer answered by itself.", labels=["reason"]
    )
    for label, count in sorted(counters.refusals.items()):
        refusals.add_metric([label], count)
    duration = HistogramMetricFamily(
        "slb_client_request_duration_seconds",
        "From a request's turn on its connection to the end of its answer.",
        labels=["code"],
    )
    first_byte = HistogramMetricFamily(
        "slb_client_first_byte_seconds",
        "From a request's turn on its connection to the answer's first byte.",
        labels=["code"],
    )
    for digit, series in enumerate(counters.clients):
        code = [f"{digit}xx" if digit else "none"]
        if series.duration.count:
            _add_histogram(duration, code, series.duration)
        if series.first_byte.count:
            _add_histogram(first_byte, code, series.first_byte)
    yield from (answers, refusals, duration, first_byte)
    yield GaugeMetricFamily(
        "slb_requests_in_flight",
        "Requests of clients that are not over.",
        value=sources.in_flight(),
    )
    yield _counter(
        "slb_received_bytes", "Of request bodies, without framing.", counters.received_bytes
    )
    yield _counter("slb_sent_bytes", "Written to clients.", counters.sent_bytes)


def _connections(sources: Sources) -> Iterator[Metric]:
    counters = sources.counters
    yield _counter("slb_connections", "Client connections accepted.", counters.connections)
    yield GaugeMetricFamily(
        "slb_open_connections", "Client connections.", value=sources.open_connections()
    )
    yield _counter(
        "slb_tls_handshakes", "TLS handshakes of clients, completed.", counters.tls_handshakes
    )
    failures = CounterMetricFamily(
        "slb_tls_handshake_failures", "TLS handshakes of clients that failed.", labels=["reason"]
    )
    for reason, count in sorted(counters.tls_failures.items()):
        failures.add_metric([reason], count)
    yield failures
    yield _counter("slb_tunnels", "Connections switched to another protocol.", counters.tunnels)
    yield GaugeMetricFamily(
        "slb_open_tunnels",
        "Connections that speak another protocol now.",
        value=counters.open_tunnels,
    )
    yield GaugeMetricFamily(
        "slb_idle_upstream_connections", "Kept connections.", value=sources.idle_upstream()
    )
    yield _counter("slb_reconnections", "Kept connections found closed.", counters.reconnections)


def _node(sources: Sources) -> Iterator[Metric]:
    counters = sources.counters
    yield _counter("slb_retries", "Attempts on another endpoint.", counters.retries)
    yield _counter("slb_hedges", "Second attempts beside a slow first one.", counters.hedges)
    yield _counter("slb_hedges_won", "Hedges that answered first.", counters.hedges_won)
    budget = CounterMetricFamily(
        "slb_budget_refusals", "Retries and hedges left for want of budget.", labels=["kind"]
    )
    for kind, count in sorted(counters.budget_refusals.items()):
        budget.add_metric([kind], count)
    yield budget
    yield _counter("slb_queued", "Requests that had to wait for a place.", counters.queued)
    yield GaugeMetricFamily(
        "slb_requests_waiting", "Requests that wait for a place.", value=counters.waiting
    )
    changes = CounterMetricFamily(
        "slb_endpoint_changes", "Endpoints that came, went and changed.", labels=["change"]
    )
    for change, count in counters.endpoint_changes.items():
        changes.add_metric([change], count)
    yield changes
    looks = CounterMetricFamily(
        "slb_discovery_looks", "Looks for endpoints.", labels=["source", "result"]
    )
    for (source, result), count in sorted(counters.looks.items()):
        looks.add_metric([source, result], count)
    yield looks
    yield _counter("slb_panics", "Times that too few endpoints were able.", counters.panics)
    told = CounterMetricFamily(
        "slb_q_headers", "Answers of next nodes with Q and QReward.", labels=["result"]
    )
    for result, count in counters.q_headers.items():
        told.add_metric([result], count)
    yield told
    unplaced = CounterMetricFamily(
        "slb_queue_refusals", "Requests that got no place at an endpoint.", labels=["reason"]
    )
    for reason, count in sorted(counters.queue_refusals.items()):
        unplaced.add_metric([reason], count)
    yield unplaced
    yield _counter(
        "slb_request_log_dropped", "Lines that were not written.", sources.dropped_lines()
    )
    yield _counter(
        "slb_access_log_dropped", "Lines that were not written.", sources.access_log_dropped()
    )
    yield _counter(
        "slb_spans_dropped", "Requests whose spans were not told.", sources.spans_dropped()
    )


def _build() -> Metric:
    try:
        ours = version("smart-load-balancer")
    except PackageNotFoundError:  # run from its files
        ours = "unknown"
    build = GaugeMetricFamily(
        "slb_build_info", "1, labelled with what runs.", labels=["version", "python"]
    )
    build.add_metric([ours, platform.python_version()], 1)
    return build


def _add_histogram(family: HistogramMetricFamily, labels: list[str], histogram: Histogram) -> None:
    buckets = [
        ("+Inf" if edge == float("inf") else str(edge), float(count))
        for edge, count in histogram.cumulative()
    ]
    family.add_metric(labels, buckets, histogram.total)


def _counter(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)
