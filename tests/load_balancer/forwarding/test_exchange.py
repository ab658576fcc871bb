"""One request and its answer: what goes on, what comes back, and how each ending is told."""

import asyncio

import pytest

from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.upstream import Pool, UpstreamConnection
from load_balancer.node import Attempt
from rl.vocabulary import Decision, Endpoint, Observation, Transition, Verdict
from tests.live.asking import chunked, chunks, get, post
from tests.live.origin import OK, Origin, Visit, answer, done, replies, serve_echo
from tests.live.rig import First, proxy
from tests.live.wire import EOF, RESET, turns

pytestmark = pytest.mark.integration

BAD = Verdict.FAILURE
GOOD = Verdict.SUCCESS
IGNORED = Verdict.IGNORED

LARGE = 4 << 20
"""Bytes; more than all socket buffers on the way hold."""


# Heads.


async def test_what_is_for_one_hop_goes_one_hop() -> None:
    """In both directions: the fixed ones, and those that Connection names."""
    reply = answer(
        b"ok",
        "Connection: keep-alive, X-Hop",
        "Keep-Alive: timeout=5",
        "X-Hop: 1",
        "Proxy-Connection: x",
        "X-End: 1",
    )
    async with Origin(replies(reply)) as origin, proxy(origin) as rig:
        got = await rig.ask(
            get("/", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: 1", "TE: trailers", "X-End: 1")
        )
        request = origin.requests[0]
        for message in (request, got):
            names = {name.lower() for name, _ in message.fields}
            assert not names & {"connection", "x-hop", "keep-alive", "te", "proxy-connection"}
            assert message.one("x-end") == "1"


async def test_the_endpoint_is_told_who_asked_and_how() -> None:
    """Host as it came; Via, X-Forwarded-*; what a client says of itself there is not believed."""
    async with Origin() as origin, proxy(origin) as rig:
        await rig.ask(
            get(
                "/a/../b?c=%20&d",
                "X-Forwarded-For: 6.6.6.6",
                "X-Forwarded-Proto: gopher",
                "X-Forwarded-Host: evil",
                "X-Request-ID: abc-1",
            )
        )
        request = origin.requests[0]
        assert request.target == "/a/../b?c=%20&d"
        assert request.one("host") == "origin.test"
        assert request.one("via") == "1.1 slb"
        assert request.one("x-forwarded-for") == "127.0.0.1"
        assert request.one("x-forwarded-proto") == "http"
        assert request.one("x-forwarded-host") == "origin.test"
        assert request.one("x-request-id") == "abc-1"


async def test_repeated_fields_keep_their_number_and_order() -> None:
    cookies = ["a=1; Path=/", "b=2", "a=3"]
    reply = answer(b"ok", *(f"Set-Cookie: {cookie}" for cookie in cookies))
    async with Origin(replies(reply)) as origin, proxy(origin) as rig:
        got = await rig.ask(get("/", "X-Twice: 1", "Cookie: c=d", "X-Twice: 2"))
        assert got.all("set-cookie") == cookies
        assert origin.requests[0].all("x-twice") == ["1", "2"]


async def test_a_status_and_its_reason_come_through() -> None:
    async with (
        Origin(replies(answer(b"", status="299 Fine By Me"))) as origin,
        proxy(origin) as rig,
    ):
        got = await rig.ask(get())
        assert got.line == "HTTP/1.1 299 Fine By Me"
        assert got.one("date")


# Bodies.


async def test_chunks_are_made_anew_and_trailers_kept() -> None:
    """Chunk borders are nobody's business, extensions go no further, trailers do."""
    reply = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        b"3;ext=1\r\nabc\r\n0002\r\nde\r\n000;last\r\nX-Sum: 7\r\nX-Sum: 8\r\n\r\n"
    )
    async with Origin(replies(reply)) as origin, proxy(origin) as rig:
        got = await rig.ask(chunked(b"12", b"345", b"6", trailers="X-Up: 1\r\n"))
        assert (got.body, got.chunked) == (b"abcde", True)
        assert got.trailers == [("X-Sum", "7"), ("X-Sum", "8")]
        assert b"ext" not in got.raw and b"last" not in got.raw
        request = origin.requests[0]
        assert (request.body, request.trailers) == (b"123456", [("X-Up", "1")])


