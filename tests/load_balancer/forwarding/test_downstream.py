"""The client's side: requests in turn, whatever their bytes; answers in order, whatever happens."""

import asyncio
import json

import pytest

from load_balancer.forwarding.downstream import ClientConnection
from rl.vocabulary import Verdict
from tests.live.asking import chunked, forever, get, post, refusing
from tests.live.origin import Origin, Visit, answer, replies, serve_echo
from tests.live.rig import HEALTH_PAGE, Rig, count_writes, proxy
from tests.live.wire import EOF, RESET, turns

pytestmark = pytest.mark.integration

LARGE = 4 << 20
"""Bytes; more than all socket buffers on the way hold."""

LAST_CHUNK = 160 << 10
"""Bytes; more than a transport takes before it asks for a pause."""


async def fill_up(visit: Visit, rig: Rig) -> None:
    """Answers so much that its whole end waits in the proxy's buffer for a client that stalls."""
    visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not rig.held():
        visit.send(b"%x\r\n%b\r\n" % (1 << 14, bytes(1 << 14)))
        await turns()
    visit.send(b"%x\r\n%b\r\n0\r\n\r\n" % (LAST_CHUNK, bytes(LAST_CHUNK)))


async def test_a_connection_carries_many_requests_in_turn() -> None:
    async with Origin(serve_echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        for number in range(5):
            client.send(post(b"body", f"/{number}"))
            assert (await client.answer()).body == f"POST /{number} body".encode()
        assert rig.counters.connections == 1


async def test_a_request_may_come_byte_by_byte() -> None:
    async with Origin(serve_echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        request = chunked(b"abc", b"defgh", target="/slow")
        await client.send_pieces(*(request[i : i + 1] for i in range(len(request))))
        assert (await client.answer()).body == b"POST /slow abcdefgh"


async def test_close_is_done_when_the_client_says_close() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Connection: close"))
        assert (await client.answer()).one("connection") == "close"
        assert await client.end() == EOF


async def test_what_follows_a_close_is_not_read() -> None:
    """And does not harm the answer to what came before it."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/last", "Connection: close") + get("/beyond"))
        assert (await client.answer()).body == b"/last"
        await client.end()
        assert rig.counters.answers == {200: 1}
        assert len(origin.requests) == 1


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Several in one segment, some with bodies, the last one cut in the middle of its head."""
    async with Origin(serve_echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        last = get("/last")
        client.send(
            get("/1")
            + post(b"two", "/2")
            + chunked(b"th", b"ree", target="/3")
            + get("/4", method="HEAD")
            + last[:20]
        )
        assert (await client.answer()).body == b"GET /1 "
        assert (await client.answer()).body == b"POST /2 two"
        assert (await client.answer()).body == b"POST /3 three"
        assert (await client.answer("HEAD")).one("content-length") == "8"
        client.send(last[20:])
        assert (await client.answer()).body == b"GET /last "


async def test_many_pipelined_requests_are_not_one_large_head() -> None:
    """What is read at once may be far longer than a head may be, and end within one."""
    async with Origin() as origin, proxy(origin, limits={"head_bytes": 1024}) as rig:
        client = await rig.client()
        count = 200
        requests = b"".join(get(f"/{number}", f"X-Pad: {'x' * 500}") for number in range(count))
        client.send(requests[:-4])
        for number in range(count - 1):
            assert (await client.answer()).body == f"/{number}".encode()
        client.send(requests[-4:])
        assert (await client.answer()).body == f"/{count - 1}".encode()


async def test_thousands_of_pipelined_requests_are_answered_here() -> None:
    """However many are in one segment: each is an answer at once, none a step down the stack."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/health") * 3000)
        for _ in range(3000):
            assert (await client.answer()).body == HEALTH_PAGE
        assert not origin.visits


async def test_what_was_whole_before_nonsense_is_answered_first() -> None:
    """Good ones answered, then 400, then the end; nothing after the nonsense is read."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/1") + get("/2") + b"NONSENSE\r\n\r\n" + get("/3"))
        assert (await client.answer()).body == b"/1"
        assert (await client.answer()).body == b"/2"
        refused = await client.answer()
        assert (refused.status, refused.one("connection")) == (400, "close")
        assert await client.end() == EOF
        assert [request.target for request in origin.requests] == ["/1", "/2"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501),
    ],
)
async def test_what_cannot_be_forwarded_is_refused_and_the_connection_closed(
    request_bytes: bytes, status: int
) -> None:
    """And nothing of it, nor of what follows it, reaches an endpoint."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(request_bytes + get("/smuggled"))
        refused = await client.answer()
        assert (refused.status, refused.one("connection")) == (status, "close")
        assert await client.end() == EOF
        assert not origin.visits
        assert rig.counters.answers == {status: 1}


async def test_a_chunk_that_is_none_ends_the_upload_with_400() -> None:
    """The endpoint has begun to get the body; it must not get an end of it."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        visit = await origin.visited(1)
        await visit.until(lambda: b"abc" in visit.received, "first chunk")
        client.send(b"zzz\r\n")
        assert (await client.answer()).status == 400
        assert await client.end() == EOF
        await visit.end()
        assert visit.received.endswith(b"3\r\nabc\r\n")
        assert rig.log.completed == [("a", Verdict.IGNORED, 0)]


