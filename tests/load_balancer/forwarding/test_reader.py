"""Requests read off bytes: the same ones however the bytes are cut, and never more than allowed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.balancer import Limits
from load_balancer.forwarding.downstream import ClientConnection
from load_balancer.forwarding.exchange import Exchange
from load_balancer.forwarding.peer import Peer
from load_balancer.forwarding.reader import RequestReader
from tests.live.asking import chunked, get, post

pytestmark = pytest.mark.unit

UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")


class Placer:
    def kept_bytes(self, method: str) -> int:
        return 0


class Listener:
    placer = Placer()
    affinity = None
    class_values = None
    shaping = None
    cache = None
    limits = Limits(head_bytes=2048, head_fields=20, target_bytes=1024)

    def request_id(self) -> bytes:
        return b"id"


class Client:
    """As much of a client connection as reading needs."""

    def __init__(self) -> None:
        self.listener = Listener()
        self.peer = Peer("127.0.0.1", "slb")


def reader() -> RequestReader:
    return RequestReader(cast(ClientConnection, Client()))


def seen(exchange: Exchange) -> tuple[Any, ...]:
    """All that the rest of the proxy is told of a request."""
    if exchange.refusal is not None:
        return ("refused", exchange.refusal.status)
    assert exchange.head is not None
    body = exchange.body
    return (
        exchange.head.method,
        exchange.head.path,
        exchange.head.wire,
        exchange.received,
        None if body is None else (body.buffered, body.take(exchange.received), body.trailers),
    )


def read(pieces: Iterable[bytes]) -> list[tuple[Any, ...]]:
    """What the reader makes of it, up to and including the first refusal."""
    reading = reader()
    for piece in pieces:
        reading.feed(piece)
        if any(exchange.refusal for exchange in reading.queue):
            break
    found = []
    for exchange in reading.queue:
        found.append(seen(exchange))
        if exchange.refusal is not None:
            break
    return found


REQUESTS = {
    "get": get("/a?b=c", "X: y"),
    "head": get("/", method="HEAD"),
    "old": get("/", "Connection: keep-alive", version="1.0"),
    "post": post(b"hello", "/p"),
    "empty": post(b""),
    "chunked": chunked(b"abc", b"de"),
    "trailers": chunked(b"abc", trailers="X-Sum: 1\r\nX-Sum: 2\r\n"),
    "upgrade": get("/u", *UPGRADE),
    "upgrade_body": post(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", "/u", *UPGRADE),
    "upgrade_chunked": get(
        "/u", "Transfer-Encoding: chunked", "Connection: upgrade", "Upgrade: x", method="POST"
    )
    + b"3\r\nabc\r\n0\r\n\r\n",
    "no_host": b"GET / HTTP/1.1\r\n\r\n",
    "nonsense": b"NONSENSE\r\n\r\n",
    "bad_chunk": chunked(b"abc").replace(b"3\r\n", b"3z\r\n"),
    "connect": b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    "long_target": get("/" + "x" * 2000),
    "many_fields": get("/", *(f"X-{number}: y" for number in range(30))),
    "long_field": get("/", "X: " + "y" * 3000),
}
GOOD = [
    "get",
    "head",
    "old",
    "post",
    "empty",
    "chunked",
    "trailers",
    "upgrade",
    "upgrade_body",
    "upgrade_chunked",
]
BAD = sorted(REQUESTS.keys() - set(GOOD))


@given(
    st.lists(st.sampled_from(GOOD), min_size=1, max_size=4),
    st.one_of(st.none(), st.sampled_from(BAD)),
    st.data(),
)
def test_the_cuts_between_segments_mean_nothing(
    good: list[str], last: str | None, data: st.DataObject
) -> None:
    """However a stream of requests is cut, the same requests are seen, and the same is refused."""
    stream = b"".join(REQUESTS[name] for name in good) + (REQUESTS[last] if last else b"")
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12).map(sorted))
    whole = read([stream])

    assert len(whole) >= len(good)
    assert all(each[0] != "refused" for each in whole[: len(good)])
    assert (whole[-1][0] == "refused") == (last is not None)

    edges = [0, *cuts, len(stream)]
    cut = read(stream[start:end] for start, end in pairwise(edges))
    assert [each[:4] for each in cut] == [each[:4] for each in whole]
    for one, other in zip(cut, whole, strict=True):
        if one[0] != "refused":
            assert one[4] == other[4]


@pytest.mark.parametrize("name", GOOD)
def test_every_byte_on_its_own(name: str) -> None:
    request = REQUESTS[name]

    assert read(request[i : i + 1] for i in range(len(request))) == read([request])


def test_a_declined_upgrade_is_no_end_of_a_message() -> None:
    """httptools calls such a request over at the end of its head. Its body is its body, and not
    the next request: that would be in the sender's own words."""
    found = read([REQUESTS["upgrade_body"] + get("/next")])

    assert [(each[0], each[1], each[3]) for each in found] == [
        ("POST", "/u", True),
        ("GET", "/next", True),
    ]
    assert found[0][4][1] == b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    assert b"pgrade" not in found[0][2]


