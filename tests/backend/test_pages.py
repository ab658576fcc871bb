"""The pages of origin servers."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import httpx
import pytest

from backend.pages import create_pages
from rl.simulation.service import Phase, ServiceBehaviour, ServiceProfile

pytestmark = pytest.mark.unit

STARTED = 1_000_000_000.75
LAST_MODIFIED = "Sun, 09 Sep 2001 01:46:40 GMT"
PAGE = "/path-2/page.html"


def application(profile: ServiceProfile | None = None) -> httpx.ASGITransport:
    app = create_pages(
        {"one.test": 8001, "two.test": 8002},
        ["/path-1/page.html", PAGE],
        60,
        lambda domain: ServiceBehaviour(profile or ServiceProfile(), 0.0, random.Random(0)),
        lambda: 1.0,
        lambda: STARTED,
    )
    return httpx.ASGITransport(app)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=application()) as made:
        yield made


async def test_a_page_may_be_cached_and_validated(client: httpx.AsyncClient) -> None:
    page = await client.get(f"http://one.test:8001{PAGE}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "A page from one.test/path-2/page.html" in page.text
    assert page.headers["cache-control"] == "public, max-age=60"
    assert page.headers["last-modified"] == LAST_MODIFIED
    head = await client.head(f"http://one.test:8001{PAGE}")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(page.content)))
    other = await client.get("http://one.test:8001/path-1/page.html")
    assert other.headers["etag"] != page.headers["etag"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"if-none-match": '"other", W/{tag}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"other"'}, 200),
        ({"if-modified-since": LAST_MODIFIED}, 304),
        ({"if-modified-since": "Sun, 09 Sep 2001 01:46:39 GMT"}, 200),
        ({"if-modified-since": "yesterday"}, 200),
        # The tag counts where there is one (RFC 9110 section 13.2.2).
        ({"if-none-match": '"other"', "if-modified-since": LAST_MODIFIED}, 200),
    ],
)
async def test_who_has_it_already_is_told_so(
    client: httpx.AsyncClient, fields: dict[str, str], status: int
) -> None:
    url = f"http://one.test:8001{PAGE}"
    tag = (await client.get(url)).headers["etag"]
    given = {name: value.replace("{tag}", tag) for name, value in fields.items()}
    got = await client.get(url, headers=given)
    assert got.status_code == status
    assert got.headers["etag"] == tag
    assert bool(got.content) == (status == 200)


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", f"http://two.test:8001{PAGE}", 421),
        ("GET", f"http://one.test:8099{PAGE}", 421),
        ("GET", "http://one.test:8001/none", 404),
        ("POST", f"http://one.test:8001{PAGE}", 405),
    ],
)
async def test_what_is_not_here_is_refused(
    client: httpx.AsyncClient, method: str, url: str, status: int
) -> None:
    assert (await client.request(method, url)).status_code == status


async def test_health_counts_what_was_answered(client: httpx.AsyncClient) -> None:
    await client.get(f"http://two.test:8002{PAGE}")
    health = (await client.get("http://any.test:8001/health")).json()
    assert health == {"health_status": "healthy", "domains": {"one.test": 0, "two.test": 1}}


async def test_they_serve_as_their_behaviour_says() -> None:
    failing = ServiceProfile(phases=(Phase("fail", status=502),))
    async with httpx.AsyncClient(transport=application(failing)) as client:
        assert (await client.get(f"http://one.test:8001{PAGE}")).status_code == 502
    padded = ServiceProfile(response_bytes=5000)
    async with httpx.AsyncClient(transport=application(padded)) as client:
        assert len((await client.get(f"http://one.test:8001{PAGE}")).content) > 5000
