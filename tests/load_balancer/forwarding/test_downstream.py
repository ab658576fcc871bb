"""The client's side: requests in turn, whatever their bytes; answers in order, whatever happens."""

import pytest

from load_balancer.forwarding.downstream import ClientConnection
from rl.vocabulary import Verdict
from tests.live.asking import chunked, forever, get, post
from tests.live.origin import Origin, Visit, answer, replies, serve_echo
from tests.live.rig import HEALTH_PAGE, count_writes, proxy
from tests.live.wire import EOF, RESET, turns

pytestmark = pytest.mark.integration


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


async def test_a_client_that_has_closed_its_side_may_be_served() -> None:
    """All that it asked before, then the connection ends; by default it counts as gone."""
    async with Origin() as origin, proxy(origin, half_closed="serve") as rig:
        client = await rig.client()
        client.send(get("/1") + get("/2"))
        client.half_close()
        assert b"/1" == (await client.answer()).body
        assert b"/2" == (await client.answer()).body
        assert EOF == await client.end()
    async with Origin() as origin, proxy(origin, half_closed="serve") as rig:
        client = await rig.client()
        client.send(post(b"12345")[:-1])
        await origin.visited(1)
        client.half_close()
        await client.end()
        assert [("a", Verdict.IGNORED, 0)] == await rig.completed(1)


async def test_the_upgrade_field_is_declined_and_http_goes_on() -> None:
    """RFC 9110 section 7.8: a server may ignore it. Also behind a body, and pipelined."""
    upgrade = ("Connection: keep-alive, Upgrade", "Upgrade: h2c")
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
