"""Plays one row: a client and a recording origin on real sockets, with a proxy between them.

Everything is kept as bytes; what it means is for the judge. Each row ends with a plain request for
``/probe``, on the same connection if it is still open, else on a new one: whatever the row left
behind in the proxy must not come up as the answer to that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from tests.conformance.reading import Message, Reading, read_answers, read_requests
from tests.conformance.rows.model import (
    ANSWER,
    AT_ONCE,
    CLOSE,
    GONE,
    HALF_CLOSE,
    NEW,
    PLAIN,
    RESET,
    SWALLOW,
    TUNNEL,
    TURN,
    WHOLE,
    Answers,
    Came,
    Longer,
    Row,
    Step,
    Turn,
)
from tests.live.origin import Origin, Visit
from tests.live.wire import EOF, Clients, Wire

PROBE = (
    b"GET /probe HTTP/1.1\r\nHost: probe.test\r\nX-Request-ID: probe\r\nConnection: close\r\n\r\n"
)
PROBED = "GET /probe"
ARRIVES_SECONDS = 0.003
"""Long enough for what was sent to be read on its own."""


class Subject(Protocol):
    """A proxy under test, in front of one port.

    Attributes:
        port: where it listens.
        patience: seconds until silence is a hang.
    """

    port: int
    patience: float

    async def wait_longer(self, than: str) -> None:
        """Until after a deadline."""


@dataclass
class Talk:
    """One connection, as this side of it saw it.

    Attributes:
        got: every byte that came.
        ended: None, EOF or RESET.
        raw_from: offset behind which ``got`` is no HTTP.
    """

    got: bytes = b""
    ended: str | None = None
    raw_from: int | None = None


@dataclass
class Record:
    """What happened.

    Attributes:
        clients, origins: connections in the order of their making.
        probe: the connection of ``clients`` on which the probe was sent.
        hung: what was waited for in vain, or "".
    """

    clients: list[Talk] = field(default_factory=list)
    origins: list[Talk] = field(default_factory=list)
    probe: int = 0
    hung: str = ""


class _Hung(Exception):
    pass


class Player:
    """Plays rows through one proxy, whose endpoint is ``origin``."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    async def play(self, row: Row, subject: Subject) -> Record:
        """One row, to its end."""
        origin = self._origin
        origin.visits.clear()
        actor = _Actor(row.origin, subject)
        origin.script = actor.act
        record = Record()
        way = row.ways[0]
        to_head = [given.to_head for given in way.given]
        async with Clients() as clients:
            client = _Client(clients, subject, to_head)
            try:
                await client.act(row.client)
                await client.finish(len(way.given), way.down)
            except _Hung as hung:
                record.hung = str(hung)
            record.probe = len(client.wires) - 1
            record.clients = [
                Talk(bytes(wire.received), wire.ended if not client.left(wire) else EOF)
                for wire in client.wires
            ]
        await asyncio.sleep(ARRIVES_SECONDS)
        for visit in origin.visits:
            record.origins.append(
                Talk(bytes(visit.received), visit.ended, actor.raw_from.get(visit.number))
            )
            visit.give_up()
        for visit in origin.visits:
            await visit.over()
        if origin.failures:
            raise AssertionError("\n".join(origin.failures))
        return record


