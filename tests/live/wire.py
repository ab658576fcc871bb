"""One end of a TCP connection that a test holds: sends exact bytes, keeps the exact bytes it got.

Reads HTTP messages by rules of its own, stricter than those of any server, so that the proxy's
parser is not judged by itself. Every wait has a limit, and failing one says what had come by then.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

PATIENCE = 20.0
"""Seconds until a wait is given up: far above anything that happens, on however busy a machine."""

LARGE = 4 << 20
"""Bytes; more than all socket buffers on the way hold."""

EOF = "eof"
RESET = "reset"

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(rb"[\t -~\x80-\xff]*")

Fields = list[tuple[str, str]]


class Ended(AssertionError):
    """The other side ended the connection within a message."""


@dataclass
class Message:
    """A request or a final answer, as it came.

    Attributes:
        line: the first line.
        fields: in order, names as they came.
        body: without its framing.
        chunked: it came in chunks.
        until_close: only the end of the connection ended it.
        trailers: behind a chunked body.
        interim: the lines of 1xx answers before it.
        raw: every byte of it, without the interim answers.
    """

    line: str
    fields: Fields
    body: bytes = b""
    chunked: bool = False
    until_close: bool = False
    trailers: Fields = field(default_factory=list)
    interim: list[str] = field(default_factory=list)
    raw: bytes = b""

    @property
    def status(self) -> int:
        return int(self.line.split(" ", 2)[1])

    @property
    def method(self) -> str:
        return self.line.split(" ", 1)[0]

    @property
    def target(self) -> str:
        return self.line.split(" ", 2)[1]

    def all(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        return [value for each, value in self.fields if each.lower() == name.lower()]

    def one(self, name: str) -> str:
        """The value of a field that must be there exactly once."""
        values = self.all(name)
        assert len(values) == 1, f"{name} stands there {len(values)} times: {self.fields}"
        return values[0]


class Wire(asyncio.Protocol):
    """The test's end of a connection.

    Attributes:
        received: every byte so far, unless ``keep`` is off.
        count: how many bytes came.
        keep: off for bodies too large to keep; they are then only counted.
        ended: None, EOF or RESET; ``lost``: the transport is gone.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.received = bytearray()
        self.count = 0
        self.keep = True
        self.ended: str | None = None
        self.lost = False
        self._at = 0
        self._writable = asyncio.Event()
        self._writable.set()
        self._news = asyncio.Event()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.count += len(data)
        if self.keep:
            self.received += data
        self._news.set()

    def eof_received(self) -> bool:
        self.ended = self.ended or EOF
        self._news.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.ended = self.ended or (EOF if exc is None else RESET)
        self._news.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # Acting.

    def send(self, data: bytes) -> None:
        """All at once; to who has gone, nothing."""
        if not self.lost:
            self.transport.write(data)

    async def send_pieces(self, *pieces: bytes) -> None:
        """So that each arrives on its own."""
        for piece in pieces:
            self.send(piece)
            await turns()

    async def send_slowly(self, data: bytes, times: int) -> None:
        """``data`` again and again, waiting each time until the other side has taken most of it."""
        for _ in range(times):
            self.send(data)
            await self.drained()
            if self.transport.is_closing():
                return

    async def drained(self) -> None:
        """Our buffer is not full, or the connection is gone."""
        async with asyncio.timeout(PATIENCE):
            await self._writable.wait()

    def half_close(self) -> None:
        """No more from us; we still listen."""
        try:
            self.transport.write_eof()
        except (OSError, RuntimeError):
            pass  # the other side was faster

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        """End it the hard way: what is under way in either direction is lost."""
        if not self.lost:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """End it without waiting for what is still to be sent."""
        if not self.lost:
            self.transport.abort()

    async def leave(self) -> None:
        """End it, and wait until it is gone: a loop that is closed before leaves the socket open.
        Over TLS a mere ``close`` waits for the other side, who may be gone with the test."""
        self.abort()
        await self.until(lambda: self.lost, "end")

    def stall(self) -> None:
        """Read nothing until ``go_on``."""
        self.transport.pause_reading()

    def go_on(self) -> None:
        self.transport.resume_reading()

    # Waiting.

    @property
    def unread(self) -> bytes:
        """What came and was not yet read as a message."""
        return bytes(self.received[self._at :])

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Until it holds; looked at whenever something comes."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {what}; {self._so_far()}") from None

    async def end(self) -> str:
        """How it ended: EOF or RESET."""
        await self.until(lambda: self.ended is not None, "end of the connection")
        assert self.ended is not None
        return self.ended

    async def bytes_in_all(self, count: int) -> None:
        """Until so many bytes have come since the beginning."""
        await self.until(lambda: self.count >= count, f"{count} bytes")

    def _so_far(self) -> str:
        return (
            f"{self.count} bytes came, ended: {self.ended}, not yet read: {self.unread[:600]!r}, "
            f"last: {bytes(self.received[-600:])!r}"
        )

    # Reading messages.

    async def request(self) -> Message:
        """The next request on this connection."""
        message = await self._head()
        start = self._at - len(message.raw)
        method, target, version = message.line.split(" ")
        assert version == "HTTP/1.1", message.line
        assert method.isupper() and target, message.line
        await self._body(message, has_body=True, until_close=False)
        message.raw = bytes(self.received[start : self._at])
        return message

    async def answer(self, method: str = "GET") -> Message:
        """The next final answer on this connection, to a request with this method."""
        interim: list[str] = []
        while True:
            message = await self._head()
            version, status, _ = message.line.split(" ", 2)
            assert version == "HTTP/1.1" and len(status) == 3 and status.isdigit(), message.line
            if message.status >= 200:
                break
            assert not message.all("content-length") and not message.all("transfer-encoding")
            interim.append(message.line)
        start = self._at - len(message.raw)
        message.interim = interim
        has_body = method != "HEAD" and message.status not in (204, 304)
        await self._body(message, has_body=has_body, until_close=True)
        message.raw = bytes(self.received[start : self._at])
        return message

    async def head(self) -> Message:
        """The next head, whatever follows it."""
        return await self._head()

    async def take(self, count: int) -> bytes:
        """The next so many bytes."""
        await self._have(lambda: len(self.received) - self._at >= count, f"{count} bytes")
        self._at += count
        return bytes(self.received[self._at - count : self._at])

    async def _have(self, condition: Callable[[], bool], what: str) -> None:
        await self.until(lambda: condition() or self.ended is not None, what)
        if not condition():
            raise Ended(f"the connection ended before {what}; {self._so_far()}")

    async def _line(self) -> bytes:
        found = -1

        def there() -> bool:
            nonlocal found
            found = self.received.find(b"\r\n", self._at)
            return found >= 0

        await self._have(there, "end of line")
        return (await self.take(found + 2 - self._at))[:-2]

    async def _fields(self) -> Fields:
        fields: Fields = []
        while line := await self._line():
            name, colon, value = line.partition(b":")
            assert colon and TOKEN.fullmatch(name) and VALUE.fullmatch(value), line
            fields.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
        return fields

    async def _head(self) -> Message:
        start = self._at
        line = (await self._line()).decode("latin-1")
        fields = await self._fields()
        return Message(line, fields, raw=bytes(self.received[start : self._at]))

    async def _body(self, message: Message, has_body: bool, until_close: bool) -> None:
        lengths, codings = message.all("content-length"), message.all("transfer-encoding")
        assert len(lengths) + len(codings) <= 1, message.fields
        assert not codings or codings == ["chunked"], codings
        assert not lengths or lengths[0].isdigit(), lengths
        if not has_body:
            return
        if codings:
            message.chunked = True
            while size := int(await self._line(), 16):
                message.body += await self.take(size)
                assert await self.take(2) == b"\r\n"
            message.trailers = await self._fields()
        elif lengths:
            message.body = await self.take(int(lengths[0]))
        elif until_close:
            message.until_close = True
            how = await self.end()
            assert how == EOF, "the connection was reset inside a body that its end delimits"
            message.body = await self.take(len(self.received) - self._at)


async def turns(count: int = 4) -> None:
    """Lets the loop turn, so that what was written on loopback arrives and is acted upon."""
    for _ in range(count):
        await asyncio.sleep(0)


class Clients:
    """Connections of a test's own making; leaving it leaves none open."""

    def __init__(self) -> None:
        self._wires: list[Wire] = []

    async def __aenter__(self) -> Clients:
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        await self.close()

    async def connect(self, port: int, host: str = "127.0.0.1") -> Wire:
        _, wire = await asyncio.get_running_loop().create_connection(Wire, host, port)
        self._wires.append(wire)
        return wire

    async def close(self) -> None:
        """End them all, and wait until they are gone."""
        for wire in self._wires:
            wire.abort()
        for wire in self._wires:
            await wire.leave()
