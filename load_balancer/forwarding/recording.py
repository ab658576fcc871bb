"""A response that others than its own client get as well: kept as it comes, for the store and for
the clients that wait for it.

Pieces are kept once, whoever reads them. While a recording is to be stored it keeps all, up to the
largest body that is; who reads slowly is just behind. Beyond that it keeps a window: the endpoint
is read from only as fast as the slowest reader takes it, who is cut off if all have to wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.heads import BY_LENGTH
from load_balancer.forwarding.responses import BadUpstream, ResponseHead, read_response
from metrics import access_record

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange

PIECE_BYTES = 64 << 10
"""Handed to a client's transport at once; then it is asked whether it takes more."""


class Budget:
    """Bytes that recordings may hold, all together.

    Attributes:
        held: now; ``most``: at any time.
    """

    __slots__ = ("held", "most")

    def __init__(self, most: int) -> None:
        self.held = 0
        self.most = most


class Recording:
    """One response.

    Attributes:
        status, reason, version, fields: its head, as it came.
        storing: all of it is kept.
        over: it is whole; ``broken``: it will never be.
        size: bytes of its body so far.
        readers: who is fed from it.
    """

    __slots__ = (
        "_budget",
        "_dropped",
        "_held",
        "_most",
        "_pieces",
        "broken",
        "fields",
        "over",
        "readers",
        "reason",
        "size",
        "status",
        "storing",
        "trailers",
        "version",
    )

    def __init__(
        self,
        status: int,
        reason: bytes,
        version: str,
        fields: Fields,
        budget: Budget,
        most: int,
    ) -> None:
        """
        Args:
            most: bytes of a body that are kept.
        """
        self.status = status
        self.reason = reason
        self.version = version
        self.fields = fields
        self.trailers: Fields = []
        self.storing = True
        self.over = self.broken = False
        self.size = 0
        self.readers: dict[Reader, None] = {}
        self._budget = budget
        self._most = most
        self._pieces: list[bytes | memoryview] = []
        # Pieces that are kept no more, and bytes that are.
        self._dropped = 0
        self._held = 0

    def add(self, data: bytes) -> None:
        """More of the body has come."""
        size = len(data)
        self.size += size
        if not self.storing and not self.readers:
            self._dropped += 1
            return
        self._pieces.append(data)
        self._held += size
        self._budget.held += size
        if self.storing and (self.size > self._most or self._budget.held > self._budget.most):
            self.storing = False
            self._trim()

    @property
    def end(self) -> int:
        """Pieces that have come."""
        return self._dropped + len(self._pieces)

    @property
    def from_start(self) -> bool:
        """Who begins to read now gets all of it."""
        return not self._dropped

    @property
    def full(self) -> bool:
        """No more is to be read from the endpoint until readers have taken some."""
        if self.storing or not self.readers:
            return False
        budget = self._budget
        within = budget.held <= budget.most
        return self._held > (self._most // 2 if within else min(self._most // 2, PIECE_BYTES))

    def piece(self, number: int) -> bytes | memoryview:
        """The piece that came after so many others."""
        return self._pieces[number - self._dropped]

    def body(self) -> bytes:
        """All of it, for the store."""
        return b"".join(self._pieces)

    def feed(self, now: float) -> None:
        """Let everybody take what there is."""
        for reader in list(self.readers):
            if reader in self.readers:  # it may have gone with another one's answer
                reader.feed(now)
        self._trim()

    def taken(self) -> None:
        """A reader has taken some, or has gone."""
        self._trim()

    def slowest(self) -> list[Reader]:
        """Those for whom all others wait."""
        least = min((reader.next for reader in self.readers), default=0)
        return [reader for reader in self.readers if reader.next == least]

    def close(self) -> None:
        """Nothing is stored of it, or it has been."""
        self.storing = False
        self._trim()

    def _trim(self) -> None:
        if self.storing:
            return
        least = min((reader.next for reader in self.readers), default=self.end)
        count = least - self._dropped
        if count > 0:
            freed = sum([len(each) for each in self._pieces[:count]])
            del self._pieces[:count]
            self._dropped = least
            self._held -= freed
            self._budget.held -= freed


def whole(body: bytes) -> Recording:
    """A body that is there already, for who takes it in pieces."""
    recording = Recording(0, b"", "", [], Budget(0), len(body))
    view = memoryview(body)
    recording._pieces = [
        view[start : start + PIECE_BYTES] for start in range(0, len(body), PIECE_BYTES)
    ]
    recording.over = True
    return recording


class Reader:
    """A client that is fed from a recording, at its own pace and in its own framing.

    Attributes:
        next: the piece that it is to get next.
    """

    __slots__ = ("_done", "_exchange", "_recording", "next")

    def __init__(
        self, exchange: Exchange, recording: Recording, done: Callable[[float], None]
    ) -> None:
        """
        Args:
            done: called when all has been handed to the client's transport.
        """
        self._exchange = exchange
        self._recording = recording
        self._done = done
        self.next = 0
        recording.readers[self] = None

    def begin(self, more: bytes, fields: Fields) -> None:
        """Send the head as this client is to have it, with these ``fields`` and ``more`` lines.

        Raises:
            BadUpstream: this client cannot be told it.
        """
        exchange, recording = self._exchange, self._recording
        response = head_for(exchange, recording, fields)
        exchange.response = response
        exchange.outgoing().begin(response, more)

    def feed(self, now: float) -> None:
        """Hand the client's transport what it takes."""
        exchange, recording = self._exchange, self._recording
        client = exchange.client
        outgoing = exchange.outgoing()
        while not client.paused:
            size = 0
            while self.next < recording.end and size < PIECE_BYTES:
                piece = recording.piece(self.next)
                self.next += 1
                size += len(piece)
                outgoing.body(piece)  # type: ignore[arg-type]
            done = recording.over and self.next == recording.end
            data = outgoing.take(done, recording.trailers)
            if data:
                exchange.begun = True
                exchange.sent_bytes += len(data)
                client.deadline = now + client.listener.deadlines.idle_seconds
                client.transport.write(data)
            if done:
                self.leave()
                self._done(now)
                return
            if not size or client.transport.is_closing():
                return

    def go_on(self, now: float) -> None:
        """The client takes more again."""
        self.feed(now)
        self._recording.taken()

    def leave(self) -> None:
        """It takes no more."""
        self._recording.readers.pop(self, None)
        self._recording.taken()

    def cut(self) -> None:
        """The client must not take what it has for the whole."""
        self.leave()
        exchange = self._exchange
        now = exchange.client.listener.time()
        exchange.tell(access_record.ENDPOINT_BODY, "connection_lost", self._recording.status, now)
        exchange.client.abort()


def head_for(exchange: Exchange, recording: Recording, fields: Fields) -> ResponseHead:
    """The head of a recorded response as one client is to have it.

    Raises:
        BadUpstream: it cannot be had by this one.
    """
    head, listener = exchange.head, exchange.client.listener
    assert head is not None
    response = read_response(
        recording.status,
        recording.reason,
        recording.version,
        fields,
        head,
        listener.node_name,
        listener.date,
        head.keep_alive and exchange.received and not listener.draining,
    )
    if recording.over and response.body == BY_LENGTH and response.length != recording.size:
        raise BadUpstream("the body has another length")
    return response
