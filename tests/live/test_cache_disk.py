"""A cache that survives its node: over real sockets, with a real file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from load_balancer.app import App
from load_balancer.serving import StartError
from tests.live.asking import get
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients, Message

pytestmark = pytest.mark.integration


class Counting:
    """Answers each request with another body, to be stored for a day."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, visit: Visit) -> None:
        while not await done(visit):
            request = await visit.request()
            if request.target == "/health":
                visit.send(answer(b'{"health_status": "healthy"}'))
                continue
            self.asked.append(request.target)
            body = b"%d" % len(self.asked) + b"." * 500
            visit.send(answer(body, "Cache-Control: max-age=86400"))


@asynccontextmanager
async def node(origin: Origin, disk: Path, **cache: Any) -> AsyncIterator[App]:
    settings = {"enabled": True, "disk": str(disk), **cache}
    app = App(settings_for(origin, cache=settings), asyncio.get_running_loop())
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def ask(app: App, target: str) -> Message:
    async with Clients() as clients:
        client = await clients.connect(app.port)
        client.send(get(target))
        return await client.answer()


async def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    """With its age, and nothing is asked of the origin for it."""
    disk, behave = tmp_path / "new" / "cache.db", Counting()
    async with Origin(behave) as origin:
        async with node(origin, disk, entries=5) as app:
            first = [(await ask(app, f"/{number}")).body for number in range(20)]
            # Some of them were let go from memory long ago.
            assert (await ask(app, "/0")).body == first[0]
            assert len(behave.asked) == 20
        await asyncio.sleep(1.1)
        async with node(origin, disk, entries=5) as app:
            for number in range(20):
                found = await ask(app, f"/{number}")
                assert found.body == first[number]
                assert int(found.one("age")) >= 1
                assert "; hit" in found.one("cache-status")
        assert len(behave.asked) == 20


async def test_what_was_purged_stays_away(tmp_path: Path) -> None:
    """A request that changes something, and what it changed, likewise."""
    disk, behave = tmp_path / "cache.db", Counting()
    async with Origin(behave) as origin:
        async with node(origin, disk) as app:
            for target in ("/a", "/b", "/c"):
                await ask(app, target)
        async with node(origin, disk) as app:
            live = app.listener.cache
            assert live is not None
            assert live.cache.purge_prefix("http://") == 3
        async with node(origin, disk) as app:
            await ask(app, "/a")
            assert behave.asked == ["/a", "/b", "/c", "/a"]


async def test_a_file_that_cannot_be_read_does_not_keep_it_from_starting(tmp_path: Path) -> None:
    disk, behave = tmp_path / "cache.db", Counting()
    disk.write_bytes(b"no database" * 1000)
    async with Origin(behave) as origin:
        with pytest.warns(RuntimeWarning, match=r"cache\.db: cannot be read"):
            async with node(origin, disk) as app:
                await ask(app, "/a")
        async with node(origin, disk) as app:
            await ask(app, "/a")
    assert behave.asked == ["/a"]


async def test_a_place_that_cannot_be_had_does(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with Origin(Counting()) as origin:
        with pytest.raises(StartError, match=r"load_balancer\.cache\.disk: .* cannot be used"):
            async with node(origin, tmp_path / "file" / "cache.db"):
                pass


async def test_switched_off_it_forgets_what_is_on_disk(tmp_path: Path) -> None:
    """By a reload: what changes from then on would go unseen."""
    disk, behave = tmp_path / "cache.db", Counting()
    async with Origin(behave) as origin, node(origin, disk, entries=1) as app:
        for target in ("/a", "/b", "/a"):
            await ask(app, target)
        assert behave.asked == ["/a", "/b"]
        settings = app.reloader.settings
        for enabled in (False, True):
            balancer = settings.load_balancer
            cache = balancer.cache.model_copy(update={"enabled": enabled})
            wanted = balancer.model_copy(update={"cache": cache})
            app.apply(settings.model_copy(update={"load_balancer": wanted}))
        await ask(app, "/a")
        await ask(app, "/b")
        assert behave.asked == ["/a", "/b", "/a", "/b"]
        await ask(app, "/a")
        assert len(behave.asked) == 4
