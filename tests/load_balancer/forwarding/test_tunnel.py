"""Switching protocols: what may, what may not, and the bytes that follow."""

import asyncio
import errno

import pytest

from load_balancer.forwarding.tunnel import end_writing
from rl.vocabulary import Verdict
from tests.live.asking import get
from tests.live.origin import OK, Origin, Visit, answer, done
from tests.live.rig import Rig, proxy
from tests.live.wire import EOF, RESET, turns

pytestmark = pytest.mark.integration

ASK = ("Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Accept: x\r\n\r\n"
)


async def echo(visit: Visit) -> None:
    """Switches, then sends back what comes, each byte."""
    await visit.request()
    visit.send(SWITCH + b"hello ")
    while True:
        await visit.until(lambda: bool(visit.unread) or visit.ended is not None, "bytes")
        if not visit.unread:
            break
        visit.send(await visit.take(len(visit.unread)))


async def test_after_a_101_bytes_go_both_ways_as_they_are() -> None:
    async with Origin(echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/chat", *ASK))
        head = await client.head()
        assert 101 == head.status
        assert "WebSocket" == head.one("upgrade")
        assert "Upgrade" == head.one("connection")
        assert "x" == head.one("sec-websocket-accept")
        assert b"hello " == await client.take(6)
        request = origin.requests[0]
        assert ("Upgrade", "websocket") == (request.one("connection"), request.one("upgrade"))
        assert "13" == request.one("sec-websocket-version")
        for data in (b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", bytes(300_000)):
            client.send(data)
            assert data == await client.take(len(data))
        assert (1, 1) == (rig.counters.tunnels, rig.counters.open_tunnels)
        assert 1 == rig.stats("a").in_flight
        client.half_close()
        assert EOF == await client.end()
        assert [("a", Verdict.SUCCESS, 101)] == await rig.completed(1)
        assert (1, 0) == (rig.counters.tunnels, rig.counters.open_tunnels)
        assert {101: 1} == rig.counters.answers


async def test_what_the_client_sends_without_waiting_belongs_to_the_new_protocol() -> None:
    async with Origin(echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", *ASK) + b"early, ")
        await origin.asked(1)
        client.send(b"GET /x HTTP/1.1\r\n\r\n")
        await client.head()
        expected = b"hello early, GET /x HTTP/1.1\r\n\r\n"
        assert expected == await client.take(len(expected))
        client.close()


async def test_a_request_that_stays_http_is_followed_by_the_next_one() -> None:
    """The endpoint need not switch; what the client sent behind is HTTP then."""

    async def declines(visit: Visit) -> None:
        while not await done(visit):
            request = await visit.request()
            visit.send(answer(request.target.encode()))

    async with Origin(declines) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/first", *ASK) + get("/second") + get("/third", *ASK)[:20])
        assert b"/first" == (await client.answer()).body
        assert b"/second" == (await client.answer()).body
        client.send(get("/third", *ASK)[20:])
        assert b"/third" == (await client.answer()).body
        assert 3 == len(origin.requests)


async def test_each_side_may_end_alone() -> None:
    """The end of one direction is passed on; the other goes on."""

    async def talks_on(visit: Visit) -> None:
        await visit.request()
        visit.send(SWITCH)
        assert EOF == await visit.end()
        visit.send(b"the last word")

    async with Origin(talks_on) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", *ASK))
        await client.head()
        client.half_close()
        assert b"the last word" == await client.take(13)
        assert EOF == await client.end()


async def test_a_reset_of_one_side_ends_the_other() -> None:
    async with Origin(echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", *ASK))
        await client.head()
        visit = await origin.visited(1)
        client.reset()
        await visit.end()
        await rig.completed(1)


async def test_who_reads_slowly_stops_the_other_sides_reading() -> None:
    async def floods(visit: Visit) -> None:
        await visit.request()
        visit.send(SWITCH)
        for _ in range(64):
            visit.send(bytes(1 << 16))
            await visit.drained()

    async with Origin(floods) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", *ASK))
        await client.head()
        client.stall()
        await turns(200)
        (connection,) = rig.listener.connections
        assert connection.transport.get_write_buffer_size() < 1 << 20
        client.go_on()
        assert 64 << 16 == len(await client.take(64 << 16))
        client.close()


async def test_an_idle_tunnel_is_cut() -> None:
    async with (
        Origin(echo) as origin,
        proxy(origin, deadlines={"tunnel_idle_seconds": 100}) as rig,
    ):
        client = await rig.client()
        client.send(get("/", *ASK))
        await client.head()
        await rig.pass_time(99)
        client.send(b"x")
        await client.take(7)
        await rig.pass_time(99)
        assert 1 == rig.counters.open_tunnels
        await rig.pass_time(2)
        assert await client.end() in (EOF, RESET)
        await rig.completed(1)


@pytest.mark.parametrize(
    "lines",
    [
        ("Upgrade: websocket",),
        ("Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
        ("Connection: Upgrade", "Upgrade: irc"),
        ("Connection: Upgrade", "Upgrade: web socket"),
        ("Connection: close",),
    ],
)
async def test_a_101_that_nobody_asked_for_is_no_answer(lines: tuple[str, ...]) -> None:
    """Not for what was not asked, nor for what may not be: 502, and no byte of it."""

    async def switches(visit: Visit) -> None:
        request = await visit.request()
        assert not request.all("upgrade")
        visit.send(SWITCH + b"secret")
        await visit.end()

    async with Origin(switches) as origin, proxy(origin) as rig:
        got = await rig.ask(get("/", *lines))
        assert 502 == got.status
        assert b"secret" not in got.raw
        assert 0 == rig.counters.tunnels


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 X\r\n\r\n",
    ],
)
async def test_a_101_to_something_else_is_no_answer(head: bytes) -> None:
    async def switches(visit: Visit) -> None:
        await visit.request()
        visit.send(head + b"secret")
        await visit.end()

    async with Origin(switches) as origin, proxy(origin) as rig:
        got = await rig.ask(get("/", *ASK))
        assert 502 == got.status
        assert b"secret" not in got.raw


async def test_another_protocol_may_be_allowed() -> None:
    async def switches(visit: Visit) -> None:
        request = await visit.request()
        assert "irc/2, websocket" == request.one("upgrade")
        visit.send(b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: irc/2\r\n\r\nhi")
        await visit.end()

    async with Origin(switches) as origin, proxy(origin, upgrades=["irc", "websocket"]) as rig:
        client = await rig.client()
        client.send(get("/", "Connection: upgrade", "Upgrade: irc/2, h2c, websocket"))
        assert "irc/2" == (await client.head()).one("upgrade")
        assert b"hi" == await client.take(2)
        client.close()


async def test_a_drain_cuts_tunnels_at_its_deadline() -> None:
    async with (
        Origin(echo) as origin,
        proxy(origin, deadlines={"drain_seconds": 0.05}) as rig,
    ):
        client = await rig.client()
        client.send(get("/", *ASK))
        await client.head()
        draining = asyncio.create_task(rig.listener.drain())
        client.send(b"still here")
        assert b"hello still here" == await client.take(16)
        await draining
        await client.end()
        await rig.completed(1)


async def test_more_than_may_be_held_back_is_not_read() -> None:
    """Until the answer tells what it is."""

    async def late(visit: Visit) -> None:
        await visit.request()
        await visit.until(lambda: True, "nothing")
        await turns(400)
        visit.send(OK)
        await visit.end()

    async with (
        Origin(late) as origin,
        proxy(origin, limits={"buffer_bytes": 4096}) as rig,
    ):
        client = await rig.client()
        client.send(get("/", *ASK) + bytes(8 << 20))
        await origin.asked(1)
        await turns(300)
        (connection,) = rig.listener.connections
        assert len(connection.held_back()) < 1 << 20
        assert 200 == (await client.answer()).status
        assert 400 == (await client.answer()).status


@pytest.mark.parametrize(
    "field", [b"Content-Length: 9", b"Transfer-Encoding: chunked", b"Content-Length: 0, 0"]
)
async def test_a_101_with_a_body_is_no_answer(field: bytes) -> None:
    """Where the new protocol begins would be a matter of opinion."""

    async def switches(visit: Visit) -> None:
        await visit.request()
        visit.send(SWITCH[:-2] + field + b"\r\n\r\n123")
        await visit.end()

    async with Origin(switches) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", *ASK))
        assert 502 == (await client.answer()).status
        assert b" 101 " not in client.received


async def test_much_behind_a_101_stops_its_reading_until_it_is_taken() -> None:
    """The first bytes of a tunnel are bounded as all others."""

    async def floods(visit: Visit) -> None:
        await visit.request()
        visit.send(SWITCH + bytes(64 << 20))
        await visit.end()

    async with Origin(floods) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", *ASK))
        client.stall()
        await origin.asked(1)
        await rig.holds(lambda: rig.counters.open_tunnels == 1, "the tunnel is open")
        await asyncio.sleep(0.2)
        (connection,) = rig.listener.connections
        assert connection.transport.get_write_buffer_size() < 2 << 20
        client.abort()


async def test_one_end_that_takes_nothing_does_not_outlive_the_other_for_long() -> None:
    """Neither when that has gone nor in a drain."""

    async def deaf(visit: Visit) -> None:
        await visit.request()
        visit.stall()
        visit.send(SWITCH)
        await visit.origin.forever.wait()  # type: ignore[attr-defined]

    for drains in (False, True):
        origin = Origin(deaf)
        origin.forever = asyncio.Event()  # type: ignore[attr-defined]
        async with origin, proxy(origin, deadlines={"drain_seconds": 0.1}) as rig:
            client = await rig.client()
            client.send(get("/", *ASK))
            await client.head()
            while not any(each.get_write_buffer_size() for each in ends(rig)):
                client.send(bytes(1 << 14))
                await turns(20)
            if drains:
                assert 1 == await rig.listener.drain()
            else:
                client.reset()
                await turns(20)
                await rig.pass_time(61)
            await rig.holds(lambda: not rig.listener.connections, "both ends are gone")
            origin.forever.set()  # type: ignore[attr-defined]


def ends(rig: Rig) -> list[asyncio.Transport]:
    """The transports of the one tunnel."""
    (connection,) = rig.listener.connections or [None]
    if connection is None or connection.exchange is None or connection.exchange.tunnel is None:
        return []
    tunnel = connection.exchange.tunnel
    return [tunnel._client_end.transport, tunnel._upstream_end.transport]


async def test_an_end_that_came_before_the_101_is_passed_on_behind_it() -> None:
    async with Origin(echo) as origin, proxy(origin, half_closed="serve") as rig:
        client = await rig.client()
        client.send(get("/", *ASK) + b"all")
        client.half_close()
        await client.head()
        assert b"hello all" == await client.take(9)
        assert EOF == await client.end()
        assert [("a", Verdict.SUCCESS, 101)] == await rig.completed(1)


def test_ending_towards_who_has_gone_already_is_no_fault() -> None:
    """Between a peer's reset and the loop's word of it, the system refuses."""

    class Gone:
        aborted = False

        def write_eof(self) -> None:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

        def abort(self) -> None:
            self.aborted = True

    gone = Gone()
    end_writing(gone)  # type: ignore[arg-type]
    assert gone.aborted
