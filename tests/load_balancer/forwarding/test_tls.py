"""TLS towards clients and endpoints, over real sockets and against the loops' own."""

import asyncio
import hashlib
import shutil
import socket
import ssl
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from config.tls import Tls
from load_balancer.forwarding.tls import (
    failure,
    server_contexts,
    silent_of_names,
)
from load_balancer.live_settings import tls_step
from tests.live.asking import get
from tests.live.authority import Authority, Files, connect
from tests.live.origin import Origin, Visit, answer
from tests.live.rig import Rig, proxy, settings_for
from tests.live.wire import EOF, RESET, turns

pytestmark = pytest.mark.integration

LARGE = 1 << 20


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def front(authority: Authority) -> Files:
    return authority.issue("front.test")


def served(*files: Files, **tls: Any) -> dict[str, Any]:
    return {"certificates": [each.served() for each in files], **tls}


async def test_clients_speak_tls_and_endpoints_are_told_so(
    authority: Authority, front: Files
) -> None:
    async with Origin() as origin, proxy(origin, tls=served(front)) as rig:
        client = await connect(rig.port, authority.client())
        for target in ("/1", "/2", "/2"):
            client.send(get(target))
            assert target.encode() == (await client.answer()).body
        assert ["https"] * 3 == [each.one("x-forwarded-proto") for each in origin.requests]
        (connection,) = rig.listener.connections
        assert "TLSv1.3" == connection.peer.tls == client.spoken.version()
        assert "http/1.1" != client.spoken.selected_alpn_protocol()  # it did not ask
        assert (1, {}) == (rig.counters.tls_handshakes, rig.counters.tls_failures)
        client.close()
        assert EOF == await client.end()


async def test_http_1_1_is_agreed_on_with_who_offers_more(
    authority: Authority, front: Files
) -> None:
    """No h2 by accident (RFC 7301)."""
    context = authority.client()
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with Origin() as origin, proxy(origin, tls=served(front)) as rig:
        client = await connect(rig.port, context)
        assert "http/1.1" == client.spoken.selected_alpn_protocol()
        await client.leave()


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("a.test", "a.test"),
        ("A.TEST", "a.test"),
        ("x.wild.test", "*.wild.test"),
        ("exact.wild.test", "exact.wild.test"),
        ("other.test", "front.test"),
        (None, "front.test"),
    ],
)
async def test_the_name_that_is_asked_for_decides_which_certificate_is_shown(
    authority: Authority, front: Files, asked: str | None, shown: str
) -> None:
    """Exactly this name, then a wildcard, then the first (RFC 6066 section 3)."""
    others = [authority.issue(each) for each in ("*.wild.test", "a.test", "exact.wild.test")]
    context = authority.client()
    context.check_hostname = False
    async with Origin() as origin, proxy(origin, tls=served(front, *others)) as rig:
        client = await connect(rig.port, context, asked)
        assert {shown} == client.names()
        client.send(get("/x"))
        assert b"/x" == (await client.answer()).body
        await client.leave()


async def test_configured_names_stand_in_for_those_of_the_certificate(
    authority: Authority, front: Files
) -> None:
    other = authority.issue("other.test")
    context = authority.client()
    context.check_hostname = False
    tls = {"certificates": [front.served(), other.served("asked.test")]}
    async with Origin() as origin, proxy(origin, tls=tls) as rig:
        for asked, shown in (("asked.test", "other.test"), ("other.test", "front.test")):
            client = await connect(rig.port, context, asked)
            assert {shown} == client.names()
            await client.leave()


async def refused(rig: Rig, context: ssl.SSLContext, reason: str) -> None:
    """A handshake fails for this reason. A client of TLS 1.3 hears of it with its first answer."""
    with pytest.raises(OSError):
        client = await connect(rig.port, context)
        client.send(get("/"))
        if await client.end() == RESET or not client.unread:
            raise OSError
    await rig.holds(lambda: rig.counters.tls_failures, "counted")
    assert {reason: 1} == rig.counters.tls_failures
    assert 0 == rig.counters.tls_handshakes


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize(("most", "least"), [("TLSv1_1", "1.2"), ("TLSv1_2", "1.3")])
async def test_older_versions_are_refused(
    authority: Authority, front: Files, most: str, least: str
) -> None:
    context = authority.client()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion[most]
    tls = served(front, minimum_version=least)
    async with Origin() as origin, proxy(origin, tls=tls) as rig:
        await refused(rig, context, "version")
    assert [] == origin.visits


async def test_plain_http_is_closed_and_counted(front: Files) -> None:
    async with Origin() as origin, proxy(origin, tls=served(front)) as rig:
        client = await rig.client()
        client.send(get("/"))
        await client.end()
        await rig.holds(lambda: rig.counters.tls_failures, "counted")
        assert {"plain_http": 1} == rig.counters.tls_failures
        assert [] == origin.visits


