"""Endpoints come and go in a running node: nothing is lost, nothing is left behind."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.schema import Settings
from load_balancer.app import App
from load_balancer.reloading import ReloadError
from load_balancer.serving import StartError
from tests.live.asking import get
from tests.live.name_server import Zone, serving
from tests.live.origin import Origin, Visit, answer, done
from tests.live.wire import Clients, Message

pytestmark = pytest.mark.integration


async def backend(visit: Visit) -> None:
    """Answers with its port, to work and to polls."""
    while not await done(visit):
        await visit.request()
        visit.send(answer(str(visit.origin.port).encode()))


def server(id: str, origin: Origin, **more: Any) -> dict[str, Any]:
    return {"id": id, "host": "127.0.0.1", "port": origin.port, **more}


def settings_of(
    servers: list[dict[str, Any]],
    discovery: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    **balancer: Any,
) -> Settings:
    return Settings.model_validate(
        {
            "servers": servers,
            "metrics": metrics or {},
            "discovery": discovery or {},
            "load_balancer": {"host": "127.0.0.1", "port": 0, "admin_port": 0, **balancer},
        }
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[App]:
    app = App(settings, asyncio.get_running_loop())
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def ask(app: App, *requests: bytes) -> list[Message]:
    async with Clients() as clients:
        client = await clients.connect(app.port)
        answers = []
        for request in requests:
            client.send(request)
            answers.append(await client.answer())
        return answers


async def ports(app: App, times: int = 12) -> set[int]:
    """Whom requests reach."""
    return {int(each.body) for each in await ask(app, *[get("/work")] * times)}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def admin(app: App) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{app.admin_port}", trust_env=False, timeout=20
    )


async def test_an_endpoint_is_added_drained_and_removed_by_the_operator() -> None:
    """Requests reach it at once and no more; it is polled and shown meanwhile, and leaves neither a
    connection nor a poll."""
    async with (
        Origin(backend) as one,
        Origin(backend) as two,
        running(settings_of([server("a", one)])) as app,
        admin(app) as client,
    ):
        assert {one.port} == await ports(app)
        added = await client.post("/endpoints", json=server("b", two))
        assert ["b"] == added.json()["joined"]
        assert {one.port, two.port} == await ports(app)
        await until(lambda: app.collector.counts["b"].succeeded > 0)
        assert 2 == len((await client.get("/stats")).json()["endpoints"])
        idle = app.listener.pool.idle_count()
        assert 200 == (await client.post("/endpoints/a/drain")).status_code
        await until(lambda: "a" not in app.node.table)

        assert {two.port} == await ports(app)
        assert ["b"] == [each["id"] for each in (await client.get("/endpoints")).json()]
        assert "a" not in app.collector.counts
        assert app.listener.pool.idle_count() < idle
        metrics = (await client.get("/metrics")).text
        assert 'slb_endpoint_changes_total{change="left"} 1.0' in metrics
        assert 404 == (await client.post("/endpoints/a/drain")).status_code
        assert 200 == (await client.post("/endpoints/b/remove")).status_code
        assert 503 == (await ask(app, get("/work")))[0].status
        assert "unhealthy" == (await client.get("/health")).json()["status"]


async def test_draining_finishes_what_runs() -> None:
    """A request in flight is answered by the endpoint it is at; then that endpoint leaves."""
    go_on = asyncio.Event()

    async def slow(visit: Visit) -> None:
        while not await done(visit):
            request = await visit.request()
            if request.target == "/slow":
                await go_on.wait()
            visit.send(answer(b"slow"))

    async with (
        Origin(slow) as one,
        Origin(backend) as two,
        running(settings_of([server("a", one)])) as app,
        Clients() as clients,
    ):
        client = await clients.connect(app.port)
        client.send(get("/slow"))
        await until(lambda: app.node.table["a"].in_flight == 1)
        app.endpoints.membership.add([settings_of([server("b", two)]).servers[0].endpoint()])
        app.endpoints.membership.drain("a")
        assert {two.port} == await ports(app, 5)
        await asyncio.sleep(0.3)
        assert {"a"} == set(app.node.table.draining)
        go_on.set()
        assert b"slow" == (await client.answer()).body
        await until(lambda: "a" not in app.node.table)


async def test_an_endpoint_that_moves_is_never_reached_at_its_old_place() -> None:
    """Also not on a connection that a request to the old place has left behind."""
    go_on = asyncio.Event()

    async def slow(visit: Visit) -> None:
        while not await done(visit):
            await visit.request()
            await go_on.wait()
            visit.send(answer(b"0"))

    async with (
        Origin(slow) as one,
        Origin(backend) as two,
        running(settings_of([server("a", one)], metrics={"check": "off"})) as app,
        Clients() as clients,
    ):
        client = await clients.connect(app.port)
        client.send(get("/slow"))
        await until(lambda: app.node.table["a"].in_flight == 1)
        app.endpoints.membership.add([settings_of([server("a", two)]).servers[0].endpoint()])
        assert {two.port} == await ports(app, 3)
        go_on.set()
        assert b"0" == (await client.answer()).body

        assert {two.port} == await ports(app, 5)


async def test_endpoints_come_and_go_under_load_and_no_request_is_lost() -> None:
    """Five origins, of which two to four are wanted at a time, changed every few milliseconds by
    turns of three sources."""
    async with AsyncExitStack() as stack:
        origins = [await stack.enter_async_context(Origin(backend)) for _ in range(5)]
        entries = [server(f"e{number}", each) for number, each in enumerate(origins)]
        app = await stack.enter_async_context(
            running(settings_of(entries[:3], strategy="q_learning"))
        )
        clients = await stack.enter_async_context(Clients())
        membership = app.endpoints.membership
        endpoints = [each.endpoint() for each in settings_of(entries).servers]
        answered = 0
        stop = False

        async def keep_asking() -> None:
            nonlocal answered
            client = await clients.connect(app.port)
            while not stop:
                client.send(get("/work"))
                assert 200 == (await client.answer()).status
                answered += 1

        asking = [asyncio.create_task(keep_asking()) for _ in range(8)]
        for number in range(60):
            source = ("servers", "file", "dns:x")[number % 3]
            membership.apply(source, endpoints[number % 4 : number % 4 + 2])
            before = answered
            await until(lambda before=before: answered >= before + 10)  # type: ignore[misc]
        stop = True
        await asyncio.gather(*asking)
        membership.settle()

        assert [0] * len(app.node.table.all) == [each.in_flight for each in app.node.table.all]
        assert answered >= 600
        assert {each.id for each in app.node.table.all} == set(app.collector.counts)


async def test_a_file_alone_may_name_the_endpoints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without any the node runs and answers 503; a bad file changes nothing and is told once."""
    path = tmp_path / "endpoints.json"
    path.write_text("[]")
    discovery = {"file": {"path": str(path), "interval_seconds": 0.01}}
    async with Origin(backend) as one, running(settings_of([], discovery)) as app:
        assert 503 == (await ask(app, get("/work")))[0].status

        def write(text: str) -> None:
            other = path.with_name("other")
            other.write_text(text)
            os.replace(other, path)

        write(json.dumps([server("a", one)]))
        await until(lambda: "a" in app.node.table)
        assert {one.port} == await ports(app)
        write("[{]")
        await until(lambda: app.counters.looks.get(("file", "failure"), 0) > 3)
        assert {one.port} == await ports(app)
    said = capsys.readouterr().err.splitlines()

    assert "endpoints from file: joined a; now 1" in said
    (wrong,) = [line for line in said if "is not JSON" in line]
    assert wrong.endswith("the last good ones stay")


