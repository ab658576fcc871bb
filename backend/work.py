"""Every request is work: waits for a slot, takes the time that the behaviour says, answers.

Plain ASGI, because a response model would cost more than the rest of the request. Knows neither
addresses nor processes; ``/health`` and ``/behaviour`` are elsewhere.
"""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Callable, Mapping
from enum import Enum, auto

from starlette.types import Receive, Scope, Send

from backend.vitals import Vitals
from rl.simulation.service import Place, ServiceBehaviour, Slots, Work

CHUNK_BYTES = 64 * 1024
CUT_SECONDS = 0.02
"""Between the first half of an answer and its cut, so that whoever reads has begun to."""

RETRY_AFTER_SECONDS = 1


class Undone(Enum):
    """Why a request was not worked on to its end."""

    REFUSED = auto()
    CLIENT_LEFT = auto()


class LiveService:
    """A service behaviour in real time, from the moment that this is made.

    A new behaviour is a new LiveService: requests that the old one accepted end under its rules.
    """

    def __init__(self, behaviour: ServiceBehaviour, clock: Callable[[], float]) -> None:
        self.behaviour = behaviour
        self.domains = frozenset(domain.lower() for domain in behaviour.profile.domains)
        profile = behaviour.profile
        # An item is the timer that ends its request's waiting for a slot.
        self.slots: Slots[asyncio.Timeout] = Slots(profile.slots, profile.queue_limit)
        self._clock = clock
        self._began = clock()

    async def do(self, path: str, receive: Receive) -> Work | Undone:
        """Does one request's work. The slot, or the place in the queue, is free again afterwards,
        at once if the client leaves or the task is cancelled."""
        turn = asyncio.timeout(None)
        place = self.slots.arrive(turn)
        if place is Place.REFUSED:
            return Undone.REFUSED
        if place is Place.QUEUED:
            try:
                left = await _client_leaves(receive, turn)
            except asyncio.CancelledError:
                self._give_up(turn)
                raise
            if left:
                self._give_up(turn)
                return Undone.CLIENT_LEFT
        try:
            work = self.behaviour.work(path, self._clock() - self._began)
            if work.seconds:
                end = asyncio.timeout(None if work.hangs else work.seconds)
                if await _client_leaves(receive, end):
                    return Undone.CLIENT_LEFT
            return work
        finally:
            self._finish()

    def _finish(self) -> None:
        turn = self.slots.finish()
        if turn is not None:
            turn.reschedule(asyncio.get_running_loop().time())

    def _give_up(self, turn: asyncio.Timeout) -> None:
        # The slot may have come in the very moment that the client left: then it goes on.
        if not self.slots.leave(turn):
            self._finish()


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
            self._vitals.active += 1
            try:
                done = await service.do(scope["path"], receive)
            finally:
                self._vitals.active -= 1
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
            self._vitals.answered(seconds)
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


def _domain(scope: Scope) -> str:
    """The Host field's name, lower case, without its port; empty if there is none."""
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1").lower()
            return host.rpartition(":")[0] if ":" in host else host
    return ""