def distrust(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as plain:
        ssl.create_default_context().wrap_socket(plain, server_hostname="front.test")


async def test_a_client_that_refuses_us_is_counted(front: Files) -> None:
    async with Origin() as origin, proxy(origin, tls=served(front)) as rig:
        # asyncio's own says nothing to whom it refuses.
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.to_thread(distrust, rig.port)
        await rig.holds(lambda: rig.counters.tls_failures, "counted")
        assert {"alert": 1} == rig.counters.tls_failures


async def test_who_does_not_end_the_handshake_is_cut_off(front: Files) -> None:
    async with Origin() as origin, proxy(origin, tls=served(front, handshake_seconds=3)) as rig:
        client = await rig.client()
        client.send(b"\x16\x03\x01\x02\x00\x01")
        await turns()
        await rig.pass_time(2)
        assert client.ended is None
        await rig.pass_time(2)
        await client.end()
        assert {"timeout": 1} == rig.counters.tls_failures


async def test_who_leaves_within_the_handshake_is_counted(front: Files) -> None:
    async with Origin() as origin, proxy(origin, tls=served(front)) as rig:
        client = await rig.client()
        client.send(b"\x16\x03\x01\x02\x00\x01")
        await turns()
        await client.leave()
        await rig.holds(lambda: rig.counters.tls_failures, "counted")
        assert {"closed": 1} == rig.counters.tls_failures


async def test_handshakes_under_way_are_bounded_like_connections(front: Files) -> None:
    limits = {"connections": 2}
    async with Origin() as origin, proxy(origin, tls=served(front), limits=limits) as rig:
        clients = [await rig.client() for _ in range(2)]
        await turns()
        third = await rig.client()
        await third.end()
        assert {"connections": 1} == rig.counters.tls_failures
        assert [None, None] == [each.ended for each in clients]


async def test_when_all_places_are_taken_the_idlest_makes_room(
    authority: Authority, front: Files
) -> None:
    """As without TLS."""
    limits = {"connections": 2}
    async with Origin() as origin, proxy(origin, tls=served(front), limits=limits) as rig:
        clients = []
        for _ in range(3):
            clients.append(await connect(rig.port, authority.client()))
            clients[-1].send(get("/x"))
            assert b"/x" == (await clients[-1].answer()).body
            await rig.pass_time(2)
        assert EOF == await clients[0].end()
        assert [None, None] == [each.ended for each in clients[1:]]
        for client in clients:
            await client.leave()


@pytest.mark.parametrize("wanted", ["required", "optional"])
async def test_clients_prove_who_they_are(
    authority: Authority, front: Files, wanted: str, tmp_path: Path
) -> None:
    tls = served(front, client_certificates=wanted, client_ca_file=authority.file)
    known = authority.client(authority.issue("client.test"))
    strange = authority.client(Authority(tmp_path, "strange").issue("client.test"))
    async with Origin() as origin, proxy(origin, tls=tls) as rig:
        await refused(rig, strange, "client_certificate")
        rig.counters.tls_failures.clear()
        if wanted == "required":
            await refused(rig, authority.client(), "no_client_certificate")
        for context in (known,) if wanted == "required" else (known, authority.client()):
            client = await connect(rig.port, context)
            client.send(get("/x"))
            assert b"/x" == (await client.answer()).body
            await client.leave()


@pytest.mark.parametrize(("strict", "status"), [(True, 421), (False, 200)])
async def test_a_host_that_was_not_asked_for_is_misdirected(
    authority: Authority, front: Files, strict: bool, status: int
) -> None:
    """RFC 9110 section 7.4; only where it is wanted."""
    async with Origin() as origin, proxy(origin, tls=served(front, strict_host=strict)) as rig:
        for host, expected in (("Front.test:8443", 200), ("other.test", status)):
            client = await connect(rig.port, authority.client())
            client.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert expected == (await client.answer()).status
            await client.leave()


async def test_a_refusal_reaches_who_goes_on_sending(authority: Authority, front: Files) -> None:
    """The end is told in TLS and what still comes is read, so that no reset takes the answer."""
    async with Origin() as origin, proxy(origin, tls=served(front)) as rig:
        client = await connect(rig.port, authority.client())
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + bytes(200_000))
        assert 400 == (await client.answer()).status
        assert EOF == await client.end()


