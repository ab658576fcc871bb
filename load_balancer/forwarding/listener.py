"""What all client connections of a node share, and the sweep that looks after their deadlines."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import random
import socket
from collections.abc import Callable, Iterable
from email.utils import formatdate

from config.schema import LoadBalancer
from load_balancer.forwarding.downstream import ClientConnection
from load_balancer.forwarding.heads import Peer
from load_balancer.forwarding.upstream import Pool
from load_balancer.node import Node
from rl.vocabulary import EndpointStats

SWEEP_SECONDS = 0.25
"""How late a deadline may be noticed. One pass over all connections costs about 0.1 µs each."""

PORT_TRIES = 10

ABORT_SECONDS = 1.0
"""How long aborted connections may take to be gone; they take milliseconds."""

REPORT_SECONDS = 0.1
"""Reading a load report costs some microseconds, and load does not change faster than this."""

NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, None)
"""This machine lacks the address. From Python 3.13 on, asyncio says so without a number."""

Page = Callable[[], tuple[str, bytes]]
"""A page of the balancer's own: content type and body."""


class Listener:
    """The proxy port of one node.

    Attributes:
        local: pages that the balancer answers itself, by path.
        connections: of clients, open now.
        draining: no further request is taken on any connection.
        date: the Date field's value, at most one sweep old.
        time: monotonic seconds. Not the loop's: uvloop's stands still within one turn of the loop
            and counts whole milliseconds.
    """

    def __init__(
        self,
        settings: LoadBalancer,
        node: Node,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        rng: random.Random,
        local: dict[str, Page],
    ) -> None:
        self.node = node
        self.loop = loop
        self.time = clock
        self.pool = Pool(loop, clock, settings.deadlines, settings.limits)
        self.local = local
        self.deadlines = settings.deadlines
        self.limits = settings.limits
        self.attempts = settings.retries.attempts
        self.node_name = settings.node_name.encode("ascii")
        self.connections: set[ClientConnection] = set()
        self.draining = False
        self.date = b""
        self._settings = settings
        self._rng = rng
        self._trusted = list(settings.trusted_proxies)
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self._empty: asyncio.Event | None = None

    async def start(self) -> int:
        """Listen; the port, which the system chose if the configured one is 0.

        Raises:
            OSError: the port is taken or may not be used.
        """
        self._keep_sweeping()
        port = self._settings.port
        tries = 1 if port else PORT_TRIES
        while True:
            tries -= 1
            try:
                return await self._listen(port)
            except OSError as error:
                self._stop_listening()
                if not tries or error.errno != errno.EADDRINUSE:
                    raise
                # The second address of a name must get the port that the system chose for the
                # first one, and somebody else had it there: it may choose again.

    async def _listen(self, port: int) -> int:
        missing: OSError | None = None
        for family, address in _addresses(self._settings.host):
            try:
                server = await self.loop.create_server(
                    lambda: ClientConnection(self), address, port, family=family, backlog=1024
                )
            except OSError as error:
                if error.errno not in NOT_HERE:
                    raise
                # A name may have addresses that this machine does not.
                missing = error if error.errno else OSError(errno.EADDRNOTAVAIL, str(error))
                continue
            self._servers.append(server)
            port = server.sockets[0].getsockname()[1]
        if not self._servers and missing is not None:
            raise missing
        return port

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def admit(self, connection: ClientConnection) -> bool:
        """A client has connected; whether there is room for it."""
        self.connections.add(connection)
        self.node.counters.connections += 1
        return len(self.connections) <= self.limits.connections

    def forget(self, connection: ClientConnection) -> None:
        """A client connection is gone."""
        self.connections.discard(connection)
        if self._empty is not None and not self.connections:
            self._empty.set()

    def peer(self, address: str) -> Peer:
        """What a connection from this address tells the endpoints about itself."""
        trusted = False
        if self._trusted:
            try:
                ip = ipaddress.ip_address(address)
            except ValueError:
                pass
            else:
                trusted = any(ip in network for network in self._trusted)
        return Peer(address, self._settings.node_name, trusted=trusted)

    def request_id(self) -> bytes:
        """A new id: 64 random bits."""
        return b"%016x" % self._rng.getrandbits(64)

    def load_reported(self, stats: EndpointStats, report: bytes) -> None:
        """An answer carried its endpoint's load report; ten a second are read."""
        now = self.time()
        if now - stats.reported_at > REPORT_SECONDS:
            self.node.table.load_reported(stats, report, now)

    def report(self, message: str, error: Exception) -> None:
        """A fault of ours that a request must not suffer from."""
        self.loop.call_exception_handler({"message": message, "exception": error})

    async def drain(self) -> None:
        """Accept nothing more, let what runs finish until the drain deadline, then cut."""
        self.draining = True
        self._stop_listening()
        for connection in list(self.connections):
            connection.finish()
        await self._wait_until_empty(self.deadlines.drain_seconds)
        for connection in list(self.connections):
            connection.abort()
        # In a few turns of the loop the transports tell their protocols of the end.
        await self._wait_until_empty(ABORT_SECONDS)
        if self._timer is not None:
            self._timer.cancel()
        await self.pool.close()

    async def _wait_until_empty(self, seconds: float) -> None:
        if not self.connections:
            return
        self._empty = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            pass

    def sweep(self) -> None:
        """Tell every connection whose deadline has passed."""
        now = self.time()
        self.date = formatdate(usegmt=True).encode("ascii")
        for connection in [each for each in self.connections if each.deadline < now]:
            connection.expired()
        self.pool.sweep(now)

    def _keep_sweeping(self) -> None:
        # The timer first: a fault in one pass must not end all deadlines.
        self._timer = self.loop.call_later(SWEEP_SECONDS, self._keep_sweeping)
        self.sweep()


def _addresses(host: str) -> Iterable[tuple[int, str]]:
    """Each address that a host name means here, IPv4 first, so that ``localhost`` is both."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    unique = {(family, str(address[0])) for family, _, _, _, address in found}
    return sorted(unique, key=lambda each: (each[0] != socket.AF_INET, each[1]))