async def test_request_trailers_are_not_taken_for_the_answers() -> None:
    """The answer begins before the request's trailers come, and ends without any of its own."""

    async def echo(visit: Visit) -> None:
        await visit.head()
        visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await visit.until(lambda: b"X-Up" in visit.received, "trailers")
        visit.send(b"end")

    async with Origin(echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"1\r\na\r\n")
        await client.until(lambda: client.count > 0, "head")
        client.send(b"0\r\nX-Up: 1\r\n\r\n")
        got = await client.answer("POST")
        assert (got.body, got.trailers) == (b"end", [])


async def test_an_answer_until_close_gets_chunks_and_a_true_end() -> None:
    async with Origin() as origin, proxy(origin) as rig:

        async def until_close(visit: Visit) -> None:
            await visit.request()
            await visit.send_pieces(b"HTTP/1.1 200 OK\r\n\r\nabc", b"def")

        origin.script = until_close
        client = await rig.client()
        client.send(get())
        got = await client.answer()
        assert (got.body, got.chunked) == (b"abcdef", True)
        origin.script = serve_echo
        client.send(get("/next"))
        assert (await client.answer()).body == b"GET /next "


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_an_old_origin_is_understood(version: str) -> None:
    """HTTP/1.0: it closes, and says its length or not."""
    old = b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    async with Origin(replies(old)) as origin, proxy(origin) as rig:
        got = await rig.ask(get("/", version=version))
        assert got.body == b"abc"
        await origin.visits[0].end()

        async def bare(visit: Visit) -> None:
            await visit.request()
            visit.send(b"HTTP/1.0 200 OK\r\n\r\nabc")

        origin.script = bare
        got = await rig.ask(get("/", version=version))
        assert (got.body, got.chunked) == (b"abc", version == "1.1")


async def test_an_empty_body_is_a_body() -> None:
    """Content-Length 0 and an empty chunked body, both ways."""
    empty = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    async with Origin(replies(answer(b""), empty)) as origin, proxy(origin) as rig:
        assert (await rig.ask(post(b""))).body == b""
        assert (await rig.ask(chunked())).body == b""
        assert origin.requests[0].one("content-length") == "0"
        assert origin.requests[1].one("transfer-encoding") == "chunked"


