"""Forwarded requests under the cache's eyes: stored, validated, saved from errors, invalidating."""

from __future__ import annotations

import asyncio

import pytest

from load_balancer.caching.vocabulary import Kind, Lookup
from load_balancer.forwarding.fetch import conditional
from rl.vocabulary import Verdict
from tests.live.asking import chunks, get, post, refusing
from tests.live.caching import NOW, Held, cache_of, caching, counted, dated, did
from tests.live.origin import Origin, Visit, done, replies
from tests.live.rig import Rig
from tests.live.wire import RESET, Message

pytestmark = pytest.mark.integration

FRESH = "Cache-Control: max-age=100"
CHUNKED = dated(b"", FRESH).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
NO_STORE = dated(b"secret", "Cache-Control: no-store")


async def asked(rig: Rig, *lines: str) -> Message:
    answer: Message = await rig.ask(get("/a", *lines))
    return answer


@pytest.mark.parametrize("body", [b"", b"x", bytes(200_000)])
async def test_a_chunked_answer_is_stored_whole(body: bytes) -> None:
    data = dated(b"", FRESH).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    data += chunks(*([body] if body else []), trailers="X-Sum: 1\r\n")
    async with Origin(counted(data)) as origin, caching(origin) as (rig, _):
        first, second = await asked(rig), await asked(rig)
        assert first.body == second.body == body
        assert (did(second), second.one("content-length")) == ("hit", str(len(body)))


async def test_an_answer_that_the_connections_end_delimits_is_stored() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        visit.send(dated(b"", FRESH).replace(b"Content-Length: 0\r\n", b"") + b"hello")

    async with Origin(script) as origin, caching(origin) as (rig, _):
        assert (await asked(rig)).body == b"hello"
        second = await asked(rig)
        assert (did(second), second.body) == ("hit", b"hello")


@pytest.mark.parametrize("ending", ["eof", "reset"])
@pytest.mark.parametrize("framing", ["Content-Length: 10", "Transfer-Encoding: chunked"])
async def test_an_answer_that_breaks_off_is_never_stored(ending: str, framing: str) -> None:
    head = dated(b"", FRESH).replace(b"Content-Length: 0", framing.encode())

    async def script(visit: Visit) -> None:
        await visit.request()
        visit.send(head + b"5\r\nhello")
        await asyncio.sleep(0.01)
        if ending == "reset":
            visit.reset()

    async with Origin(script) as origin, caching(origin) as (rig, _):
        client = await rig.client()
        client.send(get("/a"))
        assert await client.end() == RESET
        assert not list(cache_of(rig).cache)
        assert len(rig.learned) == 1


async def test_more_than_the_largest_body_is_passed_on_and_not_stored() -> None:
    small = {"largest_body_bytes": 1000}
    body = bytes(3000)
    chunked = dated(b"", FRESH).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    answers = counted(dated(body, FRESH), chunked + chunks(*[bytes(500)] * 6))
    async with Origin(answers) as origin, caching(origin, cache=small) as (rig, _):
        assert (await asked(rig)).body == body
        assert (await asked(rig)).body == body
        assert not list(cache_of(rig).cache)
        assert len(origin.requests) == 2


async def test_what_is_under_way_in_all_is_bounded() -> None:
    bounds = {"memory_bytes": 4000, "largest_body_bytes": 3000}
    chunked = dated(b"", FRESH).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    held = Held()
    async with Origin(held.script) as origin, caching(origin, cache=bounds) as (rig, _):
        clients = [await rig.client() for _ in range(3)]
        for number, client in enumerate(clients, 1):
            client.send(get(f"/{number}"))
            await held.answer(number, chunked + b"5dc\r\n" + bytes(1500) + b"\r\n")
            await client.until(lambda: client.count > 1500, "body")  # noqa: B023
        assert cache_of(rig).budget.held <= 4500
        for number, client in enumerate(clients, 1):
            await held.answer(number, b"0\r\n\r\n")
            assert (await client.answer()).body == bytes(1500)


async def test_a_stale_answer_is_validated_and_freshened() -> None:
    stored = dated(b"hello", "Cache-Control: max-age=1", 'ETag: "a"', "X-Old: 1")
    fresh = dated(b"", FRESH, 'ETag: "a"', "X-New: 1", status="304 Not Modified")
    fresh = fresh.replace(b"Content-Length: 0\r\n", b"")
    async with Origin(counted(stored, fresh)) as origin, caching(origin) as (rig, wall):
        await asked(rig)
        wall.now += 5
        second = await asked(rig, 'If-None-Match: "other"')
        third = await asked(rig)

        assert origin.requests[1].all("if-none-match") == ['"a"']
        assert (second.status, second.body, second.one("x-new")) == (200, b"hello", "1")
        assert did(second) == "fwd=stale fwd-status=304 stored"
        assert (did(third), third.body) == ("hit", b"hello")
        assert len(origin.requests) == 2
        assert [each[1] for each in rig.log.completed] == [Verdict.SUCCESS] * 2


