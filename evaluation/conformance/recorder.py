"""An origin on loopback: keeps every byte that it gets, and answers what a strict reader reads."""

from __future__ import annotations

import asyncio
from typing import Self, cast

from tests.conformance.reading import read_requests

POLL = b"GET /health "
"""How the balancer's own question for health begins, which is nobody's request."""


class Recorder:
    """A server; as a context manager it leaves no connection behind.

    Attributes:
        port: where it listens.
        connections: all that there were.
    """

    def __init__(self) -> None:
        self.port = 0
        self.connections: list[Recorded] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Recorded(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.close()
        for each in self.connections:
            each.transport.abort()
        await asyncio.sleep(0)

    def take(self) -> list[bytes]:
        """What has come since the last call, by connection."""
        return [data for each in self.connections if (data := each.take())]


class Recorded(asyncio.Protocol):
    """One connection to it."""

    transport: asyncio.Transport

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._got = b""
        self._answered = 0
        self._taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember it."""
        self.transport = cast(asyncio.Transport, transport)
        self._recorder.connections.append(self)

    def data_received(self, data: bytes) -> None:
        """Answer each whole request; end where there is none to be seen."""
        self._got += data
        reading = read_requests(self._got, self._answered)
        for message in reading.messages:
            if message.whole:
                self._answered = message.end
                body = b"" if message.what.startswith("HEAD ") else b"ok"
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)
        last = reading.messages[-1] if reading.messages else None
        if last and not last.whole and last.values("expect") and last.end == last.head_end:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if reading.fault:
            self.transport.close()

    def take(self) -> bytes:
        """What has come since the last call, unless it is the balancer's own."""
        data, self._taken = self._got[self._taken :], len(self._got)
        return b"" if data.startswith(POLL) else data
