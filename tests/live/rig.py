"""A proxy port in the test's own loop, wired as the app wires it, with everything it does noted.

Leaving it checks the laws that hold for every test: each attempt completed exactly once, nothing
in flight, no connection left, no exception that only the loop saw, no write to a dead connection.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from config.schema import Settings
from load_balancer.forwarding.affinity import Affinity
from load_balancer.forwarding.downstream import ClientConnection
from load_balancer.forwarding.listener import Listener, Page
from load_balancer.forwarding.upstream import UpstreamConnection
from load_balancer.health import Health
from load_balancer.limits import limits_of
from load_balancer.load import InFlight
from load_balancer.node import Attempt, Node, Strategy
from metrics.counters import Counters
from metrics.table import EndpointTable
from rl import reward
from rl.vocabulary import (
    Advertising,
    Decision,
    EndpointStats,
    Observation,
    Outcome,
    Policy,
    RequestContext,
    Transition,
    Verdict,
)
from tests.live.origin import Origin, Visit
from tests.live.wire import PATIENCE, Clients, Wire, turns

LAST_CHUNK = 160 << 10
"""Bytes; more than a transport takes before it asks for a pause."""

HEALTH_PAGE = b'{"status": "healthy", "routing_strategy": "first"}\n'


class Clock:
    """Monotonic seconds. It stands still until a test puts it forward, unless it is to run."""

    def __init__(self, runs: bool) -> None:
        self._runs = runs
        self._ahead = 1000.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead if self._runs else self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


class First:
    """Always the first candidate, and so the first configured endpoint that is not out."""

    def select(self, observation: Observation) -> Decision:
        return Decision(0)

    def observe(self, transition: Transition) -> None:
        pass


class Noting:
    """Another policy, whose lessons are noted."""

    def __init__(self, policy: Policy, learned: list[tuple[str, Outcome]]) -> None:
        self.learned = learned
        self._policy = policy
        if isinstance(policy, Advertising):
            self.advertised = policy.advertised

    def select(self, observation: Observation) -> Decision:
        return self._policy.select(observation)

    def observe(self, transition: Transition) -> None:
        self.learned.append((transition.endpoint.id, transition.outcome))
        self._policy.observe(transition)


class NotingNode(Node):
    """Counts what was routed."""

    routed = 0

    def route(
        self,
        context: RequestContext,
        request_id: str,
        now: float,
        tried: Collection[str] = (),
        pool: str = "",
    ) -> Attempt | None:
        attempt = super().route(context, request_id, now, tried, pool)
        self.routed += attempt is not None
        return attempt


class Log:
    """Where the node notes completed attempts.

    Attributes:
        attempts, latencies: in the order of completion.
        completed: endpoint, verdict and status of each.
    """

    def __init__(self) -> None:
        self.completed: list[tuple[str, Verdict, int]] = []
        self.latencies: list[float] = []
        self.attempts: list[Attempt] = []
        self.news = asyncio.Event()

    def append(self, attempt: Attempt, outcome: Outcome, now: float) -> None:
        self.completed.append((attempt.stats.id, outcome.verdict, outcome.status))
        self.latencies.append(outcome.latency)
        self.attempts.append(attempt)
        self.news.set()


class Rig:
    """A running proxy port.

    Attributes:
        learned: endpoint and outcome of everything that a policy was taught.
        log: what was completed.
        clock: what the proxy's deadlines are measured by, except for connecting.
        problems: exceptions that only the loop saw, and warnings of asyncio.
    """

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        local: dict[str, Page] | None,
        clock: Clock,
        affinity: Affinity | None = None,
    ) -> None:
        balancer = settings.load_balancer
        self.settings = settings
        self.clock = clock
        self.log = Log()
        self.learned: list[tuple[str, Outcome]] = []
        self.table = EndpointTable(server.endpoint() for server in settings.servers)
        self.counters = Counters()
        self.node = NotingNode(
            self.table,
            Health(
                balancer.ejection,
                self.table,
                random.Random(0),
                self.counters,
                balancer.probation,
                balancer.slow_start,
            ),
            Strategy("first", Noting(policy, self.learned)),
            reward.build(settings.reward),
            self.counters,
            self.log,
            random.Random(0),
            limits_of(balancer.admission, self.table),
            balancer.panic_share,
            InFlight(self.table, balancer.capacity),
            balancer.decline_load,
        )
        self.listener = Listener(
            balancer,
            self.node,
            asyncio.get_running_loop(),
            self.clock,
            random.Random(0),
            local or {balancer.health_path: lambda: ("application/json", HEALTH_PAGE)},
            affinity,
        )
        self.port = 0
        self.problems: list[str] = []
        self.clients = Clients()

    async def client(self) -> Wire:
        """A new connection to the proxy."""
        return await self.clients.connect(self.port)

    async def ask(self, request: bytes, method: str = "GET") -> Any:
        """The answer to one request on a connection of its own."""
        client = await self.client()
        client.send(request)
        answer = await client.answer(method)
        client.close()
        return answer

    def stats(self, id: str) -> EndpointStats:
        return self.table[id]

    async def pass_time(self, seconds: float) -> None:
        """Put the proxy's clock forward and let it look at its deadlines."""
        self.clock.advance(seconds)
        self.listener.sweep()
        await turns()

    def switch_to(self, name: str, policy: Policy) -> None:
        """Decide by another one, as the app does it."""
        self.node.strategy = Strategy(name, Noting(policy, self.learned))

    def held(self) -> int:
        """Bytes of bodies that the proxy holds for its clients, in either direction."""
        total = 0
        for client in self.listener.connections:
            total += client.transport.get_write_buffer_size()
            for exchange in (client.exchange, *client._reader.queue):
                if exchange is not None:
                    total += exchange.body.buffered if exchange.body else 0
                    if exchange.upstream is not None:
                        total += exchange.upstream.transport.get_write_buffer_size()
        return total

    async def completed(self, count: int) -> list[tuple[str, Verdict, int]]:
        """What was completed, once there are so many."""
        try:
            async with asyncio.timeout(PATIENCE):
                while len(self.log.completed) < count:
                    self.log.news.clear()
                    await self.log.news.wait()
        except TimeoutError:
            raise AssertionError(f"completed, {count} expected: {self.log.completed}") from None
        return self.log.completed

    async def holds(self, condition: Any, what: str) -> None:
        """Until a condition of the proxy's holds that nobody is told of."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.001)
        assert condition(), what

    def check(self) -> None:
        """The laws; after ``drain``."""
        assert not self.problems, "\n".join(self.problems)
        assert len(self.log.completed) == self.node.routed
        assert len(set(map(id, self.log.attempts))) == len(self.log.attempts)
        assert [stats.in_flight for stats in self.table.all] == [0] * len(self.table.all)
        assert not self.listener.connections
        assert self.listener.pool.idle_count() == 0
        assert not self.listener.background.members
        cache = self.listener.cache
        if cache is not None:
            assert not cache.fetches and not cache.stalled
            assert cache.budget.held == 0
        taught = [each for each in self.log.completed if each[1] is not Verdict.IGNORED]
        assert len(self.learned) == len(taught)


async def fill_up(visit: Visit, rig: Rig) -> None:
    """Answers so much that its whole end waits in the proxy's buffer for a client that stalls."""
    visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not rig.held():
        visit.send(b"%x\r\n%b\r\n" % (1 << 14, bytes(1 << 14)))
        await turns()
    visit.send(b"%x\r\n%b\r\n0\r\n\r\n" % (LAST_CHUNK, bytes(LAST_CHUNK)))


