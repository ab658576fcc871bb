"""The parts of one node, built from its settings and put together. The only place that does.

What is around a node (admin port, files, signals) and what a process holds (one node, or a whole
network of them) is elsewhere.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import time
from collections.abc import Callable, Sequence

from config.endpoints import Stickiness
from config.schema import Settings
from load_balancer import live_settings
from load_balancer.adaptive import view as adaptive_view
from load_balancer.cache_file import CacheFile, cache_file
from load_balancer.cache_view import seen
from load_balancer.current_logs import CurrentLogs
from load_balancer.forwarding.affinity import Tokens, affinity
from load_balancer.forwarding.listener import Listener
from load_balancer.health import Health
from load_balancer.limits import limits_of
from load_balancer.live_endpoints import SETTLE_SECONDS, LiveEndpoints, say
from load_balancer.load import InFlight
from load_balancer.logs import Logs
from load_balancer.node import Node
from load_balancer.ports import port_problem
from load_balancer.reloading import Applied, Reloader, Step
from load_balancer.repertoire import Repertoire, Restore
from load_balancer.serving import StartError
from load_balancer.shaping.adaptive import Adaptive
from load_balancer.shaping_view import seen_of
from load_balancer.status import Status
from load_balancer.strategies.sticky import sticky
from load_balancer.timers import Timers
from metrics.collector import Collector
from metrics.counters import Counters
from metrics.exposition import Sources
from metrics.table import EndpointTable
from rl import reward
from rl.vocabulary import Improvable, Learner

FLUSH_SECONDS = 0.2
STANDARD_OUTPUT = 1


def forget(name: str, learner: Learner) -> None:
    """Nothing is remembered from an earlier life."""


class Assembly:
    """One node: what decides, its proxy port, and who comes and goes.

    Attributes:
        settings: as they were at the start; ``reloader.settings`` are in force.
        listener: the proxy port.
        node: what decides.
        load: its own.
        port: as bound; known after ``start``.
        reloader: what can be swapped while it runs; who adds a part of the node adds its step.
        repertoire: the strategies that were used.
        endpoints: who comes and goes.
        status: all of it as plain data; ``sources`` as numbers.
    """

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        restore: Restore = forget,
        output: int = STANDARD_OUTPUT,
        say: Callable[[str], None] = say,
        number: int = 0,
    ) -> None:
        """
        Args:
            restore: gives a new learner what it knew in an earlier life.
            output: descriptor of the service's standard output.
            say: takes one line for the operator.
            number: among workers, which have files of their own; 0 alone.

        Raises:
            StartError: a file cannot be had; nothing is left open.
        """
        balancer = settings.load_balancer
        self.settings = settings
        self._rng = random.Random(balancer.seed)
        self.port = 0
        tokens = Tokens(_cookie_secret(balancer.stickiness, say))
        self.repertoire = Repertoire(
            settings,
            self._rng,
            restore,
            lambda policy: sticky(policy, balancer.stickiness, tokens),
        )

        table = EndpointTable(
            (server.endpoint() for server in settings.servers), settings.discovery.remembered
        )
        self.logs = CurrentLogs(
            balancer, lambda wanted: Logs(wanted, time.time() - time.monotonic(), output)
        )
        self.counters = Counters()
        self.load = InFlight(table, balancer.capacity)
        self.node = Node(
            table,
            Health(
                balancer.ejection,
                table,
                self._rng,
                self.counters,
                balancer.probation,
                balancer.slow_start,
            ),
            self.repertoire[balancer.strategy],
            reward.build(settings.reward),
            self.counters,
            self.logs.now.request_log,
            self._rng,
            limits_of(balancer.admission, table),
            balancer.panic_share,
            self.load,
            balancer.decline_load,
        )
        self.collector = Collector(
            settings.metrics,
            table,
            self.node.set_healthy,
            random.Random(balancer.seed),
            time.monotonic,
        )
        self.node.ask = self.collector.probes.ask
        self.cache_file: CacheFile | None = cache_file(balancer.cache, number)
        self.status = Status(self.node, self.counters, self.collector, time.time, time.monotonic)
        try:
            self.listener = Listener(
                balancer,
                self.node,
                loop,
                time.monotonic,
                self._rng,
                {balancer.health_path: self.status.page},
                affinity(balancer.stickiness, tokens, balancer.affinity),
                self.cache_file,
            )
        except ValueError as error:
            self.logs.close()
            raise StartError(str(error)) from None
        self.collector.secure(self.listener.pool.contexts.of)
        self.listener.access_log = self.logs.now.sink
        self.sources = Sources(
            table,
            self.counters,
            self.collector.counts,
            lambda: len(self.listener.connections),
            self.listener.pool.idle_count,
            lambda: self.logs.now.dropped_lines,
            access_log_dropped=lambda: self.logs.now.access_log_dropped,
            spans_dropped=lambda: self.logs.now.spans_dropped,
            in_flight=self.listener.in_flight,
            cache=lambda: seen(self.listener.cache, self.cache_file),
            shaping=lambda: seen_of(self.node.shaper),
            adaptive=lambda: adaptive_view.seen_of(self.agents(), self._adapting_seconds()),
        )
        try:
            self.endpoints = LiveEndpoints(
                settings, self.node, self.collector, self.listener.pool, self.repertoire, say
            )
        except ValueError as error:
            self.logs.close()
            raise StartError(str(error)) from None
        self.reloader = Reloader(
            settings,
            [
                live_settings.node_step(self.node, self.repertoire),
                live_settings.health_step(self.node),
                live_settings.polling_step(self.collector),
                live_settings.listener_step(self.listener),
                live_settings.cache_step(self.listener, self.cache_file),
                live_settings.shaping_step(self.listener),
                live_settings.tls_step(self.listener),
                self.endpoints.files_step(self.listener.pool.contexts),
                self.endpoints.step(),
                live_settings.READ_WHEN_NEEDED,
                self.logs.step(self.node, self.listener),
            ],
        )

    async def start(self, given: Sequence[socket.socket] = (), reuse_port: bool = False) -> None:
        """Look for endpoints and listen.

        Args:
            given, reuse_port: as in ``Listener.start``.

        Raises:
            StartError: the port or a file cannot be had; ``abandon`` lets go of the rest.
        """
        balancer = self.settings.load_balancer
        if self.cache_file is not None:
            try:
                await asyncio.to_thread(self.cache_file.open)
            except OSError as error:
                raise StartError(self.cache_file.problem(error)) from None
        await self.endpoints.discovery.start()
        try:
            self.port = await self.listener.start(given, reuse_port)
        except (OSError, UnicodeError) as error:
            raise StartError(port_problem("port", balancer.host, balancer.port, error)) from None

    def live(self, timers: Timers) -> None:
        """Poll, and do from time to time what has to be done."""
        self.collector.start()
        timers.every(FLUSH_SECONDS, self.logs.flush)
        if self.cache_file is not None:
            timers.every(FLUSH_SECONDS, self.cache_file.flush)
        timers.every(SETTLE_SECONDS, self.endpoints.membership.settle)
        timers.every(self.settings.load_balancer.shaping.adaptive.interval_seconds, self.adapt)
        timers.every(self.settings.load_balancer.learning.improve_interval_seconds, self.improve)

    async def abandon(self) -> None:
        """Let go of what a start that failed has opened, or a crash has left."""
        await self.endpoints.discovery.stop()
        await self.collector.stop()
        await self.listener.drain()
        if self.cache_file is not None:
            await asyncio.to_thread(self.cache_file.close)
        self.logs.close()

    async def drain(self) -> int:
        """Accept nothing more and finish what runs within the drain deadline; how many connections
        had to be cut. Look for nobody any more."""
        cut = await self.listener.drain()
        if self.cache_file is not None:
            live = self.listener.cache
            rest = () if live is None else tuple(live.cache)
            self.cache_file.freeze()
            await asyncio.to_thread(self.cache_file.close, rest)
        await self.endpoints.discovery.stop()
        await self.collector.stop()
        return cut

    def add_step(self, step: Step) -> None:
        """One more part that a reload swaps; before the logs, which come last."""
        self.reloader.steps.insert(-1, step)

    def apply(self, settings: Settings) -> Applied:
        """Take up other settings without losing a request: all that can be swapped, or nothing.

        Raises:
            ReloadError: it cannot be done; all is as it was.
        """
        return self.reloader.apply(settings)

    def switch_strategy(self, name: str) -> None:
        """Decide by another strategy from the next request on; what is under way is credited to
        the one that decided it. Whoever comes back still knows what it knew.

        Raises:
            ValueError: there is no such strategy.
        """
        self.node.strategy = self.repertoire[name]
        # What is in force, so that a reload knows what it changes.
        self.reloader.settings = live_settings.with_strategy(self.reloader.settings, name)

    def agents(self) -> Adaptive | None:
        """Who moves the rules of clients, if adaptive shaping is switched on."""
        live = self.listener.shaping
        return None if live is None or live.adaptive is None else live.adaptive.agents

    def adapt(self) -> None:
        """An interval of adaptive shaping is over."""
        live = self.listener.shaping
        if live is not None and live.adaptive is not None:
            live.adaptive.step(self.logs.now.agents_log)

    def _adapting_seconds(self) -> float:
        live = self.listener.shaping
        return 0.0 if live is None or live.adaptive is None else live.adaptive.seconds

    async def improve(self) -> None:
        """Let the learner do what is too long for a request."""
        policy = self.node.strategy.policy
        if isinstance(policy, Improvable):
            await asyncio.to_thread(policy.improve)


def _cookie_secret(settings: Stickiness, say: Callable[[str], None]) -> bytes:
    if settings.cookie_secret is not None:
        return settings.cookie_secret.get_secret_value().encode()
    if settings.kind == "cookie":
        say(
            "load_balancer.stickiness.cookie_secret is not set: cookies of this start mean nothing "
            "to the next one, nor to another node"
        )
    return secrets.token_bytes(32)
