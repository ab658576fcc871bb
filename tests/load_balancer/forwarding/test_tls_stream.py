"""Two ends of TLS joined by memory: every way of cutting the bytes, and every way of ending."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from load_balancer.forwarding.tls_stream import RECORD_BYTES, CutOff, TlsStream
from tests.live.authority import Authority
from tests.live.wire import turns

pytestmark = pytest.mark.unit


class Raw(asyncio.Transport):
    """A socket's transport without a socket. What is written waits until it is carried over."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.writes = 0
        self.ended = self.closed = self.aborted = self.paused = False

    def write(self, data: Any) -> None:
        assert data, "an empty write"
        self.writes += 1
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = self.ended = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_reading(self) -> bool:
        return not self.paused

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = high, low

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("192.0.2.1", 1)}.get(name, default)


class Told(asyncio.Protocol):
    """What the protocol heard."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.events: list[str] = []
        self.lost: Exception | None = None
        self.stays = False

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def eof_received(self) -> bool:
        self.events.append("ended")
        return self.stays

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost")
        self.lost = exc

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


class End:
    """One end."""

    def __init__(self, context: ssl.SSLContext, name: str | None, address: str = "") -> None:
        self.raw = Raw()
        self.told = Told()
        self.agreed: list[Exception | None] = []
        self.stream = TlsStream(
            self.told, context, lambda _, error: self.agreed.append(error), name, address
        )

    def lose(self, error: Exception | None = None) -> None:
        self.stream.connection_lost(error)


Cut = Callable[[bytes], list[bytes]]


def whole(data: bytes) -> list[bytes]:
    return [data]


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def carry(one: End, other: End, cut: Cut = whole) -> None:
    """Take over what each has written, until nobody writes any more."""
    while one.raw.written or other.raw.written:
        for source, target in ((one, other), (other, one)):
            data = bytes(source.raw.written)
            source.raw.written.clear()
            for piece in cut(data) if data else ():
                if not target.raw.is_closing():
                    target.stream.data_received(piece)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def pair(
    authority: Authority, cut: Cut = whole, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> tuple[End, End]:
    """A client and a server that have not agreed yet, then what came of it."""
    trusting = authority.client()
    trusting.maximum_version = most
    client = End(trusting, "front.test")
    server = End(authority.issue("front.test").context(), None)
    client.stream.connection_made(client.raw)
    server.stream.connection_made(server.raw)
    assert client.stream.shaking and server.stream.shaking
    carry(client, server, cut)
    return client, server


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("most", VERSIONS)
@pytest.mark.parametrize("cut", [whole, bytewise])
def test_bytes_arrive_whole_however_they_are_cut(
    authority: Authority, cut: Cut, most: ssl.TLSVersion
) -> None:
    client, server = pair(authority, cut, most)
    assert ([None], [None]) == (client.agreed, server.agreed)
    assert (["made"], ["made"]) == (client.told.events, server.told.events)
    dice = random.Random(7)
    sent = b""
    for size in (1, 100, RECORD_BYTES - 1, RECORD_BYTES, RECORD_BYTES + 1, 3 * RECORD_BYTES):
        data = dice.randbytes(size)
        sent += data
        client.stream.write(data)
        server.stream.write(bytearray(data))
        carry(client, server, cut)
    assert sent == server.told.data == client.told.data


def test_an_event_is_one_write_and_one_delivery(authority: Authority) -> None:
    """However many records it takes."""
    client, server = pair(authority)
    before = client.raw.writes
    client.stream.write(bytes(5 * RECORD_BYTES))
    assert before + 1 == client.raw.writes
    carry(client, server)
    assert [bytes(5 * RECORD_BYTES)] == server.told.pieces


def test_nothing_is_written_for_nothing(authority: Authority) -> None:
    client, _ = pair(authority)
    client.stream.write(b"")
    assert not client.raw.written


def test_what_comes_with_the_end_of_the_handshake_is_delivered(authority: Authority) -> None:
    client = End(authority.client(), "front.test")
    server = End(authority.issue("front.test").context(), None)
    client.stream.connection_made(client.raw)
    server.stream.connection_made(server.raw)
    for source, target in ((client, server), (server, client)):
        data = bytes(source.raw.written)
        source.raw.written.clear()
        target.stream.data_received(data)
    client.stream.write(b"early")
    carry(client, server)
    assert (["made"], b"early") == (server.told.events, server.told.data)


async def test_who_does_not_read_is_told_later(authority: Authority) -> None:
    """What was decrypted before, and the end too."""
    client, server = pair(authority)
    server.stream.pause_reading()
    assert server.raw.paused and not server.stream.is_reading()
    client.stream.write(b"one")
    client.stream.close()
    carry(client, server)
    assert ([], ["made"]) == (server.told.pieces, server.told.events)
    server.stream.resume_reading()
    assert not server.raw.paused and server.stream.is_reading()
    await turns()
    assert (b"one", ["made", "ended"]) == (server.told.data, server.told.events)


def test_a_good_end_is_told_as_one(authority: Authority) -> None:
    client, server = pair(authority)
    client.stream.write(b"last")
    client.stream.close()
    client.stream.close()
    client.stream.write(b"too late")
    assert client.stream.is_closing() and client.raw.closed
    carry(client, server)
    assert (b"last", ["made", "ended"]) == (server.told.data, server.told.events)
    assert server.raw.closed
    server.lose()
    client.lose()
    assert (None, None) == (server.told.lost, client.told.lost)


def test_who_stays_after_the_others_end_may_still_write(authority: Authority) -> None:
    client, server = pair(authority)
    server.told.stays = True
    client.stream.write_eof()
    carry(client, server)
    assert client.raw.ended and not server.raw.is_closing()
    assert server.stream.eof_received()
    server.stream.write(b"answer")
    carry(client, server)
    # Told that something came; after its own end it deciphers nothing.
    assert client.told.pieces and not client.told.data
    assert not client.stream.eof_received()
    assert "ended" == client.told.events[-1]


@pytest.mark.parametrize("how", ["fin", "lost"])
def test_a_connection_cut_off_is_not_a_good_end(authority: Authority, how: str) -> None:
    """RFC 8446 section 6.1: without close_notify the data may have been truncated."""
    client, server = pair(authority)
    client.stream.write(b"half")
    carry(client, server)
    if how == "fin":
        assert not server.stream.eof_received()
        assert server.raw.aborted
    server.lose()
    assert (b"half", ["made", "lost"]) == (server.told.data, server.told.events)
    assert isinstance(server.told.lost, CutOff)


def test_a_reset_is_told_as_it_came(authority: Authority) -> None:
    client, _ = pair(authority)
    client.lose(ConnectionResetError("gone"))
    assert isinstance(client.told.lost, ConnectionResetError)


def test_an_abort_says_nothing_that_looks_like_an_end(authority: Authority) -> None:
    client, _ = pair(authority)
    client.stream.abort()
    assert client.raw.aborted and not client.raw.written
    client.lose()
    assert client.told.lost is None


def test_forged_bytes_end_it(authority: Authority) -> None:
    client, server = pair(authority)
    client.stream.write(b"good")
    carry(client, server)
    client.stream.write(b"forged")
    client.raw.written[-1] ^= 1
    carry(client, server)
    assert (b"good", True) == (server.told.data, server.raw.aborted)
    server.lose()
    assert isinstance(server.told.lost, ssl.SSLError)


def test_a_handshake_that_fails_is_told_of_once_and_never_as_a_connection(
    authority: Authority, tmp_path: Path
) -> None:
    client = End(authority.client(), "front.test")
    server = End(Authority(tmp_path).issue("front.test").context(), None)
    client.stream.connection_made(client.raw)
    server.stream.connection_made(server.raw)
    carry(client, server)
    assert isinstance(client.agreed[0], ssl.SSLCertVerificationError)
    assert client.raw.closed
    for end in (client, server):
        end.stream.pause_writing()
        end.stream.resume_writing()
        end.lose()
        assert 1 == len(end.agreed)
    assert [] == client.told.events


def test_a_client_that_is_refused_hears_why(authority: Authority) -> None:
    """The alert is sent, our side ended, and the rest read until the client has gone."""
    server = End(authority.issue("front.test").context(), None)
    server.stream.connection_made(server.raw)
    server.stream.data_received(b"GET / HTTP/1.1\r\n\r\n")
    (error,) = server.agreed
    assert isinstance(error, ssl.SSLError) and "HTTP_REQUEST" == error.reason
    assert server.raw.ended and not server.raw.aborted
    server.stream.data_received(b"more")
    assert not server.stream.eof_received()
    assert [] == server.told.events


def test_leaving_within_the_handshake_is_its_failure(authority: Authority) -> None:
    server = End(authority.issue("front.test").context(), None)
    server.stream.connection_made(server.raw)
    assert not server.stream.eof_received()
    server.lose()
    assert isinstance(server.agreed[0], CutOff)
    assert server.stream.lost and not server.stream.shaking


def test_closing_within_the_handshake_is_at_once(authority: Authority) -> None:
    server = End(authority.issue("front.test").context(), None)
    server.stream.connection_made(server.raw)
    server.stream.close()
    assert server.raw.closed and not server.raw.written


def test_it_passes_on_what_transports_tell(authority: Authority) -> None:
    client, _ = pair(authority)
    client.stream.pause_writing()
    client.stream.resume_writing()
    assert ["made", "pause", "resume"] == client.told.events
    assert "TLSv1.3" == client.stream.get_extra_info("ssl_object").version()
    assert ("192.0.2.1", 1) == client.stream.get_extra_info("peername")
    assert 5 == client.stream.get_extra_info("nothing", 5)
    introduced = End(authority.client(), "front.test", "203.0.113.9")
    assert ("203.0.113.9", 0) == introduced.stream.get_extra_info("peername")
    client.stream.set_write_buffer_limits(10, 5)
    assert (10, 5) == client.raw.limits
    client.stream.write(b"x")
    assert len(client.raw.written) == client.stream.get_write_buffer_size()
    assert not client.stream.can_write_eof()
    other = Told()
    client.stream.set_protocol(other)
    assert other is client.stream.get_protocol()


def test_a_server_cannot_have_any_name(authority: Authority) -> None:
    with pytest.raises(ValueError):
        End(authority.client(), ".test")
