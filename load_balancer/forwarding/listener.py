"""What all client connections of a node share, and the sweep that looks after their deadlines."""

from __future__ import annotations

import asyncio
import errno
import random
import socket
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate

from config.balancer import LoadBalancer
from load_balancer.caching.vocabulary import Overflow
from load_balancer.forwarding.admitting import LiveShaping, take_up
from load_balancer.forwarding.affinity import Affinity, class_values
from load_balancer.forwarding.arrival import Arrival, Arrivals
from load_balancer.forwarding.background import Background
from load_balancer.forwarding.crowd import Crowd
from load_balancer.forwarding.downstream import ClientConnection
from load_balancer.forwarding.forwarded import Trust, read_address
from load_balancer.forwarding.live_cache import LiveCache, cache_for
from load_balancer.forwarding.pace import Pace
from load_balancer.forwarding.peer import Peer
from load_balancer.forwarding.placing import Placer
from load_balancer.forwarding.pool import Pool
from load_balancer.forwarding.repeat import FORGET_SECONDS
from load_balancer.forwarding.tls import TlsPort
from load_balancer.forwarding.tracing import Tracer
from load_balancer.node import Node
from load_balancer.ports import TRIES, addresses
from load_balancer.retries import read_retry_after
from metrics.access_log import Sink
from rl.vocabulary import EndpointStats

SWEEP_SECONDS = 0.25
"""How late a deadline may be noticed. One pass over all connections costs about 0.1 µs each."""

