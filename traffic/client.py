"""A small HTTP/1.1 client for open-loop load: a request never waits for another's connection.

It opens as many keep-alive connections as are needed at once, follows no redirect, keeps no cookie,
decodes no body, asks no environment for a proxy and never sends a request twice. What it gives is
when the first and the last byte of an answer came.

General clients look through all their connections for every request: with a second-long answer and
300 requests per second the client itself was measured to add seconds. Here a request costs the same
however many are in flight.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

IDLE_SECONDS = 3.0
"""A connection idle for longer is not used again: uvicorn and Node.js close theirs after five, and
a request sent in the moment of closing would be counted as the server's failure."""

_BODYLESS = {204, 304}
_OURS = {"connection", "content-length", "transfer-encoding", "x-request-id"}
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]*")


class RequestFailed(Exception):
    """No complete answer came; the message says why in a few words.

    Attributes:
        first_byte_at: when the answer's first byte came, or None.
    """

    def __init__(self, reason: str, first_byte_at: float | None = None) -> None:
        super().__init__(reason)
        self.first_byte_at = first_byte_at


@dataclass(slots=True)
class Answer:
    """A complete response. Times are of ``time.perf_counter``.

    Attributes:
        fields: those that the client was told to keep, names in lower case; one that comes in
            several lines is joined with commas.
    """

    status: int
    endpoint: str
    first_byte_at: float
    done_at: float
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go. ``prefix`` is put before every path; it does not end in a slash."""

    scheme: str
    host: str
    port: int
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Raises ValueError, saying what is wrong with the URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise ValueError("must begin with http:// or https://")
        if not parts.hostname:
            raise ValueError("names no host")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("must be scheme, host, port and path only; put queries into the mix")
        if not re.fullmatch(r"[!-~]*", parts.path):
            raise ValueError("the path must hold no space or control character")
        try:
            port = parts.port
        except ValueError:
            raise ValueError("the port must be a number up to 65535") from None
        if port == 0:
            raise ValueError("the port must not be 0")
        try:
            host = parts.hostname.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"{parts.hostname!r} cannot be the name of a host") from None
        default = 443 if parts.scheme == "https" else 80
        return cls(parts.scheme, host, port or default, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"

    def path(self, path: str) -> str:
        """The path to ask for. With a prefix, ``/`` means the prefix itself."""
        return self.prefix if self.prefix and path == "/" else self.prefix + path


class Connection(asyncio.Protocol):
    """One connection and at most one request on it."""

    def __init__(self, keep: frozenset[bytes] = frozenset()) -> None:
        self.usable = True
        self._keep = keep
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._head_only = False
        self._begin()

    def _begin(self) -> None:
        self._first_byte_at: float | None = None
        self._endpoint = ""
        self._fields: dict[str, str] = {}
        self._framed = False
        self._status = 0

    def send(self, data: bytes, head_only: bool) -> asyncio.Future[Answer]:
        """Writes a request; the future has the answer, or RequestFailed."""
        assert self._transport is not None and self._waiter is None
        self._begin()
        self._head_only = head_only
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return self._waiter

    def abort(self) -> None:
        """Gives the connection up at once, and whatever is on it."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, not a check: uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("not HTTP")
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._waiter is None:
            return
        if self._status and not self._framed and exc is None:
            self._finish()  # the end of the connection is the end of such an answer
        elif self._first_byte_at is not None:
            self._fail("answer cut short")
        else:
            self._fail(reason(exc) if isinstance(exc, OSError) else "connection closed")

    # httptools

    def on_message_begin(self) -> None:
        if self._waiter is None:
            self.abort()  # nobody asked
        # Set anew by the answer that follows an interim one (1xx).
        self._first_byte_at = time.perf_counter()

    def on_header(self, name: bytes, value: bytes) -> None:
        lowered = name.lower()
        if lowered == b"x-server-id":
            self._endpoint = value.decode("latin-1")
        elif lowered in (b"content-length", b"transfer-encoding"):
            self._framed = True
        if lowered in self._keep:
            key, text = lowered.decode("latin-1"), value.decode("latin-1")
            self._fields[key] = f"{self._fields[key]}, {text}" if key in self._fields else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._status = status
        if self._head_only:
            self.usable = self.usable and self._parser.should_keep_alive()
            # The parser would take the next answer for this one's body.
            self._parser = httptools.HttpResponseParser(self)
            self._finish()
        elif status in _BODYLESS:
            self._framed = True

    def on_message_complete(self) -> None:
        if self._status and self._waiter is not None:
            self.usable = self.usable and self._parser.should_keep_alive()
            self._finish()

    def _finish(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done() and self._first_byte_at is not None:
            waiter.set_result(
                Answer(
                    self._status,
                    self._endpoint,
                    self._first_byte_at,
                    time.perf_counter(),
                    self._fields,
                )
            )

    def _fail(self, why: str) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(RequestFailed(why, self._first_byte_at))


class Client:
    """Sends requests to one target. Made by ``open``; ``close`` leaves no connection."""

    def __init__(
        self,
        target: Target,
        addresses: list[str],
        headers: Mapping[str, str] | None = None,
        keep: Iterable[str] = (),
    ) -> None:
        self._target = target
        self._keep = frozenset(name.lower().encode("latin-1") for name in keep)
        self._addresses = addresses
        self._idle: list[Connection] = []
        self._tls = ssl.create_default_context() if target.scheme == "https" else None
        fields = {"host": target.authority, "user-agent": "slb-traffic", "accept": "*/*"}
        for name, value in (headers or {}).items():
            if not (_FIELD_NAME.fullmatch(name) and _FIELD_VALUE.fullmatch(value)):
                raise ValueError(f"header {name!r}: the name or the value {value!r} is not valid")
            if name.lower() in _OURS:
                raise ValueError(f"header {name!r}: is set for each request; leave it out")
            fields[name.lower()] = value
        self._authority = fields.pop("host")
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    @classmethod
    async def open(
        cls, target: Target, headers: Mapping[str, str] | None = None, keep: Iterable[str] = ()
    ) -> Client:
        """Looks the host up, once. Raises OSError if it has no address.

        Args:
            keep: names of the fields that answers shall hold.
        """
        found = await asyncio.get_running_loop().getaddrinfo(
            target.host, target.port, type=socket.SOCK_STREAM
        )
        return cls(target, list(dict.fromkeys(str(each[4][0]) for each in found)), headers, keep)

    async def exchange(
        self,
        method: str,
        path: str,
        body: bytes,
        request_id: str,
        authority: str | None = None,
        fields: str = "",
    ) -> Answer:
        """One request and its answer.

        Args:
            authority: the Host header of this request; default: the target's.
            fields: more header lines of this request, each with its end.

        Raises:
            RequestFailed: no complete answer came.
            asyncio.CancelledError: the connection is given up with the request.
        """
        length = f"Content-Length: {len(body)}\r\n" if body or method in ("POST", "PUT") else ""
        head = (
            f"{method} {self._target.path(path)} HTTP/1.1\r\n"
            f"host: {authority or self._authority}\r\n{self._fields}"
            f"X-Request-ID: {request_id}\r\n{fields}{length}\r\n"
        ).encode("latin-1")
        connection = self._take() or await self.connect()
        try:
            answer = await connection.send(head + body, method == "HEAD")
        except BaseException:
            connection.abort()
            raise
        if connection.usable:
            connection.idle_since = time.perf_counter()
            self._idle.append(connection)
        else:
            connection.abort()
        return answer

    async def connect(self) -> Connection:
        """A new connection. Raises RequestFailed."""
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        for address in list(self._addresses):
            try:
                _, connection = await loop.create_connection(
                    lambda: Connection(self._keep),
                    address,
                    self._target.port,
                    ssl=self._tls,
                    server_hostname=self._target.host if self._tls else None,
                )
            except OSError as error:
                failure = error
                continue
            if address != self._addresses[0]:
                self._addresses = [address, *(a for a in self._addresses if a != address)]
            return connection
        raise RequestFailed(reason(failure))

    def close(self) -> None:
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    def _take(self) -> Connection | None:
        """The connection that was used last: the others may then grow old and be dropped."""
        oldest = time.perf_counter() - IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since < oldest:
                self._idle.append(connection)
                self.close()  # those below it are older still
                return None
            if connection.usable:
                return connection
        return None


def reason(error: OSError | None) -> str:
    """A few words for what the operating system said."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "connection reset"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'failed'}"
    # asyncio words its own errors at length; the number has the short form.
    if error is not None and error.errno:
        return os.strerror(error.errno).lower()
    return "cannot connect"


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where there is one: it sends up to three times as many requests."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
