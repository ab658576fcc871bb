"""Endpoints that refuse, are late, or are gone at once."""

import asyncio
from typing import Any, cast

import pytest

from rl.vocabulary import Endpoint, Verdict
from tests.live.asking import chunked, get, post, refusing, unaccepting
from tests.live.origin import Held, Origin, Visit, serve_echo
from tests.live.rig import proxy
from tests.live.wire import turns

pytestmark = pytest.mark.integration

BAD = Verdict.FAILURE
GOOD = Verdict.SUCCESS


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


async def test_a_connection_that_is_gone_before_it_is_used_is_a_failure_and_no_hang() -> None:
    """Its end is told before anybody waits to be told."""

    class Slamming:
        """The loop, but every connection that it opens is gone a turn later."""

        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self.create_task = loop.create_task
            self._create_connection = loop.create_connection

        async def create_connection(self, *args: Any) -> tuple[asyncio.Transport, object]:
            transport, protocol = await self._create_connection(*args)
            if args[2] == origin.port:
                transport.abort()
                await turns()
            return transport, protocol

    async with Origin() as origin, Origin() as other, proxy(origin, other) as rig:
        rig.listener.pool.loop = cast(asyncio.AbstractEventLoop, Slamming(rig.listener.loop))
        assert (await rig.ask(get("/1"))).body == b"/1"
        assert (await rig.ask(post(b"2", "/2"))).body == b"/2"
        assert rig.log.completed == [("a", BAD, 0), ("b", GOOD, 200)] * 2


async def test_nothing_is_kept_of_who_has_left() -> None:
    """Not even an empty place, when the last request to it is over."""
    async with Held() as leaver, Origin() as other, proxy(leaver, other) as rig:
        client = await rig.client()
        client.send(get())
        await leaver.asked(1)
        stats = rig.stats("a")
        rig.table.remove("a")
        rig.node.left(stats)
        rig.node.refresh()
        rig.listener.pool.forget(stats)
        leaver.release(1)
        assert 200 == (await client.answer()).status
        assert stats in rig.listener.pool._idle
        for _ in range(2):
            await rig.pass_time(5)
        assert not rig.listener.pool._idle
