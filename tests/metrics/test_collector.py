"""The collector against real sockets: live backends, dead ones, and those that talk nonsense."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import httpx
import pytest

from metrics.collector import LARGEST_REPORT_BYTES, Collector, read_report
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint, EndpointStats

pytestmark = pytest.mark.integration

REPORT = {
    "server_id": "server1",
    "cpu_utilization": 25.0,
    "memory": 50.0,
    "active_requests": 3,
    "avg_response_time": 75.0,
    "health_status": "healthy",
}


@dataclass
class Polling:
    check: Literal["http", "tcp", "off"] = "http"
    polling_interval_seconds: float = 0.02
    unhealthy_interval_seconds: float | None = None
    timeout_seconds: float = 2.0
    jitter: float = 0.0
    health_path: str = "/health"
    lowest_status: int = 200
    highest_status: int = 299
    fall: int = 3
    rise: int = 1


def reply(body: bytes = b"", status: str = "200 OK", fields: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode()
    return head + fields + b"\r\n" + body


GOOD = reply(json.dumps(REPORT).encode())


class Backend:
    """Answers every request with ``answer``; None is an answer that never comes, and one that
    drips never ends."""

    def __init__(self, answer: bytes | None = GOOD, drips: bool = False) -> None:
        self.answer = answer
        self.drips = drips
        self.heads: list[bytes] = []
        self.times: list[float] = []
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        await asyncio.sleep(0.01)  # what the kernel has accepted gets its task, to be ended
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def open_connections(self) -> int:
        return len(self._tasks)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                self.times.append(time.monotonic())
                if self.answer is None:
                    await reader.read()
                    return
                writer.write(self.answer)
                await writer.drain()
                while self.drips:
                    await asyncio.sleep(0.01)
                    writer.write(b" ")
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


class Watched:
    """A collector at work, and what it told the node."""

    def __init__(
        self, backends: list[Backend], polling: Polling, rng: random.Random | None = None
    ) -> None:
        self.table = EndpointTable(
            Endpoint(f"server{i}", "127.0.0.1", backend.port)
            for i, backend in enumerate(backends, 1)
        )
        self.told: list[tuple[str, bool]] = []
        self.collector = Collector(
            polling, self.table, self._tell, rng or random.Random(1), time.monotonic
        )
        self.counts = list(self.collector.counts.values())

    def _tell(self, stats: EndpointStats, healthy: bool, now: float) -> None:
        assert abs(now - time.monotonic()) < 5
        self.told.append((stats.id, healthy))
        self.table.set_healthy(stats, healthy, 0.0)


@asynccontextmanager
async def watching(
    *backends: Backend, polling: Polling | None = None, rng: random.Random | None = None
) -> AsyncIterator[Watched]:
    for backend in backends:
        await backend.start()
    watched = Watched(list(backends), polling or Polling(), rng)
    watched.collector.start()
    try:
        yield watched
    finally:
        await watched.collector.stop()
        for backend in backends:
            await backend.stop()


async def until(met: Callable[[], bool]) -> None:
    for _ in range(5000):
        if met():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not happen in ten seconds")


async def test_a_report_reaches_the_table_in_our_units() -> None:
    """Per cent become shares and milliseconds seconds."""
    async with watching(Backend()) as watched:
        (stats,) = watched.table.all
        await until(lambda: watched.counts[0].succeeded >= 1)

        assert (0.25, 0.5, 3) == (stats.cpu, stats.memory, stats.active)
        assert pytest.approx(0.075) == stats.reported_latency
        assert 0 <= time.monotonic() - stats.reported_at < 5
        assert (True, "") == (stats.healthy, watched.counts[0].last_error)


async def test_it_asks_for_the_configured_path_again_and_again_on_one_connection() -> None:
    backend = Backend()
    async with watching(backend, polling=Polling(health_path="/healthz?full=1")):
        await until(lambda: len(backend.heads) >= 4)

        assert {b"GET /healthz?full=1 HTTP/1.1"} == {h.split(b"\r\n")[0] for h in backend.heads}
        assert 1 == backend.open_connections


async def test_one_dead_backend_delays_no_poll_of_the_others() -> None:
    """It accepts and never answers; the others are asked in their own time.

    Polled in turn, each of the living would be asked once or twice while the dead one is waited
    for.
    """
    dead, one, two = Backend(None), Backend(), Backend()
    polling = Polling(polling_interval_seconds=0.03, timeout_seconds=0.8)
    async with watching(dead, one, two, polling=polling) as watched:
        await until(lambda: watched.counts[0].failed >= 1)

        assert 0 == watched.counts[0].succeeded
        assert min(watched.counts[1].succeeded, watched.counts[2].succeeded) >= 6
        assert 0 == watched.counts[1].failed == watched.counts[2].failed


async def test_a_refusing_backend_delays_no_poll_and_is_asked_again() -> None:
    gone, alive = Backend(), Backend()
    await gone.start()
    await gone.stop()
    await alive.start()
    watched = Watched([gone, alive], Polling())
    watched.collector.start()
    try:
        await until(lambda: watched.counts[0].failed >= 3 and watched.counts[1].succeeded >= 3)
        down = list(watched.told)
        await gone.start()
        await until(lambda: watched.counts[0].succeeded >= 1)
    finally:
        await watched.collector.stop()
        await alive.stop()
        await gone.stop()

    assert ("server1", False) in down
    assert ("server2", False) not in watched.told
    assert watched.table["server1"].healthy


async def test_silence_ends_with_the_timeout_and_says_so() -> None:
    polling = Polling(timeout_seconds=0.05, fall=1)
    async with watching(Backend(None), polling=polling) as watched:
        await until(lambda: watched.counts[0].failed >= 2)

        assert watched.counts[0].last_error
        assert not watched.table["server1"].healthy


async def test_a_body_that_drips_for_ever_ends_with_the_timeout() -> None:
    """httpx's own timeouts are between two bytes; ours is over the whole poll."""
    backend = Backend(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{", drips=True)
    async with watching(backend, polling=Polling(timeout_seconds=0.2)) as watched:
        await until(lambda: watched.counts[0].failed >= 2)

        assert 0 == watched.counts[0].succeeded


class Loaded(random.Random):
    """Dice that show what they are told, in turn and over again."""

    def __init__(self, *shows: float) -> None:
        super().__init__()
        self.shows = shows
        self.thrown = 0

    def random(self) -> float:
        return 0.25  # of the first poll only

    def uniform(self, a: float, b: float) -> float:
        assert (-1.0, 1.0) == (a, b)
        self.thrown += 1
        return self.shows[(self.thrown - 1) % len(self.shows)]


class Scripted(Collector):
    """Polls a script in virtual time: each entry is a poll's seconds and whether it succeeds."""

    def __init__(
        self, polling: Polling, script: list[tuple[float, bool]], rng: random.Random
    ) -> None:
        self.now = 100.0
        self.started: list[float] = []
        self.told: list[tuple[int, bool]] = []
        self._script = script
        table = EndpointTable([Endpoint("a", "127.0.0.1", 1)])
        super().__init__(polling, table, self._tell, rng, lambda: self.now)

    def _tell(self, stats: EndpointStats, healthy: bool, now: float) -> None:
        assert now == self.now
        self.told.append((len(self.started), healthy))
        self._table.set_healthy(stats, healthy, 0.0)

    async def _ask(self, client: httpx.AsyncClient, stats: EndpointStats) -> None:
        seconds, good = self._script[len(self.started)]
        self.started.append(self.now)
        self.now += seconds
        if not good:
            raise ValueError

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds
        if len(self.started) == len(self._script):
            raise asyncio.CancelledError

    async def run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(asyncio, "sleep", self.sleep)
        with suppress(asyncio.CancelledError):
            async with httpx.AsyncClient() as client:
                await self._keep_polling(client, self._table.all[0])
        monkeypatch.undo()


UP, DOWN = (0.0, True), (0.0, False)


async def test_it_falls_and_rises_after_so_many_polls_in_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One poll of the other kind starts either count afresh."""
    script = [DOWN, DOWN, UP, DOWN, DOWN, DOWN, DOWN, UP, DOWN, UP, UP]
    collector = Scripted(Polling(fall=3, rise=2), script, random.Random(1))
    await collector.run(monkeypatch)

    assert [(6, False), (7, False), (11, True)] == collector.told
    counts = collector.counts["a"]
    assert (4, 7, "") == (counts.succeeded, counts.failed, counts.last_error)


async def test_an_error_without_words_is_called_by_its_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collector = Scripted(Polling(), [DOWN], random.Random(1))
    await collector.run(monkeypatch)

    assert "ValueError" == collector.counts["a"].last_error


async def test_jitter_stretches_and_shortens_each_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    polling = Polling(polling_interval_seconds=2.0, jitter=0.5)
    collector = Scripted(polling, [UP] * 4, Loaded(1.0, 0.0, -1.0))
    await collector.run(monkeypatch)

    assert [100.25, 103.25, 105.25, 106.25] == collector.started


async def test_the_first_polls_are_spread_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Balancers that start together must not ask a fleet in one instant: the first poll comes after
    a random part of the jitter."""
    dice = random.Random(3)
    polling = Polling(polling_interval_seconds=10.0, jitter=0.2)
    starts = []
    for _ in range(30):
        collector = Scripted(polling, [UP], dice)
        await collector.run(monkeypatch)
        starts += collector.started

    assert 100.0 <= min(starts) < 100.3
    assert 101.7 < max(starts) <= 102.0


async def test_the_unhealthy_are_asked_at_their_own_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the fall to the rise, and neither before nor after it."""
    polling = Polling(polling_interval_seconds=2.0, unhealthy_interval_seconds=0.5, fall=2, rise=2)
    collector = Scripted(polling, [UP, DOWN, DOWN, DOWN, UP, UP, UP], Loaded(0.0))
    await collector.run(monkeypatch)

    assert [100.0, 102.0, 104.0, 104.5, 105.0, 105.5, 107.5] == collector.started
    assert [(4, False), (6, True)] == [each for each in collector.told if each[0] in (4, 6)]


async def test_how_long_an_answer_takes_does_not_stretch_the_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    polling = Polling(polling_interval_seconds=2.0)
    collector = Scripted(polling, [(0.5, True), (1.5, False), UP], Loaded(0.0))
    await collector.run(monkeypatch)

    assert [100.0, 102.0, 104.0] == collector.started


async def test_polls_that_a_long_answer_took_the_time_of_are_not_made_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that was slow is asked at once, then at the interval: never in a burst."""
    polling = Polling(polling_interval_seconds=2.0)
    collector = Scripted(polling, [(7.0, True), UP, UP], Loaded(0.0))
    await collector.run(monkeypatch)

    assert [100.0, 107.0, 109.0] == collector.started


NONSENSE = {
    "another status": reply(b"{}", "503 Busy"),
    "a redirect": reply(b"", "302 Found", b"Location: /elsewhere\r\n"),
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "unhealthy": reply(b'{"health_status": "unhealthy"}'),
    "a word": reply(b'{"cpu_utilization": "high"}'),
    "nothing": reply(b'{"cpu_utilization": null}'),
    "true": reply(b'{"active_requests": true}'),
    "a list": reply(b'{"memory": [1]}'),
    "negative": reply(b'{"avg_response_time": -1}'),
    "not a number": reply(b'{"cpu_utilization": NaN}'),
    "infinite": reply(b'{"cpu_utilization": 1e400}'),
    "longer than a float": reply(b'{"active_requests": 1' + b"0" * 400 + b"}"),
    "too long": reply(b"{" + b" " * LARGEST_REPORT_BYTES + b"}"),
    "compressed wrongly": reply(b"abc", fields=b"Content-Encoding: gzip\r\n"),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_a_failure_and_the_next_poll_is_made(answer: bytes) -> None:
    """No answer may end the polling: the server may come to its senses."""
    backend = Backend(answer)
    async with watching(backend, polling=Polling(timeout_seconds=1.0)) as watched:
        counts = watched.counts[0]
        await until(lambda: counts.failed >= 3)
        down = (counts.succeeded, bool(counts.last_error), watched.table["server1"].healthy)
        reported = watched.table["server1"].reported_at
        backend.answer = GOOD
        await until(lambda: counts.succeeded >= 1)

        assert (0, True, False) == down
        assert float("-inf") == reported
        assert len(counts.last_error) <= 201
        assert watched.table["server1"].healthy


async def test_a_long_complaint_is_kept_short() -> None:
    answer = reply(json.dumps({"memory": "x" * 5000}).encode())
    async with watching(Backend(answer)) as watched:
        await until(lambda: watched.counts[0].failed >= 1)

        assert 150 < len(watched.counts[0].last_error) <= 201


SILENT = [b"", b"OK", b"[]", b"5", b"\xff\xfe", b"[" * 30_000]


@pytest.mark.parametrize("body", SILENT, ids=["empty", "text", "list", "number", "bytes", "deep"])
async def test_a_server_that_reports_nothing_is_healthy_and_overwrites_nothing(body: bytes) -> None:
    """What its answers' load reports said of it still holds."""
    async with watching(Backend(reply(body))) as watched:
        stats = watched.table["server1"]
        watched.table.load_reported(stats, b"TEXT cpu_utilization=0.7", 1.0)
        await until(lambda: watched.counts[0].succeeded >= 2)

        assert (0.7, 1.0, True) == (stats.cpu, stats.reported_at, stats.healthy)
        assert 0 == watched.counts[0].failed


async def test_nothing_is_carried_from_one_server_to_the_next() -> None:
    """One client asks them all; a cookie for 127.0.0.1 would go to every one."""
    one, two = Backend(reply(b"{}", fields=b"Set-Cookie: a=1; Path=/\r\n")), Backend()
    async with watching(one, two):
        await until(lambda: len(one.heads) >= 3 and len(two.heads) >= 3)

    assert not [head for head in one.heads + two.heads if b"cookie" in head.lower()]


async def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with watching(Backend()) as watched:
        await until(lambda: watched.counts[0].succeeded >= 1)

        assert 0 == watched.counts[0].failed


async def test_stop_leaves_no_task_and_no_connection() -> None:
    """Whether a poll is under way or not, and at once: no timeout is waited for."""
    before = asyncio.all_tasks()
    silent, alive = Backend(None), Backend()
    async with watching(silent, alive, polling=Polling(timeout_seconds=30.0)) as watched:
        await until(lambda: len(silent.heads) == 1 and len(alive.heads) >= 2)
        assert len(asyncio.all_tasks()) > len(before)
        started = time.monotonic()
        await watched.collector.stop()
        took = time.monotonic() - started
        await until(lambda: silent.open_connections == alive.open_connections == 0)
        polls = len(alive.heads)
        await asyncio.sleep(0.1)

        assert took < 5
        assert polls == len(alive.heads)
    assert before == asyncio.all_tasks()


async def test_a_collector_that_never_started_can_be_stopped() -> None:
    await Watched([Backend()], Polling()).collector.stop()


@pytest.mark.parametrize(
    ("host", "url"),
    [("localhost", "http://localhost:81/health"), ("::1", "http://[::1]:81/health")],
)
async def test_where_it_asks(host: str, url: str) -> None:
    """A numeric IPv6 host stands in brackets."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200)

    table = EndpointTable([Endpoint("a", host, 81)])
    collector = Collector(
        Polling(), table, lambda stats, healthy, now: None, random.Random(1), time.time
    )
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        report = await collector._ask(client, table["a"])

    assert ([url], None) == (asked, report)


@pytest.mark.parametrize(
    ("lowest", "highest", "status", "healthy"),
    [
        (200, 299, 204, True),
        (200, 299, 300, False),
        (200, 399, 302, True),
        (200, 399, 400, False),
        (401, 401, 401, True),
        (401, 401, 200, False),
    ],
)
async def test_which_statuses_are_healthy_is_configured(
    lowest: int, highest: int, status: int, healthy: bool
) -> None:
    """Both bounds are inside; a page that wants a login says that its server is well."""
    polling = Polling(lowest_status=lowest, highest_status=highest)
    async with watching(Backend(reply(b"", f"{status} X")), polling=polling) as watched:
        counts = watched.counts[0]
        await until(lambda: counts.succeeded + counts.failed >= 1)

        assert healthy == bool(counts.succeeded)


async def test_a_tcp_check_asks_nothing() -> None:
    """Whoever accepts is healthy, whatever it would answer; whoever refuses is not."""
    silent, gone = Backend(None), Backend()
    await gone.start()
    await gone.stop()
    polling = Polling(check="tcp", fall=2)
    async with watching(silent, polling=polling) as watched:
        await until(lambda: watched.counts[0].succeeded >= 3)
        assert [] == silent.heads
        assert 0 == watched.counts[0].failed
        refused = watched.table["server1"]
        watched.collector.remove("server1")
        refused.endpoint = Endpoint("server1", "127.0.0.1", gone.port)
        watched.collector.add(refused)
        await until(lambda: watched.collector.counts["server1"].failed >= 2)

        assert not refused.healthy
        assert watched.collector.counts["server1"].last_error


async def test_checks_that_are_off_ask_nobody() -> None:
    backend = Backend()
    before = asyncio.all_tasks()
    async with watching(backend, polling=Polling(check="off")) as watched:
        watched.collector.add(watched.table["server1"])
        tasks = {each for each in asyncio.all_tasks() if (each.get_name()).startswith("poll ")}
        await asyncio.sleep(0.1)

        assert set() == tasks - before
        assert [] == backend.heads
        assert [] == watched.told
        assert 0 == watched.collector.counts["server1"].succeeded


async def test_other_settings_are_taken_up_while_it_polls() -> None:
    """Another path at once; and where checks are switched off nobody stays unhealthy by them."""
    good, bad = Backend(), Backend(reply(b"", "500 No"))
    async with watching(good, bad, polling=Polling(fall=1)) as watched:
        await until(lambda: not watched.table["server2"].healthy and len(good.heads) > 1)
        watched.collector.apply(Polling(health_path="/other", fall=1))
        await until(lambda: good.heads[-1].startswith(b"GET /other "))
        still = watched.table["server2"].healthy
        watched.collector.apply(Polling(check="off"))
        off = watched.table["server2"].healthy
        await asyncio.sleep(0.1)
        asked = len(good.heads)
        await asyncio.sleep(0.1)
        unasked = len(good.heads)
        watched.collector.apply(Polling(fall=1))
        await until(lambda: not watched.table["server2"].healthy and len(good.heads) > unasked)

        assert (False, True) == (still, off)
        assert asked == unasked


async def test_endpoints_come_and_go_while_it_polls() -> None:
    """A newcomer is asked and has its counts; who has left is asked no more, nor spoken of, not
    even by the poll that was under way."""
    old, new = Backend(None), Backend()
    await new.start()
    try:
        async with watching(old, polling=Polling(timeout_seconds=0.3, fall=1)) as watched:
            newcomer = EndpointStats(Endpoint("new", "127.0.0.1", new.port))
            await until(lambda: len(old.heads) == 1)
            watched.collector.add(newcomer)
            watched.collector.remove("server1")
            watched.collector.remove("nobody")
            await until(lambda: watched.collector.counts["new"].succeeded >= 3)
            await until(lambda: old.open_connections == 0)
            asked = len(old.heads)
            await asyncio.sleep(0.4)

            assert asked == len(old.heads) == 1
            assert ["new"] == list(watched.collector.counts)
            assert "server1" not in [id for id, _ in watched.told]
            assert newcomer.reported_at > 0
            assert 1 == sum(each.get_name() == "poll new" for each in asyncio.all_tasks())
    finally:
        await new.stop()


async def test_an_endpoint_that_is_added_again_is_polled_once() -> None:
    """Its new address alone."""
    one, two = Backend(), Backend()
    await two.start()
    try:
        async with watching(one) as watched:
            await until(lambda: len(one.heads) >= 1)
            moved = EndpointStats(Endpoint("server1", "127.0.0.1", two.port))
            watched.collector.add(moved)
            await until(lambda: len(two.heads) >= 2)
            asked = len(one.heads)
            await until(lambda: len(two.heads) >= 5)

            assert len(one.heads) <= asked + 1
            assert 1 == sum(each.get_name() == "poll server1" for each in asyncio.all_tasks())
    finally:
        await two.stop()


def test_a_report_without_some_values_has_zeros_for_them() -> None:
    report = read_report(b'{"active_requests": 2.9}')

    assert report is not None
    assert (0.0, 0.0, 2, 0.0) == (report.cpu, report.memory, report.active, report.latency)
