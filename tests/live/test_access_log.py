"""What the data path tells of each request when it is over, read as lines of the access log."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from load_balancer.app import App
from metrics.access_lines import JsonLines
from metrics.access_record import AccessRecord
from tests.live.asking import get, post, refusing
from tests.live.origin import Origin, Visit, serve_ok
from tests.live.rig import Rig, proxy, settings_for
from tests.live.wire import EOF, Clients

pytestmark = pytest.mark.integration

MAIN = Path(__file__).parents[2] / "load_balancer" / "main.py"


class Logged:
    """A running proxy and its records so far, as lines."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._records: list[AccessRecord] = []
        rig.listener.access_log = self

    def append(self, record: AccessRecord) -> None:
        self._records.append(record)

    async def lines(self, count: int) -> list[dict[str, Any]]:
        """As soon as there are so many; no more come by then."""
        await self.rig.holds(lambda: len(self._records) >= count, f"{count} records")
        assert count == len(self._records)
        return [json.loads(JsonLines(0.0, 2048).line(record)) for record in self._records]

    async def line(self) -> dict[str, Any]:
        """The only one."""
        (found,) = await self.lines(1)
        return found


@asynccontextmanager
async def logged(*origins: Origin | int, **load_balancer: Any) -> AsyncIterator[Logged]:
    async with proxy(*origins, time_runs=True, **load_balancer) as rig:
        yield Logged(rig)


async def asked(node: Logged, data: bytes) -> int:
    status: int = (await node.rig.ask(data)).status
    return status


def timers(line: dict[str, Any]) -> list[bool]:
    """Which of the four were reached."""
    return [line[name] is not None for name in ("queue", "connect", "first_byte", "total")]


async def test_a_whole_answer() -> None:
    async with Origin(serve_ok) as one, logged(one) as node:
        request = post(
            b"12345", "/work?x=1", "X-Request-ID: mine", "User-Agent: probe/1", "Referer: http://r/"
        )
        assert 200 == await asked(node, request)
        line = await node.line()

    assert ("complete", None, 200) == (line["termination"], line["reason"], line["status"])
    assert ("127.0.0.1", "POST", "origin.test", "/work?x=1", "HTTP/1.1") == tuple(
        line[key] for key in ("client", "method", "host", "target", "version")
    )
    assert ("a", "first", 1, [], False, 1.0) == tuple(
        line[key] for key in ("endpoint", "strategy", "attempts", "tried", "explored", "propensity")
    )
    assert ("mine", "probe/1", "http://r/") == (
        line["request_id"], line["user_agent"], line["referer"],
    )  # fmt: skip
    assert 5 == line["bytes_in"]
    assert line["bytes_out"] > len(b"/work?x=1")
    assert [True] * 4 == timers(line)
    assert 0 < line["first_byte"] <= line["total"] < 5
    assert 0 <= line["connect"] <= line["first_byte"]


async def test_each_request_of_a_connection_has_its_line() -> None:
    """Kept alive or sent all at once; whatever shortcut a repeated request takes."""
    async with Origin(serve_ok) as one, logged(one) as node, Clients() as clients:
        client = await clients.connect(node.rig.port)
        for _ in range(3):
            client.send(get("/same"))
            await client.answer()
        client.send(get("/1") + get("/2") + get("/3"))
        for _ in range(3):
            await client.answer()
        lines = await node.lines(6)

    assert ["/same"] * 3 + ["/1", "/2", "/3"] == [line["target"] for line in lines]
    assert 6 == len({line["request_id"] for line in lines})
    assert ["complete"] * 6 == [line["termination"] for line in lines]
    assert all(line["connect"] == 0 for line in lines[1:])
    assert all(line["bytes_out"] == lines[0]["bytes_out"] for line in lines[:3])


