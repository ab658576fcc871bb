"""Nothing moves: who is told, who is blamed."""

import asyncio

import pytest

from rl.vocabulary import Verdict
from tests.live.asking import get, post
from tests.live.origin import Origin, Visit, serve_echo
from tests.live.rig import proxy
from tests.live.wire import LARGE, RESET, turns

pytestmark = pytest.mark.integration

BAD = Verdict.FAILURE
IGNORED = Verdict.IGNORED


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
