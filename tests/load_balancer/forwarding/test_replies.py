"""Pages and errors of the balancer's own."""

import json

import pytest

from tests.live.asking import get, post, refusing
from tests.live.origin import Origin
from tests.live.rig import HEALTH_PAGE, proxy
from tests.live.wire import EOF

pytestmark = pytest.mark.integration


async def test_health_on_the_proxy_port_is_the_balancers() -> None:
    """And not that of whichever backend is next; other methods and paths go on."""
    async with Origin() as origin, proxy(origin) as rig:
        client = await rig.client()
        client.send(get("/health") + get("/health?verbose=1") + get("/health", method="HEAD"))
        health = await client.answer()
        assert (health.body, health.one("content-type")) == (HEALTH_PAGE, "application/json")
        assert (await client.answer()).body == HEALTH_PAGE
        assert (await client.answer("HEAD")).one("content-length") == str(len(HEALTH_PAGE))
        assert not origin.visits
        client.send(get("/healthy") + post(b"", "/health"))
        assert (await client.answer()).body == b"/healthy"
        assert (await client.answer()).body == b"/health"


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/health", "Connection: close"),
        get("/health", version="1.0"),
        get("/health", "Content-Length: 5"),
        get("/refused", "Connection: close"),
        get("/refused", "Content-Length: 5"),
    ],
)
async def test_our_own_words_end_the_connection_where_they_must(request_bytes: bytes) -> None:
    """The client wants it, or sends a body that nobody reads."""
    with refusing() as port:
        async with proxy(port) as rig:
            client = await rig.client()
            client.send(request_bytes)
            got = await client.answer()
            assert got.one("connection") == "close"
            assert await client.end() == EOF
            assert rig.counters.answers == {got.status: 1}


async def test_our_own_words_say_that_no_more_is_taken() -> None:
    with refusing() as port:
        async with proxy(port) as rig:
            for target in ("/health", "/refused"):
                client = await rig.client()
                rig.listener.draining = True
                client.send(get(target))
                assert (await client.answer()).one("connection") == "close"
                rig.listener.draining = False


async def test_our_own_words_wait_for_their_reader_too() -> None:
    """Thousands are asked for at once; no more are made than may wait to be written."""
    most = 0

    def page() -> tuple[str, bytes]:
        nonlocal most
        most = max(most, rig.held())
        return "text/plain", bytes(1000)

    async with proxy(1, local={"/page": page}) as rig:
        client = await rig.client()
        client.send(get("/page") * 4000)
        for _ in range(4000):
            assert len((await client.answer()).body) == 1000
        assert most < 300 << 10


async def test_health_answers_while_no_endpoint_does() -> None:
    with refusing() as port:
        async with proxy(port) as rig:
            assert (await rig.ask(get("/health"))).body == HEALTH_PAGE
            assert (await rig.ask(get("/"))).status == 502
            assert (await rig.ask(get("/health"))).status == 200


async def test_errors_are_told_in_the_form_that_the_client_accepts() -> None:
    """RFC 9457 for who accepts JSON, a line of text for all others; both with the request's id."""
    with refusing() as port:
        async with proxy(port) as rig:
            client = await rig.client()
            client.send(get("/", "Accept: application/json", "X-Request-ID: my.id-1"))
            error = await client.answer()
            assert error.one("content-type") == "application/problem+json"
            assert error.one("x-request-id") == "my.id-1"
            told = json.loads(error.body)
            assert (told["status"], told["request_id"]) == (502, "my.id-1")
            client.send(get("/", "Accept: text/html, */*"))
            error = await client.answer()
            assert error.one("content-type").startswith("text/plain")
            assert error.one("x-request-id") in error.body.decode()
            client.send(get("/", method="HEAD"))
            error = await client.answer("HEAD")
            assert error.status == 502
            client.send(get("/health"))
            assert (await client.answer()).status == 200
