"""What endpoints are told of a request's way, and what of others' words about it is believed.

Two ways to say it: X-Forwarded-For, -Proto, -Host and -Port, which everybody understands in a way
of their own, and Forwarded (RFC 7239). A request that comes with both is read by one of them only.
Pure: the claims are those of a trusted peer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from load_balancer.forwarding.fields import (
    FORWARDED,
    FORWARDED_HOST,
    FORWARDED_PORT,
    FORWARDED_PROTO,
    FORWARDED_STANDARD,
    HOST_FORM,
)
from load_balancer.forwarding.forwarded import (
    MOST_NODES,
    Element,
    addresses,
    find_client,
    forwarded_node,
    plain_node,
    read_address,
    read_forwarded,
)

if TYPE_CHECKING:
    from load_balancer.forwarding.peer import Peer

_TOKEN_FORM = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_PORT_FORM = re.compile(rb"[1-9][0-9]{0,4}\Z")
_SCHEMES = (b"http", b"https")

Claims = list[tuple[int, bytes]]
"""Fields about the way, by kind, values without space around them, in order."""

CLAIMS = frozenset({FORWARDED, FORWARDED_HOST, FORWARDED_PORT, FORWARDED_PROTO, FORWARDED_STANDARD})


def way_fields(
    via: bytes, forwarded_for: bytes, proto: bytes, port: bytes, host: bytes = b""
) -> bytes:
    """The way as X-Forwarded fields, the host last, without the last line's end."""
    return (
        b"Via: %b\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\n"
        b"X-Forwarded-Port: %b\r\nX-Forwarded-Host: %b" % (via, forwarded_for, proto, port, host)
    )


class Believed:
    """What a trusted peer says.

    Attributes:
        client: the address of who asked.
        chain: the value of X-Forwarded-For to go on, up to the peer; empty or ending with a comma.
        elements: the value of Forwarded to go on, likewise.
        proto, host, port: of the client's own request, b"" where nobody says.
    """

    __slots__ = ("chain", "client", "elements", "host", "port", "proto")

    def __init__(self, client: str) -> None:
        self.client = client
        self.chain = self.elements = self.proto = self.host = self.port = b""


def believe(claims: Claims, peer: Peer) -> Believed:
    """What is believed of a trusted peer's claims."""
    values = [value for kind, value in claims if kind == FORWARDED and value]
    standard = [value for kind, value in claims if kind == FORWARDED_STANDARD and value]
    if standard and (peer.trust.forwarded_first or not values):
        return _by_forwarded(standard, peer)
    chain = addresses(values)
    at, client = find_client(chain, peer.address, peer.trust)
    said = Believed(client)
    if values:
        said.chain = b", ".join(values) + b", "
    for kind, value in claims:
        if kind == FORWARDED_PROTO and value.lower() in _SCHEMES:
            said.proto = value.lower()
        elif kind == FORWARDED_HOST and HOST_FORM.match(value):
            said.host = value
        elif kind == FORWARDED_PORT and _PORT_FORM.match(value) and int(value) <= 65535:
            said.port = value
    if peer.trust.writes_forwarded:
        if not chain and (said.host or said.proto):
            chain = ["unknown"]  # it says how the request came to it, but not from whom
        first = _outermost(chain, at, peer)
        for number, source in enumerate(chain):
            mine = number == first
            said.elements += _element(
                forwarded_node(source), b"", said.host * mine, said.proto * mine
            )
            said.elements += b", "
    return said


def _outermost(chain: list[str], at: int, peer: Peer) -> int:
    """Where in the chain the first thing stands that somebody said who is trusted: at the client,
    or before the one behind whom nothing can be read."""
    known = at == len(chain) or peer.trust(read_address(chain[at]))
    return at - 1 if at and known else at


def _by_forwarded(values: list[bytes], peer: Peer) -> Believed:
    elements: list[Element] = []
    lines: list[bytes] = []
    for value in values:
        found = read_forwarded(value)
        if found is None:
            # Whoever wrote it may have swallowed what others said before it.
            elements.clear()
            lines.clear()
        elif found:
            elements += found
            lines.append(value)
    elements = elements[-MOST_NODES:]
    sources = [each.source for each in elements]
    at, client = find_client(sources, peer.address, peer.trust)
    said = Believed(client)
    if lines:
        said.elements = b", ".join(lines) + b", "
        said.chain = "".join(plain_node(each.source) + ", " for each in elements).encode("ascii")
    # The proxy nearest to the client knows best; what stands before it may be anybody's invention.
    for element in reversed(elements[_outermost(sources, at, peer) :]):
        if element.proto in _SCHEMES:
            said.proto = element.proto
        if HOST_FORM.match(element.host):
            said.host = element.host
    return said


def _element(source: bytes, by: bytes, host: bytes, proto: bytes) -> bytes:
    element = b"for=" + source
    if by:
        element += b";by=" + by
    if host:
        # Of what a host may hold, nothing has to be escaped.
        element += b";host=" + (host if _TOKEN_FORM.match(host) else b'"%b"' % host)
    if proto:
        element += b";proto=" + proto
    return element


def _port(said: Believed, peer: Peer, host: bytes) -> bytes:
    """The port that the client asked at: who speaks of scheme or host, but not of the port, means
    the one in the host or the scheme's own. Ours would make a wrong address of it."""
    if said.port:
        return said.port
    if not said.proto and not said.host:
        return peer.port
    return _port_in(said.host or host, said.proto or peer.scheme)


def _port_in(host: bytes, scheme: bytes) -> bytes:
    _, colon, port = host.rpartition(b":")
    if colon and _PORT_FORM.match(port):
        return port
    return b"443" if scheme == b"https" else b"80"


def asked_for(said: Believed, peer: Peer, host: bytes) -> tuple[str, str]:
    """The scheme and the authority that the client asked for, in lower case.

    Where who is trusted speaks of another host or port than the request's own, both are in it, the
    former first, with ``|`` between them, which no host has: endpoints may answer by either.
    """
    scheme = said.proto or peer.scheme
    public = said.host or host
    if said.port and said.port != _port_in(public, scheme):
        name = public if public.endswith(b"]") else public.rpartition(b":")[0] or public
        public = b"%b:%b" % (name, said.port)
    public, host = public.lower(), host.lower()
    return scheme.decode("ascii"), (host if public == host else b"%b|%b" % (public, host)).decode(
        "ascii"
    )


def tell(peer: Peer, claims: Claims | None, host: bytes, modern: bool) -> tuple[bytes, Believed]:
    """The fields about a request's way, without the last line's end, and what is believed of it.

    Args:
        claims: of a trusted peer, none of others.
        host: that the request is for.
        modern: it came in HTTP/1.1.
    """
    said = believe(claims, peer) if claims else Believed(peer.address)
    via = peer.via if modern else peer.via_1_0
    trust = peer.trust
    if trust.writes_x:
        way = way_fields(
            via,
            said.chain + peer.name,
            said.proto or peer.scheme,
            _port(said, peer, host),
            said.host or host,
        )
    else:
        way = b"Via: " + via
    if trust.writes_forwarded:
        own = _element(forwarded_node(peer.address.partition("%")[0]), peer.by, host, peer.scheme)
        way += b"\r\nForwarded: " + said.elements + own
    return way, said
