"""One node with everything around it: admin port, files, timers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from config.schema import Settings
from load_balancer import live_settings
from load_balancer.adaptive.agents_file import AgentsFile
from load_balancer.adaptive.asking import Asking
from load_balancer.adaptive.provider_routes import add_adaptive_provider
from load_balancer.adaptive.routes import add_adaptive
from load_balancer.adaptive.training import TURN_SECONDS, AgentTraining
from load_balancer.admin import AdminServer, Operator, create_admin
from load_balancer.api_keys import ApiKeys
from load_balancer.assembly import STANDARD_OUTPUT, Assembly
from load_balancer.cache_routes import add_cache
from load_balancer.endpoint_routes import add_endpoints
from load_balancer.explaining import add_explain
from load_balancer.federation.members import Coordinator, Site
from load_balancer.federation.node import part_of
from load_balancer.federation.routes import Door, add_federation
from load_balancer.guard import Guard, admin_token
from load_balancer.hand_over import HandOver
from load_balancer.live_endpoints import say
from load_balancer.ports import port_problem
from load_balancer.reloading import Applied
from load_balancer.serving import StartError
from load_balancer.shaping_routes import add_shaping
from load_balancer.state_file import StateFile
from load_balancer.timers import Timers
from load_balancer.worker_routes import add_worker_routes
from rl.vocabulary import Learner


class App:
    """One node with everything around it.

    Attributes:
        assembly: the node's own parts; those that others ask for most are attributes here as well.
        admin_port: as bound; known after ``start``.
        ready: requests are wanted; what ``/readyz`` says.
    """

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        operator: Operator | None = None,
        place: HandOver | None = None,
    ) -> None:
        """
        Args:
            operator: who reloads and drains; without one the admin port cannot.
            place: among other workers, whose supervisor reloads, drains and remembers.
        """
        balancer = settings.load_balancer
        self._place = place
        self._settings = settings
        self._timers = Timers(loop)
        self._hurried = asyncio.Event()
        self.ready = False
        state_file = balancer.learning.state_file
        self._state_file = (
            None if state_file is None or place is not None else StateFile(Path(state_file))
        )
        checkpoint = balancer.shaping.adaptive.checkpoint
        self._agents_file = (
            None if checkpoint is None else AgentsFile(Path(checkpoint), time.monotonic)
        )
        self._training = AgentTraining(lambda: self.assembly.agents(), say)
        self.admin_port = 0
        output = STANDARD_OUTPUT if place is None else place.output
        self.assembly = parts = Assembly(
            settings, loop, self._restore, output, number=0 if place is None else place.number
        )
        self.node = parts.node
        self.listener = parts.listener
        self.counters = parts.counters
        self.collector = parts.collector
        self.status = parts.status
        self.repertoire = parts.repertoire
        self.endpoints = parts.endpoints
        self.reloader = parts.reloader
        application = create_admin(
            parts.status,
            parts.sources,
            parts.switch_strategy,
            lambda: self.ready,
            operator if place is None else None,
        )
        add_endpoints(application, parts.endpoints.membership)
        add_explain(application, parts.node, parts.listener, parts.listener.time)
        add_cache(application, lambda: parts.listener.cache, parts.sources.cache)
        add_shaping(application, lambda: parts.node.shaper, parts.listener.time)
        asking = Asking(application, parts.agents, parts.listener.time)
        add_adaptive(application, asking)
        add_adaptive_provider(application, asking)
        self._federation: Coordinator | Site | None = None
        add_federation(application, lambda: self._federation)
        parts.sources.federation = lambda: None if (it := self._federation) is None else it.seen()
        keys = ApiKeys(lambda: parts.node.shaper)
        self._guard = Guard(application, None, balancer.admin_body_bytes, keys)
        if place is None:
            door = Door(application, self._guard)
            self._admin = AdminServer(door, balancer.admin_host, balancer.admin_port)
        else:
            # Nobody but the supervisor reaches the socket, and it has asked who is there.
            add_worker_routes(application, self.apply, self.repertoire)
            self._admin = AdminServer(application, "", 0, place.admin)
        parts.add_step(live_settings.guard_step(self._guard))

    @property
    def port(self) -> int:
        """The proxy port as bound; known after ``start``."""
        return self.assembly.port

    async def start(self, given: Sequence[socket.socket] = (), reuse_port: bool = False) -> None:
        """Remember, listen on both ports, poll, learn.

        Args:
            given, reuse_port: as in ``Listener.start``.

        Raises:
            StartError: a port or a file cannot be had; nothing is left open.
        """
        parts = self.assembly
        try:
            self._remember()
            balancer = self._settings.load_balancer
            try:
                # A worker's admin port is the supervisor's.
                self._guard.token = admin_token(balancer) if self._place is None else None
            except ValueError as error:
                raise StartError(str(error)) from None
            self._federate()
            await parts.start(given, reuse_port)
            try:
                self.admin_port = await self._admin.start()
            except (OSError, UnicodeError) as error:
                raise StartError(
                    port_problem("admin_port", balancer.admin_host, balancer.admin_port, error)
                ) from None
        except StartError:
            await parts.abandon()
            raise
        parts.live(self._timers)
        if self._federation is not None:
            self._federation.start()
        if self._state_file is not None:
            self._timers.every(balancer.learning.save_interval_seconds, self._save)
        self._timers.every(TURN_SECONDS, self._training.turn)
        if self._agents_file is not None:
            seconds = balancer.shaping.adaptive.save_interval_seconds
            self._timers.every(seconds, self._save_agents)
        self.ready = True

    async def stop(self) -> int:
        """Be unready; after the drain delay accept nothing more; finish what runs within the drain
        deadline; save what was learned, release all. How many connections had to be cut."""
        self.ready = False
        # Whoever still comes is answered, and told to come again elsewhere.
        self.listener.draining = True
        delay = self.reloader.settings.load_balancer.drain.delay_seconds
        if delay:
            try:
                async with asyncio.timeout(delay):
                    await self._hurried.wait()
            except TimeoutError:
                pass
        if self._federation is not None:
            await self._federation.stop()
        cut = await self.assembly.drain()
        await self._timers.stop()
        await self._save()
        await self._training.stop()
        await self._save_agents()
        await self._admin.stop()
        self.assembly.logs.close()
        return cut

    def hurry(self) -> None:
        """Let ``stop`` wait for nothing any more: cut what runs."""
        self._hurried.set()
        self.listener.cut()

    def apply(self, settings: Settings) -> Applied:
        """As ``Assembly.apply``."""
        return self.assembly.apply(settings)

    def reopen_logs(self) -> None:
        """Write to the files that have the logs' names now; the old ones were moved away."""
        self.assembly.logs.now.reopen()

    def switch_strategy(self, name: str) -> None:
        """As ``Assembly.switch_strategy``."""
        self.assembly.switch_strategy(name)

    def _federate(self) -> None:
        wanted = self._settings.load_balancer.shaping.adaptive.federation
        if not wanted.enabled or self._place is not None:
            return
        parts = self.assembly
        try:
            self._federation = part_of(
                self._settings, parts.agents, self.repertoire, time.monotonic, say
            )
        except ValueError as error:
            raise StartError(str(error)) from None

    def _remember(self) -> None:
        if self._agents_file is not None:
            try:
                self._agents_file.prepare(self.assembly.agents())
            except ValueError as error:
                raise StartError(str(error)) from None
        if self._state_file is None:
            return
        try:
            self._state_file.prepare()
        except OSError as error:
            raise StartError(self._state_file.problem(error)) from None
        policy = self.node.strategy.policy
        if isinstance(policy, Learner):
            self._state_file.restore(self.node.strategy.name, policy)

    def _restore(self, name: str, learner: Learner) -> None:
        if self._place is not None:
            parameters = self._place.learned.pop(name, None)
            if isinstance(parameters, dict):
                learner.load(parameters)
        elif self._state_file is not None:
            self._state_file.restore(name, learner)

    async def _save(self) -> None:
        if self._state_file is None:
            return
        learned = self.repertoire.learned()
        if learned:
            await asyncio.to_thread(self._state_file.save, learned)

    async def _save_agents(self) -> None:
        if self._agents_file is None:
            return
        learned = await self._agents_file.collect(self.assembly.agents())
        if learned is not None:
            await asyncio.to_thread(self._agents_file.save, learned)
