"""What the cache is asked when a request begins, and what it is not."""

from __future__ import annotations

import pytest

from tests.live.asking import get, post
from tests.live.caching import Held, cache_of, caching, counted, dated, did
from tests.live.origin import Origin, Visit, serve_echo
from tests.live.rig import proxy

pytestmark = pytest.mark.integration

FRESH = "Cache-Control: max-age=100"


async def test_requests_with_a_body_pass_it_by() -> None:
    async with Origin(serve_echo) as origin, caching(origin) as (rig, _):
        for method in ("POST", "PUT", "GET"):
            answer = await rig.ask(post(b"body", "/a", method=method), method)
            assert answer.body == f"{method} /a body".encode()
        assert cache_of(rig).cache.counters.bypassed == 3
        assert not cache_of(rig).fetches


async def test_particular_requests_wait_for_nobody() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        lines = ["", "Range: bytes=0-1", 'If-None-Match: "a"', "Cache-Control: no-cache"]
        clients = [await rig.client() for _ in lines]
        for number, (client, line) in enumerate(zip(clients, lines, strict=True), 1):
            client.send(get("/a", *([line] if line else [])))
            await held.request(number)
        for number, client in enumerate(clients, 1):
            await held.answer(number, dated(b"hello", FRESH))
            assert (await client.answer()).body == b"hello"


async def test_one_key_waits_for_no_other() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        clients = [await rig.client() for _ in range(3)]
        hosts = ("a.test", "b.test", "A.test")
        for client, host in zip(clients, hosts, strict=True):
            client.send(get("/").replace(b"origin.test", host.encode()))
        await held.request(2)
        await rig.holds(
            lambda: sum(len(each.followers) for each in cache_of(rig).fetches.values()) == 1,
            "the same host in capitals waits",
        )
        for number in (1, 2):
            request, visit = await held.request(number)
            visit.send(dated(request.one("host").lower().encode(), FRESH))
        answers = [(await client.answer()).body for client in clients]
        assert answers == [b"a.test", b"b.test", b"a.test"]


async def test_a_pipeline_is_answered_in_order_from_the_cache_and_from_afar() -> None:
    async def script(visit: Visit) -> None:
        while True:
            request = await visit.request()
            life = FRESH if request.target.startswith("/kept") else "Cache-Control: no-store"
            visit.send(dated(request.target.encode(), life))

    async with Origin(script) as origin, caching(origin) as (rig, _):
        targets = [f"/{'kept' if n % 2 else 'not'}/{n % 4}" for n in range(24)]
        client = await rig.client()
        client.send(b"".join(get(each) for each in targets))
        assert [(await client.answer()).body.decode() for _ in targets] == targets
        assert len(origin.requests) == 14


async def test_a_balancer_without_a_cache_says_nothing_of_one() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin, proxy(origin) as rig:
        assert rig.listener.cache is None
        for _ in range(3):
            assert not (await rig.ask(get("/a"))).all("cache-status")
        assert len(origin.requests) == 3


async def test_what_is_stored_shields_a_node_whose_endpoints_are_gone() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin, caching(origin) as (rig, wall):
        await rig.ask(get("/a"))
        rig.table.remove("a")
        rig.node.refresh()
        assert did(await rig.ask(get("/a"))) == "hit"
        assert (await rig.ask(get("/b"))).status == 503
        wall.now += 200
        stale = await rig.ask(get("/a"))
        assert (stale.status, stale.one("age")) == (200, "200")


async def test_a_request_that_comes_back_does_not_wait_for_itself() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        first, again = await rig.client(), await rig.client()
        first.send(get("/a"))
        via = (await held.request(1))[0].one("via")
        again.send(get("/a", f"Via: {via}, 1.1 other"))
        await held.answer(2, dated(b"hello", FRESH))
        assert (await again.answer()).body == b"hello"
        await held.answer(1, dated(b"hello", FRESH))
        assert (await first.answer()).body == b"hello"
