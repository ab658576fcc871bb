"""Probes over real sockets: what comes back is told, what does not is counted, nothing piles up."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from metrics.collector import Collector, read_report
from metrics.probes import LARGEST_ANSWER_BYTES, MOST_AT_ONCE, Probes
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint, EndpointStats, Observation, learn_nothing
from tests.metrics.test_collector import Polling, reply

pytestmark = pytest.mark.integration

REPORT = {"active_requests": 3, "avg_response_time": 75.0, "next_response_time": 120.0}


class Curious:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, float]] = []

    def select(self, observation: Observation) -> object:
        raise NotImplementedError

    observe = learn_nothing

    def probes(self, candidates: list[EndpointStats], now: float) -> list[EndpointStats]:
        return candidates

    def probed(self, stats: EndpointStats, active: int, latency: float, now: float) -> None:
        self.told.append((stats.id, active, latency))


class Origin:
    """Answers each request on each connection with ``answer``; None is never."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self.connections = 0
        self.close_after = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        served = 0
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                if self.answer is None:
                    await asyncio.sleep(3600)
                assert self.answer is not None
                writer.write(self.answer)
                served += 1
                if served == self.close_after:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def scene(
    *origins: Origin, polling: Polling | None = None
) -> AsyncIterator[tuple[Probes, Curious, list[EndpointStats]]]:
    servers = [await asyncio.start_server(origin, "127.0.0.1", 0) for origin in origins]
    stats = [
        EndpointStats(Endpoint(f"e{number}", *server.sockets[0].getsockname()[:2]))
        for number, server in enumerate(servers)
    ]
    probes = Probes(lambda: polling or Polling(), lambda endpoint: None, read_report, lambda: 5.0)
    try:
        yield probes, Curious(), stats
    finally:
        await probes.stop()
        for server in servers:
            server.close()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it did not come about in 5 s")


GOOD = reply(json.dumps(REPORT).encode())


async def test_what_an_endpoint_says_is_told() -> None:
    async with scene(Origin(GOOD)) as (probes, policy, stats):
        probes.ask(policy, stats)  # type: ignore[arg-type]
        await until(lambda: bool(policy.told))
    assert [("e0", 3, 0.12)] == policy.told
    assert (1, 0, 0) == (probes.answered, probes.failed, probes.left_out)


async def test_without_an_estimate_the_mean_counts() -> None:
    body = json.dumps({"active_requests": 2, "avg_response_time": 75.0}).encode()
    async with scene(Origin(reply(body))) as (probes, policy, stats):
        probes.ask(policy, stats)  # type: ignore[arg-type]
        await until(lambda: bool(policy.told))
    assert [("e0", 2, 0.075)] == policy.told


async def test_the_connection_is_kept_and_opened_anew_when_it_was_closed() -> None:
    origin = Origin(GOOD)
    async with scene(origin) as (probes, policy, stats):
        for number in range(1, 4):
            probes.ask(policy, stats)  # type: ignore[arg-type]
            await until(lambda number=number: len(policy.told) == number)  # type: ignore[misc]
        assert 1 == origin.connections
        origin.close_after = 4
        for number in range(4, 7):
            probes.ask(policy, stats)  # type: ignore[arg-type]
            await until(lambda number=number: len(policy.told) == number)  # type: ignore[misc]
    assert 2 == origin.connections
    assert 0 == probes.failed
    assert origin.heads[0].startswith(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_an_answer_in_chunks_or_until_the_end_is_read() -> None:
    body = json.dumps(REPORT).encode()
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    closing = reply(body, fields=b"Connection: close\r\n")
    origins = Origin(chunked % (len(body), body)), Origin(closing)
    async with scene(*origins) as (probes, policy, stats):
        for rounds in (2, 4):
            probes.ask(policy, stats)  # type: ignore[arg-type]
            await until(lambda rounds=rounds: len(policy.told) == rounds)  # type: ignore[misc]
    assert [1, 2] == [origin.connections for origin in origins]


@pytest.mark.parametrize(
    "answer",
    [
        reply(GOOD, status="503 Service Unavailable"),
        reply(b'{"health_status": "unhealthy"}'),
        reply(b'{"active_requests": "many"}'),
        b"nonsense\r\n\r\n",
        reply(b"x" * (LARGEST_ANSWER_BYTES + 1)),
    ],
    ids=["status", "unhealthy", "words", "nonsense", "long"],
)
async def test_what_is_no_good_answer_is_counted_and_not_told(answer: bytes) -> None:
    async with scene(Origin(answer)) as (probes, policy, stats):
        probes.ask(policy, stats)  # type: ignore[arg-type]
        await until(lambda: bool(probes.failed))
    assert not policy.told


async def test_a_server_that_reports_nothing_is_not_told() -> None:
    async with scene(Origin(reply(b"ok"))) as (probes, policy, stats):
        probes.ask(policy, stats)  # type: ignore[arg-type]
        await until(lambda: bool(probes.answered))
    assert not policy.told


async def test_nobody_there_is_a_failure() -> None:
    async with scene(Origin(GOOD)) as (probes, policy, stats):
        gone = EndpointStats(Endpoint("gone", "127.0.0.1", 1))
        probes.ask(policy, [gone, *stats])  # type: ignore[arg-type]
        await until(lambda: bool(probes.failed and policy.told))


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    async with scene(Origin(None), polling=Polling(timeout_seconds=0.02)) as found:
        probes, policy, stats = found
        probes.ask(policy, stats)  # type: ignore[arg-type]
        await until(lambda: bool(probes.failed))
        assert not probes._tasks and not probes._lines


async def test_one_probe_an_endpoint_and_so_many_in_all_are_under_way() -> None:
    """A fleet that does not answer: what would be too much is left out, and all ends at the end."""
    async with scene(Origin(None)) as (probes, policy, stats):
        probes.ask(policy, stats * 3)  # type: ignore[arg-type]
        assert (1, 2) == (len(probes._tasks), probes.left_out)
        place = stats[0].endpoint
        fleet = [
            EndpointStats(Endpoint(f"n{number}", place.host, place.port)) for number in range(100)
        ]
        probes.ask(policy, fleet)  # type: ignore[arg-type]
        assert (MOST_AT_ONCE, 2 + 101 - MOST_AT_ONCE) == (len(probes._tasks), probes.left_out)
    assert not probes._tasks


async def test_a_removed_endpoint_is_left_alone() -> None:
    origin = Origin(None)
    async with scene(origin) as (probes, policy, stats):
        probes.ask(policy, stats)  # type: ignore[arg-type]
        await until(lambda: bool(origin.heads))
        probes.remove("e0")
        assert not probes._tasks
        await asyncio.sleep(0)
        assert not probes._lines
    assert (0, 0) == (probes.answered, probes.failed)


async def test_the_collector_has_probes_by_its_own_settings() -> None:
    """Its path, its way to an endpoint; they end with it."""
    origin = Origin(GOOD)
    server = await asyncio.start_server(origin, "127.0.0.1", 0)
    table = EndpointTable([Endpoint("e0", *server.sockets[0].getsockname()[:2])])
    polling = Polling(check="off", health_path="/status")
    collector = Collector(polling, table, lambda *_: None, random.Random(1), lambda: 1.0)
    collector.start()
    policy = Curious()
    try:
        collector.probes.ask(policy, table.all)  # type: ignore[arg-type]
        await until(lambda: bool(policy.told))
    finally:
        await collector.stop()
        server.close()
    assert origin.heads[0].startswith(b"GET /status ")
    assert not collector.probes._lines
