"""One try of one request, and the strategy that decided it. Pure."""

from __future__ import annotations

from typing import Protocol

from metrics.counters import Series
from rl.vocabulary import (
    Advertising,
    Decision,
    EndpointStats,
    Outcome,
    Policy,
    Prober,
    RequestContext,
    learn_nothing,
)


class Strategy:
    """A policy under its configured name.

    Attributes:
        advertised: the policy's, or None if it has no value to tell.
        observe: the policy's, or None if nothing teaches it.
        prober: the policy, or None if it asks nobody.
        series: the counters of its attempts, by endpoint id, as far as they were looked up.
    """

    __slots__ = ("advertised", "name", "observe", "policy", "prober", "series")

    def __init__(self, name: str, policy: Policy) -> None:
        self.name = name
        self.policy = policy
        self.observe = None if _learns_nothing(policy) else policy.observe
        self.advertised = policy.advertised if isinstance(policy, Advertising) else None
        self.prober = policy if isinstance(policy, Prober) else None
        self.series: dict[str, Series] = {}


def _learns_nothing(policy: Policy) -> bool:
    return getattr(type(policy), "observe", None) is learn_nothing


class Attempt:
    """One try of one request at one endpoint. It holds the policy that decided it, so that a
    change of strategy in between credits nobody else.

    Attributes:
        number: 1 for the first try of a request.
        started: when it was decided.
        over: it was completed.
    """

    __slots__ = (
        "context",
        "decision",
        "number",
        "over",
        "request_id",
        "series",
        "started",
        "stats",
        "strategy",
    )

    def __init__(
        self,
        context: RequestContext,
        request_id: str,
        strategy: Strategy,
        stats: EndpointStats,
        decision: Decision,
        series: Series,
        started: float,
        number: int,
    ) -> None:
        self.context = context
        self.request_id = request_id
        self.strategy = strategy
        self.stats = stats
        self.decision = decision
        self.series = series
        self.started = started
        self.number = number
        self.over = False


class AttemptLog(Protocol):
    """Where completed attempts are written down."""

    def append(self, attempt: Attempt, outcome: Outcome, now: float) -> None:
        """Note one; never blocks, never raises."""
        ...
