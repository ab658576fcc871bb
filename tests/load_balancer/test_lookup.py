"""One look at a name: its addresses, and the choice among service records."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from config.endpoints import DnsSource
from load_balancer.lookup import (
    LEAST_WEIGHT,
    Addresses,
    LookupFailed,
    Service,
    endpoint,
    in_use,
)

pytestmark = pytest.mark.unit

Resolver = Callable[..., Awaitable[list[Any]]]


def source(**values: Any) -> DnsSource:
    settings: dict[str, Any] = {"id": "web", "name": "web.example", "port": 80}
    return DnsSource(**(settings | values))


def found(*addresses: str) -> list[Any]:
    """What ``getaddrinfo`` returns."""
    return [
        (socket.AF_INET6, 1, 6, "", (each, 80, 0, 0))
        if ":" in each
        else (socket.AF_INET, 1, 6, "", (each, 80))
        for each in addresses
    ]


def answering(monkeypatch: pytest.MonkeyPatch, resolver: Resolver) -> list[dict[str, Any]]:
    """Have the loop's resolver be this one; what it was asked."""
    asked: list[dict[str, Any]] = []

    async def getaddrinfo(host: str, port: int, **rest: Any) -> list[Any]:
        asked.append({"host": host, "port": port, **rest})
        return await resolver()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def test_every_address_is_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, in an order of their own, with ids that say where they are."""

    async def resolver() -> list[Any]:
        return found("10.0.0.2", "10.0.0.1", "2001:db8::1", "10.0.0.2")

    asked = answering(monkeypatch, resolver)
    looked = await Addresses(source(weight=2.0)).look()

    assert looked.ttl is None
    assert [
        ("web-10.0.0.1-80", "10.0.0.1", 80, 2.0),
        ("web-10.0.0.2-80", "10.0.0.2", 80, 2.0),
        ("web-2001-db8--1-80", "2001:db8::1", 80, 2.0),
    ] == [(each.id, each.host, each.port, each.weight) for each in looked.endpoints]
    assert ("web.example", socket.AF_UNSPEC) == (asked[0]["host"], asked[0]["family"])


async def test_a_family_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolver() -> list[Any]:
        return found("10.0.0.1")

    asked = answering(monkeypatch, resolver)
    await Addresses(source(family="ipv4")).look()

    assert socket.AF_INET == asked[0]["family"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "web.example: Name or service not"),
        (UnicodeError("label too long"), "web.example: label too long"),
        (None, "web.example: has no address"),
    ],
)
async def test_no_answer_and_an_empty_one_are_failures(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, words: str
) -> None:
    async def resolver() -> list[Any]:
        if error is not None:
            raise error
        return []

    answering(monkeypatch, resolver)
    with pytest.raises(LookupFailed, match=words):
        await Addresses(source()).look()


async def test_a_resolver_that_hangs_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look gives up in time, and takes the late answer if there is one by then."""
    late = asyncio.Event()

    async def resolver() -> list[Any]:
        await late.wait()
        return found("10.0.0.1")

    asked = answering(monkeypatch, resolver)
    addresses = Addresses(source(timeout_seconds=0.01))
    for _ in range(3):
        with pytest.raises(LookupFailed, match=r"no answer in 0\.01 s"):
            await addresses.look()
    late.set()
    await asyncio.sleep(0)

    assert 1 == len((await addresses.look()).endpoints)
    assert 1 == len(asked)


async def test_a_look_that_is_closed_leaves_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolver() -> list[Any]:
        await asyncio.Event().wait()
        return []

    answering(monkeypatch, resolver)
    before = asyncio.all_tasks()
    addresses = Addresses(source(timeout_seconds=0.01))
    addresses.close()
    with pytest.raises(LookupFailed):
        await addresses.look()
    addresses.close()
    await asyncio.sleep(0)

    assert before == asyncio.all_tasks()


async def test_the_systems_own_resolver_knows_this_machine() -> None:
    """Not by the DNS, but by the hosts file: that is why it is asked."""
    looked = await Addresses(source(name="localhost", family="ipv4")).look()

    assert ["web-127.0.0.1-80"] == [each.id for each in looked.endpoints]


def test_an_id_is_made_of_what_ids_may_be_made_of() -> None:
    assert "web-fe80--1-eth0-80" == endpoint("web", "fe80::1%eth0", 80, 1.0).id


# Service records.


def service(priority: int, weight: int, *addresses: str, port: int = 80) -> Service:
    return Service(priority, weight, port, addresses)


def chosen(*services: Service, down: str = "") -> dict[str, float]:
    """Addresses and weights of what is in use; ``down`` names whose last digits are down."""
    made = in_use(services, "s", 1.0, lambda id: id.split("-")[1][-1] in down)
    return {each.host: each.weight for each in made}


def test_the_lowest_priority_is_used() -> None:
    used = chosen(
        service(20, 1, "10.0.0.3"), service(10, 4, "10.0.0.1"), service(10, 1, "10.0.0.2")
    )

    assert {"10.0.0.1": 4.0, "10.0.0.2": 1.0} == used


def test_the_next_priority_helps_out_while_all_of_the_first_are_down() -> None:
    """They stay, so that they are polled and come back."""
    records = (
        service(1, 1, "10.0.0.1", "10.0.0.2"),
        service(2, 1, "10.0.0.3"),
        service(3, 1, "10.0.0.4"),
    )

    assert {"10.0.0.1", "10.0.0.2"} == set(chosen(*records, down="1"))
    assert {"10.0.0.1", "10.0.0.2", "10.0.0.3"} == set(chosen(*records, down="12"))
    assert {f"10.0.0.{n}" for n in (1, 2, 3, 4)} == set(chosen(*records, down="123"))


def test_a_weight_of_nothing_is_a_small_one_beside_others_and_an_equal_one_among_its_like() -> None:
    """RFC 2782: 'a very small chance of being selected'."""
    assert {"10.0.0.1": 10.0, "10.0.0.2": LEAST_WEIGHT} == (
        chosen(service(1, 10, "10.0.0.1"), service(1, 0, "10.0.0.2"))
    )
    assert {"10.0.0.1": 1.0, "10.0.0.2": 1.0} == (
        chosen(service(1, 0, "10.0.0.1"), service(1, 0, "10.0.0.2"))
    )


def test_a_targets_addresses_share_its_weight() -> None:
    assert {"10.0.0.1": 3.0, "10.0.0.2": 3.0} == chosen(service(1, 6, "10.0.0.1", "10.0.0.2"))


def test_the_same_place_twice_is_one_endpoint() -> None:
    assert {"10.0.0.1": 5.0} == chosen(service(1, 2, "10.0.0.1"), service(1, 5, "10.0.0.1"))
    made = in_use([service(1, 1, "10.0.0.1"), service(1, 1, "10.0.0.1", port=81)], "s", 1.0, bool)
    assert ["s-10.0.0.1-80", "s-10.0.0.1-81"] == [each.id for each in made]


def test_of_nothing_nothing_is_used() -> None:
    assert {} == chosen()
    assert {} == chosen(service(1, 1))
