"""A name server of the test's own: answers from a zone that a test may change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = dict[tuple[str, str], list[str]]
"""Name and type -> records as they stand in a zone file, each with its time to live in front."""


class NameServer(asyncio.DatagramProtocol):
    """Answers from a zone; says nothing about names in ``silent``."""

    def __init__(self, zone: Zone, additional: Zone, silent: set[str]) -> None:
        self.zone = zone
        self.additional = additional
        self.silent = silent
        self.asked: list[tuple[str, str]] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        records = self.zone.get((name, kind))
        if records is not None:
            answer.answer.append(_rrset(name, kind, records))
            for (other, type_), more in self.additional.items():
                answer.additional.append(_rrset(other, type_, more))
        elif not any(name == known for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), address)


def _rrset(name: str, kind: str, records: list[str]) -> dns.rrset.RRset:
    ttl = int(records[0].split()[0])
    texts = [" ".join(each.split()[1:]) for each in records]
    return dns.rrset.from_text(dns.name.from_text(name), ttl, "IN", kind, *texts)


@asynccontextmanager
async def serving(
    zone: Zone, additional: Zone | None = None, silent: tuple[str, ...] = ()
) -> AsyncIterator[tuple[NameServer, str]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(zone, additional or {}, set(silent)), ("127.0.0.1", 0)
    )
    try:
        port = transport.get_extra_info("sockname")[1]
        yield server, f"127.0.0.1:{port}"
    finally:
        transport.close()
