"""The operator's port: every route, its errors, and the server under it."""

import asyncio
import json
import random
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from config.balancer import Ejection, Metrics
from load_balancer.admin import AdminServer, add_operator, create_admin
from load_balancer.health import Health
from load_balancer.node import Node, Strategy
from load_balancer.problems import PROBLEM
from load_balancer.status import Status
from metrics.collector import Collector
from metrics.counters import Counters
from metrics.exposition import Sources
from metrics.table import EndpointTable
from rl import reward
from rl.reward import RewardParameters
from rl.vocabulary import JSON, Decision, Endpoint, Observation, Transition
from tests.load_balancer.fakes import PROBLEMS, FakeOperator

pytestmark = pytest.mark.integration

ROW: dict[str, JSON] = {"state": {"server1": "low"}, "best": "server1"}


class Learned:
    """A policy with rows to show."""

    def __init__(self, rows: list[dict[str, JSON]]) -> None:
        self.rows = rows

    def select(self, observation: Observation) -> Decision:
        return Decision(0)

    def observe(self, transition: Transition) -> None:
        pass

    def table(self) -> list[dict[str, JSON]]:
        return self.rows


class Plain:
    """A policy without any."""

    def select(self, observation: Observation) -> Decision:
        return Decision(0)

    def observe(self, transition: Transition) -> None:
        pass


class Rig:
    """A node's admin application, with everything it reads."""

    def __init__(self) -> None:
        self.ready = True
        table = EndpointTable([Endpoint("server1", "localhost", 8001)])
        self.counters = Counters()
        self.node = Node(
            table,
            Health(Ejection(), table),
            Strategy("plain", Plain()),
            reward.build(RewardParameters()),
            self.counters,
        )
        collector = Collector(
            Metrics(), table, self.node.set_healthy, random.Random(1), lambda: 0.0
        )
        self.status = Status(self.node, self.counters, collector, lambda: 0.0, lambda: 0.0)
        self.app = create_admin(
            self.status,
            Sources(table, self.counters, collector.counts, lambda: 0, lambda: 0, lambda: 0),
            self.switch,
            lambda: self.ready,
        )

    def switch(self, name: str) -> None:
        if name not in ("plain", "learned"):
            raise ValueError(f"unknown strategy {name!r}")
        self.node.strategy = Strategy(name, Learned([ROW]) if name == "learned" else Plain())

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1:8081"
        )

    async def ask(self, method: str, path: str, **rest: object) -> httpx.Response:
        async with self.client() as client:
            return await client.request(method, path, **rest)  # type: ignore[arg-type]


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_livez_says_that_the_process_runs_even_while_it_drains(rig: Rig) -> None:
    rig.ready = False
    answer = await rig.ask("GET", "/livez")

    assert (200, {"status": "alive"}) == (answer.status_code, answer.json())


@pytest.mark.parametrize(
    ("ready", "expected"), [(True, (200, "ready")), (False, (503, "draining"))]
)
async def test_readyz_says_whether_requests_are_taken(
    rig: Rig, ready: bool, expected: tuple[int, str]
) -> None:
    rig.ready = ready
    answer = await rig.ask("GET", "/readyz")

    assert expected == (answer.status_code, answer.json()["status"])


async def test_health_and_stats_are_the_status_in_json(rig: Rig) -> None:
    health, stats = await rig.ask("GET", "/health"), await rig.ask("GET", "/stats")

    assert (200, rig.status.health()) == (health.status_code, health.json())
    assert (200, rig.status.stats()) == (stats.status_code, stats.json())
    assert "application/json" == stats.headers["content-type"]


async def test_metrics_are_what_prometheus_reads(rig: Rig) -> None:
    rig.counters.answers[200] = 1
    answer = await rig.ask("GET", "/metrics")
    families = {family.name for family in text_string_to_metric_families(answer.text)}

    assert 200 == answer.status_code
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert {"slb_answers", "slb_endpoint_healthy"} <= families


