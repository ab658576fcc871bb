"""Answers that begin, or end, before their request is whole."""

import asyncio

import pytest

from load_balancer.forwarding.upstream import UpstreamConnection
from rl.vocabulary import Verdict
from tests.live.asking import get
from tests.live.origin import OK, Origin, Visit, answer
from tests.live.rig import proxy
from tests.live.wire import EOF, LARGE, turns

pytestmark = pytest.mark.integration

GOOD = Verdict.SUCCESS


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
