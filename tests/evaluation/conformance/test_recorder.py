"""The recording origin."""

import pytest

from evaluation.conformance.recorder import Recorder
from tests.live.asking import chunked, get, post
from tests.live.wire import EOF, Clients

pytestmark = pytest.mark.integration


async def test_it_answers_whole_requests_and_keeps_their_bytes() -> None:
    """Also those that come at once, in pieces, or have no answer's body."""
    request = post(b"hello")
    async with Recorder() as recorder, Clients() as clients:
        client = await clients.connect(recorder.port)
        client.send(get("/a") + get("/b", method="HEAD") + chunked(b"abc"))
        for method in ("GET", "HEAD", "POST"):
            assert (await client.answer(method)).status == 200
        assert recorder.take() == [get("/a") + get("/b", method="HEAD") + chunked(b"abc")]
        await client.send_pieces(request[:10], request[10:-2], request[-2:])
        assert (await client.answer()).body == b"ok"
        assert recorder.take() == [request]
        assert recorder.take() == []


async def test_it_says_continue_to_who_waits_for_that() -> None:
    async with Recorder() as recorder, Clients() as clients:
        client = await clients.connect(recorder.port)
        client.send(post(b"", "/", "Expect: 100-continue").replace(b"Length: 0", b"Length: 2"))
        assert (await client.head()).line == "HTTP/1.1 100 Continue"
        client.send(b"ab")
        assert (await client.answer()).status == 200


async def test_it_ends_what_a_strict_reader_cannot_read() -> None:
    async with Recorder() as recorder, Clients() as clients:
        client = await clients.connect(recorder.port)
        client.send(b"GET / HTTP/1.1\nHost: a\n\n")
        assert await client.end() == EOF


async def test_questions_for_health_are_nobodys_requests() -> None:
    async with Recorder() as recorder, Clients() as clients:
        client = await clients.connect(recorder.port)
        client.send(get("/health"))
        await client.answer()
        assert recorder.take() == []
