"""What rules for clients count, in Prometheus's words: by rule, for clients are too many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """Of one rule; counts are since it is there.

    Attributes:
        passed: requests that went on, and so many of all were ``delayed`` first.
        delay: seconds that those that went on were held, in all.
        refused: requests, by reason.
        received, sent: bytes of bodies from clients, and of answers to them.
        in_flight, waiting: requests, now.
    """

    passed: int = 0
    delayed: int = 0
    delay: float = 0.0
    refused: Mapping[str, int] = field(default_factory=dict)
    received: int = 0
    sent: int = 0
    in_flight: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class ShapingSeen:
    """Of all rules.

    Attributes:
        rules: by name.
        clients: remembered now.
        forgotten: clients that had to make room for others, so far.
    """

    rules: Mapping[str, RuleSeen] = field(default_factory=dict)
    clients: int = 0
    forgotten: int = 0


def shaping_families(seen: ShapingSeen) -> Iterator[Metric]:
    """All of it."""
    yield GaugeMetricFamily(
        "slb_shaping_clients", "Clients that are remembered.", value=seen.clients
    )
    yield CounterMetricFamily(
        "slb_shaping_clients_forgotten", "Clients that made room.", value=seen.forgotten
    )
    requests = CounterMetricFamily(
        "slb_shaping_requests", "What became of requests.", labels=["rule", "result"]
    )
    for name, rule in seen.rules.items():
        requests.add_metric([name, "passed"], rule.passed)
        for reason, count in sorted(rule.refused.items()):
            requests.add_metric([name, reason], count)
    yield requests
    for title, text, attribute in (
        ("slb_shaping_delayed", "Requests that had to wait first.", "delayed"),
        ("slb_shaping_delay_seconds", "That requests had to wait, in all.", "delay"),
        ("slb_shaping_received_bytes", "Of request bodies.", "received"),
        ("slb_shaping_sent_bytes", "Written to clients.", "sent"),
    ):
        counter = CounterMetricFamily(title, text, labels=["rule"])
        for name, rule in seen.rules.items():
            counter.add_metric([name], float(getattr(rule, attribute)))
        yield counter
    for title, text, attribute in (
        ("slb_shaping_in_flight", "Requests that have passed and are not over.", "in_flight"),
        ("slb_shaping_waiting", "Requests that wait.", "waiting"),
    ):
        gauge = GaugeMetricFamily(title, text, labels=["rule"])
        for name, rule in seen.rules.items():
            gauge.add_metric([name], float(getattr(rule, attribute)))
        yield gauge
