"""evaluation.soak.mix: every kind of request does what it says, and a wrong answer is noticed."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import cast

import pytest

from evaluation.bench.origin import Origin, answer
from evaluation.soak.mix import KINDS, Connection, Kind, Surprise, Tally, ask, get, missing
from tests.load_balancer.fakes import until

pytestmark = pytest.mark.integration


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Of an origin without anything before it."""
    server = await asyncio.get_running_loop().create_server(Origin, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


# The origin does not read chunked bodies; a proxy before it hands on what it got.
UNCHUNKED = [kind for kind, _ in KINDS if getattr(kind, "__name__", "") != "post_chunked"]


@pytest.mark.parametrize("kind", UNCHUNKED, ids=lambda kind: kind.__name__)
async def test_every_kind_is_answered_as_it_expects(port: int, kind: Kind) -> None:
    it = Connection("127.0.0.1", port, random.Random(1))
    for _ in range(3):
        assert await asyncio.wait_for(kind(it), 10) >= 1
    it.leave()


class Says(asyncio.Protocol):
    """Answers everything with the same bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._data)
        self._transport.close()


@pytest.mark.parametrize(
    ("data", "kind", "problem"),
    [
        (answer(b"other", "text/plain"), get, "another body, of 5 bytes"),
        (answer(b"", "text/plain"), missing, "instead of 404"),
        (b"HTTP/1.1 200 OK\r\n\r\n", get, "no Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", get, "the connection ended"),
        (b"", get, "the connection ended"),
    ],
)
async def test_an_answer_that_was_not_to_come_is_a_surprise(
    data: bytes, kind: Kind, problem: str
) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Says(data), "127.0.0.1", 0)
    async with server:
        it = Connection("127.0.0.1", server.sockets[0].getsockname()[1], random.Random(1))
        with pytest.raises(Surprise, match=problem):
            await asyncio.wait_for(kind(it), 10)
        it.leave()


async def test_a_connection_that_is_announced_to_close_is_opened_anew() -> None:
    whole = answer(b"x" * 1024, "text/plain").replace(
        b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1
    )
    server = await asyncio.get_running_loop().create_server(lambda: Says(whole), "127.0.0.1", 0)
    async with server:
        it = Connection("127.0.0.1", server.sockets[0].getsockname()[1], random.Random(1))
        assert [await get(it), await get(it)] == [1, 1]
        it.leave()


def test_of_surprises_the_first_ten_are_told() -> None:
    tally = Tally()
    for number in range(12):
        tally.surprise("get", f"number {number}")
    assert tally.surprises == 12
    assert tally.problems[-1] == "get: number 9"


async def test_a_client_goes_on_until_it_is_over_and_counts_what_it_did(port: int) -> None:
    tally, over = Tally(), asyncio.Event()
    client = asyncio.create_task(
        ask("127.0.0.1", port, tally, random.Random(1), over, ((get, 1.0), (missing, 1.0)))
    )
    await until(lambda: tally.requests > 20 and len(tally.done) == 2)
    over.set()
    await asyncio.wait_for(client, 10)
    assert set(tally.done) == {"get", "missing"}
    assert (tally.surprises, tally.problems) == (0, [])


async def test_nobody_there_is_a_surprise_and_not_the_end() -> None:
    server = await asyncio.get_running_loop().create_server(Origin, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    tally, over = Tally(), asyncio.Event()
    client = asyncio.create_task(
        ask("127.0.0.1", port, tally, random.Random(1), over, ((get, 1.0),))
    )
    begun = asyncio.get_running_loop().time()
    await until(lambda: tally.surprises > 2)
    over.set()
    await asyncio.wait_for(client, 10)
    # It waits 0.05 s after each one.
    assert tally.surprises <= 2 + (asyncio.get_running_loop().time() - begun) / 0.05
    assert len(tally.problems) == tally.surprises
    assert tally.requests == 0
