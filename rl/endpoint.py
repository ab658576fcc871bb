"""Two of the words: where a request can go, and what is known of that place. Everybody has them
from ``rl.vocabulary``, where the others are."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a request can go: a backend, or the next proxy node.

    Attributes:
        id: unique name within one node; every table is keyed by it.
        weight: relative capacity, > 0; what weighted strategies divide by.
        tags: the operator's own labels, in order.
        domains: it serves requests for these only, in lower case without a port; empty for any.
        proxy_node: it is a next node, whose ``Q`` and ``QReward`` are believed.
    """

    id: str
    host: str
    port: int
    weight: float = 1.0
    tags: tuple[str, ...] = field(default=())
    domains: tuple[str, ...] = field(default=())
    proxy_node: bool = False


class EndpointStats:
    """What is known of one endpoint now. Written by ``metrics.table`` only.

    A policy reads it during ``select`` and ``observe`` and neither keeps nor changes it.

    Attributes:
        endpoint: whom this is about; ``id`` repeats its id because every policy asks for it.
        in_flight: requests of this node that were sent and are not yet over.
        latency: seconds to the first byte, an exponentially weighted mean; 0.0 before the first.
        latency_at: when ``latency`` last changed; ``-inf`` before the first.
        error_rate: share of failures, an exponentially weighted mean in [0, 1].
        error_rate_at: when ``error_rate`` last changed; ``-inf`` before the first.
        completed: answers that taught something, failures included.
        failures: how many of those were failures.
        cpu: the endpoint's own processor use in [0, 1], as it last reported.
        memory: its own memory use in [0, 1], as it last reported.
        active: requests it said it was working on, from everybody, as it last reported.
        reported_latency: seconds it said it takes on average, as it last reported.
        reported_at: when it last reported; ``-inf`` if it never did.
        request_rate: answers a second it said it gives, to everybody, as it last rated itself.
        failure_rate: how many of those were failures.
        utilization: share of its capacity that it said it uses; above 1 if it is overcommitted.
        rated_at: when it last told those three, none of the first and the last being 0; ``-inf`` if
            it never did.
        healthy: false while polls fail.
        recovered_at: when polls last succeeded again after they had failed; ``-inf`` if never.
        ejected: true while its answers keep it out.
        share: of the requests that it is shown to, in (0, 1]; below 1 while it is on probation or
            warms up.
        limit: requests in flight at which it is full; infinite without a limit.
    """

    __slots__ = (
        "active",
        "completed",
        "cpu",
        "ejected",
        "endpoint",
        "error_rate",
        "error_rate_at",
        "failure_rate",
        "failures",
        "healthy",
        "id",
        "in_flight",
        "latency",
        "latency_at",
        "limit",
        "memory",
        "rated_at",
        "recovered_at",
        "reported_at",
        "reported_latency",
        "request_rate",
        "share",
        "utilization",
    )

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.id = endpoint.id
        self.in_flight = 0
        self.latency = 0.0
        self.latency_at = float("-inf")
        self.error_rate = 0.0
        self.error_rate_at = float("-inf")
        self.completed = 0
        self.failures = 0
        self.cpu = 0.0
        self.memory = 0.0
        self.active = 0
        self.reported_latency = 0.0
        self.reported_at = float("-inf")
        self.request_rate = 0.0
        self.failure_rate = 0.0
        self.utilization = 0.0
        self.rated_at = float("-inf")
        self.healthy = True
        self.recovered_at = float("-inf")
        self.ejected = False
        self.share = 1.0
        self.limit = float("inf")

    def __repr__(self) -> str:
        return f"<EndpointStats {self.id} in_flight={self.in_flight} latency={self.latency:.4f}>"