LAST_REQUEST_SECONDS = 0.5
"""How long a connection that is idle when a drain begins may still bring a request."""

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
        crowd: who is connected, and how many may be.
        connections: of clients, open now.
        arrivals: those that have not said yet for whom they come.
        tls: who agrees with them on TLS first, where that is wanted.
        pace: how slow they may be.
        port: where it listens, once it does.
        draining: no further request is taken on any connection.
        affinity: what keeps repeats together, if anything but their paths does.
        class_values: reads the fields that request classes are told by, if there are any.
        cache: what answers are kept in, if they are.
        shaping: by which rules clients are held, if they are.
        background: exchanges that no client waits for.
        access_log: takes the record of each client request that is over, if anybody wants it.
        decorates: any answer may get field lines of ours; one with an account may anyway.
        hears_q, tells_q: next nodes are believed what they tell of their way; the node before is
            told of ours.
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
        affinity: Affinity | None = None,
        overflow: Overflow | None = None,
    ) -> None:
        self.node = node
        self.loop = loop
        self.time = clock
        self.pool = Pool(loop, clock, settings.deadlines, settings.limits)
        self.local = local
        self.deadlines = settings.deadlines
        self.limits = settings.limits
        self.placer = Placer(self, settings)
        self.node_name = settings.node_name.encode("ascii")
        self.crowd = Crowd(settings.deadlines, settings.limits)
        self.connections = self.crowd.members
        self.arrivals = Arrivals(self)
        self.tls = TlsPort(settings.tls, node.counters, clock, lambda: self.limits.connections)
        self.port = settings.port
        self.pace = Pace(settings.deadlines, settings.limits)
        self.draining = False
        self.access_log: Sink | None = None
        self.affinity = affinity
        self.cache = cache_for(settings, time.time, overflow)
        self.background = Background(self)
        self.shaping: LiveShaping | None = None
        self.date = b""
        self.dice = rng
        self._take_up(settings)
        self.tracer: Tracer | None = None
        self._trace(settings)
        self._trust = _trust(settings)
        if settings.shaping.enabled:
            take_up(self, settings)
        self._servers: list[asyncio.Server] = []
        self._upgrades = frozenset(each.encode("ascii") for each in settings.upgrades)
        self._given: Sequence[socket.socket] = ()
        self._reuse_port = False
        self._timer: asyncio.TimerHandle | None = None
        self._empty: asyncio.Event | None = None
        self._cut = 0
        self._forget_at = 0.0

    async def start(self, given: Sequence[socket.socket] = (), reuse_port: bool = False) -> int:
        """Listen; the port, which the system chose if the configured one is 0.

        Args:
            given: sockets that listen already, instead of host and port.
            reuse_port: other processes of ours listen on the port as well, and the kernel deals
                connections out among them (SO_REUSEPORT).

        Raises:
            OSError: the port is taken or may not be used.
        """
        self._given = given
        self._reuse_port = reuse_port
        self._keep_sweeping()
        port = self.settings.port
        tries = 1 if port else TRIES
        while True:
            tries -= 1
            try:
                self.port = await self._listen(port)
                return self.port
            except OSError as error:
                self._stop_listening()
                if not tries or error.errno != errno.EADDRINUSE:
                    raise
                # The second address of a name must get the port that the system chose for the
                # first one, and somebody else had it there: it may choose again.

    async def _listen(self, port: int) -> int:
        if self._given:
            for each in self._given:
                server = await self.loop.create_server(self._accept, sock=each)
                self._servers.append(server)
            number: int = self._given[0].getsockname()[1]
            return number
        missing: OSError | None = None
        for family, address in addresses(self.settings.host):
            try:
                server = await self.loop.create_server(
                    self._accept,
                    address,
                    port,
                    family=family,
                    backlog=1024,
                    reuse_port=self._reuse_port or None,
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

    def _accept(self) -> asyncio.BaseProtocol:
        introduced = self.settings.proxy_protocol == "required"
        return Arrival(self) if introduced else self.tls.over(ClientConnection(self))

    async def _accept_no_more(self) -> None:
        for server in self._servers:
            for each in server.sockets:
                self.loop.remove_reader(each.fileno())
        # asyncio makes a transport in the turn after accepting, and fails to without a word when
        # the server is closed by then: nobody would ever speak to that client.
        await asyncio.sleep(0)
        self._stop_listening()

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def admit(self, connection: ClientConnection) -> str:
        """A client has connected; why there is no room for it, or ""."""
        self.node.counters.connections += 1
        return self.crowd.join(connection, self.time())

    def forget(self, connection: ClientConnection) -> None:
        """A client connection is gone."""
        self.crowd.leave(connection)
        self.left()

    def left(self) -> None:
        """Somebody has gone; who waits for the last one is told."""
        if self._empty is not None and not self.connections and not self.arrivals.members:
            self._empty.set()

    def in_flight(self) -> int:
        """Requests of clients that are not over; for the metrics, which ask seldom."""
        return sum(1 for each in self.connections if each.exchange is not None)

    def peer(self, address: str, tls: str = "", asked: str = "") -> Peer:
        """What a connection from this address tells the endpoints about itself.

        Args:
            tls: the version that it speaks, and ``asked`` the server that it asked for in TLS.
        """
        trust = self._trust
        if address.startswith("::ffff:"):
            # As a socket for both families, or a PROXY header, has IPv4 addresses.
            address = str(read_address(address) or address)
        return Peer(
            address,
            self.settings.node_name,
            "https" if tls else "http",
            tls=tls,
            only_host=asked if self.settings.tls.strict_host else "",
            trusted=bool(trust.networks) and trust(read_address(address.partition("%")[0])),
            trust=trust,
            port=self.port,
            upgrades=self._upgrades,
            traced=self.tracer is not None,
        )

    def request_id(self) -> bytes:
        """A new id: 64 random bits."""
        return b"%016x" % self.dice.getrandbits(64)

    def load_reported(self, stats: EndpointStats, report: bytes) -> None:
        """An answer carried its endpoint's load report; ten a second are read."""
        now = self.time()
        if now - stats.reported_at > REPORT_SECONDS:
            self.node.table.load_reported(stats, report, now)

    def retry_after(self, stats: EndpointStats, status: int, value: bytes, now: float) -> None:
        """An answer asked that its endpoint be left alone for a while."""
        seconds = read_retry_after(value.decode("latin-1"), time.time())
        if seconds is not None:
            self.node.retry_after(stats, status, seconds, now)

    def report(self, message: str, error: Exception) -> None:
        """A fault of ours that a request must not suffer from."""
        self.loop.call_exception_handler({"message": message, "exception": error})

    def apply(self, settings: LoadBalancer) -> None:
        """Take up other deadlines, limits, retries, hedging, trusted proxies and upgrades, for what
        comes next."""
        self._take_up(settings)
        self._trace(settings)
        for connection in self.connections:
            connection.forget()
            # Or a trace would go on twice, or not at all, on connections that are open.
            connection.peer.traced = self.tracer is not None
        self.deadlines = self.pool.deadlines = settings.deadlines
        self.limits = self.pool.limits = settings.limits
        self.crowd.apply(settings.deadlines, settings.limits)
        self.pace = Pace(settings.deadlines, settings.limits)
        self.placer.apply(settings)
        self._trust = _trust(settings)
        self._upgrades = frozenset(each.encode("ascii") for each in settings.upgrades)

    def keep(self, cache: LiveCache | None) -> None:
        """Keep answers in another cache, or no more. What is being fetched goes on."""
        self.cache = cache
        for connection in self.connections:
            connection.forget()

    def stick(self, affinity: Affinity | None) -> None:
        """Keep repeats together in another way, or no more."""
        self.affinity = affinity
        self.decorates = self._decorates()
        for connection in self.connections:
            connection.forget()

    def _take_up(self, settings: LoadBalancer) -> None:
        self.settings = settings
        self.class_values = class_values(settings.request_classes.headers)
        self.hears_q = settings.q_headers.enabled
        self.tells_q = settings.q_headers.enabled and settings.q_headers.expose
        self.decorates = self._decorates()

    def _decorates(self) -> bool:
        sets_cookie = self.affinity is not None and self.affinity.sets_cookie
        return sets_cookie or self.tells_q or self.settings.server_timing.when != "off"

    def _trace(self, settings: LoadBalancer) -> None:
        tracing = settings.tracing
        self.tracer = Tracer(tracing.start, self.dice) if tracing.enabled else None

    async def drain(self) -> int:
        """Accept nothing more, let what runs finish until the drain deadline, then cut; how many
        connections were cut."""
        self.draining = True
        await self._accept_no_more()
        # A request may be on its way on a connection that is idle here: closed under it, it would
        # be lost. What comes now is answered, with the word that the connection ends.
        seconds = self.deadlines.drain_seconds
        grace = min(LAST_REQUEST_SECONDS, seconds / 2)
        await self._wait_until_empty(grace)
        self.arrivals.cut()
        self.tls.cut()
        for connection in list(self.connections):
            connection.finish()
        await self._wait_until_empty(seconds - grace)
        cut = self.cut()
        self.background.cut()
        # In a few turns of the loop the transports tell their protocols of the end.
        await self._wait_until_empty(ABORT_SECONDS)
        if self._timer is not None:
            self._timer.cancel()
        await self.pool.close()
        return cut

    def cut(self) -> int:
        """End every connection at once; under how many requests. Those that ``drain`` waits for
        are counted there as well."""
        cut = self._cut + sum(each.exchange is not None for each in self.connections)
        self._cut = cut
        self.arrivals.cut()
        self.tls.cut()
        for connection in list(self.connections):
            connection.abort()
        return cut

    def crash(self) -> None:
        """Refuse and cut everybody, as if the process were killed; ``drain`` then finds nobody."""
        self._stop_listening()
        self.cut()

    async def _wait_until_empty(self, seconds: float) -> None:
        if not self.connections and not self.arrivals.members:
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
            if connection.deadline < now:  # the end of another one may have set it going
                connection.expired()
        self.arrivals.sweep(now)
        self.tls.sweep(now)
        if self.pace.watches:
            for connection in [each for each in self.connections if each.exchange is not None]:
                if connection.exchange is not None:
                    self.pace.check(connection, connection.exchange, now)
        if now >= self._forget_at:
            self._forget_at = now + FORGET_SECONDS / 2
            idle = now + self.deadlines.idle_seconds - FORGET_SECONDS
            for connection in self.connections:
                if connection.deadline < idle:
                    connection.forget()
        self.pool.sweep(now)
        self.placer.sweep(now)
        if self.cache is not None:
            self.cache.sweep(now)
        if self.shaping is not None:
            self.shaping.sweep(now)
        if self.background.members:  # they outlive a cache that is switched off
            self.background.sweep(now)

    def _keep_sweeping(self) -> None:
        # The timer first: a fault in one pass must not end all deadlines.
        self._timer = self.loop.call_later(SWEEP_SECONDS, self._keep_sweeping)
        self.sweep()


def _trust(settings: LoadBalancer) -> Trust:
    return Trust(settings.trusted_proxies, settings.client_header, settings.forwarded_header)
