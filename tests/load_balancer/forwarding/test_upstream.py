"""The endpoint's side: connections kept and dropped, answers believed and not."""

import asyncio

import pytest

from load_balancer.forwarding.upstream import UpstreamConnection
from rl.vocabulary import Verdict
from tests.live.asking import chunked, get, post
from tests.live.origin import OK, Origin, Visit, answer, replies, serve_echo
from tests.live.rig import count_writes, proxy
from tests.live.wire import turns

pytestmark = pytest.mark.integration

BAD = Verdict.FAILURE
GOOD = Verdict.SUCCESS


# Connections kept.


async def test_a_connection_is_used_again_and_again() -> None:
    """By other clients too; not even an answer to HEAD, 204 or 304 gets in the way."""
    origin_answers = (
        OK,
        answer(b"", status="304 Not Modified").replace(b"Length: 0", b"Length: 5"),
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        OK,
    )
    methods = ("GET", "GET", "GET", "HEAD", "HEAD", "GET", "POST")
    async with Origin(replies(*origin_answers)) as origin, proxy(origin) as rig:
        got = [await rig.ask(get("/", method=method), method) for method in methods]
        assert [each.status for each in got] == [200, 304, 204, 200, 200, 200, 200]
        assert [each.one("content-length") for each in (got[1], got[3])] == ["5", "5"]
        assert len(origin.visits) == 1


async def test_as_many_connections_as_requests_at_once_and_the_last_used_first() -> None:
    gate = asyncio.Event()

    async def gated(visit: Visit) -> None:
        while True:
            await visit.request()
            await gate.wait()
            visit.send(answer(str(visit.number).encode()))

    async with Origin(gated) as origin, proxy(origin) as rig:
        clients = [await rig.client() for _ in range(3)]
        for client in clients:
            client.send(get())
        await origin.asked(3)
        gate.set()
        numbers = [(await client.answer()).body for client in clients]
        assert sorted(numbers) == [b"1", b"2", b"3"]
        assert rig.listener.pool.idle_count() == 3
        # One after the other needs only one, so the others can grow old.
        last = await rig.ask(get())
        for _ in range(3):
            assert (await rig.ask(get())).body == last.body


@pytest.mark.parametrize("trailer", ["Connection: close", "Transfer-Encoding: gzip"])
async def test_a_connection_is_not_used_again_when_trailers_speak_of_it(trailer: str) -> None:
    """They are not to, but the parser heeds them; the answer itself is whole."""
    reply = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
        + trailer.encode()
        + b"\r\n\r\n"
    )
    async with Origin(replies(reply, OK)) as origin, proxy(origin) as rig:
        assert [(await rig.ask(get())).status for _ in range(2)] == [200, 200]
        assert len(origin.visits) == 2


async def test_only_so_many_are_kept() -> None:
    gate = asyncio.Event()

    async def gated(visit: Visit) -> None:
        await visit.request()
        await gate.wait()
        visit.send(OK)
        await visit.end()

    limits = {"idle_connections_per_endpoint": 2}
    async with Origin(gated) as origin, proxy(origin, limits=limits) as rig:
        clients = [await rig.client() for _ in range(5)]
        for client in clients:
            client.send(get())
        await origin.asked(5)
        gate.set()
        for client in clients:
            await client.answer()
        assert rig.listener.pool.idle_count() == 2
        await rig.holds(lambda: len(origin.open) == 2, "the others are closed")


async def test_an_idle_connection_is_closed_before_its_server_does() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        await rig.ask(get())
        await rig.pass_time(3)
        assert rig.listener.pool.idle_count() == 1
        await rig.pass_time(2)
        assert rig.listener.pool.idle_count() == 0
        await origin.visits[0].end()
        assert (await rig.ask(get())).status == 200
        assert len(origin.visits) == 2


