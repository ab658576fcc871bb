"""Answers from the cache: whole, headless, in part, unchanged, large, and who is told of them."""

from __future__ import annotations

import random
import socket
import struct

import pytest

from metrics.access_record import CACHED, AccessRecord, Request
from rl.q_routing import QRouting, QRoutingParameters
from tests.live.asking import get
from tests.live.caching import NOW, cache_of, caching, counted, dated, did
from tests.live.origin import Origin
from tests.live.wire import turns

pytestmark = pytest.mark.integration

FRESH = "Cache-Control: max-age=100"
LARGE = bytes(range(256)) * 24_000
ROOM = {"largest_body_bytes": 8 << 20}


async def test_a_hit_is_the_stored_answer_with_its_age_and_our_name() -> None:
    stored = dated(b"hello", FRESH, 'ETag: "a"', "Q: 5", "QReward: 5", "Via: 1.1 before")
    async with Origin(counted(stored)) as origin, caching(origin) as (rig, wall):
        first = await rig.ask(get("/a"))
        wall.now += 7.5
        second = await rig.ask(get("/a"))

        assert did(first) == "fwd=uri-miss fwd-status=200 stored"
        assert did(second) == "hit"
        assert second.one("cache-status") == "slb; hit; ttl=92"
        assert (second.status, second.body) == (200, b"hello")
        assert second.one("age") == "7"
        assert second.one("date") == first.one("date")
        assert second.all("via") == ["1.1 before", "1.1 slb"]
        assert not second.all("q") + second.all("qreward")
        assert len(origin.requests) == 1
        assert rig.node.routed == 1


async def test_a_kept_connection_gets_hits_one_after_the_other() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin, caching(origin) as (rig, wall):
        client = await rig.client()
        ages = []
        for _ in range(6):
            client.send(get("/a"))
            answer = await client.answer()
            assert answer.body == b"hello"
            ages.append(answer.all("age"))
            wall.now += 1

        assert ages == [[]] + [[str(age)] for age in range(1, 6)]
        client.send(get("/a") * 5)
        assert [(await client.answer()).body for _ in range(5)] == [b"hello"] * 5
        assert len(origin.requests) == 1


async def test_each_second_has_its_own_age_and_freshness_for_who_asks_the_same_bytes() -> None:
    async with Origin(counted(dated(b"x", "Cache-Control: max-age=2"))) as origin:
        async with caching(origin) as (rig, wall):
            client = await rig.client()
            said = []
            for _ in range(8):
                client.send(get("/a"))
                said.append(did(await client.answer()).partition(" ")[0])
                wall.now += 0.5

            assert said[:4] == ["fwd=uri-miss", "hit", "hit", "hit"]
            assert said[4] == "fwd=stale"


@pytest.mark.parametrize(
    ("lines", "status", "body"),
    [
        ((), 200, b"hello"),
        (('If-None-Match: "a"',), 304, b""),
        (('If-None-Match: "b"',), 200, b"hello"),
        (("Range: bytes=1-2",), 206, b"el"),
        (("Range: bytes=9-",), 416, b""),
    ],
)
async def test_a_hit_obeys_conditions_and_ranges(
    lines: tuple[str, ...], status: int, body: bytes
) -> None:
    async with Origin(counted(dated(b"hello", FRESH, 'ETag: "a"'))) as origin:
        async with caching(origin) as (rig, _):
            await rig.ask(get("/a"))
            client = await rig.client()
            for _ in range(3):
                client.send(get("/a", *lines))
                answer = await client.answer()
                assert (answer.status, answer.body) == (status, body)
            assert len(origin.requests) == 1


async def test_head_is_answered_from_get() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin, caching(origin) as (rig, _):
        await rig.ask(get("/a"))
        answer = await rig.ask(get("/a", method="HEAD"), "HEAD")
        assert (answer.one("content-length"), did(answer)) == ("5", "hit")
        assert len(origin.requests) == 1


async def test_an_old_client_is_told_whether_its_connection_stays() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin, caching(origin) as (rig, _):
        await rig.ask(get("/a"))
        client = await rig.client()
        client.send(get("/a", "Connection: keep-alive", version="1.0"))
        assert (await client.answer()).one("connection") == "keep-alive"
        client.send(get("/a", version="1.0"))
        assert (await client.answer()).one("connection") == "close"
        await client.end()


