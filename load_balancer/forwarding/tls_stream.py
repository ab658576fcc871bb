"""TLS on one connection: a protocol to the socket's transport, a transport to whoever speaks HTTP.

The loops' own TLS will not do. They take a connection cut off for one that ended, so that an answer
delimited by its end could be shortened by anybody on the way (RFC 8446 section 6.1); they cannot
end what we send and read on, which a refusal needs to arrive; they tell nobody of failed
handshakes, hide how much is unsent, and differ among themselves.

Each event costs one write to the socket at the most, as without TLS. Knows no HTTP and no clock.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, TypeAlias, cast

RECORD_BYTES = 1 << 14
"""The most that one record brings (RFC 8446 section 5.1)."""

_SHAKING, _OPEN, _ENDED, _REFUSED = range(4)


class CutOff(ConnectionError):
    """The other side's end came without a word that it was one."""


Established: TypeAlias = "Callable[[TlsStream, Exception | None], None]"
"""Who wants to know how a handshake ended; called once."""


class TlsStream(asyncio.Transport, asyncio.Protocol):
    """See the module's text.

    The protocol hears of the connection when the handshake is done, and nothing of one that fails.

    Attributes:
        deadline: for whoever made it to note until when the handshake may last.
        lost: the connection is gone.
    """

    __slots__ = (
        "_address",
        "_closing",
        "_error",
        "_established",
        "_incoming",
        "_outgoing",
        "_paused",
        "_peer_ended",
        "_protocol",
        "_raw",
        "_server_side",
        "_state",
        "_tls",
        "_told",
        "deadline",
        "lost",
    )

    _raw: asyncio.Transport

    def __init__(
        self,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext,
        established: Established,
        server_name: str | None = None,
        address: str = "",
    ) -> None:
        """
        Args:
            address: the other side's, where it is not the socket's.
            server_name: of the server that is to be there; without one, this side is the server.

        Raises:
            ValueError: the name cannot be one.
        """
        super().__init__()
        self.deadline = 0.0
        self.lost = False
        self._address = address
        self._protocol = protocol
        self._established = established
        self._server_side = server_name is None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None,
            server_hostname=server_name,
        )  # fmt: skip
        self._state = _SHAKING
        self._closing = False
        self._paused = False
        self._error: Exception | None = None
        # Of the other side: it has said that it ends, and our protocol knows.
        self._peer_ended = False
        self._told = False

    @property
    def shaking(self) -> bool:
        """The handshake is under way."""
        return self._state == _SHAKING

    # asyncio.Protocol, towards the socket.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client speaks first."""
        self._raw = cast(asyncio.Transport, transport)
        if not self._server_side:
            self._shake()

    def data_received(self, data: bytes) -> None:
        """Records, or parts of some."""
        state = self._state
        if state == _OPEN:
            self._incoming.write(data)
            self._deliver()
        elif state == _SHAKING:
            self._incoming.write(data)
            self._shake()
        elif state == _ENDED:
            # Read, so that the kernel does not reset, and not deciphered.
            self._protocol.data_received(b"")

    def eof_received(self) -> bool:
        """The other side's socket has ended, which proves nothing: anybody can do that."""
        if self._state == _ENDED:
            return bool(self._protocol.eof_received())
        if self._state == _OPEN:
            if self._peer_ended:
                return True
            self._error = self._error or CutOff("the connection was cut off")
            self._raw.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.lost = True
        if self._state == _SHAKING:
            self._state = _REFUSED
            self._established(self, exc or CutOff("it closed within the handshake"))
        elif self._state != _REFUSED:
            error = self._error or exc
            if error is None and not (self._peer_ended or self._closing):
                error = CutOff("the connection was cut off")
            self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """The other side takes no more at the moment."""
        if self._state != _SHAKING and self._state != _REFUSED:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._state != _SHAKING and self._state != _REFUSED:
            self._protocol.resume_writing()

    # asyncio.Transport, towards the protocol.

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Encrypt and send."""
        if self._state != _OPEN or self._closing or not data:
            return
        try:
            sent = self._tls.write(data)
            while sent < len(data):
                sent += self._tls.write(memoryview(data)[sent:])
        except ssl.SSLError as error:
            self._broken(error)
            return
        self._raw.write(self._outgoing.read())

    def write_eof(self) -> None:
        """End what we send. What comes behind is read and dropped; its coming is told of by empty
        data, so that a deadline can be kept."""
        if self._state == _OPEN and not self._closing:
            self._say_end()
            self._state = _ENDED
            self._raw.write_eof()

    def can_write_eof(self) -> bool:
        """Not for going on: who hears that we end answers by ending (RFC 5246 section 7.2.1)."""
        return False

    def close(self) -> None:
        """Say that it ends, and end when all is sent."""
        if self._closing:
            return
        self._closing = True
        if self._state == _OPEN:
            self._say_end()
        self._raw.close()

    def abort(self) -> None:
        """Drop it, without a word that could be taken for a good end."""
        self._closing = True
        self._raw.abort()

    def is_closing(self) -> bool:
        return self._closing or self._raw.is_closing()

    def pause_reading(self) -> None:
        self._paused = True
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        self._raw.resume_reading()
        if self._incoming.pending or self._peer_ended:
            asyncio.get_running_loop().call_soon(self._deliver)

    def is_reading(self) -> bool:
        return not self._paused and self._raw.is_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The socket's, and ``ssl_object``."""
        if name == "ssl_object":
            return self._tls
        if name == "peername" and self._address:
            return self._address, 0
        return self._raw.get_extra_info(name, default)

    # Within.

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._refuse(error)
            return
        self._state = _OPEN
        self._flush()
        self._established(self, None)
        self._protocol.connection_made(self)
        if self._incoming.pending:
            self._deliver()

    def _refuse(self, error: Exception) -> None:
        self._state = _REFUSED
        self._flush()  # the alert that says why
        if self._server_side:
            try:
                # Not closed at once: with bytes unread that would be a reset, and the alert lost.
                self._raw.write_eof()
            except (OSError, RuntimeError):
                self._raw.abort()
        else:
            self._raw.close()
        self._established(self, error)

    def _deliver(self) -> None:
        if self._paused or self._closing or self.lost or self._state != _OPEN:
            return
        incoming, read = self._incoming, self._tls.read
        pieces = []
        error: ssl.SSLError | None = None
        try:
            while incoming.pending:
                data = read(RECORD_BYTES)
                if not data:
                    self._peer_ended = True
                    break
                pieces.append(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as reason:
            error = reason
        if self._outgoing.pending:
            self._flush()  # an answer of TLS's own, as to a change of keys
        if pieces:
            self._protocol.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if error is not None:
            self._broken(error)
        elif self._peer_ended and not (self._paused or self._told or self._closing):
            self._told = True
            if self._state == _OPEN and not self._protocol.eof_received():
                self.close()

    def _say_end(self) -> None:
        try:
            self._tls.unwrap()
        except (ssl.SSLError, ValueError):
            pass  # it waits for the other side's word, which we need not have
        self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._raw.write(data)

    def _broken(self, error: ssl.SSLError) -> None:
        self._error = error
        self._flush()
        self._raw.abort()
