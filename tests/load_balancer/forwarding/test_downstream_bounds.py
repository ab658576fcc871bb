"""What a client may make us hold, and for how long."""

import asyncio

import pytest

from rl.vocabulary import Verdict
from tests.live.asking import get, post
from tests.live.origin import Origin, Visit, answer, serve_echo
from tests.live.rig import LAST_CHUNK, fill_up, proxy
from tests.live.wire import EOF, LARGE, RESET, turns

pytestmark = pytest.mark.integration


# Bounds.


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((b"GET /" + b"x" * 3000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",), 414),
        ((b"GET /", b"x" * 3000), 414),
        ((b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 30,), 431),
        ((b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 5000 + b"\r\n",), 431),
        ((b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"y" * 5000), 431),
        ((b"GET / HTTP/1.1\r\nHost: a\r\n", b"y" * 5000), 431),
    ],
)
async def test_heads_are_bounded_before_they_end(pieces: tuple[bytes, ...], status: int) -> None:
    """Too long a target, too many fields, too long a field: the end is not waited for."""
    limits = {"head_bytes": 4096, "head_fields": 20, "target_bytes": 2048}
    async with Origin() as origin, proxy(origin, limits=limits) as rig:
        client = await rig.client()
        await client.send_pieces(*pieces)
        assert (await client.answer()).status == status
        assert await client.end() == EOF
        assert not origin.visits


async def test_a_head_as_long_as_allowed_passes() -> None:
    """In one piece and byte by byte in a hundred."""
    async with Origin() as origin, proxy(origin, limits={"head_bytes": 4096}) as rig:
        request = get("/", f"X: {'y' * 3900}")
        client = await rig.client()
        client.send(request)
        assert (await client.answer()).status == 200
        await client.send_pieces(*(request[i : i + 50] for i in range(0, len(request), 50)))
        assert (await client.answer()).status == 200


@pytest.mark.parametrize(
    "flood",
    [
        (b"0\r\nX: ", b"y" * 5000),
        (b"0\r\n", b"X: y\r\n" * 1000),
        (b"3;", b"y" * 5000),
    ],
    ids=["trailer", "trailers", "extension"],
)
async def test_what_is_not_body_is_bounded_in_a_body_too(flood: tuple[bytes, ...]) -> None:
    """Trailers and chunk extensions come without end; the endpoint gets no end of the request."""
    async with Origin() as origin, proxy(origin, limits={"head_bytes": 4096}) as rig:
        client = await rig.client()
        client.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        visit = await origin.visited(1)
        await visit.until(lambda: b"abc" in visit.received, "first chunk")
        await client.send_pieces(*flood)
        assert (await client.answer()).status == 431
        await visit.end()
        assert visit.received.endswith(b"3\r\nabc\r\n")


async def test_a_client_that_asks_and_does_not_read_is_not_answered_without_end() -> None:
    """Its next request waits until it has taken the answers before."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.stall()
        for _ in range(60):
            client.send(get("/health") * 1000)
            await turns()
        assert rig.held() < 1 << 20
        client.go_on()
        client.send(get("/last", "Connection: close"))
        await client.until(lambda: client.received.endswith(b"/last"), "last answer")
        assert client.received.count(b"HTTP/1.1 200 OK\r\n") == 60_001


async def test_what_waits_behind_a_request_is_bounded() -> None:
    """Neither many small requests nor the body of one are read without end before their turn."""

    async def slow(visit: Visit) -> None:
        if visit.number <= 2:
            await visit.request()
            await gate.wait()
            visit.send(answer(b"late"))
        await serve_echo(visit)

    gate = asyncio.Event()
    async with Origin(slow) as origin, proxy(origin) as rig:
        many, large = await rig.client(), await rig.client()
        many.send(get("/0"))
        large.send(get("/0"))
        await origin.asked(2)
        for number in range(1, 200):
            await many.send_pieces(get(f"/{number}"))
        body = bytes(2 * LARGE)
        large.send(post(body))
        await turns(100)
        waiting = [len(each._reader.queue) for each in rig.listener.connections]
        assert sorted(waiting)[-1] in range(16, 40)
        assert rig.held() < 1 << 20
        gate.set()
        for client in (many, large):
            await client.answer()
        for number in range(1, 200):
            assert (await many.answer()).body == f"GET /{number} ".encode()
        assert (await large.answer("POST")).body == b"POST / " + body


async def test_pipelined_downloads_wait_for_their_reader() -> None:
    """A second answer is no more unbounded than the first, and its wait is not its endpoint's."""
    total = 20 * LARGE

    async def both(visit: Visit) -> None:
        await visit.request()
        await fill_up(visit, rig)
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        await visit.send_slowly(bytes(LARGE), total // LARGE)
        await visit.end()

    async with Origin(both) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.stall()
        client.send(get("/1") + get("/2"))
        await rig.completed(1)
        await turns(50)
        assert 0 < rig.held() < 1 << 20
        assert len(origin.requests) == 1
        rig.clock.advance(20)
        client.go_on()
        assert len((await client.answer()).body) >= LAST_CHUNK
        assert (await client.head()).one("content-length") == str(total)
        client.keep = False
        await client.bytes_in_all(client.count - len(client.unread) + total)
        assert (await rig.completed(2))[1] == ("a", Verdict.SUCCESS, 200)
        assert rig.log.latencies[1] < 20


# Deadlines.


async def test_a_head_that_does_not_end_is_408() -> None:
    """Its deadline counts from its first byte and is not moved by further ones."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        for piece in (b"GET / HT", b"TP/1.1\r\nHo", b"st: a\r\n"):
            await client.send_pieces(piece)
            assert client.count == 0
            await rig.pass_time(4)
        assert (await client.answer()).status == 408
        assert await client.end() == EOF


async def test_empty_lines_do_not_move_the_deadline() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        for _ in range(3):
            await client.send_pieces(b"\r\n")
            assert client.ended is None
            await rig.pass_time(4)
        await client.end()


async def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        await rig.holds(lambda: rig.listener.connections, "the connection is there")
        await rig.pass_time(9)
        assert client.ended is None
        await rig.pass_time(2)
        assert await client.end() == EOF
        assert client.count == 0


async def test_an_idle_connection_is_closed_when_its_time_is_over() -> None:
    async with Origin() as origin, proxy(origin, deadlines={"idle_seconds": 30}) as rig:
        client = await rig.client()
        client.send(get())
        before = (await client.answer()).raw
        await rig.pass_time(29)
        assert client.ended is None
        await rig.pass_time(2)
        assert await client.end() == EOF
        assert bytes(client.received) == before


async def test_the_head_of_the_next_request_has_its_own_deadline() -> None:
    """Also when its first bytes came with the request before."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/1") + b"GET /2 HTTP/1.1\r\n")
        assert (await client.answer()).body == b"/1"
        await rig.pass_time(11)
        assert (await client.answer()).status == 408


