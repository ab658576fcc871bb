"""The cast of a run in virtual time: production nodes with their policies, in front of stations
that behave as the settings say.

Knows no traffic; dice are made from the seed, one pair for each purpose and part, so that
strategies under one seed meet the same servers, balancers and moments of chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from config.balancer import LoadBalancer
from config.schema import Server, Settings
from evaluation.network.cast import dice
from load_balancer import strategies
from load_balancer.budget import Budget
from load_balancer.health import Health
from load_balancer.node import Attempt, Node, Strategy
from load_balancer.retries import Failure, RetryRules
from metrics.collector import Collector, PollCounts
from metrics.counters import Counters
from metrics.table import EndpointTable, Report
from rl import reward
from rl.simulation.balancer import Balancer
from rl.simulation.cluster import Cluster, Conditions
from rl.simulation.service import ServiceBehaviour
from rl.simulation.station import Station
from rl.vocabulary import EndpointStats, Improvable, Policy, Prober, RequestContext

VirtualCluster: TypeAlias = Cluster[Attempt]

BuildPolicy: TypeAlias = Callable[[str, Settings, random.Random, Sequence[Station]], Policy]
"""Makes one balancer's policy of that name. The stations are for references only, which know more
than a policy can: who serves whom, and how long."""


def from_registry(
    name: str, settings: Settings, dice: random.Random, stations: Sequence[Station]
) -> Policy:
    """A production policy, which sees no station.

    Raises:
        ValueError: there is no such strategy.
    """
    return strategies.build(name, settings, dice)


class Cast:
    """Everything that takes part, and the cluster that moves requests between it.

    Attributes:
        nodes: the balancers' nodes, in the order of the cluster's balancers.
    """

    def __init__(
        self,
        settings: Settings,
        strategy: str,
        seed: int,
        policy: BuildPolicy = from_registry,
    ) -> None:
        """
        Raises:
            ValueError: there is no such strategy, or a setting is not simulated.
        """
        _check(settings)
        simulation = settings.simulation
        self._settings = settings
        self._strategy = strategy
        self._seed = seed
        self._policy = policy
        self.cluster: VirtualCluster = Cluster(
            Conditions(
                simulation.timeout_seconds,
                simulation.network_seconds,
                settings.load_balancer.learning.improve_interval_seconds,
            ),
            dice(seed, "balancers"),
        )
        self.nodes = [self._node(number) for number in range(simulation.balancers)]
        probed = any(isinstance(node.strategy.policy, Prober) for node in self.nodes)
        for server in settings.servers:
            self.cluster.add_station(server.id, self._behaviour(server), probed)
        for node, number in zip(self.nodes, range(simulation.balancers), strict=True):
            self.cluster.balancers.append(self._balancer(node, number))
        for server in settings.servers:
            if server.id in simulation.joins:
                self.cluster.join(simulation.joins[server.id], server.endpoint())

    def _behaviour(self, server: Server) -> ServiceBehaviour:
        return ServiceBehaviour(
            server.service,
            server.base_delay_ms / 1000.0,
            dice(self._seed, "work", server.id),
            self._seed,
        )

    def _node(self, number: int) -> Node:
        settings = self._settings
        balancer = settings.load_balancer
        joining = settings.simulation.joins
        table = EndpointTable(
            server.endpoint() for server in settings.servers if server.id not in joining
        )
        counters = Counters()
        own = dice(self._seed, "node", str(number))
        policy = self._policy(
            self._strategy,
            settings,
            dice(self._seed, "policy", str(number)),
            self.cluster.stations,
        )
        return Node(
            table,
            Health(
                balancer.ejection, table, own, counters, balancer.probation, balancer.slow_start
            ),
            Strategy(self._strategy, policy),
            reward.build(settings.reward),
            counters,
            dice=own,
            panic_share=balancer.panic_share,
        )

    def _balancer(self, node: Node, number: int) -> Balancer[Attempt]:
        settings = self._settings
        policy = node.strategy.policy
        if isinstance(policy, Prober):
            node.ask = self.cluster.ask
        return Balancer(
            node,
            None
            if settings.metrics.check == "off"
            else NodePolls(settings, node, dice(self._seed, "polls", str(number))),
            NodeRetries(settings.load_balancer, node) if settings.simulation.retries else None,
            policy.improve if isinstance(policy, Improvable) else None,
        )


def _check(settings: Settings) -> None:
    balancer = settings.load_balancer
    admission = balancer.admission
    for key, used in (
        ("hedging", balancer.hedging.enabled),
        ("cache", balancer.cache.enabled),
        ("decline_load", balancer.decline_load is not None),
        ("admission.requests_per_endpoint", admission.requests_per_endpoint is not None),
        ("admission.adaptive", admission.adaptive.enabled),
        ("stickiness", balancer.stickiness.kind != "none"),
    ):
        if used:
            raise ValueError(f"load_balancer.{key}: is not simulated")


class NodePolls:
    """The collector's rules with a station in the place of ``/health``."""

    __slots__ = ("_collector", "_dice", "_now", "_settings")

    def __init__(self, settings: Settings, node: Node, dice: random.Random) -> None:
        self._settings = settings.metrics
        self._now = 0.0
        self._dice = dice
        self._collector = Collector(
            settings.metrics, node.table, node.set_healthy, dice, lambda: self._now
        )

    def first(self, stats: EndpointStats) -> float:
        """See ``rl.simulation.balancer.Polls``."""
        settings = self._settings
        self._collector.counts[stats.id] = PollCounts()
        return settings.polling_interval_seconds * settings.jitter * self._dice.random()

    def poll(self, stats: EndpointStats, station: Station, now: float) -> float:
        """See there."""
        self._now = now
        settings, collector = self._settings, self._collector
        counts = collector.counts[stats.id]
        if station.full and settings.check == "http":
            collector.failed(stats, counts, "the server says it is unhealthy")
        else:
            report = None
            if settings.check == "http":
                utilization = station.meter.utilization
                report = Report(utilization, 0.0, station.active, station.mean_seconds)
            collector.succeeded(stats, counts, report)
        usual = settings.polling_interval_seconds
        unhealthy = settings.unhealthy_interval_seconds or usual
        interval = usual if stats.healthy else unhealthy
        return interval * (1.0 + settings.jitter * self._dice.uniform(-1.0, 1.0))


class NodeRetries:
    """The data path's rules for another try, with the node's own budget."""

    __slots__ = ("_budget", "_kept_bytes", "_node", "_rules")

    def __init__(self, settings: LoadBalancer, node: Node) -> None:
        retries = settings.retries
        self._node = node
        self._rules = RetryRules(retries)
        self._kept_bytes = retries.replay_bytes
        self._budget = Budget(
            retries.budget_share,
            retries.budget_minimum_per_second,
            retries.budget_window_seconds,
        )

    def again(
        self, context: RequestContext, status: int, tried: Collection[str], now: float
    ) -> bool:
        """See ``rl.simulation.balancer.Retries``."""
        node, rules = self._node, self._rules
        if status and not rules.retries_status(status):
            return False
        failure = Failure.STATUS if status else Failure.TIMEOUT
        replayable = context.size <= self._kept_bytes
        if not rules.may_retry(context.method, True, replayable, failure, len(tried)):
            return False
        if not node.full(tried, context.domain):
            return False
        if self._budget.take(now):
            node.counters.retries += 1
            return True
        node.counters.budget_refusals["retry"] += 1
        return False

    def sweep(self, now: float) -> None:
        """See there."""
        counters = self._node.counters
        self._budget.traffic(counters.attempts() - counters.retries, now)