@pytest.mark.parametrize(
    "last_words",
    [
        OK,
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"\r\n",
        b"nonsense",
    ],
)
async def test_bytes_that_nobody_asked_for_end_an_idle_connection(last_words: bytes) -> None:
    """They could be taken for the answer to the next request."""

    async def talkative(visit: Visit) -> None:
        await visit.request()
        visit.send(answer(b"first"))
        await said.wait()
        visit.send(last_words)
        await visit.end()

    said = asyncio.Event()
    async with Origin(talkative) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        assert (await client.answer()).body == b"first"
        origin.script = serve_echo
        said.set()
        await origin.visits[0].end()
        client.send(get("/second"))
        assert (await client.answer()).body == b"GET /second "
        assert rig.log.completed == [("a", GOOD, 200)] * 2


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (answer(b"right") + b"wrong", b"right"),
        (answer(b"right") + answer(b"wrong"), b"right"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n0\r\n\r\n"
            + answer(b"wrong", "X-Wrong: 1"),
            b"right",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n0\r\n"
            b"X-Right: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Wrong: 1\r\n",
            b"right",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\nwrong", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nwrong", b""),
        (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""),
    ],
)
async def test_bytes_behind_an_answer_reach_nobody(reply: bytes, body: bytes) -> None:
    """And the connection that they came by is not used again."""
    async with Origin(replies(reply)) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        assert (await client.answer()).body == body
        origin.script = serve_echo
        client.send(get("/next"))
        assert (await client.answer()).body == b"GET /next "
        assert b"wrong" not in client.received.lower()
        assert len(origin.visits) == 2
        await origin.visits[0].end()


async def test_a_body_behind_the_answer_to_head_reaches_nobody() -> None:
    async with Origin(replies(answer(b"wrong"))) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", method="HEAD"))
        assert (await client.answer("HEAD")).one("content-length") == "5"
        origin.script = serve_echo
        client.send(get("/next"))
        assert (await client.answer()).body == b"GET /next "
        assert b"wrong" not in client.received


async def test_the_connection_of_a_slow_reader_is_read_again_afterwards() -> None:
    """It was paused for that client's sake when the answer ended; the next exchange on it must not
    wait for ever, nor may its end go unnoticed."""
    large = answer(bytes(8 << 20))
    async with Origin(replies(large, OK)) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.stall()
        client.send(get())
        await rig.holds(
            lambda: any(each.paused for each in rig.listener.connections), "the client is slow"
        )
        client.go_on()
        await client.answer()
        assert (await rig.ask(get())).body == b"ok"
        assert len(origin.visits) == 1
        origin.visits[0].close()
        await rig.holds(lambda: rig.listener.pool.idle_count() == 0, "the end was noticed")


