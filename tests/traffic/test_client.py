"""traffic.client: one HTTP/1.1 answer after the other, timed, and nothing held back."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator

import pytest

import traffic.client
from tests.traffic.serving import Reply, Server
from traffic.client import Answer, Client, RequestFailed, Target, new_event_loop, reason

pytestmark = pytest.mark.integration

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    it = await Client.open(Target.parse(server.url))
    yield it
    it.close()


async def ask(client: Client, method: str = "GET", path: str = "/", body: bytes = b"") -> Answer:
    return await asyncio.wait_for(client.exchange(method, path, body, "7"), 5)


@pytest.mark.parametrize(
    ("url", "authority", "root", "path"),
    [
        ("http://host", "host", "/", "/a"),
        ("http://host:8080/", "host:8080", "/", "/a"),
        ("https://host/", "host", "/", "/a"),
        ("https://host:8443/api/", "host:8443", "/api", "/api/a"),
        ("http://[::1]:80/health", "[::1]", "/health", "/health/a"),
        ("http://Bücher.example", "xn--bcher-kva.example", "/", "/a"),
    ],
)
def test_a_target_knows_its_host_field_and_its_paths(
    url: str, authority: str, root: str, path: str
) -> None:
    """A path in the URL goes before each path asked for; ``/`` alone means that path itself."""
    target = Target.parse(url)
    assert target.authority == authority
    assert (target.path("/"), target.path("/a")) == (root, path)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("localhost:8080", "must begin with http"),
        ("ftp://host", "must begin with http"),
        ("http://", "no host"),
        ("http://host:many", "port"),
        ("http://host:70000", "port"),
        ("http://host:0", "port"),
        ("http://host/?q=1", "put queries into the mix"),
        ("http://user:secret@host/", "scheme, host, port and path only"),
        ("http://host/a b", "no space"),
        ("http://a..b/", "cannot be the name of a host"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Target.parse(url)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"Bad Name": "x"}, "Bad Name"),
        ({"X": "a\r\nInjected: b"}, "is not valid"),
        ({"Content-Length": "5"}, "leave it out"),
    ],
)
def test_headers_that_would_break_the_request_are_refused(
    headers: dict[str, str], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Client(Target.parse("http://host"), ["127.0.0.1"], headers)


async def test_a_request_is_complete_and_its_answer_timed(server: Server) -> None:
    server.reply = lambda head: Reply(wait=0.05)
    client = await Client.open(Target.parse(server.url + "/api"), {"HOST": "shop", "X-Extra": "1"})
    began = time.perf_counter()
    answer = await ask(client, "POST", "/buy?n=1", b"12345")
    client.close()
    assert (answer.status, answer.endpoint) == (200, "here")
    assert began + 0.05 <= answer.first_byte_at <= answer.done_at <= time.perf_counter()
    lines = server.heads[0].split("\r\n")
    assert lines[0] == "POST /api/buy?n=1 HTTP/1.1"
    assert {"host: shop", "x-extra: 1", "X-Request-ID: 7", "Content-Length: 5"} <= set(lines)
    assert server.bodies == [b"12345"]


async def test_fields_that_are_to_be_kept_are_kept_and_each_answer_has_its_own(
    server: Server,
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVIA: 1.1 a\r\nX: 1\r\nvia: 1.1 b\r\n\r\nok"
    client = await Client.open(Target.parse(server.url), keep=("Via", "Q"))
    server.reply = lambda _: Reply(head)
    assert (await ask(client)).fields == {"via": "1.1 a, 1.1 b"}
    server.reply = lambda _: Reply(OK)
    assert (await ask(client)).fields == {}
    client.close()


async def test_a_request_may_be_for_another_host_than_the_target(
    server: Server, client: Client
) -> None:
    await client.exchange("GET", "/", b"", "7", "domain3.com")
    await ask(client)
    first, second = server.heads
    assert "host: domain3.com\r\n" in first and first.count("host:") == 1
    assert f"host: {server.url.removeprefix('http://')}\r\n" in second


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("GET", OK),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
        ("GET", b"HTTP/1.1 301 Moved\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
)
async def test_a_connection_is_used_again_after_every_kind_of_answer(
    server: Server, client: Client, method: str, data: bytes
) -> None:
    """None is mistaken for the beginning or the end of another; no redirect is followed."""
    server.reply = lambda head: Reply(data)
    first = await ask(client, method)
    server.reply = lambda head: Reply(OK)
    second = await ask(client)
    status = int(data.removeprefix(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")[9:12])
    assert (first.status, second.status) == (status, 200)
    assert (server.connections, len(server.heads)) == (1, 2)


async def test_the_first_byte_is_the_one_of_the_final_answer(
    server: Server, client: Client
) -> None:
    """An interim answer (1xx) is not what was waited for."""
    server.reply = lambda head: Reply(OK, wait=0.1, early=b"HTTP/1.1 100 Continue\r\n\r\n")
    began = time.perf_counter()
    answer = await ask(client)
    assert answer.first_byte_at - began >= 0.1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", close=True),
        Reply(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", close=True),
        Reply(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
    ],
)
async def test_an_answer_can_be_the_last_of_its_connection(
    server: Server, client: Client, reply: Reply
) -> None:
    server.reply = lambda head: reply
    assert [(await ask(client)).status, (await ask(client)).status] == [200, 200]
    assert server.connections == 2


@pytest.mark.parametrize(
    ("data", "why", "any_byte"),
    [
        (b"", "connection closed", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "answer cut short", True),
        (b"HTTP/1.1 200 OK\r\nContent-", "answer cut short", True),
        (b"220 mail ready\r\n\r\n", "not HTTP", True),
    ],
)
async def test_no_complete_answer_is_a_failure_with_a_reason(
    server: Server, client: Client, data: bytes, why: str, any_byte: bool
) -> None:
    """And it is not tried again: what the server did is what is reported."""
    server.reply = lambda head: Reply(data, close=True)
    with pytest.raises(RequestFailed) as raised:
        await ask(client)
    assert str(raised.value) == why
    assert (raised.value.first_byte_at is not None) == any_byte
    assert len(server.heads) == 1


async def test_nobody_listening_is_a_refused_connection(unused_url: str) -> None:
    client = await Client.open(Target.parse(unused_url))
    with pytest.raises(RequestFailed, match=r"^connection refused$"):
        await ask(client)


def test_reasons_are_a_few_words() -> None:
    assert reason(ConnectionResetError()) == "connection reset"
    assert reason(OSError(24, "a long story")) == "too many open files"
    assert reason(OSError()) == "cannot connect"


async def test_the_next_address_of_a_host_is_tried_and_remembered(server: Server) -> None:
    """``localhost`` is ::1 first on most machines, and servers often listen on 127.0.0.1 only."""
    target = Target.parse(server.url)
    client = Client(target, ["::1", "127.0.0.1"])
    assert (await ask(client)).status == 200
    assert client._addresses == ["127.0.0.1", "::1"]
    client.close()


async def test_requests_at_the_same_time_have_a_connection_each(
    server: Server, client: Client
) -> None:
    server.reply = lambda head: Reply(wait=0.2)
    await asyncio.gather(*(ask(client) for _ in range(20)))
    assert server.most_in_flight == 20
    await ask(client)
    assert server.connections == 20


async def test_a_connection_that_was_idle_for_long_is_not_used_again(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server may be closing it at this very moment."""
    await ask(client)
    monkeypatch.setattr(traffic.client, "IDLE_SECONDS", 0.0)
    await ask(client)
    assert server.connections == 2


@pytest.mark.parametrize("extra", [b"", b"HTTP/1.1 200 OK\r\n"])
async def test_a_connection_closed_or_written_to_while_idle_is_not_used_again(
    server: Server, client: Client, extra: bytes
) -> None:
    server.reply = lambda head: Reply(OK + extra, close=not extra)
    await ask(client)
    await asyncio.sleep(0.05)
    server.reply = lambda head: Reply(OK)
    assert (await ask(client)).status == 200
    assert server.connections == 2


async def test_a_cancelled_request_takes_its_connection_with_it(
    server: Server, client: Client
) -> None:
    """Its answer, when it comes, must not be taken for another's."""
    server.reply = lambda head: Reply(wait=60.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.exchange("GET", "/", b"", "1"), 0.1)
    server.reply = lambda head: Reply(OK)
    assert (await ask(client)).status == 200
    assert server.connections == 2


def test_the_loop_is_uvloop_or_without_it_the_standard_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = new_event_loop()
    assert type(found).__module__.startswith(("uvloop", "asyncio"))
    found.close()
    monkeypatch.setitem(sys.modules, "uvloop", None)
    plain = new_event_loop()
    assert type(plain).__module__.startswith("asyncio")
    plain.close()
