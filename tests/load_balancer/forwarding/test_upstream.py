"""The endpoint's side: connections kept and dropped, answers believed and not."""

import asyncio

import pytest

from load_balancer.forwarding.upstream import MAX_INTERIM, UpstreamConnection
from rl.vocabulary import Endpoint, Verdict
from tests.live.asking import chunked, get, post, refusing, unaccepting
from tests.live.origin import OK, Origin, Visit, answer, replies, serve_echo
from tests.live.rig import count_writes, proxy
from tests.live.wire import RESET, turns

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


# Connections refused, late, gone.


async def test_who_refuses_is_passed_over() -> None:
    async with Origin() as origin:
        with refusing() as port:
            async with proxy(port, origin) as rig:
                assert (await rig.ask(get("/1"))).body == b"/1"
                assert rig.log.completed == [("a", BAD, 0), ("b", GOOD, 200)]
                assert rig.counters.retries == 1


async def test_an_upload_is_passed_on_whole_when_nothing_of_it_was_sent() -> None:
    """A refused connection has seen nothing, so even POST can go elsewhere."""
    async with Origin(serve_echo) as origin:
        with refusing() as port:
            async with proxy(port, origin) as rig:
                assert (await rig.ask(post(b"abc", "/1"))).body == b"POST /1 abc"
                assert (await rig.ask(chunked(b"d", b"ef"))).body == b"POST / def"


async def test_all_refuse_is_502() -> None:
    with refusing() as one, refusing() as other:
        async with proxy(one, other) as rig:
            refused = await rig.ask(get("/", "Accept: application/json"))
            assert refused.status == 502
            assert b"cannot be reached" in refused.body
            assert rig.log.completed == [("a", BAD, 0), ("b", BAD, 0)]


async def test_who_does_not_accept_in_time_is_504() -> None:
    with unaccepting() as port:
        async with proxy(port, deadlines={"connect_seconds": 0.1}) as rig:
            assert (await rig.ask(get())).status == 504
            assert rig.log.completed == [("a", BAD, 0)]
            assert rig.counters.refusals == {"connect_timeout": 1}


async def test_who_does_not_accept_in_time_is_passed_over() -> None:
    async with Origin(serve_echo) as origin:
        with unaccepting() as port:
            async with proxy(port, origin, deadlines={"connect_seconds": 0.1}) as rig:
                assert (await rig.ask(post(b"x"))).body == b"POST / x"


async def test_a_client_that_leaves_while_connecting_teaches_nothing() -> None:
    with unaccepting() as port:
        async with proxy(port, deadlines={"connect_seconds": 0.1}) as rig:
            client = await rig.client()
            client.send(get())
            await rig.holds(lambda: rig.node.routed, "the request was routed")
            client.reset()
            assert await rig.completed(1) == [("a", Verdict.IGNORED, 0)]


async def test_a_host_that_cannot_be_a_name_is_502() -> None:
    """And not a request that hangs for ever."""
    async with proxy(1) as rig:
        rig.table.all[0].endpoint = Endpoint("a", "a..b", 80)
        assert (await rig.ask(get())).status == 502


@pytest.mark.parametrize("hard", [True, False])
async def test_who_accepts_and_closes_at_once_is_a_failure_and_no_hang(hard: bool) -> None:
    async def slam(visit: Visit) -> None:
        if hard:
            visit.reset()

    async with Origin(slam) as origin, Origin() as other, proxy(origin, other) as rig:
        assert (await rig.ask(get("/1"))).body == b"/1"
        assert rig.log.completed == [("a", BAD, 0), ("b", GOOD, 200)]


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


# Interim answers.


async def test_continue_comes_through_and_the_body_follows() -> None:
    async def asks(visit: Visit) -> None:
        head = await visit.head()
        assert head.one("expect") == "100-continue"
        assert not visit.unread
        visit.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await visit.take(4) == b"body"
        visit.send(OK)
        await visit.end()

    async with Origin(asks) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(post(b"", "/", "Expect: 100-continue").replace(b"Length: 0", b"Length: 4"))
        assert (await client.head()).line == "HTTP/1.1 100 Continue"
        client.send(b"body")
        assert (await client.answer()).body == b"ok"


async def test_expect_may_be_answered_finally_at_once() -> None:
    """The endpoint does not want the body; the client never sends it."""
    refused = answer(b"no", "Connection: close", status="413 Content Too Large")

    async def refuse(visit: Visit) -> None:
        await visit.head()
        visit.send(refused)

    async with Origin(refuse) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Content-Length: 4", "Expect: 100-continue", method="POST"))
        got = await client.answer()
        assert (got.status, got.one("connection")) == (413, "close")
        await client.end()