async def test_a_page_of_the_balancers_own() -> None:
    async with Origin(serve_ok) as one, logged(one, health_path="/lb") as node:
        assert 200 == await asked(node, get("/lb"))
        line = await node.line()

    assert ("local", 200, None, 0) == (
        line["termination"], line["status"], line["endpoint"], line["attempts"],
    )  # fmt: skip
    assert [False, False, False, True] == timers(line)


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400, "host"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "host"),
        (b"\x00\x01\x02\r\n\r\n", 400, "syntax"),
    ],
)
async def test_a_refused_request(data: bytes, status: int, reason: str) -> None:
    async with Origin(serve_ok) as one, logged(one) as node:
        assert status == await asked(node, data)
        line = await node.line()

    assert ("refused", reason, status) == (line["termination"], line["reason"], line["status"])
    assert [False, False, False, True] == timers(line)
    assert (0, None) == (line["attempts"], line["endpoint"])


async def test_an_endpoint_that_cannot_be_reached() -> None:
    with refusing() as port:
        async with logged(port) as node:
            assert 502 == await asked(node, get())
            line = await node.line()

    assert ("connect", "connect_failed", 502) == (
        line["termination"], line["reason"], line["status"],
    )  # fmt: skip
    assert ("a", 1, []) == (line["endpoint"], line["attempts"], line["tried"])
    assert [True, False, False, True] == timers(line)


async def test_a_second_try() -> None:
    """One line for the request; the endpoint that failed is named."""
    with refusing() as port:
        async with Origin(serve_ok) as one, logged(port, one) as node:
            assert 200 == await asked(node, get())
            line = await node.line()

    assert ("complete", "b", 2, ["a"]) == (
        line["termination"], line["endpoint"], line["attempts"], line["tried"],
    )  # fmt: skip


async def hang_up(visit: Visit) -> None:
    await visit.request()


async def half(visit: Visit) -> None:
    await visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


async def test_an_endpoint_that_closes_before_its_answer() -> None:
    async with Origin(hang_up) as one, logged(one) as node:
        assert 502 == await asked(node, get())
        line = await node.line()

    assert ("endpoint_wait", "connection_lost", 502, 1, "a") == tuple(
        line[key] for key in ("termination", "reason", "status", "attempts", "endpoint")
    )
    assert [True, True, False, True] == timers(line)


async def test_an_endpoint_that_breaks_off() -> None:
    """The status looked good; the line says that the answer was cut."""
    async with (
        Origin(half) as one,
        logged(one) as node,
        Clients() as clients,
    ):
        client = await clients.connect(node.rig.port)
        client.send(get())
        assert EOF != await client.end()
        line = await node.line()

    assert ("endpoint_body", "connection_lost", 200) == (
        line["termination"], line["reason"], line["status"],
    )  # fmt: skip
    assert [True] * 4 == timers(line)


async def silent(visit: Visit) -> None:
    await visit.request()
    await visit.end()


async def sending(visit: Visit) -> None:
    await visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await visit.end()


@pytest.mark.parametrize(
    ("script", "data", "status", "termination"),
    [
        (silent, get(), 0, "client_wait"),
        (silent, post(b"x" * 10)[:-5], 0, "client_body"),
        (sending, get(), 200, "client_read"),
    ],
)
async def test_a_client_that_leaves(
    script: Any, data: bytes, status: int, termination: str
) -> None:
    async with (
        Origin(script) as one,
        logged(one) as node,
        Clients() as clients,
    ):
        client = await clients.connect(node.rig.port)
        client.send(data)
        visit = await one.visited(1)
        await visit.until(lambda: visit.count > 0, "it has come")
        if status:
            await client.bytes_in_all(1)
        client.close()
        line = await node.line()

    assert (termination, status) == (line["termination"], line["status"])
    assert ("a", 1) == (line["endpoint"], line["attempts"])


async def test_what_is_cut_at_the_end_of_the_node() -> None:
    async with (
        Origin(silent) as one,
        logged(one, deadlines={"drain_seconds": 0.05}) as node,
        Clients() as clients,
    ):
        client = await clients.connect(node.rig.port)
        client.send(get())
        await one.asked(1)
        await node.rig.listener.drain()
        line = await node.line()

    assert ("drain", 0) == (line["termination"], line["status"])


