"""The part of a soak that is not the same request over and over: bodies, HEAD, 404, pipelining, and
clients that leave. Each answer is checked; whoever leaves expects none.

Knows the paths of ``bench/origin.py`` and no balancer.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from evaluation.bench.cases import LARGE_PATH
from evaluation.bench.origin import BODY, MISSING_PATH

PATIENCE = 20.0
PIPELINED = 5
LONGEST_BODY = 100_000
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)

_CLOSES = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)


class Surprise(Exception):
    """An answer that is not the one that was to come; the message says how."""


@dataclass(slots=True)
class Tally:
    """What was done, by kind, and the first surprises in words."""

    done: Counter[str] = field(default_factory=Counter)
    surprises: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return self.done.total()

    def surprise(self, kind: str, problem: str) -> None:
        self.surprises += 1
        if len(self.problems) < 10:
            self.problems.append(f"{kind}: {problem}")


class Connection:
    """One kept connection, opened when it is needed."""

    def __init__(self, host: str, port: int, dice: random.Random) -> None:
        self.dice = dice
        self._address = (host, port)
        self._host = f"{host}:{port}".encode("ascii")
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    async def write(self, *parts: bytes) -> None:
        """Raises OSError."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                *self._address, limit=1 << 20
            )
        self._writer.writelines(parts)
        await self._writer.drain()

    def head(self, method: str, path: str, *fields: str) -> bytes:
        more = "".join(f"{each}\r\n" for each in fields)
        line = f"{method} {path} HTTP/1.1\r\n{more}Host: ".encode("latin-1")
        return line + self._host + b"\r\n\r\n"

    async def answer(self, status: int, *, body: bytes | None = None, head: bool = False) -> None:
        """Reads one answer. Raises Surprise."""
        try:
            found = await self._reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(found)
            if length is None:
                raise Surprise(f"no Content-Length: {found[:60]!r}")
            received = b"" if head else await self._reader.readexactly(int(length[1]))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Surprise(f"the connection ended: {type(error).__name__}") from None
        if not found.startswith(b"HTTP/1.1 %d " % status):
            raise Surprise(f"{found[:30]!r} instead of {status}")
        if body is not None and received != body:
            raise Surprise(f"another body, of {len(received)} bytes")
        if _CLOSES.search(found):
            self.leave()

    async def glimpse(self, size: int) -> None:
        """Reads so much of an answer, or less."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read(size)

    def leave(self) -> None:
        """Gives the connection up at once."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.transport.abort()


async def get(it: Connection) -> int:
    await it.write(it.head("GET", f"/item/{it.dice.randrange(10_000)}"))
    await it.answer(200, body=BODY)
    return 1


async def post(it: Connection) -> int:
    body = b"y" * it.dice.randrange(LONGEST_BODY)
    await it.write(it.head("POST", "/orders", f"Content-Length: {len(body)}"), body)
    await it.answer(200, body=BODY)
    return 1


async def post_chunked(it: Connection) -> int:
    size = it.dice.randrange(1, 5000)
    piece = b"%x\r\n%b\r\n" % (size, b"z" * size)
    head = it.head("POST", "/orders", "Transfer-Encoding: chunked")
    await it.write(head, piece, piece, b"0\r\n\r\n")
    await it.answer(200, body=BODY)
    return 1


async def head(it: Connection) -> int:
    await it.write(it.head("HEAD", "/item"))
    await it.answer(200, head=True)
    return 1


async def missing(it: Connection) -> int:
    await it.write(it.head("GET", MISSING_PATH))
    await it.answer(404)
    return 1


async def pipelined(it: Connection) -> int:
    await it.write(*(it.head("GET", f"/item/{number}") for number in range(PIPELINED)))
    for _ in range(PIPELINED):
        await it.answer(200, body=BODY)
    return PIPELINED


async def leaves_at_once(it: Connection) -> int:
    await it.write(it.head("GET", "/item/left"))
    await asyncio.sleep(it.dice.random() * 0.002)
    it.leave()
    return 1


async def leaves_in_upload(it: Connection) -> int:
    await it.write(it.head("POST", "/orders", "Content-Length: 100000"), b"y" * 5000)
    await asyncio.sleep(it.dice.random() * 0.002)
    it.leave()
    return 1


async def leaves_in_download(it: Connection) -> int:
    await it.write(it.head("GET", LARGE_PATH))
    await it.glimpse(it.dice.randrange(1, 1 << 19))
    it.leave()
    return 1


Kind = Callable[[Connection], Awaitable[int]]

KINDS: tuple[tuple[Kind, float], ...] = (
    (get, 40.0),
    (post, 12.0),
    (post_chunked, 8.0),
    (head, 10.0),
    (missing, 8.0),
    (pipelined, 8.0),
    (leaves_at_once, 6.0),
    (leaves_in_upload, 4.0),
    (leaves_in_download, 1.0),
)
"""With their weights. Each says how many requests it was."""


async def ask(
    host: str,
    port: int,
    tally: Tally,
    dice: random.Random,
    over: asyncio.Event,
    kinds: tuple[tuple[Kind, float], ...] = KINDS,
) -> None:
    """One client that does one thing after the other until it is ``over``; closed loop."""
    it = Connection(host, port, dice)
    acts = [kind for kind, _ in kinds]
    weights = [weight for _, weight in kinds]
    try:
        while not over.is_set():
            (act,) = dice.choices(acts, weights)
            name = getattr(act, "__name__", "request")
            try:
                async with asyncio.timeout(PATIENCE):
                    tally.done[name] += await act(it)
            except (Surprise, OSError, TimeoutError) as error:
                tally.surprise(name, str(error) or type(error).__name__)
                it.leave()
                await asyncio.sleep(0.05)
    finally:
        it.leave()
