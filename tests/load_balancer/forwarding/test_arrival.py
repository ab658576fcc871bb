"""Connections that a proxy introduces by a PROXY header: whom they are taken for, and who is turned
away without a word."""

import asyncio
import ssl
import struct
from pathlib import Path
from typing import Any

import pytest

from load_balancer.forwarding.arrival import Arrival
from load_balancer.forwarding.proxy_protocol import V2_SIGNATURE
from metrics.access_record import Request
from tests.live.asking import get
from tests.live.authority import Authority
from tests.live.origin import Origin
from tests.live.rig import Rig, proxy
from tests.live.wire import Wire, turns

pytestmark = pytest.mark.integration

V1 = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n"
HERE = "127.0.0.0/8"
INTRODUCED: dict[str, Any] = {"proxy_protocol": "required", "trusted_proxies": [HERE, "10.0.0.0/8"]}


def v2(body: bytes, command: int = 0x21, family: int = 0x11) -> bytes:
    return V2_SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


def v4(address: bytes) -> bytes:
    return v2(bytes(map(int, address.split(b"."))) + b"\xc0\x00\x02\x01" + b"\x12\x67\x01\xbb")


V6 = v2(b"\x20\x01\x0d\xb8" + bytes(11) + b"\x09" + bytes(16) + b"\x12\x67\x01\xbb", family=0x21)
MAPPED = v2(bytes(10) + b"\xff\xff\xcb\x00\x71\x09" + bytes(16) + b"\1\1\1\1", family=0x21)


@pytest.mark.parametrize("cut", ["bytes", "apart", "together"])
@pytest.mark.parametrize(
    ("header", "client"),
    [
        (V1, "203.0.113.9"),
        (b"PROXY TCP6 2001:db8::9 ::1 1 2\r\n", "2001:db8::9"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (v4(b"203.0.113.9"), "203.0.113.9"),
        (V6, "2001:db8::9"),
        (MAPPED, "203.0.113.9"),
        (v2(b"", command=0x20, family=0), "127.0.0.1"),
    ],
)
async def test_the_client_is_who_the_header_says(header: bytes, client: str, cut: str) -> None:
    """However the bytes come, and with not one of what follows lost; for the endpoint, the policy,
    and the log."""
    async with Origin() as origin, proxy(origin, **INTRODUCED) as rig:
        told: list[Any] = []
        rig.listener.access_log = told
        wire = await rig.client()
        if cut == "bytes":
            await wire.send_pieces(*(header[at : at + 1] for at in range(len(header))), get("/a"))
        elif cut == "apart":
            await wire.send_pieces(header, get("/a"))
        else:
            wire.send(header + get("/a"))
        assert (await wire.answer()).body == b"/a"
        wire.send(get("/b") + get("/c"))
        assert [(await wire.answer()).body for _ in range(2)] == [b"/b", b"/c"]

        assert [each.one("x-forwarded-for") for each in origin.requests] == [client] * 3
        assert [each.context.client for each in rig.log.attempts] == [client] * 3
        assert [Request._make(each).client for each in told] == [client] * 3
        assert not rig.listener.arrivals.members
        assert rig.counters.connections == 1
        assert not rig.counters.refusals


@pytest.mark.parametrize(
    ("header", "chain"),
    [
        (V1, "203.0.113.9"),
        (v4(b"10.0.0.7"), "198.51.100.1, 10.0.0.7"),
        (b"PROXY UNKNOWN\r\n", "198.51.100.1, 127.0.0.1"),
    ],
)
async def test_who_is_introduced_is_believed_only_if_trusted_itself(
    header: bytes, chain: str
) -> None:
    """Its address is the one of the header, or the proxy's own where that speaks for itself."""
    async with Origin() as origin, proxy(origin, **INTRODUCED) as rig:
        await rig.ask(header + get("/", "X-Forwarded-For: 198.51.100.1"))
        assert origin.requests[0].one("x-forwarded-for") == chain


@pytest.mark.parametrize(
    "data",
    [
        get("/"),
        b"PROXY TCP4 203.0.113.9\r\n",
        V1.replace(b"\r\n", b"\n") + get(),
        b"PROXY UNKNOWN" + b"x" * 200,
        v2(b""),
        v2(b"", family=0x77),
        V2_SIGNATURE + b"\x21\x11\xff\xff" + bytes(100),
        b"\x16\x03\x01\x02\x00\x01" + bytes(64),
        b"\x00",
    ],
)
async def test_what_is_no_header_is_closed_without_an_answer(data: bytes) -> None:
    """A request without one is not answered either: it would be taken for that of the proxy."""
    async with Origin() as origin, proxy(origin, **INTRODUCED) as rig:
        wire = await rig.client()
        wire.send(data)
        await wire.end()
        assert not wire.received
        assert not origin.requests
        await turned_away(rig)


@pytest.mark.parametrize("data", [b"", V1[:20], V2_SIGNATURE])
async def test_a_header_that_does_not_come_is_not_waited_for(data: bytes) -> None:
    async with (
        Origin() as origin,
        proxy(origin, deadlines={"head_seconds": 3}, **INTRODUCED) as rig,
    ):
        wire = await rig.client()
        wire.send(data)
        await rig.holds(lambda: rig.listener.arrivals.members, "it has come")
        await rig.pass_time(2.9)
        assert wire.ended is None
        await rig.pass_time(0.2)
        await wire.end()
        assert not wire.received
        await turned_away(rig)


async def test_the_first_request_has_its_own_deadline() -> None:
    async with (
        Origin() as origin,
        proxy(origin, deadlines={"head_seconds": 3}, **INTRODUCED) as rig,
    ):
        wire = await rig.client()
        await rig.holds(lambda: rig.listener.arrivals.members, "it has come")
        await rig.pass_time(2)
        wire.send(V1)
        await rig.holds(lambda: rig.listener.connections, "it is introduced")
        await rig.pass_time(2)
        wire.send(get("/a"))
        assert (await wire.answer()).body == b"/a"


async def test_who_leaves_before_the_end_of_the_header_is_counted() -> None:
    async with Origin() as origin, proxy(origin, **INTRODUCED) as rig:
        wire = await rig.client()
        wire.send(V1[:20])
        await rig.holds(lambda: rig.listener.arrivals.members, "it has come")
        wire.half_close()
        await wire.end()
        await turned_away(rig)


async def test_a_header_of_who_is_not_trusted_is_not_read() -> None:
    async with (
        Origin() as origin,
        proxy(origin, proxy_protocol="required", trusted_proxies=["192.0.2.0/24"]) as rig,
    ):
        wire = await rig.client()
        wire.send(V1 + get())
        await wire.end()
        assert not wire.received
        await turned_away(rig)


async def test_there_are_no_more_of_them_than_of_clients() -> None:
    async with Origin() as origin, proxy(origin, limits={"connections": 2}, **INTRODUCED) as rig:
        waiting = [await rig.client() for _ in range(2)]
        await rig.holds(lambda: len(rig.listener.arrivals.members) == 2, "both have come")
        third = await rig.client()
        await third.end()
        assert rig.counters.refusals == {"connections": 1}
        waiting[0].send(V1 + get("/a"))
        assert (await waiting[0].answer()).body == b"/a"


async def test_the_bound_per_client_is_by_the_address_in_the_header() -> None:
    async with (
        Origin() as origin,
        proxy(origin, limits={"connections_per_client": 1}, **INTRODUCED) as rig,
    ):
        hosts = b"198.51.100.1", b"198.51.100.2", b"198.51.100.1"
        clients = [await rig.client() for _ in range(3)]
        for wire, host in zip(clients, hosts, strict=True):
            wire.send(v4(host) + get("/a"))
        assert [(await wire.answer()).status for wire in clients] == [200, 200, 429]


async def test_a_drain_does_not_wait_for_a_header() -> None:
    async with (
        Origin() as origin,
        proxy(origin, deadlines={"drain_seconds": 0.02}, **INTRODUCED) as rig,
    ):
        wire = await rig.client()
        await rig.holds(lambda: rig.listener.arrivals.members, "it has come")
        await rig.listener.drain()
        await wire.end()
        assert not rig.listener.arrivals.members
        assert not rig.counters.refusals


async def test_without_the_setting_a_header_is_a_malformed_request() -> None:
    async with Origin() as origin, proxy(origin, trusted_proxies=[HERE]) as rig:
        assert (await rig.ask(V1 + get())).status == 400
        assert not origin.requests


async def test_room_is_made_for_the_bytes_of_the_header_only() -> None:
    """Whatever the loop suggests: what follows may be TLS."""
    asked = []
    get_buffer = Arrival.get_buffer

    def noting(self: Arrival, sizehint: int) -> bytearray:
        buffer = get_buffer(self, sizehint)
        asked.append(len(buffer))
        return buffer

    async with Origin() as origin, proxy(origin, **INTRODUCED) as rig:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Arrival, "get_buffer", noting)
            await rig.ask(V6 + get())
        assert sum(asked) == len(V6)