async def test_a_broken_upload_under_a_begun_answer_cuts_the_connection() -> None:
    async def early(visit: Visit) -> None:
        await visit.head()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal")
        await visit.end()

    async with Origin(early) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        await client.until(lambda: client.received.endswith(b"hal"), "first bytes")
        client.send(b"zzz\r\n")
        assert await client.end() == RESET
        assert await rig.completed(1) == [("a", Verdict.IGNORED, 200)]


async def test_the_answer_that_says_why_is_not_lost_by_what_is_still_sent() -> None:
    """Closing at once would reset the connection under the client's unread bytes."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n")
        client.stall()
        await client.send_slowly(bytes(100_000), 80)
        client.go_on()
        assert (await client.answer()).status == 400
        assert await client.end() == EOF


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


# Going and coming.


async def test_a_client_that_leaves_is_noticed_by_the_endpoint() -> None:
    async def never(visit: Visit) -> None:
        await visit.request()
        await visit.end()

    async with Origin(never) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        await origin.asked(1)
        rig.clock.advance(5)
        client.reset()
        await origin.visits[0].end()
        assert await rig.completed(1) == [("a", Verdict.IGNORED, 0)]
        assert rig.log.latencies == [5.0]
        assert not rig.learned
        assert rig.stats("a").completed == 0


async def test_a_client_that_leaves_before_its_request_went_out_asks_nobody() -> None:
    """It sent and left in one breath, while the connection to the endpoint was not begun."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/unasked"))
        client.reset()
        await rig.completed(1)
        await turns(20)
        assert [each[1] for each in rig.log.completed] == [Verdict.IGNORED]
        assert not origin.requests