async def test_only_if_cached_is_refused_when_nothing_is() -> None:
    async with Origin() as origin, caching(origin) as (rig, _):
        answer = await rig.ask(get("/a", "Cache-Control: only-if-cached"))
        assert answer.status == 504
        assert not origin.requests
        assert rig.counters.refusals == {"only_if_cached": 1}


async def test_a_large_body_goes_as_fast_as_its_client_takes_it() -> None:
    async with (
        Origin(counted(dated(LARGE, FRESH))) as origin,
        caching(origin, cache=ROOM) as (rig, _),
    ):
        await rig.ask(get("/a"))
        slow = await rig.client()
        slow.stall()
        slow.send(get("/a"))
        await rig.holds(lambda: any(each.paused for each in rig.listener.connections), "pause")
        assert rig.held() < len(LARGE)
        quick = await rig.ask(get("/a"))
        assert quick.body == LARGE
        slow.go_on()
        assert (await slow.answer()).body == LARGE
        slow.send(get("/a"))
        assert (await slow.answer()).body == LARGE
        assert len(origin.requests) == 1


async def test_who_takes_nothing_of_a_large_body_is_cut_off() -> None:
    deadlines = {"idle_seconds": 5.0}
    async with (
        Origin(counted(dated(LARGE, FRESH))) as origin,
        caching(origin, cache=ROOM, deadlines=deadlines) as (rig, _),
    ):
        await rig.ask(get("/a"))
        slow = await rig.client()
        slow.stall()
        slow.send(get("/a"))
        await rig.holds(lambda: any(each.paused for each in rig.listener.connections), "pause")
        await rig.pass_time(6.0)
        await rig.holds(lambda: not rig.listener.connections, "nobody left")
        assert rig.counters.answers[200] == 2


async def test_a_hit_is_told_of_and_teaches_nothing() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin, caching(origin) as (rig, _):
        records: list[AccessRecord] = []
        rig.listener.access_log = records
        for _ in range(3):
            await rig.ask(get("/a"))
        await turns()
        told = [Request._make(each) for each in records]
        assert [each.cache for each in told] == ["miss", "hit", "hit"]
        assert [each.termination for each in told][1:] == [CACHED, CACHED]
        assert told[1].endpoint is None and told[1].attempts == 0
        assert told[1].bytes_out - told[1].head_bytes == 5
        assert len(rig.learned) == 1
        assert cache_of(rig).cache.counters.hits == 2


async def test_a_draining_node_closes_after_a_hit() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin, caching(origin) as (rig, _):
        client = await rig.client()
        client.send(get("/a") * 2)
        await client.answer()
        await client.answer()
        rig.listener.draining = True
        client.send(get("/a"))
        answer = await client.answer()
        assert (answer.one("connection"), did(answer)) == ("close", "hit")
        rig.listener.draining = False


async def test_a_hit_ends_the_way_of_a_value() -> None:
    policy = QRouting(QRoutingParameters(), random.Random(0))
    stored = dated(b"hello", FRESH, "Q: -7", "QReward: -7")
    async with (
        Origin(counted(stored)) as origin,
        caching(origin, policy=policy, q_headers={"enabled": True}) as (rig, _),
    ):
        client = await rig.client()
        told = []
        for _ in range(4):
            client.send(get("/a"))
            answer = await client.answer()
            told.append((float(answer.one("q")), float(answer.one("qreward"))))
        assert all(value == 0.0 and -1.0 < reward <= 0.0 for value, reward in told[1:]), told
        assert len(rig.learned) == 1


@pytest.mark.parametrize("size", [5, 1 << 20])
async def test_who_has_gone_is_written_no_more(size: int) -> None:
    async with Origin(counted(dated(bytes(size), FRESH))) as origin, caching(origin) as (rig, _):
        await rig.ask(get("/a"))
        client = socket.create_connection(("127.0.0.1", rig.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        def gone() -> float:
            """It goes once its requests have been read, and before they are answered."""
            client.close()
            return NOW

        client.sendall(get("/a") * 16)
        cache_of(rig).clock = gone
        there, counters = rig.listener.connections, rig.counters
        await rig.holds(lambda: counters.connections == 2 and not there, "it has gone")
        assert sum(rig.counters.answers.values()) <= 3
