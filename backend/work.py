"""Every request is work: waits for a slot, takes the time that the behaviour says, answers.

Plain ASGI, because a response model would cost more than the rest of the request. Knows neither
addresses nor processes; ``/health`` and ``/behaviour`` are elsewhere.
"""

from __future__ import annotations

import asyncio
import html
import json
import math
from collections.abc import Callable, Mapping
from enum import Enum, auto

from starlette.types import Receive, Scope, Send

from backend.vitals import Vitals
from rl.simulation.service import Place, ServiceBehaviour, Slots, Work
from rl.simulation.sharing import Sharing

CHUNK_BYTES = 64 * 1024
CUT_SECONDS = 0.02
"""Between the first half of an answer and its cut, so that whoever reads has begun to."""

RETRY_AFTER_SECONDS = 1
QUANTILE = b"x-work-quantile"
"""The field that says how large a request is among its kind, where that is honoured."""


class Undone(Enum):
    """Why a request was not worked on to its end."""

    REFUSED = auto()
    CLIENT_LEFT = auto()


class LiveService:
    """A service behaviour in real time, from the moment that this is made.

    A new behaviour is a new LiveService: requests that the old one accepted end under its rules.

    Attributes:
        slots: who works and who waits; an item is the timer that ends its request's waiting, for
            a slot or, where the processor is shared, for the end of its work.
    """

    def __init__(self, behaviour: ServiceBehaviour, clock: Callable[[], float]) -> None:
        self.behaviour = behaviour
        profile = behaviour.profile
        self.domains = frozenset(domain.lower() for domain in profile.domains)
        self.slots: Slots[asyncio.Timeout] | Sharing[asyncio.Timeout]
        if profile.discipline == "processor_sharing":
            self.slots = Sharing(profile.slots, profile.queue_limit)
        else:
            self.slots = Slots(profile.slots, profile.queue_limit)
        self._clock = clock
        self._began = clock()
        self._alarm: asyncio.TimerHandle | None = None

    async def do(
        self, target: str, receive: Receive, quantile: float | None = None
    ) -> Work | Undone:
        """Does one request's work. The slot, or the place in the queue, is free again afterwards,
        at once if the client leaves or the task is cancelled.

        Args:
            target: path and query.
            quantile: see ``ServiceBehaviour.work``.
        """
        if isinstance(self.slots, Sharing):
            return await self._share(self.slots, target, receive, quantile)
        return await self._queue(self.slots, target, receive, quantile)

    def _work(self, target: str, quantile: float | None) -> Work:
        return self.behaviour.work(target, self._clock() - self._began, quantile)

    async def _queue(
        self,
        slots: Slots[asyncio.Timeout],
        target: str,
        receive: Receive,
        quantile: float | None,
    ) -> Work | Undone:
        turn = asyncio.timeout(None)
        place = slots.arrive(turn)
        if place is Place.REFUSED:
            return Undone.REFUSED
        if place is Place.QUEUED:
            try:
                left = await _client_leaves(receive, turn)
            except asyncio.CancelledError:
                _give_up(slots, turn)
                raise
            if left:
                _give_up(slots, turn)
                return Undone.CLIENT_LEFT
        holds = True
        try:
            work = self._work(target, quantile)
            if not work.holds_slot:
                holds = False
                _finish(slots)
            if work.seconds:
                end = asyncio.timeout(None if work.hangs else work.seconds)
                if await _client_leaves(receive, end):
                    return Undone.CLIENT_LEFT
            return work
        finally:
            if holds:
                _finish(slots)

    async def _share(
        self,
        sharing: Sharing[asyncio.Timeout],
        target: str,
        receive: Receive,
        quantile: float | None,
    ) -> Work | Undone:
        if sharing.full:
            return Undone.REFUSED  # before the dice are thrown and the cache is asked
        done = asyncio.timeout(None)
        work = self._work(target, quantile)
        if not work.holds_slot:
            await _client_leaves(receive, done)
            return Undone.CLIENT_LEFT
        sharing.join(done, work.seconds, self._clock())
        self._set_alarm(sharing)
        left = True
        try:
            left = await _client_leaves(receive, done)
        finally:
            # Both may have come in one moment: then nobody is there any more to leave.
            if left and sharing.leave(done, self._clock()):
                self._set_alarm(sharing)
        return Undone.CLIENT_LEFT if left else work

    def _set_alarm(self, sharing: Sharing[asyncio.Timeout]) -> None:
        """One timer for the one who is done next."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due = sharing.due()
        if due < math.inf:
            delay = max(0.0, due - self._clock())
            self._alarm = asyncio.get_running_loop().call_later(delay, self._ring, sharing)

    def _ring(self, sharing: Sharing[asyncio.Timeout]) -> None:
        loop = asyncio.get_running_loop()
        # A timer may be a moment early, since they count in whole milliseconds.
        while sharing.due() <= (now := self._clock()):
            sharing.finish(now).reschedule(loop.time())
        self._set_alarm(sharing)


def _finish(slots: Slots[asyncio.Timeout]) -> None:
    turn = slots.finish()
    if turn is not None:
        turn.reschedule(asyncio.get_running_loop().time())


def _give_up(slots: Slots[asyncio.Timeout], turn: asyncio.Timeout) -> None:
    # The slot may have come in the very moment that the client left: then it goes on.
    if not slots.leave(turn):
        _finish(slots)


async def _client_leaves(receive: Receive, until: asyncio.Timeout) -> bool:
    """Waits until the client leaves (True) or the time has come (False).

    One task waits for both: the timer interrupts ``receive``. The request's body must have been
    read, so that nothing but the disconnect can come.
    """
    try:
        async with until:
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def _read_body(receive: Receive) -> int | None:
    """Length of the request's body, of which nothing is kept; None if the client left."""
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        length += len(message.get("body", b""))
        if not message.get("more_body", False):
            return length


