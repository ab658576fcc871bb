"""Requests that wait for what another one fetches: one fetch for all, each answered in its way."""

from __future__ import annotations

import asyncio

import pytest

from config.endpoints import Stickiness
from load_balancer.forwarding.affinity import Affinity, Tokens
from load_balancer.forwarding.following import aged
from metrics.access_record import CACHED, AccessRecord, Request
from tests.live.asking import chunks, get
from tests.live.caching import Held, cache_of, caching, dated, did
from tests.live.origin import Origin, Visit
from tests.live.rig import Rig
from tests.live.wire import RESET, Wire, turns

pytestmark = pytest.mark.integration

FRESH = "Cache-Control: max-age=100"
CHUNKED = dated(b"", FRESH).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
LENGTH = dated(b"", FRESH).replace(b"Content-Length: 0", b"Content-Length: 10")


def waiting(rig: Rig) -> int:
    return sum(len(each.followers) for each in cache_of(rig).fetches.values())


async def several(rig: Rig, held: Held, count: int, *lines: str) -> list[Wire]:
    """Clients that ask for the same; the first one's request has reached the origin."""
    clients = [await rig.client() for _ in range(count)]
    clients[0].send(get("/a", *lines))
    await held.request(len(held.asked) + 1)
    for client in clients[1:]:
        client.send(get("/a", *lines))
    await rig.holds(lambda: waiting(rig) == count - 1, "all wait")
    return clients


async def test_fifty_clients_are_served_by_one_fetch() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        records: list[AccessRecord] = []
        rig.listener.access_log = records
        clients = await several(rig, held, 50)
        await held.answer(1, dated(b"hello", FRESH))
        answers = [await client.answer() for client in clients]

        assert {each.body for each in answers} == {b"hello"}
        assert did(answers[0]) == "fwd=uri-miss fwd-status=200 stored"
        assert did(answers[1]) == "fwd=uri-miss fwd-status=200 collapsed"
        assert all(each.one("via") == "1.1 slb" for each in answers)
        assert len(origin.requests) == 1 == rig.node.routed
        assert cache_of(rig).collapsed == 49
        told = [Request._make(each) for each in records]
        assert sorted(each.cache or "" for each in told) == ["collapsed"] * 49 + ["miss"]
        assert {each.termination for each in told if each.cache == "collapsed"} == {CACHED}
        for client in clients:
            client.send(get("/a"))
            assert did(await client.answer()) == "hit"


@pytest.mark.parametrize("head", [CHUNKED, LENGTH])
async def test_all_get_the_body_as_it_comes_each_in_its_framing(head: bytes) -> None:
    held = Held()
    pieces = [b"5\r\nhello\r\n", b"5\r\nworld\r\n0\r\n\r\n"]
    if head is LENGTH:
        pieces = [b"hello", b"world"]
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        leader = await rig.client()
        leader.send(get("/a"))
        _, visit = await held.request(1)
        old = await rig.client()
        old.send(get("/a", version="1.0"))
        new = await rig.client()
        new.send(get("/a"))
        await rig.holds(lambda: waiting(rig) == 2, "both wait")
        visit.send(head + pieces[0])
        for client in (leader, old, new):
            await client.until(lambda: b"hello" in client.received, "a piece")  # noqa: B023
        late = await rig.client()
        late.send(get("/a"))
        await late.until(lambda: b"hello" in late.received, "the beginning")
        visit.send(pieces[1])
        for client in (leader, new, late):
            answer = await client.answer()
            assert answer.body == b"helloworld"
            assert answer.chunked == (head is CHUNKED)
        answer = await old.answer()
        assert (answer.body, answer.until_close) == (b"helloworld", head is CHUNKED)
        assert len(origin.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        dated(b"mine", "Cache-Control: private"),
        dated(b"mine", "Cache-Control: no-store"),
        dated(b"mine", "Cache-Control: no-cache"),
        dated(b"mine", FRESH, "Vary: *"),
        dated(b"no", "Cache-Control: no-store", status="500 No"),
    ],
)
async def test_all_go_on_at_once_when_the_answer_is_nobody_elses(answer: bytes) -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        clients = await several(rig, held, 8)
        await held.answer(1, answer)
        await held.request(8)  # not one after the other: nobody has been answered yet
        for number in range(2, 9):
            await held.answer(number, answer)
        bodies = {(await client.answer()).body for client in clients}
        assert len(bodies) == 1
        # And for a while nobody waits in vain for this one.
        if b"no-cache" not in answer and b"Vary" not in answer:
            two = [await rig.client() for _ in range(2)]
            for number, client in enumerate(two, 9):
                client.send(get("/a"))
                await held.answer(number, answer)
                await client.answer()
        assert not cache_of(rig).fetches


