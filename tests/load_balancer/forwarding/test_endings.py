"""Endpoints that fail, strategies that fail, clients that leave: who is asked, who is told."""

import pytest

from rl.vocabulary import Decision, Observation, Transition, Verdict
from tests.live.asking import chunked, chunks, get, post
from tests.live.origin import OK, Origin, Visit, answer, replies
from tests.live.rig import First, proxy
from tests.live.wire import LARGE, RESET, turns

pytestmark = pytest.mark.integration

BAD = Verdict.FAILURE
GOOD = Verdict.SUCCESS
IGNORED = Verdict.IGNORED


# The endpoint fails.


async def test_a_get_that_fails_is_tried_once_more_elsewhere() -> None:
    """Exactly once, at somebody else; the first attempt is a failure of the first."""

    async def die(visit: Visit) -> None:
        await visit.request()
        visit.reset()

    async with Origin(die) as one, Origin(die) as two, Origin() as three:
        async with proxy(one, two, three) as rig:
            assert (await rig.ask(get())).status == 502
            assert rig.log.completed == [("a", BAD, 0), ("b", BAD, 0)]
            assert not three.visits
        async with proxy(one, three) as rig:
            assert (await rig.ask(get("/good"))).body == b"/good"
            assert rig.log.completed == [("a", BAD, 0), ("b", GOOD, 200)]
            assert [attempt.number for attempt in rig.log.attempts] == [1, 2]


@pytest.mark.parametrize(
    ("request_bytes", "method", "repeated"),
    [
        (get("/", method="HEAD"), "HEAD", True),
        (get("/", method="OPTIONS"), "OPTIONS", True),
        (get("/", method="DELETE"), "DELETE", True),
        (post(b"x", method="PUT"), "PUT", True),
        (post(b"x", method="GET"), "GET", True),
        (post(b""), "POST", False),
        (post(b"x"), "POST", False),
        (chunked(b"x"), "POST", False),
        (get("/", method="PATCH"), "PATCH", False),
    ],
)
async def test_only_what_is_harmless_is_sent_again(
    request_bytes: bytes, method: str, repeated: bool
) -> None:
    """Idempotent, with all of a body if there is one; all else reaches one endpoint at the most."""

    async def die(visit: Visit) -> None:
        await visit.request()

    async with Origin(die) as one, Origin() as two, proxy(one, two) as rig:
        got = await rig.ask(request_bytes, method)
        assert got.status == (200 if repeated else 502)
        assert len(one.requests) == 1
        assert len(two.requests) == repeated


async def test_an_answer_of_500_is_an_answer() -> None:
    """It is passed on and not tried again, but the endpoint answers for it."""
    failing = answer(b"oops", status="500 Internal Server Error")
    async with Origin(replies(failing)) as one, Origin() as two, proxy(one, two) as rig:
        got = await rig.ask(get())
        assert (got.status, got.body) == (500, b"oops")
        assert rig.log.completed == [("a", BAD, 500)]


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("hard", [True, False])
async def test_an_answer_that_breaks_off_never_looks_whole(
    begun: bytes, version: str, hard: bool
) -> None:
    """Whoever delimits bodies by the end of the connection must see a reset."""

    async def break_off(visit: Visit) -> None:
        await visit.request()
        visit.send(begun)
        await client.until(lambda: b"half" in client.received, "first half")
        if hard:
            visit.reset()

    async with Origin(break_off) as origin, Origin() as other, proxy(origin, other) as rig:
        client = await rig.client()
        client.send(get("/", version=version))
        assert await client.end() == RESET
        assert not client.received.endswith(b"0\r\n\r\n")
        assert rig.log.completed == [("a", BAD, 200)]
        assert not other.visits


