"""Stickiness on the wire: the cookie that keeps a client at its endpoint, and the named field."""

import random
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from config.endpoints import Stickiness
from load_balancer.forwarding.affinity import Tokens, affinity
from load_balancer.strategies.round_robin import RoundRobin
from load_balancer.strategies.sticky import sticky
from rl.vocabulary import Verdict
from tests.live.asking import get
from tests.live.caching import counted
from tests.live.origin import Origin, answer
from tests.live.rig import Rig, proxy

pytestmark = pytest.mark.integration


def sticking(
    *origins: Origin, settings: Stickiness, **more: Any
) -> AbstractAsyncContextManager[Rig]:
    tokens = Tokens(b"a secret of sixteen")
    policy = sticky(RoundRobin(), settings, tokens)
    return proxy(*origins, policy=policy, affinity=affinity(settings, tokens), **more)


async def test_a_client_that_keeps_its_cookie_stays_where_it_was() -> None:
    """It is set once, names no endpoint in clear, and is not set again while it holds."""
    settings = Stickiness(kind="cookie", cookie="pin")
    async with Origin() as one, Origin() as two, sticking(one, two, settings=settings) as rig:
        client = await rig.client()
        client.send(get())
        (line,) = (await client.answer()).all("set-cookie")
        cookie, *attributes = line.split("; ")
        assert cookie.startswith("pin=") and "a" != cookie[4:]
        assert ["Path=/", "HttpOnly", "SameSite=Lax"] == attributes
        for _ in range(4):
            client.send(get("/", f"Cookie: other=1; {cookie}"))
            assert [] == (await client.answer()).all("set-cookie")
        assert (5, 0) == (len(one.requests), len(two.requests))
        assert 5 == len(rig.learned)


async def test_a_cookie_whose_endpoint_is_out_is_replaced() -> None:
    settings = Stickiness(kind="cookie")
    async with Origin() as one, Origin() as two, sticking(one, two, settings=settings) as rig:
        cookie = (await rig.ask(get())).one("set-cookie").split(";")[0]
        rig.node.set_healthy(rig.stats("a"), False, rig.clock())
        other = (await rig.ask(get("/", f"Cookie: {cookie}"))).one("set-cookie").split(";")[0]
        assert other != cookie
        assert [("a", Verdict.SUCCESS, 200), ("b", Verdict.SUCCESS, 200)] == rig.log.completed


async def test_a_field_keeps_its_repeats_together() -> None:
    settings = Stickiness(kind="header", header="X-User")
    async with Origin() as one, Origin() as two, sticking(one, two, settings=settings) as rig:
        dice = random.Random(1)
        users = [f"user{dice.randrange(20)}" for _ in range(60)]
        for user in users:
            got = await rig.ask(get("/", f"X-User: {user}"))
            assert [] == got.all("set-cookie")
        homes = [{each.one("x-user") for each in origin.requests} for origin in (one, two)]
        assert homes[0] and homes[1] and not homes[0] & homes[1]


async def test_a_cache_in_front_gives_nobody_another_ones_cookie() -> None:
    stored = answer(b"x", "Cache-Control: max-age=100")
    settings = Stickiness(kind="cookie")
    async with Origin(counted(stored)) as origin, sticking(origin, settings=settings) as rig:
        async with proxy(rig.port, cache={"enabled": True}) as front:
            first, second = await front.ask(get()), await front.ask(get())
            assert first.all("set-cookie") and not second.all("set-cookie")
            assert len(origin.requests) == 1
