"""Settings that a running node takes up, part by part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from config.schema import Settings
from load_balancer.app import App
from load_balancer.live_settings import with_strategy
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


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin(backend) as made:
        yield made


@pytest.fixture
async def app(origin: Origin) -> AsyncIterator[App]:
    made = App(settings_for(origin, strategy="q_learning"), asyncio.get_running_loop())
    await made.start()
    yield made
    await made.stop()


def wanted(origin: Origin, **load_balancer: Any) -> Settings:
    return settings_for(origin, **{"strategy": "q_learning", **load_balancer})


async def ask(app: App, times: int = 1) -> None:
    async with Clients() as clients:
        for _ in range(times):
            client = await clients.connect(app.port)
            client.send(get("/work"))
            assert 200 == (await client.answer()).status
            client.close()


async def test_the_data_path_reads_the_new_settings(app: App, origin: Origin) -> None:
    """Its listener, its pool and its placer."""
    settings = wanted(
        origin, deadlines={"drain_seconds": 3}, limits={"hops": 5}, retries={"attempts": 7}
    )
    applied = app.apply(settings)
    assert () == applied.restart
    listener = app.listener
    assert (3.0, 3.0) == (listener.deadlines.drain_seconds, listener.pool.deadlines.drain_seconds)
    assert (5, 5) == (listener.limits.hops, listener.pool.limits.hops)
    await ask(app)


async def test_fields_that_tell_classes_are_read_from_then_on(app: App, origin: Origin) -> None:
    assert app.listener.class_values is None
    applied = app.apply(wanted(origin, request_classes={"headers": ["X-Tenant"]}))
    assert (("load_balancer.request_classes.headers",), ()) == (applied.changed, applied.restart)
    assert app.listener.class_values is not None
    assert ("acme",) == app.listener.class_values([(b"x-tenant", b"acme")])
    await ask(app)


async def test_a_strategy_in_the_settings_is_switched_to(app: App, origin: Origin) -> None:
    """And back: what it learned it still knows, with other parameters as well."""
    await ask(app, 3)
    known = app.status.table()
    app.apply(wanted(origin, strategy="random"))
    assert "random" == app.status.strategy
    settings = wanted(origin).model_copy(
        update={"q_learning": Settings.model_validate({"q_learning": {"learning_rate": 0.7}})
                .q_learning}
    )  # fmt: skip
    applied = app.apply(settings)
    assert {"load_balancer.strategy", "q_learning.learning_rate"} == set(applied.changed)
    assert known == app.status.table()
    await ask(app)


async def test_the_files_word_holds_after_a_switch_by_hand(app: App, origin: Origin) -> None:
    """A reload is what the configuration says; a switch at the admin port is a change to it."""
    app.switch_strategy("random")
    applied = app.apply(wanted(origin))
    assert (("load_balancer.strategy",), "q_learning") == (applied.changed, app.status.strategy)


async def test_a_strategy_that_there_is_not_changes_nothing(app: App, origin: Origin) -> None:
    before = app.reloader.settings
    with pytest.raises(ReloadError, match="unknown strategy 'nope'"):
        app.apply(wanted(origin, strategy="nope", limits={"hops": 5}))
    assert before is app.reloader.settings
    assert 32 == app.listener.limits.hops


async def test_a_token_file_is_read_at_every_reload(
    app: App, origin: Origin, tmp_path: Path
) -> None:
    """Also where the settings are the same. One that cannot be read keeps the old token."""
    path = tmp_path / "token"
    path.write_text("correct-horse\n")
    settings = wanted(origin, admin_token_file=str(path), admin_body_bytes=2048)
    app.apply(settings)
    assert ("correct-horse", 2048) == (app._guard.token, app._guard.body_bytes)
    path.write_text("battery-staple\n")
    app.apply(settings)
    assert "battery-staple" == app._guard.token
    path.unlink()
    with pytest.raises(ReloadError, match="admin_token_file"):
        app.apply(settings)
    assert "battery-staple" == app._guard.token


async def test_what_needs_a_restart_is_named(app: App, origin: Origin) -> None:
    applied = app.apply(wanted(origin, port=1, admin_port=2, workers=3, node_name="x"))
    assert {"port", "admin_port", "workers", "node_name"} == {
        key.removeprefix("load_balancer.") for key in applied.restart
    }
    assert () == applied.changed


async def test_a_fault_while_swapping_leaves_the_node_as_it_was(app: App, origin: Origin) -> None:
    """The last part breaks when all others have been swapped: each is put back."""

    def prepare(before: Settings, after: Settings) -> Swap:
        def swap() -> Undo:
            raise RuntimeError("a fault")

        return swap

    strategy, deadlines = app.node.strategy, app.listener.deadlines
    app.reloader.steps.append(Step((), prepare, always=True))
    with pytest.raises(ReloadError, match="a fault"):
        app.apply(wanted(origin, strategy="random", deadlines={"drain_seconds": 3}))
    assert strategy is app.node.strategy
    assert deadlines == app.listener.deadlines
    await ask(app)


def test_another_strategy_leaves_the_rest() -> None:
    settings = settings_for(1, port=5)
    other = with_strategy(settings, "random")
    assert ("random", 5) == (other.load_balancer.strategy, other.load_balancer.port)
    assert "round_robin" == settings.load_balancer.strategy
