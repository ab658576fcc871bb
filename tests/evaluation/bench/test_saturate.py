"""evaluation.bench.saturate: completed requests are counted right, and nothing else is."""

import asyncio
import json
import os
import socket
from collections.abc import Callable
from typing import cast

import pytest

from evaluation.bench.origin import Origin
from evaluation.bench.saturate import (
    Load,
    Unreadable,
    answer_length,
    main,
    request_maker,
    saturate,
)

HEAD = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 3 \r\nDate: today\r\n\r\n"


@pytest.mark.unit
def test_an_answer_is_as_long_as_its_head_and_its_content_length() -> None:
    assert answer_length(HEAD + b"abc") == len(HEAD) + 3
    assert answer_length(HEAD) == len(HEAD) + 3
    assert answer_length(HEAD[:-1]) == 0
    assert answer_length(b"") == 0


@pytest.mark.unit
@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Content-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n\r\ncontent-length: 3\r\n",
        b"SSH-2.0\r\n\r\n",
    ],
)
def test_an_answer_without_a_plain_length_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        answer_length(data)


class Writes(asyncio.Protocol):
    """Answers each request with these pieces, one by one, and perhaps closes."""

    def __init__(self, *pieces: bytes, close: bool = False) -> None:
        self._pieces = pieces
        self._close = close

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for index, piece in enumerate(self._pieces):
            loop.call_later(0.005 * index, self._transport.write, piece)
        if self._close:
            loop.call_later(0.005 * len(self._pieces), self._transport.close)


CONNECTIONS = 4


async def measured(server: Callable[[], asyncio.Protocol], watch: int | None = None) -> Load:
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    async with listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        return await saturate(url, connections=CONNECTIONS, seconds=0.2, warm_up=0.05, watch=watch)


@pytest.mark.integration
async def test_it_counts_answers_time_and_the_watched_processes() -> None:
    load = await measured(Origin, watch=os.getpid())
    assert load.completed > 50
    assert load.statuses == {"200": load.completed}
    assert (load.errors, load.reconnects, load.problem) == (0, 0, "")
    assert 0.2 <= load.seconds < 1.0
    # This process is the server, the driver and the watched one.
    assert load.watched_cpu == pytest.approx(load.own_cpu, abs=0.05)
    assert 0 < load.own_cpu <= load.seconds + 0.05


@pytest.mark.integration
async def test_it_leaves_no_task_and_no_connection() -> None:
    load = await measured(Origin)
    assert load.watched_cpu is None
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.integration
async def test_an_answer_in_pieces_is_one_answer() -> None:
    load = await measured(lambda: Writes(HEAD[:9], HEAD[9:] + b"a", b"bc"))
    assert load.completed > 4
    assert load.statuses == {"200": load.completed}
    assert load.errors == 0


@pytest.mark.integration
@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        ((b"HTTP/1.1 200 OK\r\n\r\n",), "an answer without Content-Length"),
        ((HEAD + b"abcd",), "more bytes than the answer has"),
        ((HEAD + b"ab",), "an answer was cut short"),
    ],
)
async def test_a_wrong_answer_is_an_error_and_not_a_request(
    pieces: tuple[bytes, ...], problem: str
) -> None:
    load = await measured(lambda: Writes(*pieces, close=True))
    assert load.completed == 0
    assert load.errors > 0
    assert load.problem == problem
    assert load.reconnects == 0


@pytest.mark.integration
async def test_a_connection_closed_between_answers_is_replaced() -> None:
    """Servers may close after some requests; that is no error."""
    load = await measured(lambda: Writes(HEAD + b"abc", close=True))
    assert load.completed > 4
    assert load.reconnects > 4
    assert load.errors == 0


@pytest.mark.integration
async def test_nobody_listening_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    load = await saturate(f"http://127.0.0.1:{port}", connections=2, seconds=0.15, warm_up=0.01)
    assert load.completed == 0
    assert load.errors > 0
    assert load.problem.startswith("cannot connect")


@pytest.mark.integration
def test_as_a_program_it_prints_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert main([url, "--connections", "1", "--seconds", "0.05", "--warm-up", "0.01"]) == 0
    assert Load(**json.loads(capsys.readouterr().out)).completed == 0


@pytest.mark.integration
async def test_a_body_of_many_pieces_is_counted_in_bytes_and_not_kept() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    load = await measured(lambda: Writes(whole[:100], whole[100:]))
    assert load.completed > 0
    assert load.errors == 0
    # Answers that began before the measurement are counted when they end, with what came of them.
    assert load.received_bytes >= 3_000_000 * (load.completed - CONNECTIONS)


@pytest.mark.unit
def test_a_varied_request_is_another_one_each_time() -> None:
    same = request_maker("h:1", "/a", (("Accept", "x"),), varied=False)
    assert same() == same() == b"GET /a HTTP/1.1\r\nHost: h:1\r\nAccept: x\r\n\r\n"
    other = request_maker("h:1", "/", (("Accept", "x"),), varied=True)
    first, second = other(), other()
    assert first == (
        b"GET /item/1?page=1 HTTP/1.1\r\nX-Request-ID: 0000000000000001\r\n"
        b"Host: h:1\r\nAccept: x\r\n\r\n"
    )
    assert b"/item/2?page=2 " in second
    assert b"X-Request-ID: 0000000000000002\r\n" in second
    turn = request_maker("h:1", "/", (), varied=True, targets=2)
    made = [turn() for _ in range(4)]
    assert len(set(made)) == 4
    assert [each.split(b" ")[1] for each in made] == [b"/item/1?page=1", b"/item/0?page=0"] * 2