async def test_hostile_bytes_make_no_line_of_their_own() -> None:
    async with Origin(serve_ok) as one, logged(one) as node, Clients() as clients:
        client = await clients.connect(node.rig.port)
        client.send(get('/"},{"status":1', 'User-Agent: "\\\xe9\t}'))
        await client.answer()
        line = await node.line()

    assert ('/"},{"status":1', '"\\\xe9\t}') == (line["target"], line["user_agent"])


async def test_a_whole_node_writes_them_and_begins_a_moved_log_anew(tmp_path: Path) -> None:
    """What SIGUSR1 calls; no line is lost or written twice."""
    path, moved = tmp_path / "access.log", tmp_path / "moved"
    async with Origin(serve_ok) as one, Clients() as clients:
        settings = settings_for(one, access_log={"path": str(path)})
        app = App(settings, asyncio.get_running_loop())
        await app.start()
        client = await clients.connect(app.port)
        client.send(get("/1"))
        await client.answer()
        async with asyncio.timeout(10):
            while not path.read_bytes():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        path.rename(moved)
        app.reopen_logs()
        client.send(get("/2"))
        await client.answer()
        await app.stop()
    first, second = (json.loads(each.read_text("ascii")) for each in (moved, path))

    assert ("/1", "/2") == (first["target"], second["target"])
    assert abs(first["time"] - time.time()) < 60


async def test_the_metrics_count_the_same_requests() -> None:
    """Every line in one of the histograms, its bytes in the sums."""
    async with Origin(serve_ok) as one, logged(one) as node:
        for data in (get("/1"), post(b"123", "/2"), b"GET / HTTP/1.1\r\n\r\n"):
            await asked(node, data)
        lines = await node.lines(3)
        counters = node.rig.counters

    assert [2, 1] == [counters.clients[digit].duration.count for digit in (2, 4)]
    assert [2, 0] == [counters.clients[digit].first_byte.count for digit in (2, 4)]
    assert sum(line["bytes_out"] for line in lines) == counters.sent_bytes
    assert sum(line["bytes_in"] for line in lines) == counters.received_bytes == 3


async def test_requests_under_way_are_seen() -> None:
    async with Origin(silent) as one, logged(one) as node, Clients() as clients:
        before = node.rig.listener.in_flight()
        for _ in range(3):
            (await clients.connect(node.rig.port)).send(get())
        await one.asked(3)

        assert (0, 3) == (before, node.rig.listener.in_flight())


def test_workers_write_to_the_standard_output_of_their_supervisor(tmp_path: Path) -> None:
    """Theirs leads to it; whoever runs the service in a container reads every line all the same."""
    out = tmp_path / "out"
    keys = {"access_log.path": "-", "workers": 2, "port": 0, "admin_port": 0, "host": "127.0.0.1"}
    settings = [f"--set=load_balancer.{key}={value}" for key, value in keys.items()]
    with out.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, str(MAIN), "--until-stdin-closes", *settings],
            stdin=subprocess.PIPE,
            stdout=file,
        )
    assert process.stdin is not None
    try:
        url = appears(out, b"ready ").split()[2].decode("ascii")
        with httpx.Client(trust_env=False, timeout=20) as client:
            for _ in range(3):
                client.get(f"{url}/health")
        process.stdin.close()
        process.wait(20)
    finally:
        process.kill()
        process.communicate()
    lines = out.read_bytes().splitlines()[1:]

    assert ["/health"] * 3 == [json.loads(line)["target"] for line in lines]


def appears(file: Path, beginning: bytes) -> bytes:
    """The file's first line, once it begins so."""
    end = time.monotonic() + 60
    while not (content := file.read_bytes()).startswith(beginning) or b"\n" not in content:
        assert time.monotonic() < end
        time.sleep(0.01)
    return content.splitlines()[0]