async def test_pieces_go_on_as_they_come() -> None:
    """Nothing is collected, in either direction: each piece arrives before the next is sent."""

    async def echo(visit: Visit) -> None:
        await visit.head()
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for letter in (b"a", b"b", b"c"):
            assert await visit.take(6) == b"1\r\n" + letter + b"\r\n"
            visit.send(b"1\r\n" + letter + b"\r\n")
        assert await visit.take(5) == b"0\r\n\r\n"
        visit.send(b"0\r\n\r\n")
        await visit.end()

    async with Origin(echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Transfer-Encoding: chunked", method="POST"))
        assert (await client.head()).status == 200
        for letter in (b"a", b"b", b"c"):
            client.send(b"1\r\n" + letter + b"\r\n")
            assert await client.take(6) == b"1\r\n" + letter + b"\r\n"
        client.send(b"0\r\n\r\n")
        assert await client.take(5) == b"0\r\n\r\n"


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_a_large_download_waits_for_its_reader(framing: str) -> None:
    """50 MB to who stops reading again and again: little of it is ever held here."""
    total = 50 << 20
    piece = bytes(1 << 18)

    async def large(visit: Visit) -> None:
        await visit.request()
        if framing == "length":
            visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
            await visit.send_slowly(piece, total // len(piece))
        elif framing == "chunked":
            visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await visit.send_slowly(b"40000\r\n" + piece + b"\r\n", total // len(piece))
            visit.send(b"0\r\n\r\n")
        else:
            visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
            await visit.send_slowly(piece, total // len(piece))
            return
        await visit.end()

    async with Origin(large) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.keep = False
        client.send(get())
        most = 0
        for part in range(1, 11):
            client.stall()
            await turns(30)
            most = max(most, rig.held())
            client.go_on()
            await client.bytes_in_all(total // 10 * part)
        await rig.completed(1)
        assert 0 < most < 1 << 20


async def test_a_large_upload_waits_for_its_reader() -> None:
    """50 MB to an origin that stops reading again and again."""
    total = 50 << 20
    piece = bytes(1 << 18)
    most = 0

    async def slow(visit: Visit) -> None:
        nonlocal most
        assert (await visit.head()).one("content-length") == str(total)
        visit.keep = False
        before = visit.count
        for part in range(1, 11):
            visit.stall()
            await turns(30)
            most = max(most, rig.held())
            visit.go_on()
            await visit.bytes_in_all(before + (total // 10 - len(piece)) * part)
        await visit.bytes_in_all(total)
        visit.send(OK)
        await visit.end()

    async with Origin(slow) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", f"Content-Length: {total}", method="POST"))
        await client.send_slowly(piece, total // len(piece))
        assert (await client.answer("POST")).status == 200
        assert 0 < most < 1 << 20


async def test_an_upload_waits_while_its_connection_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What comes in the meantime is bounded, and none of it is lost."""
    opening = asyncio.Event()
    open_at_once = Pool._open

    async def open_later(pool: Pool, exchange: Exchange, attempt: Attempt) -> None:
        await opening.wait()
        await open_at_once(pool, exchange, attempt)

    monkeypatch.setattr(Pool, "_open", open_later)
    async with Origin(serve_echo) as origin, proxy(origin) as rig:
        body = bytes(range(256)) * (2 * LARGE // 256)
        client = await rig.client()
        client.send(post(body))
        await turns(50)
        assert 0 < rig.held() < 1 << 20
        opening.set()
        assert (await client.answer("POST")).body == b"POST / " + body


# The endpoint fails.


async def test_a_get_that_fails_is_tried_once_more_elsewhere() -> None:
    """Exactly once, at somebody else; the first attempt is a failure of the first."""

    async def die(visit: Visit) -> None:
        await visit.request()
        visit.reset()

    async with Origin(die) as one, Origin(die) as two, Origin() as three:
        async with proxy(one, two, three) as rig:
            assert (await rig.ask(get())).status == 502
            assert rig.log.completed == [("a", BAD, 0), ("b", BAD, 0)]
            assert not three.visits
        async with proxy(one, three) as rig:
            assert (await rig.ask(get("/good"))).body == b"/good"
            assert rig.log.completed == [("a", BAD, 0), ("b", GOOD, 200)]
            assert [attempt.number for attempt in rig.log.attempts] == [1, 2]


@pytest.mark.parametrize(
    ("request_bytes", "method", "repeated"),
    [
        (get("/", method="HEAD"), "HEAD", True),
        (get("/", method="OPTIONS"), "OPTIONS", True),
        (get("/", method="DELETE"), "DELETE", True),
        (post(b"x", method="PUT"), "PUT", False),
        (post(b"x", method="GET"), "GET", False),
        (post(b""), "POST", False),
        (post(b"x"), "POST", False),
        (chunked(b"x"), "POST", False),
        (get("/", method="PATCH"), "PATCH", False),
    ],
)
async def test_only_what_is_harmless_is_sent_again(
    request_bytes: bytes, method: str, repeated: bool
) -> None:
    """Idempotent and without a body; all else reaches one endpoint at the most."""

    async def die(visit: Visit) -> None:
        await visit.request()

    async with Origin(die) as one, Origin() as two, proxy(one, two) as rig:
        got = await rig.ask(request_bytes, method)
        assert got.status == (200 if repeated else 502)
        assert len(one.requests) == 1
        assert len(two.requests) == repeated


async def test_an_answer_of_500_is_an_answer() -> None:
    """It is passed on and not tried again, but the endpoint answers for it."""
    failing = answer(b"oops", status="500 Internal Server Error")
    async with Origin(replies(failing)) as one, Origin() as two, proxy(one, two) as rig:
        got = await rig.ask(get())
        assert (got.status, got.body) == (500, b"oops")
        assert rig.log.completed == [("a", BAD, 500)]


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("hard", [True, False])
async def test_an_answer_that_breaks_off_never_looks_whole(
    begun: bytes, version: str, hard: bool
) -> None:
    """Whoever delimits bodies by the end of the connection must see a reset."""

    async def break_off(visit: Visit) -> None:
        await visit.request()
        visit.send(begun)
        await client.until(lambda: b"half" in client.received, "first half")
        if hard:
            visit.reset()

    async with Origin(break_off) as origin, Origin() as other, proxy(origin, other) as rig:
        client = await rig.client()
        client.send(get("/", version=version))
        assert await client.end() == RESET
        assert not client.received.endswith(b"0\r\n\r\n")
        assert rig.log.completed == [("a", BAD, 200)]
        assert not other.visits


async def test_an_answer_that_turns_into_nonsense_never_looks_whole() -> None:
    async def babble(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await client.until(lambda: b"half" in client.received, "first half")
        visit.send(b"zz\r\n0\r\n\r\n")
        await visit.end()

    async with Origin(babble) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        assert await client.end() == RESET
        assert client.received.endswith(b"half\r\n")
        assert rig.log.completed == [("a", BAD, 200)]


@pytest.mark.parametrize(
    "babble",
    [
        b"HTTP/1.1 201 Bad\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
        b"HTTP/1.1 103 Bad\r\n\r\nHTTP/1.1 201 Bad\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 103 Bad\r\n\r\nHTTP/1.1 999999 Bad\r\n\r\n",
    ],
)
@pytest.mark.parametrize(
    "good",
    [
        answer(b"good"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ngood",
    ],
)
async def test_nonsense_that_came_with_the_head_is_nothing_begun(
    babble: bytes, good: bytes
) -> None:
    """None of it has gone on nor will, so somebody else may still be asked."""

    async def well(visit: Visit) -> None:
        await visit.request()
        visit.send(good)
        if b"close" not in good:
            await visit.end()

    async with Origin(replies(babble)) as one, Origin(well) as two, proxy(one, two) as rig:
        client = await rig.client()
        client.send(get())
        got = await client.answer()
        assert (got.status, got.body) == (200, b"good")
        assert b"Bad" not in client.received
        assert rig.log.completed == [("a", BAD, 0), ("b", GOOD, 200)]


async def test_two_that_fail_one_after_the_other_are_one_502() -> None:
    """What the first one had said is forgotten when the second one's turn has come."""
    babble = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"

    async def hint_and_die(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await turns()

    async with Origin(replies(babble)) as one, Origin(hint_and_die) as two, proxy(one, two) as rig:
        got = await rig.ask(get())
        assert (got.status, got.interim) == (502, ["HTTP/1.1 103 Early Hints"])
        assert rig.log.completed == [("a", BAD, 0), ("b", BAD, 0)]


async def test_an_answer_that_breaks_off_on_a_kept_connection_is_not_asked_for_again() -> None:
    """It is not stale: its answer had begun."""

    async def once_well(visit: Visit) -> None:
        await visit.request()
        visit.send(OK)
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await client.until(lambda: b"half" in client.received, "first half")

    async with Origin(once_well) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        await client.answer()
        client.send(get())
        assert await client.end() == RESET
        assert len(origin.requests) == 2
        assert rig.log.completed == [("a", GOOD, 200), ("a", BAD, 200)]


async def test_an_answer_until_close_that_is_reset_never_looks_whole() -> None:
    async def break_off(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await client.until(lambda: b"half" in client.received, "first half")
        visit.reset()

    async with Origin(break_off) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        assert await client.end() == RESET
        assert not client.received.endswith(b"0\r\n\r\n")
        assert rig.log.completed == [("a", BAD, 200)]


# Deadlines.


async def silent(visit: Visit) -> None:
    await visit.request()
    await visit.end()


@pytest.mark.parametrize("body", [b"", b"body"])
async def test_no_first_byte_is_504(body: bytes) -> None:
    async with Origin(silent) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(post(body, "/", "Accept: application/problem+json"))
        await origin.asked(1)
        await rig.pass_time(29)
        assert client.count == 0
        await rig.pass_time(2)
        got = await client.answer()
        assert (got.status, got.one("content-type")) == (504, "application/problem+json")
        assert rig.log.completed == [("a", BAD, 0)]
        assert rig.log.latencies[0] > 30
        await origin.visits[0].end()


async def test_no_first_byte_is_tried_elsewhere_if_it_may_be() -> None:
    async with Origin(silent) as one, Origin() as two, proxy(one, two) as rig:
        client = await rig.client()
        client.send(get("/x"))
        await one.asked(1)
        await rig.pass_time(31)
        assert (await client.answer()).body == b"/x"


async def test_an_answer_that_stops_cuts_its_client_off() -> None:
    """The deadline moves with every piece."""

    async def stop(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(3):
            await more.wait()
            more.clear()
            visit.send(b"x")
        await visit.end()

    more = asyncio.Event()
    async with Origin(stop) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        head = await client.head()
        for number in range(1, 4):
            await rig.pass_time(50)
            more.set()
            await client.bytes_in_all(len(head.raw) + number)
        assert client.ended is None
        await rig.pass_time(61)
        assert await client.end() == RESET
        assert rig.log.completed == [("a", BAD, 200)]


async def test_an_upload_that_stops_is_408_and_teaches_nothing() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Content-Length: 10", method="POST") + b"half")
        visit = await origin.visited(1)
        await visit.until(lambda: visit.received.endswith(b"half"), "first half")
        await rig.pass_time(31)
        assert client.count == 0
        await rig.pass_time(30)
        got = await client.answer()
        assert (got.status, got.one("connection")) == (408, "close")
        assert rig.log.completed == [("a", IGNORED, 0)]
        await visit.end()


async def test_an_upload_may_take_its_time() -> None:
    """The deadline moves with every piece that comes."""
    async with Origin(serve_echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Content-Length: 4", method="POST"))
        visit = await origin.visited(1)
        await visit.until(lambda: visit.count > 0, "head")
        for letter in (b"a", b"b", b"c", b"d"):
            await rig.pass_time(50)
            await client.send_pieces(letter)
        assert (await client.answer()).body == b"POST / abcd"


async def test_an_upload_of_nothing_but_framing_has_stopped() -> None:
    """Bytes that bring the body no further do not move its deadline."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"4\r\nhalf\r\n")
        visit = await origin.visited(1)
        await visit.until(lambda: b"half" in visit.received, "first half")
        for piece in (b"4;", b"x"):
            await rig.pass_time(25)
            await client.send_pieces(piece)
        await rig.pass_time(25)
        assert (await client.answer()).status == 408


async def test_an_upload_that_stops_under_a_begun_answer_teaches_nothing() -> None:
    """Both wait for the client; it is not the endpoint that is late."""

    async def early(visit: Visit) -> None:
        await visit.head()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await visit.end()

    async with Origin(early) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Content-Length: 10", method="POST") + b"half")
        await client.until(lambda: client.received.endswith(b"half"), "first half")
        await rig.pass_time(61)
        assert await client.end() == RESET
        assert rig.log.completed == [("a", IGNORED, 200)]


async def test_an_endpoint_that_takes_no_more_of_the_body_is_504() -> None:
    """Here the client is not the one who stopped."""

    async def stuck(visit: Visit) -> None:
        await visit.head()
        visit.stall()
        await asyncio.Event().wait()

    async with Origin(stuck) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", f"Content-Length: {8 * LARGE}", method="POST"))
        client.send(bytes(8 * LARGE))
        await rig.holds(lambda: rig.held() > 0, "the endpoint is slow")
        await turns(50)
        await rig.pass_time(61)
        assert (await client.answer("POST")).status == 504
        assert rig.log.completed == [("a", BAD, 0)]


@pytest.mark.parametrize("interim", ["100 Continue", "103 Early Hints"])
async def test_who_is_late_after_an_interim_answer(interim: str) -> None:
    """Told to continue, the client is; told anything else, it still waits for the endpoint."""

    async def hint(visit: Visit) -> None:
        await visit.head()
        visit.send(f"HTTP/1.1 {interim}\r\n\r\n".encode())
        await visit.end()

    async with Origin(hint) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Content-Length: 4", "Expect: 100-continue", method="POST"))
        await client.head()
        await rig.pass_time(61)
        if interim.startswith("100"):
            assert (await client.answer()).status == 408
            assert rig.log.completed == [("a", IGNORED, 0)]
        else:
            assert (await client.answer()).status == 504
            assert rig.log.completed == [("a", BAD, 0)]


# Early answers.


@pytest.mark.parametrize("lines", [(), ("Connection: close",)])
async def test_an_early_answer_reaches_a_client_that_still_sends(lines: tuple[str, ...]) -> None:
    """Whole and without a reset, though the endpoint reads no further and closes."""

    async def refuse(visit: Visit) -> None:
        await visit.head()
        visit.send(answer(b"too large", "Connection: close", status="413 Content Too Large"))
        visit.stall()
        visit.half_close()
        await sent.wait()

    sent = asyncio.Event()
    async with Origin(refuse) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", f"Content-Length: {4 * LARGE}", *lines, method="POST") + b"x")
        await client.until(lambda: client.count > 0, "answer")
        await client.send_slowly(bytes(LARGE // 16), 64)
        sent.set()
        got = await client.answer("POST")
        assert (got.status, got.body, got.one("connection")) == (413, b"too large", "close")
        assert await client.end() == EOF
        assert rig.log.completed == [("a", GOOD, 413)]


async def test_a_body_that_was_refused_is_taken_and_dropped() -> None:
    """The answer has begun and says that the connection closes: none of the body goes on, and its
    sender is not kept waiting with it."""

    async def refuse(visit: Visit) -> None:
        await visit.head()
        visit.send(b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 6\r\n\r\nhal")
        await all_sent.wait()
        assert not visit.unread
        visit.send(b"ves")

    all_sent = asyncio.Event()
    async with Origin(refuse) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", f"Content-Length: {4 * LARGE}", method="POST"))
        await client.until(lambda: client.received.endswith(b"hal"), "first half")
        await client.send_slowly(bytes(LARGE // 4), 16)
        await rig.holds(lambda: not client.transport.get_write_buffer_size(), "all was taken")
        all_sent.set()
        assert (await client.answer("POST")).body == b"halves"


async def test_an_early_answer_is_read_before_more_is_written() -> None:
    """The endpoint answered and closed, with unread bytes: writing to it once more would be
    answered by a reset that takes the answer along."""

    async def refuse(visit: Visit) -> None:
        await visit.until(lambda: visit.received.endswith(b"half"), "first half")
        # In one go: more of the body reaches the proxy together with the answer and the reset.
        client.send(bytes(1000))
        visit.send(answer(b"no", "Connection: close", status="403 Forbidden"))
        visit.reset()

    for _ in range(10):
        async with Origin(refuse) as origin, proxy(origin) as rig:
            client = await rig.client()
            client.send(get("/", "Content-Length: 100000", method="POST") + b"half")
            got = await client.answer("POST")
            assert (got.status, got.body) == (403, b"no")


async def test_a_body_held_back_for_an_early_answer_goes_on_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was to be read first was no answer yet. Meanwhile no more than a buffer was taken."""
    readable = True
    monkeypatch.setattr(UpstreamConnection, "readable", lambda self: readable)

    async def hint(visit: Visit) -> None:
        nonlocal readable
        await visit.head()
        await rig.holds(lambda: rig.held() > 0, "the body is held back")
        await turns(50)
        assert rig.held() < 1 << 20
        readable = False
        visit.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        assert await visit.take(2 * LARGE) == body
        visit.send(OK)
        await visit.end()

    body = bytes(range(256)) * (2 * LARGE // 256)
    async with Origin(hint) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", f"Content-Length: {len(body)}", method="POST"))
        await origin.visited(1)
        client.send(body)
        assert (await client.answer("POST")).status == 200


@pytest.mark.parametrize("chunky", [True, False])
async def test_a_connection_whose_request_is_not_whole_is_not_used_again(
    chunky: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the body is still here when the answer is over."""
    monkeypatch.setattr(UpstreamConnection, "readable", lambda self: True)

    async def early(visit: Visit) -> None:
        await visit.head()
        await rig.holds(lambda: all_sent, "the client has sent all")
        await turns()
        visit.send(OK)
        await visit.end()

    all_sent = False
    async with Origin(early) as origin, proxy(origin) as rig:
        client = await rig.client()
        framing = "Transfer-Encoding: chunked" if chunky else "Content-Length: 4"
        client.send(get("/", framing, method="POST"))
        await origin.visited(1)
        await turns()
        await client.send_pieces(b"0\r\n\r\n" if chunky else b"body")
        all_sent = True
        assert (await client.answer("POST")).status == 200
        await origin.visits[0].end()
        assert rig.listener.pool.idle_count() == 0


async def test_an_answer_that_begins_early_does_not_end_the_upload() -> None:
    """An echo: both directions go on until both are done."""

    async def echo(visit: Visit) -> None:
        await visit.head()
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not visit.received.endswith(b"\r\n0\r\n\r\n"):
            await visit.until(lambda: len(visit.unread) > 0, "more")
            visit.send(await visit.take(len(visit.unread)))
        await visit.end()

    async with Origin(echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Transfer-Encoding: chunked", method="POST"))
        parts = [bytes([number]) * 100_000 for number in range(30)]
        for part in parts:
            client.send(b"%x\r\n%b\r\n" % (len(part), part))
            await turns()
        client.send(b"0\r\n\r\n")
        assert (await client.answer("POST")).body == b"".join(parts)
        assert rig.log.completed == [("a", GOOD, 200)]


async def test_an_early_answer_until_close_ends_with_its_endpoint() -> None:
    """Which takes no more of the body, so that the connection itself cannot end in peace."""

    async def refuse(visit: Visit) -> None:
        await visit.head()
        visit.stall()
        await rig.holds(lambda: rig.held() > 0, "the body waits")
        visit.send(b"HTTP/1.1 403 Forbidden\r\n\r\nno")
        visit.half_close()
        await client.until(lambda: client.ended is not None, "end")

    async with Origin(refuse) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", f"Content-Length: {8 * LARGE}", method="POST"))
        client.send(bytes(8 * LARGE))
        got = await client.answer("POST")
        assert (got.status, got.body) == (403, b"no")
        assert rig.log.completed == [("a", GOOD, 403)]


async def test_a_client_that_reads_only_when_it_has_sent_all_is_served() -> None:
    """Meanwhile its answer fills all buffers, and is no reason to hold the upload back."""
    total = 8 * LARGE

    async def both(visit: Visit) -> None:
        await visit.head()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        visit.send(bytes(total))
        await visit.bytes_in_all(total)
        await visit.end()

    async with Origin(both) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", f"Content-Length: {total}", method="POST"))
        client.stall()
        await rig.holds(
            lambda: any(each.paused for each in rig.listener.connections), "the client is slow"
        )
        await client.send_slowly(bytes(LARGE), 8)
        await (await origin.visited(1)).bytes_in_all(total)
        client.go_on()
        assert len((await client.answer("POST")).body) == total


async def test_an_early_answer_leaves_a_connection_that_is_not_used_again() -> None:
    """The rest of the body may still be expected there."""

    async def early(visit: Visit) -> None:
        await visit.head()
        visit.send(OK)
        await visit.end()

    async with Origin(early) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Content-Length: 10", method="POST"))
        assert (await client.answer("POST")).one("connection") == "close"
        assert await client.end() == EOF
        await origin.visits[0].end()
        assert rig.listener.pool.idle_count() == 0


# The client leaves.


@pytest.mark.parametrize("hard", [True, False])
async def test_a_client_that_leaves_amid_the_answer_stops_the_endpoint(hard: bool) -> None:
    async def endless(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (20 * LARGE))
        await visit.send_slowly(bytes(LARGE), 20)
        await visit.end()

    async with Origin(endless) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        await client.bytes_in_all(1000)
        rig.clock.advance(20)
        client.reset() if hard else client.close()
        await (await origin.visited(1)).end()
        assert await rig.completed(1) == [("a", IGNORED, 200)]
        assert rig.log.latencies[0] < 20, "the time to the first byte, and not to the end"
        assert not rig.learned


async def test_a_client_that_leaves_amid_its_upload_leaves_no_whole_request() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        body = chunks(b"abc")
        client.send(get("/", "Transfer-Encoding: chunked", method="POST") + body[:-5])
        visit = await origin.visited(1)
        await visit.until(lambda: b"abc" in visit.received, "first chunk")
        client.close()
        await visit.end()
        assert not visit.received.endswith(b"0\r\n\r\n")
        assert not origin.requests
        assert await rig.completed(1) == [("a", IGNORED, 0)]


# Who is credited.


async def test_overlapping_requests_are_credited_to_their_own_endpoint() -> None:
    """An endpoint that takes 1 s is learned as 1 s, however slow the one beside it is, and each
    decision comes back with what came of it and of no other."""

    async def when_told(visit: Visit) -> None:
        while not await done(visit):
            await visit.request()
            await gates[visit.origin].wait()
            visit.send(OK)

    class Alternating(First):
        def __init__(self) -> None:
            self.turn = 0
            self.credited: list[tuple[tuple[int, str], str, float]] = []

        def select(self, observation: Observation) -> Decision:
            self.turn += 1
            index = (self.turn - 1) % 2
            return Decision(index, memo=(self.turn, observation.candidates[index].id))

        def observe(self, transition: Transition) -> None:
            self.credited.append(
                (transition.decision.memo, transition.endpoint.id, transition.outcome.latency)
            )

    policy = Alternating()
    async with Origin(when_told) as fast, Origin(when_told) as slow:
        gates = {fast: asyncio.Event(), slow: asyncio.Event()}
        async with proxy(fast, slow, policy=policy) as rig:
            clients = [await rig.client() for _ in range(4)]
            for client in clients:
                client.send(get())
            await fast.asked(2)
            await slow.asked(2)
            rig.clock.advance(1)
            gates[fast].set()
            await rig.completed(2)
            rig.clock.advance(9)
            gates[slow].set()
            for client in clients:
                await client.answer()
            assert sorted(policy.credited) == [
                ((1, "a"), "a", 1.0),
                ((2, "b"), "b", 10.0),
                ((3, "a"), "a", 1.0),
                ((4, "b"), "b", 10.0),
            ]
            assert rig.stats("a").latency == pytest.approx(1)
            assert rig.stats("b").latency == pytest.approx(10)


# Faults of a strategy.


class Faulty(First):
    """Fails at whatever it is told to fail at."""

    def __init__(self, at: str) -> None:
        self.at = at

    def select(self, observation: Observation) -> Decision:
        if self.at == "select":
            raise ZeroDivisionError(self.at)
        return super().select(observation)

    def observe(self, transition: Transition) -> None:
        if self.at == "observe":
            raise ZeroDivisionError(self.at)


async def test_a_fault_in_learning_costs_no_answer() -> None:
    """It is reported, and the endpoint is not left with a request that never ends."""
    async with Origin() as origin, proxy(origin, policy=Faulty("observe")) as rig:
        client = await rig.client()
        for target in ("/1", "/2"):
            client.send(get(target))
            assert (await client.answer()).body == target.encode()
        assert len(rig.problems) == 2
        assert all("ZeroDivisionError('observe')" in each for each in rig.problems)
        assert rig.stats("a").in_flight == 0
        rig.problems.clear()
        rig.log.completed, rig.node.routed = [], 0  # a faulty strategy keeps its log from its node
        rig.learned.clear()


async def test_a_fault_in_deciding_is_503() -> None:
    """Also when it comes with the second attempt."""
    policy = Faulty("select")

    async def die(visit: Visit) -> None:
        await visit.request()
        policy.at = "select"

    async with Origin(die) as one, Origin() as two, proxy(one, two, policy=policy) as rig:
        client = await rig.client()
        client.send(get())
        assert (await client.answer()).status == 503
        policy.at = ""
        client.send(get())
        assert (await client.answer()).status == 502
        policy.at = ""
        rig.switch_to("first", First())
        client.send(get("/health"))
        assert (await client.answer()).status == 200
        assert len(rig.problems) == 2
        rig.problems.clear()


# Loops.


async def test_a_request_that_has_passed_too_many_proxies_is_508() -> None:
    async with Origin() as origin, proxy(origin, limits={"hops": 3}) as rig:
        assert (await rig.ask(get("/", "Via: 1.1 a, 1.0 b"))).status == 200
        client = await rig.client()
        client.send(get("/", "Via: 1.1 a, 1.0 b", "Via: 1.1 c", method="HEAD"))
        assert (await client.answer("HEAD")).status == 508
        assert await client.end() == EOF
        assert client.received.endswith(b"\r\n\r\n")
        assert len(origin.requests) == 1


async def test_a_proxy_before_itself_does_not_turn_for_ever() -> None:
    async with proxy(1, limits={"hops": 5}) as rig:
        rig.table.all[0].endpoint = Endpoint("a", "127.0.0.1", rig.port)
        assert (await rig.ask(get("/", method="POST"))).status == 508
        assert rig.counters.connections == 6
