"""Where a request goes: faults of decisions, places, further tries and second ones."""

import pytest

from rl.vocabulary import Decision, Observation, Transition, Verdict
from tests.live.asking import chunked, get, post, refusing
from tests.live.origin import Held, Origin, Visit, answer, done, serve_echo
from tests.live.rig import Rig, proxy

pytestmark = pytest.mark.integration


class Faulty:
    """Decides wrongly, or not at all."""

    def __init__(self, decide: object) -> None:
        self.decide = decide

    def select(self, observation: Observation) -> Decision:
        if isinstance(self.decide, Exception):
            raise self.decide
        return Decision(7)

    def observe(self, transition: Transition) -> None:
        pass


@pytest.mark.parametrize("decide", [RuntimeError("no idea"), 7])
async def test_a_strategys_fault_is_answered_and_reported(decide: object) -> None:
    """503 for who asked, each time anew; the loop is told; nothing stays in flight."""
    async with Origin() as origin, proxy(origin, policy=Faulty(decide)) as rig:
        client = await rig.client()
        for _ in range(3):
            client.send(get())
            assert 503 == (await client.answer()).status
        assert 3 == len(rig.problems)
        assert all("could not be routed" in problem for problem in rig.problems)
        rig.problems.clear()
        assert {"no_candidate": 3} == rig.counters.refusals
        assert not origin.requests


# Waiting for a place.

ONE_EACH = {"requests_per_endpoint": 1, "queue_length": 2, "queue_seconds": 5}


async def seen(rig: Rig, count: int) -> None:
    """So many requests are in flight or wait."""
    queue = rig.listener.placer.queue
    await rig.holds(lambda: rig.node.routed + queue.length == count, f"{count} requests")


async def test_who_finds_all_endpoints_full_waits_its_turn() -> None:
    """In order of arrival, one in flight at a time."""
    async with Held() as origin, proxy(origin, admission=ONE_EACH) as rig:
        clients = [await rig.client() for _ in range(3)]
        for number, client in enumerate(clients):
            client.send(get(f"/{number}"))
            await seen(rig, number + 1)
        assert (1, 2) == (rig.stats("a").in_flight, rig.listener.placer.queue.length)
        for number, client in enumerate(clients):
            origin.release(1)
            assert f"/{number}".encode() == (await client.answer()).body
        assert ["/0", "/1", "/2"] == [each.target for each in origin.requests]
        assert (2, 0) == (rig.counters.queued, rig.counters.waiting)


async def test_who_waits_for_too_long_or_in_too_long_a_queue_is_told() -> None:
    async with Held() as origin, proxy(origin, admission=ONE_EACH) as rig:
        first, second, third, fourth = [await rig.client() for _ in range(4)]
        for number, client in enumerate((first, second, third)):
            client.send(get())
            await seen(rig, number + 1)
        fourth.send(get())
        refused = await fourth.answer()
        assert (503, "1") == (refused.status, refused.one("retry-after"))
        await rig.pass_time(6)
        for client in (second, third):
            assert 503 == (await client.answer()).status
        assert {"queue_full": 1, "queue_timeout": 2} == rig.counters.refusals
        assert {"full": 1, "timeout": 2} == rig.counters.queue_refusals
        origin.release(1)
        assert 200 == (await first.answer()).status
        assert 1 == len(origin.requests)


async def test_who_leaves_the_queue_makes_room_and_is_never_sent() -> None:
    async with Held() as origin, proxy(origin, admission=ONE_EACH) as rig:
        first, second, third = [await rig.client() for _ in range(3)]
        first.send(get("/first"))
        await origin.asked(1)
        second.send(get("/second"))
        await rig.holds(lambda: rig.listener.placer.queue.length == 1, "one waits")
        second.close()
        await rig.holds(lambda: rig.listener.placer.queue.length == 0, "none waits")
        third.send(get("/third"))
        await rig.holds(lambda: rig.listener.placer.queue.length == 1, "one waits")
        origin.release(2)
        assert b"/first" == (await first.answer()).body
        assert b"/third" == (await third.answer()).body
        assert ["/first", "/third"] == [each.target for each in origin.requests]


# Another try.


async def fails(visit: Visit) -> None:
    """Reads a request with all of its body and closes without an answer."""
    await visit.request()


async def unavailable(visit: Visit) -> None:
    while not await done(visit):
        await visit.request()
        visit.send(answer(b"busy", "Retry-After: 7", status="503 Busy"))