async def test_a_client_that_takes_nothing_of_the_answer_is_cut_off() -> None:
    """It teaches nothing: the endpoint did its part."""

    async def endless(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (20 * LARGE))
        await visit.send_slowly(bytes(LARGE), 20)
        await visit.end()

    async with Origin(endless) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.stall()
        client.send(get())
        await rig.holds(
            lambda: any(each.paused for each in rig.listener.connections), "the client is slow"
        )
        await turns(20)
        await rig.pass_time(61)
        assert await rig.completed(1) == [("a", Verdict.IGNORED, 200)]
        await (await origin.visited(1)).end()
        await rig.holds(lambda: not rig.listener.connections, "the client is forgotten")


async def test_an_idle_connection_has_the_time_of_a_head_once_one_begins() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        await client.answer()
        await rig.pass_time(5)
        await client.send_pieces(b"GET")
        await rig.pass_time(9)
        assert client.ended is None
        await rig.pass_time(2)
        assert (await client.answer()).status == 408


async def test_the_next_request_does_not_hurry_the_present_one() -> None:
    """What comes behind it says nothing of how long its answer may take."""

    async def slow(visit: Visit) -> None:
        await visit.request()
        await gate.wait()
        visit.send(answer(b"late"))
        await visit.request()
        visit.send(answer(b"next"))
        await visit.end()

    gate = asyncio.Event()
    async with Origin(slow) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/1"))
        await origin.asked(1)
        await client.send_pieces(get("/2")[:10])
        await rig.pass_time(20)
        gate.set()
        assert (await client.answer()).body == b"late"
        client.send(get("/2")[10:])
        assert (await client.answer()).body == b"next"


async def test_a_client_that_has_caught_up_waits_for_its_endpoint_anew() -> None:
    """The time that it took itself is not the endpoint's."""

    async def script(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not any(each.paused for each in rig.listener.connections):
            visit.send(b"4000\r\n" + bytes(0x4000) + b"\r\n")
            await turns()
        await gate.wait()
        visit.send(b"0\r\n\r\n")
        await visit.end()

    gate = asyncio.Event()
    async with Origin(script) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.stall()
        client.send(get())
        await rig.holds(
            lambda: any(each.paused for each in rig.listener.connections), "the client is slow"
        )
        await turns(20)
        await rig.pass_time(50)
        client.go_on()
        await rig.holds(lambda: not rig.held(), "all was taken")
        await turns(20)
        await rig.pass_time(50)
        gate.set()
        assert (await client.answer()).status == 200


async def test_whoever_was_refused_is_listened_to_for_a_while() -> None:
    """As long as it still sends, but not for ever; if it is silent, not for long."""
    async with Origin() as origin, proxy(origin) as rig:
        silent, eager = await rig.client(), await rig.client()
        for client in (silent, eager):
            client.send(b"NONSENSE\r\n\r\n")
            assert (await client.answer()).status == 400
        assert len(rig.listener.connections) == 2
        await eager.send_pieces(b"more")
        await rig.pass_time(1.5)
        await eager.send_pieces(b"more")
        await rig.pass_time(1.5)
        assert len(rig.listener.connections) == 1
        for _ in range(17):
            await eager.send_pieces(b"more")
            await rig.pass_time(1.5)
        assert len(rig.listener.connections) == 1
        for _ in range(2):
            await eager.send_pieces(b"more")
            await rig.pass_time(1.5)
        await rig.holds(lambda: not rig.listener.connections, "it was cut off")


@pytest.mark.parametrize("reads", [True, False])
async def test_the_last_of_an_answer_is_for_a_slow_reader_too(reads: bool) -> None:
    """The exchange is over, the connection is to close, our buffer still holds the end of it: that
    is cut only if the client takes nothing for long, and then not so that it looks whole."""

    async def script(visit: Visit) -> None:
        await visit.request()
        await fill_up(visit, rig)
        await visit.end()

    async with Origin(script) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.stall()
        client.send(get("/", "Connection: close"))
        assert await rig.completed(1) == [("a", Verdict.SUCCESS, 200)]
        assert rig.held()
        await rig.pass_time(61)
        if not reads:
            await rig.pass_time(61)
        client.go_on()
        if reads:
            assert len((await client.answer()).body) >= LAST_CHUNK
        else:
            assert await client.end() == RESET