async def test_a_connection_paused_at_the_very_end_is_read_again() -> None:
    """The last piece fills the client's buffer: the pause comes when the answer is over."""

    async def filling(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not rig.held():
            visit.send(b"4000\r\n" + bytes(0x4000) + b"\r\n")
            await turns()
        visit.send(b"28000\r\n" + bytes(0x28000) + b"\r\n0\r\n\r\n")
        await visit.request()
        visit.send(answer(b"second"))
        await visit.end()

    async with Origin(filling) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.stall()
        client.send(get())
        await rig.completed(1)
        assert any(each.paused for each in rig.listener.connections)
        assert (await rig.ask(get())).body == b"second"
        assert len(origin.visits) == 1


# Kept connections that their server closes.


async def close_on_second(visit: Visit) -> None:
    """Keeps the connection and closes it when the next request has come."""
    await visit.request()
    visit.send(OK)
    await visit.request()


async def test_a_stale_connection_is_invisible_to_get() -> None:
    """The server closed it in the moment of its reuse: asked again on a new one, and the endpoint
    is not blamed."""
    async with Origin(close_on_second) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/1"))
        await client.answer()
        client.send(get("/2"))
        assert (await client.answer()).status == 200
        assert [request.target for request in origin.requests] == ["/1", "/2", "/2"]
        assert rig.log.completed == [("a", GOOD, 200)] * 2
        assert (rig.counters.reconnections, rig.counters.retries) == (1, 0)


async def test_a_stale_connection_is_502_for_post_and_never_a_second_post() -> None:
    async with Origin(close_on_second) as origin, proxy(origin, origin) as rig:
        await rig.ask(post(b"1", "/1"))
        assert (await rig.ask(post(b"2", "/2"))).status == 502
        assert [request.target for request in origin.requests] == ["/1", "/2"]
        assert rig.log.completed[1:] == [("a", BAD, 0)]


@pytest.mark.parametrize(
    ("request_bytes", "body"),
    [
        (post(b"2"), b"POST / 2"),
        (post(b"2", method="PUT"), b"PUT / 2"),
        (get("/", method="PATCH"), b"PATCH / "),
    ],
)
async def test_a_connection_whose_end_has_come_is_not_given_to_a_post(
    request_bytes: bytes, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is in the kernel and the loop has not told us: looked at before what cannot be
    repeated is sent."""
    async with Origin(serve_echo) as origin, proxy(origin) as rig:
        await rig.ask(post(b"1", "/1"))
        client = await rig.client()
        client.send(get("/health"))
        await client.answer()
        # In one turn of the loop: the origin's end arrives before the request, and is in the
        # kernel when the request is handled.
        monkeypatch.setattr(UpstreamConnection, "eof_received", lambda self: True)
        origin.visits[0].half_close()
        await turns()
        client.send(request_bytes)
        assert (await client.answer()).body == body
        assert len(origin.visits) == 2
        assert rig.log.completed == [("a", GOOD, 200)] * 2


async def test_each_endpoint_has_a_stale_connection_forgiven() -> None:
    """The first one's was, and then it failed; the second one's is not held against it."""

    async def close_twice(visit: Visit) -> None:
        await visit.request()
        if visit.number == 1:
            visit.send(OK)
            await visit.request()

    async def close_once(visit: Visit) -> None:
        if visit.number == 1:
            await close_on_second(visit)
        else:
            await serve_echo(visit)

    async with Origin(close_twice) as one, Origin(close_once) as two, proxy(one, two) as rig:
        await rig.ask(get("/1"))
        rig.table.all[0].healthy = False
        rig.node.refresh()
        await rig.ask(get("/2"))
        rig.table.all[0].healthy = True
        rig.node.refresh()
        assert (await rig.ask(get("/3"))).body == b"GET /3 "
        assert rig.log.completed[2:] == [("a", BAD, 0), ("b", GOOD, 200)]
        assert rig.counters.reconnections == 2


async def test_a_new_connection_that_closes_is_the_endpoints_failure() -> None:
    """Once on a kept one may be bad luck, again on a new one is not."""

    async def never(visit: Visit) -> None:
        await visit.request()

    async with Origin(close_on_second) as origin, proxy(origin) as rig:
        await rig.ask(get("/1"))
        origin.script = never
        assert (await rig.ask(get("/2"))).status == 502
        assert [request.target for request in origin.requests] == ["/1", "/2", "/2"]
        assert rig.log.completed == [("a", GOOD, 200), ("a", BAD, 0)]


async def test_a_connection_opened_for_who_left_is_kept_and_may_be_stale_too() -> None:
    """It carried no request yet, but it was idle like any other."""
    gone = asyncio.Event()

    async def close_when_asked(visit: Visit) -> None:
        if visit.number == 1:
            await visit.request()
            gone.set()
        else:
            await serve_echo(visit)

    async with Origin(close_when_asked) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/unasked"))
        client.reset()
        await rig.completed(1)
        await rig.holds(lambda: rig.listener.pool.idle_count() == 1, "the connection is kept")
        assert (await rig.ask(get("/2"))).body == b"GET /2 "
        assert gone.is_set()
        assert rig.log.completed[1:] == [("a", GOOD, 200)]


# Cost.


async def test_one_write_per_small_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Head and body that came together go on together."""
    written = count_writes(monkeypatch, UpstreamConnection)
    async with Origin(serve_echo) as origin, proxy(origin) as rig:
        client = await rig.client()
        requests = (get(), post(b"x" * 1000), chunked(b"abc", b"de"), get("/", "A: b"))
        for number, request in enumerate(requests, 1):
            client.send(request)
            await client.answer()
            assert len(written) == number
        assert len(origin.visits) == 1
