"""The connections to endpoints that wait for a request, and the opening of new ones."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from config.balancer import Deadlines, Limits
from load_balancer.errors import (
    CertificateInvalid,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    UpstreamError,
)
from load_balancer.forwarding.endpoint_tls import EndpointContexts, secure
from load_balancer.forwarding.lanes import Key, connected_socket, endpoint_of, lane_of
from load_balancer.forwarding.upstream import UpstreamConnection
from load_balancer.node import Attempt
from rl.vocabulary import EndpointStats

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange
    from load_balancer.forwarding.hedge import Hedge


class Pool:
    """Idle connections by endpoint and lane, the last used first, and the opening of new ones.

    By the endpoint's stats and not by its id, which may be another endpoint's at another place by
    the time that a request to the old one is over.

    Attributes:
        contexts: for endpoints that are reached over TLS.
    """

    __slots__ = ("_closed", "_idle", "_opening", "clock", "contexts", "deadlines", "limits", "loop")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        deadlines: Deadlines,
        limits: Limits,
    ) -> None:
        self.loop = loop
        self.clock = clock
        self.deadlines = deadlines
        self.limits = limits
        self.contexts = EndpointContexts()
        self._idle: dict[Key, list[UpstreamConnection]] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False

    def take(self, key: Key, once: bool) -> UpstreamConnection | None:
        """An idle connection, if there is one.

        Args:
            once: what is to be sent cannot be sent again, so it is worth a look whether the other
                side has just closed.
        """
        idle = self._idle.get(key)
        while idle:
            connection = idle.pop()
            if connection.transport.is_closing():
                continue
            if once and connection.readable():
                connection.abort()
                continue
            return connection
        return None

    def put(self, key: Key, connection: UpstreamConnection, now: float) -> None:
        """Keep a connection for the next request."""
        idle = self._idle.get(key)
        if idle is None:
            idle = self._idle[key] = []
        if self._closed or len(idle) >= self.limits.idle_connections_per_endpoint:
            connection.transport.close()
            return
        connection.kept = True
        connection.idle_since = now
        idle.append(connection)

    def discard(self, key: Key, connection: UpstreamConnection) -> None:
        """A connection closed by itself."""
        idle = self._idle.get(key)
        if idle is not None and connection in idle:
            idle.remove(connection)

    def forget(self, stats: EndpointStats) -> None:
        """Close every idle connection of an endpoint that has left."""
        for key in [key for key in self._idle if endpoint_of(key) is stats]:
            for connection in self._idle.pop(key):
                connection.transport.close()

    def idle_count(self) -> int:
        """Connections waiting for a request."""
        return sum(len(idle) for idle in self._idle.values())

    def kept(self, most: int) -> Iterator[tuple[EndpointStats, UpstreamConnection]]:
        """Of each endpoint and lane so many idle connections, those that were used last."""
        for key, idle in self._idle.items():
            for connection in idle[-most:]:
                yield endpoint_of(key), connection

    def sweep(self, now: float) -> None:
        """Close what has been idle for too long; the oldest stand in front."""
        limit = now - self.deadlines.upstream_idle_seconds
        for key, idle in list(self._idle.items()):
            if not idle:
                del self._idle[key]  # it may have left, and nobody would say so again
            expired = 0
            for connection in idle:
                if connection.idle_since > limit:
                    break
                expired += 1
            if expired:
                for connection in idle[:expired]:
                    connection.transport.close()
                del idle[:expired]

    def open(self, exchange: Exchange | Hedge, attempt: Attempt) -> None:
        """Connect for an attempt; it hears of it by ``connected`` or ``attempt_failed``."""
        task = self.loop.create_task(self._open(exchange, attempt))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, exchange: Exchange | Hedge, attempt: Attempt) -> None:
        endpoint = attempt.stats.endpoint
        host, port, loop = endpoint.host, endpoint.port, self.loop
        lane = lane_of(exchange)
        key = attempt.stats if lane is None else (attempt.stats, lane)
        taken: socket.socket | None = None
        error: UpstreamError
        try:
            connection = UpstreamConnection(self, key)
            security = self.contexts.of(endpoint)
            async with asyncio.timeout(self.deadlines.connect_seconds):
                if lane is not None:
                    taken = await connected_socket(loop, host, port, lane)
                if security is not None:
                    await secure(loop, connection, security, host, port, taken)
                elif taken is not None:
                    await loop.create_connection(lambda: connection, sock=taken)
                else:
                    await loop.create_connection(lambda: connection, host, port)
        except TimeoutError:
            error = ConnectTimeout(f"{endpoint.id} did not accept a connection in time")
        except ssl.SSLCertVerificationError as reason:
            error = CertificateInvalid(
                f"the certificate of {endpoint.id} is not valid: {reason.verify_message}"
            )
        except ssl.SSLError as reason:
            error = ConnectFailed(f"{endpoint.id} does not agree on TLS: {reason.reason or reason}")
        except (OSError, UnicodeError) as reason:
            why = getattr(reason, "strerror", None) or reason
            error = ConnectFailed(f"{endpoint.id} cannot be reached: {why}")
        except ValueError as reason:
            error = ConnectFailed(str(reason))
        else:
            if connection.transport.is_closing():
                error = ConnectionLost(f"{endpoint.id} closed the connection at once")
            elif exchange.attempt is attempt and not attempt.over:
                exchange.connected(connection, self.clock())
                return
            else:
                self.put(key, connection, self.clock())
                return
        if exchange.attempt is attempt and not attempt.over:
            exchange.attempt_failed(error)

    async def close(self) -> None:
        """Close every idle connection, now and later, and give up those being opened."""
        self._closed = True
        for idle in self._idle.values():
            for connection in idle:
                connection.transport.close()
            idle.clear()
        opening = list(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
