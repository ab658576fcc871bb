"""Logs that a reload replaces."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from load_balancer.app import App
from load_balancer.reloading import ReloadError, Step, Swap, Undo
from tests.live.asking import get
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients

pytestmark = pytest.mark.integration


async def backend(visit: Visit) -> None:
    while not await done(visit):
        await visit.request()
        visit.send(answer(b"{}"))


async def ask(app: App, request_id: str) -> None:
    async with Clients() as clients:
        client = await clients.connect(app.port)
        client.send(get("/work", f"X-Request-ID: {request_id}"))
        assert 200 == (await client.answer()).status
        client.close()


def ids(path: Path) -> list[str]:
    return [json.loads(line)["request_id"] for line in path.read_text().splitlines()]


async def test_each_request_is_in_one_of_the_two_files(tmp_path: Path) -> None:
    """And a file that cannot be opened changes nothing, the rest of that reload included."""
    old, new = tmp_path / "old", tmp_path / "new"
    async with Origin(backend) as origin:

        def logging(path: Path, **more: Any) -> Any:
            return settings_for(origin, request_log={"path": str(path)}, **more)

        app = App(logging(old), asyncio.get_running_loop())
        await app.start()
        try:
            await ask(app, "one")
            app.apply(logging(new))
            await ask(app, "two")
            with pytest.raises(ReloadError, match=r"request_log\.path: .* cannot be written"):
                app.apply(logging(tmp_path, limits={"hops": 5}))
            assert 32 == app.listener.limits.hops
            await ask(app, "three")
            off = settings_for(origin)
            assert ("load_balancer.request_log.path",) == app.apply(off).changed
            await ask(app, "four")
        finally:
            await app.stop()
    assert (["one"], ["two", "three"]) == (ids(old), ids(new))


async def test_what_is_put_back_goes_on_where_it_was(tmp_path: Path) -> None:
    """A later part that fails: the old file is still open, the new one is closed."""

    def prepare(before: Any, after: Any) -> Swap:
        def swap() -> Undo:
            raise RuntimeError("a fault")

        return swap

    old, new = tmp_path / "old", tmp_path / "new"
    async with Origin(backend) as origin:
        app = App(settings_for(origin, request_log={"path": str(old)}), asyncio.get_running_loop())
        await app.start()
        try:
            app.reloader.steps.append(Step((), prepare, always=True))
            with pytest.raises(ReloadError, match="a fault"):
                app.apply(settings_for(origin, request_log={"path": str(new)}))
            await ask(app, "one")
        finally:
            await app.stop()
    assert (["one"], []) == (ids(old), ids(new))
