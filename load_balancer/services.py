"""One look at the service records (SRV, RFC 2782) of a name, by dnspython: the extra ``dns``."""

from __future__ import annotations

import socket

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver

from config.endpoints import DnsSource
from load_balancer.lookup import FAMILIES, Down, Found, LookupFailed, Service, in_use

ADDRESS_TYPES = {
    dns.rdatatype.A: socket.AF_INET,
    dns.rdatatype.AAAA: socket.AF_INET6,
}


class Services:
    """The service records of a name and the addresses of their targets."""

    def __init__(self, source: DnsSource, down: Down) -> None:
        self._source = source
        self._down = down
        self._family = FAMILIES[source.family]
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def look(self) -> Found:
        """Ask the configured name server, or the system's.

        Raises:
            LookupFailed: it says that there is no service, or says nothing that helps. A target
                without an address is left out; one whose addresses cannot be found out now is not,
                for nobody knows that it is gone.
        """
        source = self._source
        try:
            resolver = self._resolver = self._resolver or _resolver(source.nameserver)
            answer = await resolver.resolve(
                source.name, "SRV", lifetime=source.timeout_seconds, search=False
            )
            records = list(answer.rrset or ())
            given = _additional(answer.response)
            services = []
            for record in records:
                if record.target == dns.name.root:
                    continue  # "the service is decidedly not available at this domain"
                addresses = await self._addresses(resolver, record.target, given)
                if addresses:
                    services.append(Service(record.priority, record.weight, record.port, addresses))
        except dns.exception.Timeout:
            # In words of our own: the library's tell the milliseconds, so no two would be the same.
            raise LookupFailed(
                f"{source.name}: no answer in {source.timeout_seconds:g} s"
            ) from None
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailed(f"{source.name}: {error or type(error).__name__}") from None
        found = in_use(services, source.id, source.weight, self._down)
        if not found:
            raise LookupFailed(f"{source.name}: has no service with an address")
        assert answer.rrset is not None
        return Found(tuple(found), float(answer.rrset.ttl))

    def close(self) -> None:
        """Nothing is left open between two looks."""

    async def _addresses(
        self,
        resolver: dns.asyncresolver.Resolver,
        target: dns.name.Name,
        given: dict[dns.name.Name, list[tuple[int, str]]],
    ) -> tuple[str, ...]:
        if target in given:
            return tuple(
                sorted(
                    address
                    for family, address in given[target]
                    if self._family in (socket.AF_UNSPEC, family)
                )
            )
        try:
            hosts = await resolver.resolve_name(
                target, self._family, lifetime=self._source.timeout_seconds, search=False
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        return tuple(sorted(set(hosts.addresses())))


def _resolver(nameserver: str | None) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=nameserver is None)
    if nameserver is not None:
        host, _, port = nameserver.rpartition(":")
        resolver.port = int(port)
        resolver.nameservers = [host.strip("[]")]
    return resolver


def _additional(response: dns.message.Message) -> dict[dns.name.Name, list[tuple[int, str]]]:
    """Addresses that came along unasked, as some name servers only know them so."""
    found: dict[dns.name.Name, list[tuple[int, str]]] = {}
    for rrset in response.additional:
        family = ADDRESS_TYPES.get(rrset.rdtype)
        if family is not None:
            found.setdefault(rrset.name, []).extend((family, each.address) for each in rrset)
    return found
