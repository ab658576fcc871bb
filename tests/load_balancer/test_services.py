"""Service records, asked of a name server of the test's own."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from config.endpoints import DnsSource
from load_balancer.lookup import Found, LookupFailed
from load_balancer.services import Services, _resolver
from tests.live.name_server import Zone, serving

pytestmark = pytest.mark.integration

NAME = "_http._tcp.web.example."
ZONE: Zone = {
    (NAME, "SRV"): ["30 10 60 8001 a.example.", "30 10 20 8002 b.example."],
    ("a.example.", "A"): ["300 10.0.0.1"],
    ("b.example.", "A"): ["300 10.0.0.3", "300 10.0.0.2"],
    ("b.example.", "AAAA"): ["300 2001:db8::2"],
}


async def look(
    nameserver: str, down: Callable[[str], bool] = lambda id: False, **values: Any
) -> Found:
    settings: dict[str, Any] = {
        "id": "web",
        "name": NAME,
        "type": "srv",
        "nameserver": nameserver,
        "family": "ipv4",
        "timeout_seconds": 5.0,
    }
    services = Services(DnsSource(**(settings | values)), down)
    try:
        return await services.look()
    finally:
        services.close()


def places(found: Found) -> list[tuple[str, int, float]]:
    return [(each.host, each.port, each.weight) for each in found.endpoints]


async def test_records_are_endpoints_with_port_weight_and_time_to_live() -> None:
    async with serving(ZONE) as (_, address):
        found = await look(address)

    assert 30.0 == found.ttl
    assert [("10.0.0.1", 8001, 60.0), ("10.0.0.2", 8002, 10.0), ("10.0.0.3", 8002, 10.0)] == (
        places(found)
    )
    assert "web-10.0.0.1-8001" == found.endpoints[0].id


async def test_all_families_are_asked_for_if_any_will_do() -> None:
    async with serving(ZONE) as (_, address):
        found = await look(address, family="any")

    assert "2001:db8::2" in [host for host, *_ in places(found)]


async def test_addresses_that_come_along_are_not_asked_for() -> None:
    """As from name servers that know their targets by no other way."""
    zone = {(NAME, "SRV"): ZONE[NAME, "SRV"]}
    along: Zone = {
        ("a.example.", "A"): ["5 10.1.0.1"],
        ("b.example.", "A"): ["5 10.1.0.2"],
        ("b.example.", "AAAA"): ["5 2001:db8::2"],
    }
    async with serving(zone, along) as (server, address):
        found = await look(address)

    assert [(NAME, "SRV")] == server.asked
    assert ["10.1.0.1", "10.1.0.2"] == [host for host, *_ in places(found)]


async def test_the_lower_priority_waits_until_the_higher_is_down() -> None:
    zone = {**ZONE, (NAME, "SRV"): ["9 1 0 80 a.example.", "9 2 0 80 b.example."]}
    async with serving(zone) as (_, address):
        usual = await look(address)
        helping = await look(address, lambda id: id == "web-10.0.0.1-80")

    assert ["10.0.0.1"] == [host for host, *_ in places(usual)]
    assert ["10.0.0.1", "10.0.0.2", "10.0.0.3"] == [host for host, *_ in places(helping)]


async def test_a_target_without_an_address_is_left_out() -> None:
    zone = {each: value for each, value in ZONE.items() if each[0] != "a.example."}
    async with serving(zone) as (_, address):
        found = await look(address)

    assert {"10.0.0.2", "10.0.0.3"} == {host for host, *_ in places(found)}


async def test_a_target_that_cannot_be_found_out_fails_the_look() -> None:
    """Nobody knows that it is gone, so it must not leave."""
    async with serving(ZONE, silent=("a.example.",)) as (_, address):
        with pytest.raises(LookupFailed):
            await look(address, timeout_seconds=0.2)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ({}, "does not exist"),
        ({(NAME, "A"): ["5 10.0.0.1"]}, "does not contain an answer"),
        ({(NAME, "SRV"): ["5 0 0 0 ."]}, "has no service with an address"),
    ],
)
async def test_no_service_is_a_failure_that_says_why(zone: Zone, words: str) -> None:
    async with serving(zone) as (_, address):
        with pytest.raises(LookupFailed, match=f"^{NAME}: .*{words}"):
            await look(address)


async def test_a_silent_name_server_is_given_up_in_time() -> None:
    async with serving(ZONE, silent=(NAME,)) as (_, address):
        started = asyncio.get_running_loop().time()
        with pytest.raises(LookupFailed, match=r"web\.example\.: no answer in 0\.2 s"):
            await look(address, timeout_seconds=0.2)

    assert asyncio.get_running_loop().time() - started < 3.0


def test_a_nameserver_may_have_an_ipv6_address() -> None:
    resolver = _resolver("[2001:db8::53]:5353")

    assert (["2001:db8::53"], 5353) == (resolver.nameservers, resolver.port)
