"""A request body on its way: what has come of it and waits, and its framing for the next hop."""

from __future__ import annotations

from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.json_field import JsonField
from load_balancer.forwarding.responses import chunk, last_chunk


class RequestBody:
    """What of one request's body waits to go on. Made only for a request that has a body.

    Attributes:
        buffered: bytes that wait.
        received: bytes that have come in all.
        trailers: fields that came behind the body.
        uninvited: the client holds its body back until somebody tells it to continue.
        scan: looks for the request's affinity key in it; None where that is not wanted.
    """

    __slots__ = (
        "_chunked",
        "_end_taken",
        "_kept",
        "_most_kept",
        "_pieces",
        "_taken",
        "buffered",
        "received",
        "scan",
        "trailers",
        "uninvited",
    )

    def __init__(self, chunked: bool, uninvited: bool, kept_bytes: int = 0) -> None:
        """
        Args:
            chunked: how it is framed.
            uninvited: see the attribute.
            kept_bytes: up to which size it is kept for another try.
        """
        self.buffered = 0
        self.received = 0
        self.scan: JsonField | None = None
        self._taken = False
        self._kept: list[bytes] = []
        self._most_kept = kept_bytes
        self.trailers: Fields = []
        self.uninvited = uninvited
        self._chunked = chunked
        self._end_taken = False
        self._pieces: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Bytes that have come, without their framing."""
        self._pieces.append(data)
        self.buffered += len(data)
        self.received += len(data)
        self.uninvited = False
        if self.scan is not None:
            self.scan.feed(data)
        if self.received <= self._most_kept:
            self._kept.append(data)
        elif self._kept:
            self._kept = []

    def waits(self, whole: bool) -> bool:
        """Whether there is something to take.

        Args:
            whole: the end of the body has come.
        """
        return self.buffered > 0 or (whole and self._chunked and not self._end_taken)

    def take(self, whole: bool) -> bytes:
        """What can go on, framed."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.drop()
        self._taken = True
        if self._chunked:
            if data:
                data = chunk(data)
            if whole and not self._end_taken:
                self._end_taken = True
                data += last_chunk(self.trailers)
        return data

    @property
    def replayable(self) -> bool:
        """All that has come is still here, and can be taken from its beginning."""
        return not self._taken or self.received <= self._most_kept

    def rewind(self) -> None:
        """Another try takes it from its beginning; see ``replayable``."""
        if self._taken:
            self._taken = False
            self._pieces = self._kept.copy()
            self.buffered = self.received
        self._end_taken = False

    def drop(self) -> None:
        """Nobody wants what there is."""
        self._pieces.clear()
        self.buffered = 0