class _Client:
    """The client's side of a row."""

    def __init__(self, clients: Clients, subject: Subject, to_head: list[bool]) -> None:
        self.wires: list[Wire] = []
        self._clients = clients
        self._subject = subject
        self._to_head = to_head
        self._earlier = 0
        self._left: set[int] = set()

    def left(self, wire: Wire) -> bool:
        return id(wire) in self._left

    async def connect(self) -> Wire:
        if self.wires:
            self._earlier += len(self._answers().messages)
        self.wires.append(await self._clients.connect(self._subject.port))
        return self.wires[-1]

    async def act(self, steps: tuple[Step, ...]) -> None:
        wire = await self.connect()
        for step in steps:
            if isinstance(step, bytes):
                wire.send(step)
            elif step == NEW:
                wire = await self.connect()
            elif isinstance(step, Answers):
                await self._until(lambda: self._whole() >= step.count, f"{step.count} answers")  # noqa: B023
            elif isinstance(step, Came):
                await self._until(lambda: step.data in wire.received, repr(step.data))  # noqa: B023
            elif step == GONE:
                await self._until(lambda: False, "end of the connection")
            elif isinstance(step, Longer):
                await asyncio.sleep(ARRIVES_SECONDS)
                await self._subject.wait_longer(step.than)
            else:
                await _plain_step(wire, step)
                if step in (CLOSE, RESET):
                    self._left.add(id(wire))

    async def finish(self, count: int, down: bytes) -> None:
        """Wait for what is expected, then ask for the probe and wait for the end of that."""
        wire = self.wires[-1]
        if not self.left(wire):
            await self._until(
                lambda: self._earlier + self._whole() >= count and wire.received.endswith(down),
                f"{count} answers",
            )
        answers = self._answers().messages
        tunnels = bool(answers) and answers[-1].status == 101
        if self.left(wire) or wire.ended is not None or tunnels:
            wire = await self.connect()
        await self._probe(wire)
        if PROBED.encode() not in wire.received:
            # It was already closing when the probe was sent.
            await self._probe(await self.connect())

    async def _probe(self, wire: Wire) -> None:
        wire.send(PROBE)
        await self._until(lambda: False, "end after the probe")

    def _answers(self) -> Reading:
        wire = self.wires[-1]
        return read_answers(bytes(wire.received), self._to_head[self._earlier :], False)

    def _whole(self) -> int:
        return sum(message.whole for message in self._answers().messages)

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Until it holds or the connection has ended."""
        wire = self.wires[-1]
        try:
            async with asyncio.timeout(self._subject.patience):
                await wire.until(lambda: wire.ended is not None or condition(), what)
        except (TimeoutError, AssertionError):
            raise _Hung(what) from None


class _Actor:
    """The origin's side of a row.

    Attributes:
        raw_from: by number of the visit, where HTTP ends on it.
    """

    def __init__(self, turns: tuple[Turn, ...], subject: Subject) -> None:
        self.raw_from: dict[int, int] = {}
        self._turns = turns
        self._taken = 0
        self._subject = subject

    def _next(self) -> Turn:
        turn = self._turns[min(self._taken, len(self._turns) - 1)]
        self._taken += 1
        return turn

    async def act(self, visit: Visit) -> None:
        """One connection."""
        at = 0
        if self._taken < len(self._turns) and self._turns[self._taken][0] == AT_ONCE:
            at = await self._take(visit, self._next()[1:], at, "GET /nothing")
        while not visit.transport.is_closing():
            request = await self._request(visit, at, lambda request: True)
            if request is None:
                return
            turn = PLAIN if request.what == PROBED else self._next()
            at = await self._take(visit, turn, at, request.what)
            if visit.number in self.raw_from:
                return

    async def _take(self, visit: Visit, turn: Turn, at: int, what: str) -> int:
        raw = False
        for step in turn:
            if step == WHOLE:
                request = await self._request(visit, at, lambda request: request.whole)
                if request is None:
                    break
            elif step == ANSWER:
                body = what.encode("latin-1")
                visit.send(
                    b"HTTP/1.1 200 OK\r\nX-Answers: %b\r\nContent-Length: %d\r\n\r\n%b"
                    % (body, len(body), b"" if what.startswith("HEAD ") else body)
                )
            elif isinstance(step, bytes):
                visit.send(step.replace(b"<what>", what.encode("latin-1")))
            elif step in (TUNNEL, SWALLOW):
                raw = True
                reading = read_requests(bytes(visit.received), at)
                self.raw_from[visit.number] = start = reading.end
                await self._tunnel(visit, start, echo=step == TUNNEL)
            elif isinstance(step, Longer):
                await asyncio.sleep(ARRIVES_SECONDS)
                await self._subject.wait_longer(step.than)
            elif isinstance(step, Came):
                await visit.until(
                    lambda: visit.ended is not None or step.data in visit.received,  # noqa: B023
                    repr(step.data),
                )
            elif step == GONE:
                await visit.end()
            else:
                assert isinstance(step, str)
                await _plain_step(visit, step)
        if raw or visit.transport.is_closing():
            return at
        request = await self._request(visit, at, lambda request: request.whole)
        return at if request is None else request.end

    async def _request(
        self, visit: Visit, at: int, enough: Callable[[Message], bool]
    ) -> Message | None:
        """The request that begins at ``at``; None if the other side ends it, or it is unreadable,
        which the judge will see as well."""

        def reading() -> Reading:
            return read_requests(bytes(visit.received), at)

        def there() -> bool:
            found = reading()
            return bool(
                visit.ended or found.fault or (found.messages and enough(found.messages[0]))
            )

        await visit.until(there, "request")
        found = reading()
        if found.messages and enough(found.messages[0]):
            return found.messages[0]
        if found.fault:
            visit.send(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        visit.transport.close()
        return None

    async def _tunnel(self, visit: Visit, at: int, echo: bool) -> None:
        while True:
            await visit.until(lambda: visit.ended is not None or len(visit.received) > at, "bytes")  # noqa: B023
            if len(visit.received) > at and echo:
                visit.send(bytes(visit.received[at:]))
            at = len(visit.received)
            if visit.ended is not None:
                return


async def _plain_step(wire: Wire, step: str) -> None:
    if step == TURN:
        await asyncio.sleep(ARRIVES_SECONDS)
        return
    if step == CLOSE:
        await wire.drained()
        wire.close()
    elif step == HALF_CLOSE:
        wire.half_close()
    elif step == RESET:
        # What was sent before is to arrive first.
        await asyncio.sleep(ARRIVES_SECONDS)
        wire.reset()
    else:
        raise ValueError(f"no such step: {step!r}")
    await asyncio.sleep(0)


Play = Callable[[Row], Awaitable[Record]]
