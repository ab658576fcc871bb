"""The node: chooses an endpoint for each request with its policy, learns from what came of it.

Pure: the live proxy and the simulator call ``route`` and ``complete`` on the same object, each with
its own time. Knows no connection.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from config.balancer import Admission, LoadBalancer
from load_balancer.attempt import Attempt as Attempt
from load_balancer.attempt import AttemptLog as AttemptLog
from load_balancer.attempt import Strategy as Strategy
from load_balancer.domains import Domains, Group
from load_balancer.forwarding.fields import Fields
from load_balancer.health import Health
from load_balancer.limits import EndpointLimits, limits_of, with_room
from load_balancer.load import Idle, InFlight, Load
from load_balancer.shaping.identity import Found
from load_balancer.shaping.shaper import Shaper
from load_balancer.shaping.turns import Turn
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl.vocabulary import (
    EndpointStats,
    Event,
    Observation,
    Outcome,
    Prober,
    RequestContext,
    Reward,
    Transition,
    Verdict,
)

Ask: TypeAlias = Callable[[Prober, Sequence[EndpointStats]], None]
"""Asks endpoints how they are and tells the policy. It must not wait for them."""


MOST_POOLS = 1000
"""Whose candidates are remembered."""


class Node:
    """One proxy node.

    Attributes:
        strategy: who decides now; replaced by one assignment.
        ask: how a policy's probes are made; None for not at all.
        table: what is known of the endpoints.
        counters: what was counted.
        domains: which endpoints serve which.
        panic: too few endpoints are able, so that all are used; with domains, of those of one.
        shaper: by which rules clients are held; None for none.
    """

    __slots__ = (
        "_candidates",
        "_decline_load",
        "_health",
        "_learn_limit",
        "_limits",
        "_load",
        "_log",
        "_named",
        "_narrows",
        "_panic_share",
        "_pools",
        "_reward",
        "_shares",
        "_throw",
        "ask",
        "counters",
        "domains",
        "shaper",
        "strategy",
        "table",
    )

    def __init__(
        self,
        table: EndpointTable,
        health: Health,
        strategy: Strategy,
        reward: Reward,
        counters: Counters,
        log: AttemptLog | None = None,
        dice: random.Random | None = None,
        limits: EndpointLimits | None = None,
        panic_share: float = 0.0,
        load: Load | None = None,
        decline_load: float | None = None,
    ) -> None:
        """
        Args:
            dice: who is on probation or warms up is shown to a request or not by them.
            limits: of requests in flight; None for no limits.
            panic_share: with a smaller share of the endpoints able, all are used.
            load: of this node; None for no load at all.
            decline_load: requests are declined under so much of it, or more; None for never.
        """
        self.table = table
        self.strategy = strategy
        self.counters = counters
        self._health = health
        self._reward = reward
        self._log = log
        self._throw = (dice or random.Random(0)).random
        self._limits = limits
        self._learn_limit = limits.completed if limits is not None and limits.learns else None
        self._panic_share = panic_share
        self._load: Load = load or Idle()
        self._decline_load = decline_load
        self._narrows = self._shares = False
        self.ask: Ask | None = None
        self.domains = Domains()
        self.shaper: Shaper | None = None
        self._pools: dict[str, tuple[Sequence[EndpointStats], Sequence[EndpointStats]]] = {}
        self._candidates: Sequence[EndpointStats] = ()
        self._named: dict[str, Group] | None = None
        self.refresh()

    def apply(self, settings: LoadBalancer) -> None:
        """Other settings of health and limits, for what comes next. Limits that were learned are
        kept as long as those settings are the same."""
        self._health.apply(settings.ejection, settings.probation, settings.slow_start)
        self._panic_share = settings.panic_share
        self._decline_load = settings.decline_load
        if isinstance(self._load, InFlight):
            self._load.capacity = settings.capacity
        limits = self._limits
        before, after = Admission() if limits is None else limits.settings, settings.admission
        if (before.requests_per_endpoint, before.adaptive) != (
            after.requests_per_endpoint,
            after.adaptive,
        ):
            for stats in self.table.all:
                self.table.set_limit(stats, float("inf"))
            self._limits = limits = limits_of(settings.admission, self.table)
            self._learn_limit = limits.completed if limits is not None and limits.learns else None
        self.refresh()

    def log_to(self, log: AttemptLog | None) -> None:
        """Write completed attempts down there from now on."""
        self._log = log

    @property
    def panic(self) -> bool:
        """See the attributes."""
        return self.domains.panic

    def refresh(self) -> None:
        """Find out anew who may take requests, after any change of membership, health, ejection or
        share. With nobody able, or too few, all are tried (panic)."""
        everybody = self.table.all
        domains = self.domains
        self.counters.panics += domains.refresh(everybody, self._panic_share)
        self._named = domains.named
        self._candidates = domains.others.candidates
        if self._limits is not None:
            self._limits.cover(everybody)
        self._shares = any(stats.share < 1.0 for stats in everybody)
        self._narrows = self._shares or self._limits is not None

    def admit(
        self, found: Found, now: float, fields: Fields, has_body: bool = False
    ) -> Turn | None:
        """What becomes of a request before anything else, by the rule of its client; None if there
        are no rules. Arguments as in ``Shaper.admit``."""
        shaper = self.shaper
        return None if shaper is None else shaper.admit(found, now, fields, has_body)

    def route(
        self,
        context: RequestContext,
        request_id: str,
        now: float,
        tried: Collection[str] = (),
        pool: str = "",
    ) -> Attempt | None:
        """Decide where a request goes, and count it as sent there.

        Args:
            tried: ids of endpoints that this request has failed at.
            pool: a tag that the endpoint must have; "" for any endpoint.

        Returns:
            None if there is no endpoint of its domain left that was not tried, or all of those are
            full: see ``full``.
        """
        health = self._health
        if health.due <= now and health.advance(now):
            self.refresh()
        candidates = (
            self._candidates
            if self._named is None
            else self.domains.group(context.domain).candidates
        )
        if pool:
            candidates = self._within(pool, candidates, context.domain)
        if tried:
            candidates = [stats for stats in candidates if stats.id not in tried]
            if not candidates:
                members = self.domains.group(context.domain).members
                candidates = [
                    stats
                    for stats in members
                    if stats.id not in tried and (not pool or pool in stats.endpoint.tags)
                ]
        if self._narrows:
            candidates = self._narrowed(candidates)
        if not candidates:
            return None
        strategy = self.strategy
        decision = strategy.policy.select(Observation(context, candidates, now))
        stats = candidates[decision.index]
        self.table.sent(stats)
        series = strategy.series.get(stats.id)
        if series is None:
            series = strategy.series[stats.id] = self.counters.series(strategy.name, stats.id)
        prober = strategy.prober
        if prober is not None and self.ask is not None:
            asked = prober.probes(candidates, now)
            if asked:
                self.ask(prober, asked)
        return Attempt(context, request_id, strategy, stats, decision, series, now, len(tried) + 1)

    def full(self, tried: Collection[str] = (), domain: str = "", pool: str = "") -> bool:
        """Why ``route`` has just returned None: whether there are endpoints for this domain and in
        this pool that were not tried, all of them full, so that it pays to wait."""
        members = self.domains.group(domain).members
        return any(
            stats.id not in tried and (not pool or pool in stats.endpoint.tags) for stats in members
        )

    @property
    def load(self) -> float:
        """Its own, from 0 to 100."""
        return self._load.current()

    def declines(self) -> bool:
        """Whether a request that has just come is one too many; it is then declined."""
        limit = self._decline_load
        if limit is None or self._load.current() < limit:
            return False
        self._load.declined()
        return True

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
            health = self._health
            failed = verdict is Verdict.FAILURE
            # A next node that says so is well; it cannot or will not serve this request.
            if not failed or outcome.upstream_reward is None:
                if self._learn_limit is not None:
                    self._learn_limit(stats, outcome)
                if (failed or health.attentive) and health.completed(stats, outcome, now):
                    self.refresh()
            observe = attempt.strategy.observe
            if observe is not None:
                observe(self._transition(attempt, outcome, now))
        if self._log is not None:
            self._log.append(attempt, outcome, now)

    # What the node before this one is told, in the unit of the reward: the value of the way from
    # here for the request's domain, and the reward that was realised.

    def answered(
        self, attempt: Attempt, outcome: Outcome, now: float
    ) -> tuple[float, float] | None:
        """Of an answer whose head has come. What it teaches is not learned before its end, but is
        told of already.

        Args:
            outcome: as it will be if nothing goes wrong from here on.

        Returns:
            None if the policy that decided has no value to tell.
        """
        advertised = attempt.strategy.advertised
        if advertised is None:
            return None
        realised = self._reward.realised
        if attempt.stats.endpoint.proxy_node:
            value = advertised(self._transition(attempt, outcome, now))
            return value, realised(Event.MIDWAY, outcome.latency, self._load.rewarded())
        failed = outcome.verdict is Verdict.FAILURE
        event = Event.NO_SERVICE if failed else Event.END_POINT
        return 0.0, realised(event, outcome.latency, 0.0)

    def hit(self, elapsed: float) -> tuple[float, float]:
        """Of a request that the cache has answered, after so many seconds."""
        return 0.0, self._reward.realised(Event.CACHE_HIT, elapsed, 0.0)

    def refused(self, elapsed: float) -> tuple[float, float]:
        """Of a request that this node answers with an error of its own."""
        return 0.0, self._reward.realised(Event.NO_SERVICE, elapsed, 0.0)

    @property
    def scale(self) -> float:
        """Units of the reward to one of what goes over the wire."""
        return self._reward.scale

    def set_healthy(self, stats: EndpointStats, healthy: bool, now: float) -> None:
        """What polls say of an endpoint."""
        if stats.healthy == healthy:
            return
        self.table.set_healthy(stats, healthy, now)
        if healthy:
            self._health.recovered(stats, now)
        else:
            self._health.fell(stats)
        self.refresh()

    def retry_after(self, stats: EndpointStats, status: int, seconds: float, now: float) -> None:
        """An answer asked that its endpoint be left alone for so long."""
        if self._health.retry_after(stats, status, seconds, now):
            self.refresh()

    def joined(self, stats: EndpointStats, now: float) -> None:
        """A newcomer is in the table; ``refresh`` follows when all of them are."""
        self._health.joined(stats, now)

    def left(self, stats: EndpointStats) -> None:
        """An endpoint is no longer in the table; ``refresh`` follows. What is in flight to it still
        completes, and teaches nobody but the policy."""
        self._health.forget(stats.id)
        if self._limits is not None:
            self._limits.forget(stats.id)

    def _transition(self, attempt: Attempt, outcome: Outcome, now: float) -> Transition:
        context = attempt.context
        candidates = (
            self._candidates
            if self._named is None
            else self.domains.group(context.domain).candidates
        )
        return Transition(
            attempt.stats,
            Observation(context, candidates, now),
            attempt.decision,
            outcome,
            self._reward(outcome),
            outcome.upstream_value,
        )

    def _within(
        self, pool: str, candidates: Sequence[EndpointStats], domain: str
    ) -> Sequence[EndpointStats]:
        """Those of a pool; all that are in it, if none of these is. The same object as long as the
        candidates are the same."""
        known = self._pools.get(pool)
        if known is not None and known[0] is candidates:
            return known[1]
        found = [stats for stats in candidates if pool in stats.endpoint.tags] or [
            stats for stats in self.domains.group(domain).members if pool in stats.endpoint.tags
        ]
        if len(self._pools) >= MOST_POOLS:
            self._pools.clear()
        self._pools[pool] = candidates, found
        return found

    def _narrowed(self, candidates: Sequence[EndpointStats]) -> Sequence[EndpointStats]:
        """Without those that are full and, by the dice, those that get but a share of the requests;
        the dice never hide all. The same object if nobody is left out."""
        if self._limits is not None:
            candidates = with_room(candidates)
        if not self._shares:
            return candidates
        throw = self._throw
        shown = [each for each in candidates if each.share >= 1.0 or throw() < each.share]
        return shown if shown and len(shown) < len(candidates) else candidates