async def test_who_varies_goes_by_itself() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        english, german = await rig.client(), await rig.client()
        english.send(get("/a", "Accept-Language: en"))
        await held.request(1)
        german.send(get("/a", "Accept-Language: de"))
        await rig.holds(lambda: waiting(rig) == 1, "one waits")
        await held.answer(1, dated(b"hello", FRESH, "Vary: Accept-Language"))
        await held.answer(2, dated(b"hallo", FRESH, "Vary: Accept-Language"))
        assert (await english.answer()).body == b"hello"
        assert (await german.answer()).body == b"hallo"
        assert len(list(cache_of(rig).cache)) == 2


async def test_others_get_the_answer_when_its_first_client_has_left() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        records: list[AccessRecord] = []
        rig.listener.access_log = records
        first, *others = await several(rig, held, 4)
        first.reset()
        await rig.holds(lambda: len(rig.listener.background.members) == 1, "nobody's")
        await held.answer(1, dated(b"hello", FRESH))
        assert [(await each.answer()).body for each in others] == [b"hello"] * 3
        assert len(origin.requests) == 1
        assert not rig.listener.background.members
        await turns()
        assert sorted(each[5] for each in records) == [CACHED] * 3 + ["client_wait"]


async def test_it_may_leave_within_the_body() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        first, second, third = await several(rig, held, 3)
        await held.answer(1, LENGTH + b"hello")
        await second.until(lambda: b"hello" in second.received, "a piece")
        first.reset()
        await rig.holds(lambda: len(rig.listener.background.members) == 1, "nobody's")
        second.reset()
        await rig.holds(lambda: len(rig.listener.connections) == 1, "one is left")
        await held.answer(1, b"world")
        assert (await third.answer()).body == b"helloworld"
        assert did(await rig.ask(get("/a"))) == "hit"
        assert len(origin.requests) == 1


async def test_nothing_goes_on_for_nobody() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        for client in await several(rig, held, 3):
            client.reset()
        await origin.visits[0].end()
        await rig.holds(lambda: not rig.listener.background.members, "nothing left")
        assert not cache_of(rig).fetches


async def test_who_waits_may_leave() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        first, second, third = await several(rig, held, 3)
        second.reset()
        await rig.holds(lambda: waiting(rig) == 1, "one waits")
        await held.answer(1, dated(b"hello", FRESH))
        assert (await first.answer()).body == (await third.answer()).body == b"hello"


async def test_a_fetch_that_fails_is_followed_by_one_more_not_by_all() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        clients = await several(rig, held, 10)
        (await held.request(1))[1].reset()
        assert (await clients[0].answer()).status == 502
        await held.request(2)
        await rig.holds(lambda: waiting(rig) == 8, "the others wait")
        await held.answer(2, dated(b"hello", FRESH))
        assert [(await each.answer()).body for each in clients[1:]] == [b"hello"] * 9
        assert len(origin.requests) == 2


async def test_nobody_waits_for_ever_for_fetches_that_fail() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()

    async with Origin(script) as origin, caching(origin) as (rig, _):
        clients = [await rig.client() for _ in range(12)]
        for client in clients:
            client.send(get("/a"))
        assert {(await each.answer()).status for each in clients} == {502}
        assert len(origin.requests) == 12


async def test_who_has_got_a_part_is_cut_off_with_the_fetch() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        clients = await several(rig, held, 3)
        await held.answer(1, LENGTH + b"hello")
        for client in clients:
            await client.until(lambda: b"hello" in client.received, "a piece")  # noqa: B023
        (await held.request(1))[1].reset()
        assert [await each.end() for each in clients] == [RESET] * 3
        assert len(origin.requests) == 1
        assert not list(cache_of(rig).cache)


async def test_who_has_waited_long_enough_goes_by_itself() -> None:
    held = Held()
    async with (
        Origin(held.script) as origin,
        caching(origin, cache={"collapse_seconds": 2.0}) as (rig, _),
    ):
        first, second = await several(rig, held, 2)
        await rig.pass_time(3.0)
        await held.answer(2, dated(b"second", FRESH))
        assert (await second.answer()).body == b"second"
        await held.answer(1, dated(b"first", FRESH))
        assert (await first.answer()).body == b"first"


async def test_it_can_be_switched_off() -> None:
    held = Held()
    async with (
        Origin(held.script) as origin,
        caching(origin, cache={"collapse": False}) as (rig, _),
    ):
        clients = [await rig.client() for _ in range(3)]
        for number, client in enumerate(clients, 1):
            client.send(get("/a"))
            await held.request(number)
        for number, client in enumerate(clients, 1):
            await held.answer(number, dated(b"hello", FRESH))
            assert (await client.answer()).body == b"hello"


async def test_who_waits_for_a_validation_gets_what_it_freshened() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, wall):
        client = await rig.client()
        client.send(get("/a"))
        await held.answer(1, dated(b"hello", "Cache-Control: max-age=1", 'ETag: "a"'))
        await client.answer()
        wall.now += 5
        clients = await several(rig, held, 5)
        fresh = dated(b"", FRESH, 'ETag: "a"', status="304 Not Modified", at=wall.now)
        await held.answer(2, fresh.replace(b"Content-Length: 0\r\n", b""))
        assert [(await each.answer()).body for each in clients] == [b"hello"] * 5
        assert len(origin.requests) == 2


