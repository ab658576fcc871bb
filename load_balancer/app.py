"""Builds a node's objects from its settings and runs them together. The only place that does."""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from config.schema import Settings
from load_balancer import strategies
from load_balancer.admin import AdminServer, create_admin
from load_balancer.forwarding.listener import Listener
from load_balancer.health import Health
from load_balancer.node import Node, Strategy
from load_balancer.status import Status
from metrics.collector import Collector
from metrics.counters import Counters
from metrics.exposition import Sources
from metrics.request_log import RequestLog
from metrics.table import EndpointTable
from rl import reward
from rl.vocabulary import Improvable, Learner

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
        self.port = 0
        self.admin_port = 0

        table = EndpointTable(server.endpoint() for server in settings.servers)
        self._log = self._open_log()
        self.counters = Counters()
        self.node = Node(
            table,
            Health(balancer.ejection, table),
            self._strategy(balancer.strategy),
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
        """Listen on both ports, poll, learn.

        Raises:
            StartError: a port cannot be had.
        """
        balancer = self._settings.load_balancer
        try:
            self.port = await self.listener.start()
        except OSError as error:
            raise StartError(_port_problem("port", balancer.host, balancer.port, error)) from None
        try:
            self.admin_port = await self._admin.start()
        except OSError as error:
            await self.listener.drain()
            raise StartError(
                _port_problem("admin_port", balancer.admin_host, balancer.admin_port, error)
            ) from None
        self._load_parameters()
        self.collector.start()
        learning = balancer.learning
        self._every(FLUSH_SECONDS, self._flush_log)
        self._every(learning.improve_interval_seconds, self._improve)
        if learning.state_file is not None:
            self._every(learning.save_interval_seconds, self._save_parameters)

    async def stop(self) -> None:
        """Finish what runs within the drain deadline, save what was learned, release all."""
        await self.listener.drain()
        await self.collector.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._save_parameters()
        await self._admin.stop()
        if self._log is not None:
            self._log.close()

    def switch_strategy(self, name: str) -> None:
        """Decide by another strategy from the next request on; what is under way is credited to
        the one that decided it.

        Raises:
            ValueError: there is no such strategy.
        """
        if name != self.node.strategy.name:
            self.node.strategy = self._strategy(name)

    def _strategy(self, name: str) -> Strategy:
        return Strategy(name, strategies.build(name, self._settings, self._rng))

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
                result = work()
                if asyncio.iscoroutine(result):
                    await result

        self._tasks.append(self._loop.create_task(keep_on()))

    def _flush_log(self) -> None:
        if self._log is not None:
            self._log.flush()

    async def _improve(self) -> None:
        policy = self.node.strategy.policy
        if isinstance(policy, Improvable):
            await asyncio.to_thread(policy.improve)

    # What was learned, across restarts: strategy name -> parameters, as JSON.

    def _load_parameters(self) -> None:
        name = self._settings.load_balancer.learning.state_file
        policy = self.node.strategy.policy
        if name is None or not isinstance(policy, Learner):
            return
        path = Path(name)
        if not path.exists():
            return
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            parameters = stored.get(self.node.strategy.name)
            if parameters is not None:
                policy.load(parameters)
        except (OSError, ValueError, AttributeError) as error:
            # The old file is kept beside: saving must not overwrite what could not be read.
            kept = path.with_name(f"{path.name}.unreadable")
            path.replace(kept)
            warnings.warn(
                f"{path}: what was learned cannot be read ({error}); starting anew, the file is "
                f"kept as {kept.name}",
                RuntimeWarning,
                stacklevel=2,
            )

    async def _save_parameters(self) -> None:
        name = self._settings.load_balancer.learning.state_file
        policy = self.node.strategy.policy
        if name is None or not isinstance(policy, Learner):
            return
        path = Path(name)
        parameters = policy.parameters()
        await asyncio.to_thread(_store, path, self.node.strategy.name, parameters)


def _store(path: Path, strategy: str, parameters: object) -> None:
    """Replace the file as a whole, so that a crash leaves the old one or the new one."""
    stored: dict[str, object] = {}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass
    stored[strategy] = parameters
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(stored, file)
    os.replace(temporary, path)


def _port_problem(key: str, host: str, port: int, error: OSError) -> str:
    return (
        f"load_balancer.{key}: cannot listen on {host}:{port}: {error.strerror or error}; choose "
        f"another one or stop what holds it"
    )
