"""TLS towards endpoints, over real sockets and against the loops' own."""

import asyncio
import hashlib
import os
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from config.tls import EndpointTls
from load_balancer.forwarding.endpoint_tls import MOST_CONTEXTS, EndpointContexts
from rl.vocabulary import Endpoint
from tests.live.asking import get, post
from tests.live.authority import Authority, Files, connect
from tests.live.origin import Origin, Visit, answer, done, serve_echo
from tests.live.rig import proxy
from tests.live.wire import RESET, turns

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


async def digest(visit: Visit) -> None:
    """Answers with the digest of the request's body, and then with as much again."""
    while not await done(visit):
        request = await visit.request()
        body = hashlib.sha256(request.body).digest() * (len(request.body) // 32)
        visit.send(answer(body))


@pytest.mark.parametrize("secured", [True, False], ids=["both", "plain in front"])
async def test_bodies_pass_whole_both_ways(
    authority: Authority, front: Files, secured: bool
) -> None:
    body = hashlib.sha256(b"seed").digest() * (LARGE // 8)
    tls = served(front) if secured else {}
    async with authority.origin(digest) as origin, proxy(origin, tls=tls) as rig:
        client = await connect(rig.port, authority.client()) if secured else await rig.client()
        for _ in range(3):
            client.send(post(body))
            got = await client.answer("POST")
            assert hashlib.sha256(body).digest() * (len(body) // 32) == got.body
        assert 1 == len(origin.visits)
        await client.leave()


async def test_a_body_goes_on_though_session_tickets_wait_unread(authority: Authority) -> None:
    """They make the socket readable and nobody answers anything: a body must not wait for that."""
    body = bytes(LARGE)
    async with authority.origin(digest) as origin, proxy(origin) as rig:
        client = await rig.client()
        for method in ("GET", "PUT", "PUT"):
            client.send(
                get("/") if method == "GET" else get("/", f"Content-Length: {LARGE}", method=method)
            )
            if method == "PUT":
                for at in range(0, LARGE, LARGE // 16):
                    client.send(body[at : at + LARGE // 16])
                    await asyncio.sleep(0)
            assert 200 == (await client.answer(method)).status
        assert 1 == len(origin.visits)
        client.close()


@pytest.mark.parametrize(
    ("tls", "status"),
    [({"verify": False, "ca_file": None}, 200), ({}, 502)],
    ids=["not verified", "verified"],
)
async def test_an_endpoint_with_a_certificate_of_nobody_we_trust(
    authority: Authority, tmp_path: Path, tls: dict[str, object], status: int
) -> None:
    ours = {"ca_file": authority.file, **tls}
    strange = Authority(tmp_path, "strange")
    async with strange.origin(serve_echo, **ours) as origin, proxy(origin) as rig:
        got = await rig.ask(get("/"))
        assert status == got.status
        if status == 502:
            assert {"certificate_invalid": 1} == rig.counters.refusals
            assert [] == origin.requests


async def test_another_endpoint_is_asked_when_one_does_not_prove_who_it_is(
    authority: Authority, tmp_path: Path
) -> None:
    """It has been sent nothing, so a request that must not be repeated may go elsewhere too."""
    strange = Authority(tmp_path, "strange")
    async with (
        strange.origin(serve_echo, ca_file=authority.file) as first,
        authority.origin(serve_echo) as second,
        proxy(first, second) as rig,
    ):
        assert b"POST / body" == (await rig.ask(post(b"body"), "POST")).body
        assert ["a", "b"] == [id for id, *_ in rig.log.completed]
        assert 1 == rig.counters.retries


def note(asked: list[str | None], _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
    asked.append(name)


async def test_the_certificate_must_be_for_the_name(authority: Authority) -> None:
    """server_name where it is set, else the host; and it is asked for by it."""
    for name, status in (("origin.test", 200), (None, 502), ("other.test", 502)):
        asked: list[str | None] = []
        origin = authority.origin(serve_echo, "origin.test", server_name=name)
        assert origin._context is not None
        origin._context.sni_callback = partial(note, asked)
        async with origin, proxy(origin, retries={"attempts": 1}) as rig:
            assert status == (await rig.ask(get("/"))).status
        assert [name] == asked


async def test_what_does_not_speak_tls_cannot_be_reached() -> None:
    async with Origin() as origin:
        origin.tls = {"enabled": True, "verify": False}
        async with proxy(origin) as rig:
            # It waits for a request, and the hello is none.
            origin.script = hangs_up
            got = await rig.ask(get("/"))
            assert 502 == got.status
            assert {"connect_failed": 1} == rig.counters.refusals


async def hangs_up(visit: Visit) -> None:
    await visit.until(lambda: bool(visit.unread), "hello")
    visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_a_handshake_without_end_is_given_up() -> None:
    async def silent(visit: Visit) -> None:
        await visit.end()

    async with Origin(silent) as origin:
        origin.tls = {"enabled": True, "verify": False}
        deadlines = {"connect_seconds": 0.2}
        async with proxy(origin, deadlines=deadlines, retries={"attempts": 1}) as rig:
            assert 504 == (await rig.ask(get("/"))).status
            assert {"connect_timeout": 1} == rig.counters.refusals


async def test_the_end_of_a_body_must_be_said_in_tls(authority: Authority) -> None:
    """A connection cut off by somebody on the way is no end (RFC 8446 section 6.1)."""

    async def until_close(visit: Visit) -> None:
        request = await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n\r\nbody")
        if request.target == "/cut":
            await turns()
            # The end of the socket, without a word of TLS.
            number = visit.transport.get_extra_info("socket").fileno()
            with socket.socket(fileno=os.dup(number)) as raw:
                raw.shutdown(socket.SHUT_WR)
            await visit.end()

    async with authority.origin(until_close) as origin, proxy(origin) as rig:
        whole = await rig.ask(get("/whole"))
        assert (b"body", 200) == (whole.body, whole.status)
        client = await rig.client()
        client.send(get("/cut"))
        await client.head()
        assert RESET == await client.end()


async def test_we_prove_who_we_are_to_an_endpoint(authority: Authority) -> None:
    files = authority.issue("proxy.test")
    shown = {"client_certificate": files.certificate, "client_key": files.key}
    for more, status in ((shown, 200), ({}, 502)):
        origin = authority.origin(serve_echo, **more)
        assert origin._context is not None
        origin._context.verify_mode = ssl.CERT_REQUIRED
        origin._context.load_verify_locations(authority.file)
        async with origin, proxy(origin, retries={"attempts": 1}) as rig:
            assert status == (await rig.ask(get("/"))).status


def test_contexts_towards_endpoints_are_shared_bounded_and_renewed(authority: Authority) -> None:
    contexts = EndpointContexts()
    tls = EndpointTls(enabled=True, ca_file=authority.file)
    named = tls.model_copy(update={"server_name": "b.test"})
    one = contexts.of(tls.over(Endpoint("a", "a.test", 1)))
    two = contexts.of(named.over(Endpoint("b", "10.0.0.1", 1)))
    assert one is not None and two is not None
    assert one.context is two.context
    assert ("a.test", "b.test") == (one.server_name, two.server_name)
    assert contexts.of(Endpoint("c", "c.test", 1)) is None

    undo = contexts.renewed([named.over(Endpoint("b", "10.0.0.1", 1))])()
    renewed = contexts.of(named.over(Endpoint("b", "10.0.0.1", 1)))
    assert renewed is not None and renewed.context is not two.context
    undo()
    assert two == contexts.of(named.over(Endpoint("b", "10.0.0.1", 1)))
    with pytest.raises(ValueError, match=r"the endpoint x: tls\.ca_file: /missing cannot be read"):
        contexts.check(EndpointTls(enabled=True, ca_file="/missing").over(Endpoint("x", "h", 1)))
    assert len(contexts._made) <= MOST_CONTEXTS
