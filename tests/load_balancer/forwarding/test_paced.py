"""Connections at a rate. How exact the rate is, the bench measures; here what must hold at any."""

import asyncio
import time
from typing import Any

import pytest

from load_balancer.forwarding.paced import Paced
from tests.live.asking import chunked, get, post
from tests.live.origin import Origin, Visit, answer, serve_echo
from tests.live.rig import Rig, proxy
from tests.live.wire import EOF, RESET

pytestmark = pytest.mark.integration

SIZE = 30_000


def rules(**rule: Any) -> dict[str, Any]:
    return {"enabled": True, "rules": [{"name": "r", **rule}]}


def large(size: int = SIZE, ends: bool = False) -> Any:
    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            visit.send(answer(bytes(size), *(["Connection: close"] if ends else [])))

    return script


def paced(rig: Rig) -> Paced:
    (connection,) = rig.listener.connections
    assert isinstance(connection.transport, Paced)
    return connection.transport


@pytest.mark.parametrize("way", ["download", "upload"])
async def test_a_body_arrives_whole_and_no_faster_than_its_rate(way: str) -> None:
    """The first tenth of a second's worth is there at once; the rest takes its time."""
    shaping = rules(**{f"{way}_bytes_per_second": 100_000})
    script = serve_echo if way == "upload" else large()
    async with Origin(script) as origin, proxy(origin, time_runs=True, shaping=shaping) as rig:
        client = await rig.client()
        body = bytes(range(256)) * (SIZE // 256)
        began = time.monotonic()
        client.send(post(body) if way == "upload" else get())
        told = await client.answer()
        taken = time.monotonic() - began

        assert 200 == told.status
        if way == "upload":
            assert body == origin.requests[0].body
        else:
            assert bytes(SIZE) == told.body
        # What comes with an upload's head is there before anybody knows whose it is.
        assert way == "upload" or taken > 0.15
        client.send(get("/2"))
        assert 200 == (await client.answer()).status


async def test_an_upload_on_a_connection_that_is_known_is_slowed_from_its_first_byte() -> None:
    shaping = rules(upload_bytes_per_second=100_000)
    async with (
        Origin(serve_echo) as origin,
        proxy(origin, time_runs=True, shaping=shaping) as rig,
    ):
        client = await rig.client()
        client.send(get())
        await client.answer()
        began = time.monotonic()
        for _ in range(2):
            client.send(chunked(bytes(SIZE // 2)))
            assert 200 == (await client.answer()).status
            assert bytes(SIZE // 2) == origin.requests[-1].body
        assert time.monotonic() - began > 0.15
        assert not paced(rig)._arrived


async def test_two_connections_of_a_client_share_its_rate() -> None:
    shaping = rules(download_bytes_per_second=200_000)
    async with Origin(large()) as origin, proxy(origin, time_runs=True, shaping=shaping) as rig:
        clients = [await rig.client() for _ in range(2)]
        began = time.monotonic()
        for client in clients:
            client.send(get())
        for client in clients:
            assert SIZE == len((await client.answer()).body)
        assert time.monotonic() - began > 0.15


async def test_pipelined_requests_keep_their_order() -> None:
    shaping = rules(download_bytes_per_second=1_000_000, upload_bytes_per_second=1_000_000)
    async with Origin() as origin, proxy(origin, time_runs=True, shaping=shaping) as rig:
        client = await rig.client()
        client.send(b"".join(get(f"/{number}") for number in range(20)))
        for _ in range(20):
            assert 200 == (await client.answer()).status
        assert [f"/{number}" for number in range(20)] == [each.target for each in origin.requests]


async def test_no_more_is_held_than_a_read_and_a_pause() -> None:
    """An endpoint that sends 8 MB at once to a slow client is not read from."""
    shaping = rules(download_bytes_per_second=100_000)
    async with (
        Origin(large(8 << 20)) as origin,
        proxy(origin, time_runs=True, shaping=shaping) as rig,
    ):
        client = await rig.client()
        client.send(get())
        await client.until(lambda: client.count > 20_000, "the beginning")
        assert rig.held() < 1 << 20
        (connection,) = rig.listener.connections
        assert connection.paused
        client.abort()


async def test_the_end_of_a_connection_waits_for_what_is_to_be_sent_before_it() -> None:
    shaping = rules(download_bytes_per_second=200_000)
    async with (
        Origin(large(ends=True)) as origin,
        proxy(origin, time_runs=True, shaping=shaping) as rig,
    ):
        client = await rig.client()
        client.send(get("/", "Connection: close"))
        assert bytes(SIZE) == (await client.answer()).body
        assert EOF == await client.end()


async def test_an_endpoint_that_breaks_off_cuts_the_client() -> None:
    async def breaks(visit: Visit) -> None:
        await visit.request()
        visit.send(answer(bytes(SIZE))[:-1])
        visit.abort()

    shaping = rules(download_bytes_per_second=50_000)
    async with Origin(breaks) as origin, proxy(origin, time_runs=True, shaping=shaping) as rig:
        client = await rig.client()
        client.send(get())
        assert RESET == await client.end()
        assert client.count < SIZE


async def test_who_is_slow_because_of_its_rate_is_not_idle() -> None:
    """Deadlines move on with what is sent; the clock stands still but for what the test adds."""
    shaping = rules(download_bytes_per_second=100_000)
    deadlines = {"idle_seconds": 5}
    limits = {"minimum_download_bytes_per_second": 1_000_000, "rate_window_seconds": 1}
    async with (
        Origin(large()) as origin,
        proxy(origin, shaping=shaping, deadlines=deadlines, limits=limits) as rig,
    ):
        client = await rig.client()
        client.send(get())
        for step in range(1, 5):
            await client.until(lambda step=step: client.count > step * 5_000, "more")  # type: ignore[misc]
            await rig.pass_time(3)
        assert SIZE == len((await client.answer()).body)


async def test_a_half_closed_upload_is_taken_to_its_end() -> None:
    shaping = rules(upload_bytes_per_second=100_000)
    async with (
        Origin(serve_echo) as origin,
        proxy(origin, time_runs=True, half_closed="serve", shaping=shaping) as rig,
    ):
        client = await rig.client()
        client.send(get())
        await client.answer()
        client.send(post(bytes(SIZE // 2)))
        client.transport.write_eof()
        assert 200 == (await client.answer()).status
        assert SIZE // 2 == len(origin.requests[-1].body)


async def test_a_tunnel_is_paced_as_well() -> None:
    async def switches(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n")
        visit.send(b"Connection: Upgrade\r\n\r\n" + bytes(SIZE))
        await visit.end()

    shaping = rules(download_bytes_per_second=200_000)
    async with Origin(switches) as origin, proxy(origin, time_runs=True, shaping=shaping) as rig:
        client = await rig.client()
        began = time.monotonic()
        client.send(get("/", "Connection: Upgrade", "Upgrade: websocket"))
        await client.bytes_in_all(SIZE)
        assert time.monotonic() - began > 0.04
        client.abort()


async def test_without_a_rule_a_connection_is_as_before() -> None:
    shaping = rules(download_bytes_per_second=1000, match={"networks": ["192.0.2.0/24"]})
    async with Origin(large()) as origin, proxy(origin, shaping=shaping) as rig:
        client = await rig.client()
        client.send(get())
        assert SIZE == len((await client.answer()).body)
        (connection,) = rig.listener.connections
        assert not isinstance(connection.transport, Paced)
        await asyncio.sleep(0)


async def test_a_close_waits_for_a_client_that_reads_late() -> None:
    """The whole answer was handed over, and the connection is to close behind it."""
    size = 32 << 20
    shaping = rules(download_bytes_per_second=1e11)
    async with Origin(large(size, ends=True)) as origin, proxy(origin, shaping=shaping) as rig:
        client = await rig.client()
        client.keep = False
        client.stall()
        client.send(get("/", "Connection: close"))
        await rig.holds(lambda: any(each.paused for each in rig.listener.connections), "slow")
        client.go_on()
        await client.bytes_in_all(size)
        assert EOF == await client.end()
