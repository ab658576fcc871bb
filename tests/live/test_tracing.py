"""Traces and Server-Timing as the endpoint and the client see them."""

from __future__ import annotations

from typing import Any

import pytest

from config.observability import Tracing
from load_balancer.forwarding.tracing import FLAGS, SPAN_ID, TRACE_ID, is_traceparent
from metrics.access_record import AccessRecord, Request
from tests.live.asking import get, post
from tests.live.origin import Origin, Visit, serve_ok
from tests.live.rig import proxy
from tests.live.wire import Message

pytestmark = pytest.mark.integration

CAME = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ON = {"enabled": True}


class Records:
    """What the access log would be given."""

    def __init__(self) -> None:
        self.all: list[Request] = []

    def append(self, record: AccessRecord) -> None:
        self.all.append(Request._make(record))


async def sent_on(request: bytes, **tracing: Any) -> tuple[Message, Request]:
    """A request as its endpoint got it, and what was told of it."""
    records = Records()
    async with Origin(serve_ok) as one, proxy(one, tracing=tracing) as rig:
        rig.listener.access_log = records
        assert 200 == (await rig.ask(request)).status
        message = await one.asked(1)
    (record,) = records.all
    return message, record


async def test_an_endpoint_is_told_of_the_same_trace_below_a_span_of_ours() -> None:
    request = get("/", f"traceparent: {CAME}", "tracestate: a=1, b=2", "tracestate: c=3")
    message, record = await sent_on(request, **ON)
    told = message.one("traceparent").encode()

    assert is_traceparent(told)
    assert (CAME[TRACE_ID].encode(), b"01") == (told[TRACE_ID], told[FLAGS])
    assert CAME[SPAN_ID].encode() != told[SPAN_ID]
    assert "a=1, b=2,c=3" == message.one("tracestate")
    assert (told, CAME.encode()) == (record.traceparent, record.parent)


async def test_a_node_that_takes_no_part_passes_a_trace_on() -> None:
    """Byte for byte, well formed or not: it is none of its business."""
    lines = (f"traceparent: {CAME}", "traceparent: nonsense", "tracestate: a=1")
    message, record = await sent_on(get("/", *lines))

    assert [CAME, "nonsense"] == message.all("traceparent")
    assert ["a=1"] == message.all("tracestate")
    assert record.traceparent is None


@pytest.mark.parametrize(
    "lines",
    [
        ("traceparent: nonsense",),
        (f"traceparent: {CAME.upper()}",),
        (f"traceparent: {CAME}", f"traceparent: {CAME}"),
    ],
)
async def test_a_trace_that_cannot_be_read_begins_anew(lines: tuple[str, ...]) -> None:
    """And what the client's vendor said about the old one goes nowhere."""
    message, record = await sent_on(get("/", *lines, "tracestate: a=1"), **ON)
    told = message.one("traceparent").encode()

    assert is_traceparent(told)
    assert CAME[TRACE_ID].encode() != told[TRACE_ID]
    assert [] == message.all("tracestate")
    assert (told, None) == (record.traceparent, record.parent)


@pytest.mark.parametrize(("share", "begun"), [(0.0, 0), (1.0, 1)])
async def test_a_trace_is_begun_for_a_share_of_the_requests(share: float, begun: int) -> None:
    message, record = await sent_on(get("/", "tracestate: a=1"), **ON, start=share)
    told = [each.encode() for each in message.all("traceparent")]

    assert begun == len(told)
    assert [] == message.all("tracestate")
    assert told == [each for each in (record.traceparent,) if each is not None]


@pytest.mark.parametrize("own_id", [(), ("X-Request-ID: mine",)])
async def test_each_request_has_a_span_of_its_own(own_id: tuple[str, ...]) -> None:
    """Even if it is byte for byte the one before it; a body comes behind it unharmed."""
    async with Origin(serve_ok) as one, proxy(one, tracing=ON) as rig:
        client = await rig.client()
        for _ in range(4):
            client.send(get("/", f"traceparent: {CAME}", *own_id))
            await client.answer()
        client.send(post(b"body", "/", f"traceparent: {CAME}"))
        await client.answer()
        await one.asked(5)
        told = [each.one("traceparent") for each in one.requests]

    assert {CAME[TRACE_ID]} == {each[TRACE_ID] for each in told}
    assert 5 == len({each[SPAN_ID] for each in told})
    assert b"body" == one.requests[4].body


