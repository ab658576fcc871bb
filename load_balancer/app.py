"""Builds a node's objects from its settings and runs them together. The only place that does."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path

from config.schema import Settings
from load_balancer import strategies
from load_balancer.admin import AdminServer, create_admin
from load_balancer.forwarding.listener import Listener
from load_balancer.health import Health
from load_balancer.node import Node, Strategy
from load_balancer.state_file import StateFile
from load_balancer.status import Status
from metrics.collector import Collector
from metrics.counters import Counters
from metrics.exposition import Sources
from metrics.request_log import RequestLog
from metrics.table import EndpointTable
from rl import reward
from rl.vocabulary import JSON, Improvable, Learner

FLUSH_SECONDS = 0.2


class StartError(Exception):
    """The node cannot run; the message says why and what to do."""


class App:
    """One node with everything around it.

    Attributes:
        listener: the proxy port.
        node: what decides.
        port, admin_port: as bound; known after ``start``.
    """

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        balancer = settings.load_balancer
        self._settings = settings
        self._rng = random.Random(balancer.seed)
        self._loop = loop
        self._tasks: list[asyncio.Task[None]] = []
        self._strategies: dict[str, Strategy] = {}
        state_file = balancer.learning.state_file
        self._state_file = None if state_file is None else StateFile(Path(state_file))
        self.port = 0
        self.admin_port = 0

        table = EndpointTable(server.endpoint() for server in settings.servers)
        self._log = self._open_log()
        self.counters = Counters()
        self.node = Node(
            table,
            Health(balancer.ejection, table),
            self._build(balancer.strategy),
            reward.build(settings.reward),
            self.counters,
            self._log,
        )
        self.collector = Collector(
            settings.metrics,
            table,
            self.node.set_healthy,
            random.Random(balancer.seed),
            time.monotonic,
        )
        self.status = Status(self.node, self.counters, self.collector, time.time, time.monotonic)
        self.listener = Listener(
            balancer,
            self.node,
            loop,
            time.monotonic,
            self._rng,
            {balancer.health_path: self.status.page},
        )
        self._admin = AdminServer(
            create_admin(
                self.status,
                Sources(
                    table,
                    self.counters,
                    self.collector.counts,
                    lambda: len(self.listener.connections),
                    self.listener.pool.idle_count,
                    lambda: self._log.dropped if self._log else 0,
                ),
                self.switch_strategy,
                lambda: not self.listener.draining,
            ),
            balancer.admin_host,
            balancer.admin_port,
        )

    async def start(self) -> None:
        """Remember, listen on both ports, poll, learn.

        Raises:
            StartError: a port or a file cannot be had; nothing is left open.
        """
        try:
            self._remember()
            await self._listen()
        except StartError:
            await self.listener.drain()
            self._close_log()
            raise
        self.collector.start()
        learning = self._settings.load_balancer.learning
        self._every(FLUSH_SECONDS, self._flush_log)
        self._every(learning.improve_interval_seconds, self._improve)
        if self._state_file is not None:
            self._every(learning.save_interval_seconds, self._save)

    async def stop(self) -> None:
        """Finish what runs within the drain deadline, save what was learned, release all."""
        await self.listener.drain()
        await self.collector.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._save()
        await self._admin.stop()
        self._close_log()

    def switch_strategy(self, name: str) -> None:
        """Decide by another strategy from the next request on; what is under way is credited to
        the one that decided it. Whoever comes back still knows what it knew.

        Raises:
            ValueError: there is no such strategy.
        """
        if name == self.node.strategy.name:
            return
        if name not in self._strategies:
            self._build(name)
            self._restore(name)
        self.node.strategy = self._strategies[name]

    def _build(self, name: str) -> Strategy:
        strategy = Strategy(name, strategies.build(name, self._settings, self._rng))
        self._strategies[name] = strategy
        return strategy

    def _remember(self) -> None:
        if self._state_file is None:
            return
        try:
            self._state_file.prepare()
        except OSError as error:
            raise StartError(
                f"load_balancer.learning.state_file: {self._state_file.path} cannot be written: "
                f"{error.strerror or error}"
            ) from None
        self._restore(self.node.strategy.name)

    def _restore(self, name: str) -> None:
        policy = self._strategies[name].policy
        if self._state_file is not None and isinstance(policy, Learner):
            self._state_file.restore(name, policy)

    async def _listen(self) -> None:
        balancer = self._settings.load_balancer
        try:
            self.port = await self.listener.start()
        except (OSError, UnicodeError) as error:
            raise StartError(_port_problem("port", balancer.host, balancer.port, error)) from None
        try:
            self.admin_port = await self._admin.start()
        except (OSError, UnicodeError) as error:
            raise StartError(
                _port_problem("admin_port", balancer.admin_host, balancer.admin_port, error)
            ) from None

    def _open_log(self) -> RequestLog | None:
        settings = self._settings.load_balancer.request_log
        if settings.path is None:
            return None
        try:
            return RequestLog(
                Path(settings.path), settings.queue_lines, time.time() - time.monotonic()
            )
        except OSError as error:
            raise StartError(
                f"load_balancer.request_log.path: {settings.path} cannot be written: "
                f"{error.strerror}"
            ) from None

    def _every(self, seconds: float, work: Callable[[], object]) -> None:
        async def keep_on() -> None:
            while True:
                await asyncio.sleep(seconds)
                try:
                    result = work()
                    if asyncio.iscoroutine(result):
                        await result
                except Exception as error:
                    # Once more at its next time: one failure must not be the end of it.
                    self._loop.call_exception_handler(
                        {"message": f"{work.__name__} failed", "exception": error}
                    )

        self._tasks.append(self._loop.create_task(keep_on()))

    def _flush_log(self) -> None:
        if self._log is not None:
            self._log.flush()

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()

    async def _improve(self) -> None:
        policy = self.node.strategy.policy
        if isinstance(policy, Improvable):
            await asyncio.to_thread(policy.improve)

    async def _save(self) -> None:
        if self._state_file is None:
            return
        learned: dict[str, JSON] = {
            name: strategy.policy.parameters()
            for name, strategy in self._strategies.items()
            if isinstance(strategy.policy, Learner)
        }
        if learned:
            await asyncio.to_thread(self._state_file.save, learned)


def _port_problem(key: str, host: str, port: int, error: OSError | UnicodeError) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        host_key = key.replace("port", "host")
        return f"load_balancer.{host_key}: {host!r} is no address of this machine"
    # asyncio's own text repeats the address; the system's says what is wrong with it.
    why = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"load_balancer.{key}: cannot listen on {host}:{port}: {why}; choose another one or stop "
        "what holds it"
    )
