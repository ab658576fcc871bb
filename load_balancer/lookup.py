"""One look at a name in the DNS: the endpoints behind it. Knows nothing of when to look again.

Addresses are the system resolver's matter, which reads the hosts file too but tells no time to
live. Service records (RFC 2782) it does not know at all: they need the extra ``dns``.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from config.endpoints import DnsSource
from rl.vocabulary import Endpoint

FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}

LEAST_WEIGHT = 0.1
"""What a service record's weight of 0 becomes beside others: a very small chance (RFC 2782)."""


class LookupFailed(Exception):
    """Nothing can be said of who is there now; the message says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look has brought.

    Attributes:
        endpoints: one or more, in an order that does not depend on the answer's.
        ttl: seconds for which it is good, where that is known.
    """

    endpoints: tuple[Endpoint, ...]
    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One service record with its target's addresses.

    Attributes:
        priority: the lowest is used first.
        weight: share of the requests among equal priorities, 0 to 65535.
    """

    priority: int
    weight: int
    port: int
    addresses: tuple[str, ...]


Down = Callable[[str], bool]
"""Whether the endpoint of this id is known and cannot be used."""


class Addresses:
    """The addresses of a name, each an endpoint."""

    def __init__(self, source: DnsSource) -> None:
        self._source = source
        self._asking: asyncio.Future[list[str]] | None = None

    async def look(self) -> Found:
        """Ask the system's resolver.

        Raises:
            LookupFailed: it knows of none, or does not answer in time.
        """
        source = self._source
        # A question that the resolver still sits on is not asked a second time: each takes a
        # thread, and nobody can take it back.
        asking = self._asking
        if asking is None:
            asking = self._asking = asyncio.ensure_future(self._ask())
        done, _ = await asyncio.wait({asking}, timeout=source.timeout_seconds)
        if not done:
            raise LookupFailed(f"{source.name}: no answer in {source.timeout_seconds:g} s")
        self._asking = None
        try:
            addresses = asking.result()
        except (OSError, UnicodeError) as error:
            raise LookupFailed(
                f"{source.name}: {getattr(error, 'strerror', None) or error}"
            ) from None
        if not addresses:
            raise LookupFailed(f"{source.name}: has no address")
        assert source.port is not None
        port, weight = source.port, source.weight
        return Found(tuple(endpoint(source.id, each, port, weight) for each in sorted(addresses)))

    def close(self) -> None:
        """Wait for no answer any more."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self) -> list[str]:
        source = self._source
        found = await asyncio.get_running_loop().getaddrinfo(
            source.name, source.port, family=FAMILIES[source.family], type=socket.SOCK_STREAM
        )
        return list({str(address[0]) for *_, address in found})


def endpoint(prefix: str, address: str, port: int, weight: float) -> Endpoint:
    """The endpoint at an address, with an id that says where it is."""
    place = re.sub(r"[^A-Za-z0-9._-]", "-", address)
    return Endpoint(f"{prefix}-{place}-{port}", address, port, weight)


def in_use(services: Iterable[Service], prefix: str, scale: float, down: Down) -> list[Endpoint]:
    """The endpoints of service records: those of the lowest priority number, and as long as all of
    these are down those of the next as well.

    A record's weight is split among its target's addresses. If two records lead to the same place
    the first by priority counts, and among equal ones the heavier.
    """
    found: dict[str, Endpoint] = {}
    ordered = sorted(services, key=lambda each: (each.priority, -each.weight))
    unweighted = not any(each.weight for each in ordered)
    priority: int | None = None
    for each in ordered:
        if priority != each.priority and found and not all(down(id) for id in found):
            break
        priority = each.priority
        weight = 1.0 if unweighted else each.weight or LEAST_WEIGHT
        for address in each.addresses:
            made = endpoint(prefix, address, each.port, scale * weight / len(each.addresses))
            found.setdefault(made.id, made)
    return [found[id] for id in sorted(found)]
