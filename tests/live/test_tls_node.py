"""TLS in a whole node: polls, reloads, endpoints that come and go, and behind a PROXY header."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.schema import Settings
from load_balancer.app import App
from load_balancer.reloading import ReloadError
from load_balancer.serving import StartError
from tests.live.asking import get
from tests.live.authority import Authority, Files, connect
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import proxy
from tests.live.wire import Clients, turns
from tests.load_balancer.fakes import until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


async def backend(visit: Visit) -> None:
    """Answers polls and work with the way by which they came."""
    while not await done(visit):
        await visit.request()
        way = "clear" if visit.transport.get_extra_info("ssl_object") is None else "tls"
        visit.send(answer(way.encode()))


def settings_of(
    *origins: Origin, check: str = "http", interval: float = 0.02, **balancer: Any
) -> Settings:
    return Settings.model_validate(
        {
            "servers": [
                {"id": f"s{number}", "host": "127.0.0.1", "port": each.port, "tls": each.tls or {}}
                for number, each in enumerate(origins)
            ],
            "metrics": {"check": check, "polling_interval_seconds": interval, "fall": 1},
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


async def ask(app: App) -> bytes:
    async with Clients() as clients:
        client = await clients.connect(app.port)
        client.send(get("/"))
        return (await client.answer()).body


@pytest.mark.parametrize("check", ["http", "tcp"])
async def test_polls_prove_the_endpoint_like_requests(
    authority: Authority, tmp_path: Path, check: str
) -> None:
    """Over TLS, with its name; one that cannot prove it is unhealthy."""
    strange = Authority(tmp_path, "strange").origin(backend, ca_file=authority.file)
    good = authority.origin(backend, "good.test", server_name="good.test")
    async with good, strange, running(settings_of(good, strange, check=check)) as app:
        counts = app.collector.counts
        await until(lambda: counts["s0"].succeeded > 2 and counts["s1"].failed > 2)
        assert (0, 0) == (counts["s0"].failed, counts["s1"].succeeded)
        assert "certificate verify failed" in counts["s1"].last_error
        if check == "http":
            assert {"/health"} == {each.target for each in good.requests}
            assert 1 == len(good.visits)
        assert b"tls" == await ask(app)


@pytest.mark.parametrize("check", ["http", "tcp"])
async def test_a_poll_given_up_in_its_handshake_leaves_no_connection(
    authority: Authority, check: str
) -> None:
    """Who accepts and then says nothing would take one more of them with each poll."""

    async def silent(visit: Visit) -> None:
        await visit.end()

    async with Origin(silent) as origin:
        origin.tls = {"enabled": True, "ca_file": authority.file}
        settings = settings_of(origin, check=check)
        hasty = settings.metrics.model_copy(update={"timeout_seconds": 0.05})
        async with running(settings.model_copy(update={"metrics": hasty})) as app:
            await until(lambda: app.collector.counts["s0"].failed > 2)
            for visit in origin.visits[:2]:
                await visit.end()


async def test_a_reload_reads_certificates_again_though_no_setting_has_changed(
    authority: Authority, tmp_path: Path
) -> None:
    mine = Files(str(tmp_path / "mine.crt"), str(tmp_path / "mine.key"))
    ca = tmp_path / "ca.pem"

    def put(files: Files) -> None:
        shutil.copy(files.certificate, mine.certificate)
        shutil.copy(files.key, mine.key)

    put(authority.issue("old.test"))
    shutil.copy(authority.file, ca)
    context = authority.client()
    context.check_hostname = False
    origin = authority.origin(backend, ca_file=str(ca))
    async with origin:
        settings = settings_of(origin, tls={"certificates": [mine.served()]})
        async with running(settings) as app:
            kept = await connect(app.port, context)
            put(authority.issue("new.test"))
            before = app.listener.pool.contexts.of(app.node.table["s0"].endpoint)
            assert () == app.apply(settings).changed
            after = app.listener.pool.contexts.of(app.node.table["s0"].endpoint)
            assert before is not None and after is not None
            assert before.context is not after.context
            for file in (ca, Path(mine.key)):
                good = file.read_bytes()
                file.write_bytes(b"nonsense")
                with pytest.raises(ReloadError, match=str(file)):
                    app.apply(settings)
                file.write_bytes(good)
            new = await connect(app.port, context)
            assert {"new.test"} == new.names()
            for client in (kept, new):
                client.send(get("/"))
                assert b"tls" == (await client.answer()).body
                await client.leave()


async def test_an_endpoint_that_begins_to_speak_tls_is_another_one(authority: Authority) -> None:
    """At the same place. No connection in clear text is used any more, though one was kept."""
    secured = authority.origin(backend)
    async with Origin(backend) as plain, running(settings_of(plain, check="off")) as app:
        assert b"clear" == await ask(app)
        await plain.stop()
        secured.port = plain.port
        async with secured:
            assert ("servers",) == app.apply(settings_of(secured, check="off")).changed
            assert b"tls" == await ask(app)
            assert 1 == app.node.table["s0"].completed
            await until(lambda: bool(plain.visits[0].ended))


async def test_the_operator_adds_endpoints_with_tls(authority: Authority) -> None:
    """A file that cannot be used is told, and nothing has changed."""
    async with (
        Origin(backend) as plain,
        authority.origin(backend) as secured,
        running(settings_of(plain, check="off")) as app,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{app.admin_port}", trust_env=False) as client,
    ):
        entry = {"id": "s0", "host": "127.0.0.1", "port": secured.port, "tls": secured.tls}
        bad = {**entry, "tls": {"enabled": True, "ca_file": "/missing"}}
        got = await client.post("/endpoints", json=bad)
        assert 422 == got.status_code
        assert "the endpoint s0: tls.ca_file: /missing cannot be read" in got.text
        assert b"clear" == await ask(app)
        assert 200 == (await client.post("/endpoints", json=entry)).status_code
        assert b"tls" == await ask(app)
        again = await client.post("/endpoints/s0/weight", json={"weight": 3})
        assert 3 == again.json()["weight"]
        assert b"tls" == await ask(app)


@pytest.mark.parametrize("where", ["front", "servers"])
async def test_a_file_that_cannot_be_used_ends_the_start(where: str) -> None:
    """With one line that names setting and file."""
    async with Origin(backend) as origin:
        tls: dict[str, Any] = {}
        if where == "front":
            tls = {"certificates": [{"certificate": "/missing", "key": "/missing"}]}
            named = "load_balancer.tls.certificates[0].certificate: /missing cannot be read"
        else:
            origin.tls = {"enabled": True, "ca_file": "/missing"}
            named = "the endpoint s0: tls.ca_file: /missing cannot be read"
        with pytest.raises(StartError) as raised:
            App(settings_of(origin, tls=tls), asyncio.get_running_loop())
        assert str(raised.value).startswith(named)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("joined", [True, False], ids=["in one segment", "apart"])
async def test_tls_begins_behind_a_proxy_header(authority: Authority, joined: bool) -> None:
    """And the client is the one that the header names."""
    header = b"PROXY TCP4 203.0.113.7 192.0.2.1 1234 443\r\n"
    front = authority.issue("front.test")

    async with (
        Origin() as origin,
        proxy(
            origin,
            tls={"certificates": [front.served()]},
            proxy_protocol="required",
            trusted_proxies=["127.0.0.0/8"],
        ) as rig,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = authority.client().wrap_bio(incoming, outgoing, server_hostname="front.test")
        with pytest.raises(OSError):
            client.do_handshake()
        hello = outgoing.read()
        if joined:
            writer.write(header + hello)
        else:
            writer.write(header)
            await turns()
            writer.write(hello)
        while True:
            incoming.write(await reader.read(1 << 16))
            try:
                client.do_handshake()
            except OSError:
                continue
            break
        client.write(get("/x"))
        writer.write(outgoing.read())
        body = b""
        while b"/x" not in body:
            incoming.write(await reader.read(1 << 16))
            try:
                body += client.read(1 << 16)
            except OSError:
                continue
        (request,) = origin.requests
        assert "203.0.113.7" == request.one("x-forwarded-for")
        assert "https" == request.one("x-forwarded-proto")
        writer.close()
        await writer.wait_closed()