async def test_an_answer_that_turns_into_nonsense_never_looks_whole() -> None:
    async def babble(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await client.until(lambda: b"half" in client.received, "first half")
        visit.send(b"zz\r\n0\r\n\r\n")
        await visit.end()

    async with Origin(babble) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        assert await client.end() == RESET
        assert client.received.endswith(b"half\r\n")
        assert rig.log.completed == [("a", BAD, 200)]


@pytest.mark.parametrize(
    "babble",
    [
        b"HTTP/1.1 201 Bad\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
        b"HTTP/1.1 103 Bad\r\n\r\nHTTP/1.1 201 Bad\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 103 Bad\r\n\r\nHTTP/1.1 999999 Bad\r\n\r\n",
    ],
)
@pytest.mark.parametrize(
    "good",
    [
        answer(b"good"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ngood",
    ],
)
async def test_nonsense_that_came_with_the_head_is_nothing_begun(
    babble: bytes, good: bytes
) -> None:
    """None of it has gone on nor will, so somebody else may still be asked."""

    async def well(visit: Visit) -> None:
        await visit.request()
        visit.send(good)
        if b"close" not in good:
            await visit.end()

    async with Origin(replies(babble)) as one, Origin(well) as two, proxy(one, two) as rig:
        client = await rig.client()
        client.send(get())
        got = await client.answer()
        assert (got.status, got.body) == (200, b"good")
        assert b"Bad" not in client.received
        assert rig.log.completed == [("a", BAD, 0), ("b", GOOD, 200)]


async def test_two_that_fail_one_after_the_other_are_one_502() -> None:
    """What the first one had said is forgotten when the second one's turn has come."""
    babble = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"

    async def hint_and_die(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await turns()

    async with Origin(replies(babble)) as one, Origin(hint_and_die) as two, proxy(one, two) as rig:
        got = await rig.ask(get())
        assert (got.status, got.interim) == (502, ["HTTP/1.1 103 Early Hints"])
        assert rig.log.completed == [("a", BAD, 0), ("b", BAD, 0)]


async def test_an_answer_that_breaks_off_on_a_kept_connection_is_not_asked_for_again() -> None:
    """It is not stale: its answer had begun."""

    async def once_well(visit: Visit) -> None:
        await visit.request()
        visit.send(OK)
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await client.until(lambda: b"half" in client.received, "first half")

    async with Origin(once_well) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        await client.answer()
        client.send(get())
        assert await client.end() == RESET
        assert len(origin.requests) == 2
        assert rig.log.completed == [("a", GOOD, 200), ("a", BAD, 200)]


async def test_an_answer_until_close_that_is_reset_never_looks_whole() -> None:
    async def break_off(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await client.until(lambda: b"half" in client.received, "first half")
        visit.reset()

    async with Origin(break_off) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        assert await client.end() == RESET
        assert not client.received.endswith(b"0\r\n\r\n")
        assert rig.log.completed == [("a", BAD, 200)]


# The client leaves.


@pytest.mark.parametrize("hard", [True, False])
async def test_a_client_that_leaves_amid_the_answer_stops_the_endpoint(hard: bool) -> None:
    async def endless(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (20 * LARGE))
        await visit.send_slowly(bytes(LARGE), 20)
        await visit.end()

    async with Origin(endless) as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get())
        await client.bytes_in_all(1000)
        rig.clock.advance(20)
        client.reset() if hard else client.close()
        await (await origin.visited(1)).end()
        assert await rig.completed(1) == [("a", IGNORED, 200)]
        assert rig.log.latencies[0] < 20, "the time to the first byte, and not to the end"
        assert not rig.learned


async def test_a_client_that_leaves_amid_its_upload_leaves_no_whole_request() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        body = chunks(b"abc")
        client.send(get("/", "Transfer-Encoding: chunked", method="POST") + body[:-5])
        visit = await origin.visited(1)
        await visit.until(lambda: b"abc" in visit.received, "first chunk")
        client.close()
        await visit.end()
        assert not visit.received.endswith(b"0\r\n\r\n")
        assert not origin.requests
        assert await rig.completed(1) == [("a", IGNORED, 0)]


# Faults of a strategy.


class Faulty(First):
    """Fails at whatever it is told to fail at."""

    def __init__(self, at: str) -> None:
        self.at = at

    def select(self, observation: Observation) -> Decision:
        if self.at == "select":
            raise ZeroDivisionError(self.at)
        return super().select(observation)

    def observe(self, transition: Transition) -> None:
        if self.at == "observe":
            raise ZeroDivisionError(self.at)


async def test_a_fault_in_learning_costs_no_answer() -> None:
    """It is reported, and the endpoint is not left with a request that never ends."""
    async with Origin() as origin, proxy(origin, policy=Faulty("observe")) as rig:
        client = await rig.client()
        for target in ("/1", "/2"):
            client.send(get(target))
            assert (await client.answer()).body == target.encode()
        assert len(rig.problems) == 2
        assert all("ZeroDivisionError('observe')" in each for each in rig.problems)
        assert rig.stats("a").in_flight == 0
        rig.problems.clear()
        rig.log.completed, rig.node.routed = [], 0  # a faulty strategy keeps its log from its node
        rig.learned.clear()


async def test_a_fault_in_deciding_is_503() -> None:
    """Also when it comes with the second attempt."""
    policy = Faulty("select")

    async def die(visit: Visit) -> None:
        await visit.request()
        policy.at = "select"

    async with Origin(die) as one, Origin() as two, proxy(one, two, policy=policy) as rig:
        client = await rig.client()
        client.send(get())
        assert (await client.answer()).status == 503
        policy.at = ""
        client.send(get())
        assert (await client.answer()).status == 502
        policy.at = ""
        rig.switch_to("first", First())
        client.send(get("/health"))
        assert (await client.answer()).status == 200
        assert len(rig.problems) == 2
        rig.problems.clear()
