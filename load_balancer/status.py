"""How the node is, as plain data: for ``/health``, ``/stats`` and ``/q``."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite

from load_balancer.node import Node
from metrics.collector import Collector
from metrics.counters import Counters
from rl.vocabulary import JSON, EndpointStats, Explainable


class Status:
    """Reads the node's objects whenever it is asked."""

    def __init__(
        self,
        node: Node,
        counters: Counters,
        collector: Collector,
        wall_clock: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._node = node
        self._counters = counters
        self._collector = collector
        self._wall_clock = wall_clock
        self._clock = clock
        self._started = clock()

    @property
    def strategy(self) -> str:
        """The name of the strategy that decides now."""
        return self._node.strategy.name

    def page(self) -> tuple[str, bytes]:
        """``/health`` on the proxy port: content type and body."""
        return "application/json", json.dumps(self.health()).encode() + b"\n"

    def health(self) -> dict[str, JSON]:
        """The balancer's own health, and each server's state in a word."""
        servers: dict[str, JSON] = {}
        able = 0
        for stats in self._node.table.all:
            state = self._state(stats)
            able += state == "healthy"
            servers[stats.id] = {
                "state": state,
                "in_flight": stats.in_flight,
                "latency_ms": round(stats.latency * 1000.0, 3),
            }
        total = len(self._node.table.all)
        status = "unhealthy" if not able else "healthy" if able == total else "degraded"
        return {
            "status": status,
            "routing_strategy": self.strategy,
            "servers_count": total,
            "servers_healthy": able,
            "timestamp": round(self._wall_clock(), 3),
            "servers": servers,
        }

    def stats(self) -> dict[str, JSON]:
        """Everything that is known and counted, in seconds."""
        now = self._clock()
        endpoints: list[JSON] = []
        for stats in self._node.table.all:
            polls = self._collector.counts[stats.id]
            endpoints.append(
                {
                    "id": stats.id,
                    "host": stats.endpoint.host,
                    "port": stats.endpoint.port,
                    "weight": stats.endpoint.weight,
                    "domains": list(stats.endpoint.domains),
                    "proxy_node": stats.endpoint.proxy_node,
                    "state": self._state(stats),
                    "in_flight": stats.in_flight,
                    "latency": stats.latency,
                    "error_rate": stats.error_rate,
                    "completed": stats.completed,
                    "failures": stats.failures,
                    "share": stats.share,
                    "limit": stats.limit if isfinite(stats.limit) else None,
                    "cpu": stats.cpu,
                    "memory": stats.memory,
                    "active": stats.active,
                    "reported_latency": stats.reported_latency,
                    "report_age": now - stats.reported_at if isfinite(stats.reported_at) else None,
                    "polls_succeeded": polls.succeeded,
                    "polls_failed": polls.failed,
                    "last_poll_error": polls.last_error,
                }
            )
        counters = self._counters
        strategies: dict[str, JSON] = {}
        for strategy, endpoint, series in counters.all_series():
            rows = strategies.setdefault(strategy, {})
            assert isinstance(rows, dict)
            rows[endpoint] = {
                "answers": series.duration.count,
                "failures": series.failures,
                "ignored": series.ignored,
                "mean_latency": series.duration.total / max(1, series.duration.count),
            }
        return {
            "routing_strategy": self.strategy,
            "uptime": now - self._started,
            "endpoints": endpoints,
            "strategies": strategies,
            "answers": {str(status): count for status, count in sorted(counters.answers.items())},
            "refusals": dict(counters.refusals),
            "retries": counters.retries,
            "reconnections": counters.reconnections,
            "connections": counters.connections,
        }

    def table(self) -> list[dict[str, JSON]] | None:
        """What the learner knows, most used first; None if the strategy learns nothing to show."""
        policy = self._node.strategy.policy
        return policy.table() if isinstance(policy, Explainable) else None

    @staticmethod
    def _state(stats: EndpointStats) -> str:
        return "ejected" if stats.ejected else "healthy" if stats.healthy else "unhealthy"


def as_text(rows: list[dict[str, JSON]]) -> str:
    """Rows as an aligned table for a terminal; nested values are flattened to ``key.key``."""
    if not rows:
        return "nothing learned yet\n"
    flat = [_flat(row) for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    widths = {
        column: max(len(column), *(len(row.get(column, "")) for row in flat)) for column in columns
    }
    lines = ["  ".join(column.ljust(widths[column]) for column in columns).rstrip()]
    lines += [
        "  ".join(row.get(column, "").ljust(widths[column]) for column in columns).rstrip()
        for row in flat
    ]
    return "\n".join(lines) + "\n"


def _flat(row: dict[str, JSON], prefix: str = "") -> dict[str, str]:
    result: dict[str, str] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            result |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, float):
            result[prefix + key] = f"{value:.3f}"
        else:
            result[prefix + key] = str(value)
    return result