async def test_a_body_that_was_kept_is_sent_again_as_a_whole() -> None:
    """Announced or in chunks, up to the bound, for the methods that allow it."""
    async with (
        Origin(fails) as bad,
        Origin(serve_echo) as good,
        proxy(bad, good, retries={"replay_bytes": 1000}) as rig,
    ):
        for body in (b"x" * 1000, b""):
            got = await rig.ask(post(body, "/p", method="PUT"))
            assert b"PUT /p " + body == got.body
        got = await rig.ask(chunked(b"one", b"two", trailers="X-End: 1\r\n", method="PUT"))
        assert b"PUT / onetwo" == got.body
        assert [("X-End", "1")] == good.requests[-1].trailers
        assert 502 == (await rig.ask(post(b"x" * 1001, method="PUT"))).status
        assert 502 == (await rig.ask(post(b"x"))).status
        assert 3 == rig.counters.retries


async def test_a_body_that_is_still_coming_goes_on_at_the_other_endpoint() -> None:
    async def breaks_off(visit: Visit) -> None:
        await visit.head()
        await visit.take(3)

    async with Origin(breaks_off) as bad, Origin(serve_echo) as good, proxy(bad, good) as rig:
        client = await rig.client()
        client.send(post(b"abcdef", method="PUT")[:-3])
        await good.visited(1)
        client.send(b"def")
        assert b"PUT / abcdef" == (await client.answer()).body


async def test_a_method_may_be_allowed_a_second_try() -> None:
    retries = {"methods": ["POST"]}
    async with (
        Origin(fails) as bad,
        Origin(serve_echo) as good,
        proxy(bad, good, retries=retries) as rig,
    ):
        assert b"POST / x" == (await rig.ask(post(b"x"))).body
        assert 502 == (await rig.ask(get())).status


async def test_only_the_listed_failures_lead_to_another_try() -> None:
    with refusing() as port:
        async with Origin(fails) as bad, Origin() as good:
            async with proxy(bad, good, retries={"conditions": ["connect_failure"]}) as rig:
                assert 502 == (await rig.ask(get())).status
            async with proxy(port, good, retries={"conditions": ["connect_failure"]}) as rig:
                assert 200 == (await rig.ask(get())).status
            async with proxy(port, good, retries={"conditions": ["reset"]}) as rig:
                assert 502 == (await rig.ask(get())).status


async def test_an_answer_of_a_listed_status_is_dropped_for_another_endpoints() -> None:
    retries = {"conditions": ["status"], "statuses": [503]}
    async with (
        Origin(unavailable) as bad,
        Origin() as good,
        proxy(bad, good, retries=retries) as rig,
    ):
        assert 200 == (await rig.ask(get())).status
        assert [("a", Verdict.FAILURE, 503), ("b", Verdict.SUCCESS, 200)] == await rig.completed(2)
        assert {200: 1} == rig.counters.answers


async def test_it_is_passed_on_where_there_is_no_other_one() -> None:
    retries = {"conditions": ["status"], "statuses": [503]}
    async with Origin(unavailable) as one, Origin(unavailable) as two:
        async with proxy(one, two, retries=retries) as rig:
            got = await rig.ask(get())
            assert (503, b"busy", "7") == (got.status, got.body, got.one("retry-after"))
            assert 2 == len(await rig.completed(2))
        async with proxy(one, retries=retries) as rig:
            assert b"busy" == (await rig.ask(get())).body


async def test_an_endpoint_that_asks_to_be_left_alone_is() -> None:
    """Retry-After keeps it out for so long, whoever asks."""
    async with Origin(unavailable) as busy, Origin() as other, proxy(busy, other) as rig:
        assert 503 == (await rig.ask(get())).status
        for _ in range(3):
            assert 200 == (await rig.ask(get())).status
        assert 1 == len(busy.requests)


async def test_a_try_has_a_deadline_of_its_own() -> None:
    async def silent(visit: Visit) -> None:
        await visit.request()
        await visit.end()

    async with (
        Origin(silent) as slow,
        Origin() as good,
        proxy(slow, good, retries={"try_seconds": 1}) as rig,
    ):
        client = await rig.client()
        client.send(get())
        await slow.asked(1)
        await rig.pass_time(2)
        assert 200 == (await client.answer()).status
        assert ("a", Verdict.FAILURE, 0) == (await rig.completed(2))[0]


async def test_retries_end_where_their_budget_does() -> None:
    retries = {"budget_share": 0.0, "budget_minimum_per_second": 0.3, "budget_window_seconds": 10}
    ejection = {"consecutive_failures": None}
    async with (
        Origin(fails) as bad,
        Origin() as good,
        proxy(bad, good, retries=retries, ejection=ejection) as rig,
    ):
        statuses = [(await rig.ask(get())).status for _ in range(5)]
        assert [200, 200, 200, 502, 502] == statuses
        assert {"retry": 2, "hedge": 0} == rig.counters.budget_refusals
        await rig.pass_time(11)
        assert 200 == (await rig.ask(get())).status


