"""How requests begin: at our own pages, at the cache, or on their way."""

from __future__ import annotations

import pytest

from tests.live.asking import get
from tests.live.caching import caching, counted, dated, did
from tests.live.origin import Origin, Visit
from tests.live.rig import HEALTH_PAGE, proxy

pytestmark = pytest.mark.integration

FRESH = "Cache-Control: max-age=100"


@pytest.mark.parametrize("target", ["/health", "/health?x=1"])
async def test_our_own_pages_come_first(target: str) -> None:
    async with Origin() as origin, caching(origin) as (rig, _):
        answer = await rig.ask(get(target))
        assert answer.body == HEALTH_PAGE
        assert not origin.requests and not answer.all("cache-status")


async def test_who_has_come_too_far_gets_nothing_from_the_cache_either() -> None:
    async with (
        Origin(counted(dated(b"hello", FRESH))) as origin,
        caching(origin, limits={"hops": 2}) as (rig, _),
    ):
        await rig.ask(get("/a"))
        assert (await rig.ask(get("/a", "Via: 1.1 x, 1.1 y"))).status == 508


async def test_a_handshake_for_another_protocol_is_not_answered_from_the_cache() -> None:
    async def script(visit: Visit) -> None:
        while True:
            request = await visit.request()
            if request.all("upgrade"):
                visit.send(
                    b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
                )
                await visit.end()
                return
            visit.send(dated(b"page", FRESH))

    async with Origin(script) as origin, caching(origin) as (rig, _):
        await rig.ask(get("/a"))
        assert did(await rig.ask(get("/a"))) == "hit"
        client = await rig.client()
        client.send(get("/a", "Connection: Upgrade", "Upgrade: websocket"))
        assert (await client.head()).status == 101


async def test_the_same_bytes_again_begin_as_the_first_time() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        ids = set()
        for _ in range(6):
            client.send(get("/a"))
            assert (await client.answer()).body == b"/a"
            ids.add(origin.requests[-1].one("x-request-id"))
        assert len(ids) == 6
