"""A second try beside a slow first one: who wins, who is cut, and who may not have one."""

import asyncio

import pytest

from rl.vocabulary import Verdict
from tests.live.asking import get, post, refusing
from tests.live.origin import Held, Origin, Visit, answer, done
from tests.live.rig import Rig, proxy

pytestmark = pytest.mark.integration

UPGRADE = ("Connection: Upgrade", "Upgrade: websocket")

HEDGING = {
    "enabled": True,
    "minimum_samples": 1,
    "half_life_seconds": 1e9,
    "minimum_delay_seconds": 0,
    "budget_minimum_per_second": 1000,
}


async def warm(rig: Rig) -> None:
    """Knows how long a request takes: no time at all."""
    assert 200 == (await rig.ask(get("/warm"))).status
    await rig.pass_time(1)


def slow_after(count: int) -> Origin:
    """Answers so many requests and then none."""

    async def script(visit: Visit) -> None:
        while not await done(visit):
            request = await visit.request()
            if len(visit.origin.requests) > count:
                await visit.end()
                return
            visit.send(answer(request.target.encode()))

    return Origin(script)


async def test_a_slow_try_gets_a_second_one_beside_it() -> None:
    """The faster one is the answer; the slower one is cut, and teaches nothing."""
    async with slow_after(1) as slow, Origin() as good, proxy(slow, good, hedging=HEDGING) as rig:
        await warm(rig)
        for number in range(3):
            got = await rig.ask(get(f"/{number}"))
            assert (200, f"/{number}".encode()) == (got.status, got.body)
        assert (3, 3, 0) == (rig.counters.hedges, rig.counters.hedges_won, rig.counters.retries)
        outcomes = await rig.completed(7)
        assert 3 == outcomes.count(("a", Verdict.IGNORED, 0))
        assert 3 == outcomes.count(("b", Verdict.SUCCESS, 200))
        for visit in slow.visits:
            await visit.end()


async def test_the_first_try_may_still_win() -> None:
    async with (
        Held() as first,
        slow_after(0) as second,
        proxy(first, second, hedging=HEDGING) as rig,
    ):
        first.release(1)
        await warm(rig)
        client = await rig.client()
        client.send(get("/x"))
        await second.asked(1)
        first.release(1)
        assert b"/x" == (await client.answer()).body
        assert (1, 0) == (rig.counters.hedges, rig.counters.hedges_won)
        assert ("b", Verdict.IGNORED, 0) in await rig.completed(3)


async def test_when_the_first_try_fails_the_second_one_goes_on_alone() -> None:
    async with Held() as first, Held() as second, proxy(first, second, hedging=HEDGING) as rig:
        first.release(1)
        await warm(rig)
        client = await rig.client()
        client.send(get("/x"))
        await second.asked(1)
        first.visits[0].reset()  # it was kept, so it says nothing: the endpoint is asked again
        await first.asked(3)
        first.visits[1].reset()
        await rig.holds(lambda: len(rig.log.completed) == 2, "the first try is over")
        second.release(1)
        assert b"/x" == (await client.answer()).body
        assert 0 == rig.counters.retries
        assert ("a", Verdict.FAILURE, 0) == rig.log.completed[1]


async def test_when_the_second_try_fails_the_first_one_goes_on_alone() -> None:
    with refusing() as port:
        async with Held() as first, proxy(first, port, hedging=HEDGING) as rig:
            first.release(1)
            await warm(rig)
            client = await rig.client()
            client.send(get("/x"))
            assert ("b", Verdict.FAILURE, 0) == (await rig.completed(2))[1]
            first.release(1)
            assert b"/x" == (await client.answer()).body


async def test_a_client_that_leaves_ends_both_tries() -> None:
    async with Held() as first, Held() as second, proxy(first, second, hedging=HEDGING) as rig:
        first.release(1)
        await warm(rig)
        client = await rig.client()
        client.send(get())
        await second.asked(1)
        client.close()
        outcomes = await rig.completed(3)
        assert {("a", Verdict.IGNORED, 0), ("b", Verdict.IGNORED, 0)} == set(outcomes[1:])


@pytest.mark.parametrize(
    "request_", [post(b"x", method="PUT"), get(method="DELETE"), get("/", *UPGRADE)]
)
async def test_what_cannot_be_done_twice_at_once_is_not(request_: bytes) -> None:
    async with Held() as first, Origin() as second, proxy(first, second, hedging=HEDGING) as rig:
        first.release(1)
        await warm(rig)
        client = await rig.client()
        client.send(request_)
        await first.asked(2)
        await asyncio.sleep(0.05)
        assert 0 == rig.counters.hedges
        first.release(1)
        assert 200 == (await client.answer()).status


