"""The operator's routes to the cache, on a node of its own and over several workers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from load_balancer.app import App
from load_balancer.cache_routes import _keys
from load_balancer.caching.vocabulary import CacheRequest
from tests.live.asking import get
from tests.live.caching import counted, did
from tests.live.origin import Origin, answer
from tests.live.rig import settings_for
from tests.live.wire import Clients, Message

pytestmark = pytest.mark.integration

FRESH = "Cache-Control: max-age=100000"


class Node:
    """A whole node before an origin."""

    def __init__(self, origin: Origin, **cache: Any) -> None:
        settings = settings_for(origin, cache=cache, drain={"delay_seconds": 0})
        self.app = App(settings, asyncio.get_running_loop())

    async def __aenter__(self) -> Node:
        await self.app.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.stop()

    async def admin(self, method: str, path: str, **rest: Any) -> httpx.Response:
        base = f"http://127.0.0.1:{self.app.admin_port}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            return await client.request(method, path, **rest)

    async def get(self, target: str) -> Message:
        async with Clients() as clients:
            client = await clients.connect(self.app.port)
            client.send(get(target))
            return await client.answer()


async def test_one_url_is_purged_and_the_others_stay() -> None:
    async with Origin(counted(answer(b"x", FRESH))) as origin, Node(origin, enabled=True) as node:
        for target in ("/a", "/b?c=1", "/b"):
            await node.get(target)
        said = await node.admin("POST", "/cache/purge", json={"url": "https://ORIGIN.test/b?c=1"})
        assert (said.status_code, said.json()) == (200, {"purged": 1})
        assert did(await node.get("/a")) == "hit"
        assert did(await node.get("/b")) == "hit"
        assert did(await node.get("/b?c=1")).startswith("fwd=uri-miss")


async def test_all_that_begin_so_are_purged() -> None:
    async with Origin(counted(answer(b"x", FRESH))) as origin, Node(origin, enabled=True) as node:
        for target in ("/a/1", "/a/2", "/b"):
            await node.get(target)
        said = await node.admin("POST", "/cache/purge", json={"prefix": "http://origin.test/a/"})
        assert said.json() == {"purged": 2}
        seen = (await node.admin("GET", "/cache")).json()
        assert (seen["entries"], seen["removed"]["purged"]) == (1, 2)
        assert seen["requests"]["miss"] == 3
        metrics = (await node.admin("GET", "/metrics")).text
        assert 'slb_cache_removed_total{reason="purged"} 2.0' in metrics


async def test_an_order_that_makes_no_sense_is_refused() -> None:
    orders: list[Any] = [
        {},
        {"url": "http://a/", "prefix": "http://a/"},
        {"url": "/a"},
        {"url": "ftp://a/"},
        {"prefix": ""},
        {"urls": "http://a/"},
        [],
    ]
    async with Origin(counted(answer(b"x", FRESH))) as origin, Node(origin, enabled=True) as node:
        await node.get("/a")
        for order in orders:
            assert (await node.admin("POST", "/cache/purge", json=order)).status_code == 422
        assert did(await node.get("/a")) == "hit"


async def test_without_a_cache_there_is_nothing_to_see_or_purge() -> None:
    async with Origin() as origin, Node(origin) as node:
        assert (await node.admin("GET", "/cache")).status_code == 404
        order = {"url": "http://origin.test/"}
        assert (await node.admin("POST", "/cache/purge", json=order)).status_code == 404


async def test_a_page_of_another_origin_cannot_purge() -> None:
    async with Origin(counted(answer(b"x", FRESH))) as origin, Node(origin, enabled=True) as node:
        said = await node.admin(
            "POST",
            "/cache/purge",
            json={"prefix": "http://o/"},
            headers={"Origin": "http://evil.test"},
        )
        assert said.status_code == 403


@pytest.mark.parametrize("url", ["http://A.test", "https://a.test/", "http://a.test/#part"])
def test_a_url_means_the_key_that_a_request_for_it_has(url: str) -> None:
    keys = [CacheRequest("GET", "a.test", "/", [], each).key for each in ("http", "https")]
    assert _keys(url) == keys