async def test_the_clients_own_condition_is_answered_after_our_validation() -> None:
    stored = dated(b"hello", "Cache-Control: no-cache", 'ETag: "a"')
    same = dated(b"", 'ETag: "a"', status="304 Not Modified").replace(b"Content-Length: 0\r\n", b"")
    async with Origin(counted(stored, same)) as origin, caching(origin) as (rig, _):
        await asked(rig)
        assert (await asked(rig, 'If-None-Match: "a"')).status == 304
        assert (await asked(rig, "Range: bytes=1-2")).body == b"el"
        assert (await asked(rig)).body == b"hello"
        assert len(origin.requests) == 4


async def test_another_answer_replaces_the_stale_one() -> None:
    old = dated(b"old", "Cache-Control: max-age=1", 'ETag: "a"')
    async with Origin(counted(old, dated(b"new", FRESH, 'ETag: "b"'))) as origin:
        async with caching(origin) as (rig, wall):
            await asked(rig)
            wall.now += 5
            second, third = await asked(rig), await asked(rig)
            assert (second.body, did(second)) == (b"new", "fwd=stale fwd-status=200 stored")
            assert (third.body, did(third)) == (b"new", "hit")


async def test_a_304_about_another_response_is_not_believed() -> None:
    old = dated(b"old", "Cache-Control: max-age=1", 'ETag: "a"')
    other = dated(b"", 'ETag: "z"', status="304 Not Modified").replace(
        b"Content-Length: 0\r\n", b""
    )
    async with Origin(counted(old, other, dated(b"new", FRESH))) as origin:
        async with caching(origin) as (rig, wall):
            await asked(rig)
            wall.now += 5
            second = await asked(rig)
            assert (second.status, second.body) == (200, b"new")
            assert not origin.requests[2].all("if-none-match")


@pytest.mark.parametrize("status", ["500 No", "502 No", "503 No", "504 No"])
async def test_a_stale_answer_stands_in_for_an_error(status: str) -> None:
    stored = dated(b"hello", "Cache-Control: max-age=1, stale-if-error=60", 'ETag: "a"')
    error = dated(b"sorry", "Retry-After: 1", status=status)
    async with Origin(counted(stored, error)) as origin, caching(origin) as (rig, wall):
        await asked(rig)
        wall.now += 5
        second = await asked(rig)
        assert (second.status, second.body, second.one("age")) == (200, b"hello", "5")
        assert [each[1:] for each in rig.log.completed][1] == (Verdict.FAILURE, int(status[:3]))
        wall.now += 100
        assert (await asked(rig)).status == int(status[:3])


async def test_a_stale_answer_stands_in_for_an_endpoint_that_is_gone() -> None:
    stored = dated(b"hello", "Cache-Control: max-age=1, stale-if-error=60")
    async with Origin(replies(stored)) as origin, caching(origin) as (rig, wall):
        await asked(rig)
        await origin.stop()
        origin.visits[0].abort()
        wall.now += 5
        with refusing():
            answer = await asked(rig)
        assert (answer.status, answer.body) == (200, b"hello")
        assert rig.counters.answers == {200: 2}


async def test_must_revalidate_forbids_that() -> None:
    stored = dated(b"hello", "Cache-Control: max-age=1, stale-if-error=60, must-revalidate")
    error = dated(b"sorry", status="503 No")
    async with Origin(counted(stored, error)) as origin, caching(origin) as (rig, wall):
        await asked(rig)
        wall.now += 5
        assert (await asked(rig)).status == 503


async def test_a_retry_validates_as_well() -> None:
    stored = dated(b"hello", "Cache-Control: max-age=1", 'ETag: "a"')
    same = dated(b"", 'ETag: "a"', status="304 Not Modified").replace(b"Content-Length: 0\r\n", b"")

    async def breaks(visit: Visit) -> None:
        while not await done(visit):
            request = await visit.request()
            if request.all("if-none-match"):
                return
            visit.send(stored)

    async with Origin(breaks) as first, Origin(counted(same)) as second:
        async with caching(first, second, retries={"attempts": 2}) as (rig, wall):
            await asked(rig)
            wall.now += 5
            answer = await asked(rig)
            assert (answer.status, answer.body) == (200, b"hello")
            assert second.requests[0].one("if-none-match") == '"a"'


