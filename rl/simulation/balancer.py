"""Who takes part in a cluster beside its stations, as the cluster sees it: a balancer is a node
with those who poll and try again for it. The production parts fit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from rl.simulation.station import Station
from rl.vocabulary import Endpoint, EndpointStats, Outcome, RequestContext


class Attempt(Protocol):
    """One try at one endpoint, as the node made it."""

    stats: EndpointStats
    started: float


AttemptT = TypeVar("AttemptT", bound=Attempt)


class Table(Protocol):
    """What a node knows of its endpoints."""

    def __getitem__(self, id: str) -> EndpointStats: ...

    def join(self, endpoint: Endpoint) -> EndpointStats: ...

    def load_reported(self, stats: EndpointStats, text: bytes, now: float) -> None: ...


class Routing(Protocol[AttemptT]):
    """The part of a node that a cluster drives."""

    @property
    def table(self) -> Table: ...

    def route(
        self, context: RequestContext, request_id: str, now: float, tried: Collection[str] = ()
    ) -> AttemptT | None: ...

    def complete(self, attempt: AttemptT, outcome: Outcome, now: float) -> None: ...

    def retry_after(
        self, stats: EndpointStats, status: int, seconds: float, now: float
    ) -> None: ...

    def joined(self, stats: EndpointStats, now: float) -> None: ...

    def refresh(self) -> None: ...


class Polls(Protocol):
    """Who asks the stations how they are, for one balancer."""

    def first(self, stats: EndpointStats) -> float:
        """Seconds until an endpoint, known from now on, is asked."""
        ...

    def poll(self, stats: EndpointStats, station: Station, now: float) -> float:
        """Ask, and do what follows; seconds until the next time."""
        ...


class Retries(Protocol):
    """When one balancer tries again."""

    def again(
        self, context: RequestContext, status: int, tried: Collection[str], now: float
    ) -> bool:
        """Whether to try elsewhere after an attempt without an answer in time (status 0), or with
        one of this status. It is then done.

        Args:
            tried: where the request has failed, this time included.
        """
        ...

    def sweep(self, now: float) -> None:
        """From time to time."""
        ...


@dataclass(slots=True)
class Balancer(Generic[AttemptT]):
    """A node with all that it needs to take part.

    Attributes:
        polls: None for none.
        retries: None for none.
        improve: of its policy, if that has work for the background.
    """

    node: Routing[AttemptT]
    polls: Polls | None = None
    retries: Retries | None = None
    improve: Callable[[], object] | None = None
