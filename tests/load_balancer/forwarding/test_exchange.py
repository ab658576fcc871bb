"""One request and its answer: what goes on, what comes back, and how each ending is told."""

import asyncio

import pytest

from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.pool import Pool
from load_balancer.node import Attempt
from rl.vocabulary import Decision, Endpoint, Observation, Transition
from tests.live.asking import chunked, get, post
from tests.live.origin import OK, Origin, Visit, answer, done, replies, serve_echo
from tests.live.rig import First, proxy
from tests.live.wire import EOF, LARGE, turns

pytestmark = pytest.mark.integration


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
