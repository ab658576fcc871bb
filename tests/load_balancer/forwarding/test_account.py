"""What is told of a request: one record each, however it ended."""

import asyncio

import pytest

from metrics import access_record
from metrics.access_record import NOT_REACHED, AccessRecord, Request
from tests.live.asking import get, post, refusing
from tests.live.origin import OK, Held, Origin, Visit, replies, serve_ok
from tests.live.rig import Rig, proxy
from tests.live.wire import turns

pytestmark = pytest.mark.integration


class Records:
    """Takes them."""

    def __init__(self, rig: Rig) -> None:
        self.requests: list[Request] = []
        rig.listener.access_log = self

    def append(self, record: AccessRecord) -> None:
        self.requests.append(Request._make(record))

    @property
    def last(self) -> Request:
        return self.requests[-1]


async def test_a_forwarded_request_is_told_with_all_there_is_to_know() -> None:
    async with Origin() as origin, proxy(origin) as rig:
        records = Records(rig)
        client = await rig.client()
        for number in range(3):
            client.send(get("/a?b", "User-Agent: test/1", "Referer: http://x/", "X-Request-ID: me"))
            got = await client.answer()
            told = records.requests[number]
            assert (access_record.COMPLETE, None, 200) == (
                told.termination,
                told.reason,
                told.status,
            )
            assert ("GET", "/a?b", "origin.test", True) == (
                told.method,
                told.target,
                told.host,
                told.modern,
            )
            assert ("127.0.0.1", "", "me") == (told.client, told.tls, told.request_id)
            assert (1, "a", "first", False, 1.0) == (
                told.attempts,
                told.endpoint,
                told.strategy,
                told.explored,
                told.propensity,
            )
            assert (b"test/1", b"http://x/") == (told.agent, told.referer)
            assert (0, len(got.raw)) == (told.bytes_in, told.bytes_out)
            assert told.bytes_out - told.head_bytes == len(got.body)
            assert told.started <= told.first_byte_at <= told.ended
            assert told.queue == told.connect == 0.0
        assert 3 == len(records.requests)


async def test_bytes_of_bodies_are_counted_both_ways() -> None:
    async with Origin(replies(OK)) as origin, proxy(origin) as rig:
        records = Records(rig)
        got = await rig.ask(post(bytes(100_000)))
        assert (100_000, len(got.raw)) == (records.last.bytes_in, records.last.bytes_out)
        assert (100_000, len(got.raw)) == (rig.counters.received_bytes, rig.counters.sent_bytes)


async def test_failed_tries_are_told_with_the_last_one() -> None:
    with refusing() as port:
        async with Origin() as good, proxy(port, good) as rig:
            records = Records(rig)
            await rig.ask(get())
            told = records.last
            assert (2, "b", access_record.COMPLETE) == (
                told.attempts,
                told.endpoint,
                told.termination,
            )
            ((endpoint, started, ended, label, _),) = told.tries
            assert ("a", "connect_failed") == (endpoint, label)
            assert told.started <= started <= ended


async def test_waiting_for_a_place_is_told() -> None:
    async with Held() as origin, proxy(origin, admission={"requests_per_endpoint": 1}) as rig:
        records = Records(rig)
        first, second = await rig.client(), await rig.client()
        first.send(get("/first"))
        await origin.asked(1)
        second.send(get("/second"))
        await rig.holds(lambda: rig.listener.placer.queue.length == 1, "one waits")
        rig.clock.advance(0.5)
        origin.release(2)
        await first.answer()
        await second.answer()
        assert [0.0, 0.5] == [each.queue for each in records.requests]


async def silent(visit: Visit) -> None:
    await visit.request()
    await visit.end()


async def breaks_off(visit: Visit) -> None:
    await visit.request()
    visit.send(OK[:-1])


