"""Who is at the other end of a client connection, and what endpoints are told of that."""

from __future__ import annotations

from functools import lru_cache

from load_balancer.forwarding.forwarded import NOBODY, Trust
from load_balancer.forwarding.way import way_fields
from load_balancer.shaping.identity import Found


class Peer:
    """What every request of one client connection is told about its way; made once a connection.

    Attributes:
        address: the peer's address; ``name`` the same in bytes.
        trusted: what it says in ``X-Forwarded-*`` or ``Forwarded`` is believed.
        trust: who else is, and what endpoints are told.
        scheme: ``http`` or ``https``, ``scheme_text`` likewise; ``port`` is ours.
        own: our name as other proxies may have written it, in lower case.
        via, via_1_0: what names us, by the version in which the request came; ``by`` in Forwarded.
        plain: its HTTP/1.1 requests are told of by ``way``.
        way: the fields about the way of such a request, the last but for its value, the host.
        upgrades: protocols that it may switch to, lower case.
        tls: the version of its connection, "" without.
        only_host: the one that its requests may be for, "" where any may.
        traced: the node takes part in its traces.
        asked: the last head that rules were looked up for, by whom, and what was found.
        subject: of its certificate; None until somebody wanted to know.
        dscp: the mark of what it is sent; None for none.
    """

    __slots__ = (
        "address",
        "asked",
        "by",
        "dscp",
        "name",
        "only_host",
        "own",
        "plain",
        "port",
        "scheme",
        "scheme_text",
        "subject",
        "tls",
        "traced",
        "trust",
        "trusted",
        "upgrades",
        "via",
        "via_1_0",
        "way",
    )

    def __init__(
        self,
        address: str,
        node_name: str,
        scheme: str = "http",
        trusted: bool = False,
        upgrades: frozenset[bytes] = frozenset(),
        tls: str = "",
        traced: bool = False,
        trust: Trust = NOBODY,
        port: int = 0,
        only_host: str = "",
    ) -> None:
        self.asked: tuple[object, object, Found | None] | None = None
        self.subject: str | None = None
        self.dscp: int | None = None
        self.tls = tls
        self.only_host = only_host
        self.traced = traced
        self.upgrades = upgrades
        self.address = address
        self.name = address.encode("ascii")
        self.scheme = scheme.encode("ascii")
        self.scheme_text = scheme
        self.trusted = trusted
        self.trust = trust
        self.via, self.via_1_0, self.own, self.by, self.port = _names(node_name, port)
        self.plain = not trusted and not trust.writes_forwarded
        self.way = way_fields(self.via, self.name, self.scheme, self.port)


@lru_cache(maxsize=16)
def _names(node_name: str, port: int) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """What all peers of one node have in common, once."""
    name = node_name.encode("ascii")
    return b"1.1 " + name, b"1.0 " + name, name.lower(), b"_" + name, b"%d" % port