async def test_a_broken_body_has_no_clean_end(authority: Authority, front: Files) -> None:
    """Not for the client either, whose loop would take a mere end for a good one: a reset."""

    async def breaks_off(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        await turns()
        visit.reset()

    async with Origin(breaks_off) as origin, proxy(origin, tls=served(front)) as rig:
        client = await connect(rig.port, authority.client())
        client.send(get("/"))
        head = await client.head()
        assert 200 == head.status
        assert RESET == await client.end()


async def test_a_slow_reader_stops_the_endpoint(authority: Authority, front: Files) -> None:
    """What is held for it stays bounded, and all of it arrives."""
    body = bytes(range(256)) * (64 << 10)
    script = partial(send_all, body)
    async with Origin(script) as origin, proxy(origin, tls=served(front)) as rig:
        client = await connect(rig.port, authority.client())
        client.stall()
        client.send(get("/"))
        await rig.holds(lambda: any(each.paused for each in rig.listener.connections), "pause")
        assert rig.held() < 2 << 20
        client.go_on()
        assert (
            hashlib.sha256(body).digest() == hashlib.sha256((await client.answer()).body).digest()
        )
        await client.leave()


async def send_all(body: bytes, visit: Visit) -> None:
    await visit.request()
    visit.send(answer(body))
    await visit.end()


async def test_reloading_shows_other_certificates_and_cuts_nobody(
    authority: Authority, front: Files, tmp_path: Path
) -> None:
    """The files are the same and their content is another; a bad one leaves all as it was."""
    mine = Files(str(tmp_path / "mine.crt"), str(tmp_path / "mine.key"))

    def put(files: Files) -> None:
        shutil.copy(files.certificate, mine.certificate)
        shutil.copy(files.key, mine.key)

    put(front)
    context = authority.client()
    context.check_hostname = False
    async with Origin() as origin, proxy(origin, tls=served(mine)) as rig:
        step = tls_step(rig.listener)
        kept = await connect(rig.port, context)
        put(authority.issue("renewed.test"))
        undo = step.prepare(rig.settings, rig.settings)()
        new = await connect(rig.port, context)
        assert {"renewed.test"} == new.names()
        shutil.copy(mine.certificate, mine.key)
        with pytest.raises(ValueError, match=r"load_balancer.tls.certificates\[0\]") as raised:
            step.prepare(rig.settings, rig.settings)
        assert mine.key in str(raised.value) and "\n" not in str(raised.value)
        third = await connect(rig.port, context)
        assert {"renewed.test"} == third.names()
        undo()
        fourth = await connect(rig.port, context)
        assert {"front.test"} == fourth.names()
        for client in (kept, new, third, fourth):
            client.send(get("/x"))
            assert b"/x" == (await client.answer()).body
            await client.leave()


async def test_a_reload_begins_and_ends_tls(authority: Authority, front: Files) -> None:
    async with Origin() as origin, proxy(origin) as rig:
        secured = settings_for(origin, tls=served(front))
        tls_step(rig.listener).prepare(rig.settings, secured)()
        client = await connect(rig.port, authority.client())
        client.send(get("/x"))
        assert b"/x" == (await client.answer()).body
        await client.leave()
        tls_step(rig.listener).prepare(secured, rig.settings)()
        assert 200 == (await rig.ask(get("/y"))).status


ASK = ("Connection: Upgrade", "Upgrade: websocket")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


@pytest.mark.parametrize("ends", ["client", "endpoint"])
async def test_a_tunnel_over_tls_ends_on_both_sides(
    authority: Authority, front: Files, ends: str
) -> None:
    async def echo(visit: Visit) -> None:
        await visit.request()
        visit.send(SWITCH)
        data = await visit.take(300_000)
        visit.send(data)
        if ends == "client":
            assert EOF == await visit.end()

    async with authority.origin(echo) as origin, proxy(origin, tls=served(front)) as rig:
        client = await connect(rig.port, authority.client())
        client.send(get("/chat", *ASK))
        assert 101 == (await client.head()).status
        data = bytes(range(250)) * 1200
        client.send(data)
        assert data == await client.take(len(data))
        if ends == "client":
            client.close()
        assert EOF == await client.end()
        await client.leave()
        await rig.completed(1)
        assert 0 == rig.counters.open_tunnels


# Contexts.


def test_without_certificates_it_is_plain_http() -> None:
    assert server_contexts(Tls()) is None


async def test_a_name_that_is_none_fails_the_handshake_and_nothing_is_printed(
    authority: Authority, front: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise any client could fill the log with tracebacks."""
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", silent_of_names(told.append))
    outgoing = ssl.MemoryBIO()
    hello = authority.client().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="zzzz.test")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    tls = served(front, authority.issue("other.test"))
    async with Origin() as origin, proxy(origin, tls=tls) as rig:
        client = await rig.client()
        client.send(outgoing.read().replace(b"zzzz.test", b"z\xffzz.test"))
        await client.end()
        assert {"other": 1} == rig.counters.tls_failures
        assert [] == told


def test_whatever_else_cannot_be_raised_is_told() -> None:
    told: list[object] = []
    tell = silent_of_names(told.append)
    for kind, about in ((UnicodeDecodeError, "x"), (ValueError, b"x")):
        tell(cast(Any, SimpleNamespace(exc_type=kind, object=about)))
    assert 2 == len(told)


def test_reasons_are_few() -> None:
    assert "closed" == failure(ConnectionResetError())
    assert "other" == failure(ssl.SSLError(1, "what nobody has heard of"))
