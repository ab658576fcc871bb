"""How many connections there may be, in all and of one client, and who makes room."""

import asyncio

import pytest

from load_balancer.forwarding.crowd import client_of
from tests.live.asking import get, post
from tests.live.origin import Held, Origin
from tests.live.rig import Rig, proxy
from tests.live.wire import EOF, Wire

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "20010db800010002"),
        ("2001:db8:1:2:ffff::", "20010db800010002"),
        ("2001:db8:1:3::7", "20010db800010003"),
        ("fe80::1%eth0", "fe80000000000000"),
        ("unknown", "unknown"),
    ],
)
def test_a_client_is_an_address_or_a_network_of_64_bits(address: str, client: str) -> None:
    assert client == client_of(address)


async def used(rig: Rig, request: bytes = get()) -> Wire:
    """A connection that has had an answer."""
    client = await rig.client()
    client.send(request)
    assert 200 == (await client.answer(request.split(b" ")[0].decode())).status
    return client


async def test_one_client_has_so_many_connections_and_no_more() -> None:
    async with Origin() as origin, proxy(origin, limits={"connections_per_client": 2}) as rig:
        first, second = await used(rig), await used(rig)
        third = await rig.client()
        got = await third.answer()
        assert (429, "close") == (got.status, got.one("connection"))
        third.close()
        first.close()
        await rig.holds(lambda: len(rig.listener.connections) == 1, "two have gone")
        assert 200 == (await rig.ask(get())).status
        second.send(get())
        assert 200 == (await second.answer()).status
        assert {"client_connections": 1} == rig.counters.refusals


@pytest.mark.parametrize("request_", [get(), post(b"x"), get("/", "X-Large: " + "x" * 9000)])
async def test_when_all_places_are_taken_the_idlest_makes_room(request_: bytes) -> None:
    async with Origin() as origin, proxy(origin, limits={"connections": 3}) as rig:
        oldest = await used(rig, request_)
        rig.clock.advance(5)
        middle = await used(rig, request_)
        rig.clock.advance(5)
        newest = await used(rig, request_)
        rig.clock.advance(5)
        another = await used(rig, request_)
        assert EOF == await oldest.end()
        for client in (middle, newest, another):
            client.send(get())
            assert 200 == (await client.answer()).status
        assert {} == rig.counters.refusals


async def test_who_is_being_served_or_has_just_come_makes_no_room() -> None:
    async with Held() as origin, proxy(origin, limits={"connections": 2}) as rig:
        busy = await rig.client()
        busy.send(get("/busy"))
        await origin.asked(1)
        newcomer = await rig.client()
        await rig.holds(lambda: len(rig.listener.connections) == 2, "both are there")
        refused = await rig.client()
        assert 503 == (await refused.answer()).status
        refused.close()
        origin.release(2)
        assert b"/busy" == (await busy.answer()).body
        newcomer.send(get("/new"))
        assert b"/new" == (await newcomer.answer()).body


async def test_who_came_long_ago_and_never_asked_makes_room() -> None:
    async with Origin() as origin, proxy(origin, limits={"connections": 1}) as rig:
        silent = await rig.client()
        await rig.holds(lambda: len(rig.listener.connections) == 1, "it is there")
        rig.clock.advance(2)
        assert 200 == (await rig.ask(get())).status
        assert EOF == await silent.end()


async def test_a_flood_leaves_nothing_behind() -> None:
    limits = {"connections": 20, "connections_per_client": 15}
    async with Origin() as origin, proxy(origin, limits=limits) as rig:
        clients = [await rig.client() for _ in range(60)]
        await asyncio.sleep(0.05)
        assert len(rig.listener.connections) <= 60
        for client in clients:
            client.close()
        await rig.holds(lambda: not rig.listener.connections, "all are gone")
        assert {} == rig.listener.crowd._by_client
        assert 200 == (await rig.ask(get())).status
