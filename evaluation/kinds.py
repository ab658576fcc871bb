"""Kinds of requests: what each was like for its clients, and where each strategy sent it.

A kind is a route: the path with numbers and the like folded. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.records import ComparisonResult, Request, ServerFacts
from rl.encoding import route_template

MOST = 6
"""With more kinds than this nobody reads a table of them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of requests.

    Attributes:
        name: its route.
        share: of the counted requests.
        work: mean milliseconds of service by server id, where nothing waits and nothing is wrong.
        latency: mean seconds of the successes, by strategy.
        placed: by strategy and server id, the share of the requests that went there.
    """

    name: str
    share: float
    work: dict[str, float]
    latency: dict[str, float]
    placed: dict[str, dict[str, float]]


def kinds(result: ComparisonResult) -> list[Kind]:
    """From the most frequent on; empty where all requests are of one kind, or of too many."""
    requests = {
        name: [request for run in result.runs_of(name) for request in run.measured()]
        for name in result.measured_strategies()
    }
    routes: dict[str, str] = {}
    grouped: dict[str, dict[str, list[Request]]] = defaultdict(dict)
    for name, each in requests.items():
        for request in each:
            route = routes.get(request.path)
            if route is None:
                route = routes[request.path] = route_template(request.path)
            grouped[route].setdefault(name, []).append(request)
        if len(grouped) > MOST:
            return []
    if len(grouped) < 2:
        return []
    total = sum(map(len, requests.values()))
    found = [
        Kind(
            route,
            sum(map(len, by_strategy.values())) / total,
            {server.id: work_ms(server, route) for server in result.servers},
            {name: _mean(each) for name, each in by_strategy.items()},
            {name: _placed(each) for name, each in by_strategy.items()},
        )
        for route, by_strategy in grouped.items()
    ]
    return sorted(found, key=lambda kind: (-kind.share, kind.name))


def work_ms(server: ServerFacts, path: str) -> float:
    """Mean milliseconds that a server works on a request for that path."""
    fitting = [route for route in server.routes if path.startswith(route.prefix)]
    longest = max(fitting, key=lambda route: len(route.prefix), default=None)
    return server.base_delay_ms * (1.0 if longest is None else longest.factor)


def _mean(requests: Sequence[Request]) -> float:
    values = [request.latency for request in requests if request.success]
    return float(np.mean(values)) if values else float("nan")


def _placed(requests: Sequence[Request]) -> dict[str, float]:
    counts = Counter(request.endpoint for request in requests)
    return {id: count / len(requests) for id, count in sorted(counts.items())}