async def test_a_declined_answers_wish_to_be_left_alone_is_heard() -> None:
    retries = {"conditions": ["status"], "statuses": [503]}
    async with (
        Origin(unavailable) as busy,
        Origin() as other,
        proxy(busy, other, retries=retries) as rig,
    ):
        for _ in range(3):
            assert 200 == (await rig.ask(get())).status
        assert 1 == len(busy.requests)


async def test_who_waits_for_what_it_has_not_tried_stands_in_nobodys_way() -> None:
    """A retry that can only wait for a full endpoint must not keep others from one with room."""

    async def first_fails(visit: Visit) -> None:
        while not await done(visit):
            request = await visit.request()
            if len(visit.origin.requests) == 1:
                return
            visit.send(answer(request.target.encode()))

    settings = ONE_EACH | {"queue_length": 1}
    async with Origin(first_fails) as a, Held() as b, proxy(a, b, admission=settings) as rig:
        rig.table[a_id := "a"].in_flight += 1  # so that the first one goes to b
        blocker = await rig.client()
        blocker.send(get("/blocker"))
        await b.asked(1)
        rig.table[a_id].in_flight -= 1
        retried = await rig.client()
        retried.send(get("/retried"))
        await rig.holds(lambda: rig.listener.placer.queue.length == 1, "the retry waits for b")
        assert 0 == rig.counters.retries
        for number in range(3):
            assert f"/{number}".encode() == (await rig.ask(get(f"/{number}"))).body
        b.release(2)
        assert b"/blocker" == (await blocker.answer()).body
        assert b"/retried" == (await retried.answer()).body
        assert 1 == rig.counters.retries


async def test_a_retry_that_finds_no_place_was_none() -> None:
    """What is counted as retries are tries."""
    async with Origin(fails) as a, Held() as b, proxy(a, b, admission=ONE_EACH) as rig:
        rig.table["a"].in_flight += 1
        blocker = await rig.client()
        blocker.send(get())
        await b.asked(1)
        rig.table["a"].in_flight -= 1
        retried = await rig.client()
        retried.send(get())
        await rig.holds(lambda: rig.listener.placer.queue.length == 1, "the retry waits for b")
        await rig.pass_time(6)
        assert 503 == (await retried.answer()).status
        b.release(1)
        assert 200 == (await blocker.answer()).status
        assert (0, 2) == (rig.counters.retries, len(rig.log.completed))


async def test_who_comes_out_of_the_queue_has_all_its_time() -> None:
    """Its deadline was that of its connection until then."""
    async with (
        Held() as origin,
        proxy(
            origin,
            admission=ONE_EACH | {"queue_seconds": 100},
            deadlines={"idle_seconds": 5, "head_seconds": 5, "first_byte_seconds": 8},
        ) as rig,
    ):
        first, second = await rig.client(), await rig.client()
        first.send(get("/1"))
        await origin.asked(1)
        second.send(get("/2"))
        await rig.holds(lambda: rig.listener.placer.queue.length == 1, "one waits")
        await rig.pass_time(9)
        assert 504 == (await first.answer()).status
        await origin.asked(2)
        origin.release(2)
        assert b"/2" == (await second.answer()).body


async def test_many_who_wait_can_be_refused_at_once() -> None:
    """However many there are, and although each of them asks the next thing at once."""
    many = 400
    settings = {"requests_per_endpoint": 1, "queue_length": many, "queue_seconds": 100}
    policy = Faulty(0)
    policy.select = lambda observation: Decision(0)  # type: ignore[method-assign]
    async with Held() as origin, proxy(origin, admission=settings, policy=policy) as rig:
        blocker = await rig.client()
        blocker.send(get())
        await origin.asked(1)
        clients = [await rig.client() for _ in range(many)]
        for client in clients:
            client.send(get() * 2)
        await rig.holds(lambda: rig.listener.placer.queue.length == many, "all wait")

        def fault(observation: Observation) -> Decision:
            raise RuntimeError("no idea")

        policy.select = fault  # type: ignore[method-assign]
        origin.release(1)
        assert 200 == (await blocker.answer()).status
        for client in clients:
            assert [503, 503] == [(await client.answer()).status for _ in range(2)]
        assert 2 * many == len(rig.problems)
        assert not any("recursion" in problem for problem in rig.problems)
        rig.problems.clear()