class WorkApp:
    """The ASGI application behind every path that is not the server's own.

    Attributes:
        service: what happens to the next request; replaced as a whole.
        reset_share: of the good answers, how many are cut in their middle by ``reset``.
        paired_sizes: requests may say how large they are, with ``QUANTILE``.

    Args:
        reset: cuts the connection of a client's address, if the process can.
    """

    def __init__(
        self,
        server_id: str,
        service: LiveService,
        vitals: Vitals,
        clock: Callable[[], float],
        reset: Callable[[tuple[str, int]], None] | None = None,
    ) -> None:
        self.server_id = server_id
        self.service = service
        self.reset_share = 0.0
        self.paired_sizes = False
        self._vitals = vitals
        self._clock = clock
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = self.service
        try:
            length = await _read_body(receive)
            if length is None:
                return
            arrived = self._clock()
            found = self._vitals.arrived()
            try:
                quantile = _quantile(scope) if self.paired_sizes else None
                done = await service.do(_target(scope), receive, quantile)
            finally:
                self._vitals.left()
        except asyncio.CancelledError:
            # Only the end of the server cancels a request. It is answered, because an application
            # that raises leaves a traceback and one that stays silent a complaint.
            await self._answer(scope, send, 503, {"error": "the server is stopping"}, close=True)
            return
        if done is Undone.CLIENT_LEFT:
            return
        if done is Undone.REFUSED:
            self._vitals.answered(None)
            await self._answer(
                scope, send, 503, {"error": "every slot is taken and the queue is full"}
            )
        elif done.status >= 400:
            self._vitals.answered(None)
            await self._answer(scope, send, done.status, {"error": "a scheduled failure"})
        else:
            seconds = self._clock() - arrived
            self._vitals.answered(seconds, found)
            if self.reset_share and service.behaviour.rng.random() < self.reset_share:
                await self._cut(scope, receive, send)
                return
            profile = service.behaviour.profile
            domain = _domain(scope) if service.domains else ""
            if domain in service.domains:
                before, after = self._page(domain, scope["path"])
                kind = b"text/html; charset=utf-8"
                await self._send(scope, send, 200, kind, before, profile.response_bytes, after)
                return
            facts = {
                "received_bytes": length,
                "service_ms": round(done.seconds * 1000.0, 3),
                "response_ms": round(seconds * 1000.0, 3),
            }
            await self._answer(scope, send, 200, facts, padding=profile.response_bytes)

    async def _cut(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Half an answer, then a reset."""
        half = b"x" * (CHUNK_BYTES // 4)
        headers = [
            (b"content-length", b"%d" % (2 * len(half))),
            (b"x-server-id", self.server_id.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(CUT_SECONDS)
        if self._reset is not None and scope["client"] is not None:
            self._reset(tuple(scope["client"]))
        while (await receive())["type"] != "http.disconnect":
            pass

    def _page(self, domain: str, path: str) -> tuple[bytes, bytes]:
        """The two halves of a page, between which padding has room."""
        title = f"{html.escape(domain)}{html.escape(path)}"
        before = (
            f'<!doctype html>\n<html lang="en"><head><title>{title}</title></head>\n'
            f"<body><h1>{html.escape(domain)}</h1><p>{html.escape(path)}</p>"
            f"<p>{html.escape(self.server_id)}</p><!-- "
        )
        return before.encode(), b" --></body></html>\n"

    async def _answer(
        self,
        scope: Scope,
        send: Send,
        status: int,
        facts: Mapping[str, str | float],
        *,
        padding: int = 0,
        close: bool = False,
    ) -> None:
        document = {
            "server_id": self.server_id,
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            **facts,
        }
        body = json.dumps(document).encode()
        if padding:
            before, after = body[:-1] + b', "padding": "', b'"}'
        else:
            before, after = body, b""
        await self._send(
            scope, send, status, b"application/json", before, padding, after, close=close
        )

    async def _send(
        self,
        scope: Scope,
        send: Send,
        status: int,
        content_type: bytes,
        before: bytes,
        padding: int,
        after: bytes,
        *,
        close: bool = False,
    ) -> None:
        headers = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % (len(before) + padding + len(after))),
            (b"x-server-id", self.server_id.encode()),
            (b"endpoint-load-metrics", self._vitals.orca().encode()),
        ]
        if status == 503:
            headers.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
        if close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if scope["method"] == "HEAD":
            before, padding, after = b"", 0, b""
        if padding > CHUNK_BYTES:
            await send({"type": "http.response.body", "body": before, "more_body": True})
            chunk = b"x" * CHUNK_BYTES
            while padding > CHUNK_BYTES:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                padding -= CHUNK_BYTES
            before = b""
        await send({"type": "http.response.body", "body": before + b"x" * padding + after})


def _target(scope: Scope) -> str:
    path: str = scope["path"]
    query: bytes = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path


def _quantile(scope: Scope) -> float | None:
    """What the request says of its size; None if it says nothing that means something."""
    for name, value in scope["headers"]:
        if name == QUANTILE:
            try:
                quantile = float(value)
            except ValueError:
                return None
            return quantile if 0.0 <= quantile < 1.0 else None
    return None


def _domain(scope: Scope) -> str:
    """The Host field's name, lower case, without its port; empty if there is none."""
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1").lower()
            return host.rpartition(":")[0] if ":" in host else host
    return ""
