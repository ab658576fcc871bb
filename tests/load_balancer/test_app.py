"""One node with everything around it, in the test's own loop."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from load_balancer.app import App
from load_balancer.serving import StartError
from rl.vocabulary import Learner
from tests.live.asking import get, post, refusing
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients, Message
from tests.load_balancer.fakes import until

pytestmark = pytest.mark.integration


async def backend(visit: Visit) -> None:
    """Answers polls and work."""
    while not await done(visit):
        request = await visit.request()
        if request.target == "/health":
            visit.send(answer(b'{"health_status": "healthy", "cpu_utilization": 25.0}'))
        else:
            visit.send(answer(f"{visit.origin.port} {request.target}".encode()))


@asynccontextmanager
async def running(*origins: Origin | int, **load_balancer: Any) -> AsyncIterator[App]:
    app = App(settings_for(*origins, **load_balancer), asyncio.get_running_loop())
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def ask(app: App, request: bytes) -> Message:
    async with Clients() as clients:
        client = await clients.connect(app.port)
        client.send(request)
        return await client.answer()


def admin(app: App) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{app.admin_port}", trust_env=False, timeout=20
    )


async def polled(app: App, count: int) -> None:
    async with asyncio.timeout(20):
        while min(each.succeeded for each in app.collector.counts.values()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_it_forwards_polls_and_tells() -> None:
    """The proxy port, the collector and the admin port see the same node."""
    async with Origin(backend) as one, Origin(backend) as two, running(one, two) as app:
        await polled(app, 1)
        for _ in range(4):
            assert (await ask(app, get("/work"))).status == 200
        health = json.loads((await ask(app, get("/health"))).body)
        assert (health["status"], health["servers_count"]) == ("healthy", 2)
        async with admin(app) as client:
            stats = (await client.get("/stats")).json()
            assert [each["completed"] for each in stats["endpoints"]] == [2, 2]
            assert [each["cpu"] for each in stats["endpoints"]] == [0.25, 0.25]
            assert stats["answers"] == {"200": 5}
            metrics = (await client.get("/metrics")).text
            assert 'strategy="round_robin"' in metrics
            assert (await client.get("/readyz")).status_code == 200


async def test_the_health_path_can_be_another() -> None:
    async with Origin(backend) as one, running(one, health_path="/-/lb") as app:
        assert json.loads((await ask(app, get("/-/lb"))).body)["routing_strategy"] == "round_robin"
        assert json.loads((await ask(app, get("/health"))).body)["cpu_utilization"] == 25.0


async def test_a_dead_server_delays_nobody() -> None:
    """Neither a poll of the others nor a request."""
    with refusing() as port:
        async with Origin(backend) as one, running(port, one) as app:
            for _ in range(4):
                assert (await ask(app, get("/work"))).status == 200


async def test_switching_under_load_loses_nothing() -> None:
    """And each request is credited to the strategy that decided it."""
    async with (
        Origin(backend) as one,
        Origin(backend) as two,
        running(one, two) as app,
        Clients() as clients,
    ):
        names = ["q_learning", "least_request", "peak_ewma", "random", "round_robin"]
        sent = 0
        stop = asyncio.Event()

        async def keep_asking(number: int) -> None:
            nonlocal sent
            client = await clients.connect(app.port)
            while not stop.is_set():
                sent += 1
                target = f"/{number}/{sent}"
                client.send(post(b"x", target))
                got = await client.answer()
                assert got.status == 200
                assert got.body.endswith(f" {target}".encode())

        asking = [asyncio.create_task(keep_asking(number)) for number in range(8)]
        async with admin(app) as client:
            for name in names * 3:
                before = sent
                reply = await client.post("/strategy", json={"strategy": name})
                assert reply.json() == {"routing_strategy": name}
                async with asyncio.timeout(20):
                    while sent < before + 40:  # noqa: ASYNC110
                        await asyncio.sleep(0.001)
            refused = await client.post("/strategy", json={"strategy": "nope"})
            assert refused.status_code == 422
        stop.set()
        await asyncio.gather(*asking)
        counted = {strategy: 0 for strategy in names}
        for strategy, _, series in app.counters.all_series():
            counted[strategy] += sum(series.statuses.values())
        assert sum(counted.values()) == sent
        assert all(count > 0 for count in counted.values())
        assert [stats.in_flight for stats in app.node.table.all] == [0, 0]


async def test_the_request_log_has_a_line_for_every_attempt(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with refusing() as port:
        async with (
            Origin(backend) as one,
            running(port, one, request_log={"path": str(log)}) as app,
        ):
            await ask(app, get("/1", "X-Request-ID: first"))
            await ask(app, get("/2", "X-Request-ID: second"))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {
        (each["request_id"], each["endpoint"], each["verdict"], each["attempt"]) for each in lines
    } == {
        ("first", "a", "failure", 1),
        ("first", "b", "success", 2),
        ("second", "b", "success", 1),
    }


@pytest.mark.parametrize("strategy", ["q_learning", "marginal_cost"])
async def test_what_was_learned_is_saved_at_the_end_and_there_at_the_next_start(
    tmp_path: Path, strategy: str
) -> None:
    learning = {"state_file": str(tmp_path / "state.json")}
    async with Origin(backend) as one, Origin(backend) as two:
        async with running(one, two, strategy=strategy, learning=learning) as app:
            for _ in range(10):
                await ask(app, get("/work"))
            known = app.status.table()
        async with running(one, two, strategy=strategy, learning=learning) as app:
            assert known
            assert app.status.table() == known


async def test_what_was_learned_survives_another_strategy(tmp_path: Path) -> None:
    """Switched away and back, it is the same learner; and it is saved though it was not in use."""
    learning = {"state_file": str(tmp_path / "state.json")}
    async with Origin(backend) as one:
        async with running(one, strategy="q_learning", learning=learning) as app:
            await ask(app, get("/work"))
            known = app.status.table()
            app.switch_strategy("round_robin")
            assert app.status.table() is None
            app.switch_strategy("q_learning")
            assert app.status.table() == known
            app.switch_strategy("round_robin")
        async with running(one, learning=learning) as app:
            app.switch_strategy("q_learning")
            assert app.status.table() == known


async def test_it_is_saved_while_running_too(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    learning = {"state_file": str(path), "save_interval_seconds": 0.01}
    async with (
        Origin(backend) as one,
        running(one, strategy="q_learning", learning=learning) as app,
    ):
        await ask(app, get("/work"))
        async with asyncio.timeout(20):
            while not path.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_it_outlives_a_crash_and_a_change_of_endpoints(tmp_path: Path) -> None:
    """What was saved last is what the next start knows, of the endpoints that there are then."""
    path, crashed = tmp_path / "state.json", tmp_path / "crashed.json"
    learning: dict[str, Any] = {"state_file": str(path), "save_interval_seconds": 0.01}
    async with Origin(backend) as one, Origin(backend) as two:
        async with running(one, strategy="q_learning", learning=learning) as app:
            for _ in range(5):
                await ask(app, get("/work"))
            async with admin(app) as client:
                entry = {"id": "b", "host": "127.0.0.1", "port": two.port}
                assert 200 == (await client.post("/endpoints", json=entry)).status_code
            for _ in range(10):
                await ask(app, get("/work"))
            known = app.status.table()
            assert known
            learner = app.node.strategy.policy
            assert isinstance(learner, Learner)
            expected = json.loads(json.dumps({"q_learning": learner.parameters()}))
            async with asyncio.timeout(20):
                while not path.exists() or json.loads(path.read_text()) != expected:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            crashed.write_bytes(path.read_bytes())
        learning["state_file"] = str(crashed)
        async with running(one, two, strategy="q_learning", learning=learning) as app:
            assert app.status.table() == known


async def test_a_strategy_is_asked_for_its_reasons_at_the_admin_port() -> None:
    async with Origin(backend) as one, running(one, strategy="q_learning") as app:
        async with admin(app) as client:
            answer = await client.get("/explain?path=/work")
            assert {"detail": "q_learning has no reasons to show"} == answer.json()


@pytest.mark.parametrize("key", ["port", "admin_port"])
async def test_a_taken_port_is_one_line_that_names_it(key: str) -> None:
    """And the other port is free again."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        free = other.getsockname()[1]
        other.close()
        port = taken.getsockname()[1]
        other_key = "admin_port" if key == "port" else "port"
        app = App(settings_for(1, **{key: port, other_key: free}), asyncio.get_running_loop())
        with pytest.raises(StartError) as raised:
            await app.start()
        assert str(raised.value) == (
            f"load_balancer.{key}: cannot listen on 127.0.0.1:{port}: Address already in use; "
            "choose another one or stop what holds it"
        )
        socket.create_server(("127.0.0.1", free)).close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": "a..b"}, "load_balancer.host: 'a..b' is no address of this machine"),
        ({"admin_host": "a..b"}, "load_balancer.admin_host: 'a..b' is no address of this"),
        ({"host": "192.0.2.1"}, "load_balancer.port: cannot listen on 192.0.2.1:0: Cannot assign"),
        ({"request_log": {"path": "."}}, "load_balancer.request_log.path: . cannot be written"),
        (
            {"learning": {"state_file": f"{__file__}/x"}},
            f"load_balancer.learning.state_file: {__file__}/x cannot be written: Not a directory",
        ),
    ],
)
async def test_what_cannot_be_had_is_one_line_that_names_it(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(StartError) as raised:
        await App(settings_for(1, **settings), asyncio.get_running_loop()).start()
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"admin_host": "0.0.0.0"}, "load_balancer.admin_host: 0.0.0.0 can be reached from other"),
        ({"admin_token_file": "/no/such/file"}, "load_balancer.admin_token_file: /no/such/file"),
    ],
)
async def test_an_admin_port_without_its_token_does_not_start(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(StartError) as raised:
        await App(settings_for(1, **settings), asyncio.get_running_loop()).start()
    assert str(raised.value).startswith(message)


async def test_the_admin_port_asks_for_the_token() -> None:
    async with (
        Origin(backend) as one,
        running(one, admin_token="correct-horse") as app,
        admin(app) as client,
    ):
        assert (await client.get("/stats")).status_code == 401
        assert (await client.get("/readyz")).status_code == 200
        shown = {"Authorization": "Bearer correct-horse"}
        assert (await client.get("/stats", headers=shown)).status_code == 200


async def test_a_page_that_was_made_to_point_here_is_refused() -> None:
    async with Origin(backend) as one, running(one) as app, admin(app) as client:
        forged = {"Host": "evil.example"}
        assert (await client.get("/stats", headers=forged)).status_code == 403


async def test_while_it_waits_to_drain_it_serves_and_says_that_it_is_unready() -> None:
    """A second signal ends the wait."""
    async with Origin(backend) as one, Clients() as clients:
        app = App(settings_for(one, drain={"delay_seconds": 60}), asyncio.get_running_loop())
        await app.start()
        stopping = asyncio.create_task(app.stop())
        async with admin(app) as probe:
            assert (await probe.get("/readyz")).status_code == 503
        client = await clients.connect(app.port)
        client.send(get("/work"))
        assert (await client.answer()).one("connection") == "close"
        client.close()
        await until(lambda: not app.listener.connections)
        app.hurry()
        assert await stopping == 0


async def test_stopping_leaves_nothing() -> None:
    """No task, no connection; attempts under way are completed."""

    async def never(visit: Visit) -> None:
        await visit.request()
        await visit.end()

    before = asyncio.all_tasks()
    async with Origin(never) as one, Clients() as clients:
        async with running(one, deadlines={"drain_seconds": 0.05}) as app:
            client = await clients.connect(app.port)
            client.send(get())
            async with asyncio.timeout(20):
                while not app.node.table.all[0].in_flight:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
        assert app.node.table.all[0].in_flight == 0
        series = app.counters.series("round_robin", "a")
        assert (series.ignored, series.failures) == (1, 0)
        await client.end()
    assert asyncio.all_tasks() == before