class Counted:
    """A transport that counts what is written to it."""

    def __init__(self, transport: asyncio.BaseTransport, written: list[bytes]) -> None:
        self._transport = transport
        self._written = written

    def write(self, data: bytes) -> None:
        self._written.append(bytes(data))
        self._transport.write(data)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def count_writes(
    monkeypatch: pytest.MonkeyPatch, connection: type[ClientConnection | UpstreamConnection]
) -> list[bytes]:
    """Everything that connections of this kind will write, one item a call."""
    written: list[bytes] = []
    made = connection.connection_made

    def connection_made(self: Any, transport: asyncio.BaseTransport) -> None:
        made(self, Counted(transport, written))  # type: ignore[arg-type]

    monkeypatch.setattr(connection, "connection_made", connection_made)
    return written


class _Warnings(logging.Handler):
    def __init__(self, rig: Rig) -> None:
        super().__init__(logging.WARNING)
        self._rig = rig

    def emit(self, record: logging.LogRecord) -> None:
        self._rig.problems.append(self.format(record))


def settings_for(
    *origins: Origin | int,
    endpoints: Sequence[Mapping[str, Any]] = (),
    reward: Mapping[str, Any] | None = None,
    **load_balancer: Any,
) -> Settings:
    """Settings with these origins, or ports, as the servers ``a``, ``b``, …; what else is to be
    said of each of them is in ``endpoints``."""
    ports: list[Mapping[str, Any]] = [
        {"port": each} if isinstance(each, int) else {"port": each.port, "tls": each.tls or {}}
        for each in origins
    ]
    told = [*endpoints, *({} for _ in ports[len(endpoints) :])]
    return Settings.model_validate(
        {
            "servers": [
                {"id": chr(ord("a") + index), "host": "127.0.0.1", **port, **more}
                for index, (port, more) in enumerate(zip(ports, told, strict=True))
            ],
            "reward": reward or {},
            "load_balancer": {"host": "127.0.0.1", "port": 0, "admin_port": 0, **load_balancer},
        }
    )


@asynccontextmanager
async def proxy(
    *origins: Origin | int,
    policy: Policy | None = None,
    local: dict[str, Page] | None = None,
    time_runs: bool = False,
    affinity: Affinity | None = None,
    **load_balancer: Any,
) -> AsyncIterator[Rig]:
    """A proxy in front of these origins, or ports; further arguments are its settings."""
    settings = settings_for(*origins, **load_balancer)
    rig = Rig(settings, policy or First(), local, Clock(time_runs), affinity)
    loop = asyncio.get_running_loop()
    handler = _Warnings(rig)
    logger = logging.getLogger("asyncio")
    logger.addHandler(handler)
    loop.set_exception_handler(
        lambda _, context: rig.problems.append(
            f"{context.get('message')}: {context.get('exception')!r}"
        )
    )
    try:
        rig.port = await rig.listener.start()
        yield rig
        await rig.clients.close()
        await rig.listener.drain()
        await turns()
        rig.check()
    finally:
        await rig.listener.drain()
        await rig.clients.close()
        await turns()
        loop.set_exception_handler(None)
        logger.removeHandler(handler)