async def test_names_in_the_dns_are_followed(capsys: pytest.CaptureFixture[str]) -> None:
    """Other records, another node's port; and when the name server falls silent, all stay."""
    name = "_http._tcp.web.example."

    def records(*origins: Origin) -> list[str]:
        return [f"0 1 1 {each.port} here.example." for each in origins]

    async with Origin(backend) as one, Origin(backend) as two:
        zone: Zone = {(name, "SRV"): records(one), ("here.example.", "A"): ["0 127.0.0.1"]}
        async with serving(zone) as (names, address):
            look = {"name": name, "type": "srv", "nameserver": address, "family": "ipv4"}
            times = {"interval_seconds": 0.02, "minimum_ttl_seconds": 0.02, "timeout_seconds": 0.5}
            discovery = {"dns": [{"id": "web", **look, **times}]}
            async with running(settings_of([], discovery)) as app:
                assert {one.port} == await ports(app)
                zone[name, "SRV"] = records(one, two)
                await until(lambda: len(app.node.table.all) == 2)
                assert {one.port, two.port} == await ports(app)
                zone[name, "SRV"] = records(two)
                await until(lambda: len(app.node.table.all) == 1)
                assert {two.port} == await ports(app)
                names.silent.add(name)
                await until(lambda: app.counters.looks.get(("dns:web", "failure"), 0) > 0)
                assert {two.port} == await ports(app)
                names.silent.clear()
                await until(lambda: not app.endpoints.discovery.problems["dns:web"])
    said = capsys.readouterr().err
    assert 0 < said.count("the last good ones stay") == said.count("known again")


async def test_a_reload_changes_the_servers() -> None:
    """Those that stay keep what is known of them."""
    async with (
        Origin(backend) as one,
        Origin(backend) as two,
        running(settings_of([server("a", one)])) as app,
    ):
        await ports(app, 4)
        applied = app.apply(settings_of([server("a", one, weight=3), server("b", two)]))
        assert ("servers",) == applied.changed
        assert (3.0, 4) == (
            app.node.table["a"].endpoint.weight,
            app.node.table["a"].completed,
        )
        assert {one.port, two.port} == await ports(app)
        app.apply(settings_of([server("b", two)]))
        assert {two.port} == await ports(app)
        app.endpoints.membership.add([app.node.table["b"].endpoint])
        many = [server(f"n{number}", one) for number in range(3)]
        with pytest.raises(ReloadError, match="4 endpoints are more than the 3"):
            app.endpoints.membership._most = 3
            app.apply(settings_of(many))
        assert ["b"] == [each.id for each in app.node.table.all]


