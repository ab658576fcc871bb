"""Slow clients: what they may take their time for, and what not."""

import pytest

from load_balancer.forwarding.downstream import ClientConnection
from rl.vocabulary import Verdict
from tests.live.asking import chunked, get, post
from tests.live.origin import Held, Origin, Visit, serve_echo
from tests.live.rig import Rig, proxy
from tests.live.wire import EOF, RESET, Wire, turns

pytestmark = pytest.mark.integration

LARGE = 32 << 20


async def upload(rig: Rig, sent: int, size: int = 100_000) -> Wire:
    """A request whose body has come so far."""
    client = await rig.client()
    client.send(post(bytes(size))[: sent - size])
    await rig.holds(lambda: rig.node.routed > 0, "it is under way")
    await turns(10)
    return client


async def test_a_body_has_a_deadline_of_its_own() -> None:
    async with Origin(serve_echo) as origin, proxy(origin, deadlines={"body_seconds": 30}) as rig:
        client = await upload(rig, 10)
        for _ in range(2):
            await rig.pass_time(14)
            client.send(b"x")
            await turns(10)
        await rig.pass_time(3)
        assert 408 == (await client.answer()).status
        assert {"body_timeout": 1} == rig.counters.refusals
        assert [("a", Verdict.IGNORED, 0)] == rig.log.completed


async def test_a_request_has_a_deadline_in_all() -> None:
    """An endpoint that had all it needed is to blame; who waits for a place is not."""
    async with (
        Held() as origin,
        proxy(
            origin, deadlines={"request_seconds": 5}, admission={"requests_per_endpoint": 1}
        ) as rig,
    ):
        first, second = await rig.client(), await rig.client()
        first.send(get("/first"))
        await origin.asked(1)
        second.send(get("/second"))
        await rig.holds(lambda: rig.listener.placer.queue.length == 1, "one waits")
        rig.clock.advance(6)
        rig.listener.sweep()
        assert 504 == (await first.answer()).status
        assert (await second.answer()).status in (503, 504)
        assert ("a", Verdict.FAILURE, 0) == rig.log.completed[0]


async def test_an_answer_that_goes_on_for_too_long_is_cut() -> None:
    async def endless(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        await visit.end()

    async with Origin(endless) as origin, proxy(origin, deadlines={"request_seconds": 5}) as rig:
        client = await rig.client()
        client.send(get())
        await client.until(lambda: b"x" in client.received, "the beginning")
        await rig.pass_time(6)
        assert RESET == await client.end()


async def test_a_body_that_comes_too_slowly_is_refused() -> None:
    """By the mean of each window, and only after a whole one."""
    limits = {"minimum_upload_bytes_per_second": 100, "rate_window_seconds": 5}
    async with Origin(serve_echo) as origin, proxy(origin, limits=limits) as rig:
        client = await upload(rig, 10)
        rig.listener.sweep()
        for _ in range(3):
            client.send(bytes(600))
            await turns(10)
            await rig.pass_time(5)
        client.send(bytes(400))
        await turns(10)
        await rig.pass_time(4)
        await rig.pass_time(1)
        assert 408 == (await client.answer()).status
        assert {"body_rate": 1} == rig.counters.refusals


async def test_who_is_not_read_from_is_not_slow() -> None:
    """The endpoint takes nothing, so nothing is taken from the client either."""

    async def stalls(visit: Visit) -> None:
        visit.stall()
        await visit.until(lambda: visit.ended is not None, "end")

    limits = {"minimum_upload_bytes_per_second": 100, "rate_window_seconds": 5}
    async with (
        Origin(stalls) as origin,
        proxy(origin, limits=limits, deadlines={"drain_seconds": 0.1}) as rig,
    ):
        client = await rig.client()
        client.send(chunked(bytes(16 << 20)))
        (connection,) = await connections(rig)
        await rig.holds(lambda: connection.reading_paused, "nothing more is read")
        for _ in range(4):
            await rig.pass_time(5)
        assert {} == rig.counters.refusals
        client.abort()


async def connections(rig: Rig) -> set[ClientConnection]:
    await rig.holds(lambda: rig.listener.connections, "a connection")
    return rig.listener.connections


@pytest.mark.parametrize("least", [0, 1000])
async def test_an_answer_that_is_taken_too_slowly_is_cut(least: int) -> None:
    async def large(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE + bytes(LARGE))
        await visit.end()

    limits = {"minimum_download_bytes_per_second": least, "rate_window_seconds": 5}
    async with Origin(large) as origin, proxy(origin, limits=limits) as rig:
        client = await rig.client()
        client.send(get())
        await client.until(lambda: client.count > 0, "the beginning")
        client.stall()
        (connection,) = await connections(rig)
        await rig.holds(lambda: connection.paused, "the client is slow")
        await turns(50)
        await rig.pass_time(1)
        await rig.pass_time(6)
        if least:
            await rig.completed(1)
            assert ("a", Verdict.IGNORED, 200) == rig.log.completed[0]
        client.go_on()
        if least:
            assert await client.end() in (EOF, RESET)
            assert client.count < LARGE
        else:
            await client.bytes_in_all(LARGE)


async def test_nothing_is_looked_at_where_nothing_is_bounded() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        assert not rig.listener.pace.watches