async def test_an_endpoint_that_never_says_continue_is_late_itself() -> None:
    """The client waits as it may; it is not told that its body did not come."""

    async def mute(visit: Visit) -> None:
        await visit.head()
        await visit.end()

    async with Origin(mute) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/", "Content-Length: 4", "Expect: 100-continue", method="POST"))
        await (await origin.visited(1)).until(lambda: origin.visits[0].count > 0, "head")
        await turns()
        await rig.pass_time(31)
        assert (await client.answer()).status == 504
        assert rig.log.completed == [("a", BAD, 0)]


@pytest.mark.parametrize("pieces", [1, 2, 4])
async def test_early_hints_are_passed_on_wherever_the_segments_end(pieces: int) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: Secret\r\nSecret: 1\r\n\r\n"
    whole = hints + hints + OK

    async def hint(visit: Visit) -> None:
        await visit.request()
        step = len(whole) // pieces + 1
        await visit.send_pieces(*(whole[i : i + step] for i in range(0, len(whole), step)))
        await visit.end()

    async with Origin(hint) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        got = await client.answer()
        assert (got.body, got.interim) == (b"ok", ["HTTP/1.1 103 Early Hints"] * 2)
        assert client.received.count(b"Link: </a.css>\r\n") == 2
        assert b"Secret" not in client.received


async def test_an_old_client_gets_no_interim_answers() -> None:
    """HTTP/1.0 does not know them (RFC 9110 section 15.2)."""
    reply = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK
    async with Origin(replies(reply)) as origin, proxy(origin) as rig:
        got = await rig.ask(get("/", version="1.0"))
        assert (got.interim, got.body) == ([], b"ok")


async def test_a_storm_of_interim_answers_is_502() -> None:
    async def storm(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_INTERIM + 1) + OK)
        await visit.end()

    async with Origin(storm) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        got = await client.answer()
        assert got.status == 502
        assert rig.log.completed == [("a", BAD, 0)]
        await origin.visits[0].end()


# Answers that are not believed.


@pytest.mark.parametrize(
    "reply",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nxyz",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,
        b"HTTP/1.1 099 Odd\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000 + b"\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"Content-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 " + b"y" * 40_000,
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
)
async def test_an_answer_that_cannot_be_trusted_is_502_and_someone_else_is_asked(
    reply: bytes,
) -> None:
    async def lie(visit: Visit) -> None:
        await visit.request()
        half = len(reply) // 2
        await visit.send_pieces(reply[:half], reply[half:])
        visit.half_close()
        await visit.end()

    async with Origin(lie) as origin, Origin() as other:
        async with proxy(origin) as rig:
            assert (await rig.ask(get())).status == 502
            await rig.ask(post(b"x"))
            assert rig.log.completed == [("a", BAD, 0)] * 2
        async with proxy(origin, other) as rig:
            assert (await rig.ask(get("/good"))).body == b"/good"
            assert rig.log.completed == [("a", BAD, 0), ("b", GOOD, 200)]
        assert all(visit.ended for visit in origin.visits)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30,),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 5000,),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 3000, b"y" * 3000),
        (b"HTTP/1.1 200 ", b"y" * 3000, b"y" * 3000),
        (b"HTTP/1.1 200 OK\r\n", b"X: %b\r\n" % (b"y" * 1500), b"Y: %b\r\n" % (b"y" * 3000)),
    ],
)
async def test_the_end_of_a_head_that_is_too_large_is_not_waited_for(
    pieces: tuple[bytes, ...],
) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send_pieces(*pieces)
        await visit.end()

    limits = {"head_bytes": 4096, "head_fields": 20}
    async with Origin(script) as origin, proxy(origin, limits=limits) as rig:
        assert (await rig.ask(get())).status == 502
        assert rig.log.completed == [("a", BAD, 0)]


@pytest.mark.parametrize(
    "flood",
    [
        (b"0\r\nX: ", b"y" * 5000, b"y" * 5000),
        (b"0\r\n", b"X: y\r\n" * 1000),
        (b"3;", b"y" * 5000, b"y" * 5000),
        (b"0\r\n", b"X: y\r\n" * 1000 + b"\r\n"),
    ],
    ids=["trailer", "trailers", "extension", "whole"],
)
async def test_trailers_and_chunk_extensions_are_bounded(flood: tuple[bytes, ...]) -> None:
    """The answer has begun, so its client is cut off."""

    async def script(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await turns()
        await visit.send_pieces(*flood)
        await visit.end()

    async with Origin(script) as origin, proxy(origin, limits={"head_bytes": 4096}) as rig:
        client = await rig.client()
        client.send(get())
        assert await client.end() == RESET
        assert rig.log.completed == [("a", BAD, 200)]
        assert not client.received.endswith(b"0\r\n\r\n")


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
