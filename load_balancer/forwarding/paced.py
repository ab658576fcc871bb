"""A client's connection at a rate: a transport to the connection, a protocol to what is below it,
which is the socket's transport or TLS.

Bytes go on in slices, each taken from the client's bucket, which several connections may share;
what has come and may not go on yet waits here, and nothing more is read or asked for meanwhile. So
this holds what one read brings, and what a transport takes before it asks for a pause. What a slice
waits for is a timer of the loop; nothing else ticks. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from load_balancer.forwarding.downstream import ClientConnection
    from load_balancer.shaping.clients import Client

HIGH_BYTES = 64 << 10
LOW_BYTES = 16 << 10
"""Above the one that wait for a client, no more is taken for it; below the other it is again."""


class Paced(asyncio.Transport, asyncio.Protocol):
    """See the module's text.

    Attributes:
        held: by whose buckets; None for none.
    """

    __slots__ = (
        "_arrived",
        "_below_full",
        "_client",
        "_closing",
        "_delivering",
        "_down_timer",
        "_ending",
        "_eof_arrived",
        "_lost",
        "_protocol",
        "_raw",
        "_reading_paused",
        "_told_to_pause",
        "_unread",
        "_unsent",
        "_up_timer",
        "_waiting",
        "held",
    )

    def __init__(self, client: ClientConnection) -> None:
        """Comes between a connection and its transport."""
        super().__init__()
        self.held: Client | None = None
        self._client = client
        self._raw = raw = client.transport
        self._protocol: asyncio.Protocol = client
        # Towards the client.
        self._waiting: deque[memoryview] = deque()
        self._unsent = 0
        self._down_timer: asyncio.TimerHandle | None = None
        self._below_full = self._told_to_pause = client.paused
        self._closing = self._ending = self._lost = False
        # From the client.
        self._arrived: deque[memoryview] = deque()
        self._unread = 0
        self._up_timer: asyncio.TimerHandle | None = None
        self._eof_arrived = self._delivering = False
        self._reading_paused = client.reading_paused
        raw.set_protocol(self)
        client.transport = self

    # asyncio.Transport, towards the client's connection.

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send at the rate."""
        if self._closing or self._ending or not data:
            return
        if not self._unsent and (self.held is None or self.held.down is None):
            self._raw.write(data)
            return
        self._waiting.append(memoryview(data))
        self._unsent += len(data)
        if self._down_timer is None:
            self._send()
        if self._unsent > HIGH_BYTES and not self._told_to_pause:
            self._told_to_pause = True
            self._protocol.pause_writing()

    def write_eof(self) -> None:
        self._ending = True
        if not self._unsent:
            self._raw.write_eof()

    def can_write_eof(self) -> bool:
        return self._raw.can_write_eof()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._stop_reading()
            if not self._unsent:
                self._raw.close()

    def abort(self) -> None:
        self._closing = True
        self._stop()
        self._raw.abort()

    def is_closing(self) -> bool:
        return self._closing or self._raw.is_closing()

    def pause_reading(self) -> None:
        self._reading_paused = True
        self._read_below(False)

    def resume_reading(self) -> None:
        self._reading_paused = False
        if not self._arrived and not self._eof_arrived:
            self._read_below(True)
        elif self._up_timer is None and not self._delivering:
            self._up_timer = self._client.listener.loop.call_later(0, self._up_due)

    def is_reading(self) -> bool:
        return not self._reading_paused and self._raw.is_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def get_write_buffer_size(self) -> int:
        return self._unsent + self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._raw.get_extra_info(name, default)

    def _send(self) -> None:
        """Send what may go."""
        clock = self._client.listener.time
        while self._unsent and not self._below_full:
            held = self.held
            bucket = None if held is None else held.down
            size = self._unsent
            if held is not None and bucket is not None:
                size = min(size, held.slice_down)
                wait = bucket.take(size, clock())
                if wait:
                    loop = self._client.listener.loop
                    # The slice that was paid for, even if more comes meanwhile.
                    self._down_timer = loop.call_later(wait, self._down_due, size)
                    return
            self._write(size)
        if self._unsent:
            return
        if self._ending:
            self._raw.write_eof()
        if self._closing:
            self._raw.close()

    def _down_due(self, size: int) -> None:
        self._down_timer = None
        self._moved()
        self._write(size)
        self._send()
        if self._told_to_pause and self._unsent <= LOW_BYTES and not self._below_full:
            self._told_to_pause = False
            self._protocol.resume_writing()

    def _write(self, size: int) -> None:
        pieces = []
        while size and self._waiting:
            piece = self._waiting[0]
            if len(piece) > size:
                self._waiting[0] = piece[size:]
                piece = piece[:size]
            else:
                self._waiting.popleft()
            pieces.append(piece)
            size -= len(piece)
            self._unsent -= len(piece)
        self._raw.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    # asyncio.Protocol, towards what is below.

    def data_received(self, data: bytes) -> None:
        """Bytes from the client, which go on at the rate."""
        held = self.held
        if not data or (not self._arrived and (held is None or held.up is None)):
            self._protocol.data_received(data)
            return
        self._arrived.append(memoryview(data))
        self._unread += len(data)
        if self._up_timer is None:
            self._deliver()

    def _deliver(self) -> None:
        """Hand on what may go."""
        self._delivering = True
        try:
            self._deliver_slices()
        finally:
            self._delivering = False

    def _deliver_slices(self) -> None:
        clock = self._client.listener.time
        while self._arrived and not self._reading_paused and not self._closing:
            held = self.held
            bucket = None if held is None else held.up
            size = self._unread
            if held is not None and bucket is not None:
                size = min(size, held.slice_up)
                wait = bucket.take(size, clock())
                if wait:
                    self._read_below(False)
                    loop = self._client.listener.loop
                    self._up_timer = loop.call_later(wait, self._up_due, size)
                    return
            self._hand_on(size)
        if self._arrived:
            self._read_below(False)
        elif not self._reading_paused and not self._closing:
            self._read_below(True)
            if self._eof_arrived:
                self._eof_arrived = False
                if not self._protocol.eof_received():
                    self.close()

    def _up_due(self, size: int = 0) -> None:
        self._up_timer = None
        self._moved()
        if size and not self._closing:
            # Paid for; who asked for a pause meanwhile still gets it, and no more.
            self._hand_on(size)
        if self._up_timer is None:
            self._deliver()

    def _hand_on(self, size: int) -> None:
        pieces = []
        while size and self._arrived:
            piece = self._arrived[0]
            if len(piece) > size:
                self._arrived[0] = piece[size:]
                piece = piece[:size]
            else:
                self._arrived.popleft()
            pieces.append(piece)
            size -= len(piece)
            self._unread -= len(piece)
        self._protocol.data_received(b"".join(pieces))

    def eof_received(self) -> bool:
        if self._arrived:
            self._eof_arrived = True
            return True
        return bool(self._protocol.eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._stop()
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._below_full = True
        if not self._told_to_pause:
            self._told_to_pause = True
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._below_full = False
        # Not within this call: asyncio takes a close in it for one of its own as well.
        self._client.listener.loop.call_soon(self._send_again)

    def _send_again(self) -> None:
        if self._lost or self._below_full:
            return
        if self._down_timer is None:
            self._send()
        if self._told_to_pause and self._unsent <= LOW_BYTES and not self._below_full:
            self._told_to_pause = False
            self._protocol.resume_writing()

    # Within.

    def _read_below(self, wanted: bool) -> None:
        raw = self._raw
        if not raw.is_closing() and raw.is_reading() != wanted:
            if wanted:
                raw.resume_reading()
            else:
                raw.pause_reading()

    def _moved(self) -> None:
        """It was us who made it wait: it is not idle."""
        client = self._client
        until = client.listener.time() + client.listener.deadlines.idle_seconds
        client.deadline = max(client.deadline, until)

    def _stop_reading(self) -> None:
        self._arrived.clear()
        self._unread = 0
        self._eof_arrived = False
        if self._up_timer is not None:
            self._up_timer.cancel()
            self._up_timer = None

    def _stop(self) -> None:
        self._stop_reading()
        self._waiting.clear()
        self._unsent = 0
        if self._down_timer is not None:
            self._down_timer.cancel()
            self._down_timer = None