@pytest.mark.parametrize(
    ("request_", "status", "termination", "reason"),
    [
        (get("/health"), 200, access_record.LOCAL, None),
        (b"GET / HTTP/1.1\r\n\r\n", 400, access_record.REFUSED, "host"),
        (b"GET\r\n\r\n", 400, access_record.REFUSED, "syntax"),
        (get(), 502, access_record.CONNECT, "connect_failed"),
    ],
)
async def test_what_was_not_forwarded_is_told(
    request_: bytes, status: int, termination: str, reason: str | None
) -> None:
    with refusing() as port:
        async with proxy(port) as rig:
            records = Records(rig)
            got = await rig.ask(request_)
            (told,) = records.requests
            assert (status, termination, reason) == (told.status, told.termination, told.reason)
            assert status == got.status
            assert len(got.raw) == told.bytes_out
            assert told.first_byte_at == NOT_REACHED


async def test_what_was_broken_off_is_told_with_who_did() -> None:
    async with Origin(breaks_off) as origin, proxy(origin) as rig:
        records = Records(rig)
        client = await rig.client()
        client.send(get())
        await client.end()
        told = records.last
        assert (access_record.ENDPOINT_BODY, "connection_lost", 200) == (
            told.termination,
            told.reason,
            told.status,
        )
    async with Origin(silent) as origin, proxy(origin) as rig:
        records = Records(rig)
        waiting, sending = await rig.client(), await rig.client()
        waiting.send(get())
        await origin.asked(1)
        waiting.close()
        await rig.completed(1)
        assert (access_record.CLIENT_WAIT, 0) == (records.last.termination, records.last.status)
        sending.send(post(b"12345")[:-1])
        await origin.visited(2)
        sending.close()
        await rig.completed(2)
        assert access_record.CLIENT_BODY == records.last.termination
        assert 2 == len(records.requests)


async def test_deadlines_are_told_once() -> None:
    async with Origin(silent) as origin, proxy(origin, retries={"attempts": 1}) as rig:
        records = Records(rig)
        slow, half, late = [await rig.client() for _ in range(3)]
        slow.send(b"GET / HT")
        half.send(post(b"12345")[:-1])
        late.send(get())
        await origin.visited(2)
        await turns(20)
        await rig.pass_time(100)
        for client, status in ((slow, 408), (half, 408), (late, 504)):
            assert status == (await client.answer()).status
        told = sorted((each.status, each.termination, each.reason) for each in records.requests)
        assert [
            (408, access_record.CLIENT_BODY, "body_timeout"),
            (408, access_record.CLIENT_HEAD, "head_timeout"),
            (504, access_record.ENDPOINT_WAIT, "response_timeout"),
        ] == told
        assert {408: 2, 504: 1} == rig.counters.answers


async def test_a_drain_is_told() -> None:
    async with Origin(silent) as origin, proxy(origin, deadlines={"drain_seconds": 0.01}) as rig:
        records = Records(rig)
        client = await rig.client()
        client.send(get())
        await origin.asked(1)
        await rig.listener.drain()
        await client.end()
        await asyncio.sleep(0)
        assert [access_record.DRAIN] == [each.termination for each in records.requests]


@pytest.mark.parametrize("when", ["on", "off"])
async def test_an_answer_says_how_long_its_parts_took_where_that_is_wanted(when: str) -> None:
    async with Origin() as origin:
        timing = {"when": when, "endpoint": True}
        async with proxy(origin, server_timing=timing) as rig:
            client = await rig.client()
            for _ in range(2):
                client.send(get())
                found = (await client.answer()).all("server-timing")
                assert (when == "on") == bool(found)
                for value in found:
                    assert "first_byte;dur=0.000" in value
                    assert 'endpoint;desc="a"' in value


async def test_field_lines_of_ours_count_as_head() -> None:
    """The body's size is what is left of all that was written."""
    timing = {"when": "on"}
    async with Origin(serve_ok) as origin, proxy(origin, server_timing=timing) as rig:
        records = Records(rig)
        client = await rig.client()
        for number in range(4):
            client.send(get("/a"))
            got = await client.answer()
            told = records.requests[number]
            assert got.one("server-timing")
            assert told.bytes_out - told.head_bytes == len(got.body)