async def test_the_upgrade_field_is_declined_and_http_goes_on() -> None:
    """RFC 9110 section 7.8: a server may ignore it. Also behind a body, and pipelined."""
    upgrade = ("Connection: keep-alive, Upgrade", "Upgrade: websocket")
    async with Origin(serve_echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/1", *upgrade) + post(b"abc", "/2", *upgrade) + get("/3"))
        assert (await client.answer()).body == b"GET /1 "
        assert (await client.answer()).body == b"POST /2 abc"
        assert (await client.answer()).body == b"GET /3 "
        for request in origin.requests:
            assert not request.all("upgrade") and not request.all("connection")


async def test_a_thousand_declined_upgrades_in_one_segment() -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: x")
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/health", *upgrade) * 1500 + get("/last"))
        for _ in range(1500):
            assert (await client.answer()).body == HEALTH_PAGE
        assert (await client.answer()).body == b"/last"


# HTTP/1.0.


async def test_an_old_client_is_closed_unless_it_asks_to_stay() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/1", "Connection: keep-alive", version="1.0"))
        first = await client.answer()
        assert (first.body, first.one("connection")) == (b"/1", "keep-alive")
        client.send(get("/2", version="1.0"))
        assert (await client.answer()).one("connection") == "close"
        assert await client.end() == EOF


async def test_an_old_client_needs_no_host_and_gets_no_chunks() -> None:
    chunky = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    async with Origin(replies(chunky)) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        got = await client.answer()
        assert (got.body, got.until_close, got.one("connection")) == (b"abc", True, "close")


# Pages of the balancer's own.


async def test_health_on_the_proxy_port_is_the_balancers() -> None:
    """And not that of whichever backend is next; other methods and paths go on."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/health") + get("/health?verbose=1") + get("/health", method="HEAD"))
        health = await client.answer()
        assert (health.body, health.one("content-type")) == (HEALTH_PAGE, "application/json")
        assert (await client.answer()).body == HEALTH_PAGE
        assert (await client.answer("HEAD")).one("content-length") == str(len(HEALTH_PAGE))
        assert not origin.visits
        client.send(get("/healthy") + post(b"", "/health"))
        assert (await client.answer()).body == b"/healthy"
        assert (await client.answer()).body == b"/health"


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/health", "Connection: close"),
        get("/health", version="1.0"),
        get("/health", "Content-Length: 5"),
        get("/refused", "Connection: close"),
        get("/refused", "Content-Length: 5"),
    ],
)
async def test_our_own_words_end_the_connection_where_they_must(request_bytes: bytes) -> None:
    """The client wants it, or sends a body that nobody reads."""
    with refusing() as port:
        async with proxy(port) as rig:
            client = await rig.client()
            client.send(request_bytes)
            got = await client.answer()
            assert got.one("connection") == "close"
            assert await client.end() == EOF
            assert rig.counters.answers == {got.status: 1}


async def test_our_own_words_say_that_no_more_is_taken() -> None:
    with refusing() as port:
        async with proxy(port) as rig:
            for target in ("/health", "/refused"):
                client = await rig.client()
                rig.listener.draining = True
                client.send(get(target))
                assert (await client.answer()).one("connection") == "close"
                rig.listener.draining = False


async def test_our_own_words_wait_for_their_reader_too() -> None:
    """Thousands are asked for at once; no more are made than may wait to be written."""
    most = 0

    def page() -> tuple[str, bytes]:
        nonlocal most
        most = max(most, rig.held())
        return "text/plain", bytes(1000)

    async with proxy(1, local={"/page": page}) as rig:
        client = await rig.client()
        client.send(get("/page") * 4000)
        for _ in range(4000):
            assert len((await client.answer()).body) == 1000
        assert most < 300 << 10


async def test_health_answers_while_no_endpoint_does() -> None:
    with refusing() as port:
        async with proxy(port) as rig:
            assert (await rig.ask(get("/health"))).body == HEALTH_PAGE
            assert (await rig.ask(get("/"))).status == 502
            assert (await rig.ask(get("/health"))).status == 200


async def test_errors_are_told_in_the_form_that_the_client_accepts() -> None:
    """RFC 9457 for who accepts JSON, a line of text for all others; both with the request's id."""
    with refusing() as port:
        async with proxy(port) as rig:
            client = await rig.client()
            client.send(get("/", "Accept: application/json", "X-Request-ID: my.id-1"))
            error = await client.answer()
            assert error.one("content-type") == "application/problem+json"
            assert error.one("x-request-id") == "my.id-1"
            told = json.loads(error.body)
            assert (told["status"], told["request_id"]) == (502, "my.id-1")
            client.send(get("/", "Accept: text/html, */*"))
            error = await client.answer()
            assert error.one("content-type").startswith("text/plain")
            assert error.one("x-request-id") in error.body.decode()
            client.send(get("/", method="HEAD"))
            error = await client.answer("HEAD")
            assert error.status == 502
            client.send(get("/health"))
            assert (await client.answer()).status == 200


# Cost.


async def test_one_write_per_small_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Head and body in one; the same for a chunked answer and for a page of our own."""
    written = count_writes(monkeypatch, ClientConnection)
    small = answer(b"x" * 1000)
    chunky = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    async with Origin(replies(small, small, chunky)) as origin, proxy(origin) as rig:
        client = await rig.client()
        for number, request in enumerate((get(), post(b"x" * 1000), get(), get("/health")), 1):
            client.send(request)
            await client.answer()
            assert len(written) == number


async def test_a_queue_of_requests_survives_its_client() -> None:
    """Pipelined ones that were not begun when the client left are begun nowhere."""

    async def never(visit: Visit) -> None:
        await visit.request()
        await forever()

    async with Origin(never) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/1"))
        await origin.asked(1)
        client.send(get("/2") + get("/3"))
        await turns()
        # Reading is paused while others wait, so the end shows when something is written.
        await rig.pass_time(61)
        assert (await client.answer()).status == 504
        client.reset()
        await rig.holds(lambda: not rig.listener.connections, "the client is forgotten")