async def test_a_slow_client_holds_nobody_up_while_all_is_kept() -> None:
    held = Held()
    body = bytes(3 << 20)
    async with (
        Origin(held.script) as origin,
        caching(origin, cache={"largest_body_bytes": 8 << 20}) as (rig, _),
    ):
        first, slow, quick = await several(rig, held, 3)
        slow.stall()
        first.stall()
        await held.answer(1, dated(body * 2, FRESH))
        assert (await quick.answer()).body == body * 2
        slow.go_on()
        first.go_on()
        assert (await slow.answer()).body == body * 2
        assert (await first.answer()).body == body * 2
        assert len(origin.requests) == 1


async def test_beyond_that_the_slowest_sets_the_pace_for_a_while() -> None:
    bounds = {"largest_body_bytes": 1 << 20, "collapse_seconds": 3.0}
    held = Held()
    async with Origin(held.script) as origin, caching(origin, cache=bounds) as (rig, _):
        first, slow, quick = await several(rig, held, 3)
        slow.stall()
        for client in (first, slow, quick):
            client.keep = False
        _, visit = await held.request(1)
        visit.send(CHUNKED)
        piece = chunks(bytes(1 << 16))[:-5]
        sender = asyncio.get_running_loop().create_task(visit.send_slowly(piece, 320))
        await rig.holds(lambda: bool(cache_of(rig).stalled), "all wait for the slow one")
        before = quick.count
        assert cache_of(rig).budget.held <= 2 << 20
        await turns(50)
        assert quick.count - before < 4 << 20
        await rig.pass_time(4.0)
        await sender
        visit.send(b"0\r\n\r\n")
        await quick.bytes_in_all(320 << 16)
        await first.bytes_in_all(320 << 16)
        slow.go_on()
        await slow.end()
        assert slow.count < 320 << 16
        assert not list(cache_of(rig).cache)


async def test_who_would_miss_the_beginning_goes_by_itself() -> None:
    held = Held()
    async with (
        Origin(held.script) as origin,
        caching(origin, cache={"largest_body_bytes": 1000}) as (rig, _),
    ):
        clients = await several(rig, held, 3)
        # All at once, and more than is kept.
        large = CHUNKED + chunks(*[bytes([number]) * 600 for number in range(4)])
        for number in range(1, 4):
            await held.answer(number, large)
        for client in clients:
            assert (await client.answer()).body == bytes(600) + b"".join(
                bytes([number]) * 600 for number in range(1, 4)
            )


def test_what_came_a_while_ago_is_older_than_it_says() -> None:
    fields = [(b"A", b"1"), (b"age", b"5")]
    assert aged(fields, 0) is fields
    assert aged(fields, 3) == [(b"A", b"1"), (b"Age", b"8")]
    assert aged([(b"Age", b"x")], 3) == [(b"Age", b"3")]


async def test_the_first_client_holds_up_others_no_longer_than_one_of_them_may() -> None:
    bounds = {"largest_body_bytes": 1 << 20, "collapse_seconds": 3.0}
    held = Held()
    async with Origin(held.script) as origin, caching(origin, cache=bounds) as (rig, _):
        first, other, quick = clients = await several(rig, held, 3)
        first.stall()
        for client in clients:
            client.keep = False
        _, visit = await held.request(1)
        visit.send(CHUNKED)
        piece = chunks(bytes(1 << 16))[:-5]
        sender = asyncio.get_running_loop().create_task(visit.send_slowly(piece, 320))
        await rig.holds(lambda: bool(cache_of(rig).stalled), "all wait for the first")
        await turns(50)
        await rig.pass_time(4.0)
        await sender
        visit.send(b"0\r\n\r\n")
        for client in (other, quick):
            await client.bytes_in_all(320 << 16)
        first.go_on()
        await first.end()
        assert first.count < 320 << 16


async def test_one_error_is_enough_for_all_to_get_what_is_stale() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, wall):
        client = await rig.client()
        client.send(get("/a"))
        await held.answer(1, dated(b"hello", "Cache-Control: max-age=1, stale-if-error=60"))
        await client.answer()
        wall.now += 5
        clients = await several(rig, held, 10)
        await held.answer(2, dated(b"sorry", status="503 No"))
        assert [(await each.answer()).body for each in clients] == [b"hello"] * 10
        assert len(origin.requests) == 2


async def test_nothing_that_was_added_for_one_client_is_shared() -> None:
    held = Held()
    cookie = Affinity(Stickiness(kind="cookie"), Tokens(b"secret" * 8))
    async with (
        Origin(held.script) as origin,
        caching(origin, affinity=cookie, server_timing={"when": "on"}) as (rig, _),
    ):
        clients = await several(rig, held, 2)
        await held.answer(1, dated(b"hello", FRESH))
        first, second = [await each.answer() for each in clients]
        later = await rig.ask(get("/a"))
        for name in ("set-cookie", "server-timing"):
            assert len(first.all(name)) == 1
            assert not second.all(name) and not later.all(name)