async def test_hedges_end_where_their_budget_does() -> None:
    hedging = HEDGING | {"budget_share": 0.0, "budget_minimum_per_second": 0.1}
    async with slow_after(1) as slow, Origin() as good, proxy(slow, good, hedging=hedging) as rig:
        await warm(rig)
        assert 200 == (await rig.ask(get())).status
        client = await rig.client()
        client.send(get())
        await slow.asked(3)
        await rig.holds(lambda: rig.counters.budget_refusals["hedge"] == 1, "the budget is spent")
        client.close()


async def test_a_second_tries_error_is_not_preferred_to_a_first_ones_answer() -> None:
    """It may come fast just because it is an error; its Retry-After is heard."""

    async def unavailable(visit: Visit) -> None:
        await visit.request()
        visit.send(answer(b"busy", "Retry-After: 7", status="503 Busy"))

    async with Held() as first, Origin(unavailable) as second:
        async with proxy(first, second, hedging=HEDGING) as rig:
            first.release(1)
            await warm(rig)
            client = await rig.client()
            client.send(get("/x"))
            assert ("b", Verdict.FAILURE, 503) == (await rig.completed(2))[1]
            assert rig.stats("b").ejected
            first.release(1)
            assert b"/x" == (await client.answer()).body
            assert 0 == rig.counters.hedges_won


async def test_a_second_tries_nonsense_does_not_cut_the_first_one() -> None:
    async def nonsense(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")
        await visit.end()

    async with Held() as first, Origin(nonsense) as second:
        async with proxy(first, second, hedging=HEDGING) as rig:
            first.release(1)
            await warm(rig)
            client = await rig.client()
            client.send(get("/x"))
            assert ("b", Verdict.FAILURE, 0) == (await rig.completed(2))[1]
            first.release(1)
            assert b"/x" == (await client.answer()).body


@pytest.mark.parametrize(
    "bad", [answer(status="503 Busy"), b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
)
async def test_a_first_try_whose_answer_is_dropped_leaves_the_second_one(bad: bytes) -> None:
    """It is asked already: nobody else need be."""
    release = asyncio.Event()

    async def late(visit: Visit) -> None:
        while not await done(visit):
            await visit.request()
            if len(visit.origin.requests) > 1:
                await release.wait()
                visit.send(bad)
                return
            visit.send(answer())

    retries = {"conditions": ["status", "invalid_answer"]}
    async with Origin(late) as first, Held() as second, Origin() as third:
        async with proxy(first, second, third, hedging=HEDGING, retries=retries) as rig:
            await warm(rig)
            client = await rig.client()
            client.send(get("/x"))
            await second.asked(1)
            release.set()
            await rig.completed(2)
            second.release(1)
            assert b"/x" == (await client.answer()).body
            assert not third.requests
            assert [Verdict.SUCCESS, Verdict.FAILURE, Verdict.SUCCESS] == [
                verdict for _, verdict, _ in rig.log.completed
            ]


async def test_a_second_try_that_goes_on_alone_has_time_of_its_own() -> None:
    """The first one was given up because its time was over; the second began later."""
    async with Held() as first, Held() as second:
        hedging = HEDGING | {"minimum_delay_seconds": 0.1}
        async with proxy(
            first, second, hedging=hedging, deadlines={"first_byte_seconds": 10}
        ) as rig:
            first.release(1)
            await warm(rig)
            client = await rig.client()
            client.send(get("/x"))
            await first.asked(2)
            rig.clock.advance(5)
            await second.asked(1)
            started = rig.clock()
            await rig.pass_time(5.1)
            assert ("a", Verdict.FAILURE, 0) == (await rig.completed(2))[1]
            await rig.pass_time(0.1)
            second.release(1)
            assert b"/x" == (await client.answer()).body
            assert rig.clock() - started < 10


async def test_who_leaves_at_once_does_not_make_its_class_seem_fast() -> None:
    async with Held() as origin, Origin() as other:
        async with proxy(
            origin, other, hedging=HEDGING | {"minimum_samples": 2, "percentile": 0.5}
        ) as rig:
            origin.release(1)
            await warm(rig)
            client = await rig.client()
            client.send(get())
            await origin.asked(2)
            client.close()
            await rig.completed(2)
            await rig.pass_time(1)
            delays = rig.listener.placer._delays
            assert delays is not None
            assert delays.delay(rig.log.attempts[0].context.request_class, rig.clock()) is None
            origin.release(1)