def test_a_declined_upgrade_whose_body_is_still_to_come_is_not_received() -> None:
    request = REQUESTS["upgrade_body"]
    reading = reader()
    reading.feed(request[:-5])
    (exchange,) = reading.queue

    assert not exchange.received
    assert not reading.started
    reading.feed(request[-5:])
    assert exchange.received
    assert list(reading.queue) == [exchange]


def test_started_tells_of_a_head_that_has_not_ended() -> None:
    reading = reader()
    assert not reading.started
    request = post(b"abc")
    for position in range(1, len(request) - 3):
        reading.feed(request[position - 1 : position])
        assert reading.started
    reading.feed(request[-4:-3])
    assert not reading.started
    reading.feed(request[-3:])
    assert not reading.started
    reading.feed(REQUESTS["chunked"])
    assert not reading.started
    reading.feed(b"\r\n")
    assert reading.started
    reading.feed(get())
    assert not reading.started
    assert len(reading.queue) == 3


@pytest.mark.parametrize(
    ("begin", "endless"),
    [
        (b"", b"\r\n"),
        (b"GET /", b"x"),
        (b"GET / HTTP/1.1\r\nX", b"x"),
        (b"GET / HTTP/1.1\r\nX: ", b"y"),
        (b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
        (get("/", "Transfer-Encoding: chunked", method="POST") + b"1;", b"x"),
        (get("/", "Transfer-Encoding: chunked", method="POST") + b"0\r\nX: ", b"y"),
        (get("/", "Transfer-Encoding: chunked", method="POST") + b"0\r\n", b"X: y\r\n"),
    ],
)
def test_nothing_goes_on_for_ever(begin: bytes, endless: bytes) -> None:
    """Whatever never ends is refused once it is longer than any head may be."""
    reading = reader()
    reading.feed(begin)
    fed = 0
    while not any(exchange.refusal for exchange in reading.queue):
        reading.feed(endless)
        fed += len(endless)
        assert fed <= 3 * Listener.limits.head_bytes
    (exchange,) = [each for each in reading.queue if each.refusal]
    assert exchange.refusal is not None
    assert exchange.refusal.status in (414, 431)
    reading.feed(endless * 100)
    assert [each for each in reading.queue if each.refusal] == [exchange]


def test_heads_and_trailers_are_counted_each_on_its_own() -> None:
    """A request with a long head, long trailers, and another with a long head."""
    pad = "y" * 1400
    reading = reader()
    first = get("/", f"X: {pad}", "Transfer-Encoding: chunked", method="POST")
    reading.feed(first + b"1\r\na\r\n0\r\nX-Sum: " + pad.encode() + b"\r\n\r\n")
    reading.feed(get("/", f"X: {pad}"))

    assert [exchange.refusal for exchange in reading.queue] == [None, None]
    assert reading.queue[0].received


def test_bytes_behind_the_last_request_spoil_only_themselves() -> None:
    """The client said that it would close, and did not stop."""
    found = read([get("/last", "Connection: close") + b"garbage"])

    assert [each[:2] for each in found] == [("GET", "/last"), ("refused", 400)]


def test_a_long_body_in_small_chunks_is_no_long_head() -> None:
    reading = reader()
    reading.feed(get("/", "Transfer-Encoding: chunked", method="POST"))
    for _ in range(2000):
        reading.feed(b"1;e=f\r\nx\r\n")
    reading.feed(b"0\r\n\r\n")
    (exchange,) = reading.queue

    assert exchange.refusal is None
    assert exchange.received
    assert exchange.body is not None
    assert exchange.body.buffered == 2000