async def hang_up(visit: Visit) -> None:
    await visit.request()


async def test_each_try_has_a_span_of_its_own() -> None:
    """So that each endpoint's own spans hang below the try that asked it."""
    records = Records()
    async with (
        Origin(hang_up) as bad,
        Origin(serve_ok) as good,
        proxy(bad, good, tracing=ON) as rig,
    ):
        rig.listener.access_log = records
        assert 200 == (await rig.ask(get("/", f"traceparent: {CAME}"))).status
        first = (await bad.asked(1)).one("traceparent").encode()
        second = (await good.asked(1)).one("traceparent").encode()
    (record,) = records.all

    assert first[TRACE_ID] == second[TRACE_ID]
    assert first[SPAN_ID] != second[SPAN_ID]
    assert ([first], second) == ([each[4] for each in record.tries], record.traceparent)


async def test_the_last_of_only_failures_is_the_one_that_is_told() -> None:
    records = Records()
    async with Origin(hang_up) as one, Origin(hang_up) as two, proxy(one, two, tracing=ON) as rig:
        rig.listener.access_log = records
        assert 502 == (await rig.ask(get("/", f"traceparent: {CAME}"))).status
        first = (await one.asked(1)).one("traceparent").encode()
        second = (await two.asked(1)).one("traceparent").encode()
    (record,) = records.all

    assert (2, "b", second) == (record.attempts, record.endpoint, record.traceparent)
    assert [("a", first)] == [(each[0], each[4]) for each in record.tries]


TIMED = "X-Server-Timing: 1"


@pytest.mark.parametrize(
    ("timing", "lines", "told"),
    [
        ({}, (TIMED,), False),
        ({"when": "on"}, (), True),
        ({"when": "header"}, (), False),
        ({"when": "header"}, (TIMED,), True),
        ({"when": "header"}, ("X-Server-Timing: 0",), False),
        ({"when": "header", "trusted_only": True}, (TIMED,), False),
    ],
)
async def test_who_asks_is_told_how_long_it_took(
    timing: dict[str, Any], lines: tuple[str, ...], told: bool
) -> None:
    """Twice, because a repeated answer takes another way."""
    async with Origin(serve_ok) as one, proxy(one, server_timing=timing) as rig:
        client = await rig.client()
        for _ in range(2):
            client.send(get("/", *lines))
            answer = await client.answer()
            found = answer.all("server-timing")
            assert int(told) == len(found)
            assert not told or found[0].startswith("queue;dur=0.000, connect;dur=")


async def test_a_trusted_proxy_is_told_if_only_trusted_ones_are() -> None:
    timing = {"when": "header", "trusted_only": True, "endpoint": True}
    async with (
        Origin(serve_ok) as one,
        proxy(one, server_timing=timing, trusted_proxies=["127.0.0.0/8"]) as rig,
    ):
        answer = await rig.ask(get("/", TIMED))

    assert answer.one("server-timing").endswith('endpoint;desc="a"')


async def test_a_reload_changes_the_tracing_of_open_connections_too() -> None:
    """Requests carry one traceparent before and after: the client's, or our child of it."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        for enabled in (False, True, False):
            changed = rig.settings.load_balancer.model_copy(
                update={"tracing": Tracing(enabled=enabled)}
            )
            rig.listener.apply(changed)
            for _ in range(3):
                client.send(get("/", f"traceparent: {CAME}"))
                assert 200 == (await client.answer()).status
                sent = origin.requests[-1].one("traceparent")
                assert enabled == (sent != CAME)
                assert sent[:36] == CAME[:36]
