"""A response on its way to the client: what waits to be written, in the client's framing."""

from __future__ import annotations

from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.responses import ResponseHead, chunk, last_chunk


class Outgoing:
    """What has come of one response and was not yet written."""

    __slots__ = ("_chunks", "_out", "_pieces", "_response")

    def __init__(self) -> None:
        self._response: ResponseHead | None = None
        self._out: list[bytes] = []
        # Where pieces of the body go: out as they are, or first into a chunk.
        self._pieces = self._out
        self._chunks: list[bytes] = []

    def interim(self, wire: bytes) -> None:
        """A 1xx head. It goes out with what came in the same segment, which may show it for
        nonsense."""
        self._out.append(wire)

    def begin(self, response: ResponseHead, more: bytes = b"") -> None:
        """The final head, with ``more`` field lines."""
        self._response = response
        self._out.append(response.wire[:-2] + more + b"\r\n" if more else response.wire)
        if response.chunk_out:
            self._pieces = self._chunks

    def body(self, data: bytes) -> None:
        """Bytes of the body, without their framing."""
        self._pieces.append(data)

    def take(self, over: bool, trailers: Fields) -> bytes:
        """What is to be written now, in one piece.

        Args:
            over: the end of the body has come.
            trailers: behind it.
        """
        out = self._out
        response = self._response
        if response is not None and response.chunk_out:
            if self._chunks:
                out.append(chunk(b"".join(self._chunks)))
                self._chunks.clear()
            if over:
                out.append(last_chunk(trailers))
        data = b"".join(out) if len(out) != 1 else out[0]
        out.clear()
        return data
