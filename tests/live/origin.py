"""An origin server whose every byte a test writes, and which keeps every byte that it was sent."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from tests.live.wire import PATIENCE, Ended, Message, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[["Visit"], Awaitable[None]]
"""What an origin does with one connection. When it returns, the connection is closed."""


def answer(
    body: bytes = b"ok", *lines: str, status: str = "200 OK", version: str = "HTTP/1.1"
) -> bytes:
    """A plain answer with a Content-Length, and more field lines."""
    more = "".join(f"{line}\r\n" for line in lines)
    head = f"{version} {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode("latin-1") + body


class Visit(Wire):
    """A connection to the origin.

    Attributes:
        origin: where.
        number: 1 for the first connection to it.
        requests: read on this connection so far.
    """

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin = origin
        self.number = 0
        self.requests: list[Message] = []
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.origin.visits.append(self)
        self.number = len(self.origin.visits)
        self._task = asyncio.get_running_loop().create_task(self._run())
        self.origin.arrived.set()

    async def request(self) -> Message:
        request = await super().request()
        self.requests.append(request)
        self.origin.requests.append(request)
        self.origin.arrived.set()
        return request

    async def _run(self) -> None:
        try:
            await self.origin.script(self)
        except Ended:
            self.transport.close()  # the test says whether that was as it should be
        except Exception:
            self.origin.failures.append(traceback.format_exc())
            self.abort()
        else:
            self.transport.close()

    async def over(self) -> None:
        """The script has ended."""
        assert self._task is not None
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(self._task, return_exceptions=True)

    def give_up(self) -> None:
        assert self._task is not None
        self._task.cancel()
        self.abort()


class SecuredVisit(Visit):
    """The loops' TLS cannot half close."""

    def eof_received(self) -> bool:
        super().eof_received()
        return False


async def serve_ok(visit: Visit) -> None:
    """Answers every request with its target as the body, until the other side is done."""
    while not await done(visit):
        request = await visit.request()
        visit.send(answer(request.target.encode("latin-1")))


async def serve_echo(visit: Visit) -> None:
    """Answers every request with its own method, target and body."""
    while not await done(visit):
        request = await visit.request()
        visit.send(answer(f"{request.method} {request.target} ".encode() + request.body))


async def done(visit: Visit) -> bool:
    """Waits for the next request's first bytes; whether the other side has gone instead."""
    await visit.until(lambda: bool(visit.unread) or visit.ended is not None, "next request")
    return not visit.unread


def replies(*answers: bytes) -> Script:
    """Each answer in its turn, to a request of its own, on whichever connection; then closes."""
    left = list(answers)

    async def script(visit: Visit) -> None:
        while left and not await done(visit):
            await visit.request()
            visit.send(left.pop(0))
        await visit.end()

    return script


class Origin:
    """A server on loopback.

    Attributes:
        port: where.
        script: what it does with connections from now on.
        visits: all connections that there were.
        requests: read by scripts, on all connections, in order.
        failures: of scripts; a test that leaves some fails.
        tls: the settings by which it is reached, if it speaks TLS.
    """

    def __init__(
        self,
        script: Script = serve_ok,
        context: ssl.SSLContext | None = None,
        tls: dict[str, object] | None = None,
    ) -> None:
        self.script = script
        self.tls = tls
        self._context = context
        self.port = 0
        self.visits: list[Visit] = []
        self.requests: list[Message] = []
        self.failures: list[str] = []
        self.arrived = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._visit, "127.0.0.1", self.port, ssl=self._context
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        await self.stop()
        for visit in self.visits:
            visit.give_up()
        await asyncio.gather(*(visit.over() for visit in self.visits))
        await asyncio.sleep(0)
        if kind is None:
            assert not self.failures, "\n".join(self.failures)

    def _visit(self) -> Visit:
        return Visit(self) if self._context is None else SecuredVisit(self)

    async def stop(self) -> None:
        """Accepts no more; what there is goes on."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    async def visited(self, count: int) -> Visit:
        """The connection with this number, once there is one."""
        await self._until(lambda: len(self.visits) >= count, f"{count} connections")
        return self.visits[count - 1]

    async def asked(self, count: int) -> Message:
        """The request with this number, once it has been read."""
        await self._until(lambda: len(self.requests) >= count, f"{count} requests")
        return self.requests[count - 1]

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self.arrived.clear()
                    await self.arrived.wait()
        except TimeoutError:
            raise AssertionError(
                f"no {what} at the origin, only {len(self.visits)} connections with "
                f"{len(self.requests)} requests; {self.failures}"
            ) from None

    @property
    def open(self) -> Sequence[Visit]:
        """Connections that neither side has ended."""
        return [
            visit
            for visit in self.visits
            if visit.ended is None and not visit.transport.is_closing()
        ]


class Held(Origin):
    """Answers so many requests, and the others when that is raised."""

    def __init__(self) -> None:
        super().__init__(self._hold)
        self.released = 0
        self._more = asyncio.Event()

    def release(self, count: int) -> None:
        self.released += count
        self._more.set()
        self._more = asyncio.Event()

    async def _hold(self, visit: Visit) -> None:
        while not await done(visit):
            request = await visit.request()
            number = len(self.requests)
            while self.released < number:
                await self._more.wait()
            visit.send(answer(request.target.encode()))
