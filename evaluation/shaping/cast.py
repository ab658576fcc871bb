"""The cast of a shaped world: the production node, shaper and queue in front of stations that
behave as the scenario says.

Dice are made from the seed, one pair for each purpose and client, so that all arms under one seed
have the same requests.
"""

from __future__ import annotations

import random
from typing import Any

from config.balancer import LoadBalancer
from config.schema import Settings
from evaluation.network.cast import dice
from evaluation.shaping.metering import Metering
from evaluation.shaping.records import CLIENTS
from evaluation.shaping.scenario import Scenario
from load_balancer import strategies
from load_balancer.forwarding.fields import Fields
from load_balancer.health import Health
from load_balancer.limits import limits_of
from load_balancer.node import Node, Strategy
from load_balancer.shaping.fair_queue import FairQueue, Share, Stake
from load_balancer.shaping.shaper import Shaper
from load_balancer.shaping.turns import Turn
from load_balancer.waiting import WaitingQueue
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl import reward
from rl.shaping.reading import Reading
from rl.simulation.service import ServiceBehaviour
from rl.simulation.shaping_load import Arrivals
from rl.simulation.shaping_world import BEGINNING, Asked, Parts, ShapingWorld
from rl.simulation.shared_link import SharedLink

STRATEGY = "least_request"
NO_FIELDS: Fields = []


class ShapedCast:
    """Everything that takes part, and the world that moves requests between it.

    Attributes:
        shaper: with the rules in force; without shaping it has none.
        metering: the clients' meters.
        ended: requests, in the order of their end, if they are kept.
    """

    def __init__(
        self,
        scenario: Scenario,
        rules: tuple[dict[str, Any], ...] | None,
        seed: int,
        keep: bool = False,
    ) -> None:
        """
        Args:
            rules: as in the configuration; None for no shaping at all.
            keep: requests that have ended, for who measures them.
        """
        self.scenario = scenario
        self.seed = seed
        self.ended: list[tuple[Asked, float]] = []
        self._keep = keep
        settings = scenario.balancer(rules)
        servers = scenario.backends()
        self._node = node = _node(settings, servers_table(scenario), seed)
        self._queue = _queue(settings, node.counters)
        self.shaper = Shaper(settings.shaping, dice(seed, "shaping"), self.pressure)
        self.metering = Metering(scenario, CLIENTS, self.shaper, BEGINNING)
        stations = [
            (
                server.id,
                ServiceBehaviour(
                    server.service, server.base_delay_ms / 1000.0, dice(seed, "work", server.id)
                ),
            )
            for server in servers
        ]
        link = SharedLink(scenario.link_bytes_per_second)
        parts = Parts(self._admit, self.shaper, self._queue, node, stations, link)
        arrivals = [Arrivals(load, dice(seed, "load", load.name)) for load in scenario.loads()]
        self.world = ShapingWorld(parts, arrivals, scenario.seconds, self._over)

    def pressure(self) -> float:
        """Of the node, as the live one tells it."""
        return max(self._queue.length / max(1, self._queue.most), self._node.load / 100.0)

    def readings(self) -> dict[str, Reading]:
        """Every client's interval, which ends now."""
        return self.metering.read(self.world, self.world.kernel.now)

    def _admit(self, asked: Asked, now: float) -> Turn | None:
        shaper = self.shaper
        found = shaper.recogniser.find(asked.load.address, asked.load.path, NO_FIELDS, "")
        return None if found is None else shaper.admit(found, now, NO_FIELDS)

    def _over(self, asked: Asked, now: float) -> None:
        self.metering.over(asked, now)
        if self._keep:
            self.ended.append((asked, now))


def servers_table(scenario: Scenario) -> EndpointTable:
    """What a node knows of the scenario's backends at first."""
    return EndpointTable(server.endpoint() for server in scenario.backends())


def _node(settings: LoadBalancer, table: EndpointTable, seed: int) -> Node:
    own = dice(seed, "node")
    counters = Counters()
    policy = strategies.build(STRATEGY, Settings(), dice(seed, "policy"))
    return Node(
        table,
        Health(settings.ejection, table, own, counters, settings.probation, settings.slow_start),
        Strategy(STRATEGY, policy),
        reward.build(Settings().reward),
        counters,
        dice=own,
        limits=limits_of(settings.admission, table),
        panic_share=settings.panic_share,
    )


def _queue(settings: LoadBalancer, counters: Counters) -> WaitingQueue[Asked]:
    admission = settings.admission
    if not settings.shaping.enabled:
        return WaitingQueue(admission.queue_length, admission.queue_seconds, counters)
    return FairQueue(admission.queue_length, admission.queue_seconds, counters, _whose)


def _whose(asked: Asked) -> tuple[Share | None, Stake | None]:
    return asked.share, asked.turn


def dice_of(seed: int, purpose: str) -> random.Random:
    """For whoever takes part beside the cast."""
    return dice(seed, "shaping", purpose)