@pytest.mark.parametrize(("status", "left"), [("200 OK", 0), ("500 No", 1), ("404 No", 1)])
async def test_an_unsafe_method_makes_invalid_what_it_changed(status: str, left: int) -> None:
    answers = counted(dated(b"hello", FRESH), dated(b"done", status=status))
    async with Origin(answers) as origin, caching(origin) as (rig, _):
        await asked(rig)
        await rig.ask(post(b"change", "/a"), "POST")
        assert len(list(cache_of(rig).cache)) == left


async def test_what_was_asked_for_before_a_change_is_not_stored() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        before, changing, after = [await rig.client() for _ in range(3)]
        before.send(get("/a"))
        await held.request(1)
        changing.send(post(b"change", "/a"))
        await held.answer(2, dated(b"done"))
        await changing.answer()
        after.send(get("/a"))
        await held.answer(3, dated(b"new", FRESH))
        assert (await after.answer()).body == b"new"
        await held.answer(1, dated(b"old", FRESH))
        assert (await before.answer()).body == b"old"
        assert (await asked(rig)).body == b"new"


async def test_what_is_not_stored_is_fetched_each_time() -> None:
    async with Origin(counted(NO_STORE)) as origin, caching(origin) as (rig, _):
        client = await rig.client()
        for _ in range(4):
            client.send(get("/a"))
            answer = await client.answer()
            assert (answer.body, did(answer)) == (b"secret", "fwd=uri-miss fwd-status=200")
        assert len(origin.requests) == 4


async def test_the_field_can_be_kept_back() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin:
        async with caching(origin, cache={"expose_status": False}) as (rig, _):
            for _ in range(3):
                assert not (await asked(rig)).all("cache-status")


def test_conditions_take_the_place_of_the_clients() -> None:
    wire = b"GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: x\r\nA: b\r\nX-Request-ID: 1\r\n\r\n"
    lookup = Lookup(
        Kind.VALIDATE,
        conditions=((b"If-None-Match", b'"a"'),),
        removed=frozenset({b"if-none-match"}),
    )
    assert conditional(wire, lookup) == (
        b'GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nIf-None-Match: "a"\r\nX-Request-ID: 1\r\n\r\n'
    )


async def test_a_stale_answer_stands_in_for_an_error_without_a_body() -> None:
    stored = dated(b"hello", "Cache-Control: max-age=1, stale-if-error=60", 'ETag: "a"')
    error = dated(b"", status="503 No")
    async with Origin(counted(stored, error)) as origin, caching(origin) as (rig, wall):
        await asked(rig)
        wall.now += 5
        head = await rig.ask(get("/a", method="HEAD"), "HEAD")
        assert (head.status, head.one("content-length")) == (200, "5")


async def test_nothing_is_stored_of_a_try_whose_answer_was_malformed() -> None:
    """Its head came, and some of its body, before it turned out so; then another endpoint's."""
    broken = CHUNKED + b"3\r\naaa\r\nzz\r\n"

    async def breaks(visit: Visit) -> None:
        await visit.request()
        visit.send(broken)
        await visit.end()

    again = {"attempts": 2, "conditions": ["invalid_answer", "reset"]}
    async with Origin(breaks) as first, Origin(counted(NO_STORE)) as second:
        async with caching(first, second, retries=again) as (rig, _):
            for _ in range(2):
                answer = await asked(rig)
                assert (answer.body, did(answer)) == (b"secret", "fwd=uri-miss fwd-status=200")
            assert not list(cache_of(rig).cache)


@pytest.mark.parametrize(("method", "status"), [("GET", "304 Not Modified"), ("HEAD", "200 OK")])
async def test_what_an_authorized_client_is_told_freshens_nothing_for_others(
    method: str, status: str
) -> None:
    stored = dated(b"hello", "Cache-Control: max-age=1", 'ETag: "a"')
    own = dated(b"", FRESH, 'ETag: "a"', "Set-Cookie: session=own", status=status, at=NOW + 5)
    own = own.replace(b"Content-Length: 0\r\n", b"")
    async with (
        Origin(counted(stored, own, dated(b"new"))) as origin,
        caching(origin) as (rig, wall),
    ):
        await asked(rig)
        wall.now += 5
        request = get("/a", "Authorization: Basic own", method=method)
        assert (await rig.ask(request, method)).one("set-cookie") == "session=own"
        third = await asked(rig)
        assert (third.body, third.all("set-cookie")) == (b"new", [])
