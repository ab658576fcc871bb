"""A request body on its way: what has come of it and waits, and its framing for the next hop."""

from __future__ import annotations

from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.responses import chunk, last_chunk


class RequestBody:
    """What of one request's body waits to go on. Made only for a request that has a body.

    Attributes:
        buffered: bytes that wait.
        trailers: fields that came behind the body.
        uninvited: the client holds its body back until somebody tells it to continue.
    """

    __slots__ = ("_chunked", "_end_taken", "_pieces", "buffered", "trailers", "uninvited")

    def __init__(self, chunked: bool, uninvited: bool) -> None:
        self.buffered = 0
        self.trailers: Fields = []
        self.uninvited = uninvited
        self._chunked = chunked
        self._end_taken = False
        self._pieces: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Bytes that have come, without their framing."""
        self._pieces.append(data)
        self.buffered += len(data)
        self.uninvited = False

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
        if self._chunked:
            if data:
                data = chunk(data)
            if whole and not self._end_taken:
                self._end_taken = True
                data += last_chunk(self.trailers)
        return data

    def drop(self) -> None:
        """Nobody wants what there is."""
        self._pieces.clear()
        self.buffered = 0