async def test_a_reload_that_fails_puts_the_servers_back() -> None:
    async with (
        Origin(backend) as one,
        Origin(backend) as two,
        running(settings_of([server("a", one)])) as app,
    ):
        before, after = (settings_of([server("a", one)]), settings_of([server("b", two)]))
        undo = app.endpoints.step().prepare(before, after)()
        assert ["b"] == [each.id for each in app.node.table.all]
        undo()
        assert ["a"] == [each.id for each in app.node.table.all]


async def test_who_left_long_ago_leaves_nothing() -> None:
    """No counter, no series of a strategy: labels are bounded however many pass by."""
    async with Origin(backend) as one:
        first = server("a", one)
        async with running(settings_of([first], {"remembered": 2})) as app:
            for number in range(8):
                app.apply(settings_of([server(f"n{number}", one)]))
                await ask(app, get("/work"))
                app.endpoints.membership.settle()
            counted = {endpoint for _, endpoint, _ in app.counters.all_series()}

            assert {"n5", "n6", "n7"} == counted == set(app.node.strategy.series)
            idle = {key[0] if isinstance(key, tuple) else key for key in app.listener.pool._idle}
            assert {"n7"} >= {stats.id for stats in idle}


async def test_the_same_path_goes_to_the_same_endpoint() -> None:
    """Stickiness by URI, through the whole data path."""
    async with Origin(backend) as one, Origin(backend) as two, Origin(backend) as three:
        servers = [server("a", one), server("b", two), server("c", three)]
        settings = settings_of(servers, stickiness={"kind": "uri"}, strategy="peak_ewma")
        async with running(settings) as app:
            seen = [
                {int(each.body) for each in await ask(app, *[get(f"/{number}?{n}") for n in "abc"])}
                for number in range(24)
            ]

            assert [1] * 24 == [len(each) for each in seen]
            assert 3 == len(set().union(*seen))


def cookies(got: Message) -> list[str]:
    return [value for name, value in got.fields if name.lower() == "set-cookie"]


async def test_a_cookie_keeps_a_session_at_its_endpoint() -> None:
    """Set once, kept on every connection, given anew when its endpoint has left."""
    async with Origin(backend) as one, Origin(backend) as two, Origin(backend) as three:
        servers = [server("a", one), server("b", two), server("c", three)]
        settings = settings_of(servers, stickiness={"kind": "cookie", "cookie_secret": "x" * 16})
        async with running(settings) as app:
            first, other = await ask(app, get("/"), get("/"))
            assert first.body != other.body
            (line,) = cookies(first)
            assert line.endswith("; Path=/; HttpOnly; SameSite=Lax")
            sent = get("/", f"Cookie: a=1; {line.partition(';')[0]}; b=2")
            for _ in range(2):
                again = await ask(app, *[sent] * 5)
                assert [first.body] * 5 == [each.body for each in again]
                assert [[]] * 5 == [cookies(each) for each in again]
            (home,) = [
                id
                for id, each in zip("abc", (one, two, three), strict=True)
                if str(each.port).encode() == first.body
            ]
            app.endpoints.membership.remove(home)
            (moved,) = await ask(app, sent)
            assert moved.body != first.body
            assert [line] != cookies(moved) != []
            forged = await ask(app, *[get("/", "Cookie: slb=forged")] * 2)
            assert 2 == len({each.body for each in forged})


async def test_a_header_keeps_its_requests_together() -> None:
    async with Origin(backend) as one, Origin(backend) as two:
        servers = [server("a", one), server("b", two)]
        settings = settings_of(servers, stickiness={"kind": "header", "header": "X-User"})
        async with running(settings) as app:
            users = [await ask(app, *[get("/", f"x-user: {n}")] * 3) for n in range(12)]

            assert [1] * 12 == [len({each.body for each in got}) for got in users]
            assert 2 == len({got[0].body for got in users})
            assert 2 == len({each.body for each in await ask(app, *[get("/")] * 4)})


async def test_a_source_that_cannot_be_looked_at_ends_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "load_balancer.services", None)
    discovery = {"dns": [{"id": "web", "name": "_http._tcp.web.example", "type": "srv"}]}
    with pytest.raises(StartError, match=r"discovery\.dns: web: .* extra dns"):
        App(settings_of([], discovery), asyncio.get_running_loop())


async def test_a_secret_of_our_own_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Its cookies mean nothing to the next start."""
    async with Origin(backend) as one:
        App(
            settings_of([server("a", one)], stickiness={"kind": "cookie"}),
            asyncio.get_running_loop(),
        )
        assert "cookie_secret is not set" in capsys.readouterr().err
        secret = {"kind": "cookie", "cookie_secret": "a secret of the tests"}
        app = App(settings_of([server("a", one)], stickiness=secret), asyncio.get_running_loop())
    assert "" == capsys.readouterr().err
    assert app.listener.affinity is not None and app.listener.affinity.sets_cookie
