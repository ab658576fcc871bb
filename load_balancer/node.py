"""The node: chooses an endpoint for each request with its policy, learns from what came of it.

Pure: the live proxy and the simulator call ``route`` and ``complete`` on the same object, each with
its own time. Knows no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from load_balancer.health import Health
from metrics.counters import Counters, Series
from metrics.table import EndpointTable
from rl.vocabulary import (
    Decision,
    EndpointStats,
    Observation,
    Outcome,
    Policy,
    RequestContext,
    Transition,
    Verdict,
    learn_nothing,
)


class Strategy:
    """A policy under its configured name.

    Attributes:
        observe: the policy's, or None if nothing teaches it.
        series: the counters of its attempts, by endpoint id, as far as they were looked up.
    """

    __slots__ = ("name", "observe", "policy", "series")

    def __init__(self, name: str, policy: Policy) -> None:
        self.name = name
        self.policy = policy
        self.observe = None if _learns_nothing(policy) else policy.observe
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


class Node:
    """One proxy node.

    Attributes:
        strategy: who decides now; replaced by one assignment.
        table: what is known of the endpoints.
        counters: what was counted.
    """

    __slots__ = (
        "_candidates",
        "_health",
        "_log",
        "_reward",
        "counters",
        "strategy",
        "table",
    )

    def __init__(
        self,
        table: EndpointTable,
        health: Health,
        strategy: Strategy,
        reward: Callable[[Outcome], float],
        counters: Counters,
        log: AttemptLog | None = None,
    ) -> None:
        self.table = table
        self.strategy = strategy
        self.counters = counters
        self._health = health
        self._reward = reward
        self._log = log
        self._candidates: Sequence[EndpointStats] = ()
        self.refresh()

    def refresh(self) -> None:
        """Find out anew who may take requests. With everybody out, all are tried (panic)."""
        able = [stats for stats in self.table.all if stats.healthy and not stats.ejected]
        self._candidates = able or self.table.all

    def route(
        self,
        context: RequestContext,
        request_id: str,
        now: float,
        tried: Collection[str] = (),
    ) -> Attempt | None:
        """Decide where a request goes, and count it as sent there.

        Args:
            tried: ids of endpoints that this request has failed at.

        Returns:
            None if there is no endpoint left that was not tried.
        """
        if self._health.due <= now and self._health.reinstate(now):
            self.refresh()
        candidates = self._candidates
        if tried:
            candidates = [stats for stats in candidates if stats.id not in tried]
            if not candidates:
                candidates = [stats for stats in self.table.all if stats.id not in tried]
        if not candidates:
            return None
        strategy = self.strategy
        decision = strategy.policy.select(Observation(context, candidates, now))
        stats = candidates[decision.index]
        self.table.sent(stats)
        series = strategy.series.get(stats.id)
        if series is None:
            series = strategy.series[stats.id] = self.counters.series(strategy.name, stats.id)
        return Attempt(context, request_id, strategy, stats, decision, series, now, len(tried) + 1)

    def complete(self, attempt: Attempt, outcome: Outcome, now: float) -> None:
        """What came of an attempt; exactly once for each.

        Raises:
            RuntimeError: it was completed before.
        """
        if attempt.over:
            raise RuntimeError(f"attempt of request {attempt.request_id} completed twice")
        attempt.over = True
        stats = attempt.stats
        verdict = outcome.verdict
        self.table.completed(stats, outcome, now)
        attempt.series.count(outcome)
        if verdict is not Verdict.IGNORED:
            if self._health.completed(stats, verdict, now):
                self.refresh()
            observe = attempt.strategy.observe
            if observe is not None:
                observe(
                    Transition(
                        stats,
                        Observation(attempt.context, self._candidates, now),
                        attempt.decision,
                        outcome,
                        self._reward(outcome),
                        outcome.upstream_value,
                    )
                )
        if self._log is not None:
            self._log.append(attempt, outcome, now)

    def set_healthy(self, stats: EndpointStats, healthy: bool) -> None:
        """What polls say of an endpoint."""
        if stats.healthy != healthy:
            self.table.set_healthy(stats, healthy)
            self.refresh()
