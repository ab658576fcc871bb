"""What no client waits for: one validation per stale answer, bounded, with deadlines, and cut."""

from __future__ import annotations

import pytest

from load_balancer.forwarding.background import Nowhere
from tests.live.asking import get
from tests.live.caching import Held, cache_of, caching, dated, did
from tests.live.origin import Origin
from tests.live.rig import Rig
from tests.live.wire import turns

pytestmark = pytest.mark.integration

SERVED_STALE = "Cache-Control: max-age=1, stale-while-revalidate=100"


async def fill(rig: Rig, held: Held, *targets: str) -> None:
    """Store answers of which each will soon be stale."""
    for number, target in enumerate(targets, 1):
        client = await rig.client()
        client.send(get(target))
        await held.answer(number, dated(b"old", SERVED_STALE, 'ETag: "a"'))
        await client.answer()
        client.close()


def under_way(rig: Rig) -> int:
    return len(rig.listener.background.members)


async def test_a_stale_answer_is_served_at_once_and_validated_once() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, wall):
        await fill(rig, held, "/a")
        wall.now += 5
        for _ in range(5):
            answer = await rig.ask(get("/a", 'If-None-Match: "b"', "Range: bytes=0-0"))
            assert (answer.status, answer.body) == (206, b"o")
        request = (await held.request(2))[0]
        assert request.one("if-none-match") == '"a"'
        assert not request.all("range")
        assert under_way(rig) == 1 == rig.listener.background.validations
        same = dated(b"", "Cache-Control: max-age=50", 'ETag: "a"', status="304 No", at=wall.now)
        await held.answer(2, same.replace(b"Content-Length: 0\r\n", b""))
        await rig.holds(lambda: not under_way(rig), "it is over")
        answer = await rig.ask(get("/a"))
        assert (answer.body, answer.one("age"), did(answer)) == (b"old", "0", "hit")
        assert len(origin.requests) == 2
        assert rig.counters.answers == {200: 2, 206: 5}


async def test_a_new_response_takes_its_place() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, wall):
        await fill(rig, held, "/a")
        wall.now += 5
        assert (await rig.ask(get("/a", method="HEAD"), "HEAD")).status == 200
        assert (await held.request(2))[0].method == "GET"
        await held.answer(2, dated(b"new", "Cache-Control: max-age=50", at=wall.now))
        await rig.holds(lambda: not under_way(rig), "it is over")
        assert (await rig.ask(get("/a"))).body == b"new"
        assert len(origin.requests) == 2


async def test_one_that_fails_changes_nothing() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, wall):
        await fill(rig, held, "/a")
        wall.now += 5
        await rig.ask(get("/a"))
        (await held.request(2))[1].reset()  # on a kept connection, so it is asked once more
        (await held.request(3))[1].reset()
        await rig.holds(lambda: not under_way(rig), "it is over")
        assert (await rig.ask(get("/a"))).body == b"old"
        assert rig.counters.answers == {200: 3}


async def test_their_number_is_bounded() -> None:
    held = Held()
    async with (
        Origin(held.script) as origin,
        caching(origin, cache={"background": 2}) as (rig, wall),
    ):
        await fill(rig, held, "/1", "/2", "/3", "/4")
        wall.now += 5
        for target in ("/1", "/2", "/3", "/4"):
            assert (await rig.ask(get(target))).body == b"old"
        assert under_way(rig) == 2
        await held.request(6)


async def test_they_have_deadlines() -> None:
    held = Held()
    deadlines = {"first_byte_seconds": 5.0}
    async with Origin(held.script) as origin, caching(origin, deadlines=deadlines) as (rig, wall):
        await fill(rig, held, "/a")
        wall.now += 5
        await rig.ask(get("/a"))
        await held.request(2)
        await rig.pass_time(6.0)
        assert not under_way(rig)
        assert not cache_of(rig).fetches


async def test_a_drain_ends_them() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, wall):
        await fill(rig, held, "/a")
        wall.now += 5
        await rig.ask(get("/a"))
        await held.request(2)
        assert under_way(rig) == 1
        await rig.listener.drain()
        await turns()
        assert not under_way(rig)


async def test_a_fetch_that_goes_on_for_others_outlives_the_beginning_of_a_drain() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        first, second = await rig.client(), await rig.client()
        first.send(get("/a"))
        await held.request(1)
        second.send(get("/a"))
        await rig.holds(
            lambda: any(each.followers for each in cache_of(rig).fetches.values()), "it waits"
        )
        rig.listener.draining = True
        first.reset()
        await rig.holds(lambda: under_way(rig) == 1, "nobody's")
        await held.answer(1, dated(b"hello", "Cache-Control: max-age=9"))
        answer = await second.answer()
        assert (answer.body, answer.one("connection")) == (b"hello", "close")
        rig.listener.draining = False


def test_nowhere_takes_everything() -> None:
    nowhere = Nowhere()
    nowhere.write(b"x")
    nowhere.pause_reading()
    nowhere.resume_reading()
    nowhere.abort()
    nowhere.close()
    assert nowhere.get_write_buffer_size() == 0
    assert not nowhere.is_closing()


async def test_they_have_deadlines_when_the_cache_is_switched_off_too() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, wall):
        client = await rig.client()
        client.send(get("/a"))
        await held.answer(1, dated(b"x", "Cache-Control: max-age=1, stale-while-revalidate=50"))
        await client.answer()
        wall.now += 5
        client.send(get("/a"))
        await client.answer()
        await held.request(2)
        rig.listener.keep(None)
        await rig.pass_time(100.0)
        assert not rig.listener.background.members
