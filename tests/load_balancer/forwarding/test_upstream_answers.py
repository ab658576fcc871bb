"""Answers that are believed, and answers that are not."""

import pytest

from load_balancer.forwarding.upstream import MAX_INTERIM
from rl.vocabulary import Verdict
from tests.live.asking import get, post
from tests.live.origin import OK, Origin, Visit, answer, replies
from tests.live.rig import proxy
from tests.live.wire import RESET, turns

pytestmark = pytest.mark.integration

BAD = Verdict.FAILURE
GOOD = Verdict.SUCCESS


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


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("status", ["100 Continue", "103 Early Hints"])
async def test_an_interim_answer_has_no_body(status: str, version: str) -> None:
    """Whatever it says: what follows it is the final one, and nothing follows that."""
    smuggled = answer(b"smuggled")
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode()

    async def lies(visit: Visit) -> None:
        await visit.request()
        visit.send(head + smuggled + OK)

    async with Origin(lies) as origin, proxy(origin) as rig:
        for _ in range(2):
            client = await rig.client()
            client.send(get(version=version))
            got = await client.answer()
            assert (200, b"smuggled", b"") == (got.status, got.body, client.unread)
            assert client.received.count(b"Content-Length") == 1
        assert 2 == len(origin.visits)


@pytest.mark.parametrize("status", ["104 New", "199 Newer"])
@pytest.mark.parametrize("pieces", [1, 2])
async def test_an_interim_answer_with_a_body_goes_no_further(status: str, pieces: int) -> None:
    """httptools reads a body behind those that it does not know: going down, it would be taken for
    an answer. Found by fuzzing."""
    smuggled = answer(b"smuggled")
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode()

    async def lies(visit: Visit) -> None:
        await visit.request()
        await visit.send_pieces(*((head, smuggled) if pieces == 2 else (head + smuggled,)))
        await visit.end()

    async with Origin(lies) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        got = await client.answer()
        assert got.status == 502
        assert b"smuggled" not in client.received


async def test_each_interim_answer_leaves_the_final_one_a_trys_time() -> None:
    """Not that of a body, which has begun and only pauses."""

    async def hints(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await visit.end()

    async with Origin(hints) as slow, Origin() as good:
        async with proxy(slow, good, deadlines={"first_byte_seconds": 2}) as rig:
            client = await rig.client()
            client.send(get("/x"))
            await client.until(lambda: b"103" in client.received, "hints")
            await rig.pass_time(3)
            got = await client.answer()
            assert (b"/x", ["HTTP/1.1 103 Early Hints"]) == (got.body, got.interim)