async def test_q_is_a_table_for_a_person(rig: Rig) -> None:
    rig.switch("learned")
    answer = await rig.ask("GET", "/q")

    assert "text/plain; charset=utf-8" == answer.headers["content-type"]
    assert "state.server1  best\nlow            server1\n" == answer.text


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/q?format=json", "*/*"),
        ("/q", "application/json"),
        ("/q", "text/html, application/json;q=0.9"),
    ],
)
async def test_q_is_json_for_who_asks_for_it(rig: Rig, path: str, accept: str) -> None:
    rig.switch("learned")
    answer = await rig.ask("GET", path, headers={"Accept": accept})

    assert {"routing_strategy": "learned", "rows": [ROW]} == answer.json()


async def test_q_says_when_there_is_nothing_to_show(rig: Rig) -> None:
    """A strategy without a table is not one that has learned nothing yet."""
    plain = await rig.ask("GET", "/q")
    as_json = await rig.ask("GET", "/q?format=json")
    rig.node.strategy = Strategy("empty", Learned([]))
    empty = await rig.ask("GET", "/q")

    assert "plain has no table to show\n" == plain.text
    assert {"routing_strategy": "plain", "rows": None} == as_json.json()
    assert "nothing learned yet\n" == empty.text


async def test_post_strategy_switches(rig: Rig) -> None:
    answer = await rig.ask("POST", "/strategy", json={"strategy": "learned"})

    assert (200, {"routing_strategy": "learned"}) == (answer.status_code, answer.json())
    assert "learned" == rig.node.strategy.name


async def test_an_unknown_strategy_is_refused_with_the_reason(rig: Rig) -> None:
    answer = await rig.ask("POST", "/strategy", json={"strategy": "lerned"})

    assert (422, {"detail": "unknown strategy 'lerned'"}) == (answer.status_code, answer.json())
    assert "plain" == rig.node.strategy.name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"learned"',
        b"{}",
        b'{"strategy": null}',
        b'{"strategy": 5}',
        b'{"strategy": ["learned"]}',
        b'{"strategy": "learned", "now": true}',
        b'{"Strategy": "learned"}',
        b"\xff\xfe",
    ],
)
async def test_a_malformed_change_changes_nothing(rig: Rig, body: bytes) -> None:
    answer = await rig.ask(
        "POST", "/strategy", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (400, 422)
    assert "detail" in answer.json()
    assert "plain" == rig.node.strategy.name


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
async def test_what_any_web_page_may_send_changes_nothing(
    rig: Rig, content_type: str | None
) -> None:
    """A browser sends these anywhere without asking; JSON it must ask for first."""
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await rig.ask("POST", "/strategy", content=b'{"strategy": "learned"}', headers=headers)

    assert 422 == answer.status_code
    assert "plain" == rig.node.strategy.name


READ = ("/livez", "/readyz", "/health", "/stats", "/metrics", "/q")


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_what_is_for_reading_takes_nothing(rig: Rig, path: str, method: str) -> None:
    answer = await rig.ask(method, path, json={"strategy": "learned"})

    assert (405, "GET") == (answer.status_code, answer.headers["allow"])


async def test_errors_below_some_paths_are_problems(rig: Rig) -> None:
    """Also those that no route has made."""
    beyond = await rig.ask("GET", "/shaping/adaptive/nothing")
    plain = await rig.ask("GET", "/nothing")

    assert (404, PROBLEM) == (beyond.status_code, beyond.headers["content-type"])
    assert (404, {"detail": "Not Found"}) == (plain.status_code, plain.json())


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_what_changes_is_for_post_only(rig: Rig, method: str) -> None:
    """A link, a prefetch or a crawler must not switch anything."""
    answer = await rig.ask(method, "/strategy", params={"strategy": "learned"})

    assert 405 == answer.status_code
    assert "plain" == rig.node.strategy.name


async def test_every_route_that_changes_is_post(rig: Rig) -> None:
    paths = (await rig.ask("GET", "/openapi.json")).json()["paths"]

    assert {*READ, "/strategy"} == set(paths)
    assert {"/strategy": ["post"]} == {
        path: list(methods) for path, methods in paths.items() if list(methods) != ["get"]
    }


# With somebody who reloads and drains.


def operated(rig: Rig, operator: FakeOperator) -> FastAPI:
    add_operator(rig.app, operator)
    return rig.app


async def ask(app: FastAPI, method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path)


async def test_post_reload_tells_what_it_did(rig: Rig) -> None:
    answer = await ask(operated(rig, FakeOperator()), "POST", "/reload")

    assert (200, {"changed": ["a"], "restart": ["b"]}) == (answer.status_code, answer.json())


@pytest.mark.parametrize("problem", PROBLEMS)
async def test_a_reload_that_fails_says_why(rig: Rig, problem: Exception) -> None:
    answer = await ask(operated(rig, FakeOperator(problem)), "POST", "/reload")

    assert (422, {"detail": str(problem)}) == (answer.status_code, answer.json())


async def test_post_drain_begins_the_end_and_answers_before_it(rig: Rig) -> None:
    operator = FakeOperator()
    answer = await ask(operated(rig, operator), "POST", "/drain")

    assert (202, {"status": "draining"}, 1) == (
        answer.status_code,
        answer.json(),
        operator.drained,
    )


@pytest.mark.parametrize("path", ["/reload", "/drain"])
async def test_neither_reload_nor_drain_by_a_link(rig: Rig, path: str) -> None:
    operator = FakeOperator()
    answer = await ask(operated(rig, operator), "GET", path)

    assert (405, 0) == (answer.status_code, operator.drained)


async def test_every_route_declares_what_the_guard_answers(rig: Rig) -> None:
    """401, 403 and 413 come before any of them is asked."""
    paths = operated(rig, FakeOperator()).openapi()["paths"]

    for methods in paths.values():
        for operation in methods.values():
            assert {"401", "403", "413"} <= set(operation["responses"])


async def test_it_serves_on_a_unix_socket_too(rig: Rig) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "admin.sock"
        server = AdminServer(rig.app, "", 0, path)
        assert 0 == await server.start()
        try:
            transport = httpx.AsyncHTTPTransport(uds=str(path))
            async with httpx.AsyncClient(transport=transport) as client:
                assert 200 == (await client.get("http://any/livez")).status_code
        finally:
            await server.stop()


async def test_there_is_nothing_else(rig: Rig) -> None:
    assert 404 == (await rig.ask("GET", "/secrets")).status_code


# The server.


@asynccontextmanager
async def serving(app: FastAPI, host: str = "127.0.0.1") -> AsyncIterator[int]:
    server = AdminServer(app, host, 0)
    port = await server.start()
    try:
        yield port
    finally:
        await server.stop()


async def test_it_serves_on_the_port_it_says_and_releases_it(rig: Rig) -> None:
    tasks = asyncio.all_tasks()
    async with serving(rig.app) as port, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/livez")
    with socket.socket() as probe:
        free = probe.connect_ex(("127.0.0.1", port)) != 0

    assert (200, True) == (answer.status_code, free)
    assert "server" not in answer.headers
    assert tasks == asyncio.all_tasks()


async def test_it_leaves_the_processs_signals_alone(rig: Rig) -> None:
    """They stop the proxy first; uvicorn would take them for itself."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    async with serving(rig.app) as port, httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"http://127.0.0.1:{port}/livez")
        during = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]

    assert before == during


async def test_a_port_that_is_taken_is_an_error_and_leaves_no_socket(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        server = AdminServer(rig.app, "127.0.0.1", holder.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await server.start()
        await server.stop()


async def test_a_server_that_never_started_can_be_stopped(rig: Rig) -> None:
    await AdminServer(rig.app, "127.0.0.1", 0).stop()


def test_the_answers_say_nothing_that_json_cannot(rig: Rig) -> None:
    """No infinite number, whatever was not seen yet."""
    json.dumps([rig.status.health(), rig.status.stats()], allow_nan=False)


async def test_all_methods_of_a_resource_are_named_to_who_uses_another(rig: Rig) -> None:
    """Also where each has a route of its own (RFC 9110 section 10.2.1)."""

    @rig.app.get("/both")
    def read() -> None:
        pass

    @rig.app.post("/both")
    def change() -> None:
        pass

    answer = await rig.ask("OPTIONS", "/both")
    assert (405, "GET, POST") == (answer.status_code, answer.headers["allow"])
    assert {"detail": "Method Not Allowed"} == answer.json()
    assert 404 == (await rig.ask("OPTIONS", "/nowhere")).status_code