@pytest.mark.parametrize("together", [True, False])
async def test_tls_begins_behind_the_header(together: bool, tmp_path: Path) -> None:
    """Even if it comes with it, and the first request with the end of the handshake."""
    authority = Authority(tmp_path)
    tls = {"certificates": [authority.issue("front.test").served()]}
    async with Origin() as origin, proxy(origin, tls=tls, **INTRODUCED) as rig:
        wire = await rig.client()
        if not together:
            await wire.send_pieces(V1)
        data = await ask_over_tls(wire, authority.client(), V1 if together else b"", get("/a"))
        assert data.startswith(b"HTTP/1.1 200 ") and data.endswith(b"\r\n\r\n/a")
        request = origin.requests[0]
        assert request.one("x-forwarded-for") == "203.0.113.9"
        assert request.one("x-forwarded-proto") == "https"
        assert rig.counters.tls_handshakes == 1


async def ask_over_tls(wire: Wire, context: ssl.SSLContext, before: bytes, request: bytes) -> bytes:
    """What is answered, up to the end of its first record."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="front.test")

    async def more(data: bytes) -> None:
        count = wire.count
        wire.send(data + outgoing.read())
        await wire.until(lambda: wire.count > count, "record")
        incoming.write(wire.received[count:])

    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            await more(before)
            before = b""
    tls.write(request)
    while True:
        try:
            return tls.read()
        except ssl.SSLWantReadError:
            await more(b"")


async def turned_away(rig: Rig) -> None:
    """One was, and nothing of it is left."""
    await turns()
    assert rig.counters.refusals == {"proxy_protocol": 1}
    assert not rig.listener.arrivals.members
    assert not rig.listener.connections
    await asyncio.sleep(0)
    assert not rig.problems
