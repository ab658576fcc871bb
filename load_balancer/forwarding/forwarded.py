"""Reads what a message's way left in its fields: proxies in Via, addresses in X-Forwarded-For, and
both and more in Forwarded (RFC 7239).

Knows who is trusted only by the question that it is handed. Bytes in, counts and addresses out.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST_NODES = 64
"""Elements of a chain that are looked at, from the right; far more than there are proxies."""

_LONGEST_NODE = 64
"""Characters; an address in brackets with a port has less."""

_LONGEST_KNOWN = 64
"""Bytes of a Via field that is remembered."""

_NODE_FORM = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[A-Za-z0-9._-]+)?\Z")
_HIDDEN_FORM = re.compile(r"_[A-Za-z0-9._-]+\Z")

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR = re.compile(
    rb'(%b)=(?:(%b)|"((?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)")' % (_TOKEN, _TOKEN)
)
_INNERMOST = rb"\((?:[^()\\]|\\.)*+\)"
_INNER = rb"\((?:[^()\\]|\\.|%b)*+\)" % _INNERMOST
_QUOTED_OR_COMMENT = rb'"(?:[^"\\]|\\.)*+"|\((?:[^()\\]|\\.|%b)*+\)' % _INNER
_ASIDE = re.compile(_QUOTED_OR_COMMENT, re.DOTALL)
"""A quoted string, or a comment with two more in it."""
_VIA_FORM = re.compile(rb'(?:[^()"]++|%b)*+\Z' % _QUOTED_OR_COMMENT, re.DOTALL)
_DELIMITER = re.compile(rb"[ \t]*([;,]|\Z)[ \t]*")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def count_via(value: bytes, name: bytes) -> tuple[int, int]:
    """Proxies that one Via field names (RFC 9110 section 7.6.3), and how many of them bear this
    name, which is in lower case.

    Commas in comments, which nest, and in quoted strings separate nothing; empty elements are none
    (section 5.6.1). Where one is left open, or nested beyond all custom, every comma counts: else a
    client could hide all proxies behind it that add themselves to its field.
    """
    # Proxies that add a line each write the same one every time.
    return (_count_known if len(value) <= _LONGEST_KNOWN else _count_via)(value, name)


def _count_via(value: bytes, name: bytes) -> tuple[int, int]:
    if (b"(" in value or b'"' in value) and _VIA_FORM.match(value):
        value = _ASIDE.sub(b" -", value)
    count = own = 0
    for element in value.split(b","):
        words = element.split(None, 2)
        if words:
            count += 1
            own += len(words) > 1 and words[1].lower() == name
    return count, own


_count_known = lru_cache(maxsize=4096)(_count_via)


@lru_cache(maxsize=4096)
def _read_known(text: str) -> Address | None:
    match = _NODE_FORM.match(text)
    try:
        if match is None:
            # X-Forwarded-For has IPv6 addresses without brackets. A zone means something to one
            # machine only, and may be any text at all.
            return None if "%" in text or ":" not in text else _unmapped(text)
        if match[1] is not None:
            return _unmapped(str(ipaddress.IPv6Address(match[1])))
        return ipaddress.IPv4Address(match[2])
    except ValueError:
        return None


def _unmapped(text: str) -> Address:
    address = ipaddress.IPv6Address(text)
    return address.ipv4_mapped or address


def read_address(text: str) -> Address | None:
    """An address, perhaps in brackets, perhaps with a port; of an IPv4 address mapped into IPv6,
    that. None if it is something else."""
    return _read_known(text) if len(text) <= _LONGEST_NODE else None


class Trust:
    """Who is believed, and what is written for others to believe.

    Attributes:
        networks: where trusted proxies are.
        forwarded_first: of ``Forwarded`` and ``X-Forwarded-For``, both there, the former counts.
        writes_x, writes_forwarded: which of them endpoints are given.
    """

    __slots__ = ("forwarded_first", "networks", "writes_forwarded", "writes_x")

    def __init__(
        self,
        networks: Sequence[Network] = (),
        client_header: str = "x_forwarded_for",
        forwarded_header: str = "x_forwarded",
    ) -> None:
        self.networks = tuple(networks)
        self.forwarded_first = client_header == "forwarded"
        self.writes_x = forwarded_header != "rfc7239"
        self.writes_forwarded = forwarded_header != "x_forwarded"

    def __call__(self, address: Address | None) -> bool:
        """Whether a proxy at this address is believed."""
        return address is not None and any(address in network for network in self.networks)


NOBODY = Trust()
"""Nobody is believed."""


def find_client(
    chain: Sequence[str], peer: str, trusted: Callable[[Address], bool]
) -> tuple[int, str]:
    """Who asked, as far as those who are trusted say: the right-most address that is not trusted.

    Args:
        chain: whom proxies had a request from, the nearest last.
        peer: the address of the connection, of somebody who is trusted.

    Returns:
        Where in the chain the client stands, the chain's length for the peer itself, and its
        address. Where all are trusted, the left-most; where one cannot be read, the one behind it,
        since who wrote that is the last that is known.
    """
    at, client = len(chain), peer
    while at:
        address = read_address(chain[at - 1])
        if address is None:
            break
        at -= 1
        client = str(address)
        if not trusted(address):
            break
    return at, client


def addresses(values: Sequence[bytes]) -> list[str]:
    """The elements of X-Forwarded-For fields, in order; the last MOST_NODES of them."""
    elements = b",".join(values).decode("latin-1").rsplit(",", MOST_NODES)[-MOST_NODES:]
    return [text for text in (element.strip(" \t") for element in elements) if text]


class Element:
    """What one proxy said in Forwarded.

    Attributes:
        source: whom it had the request from (``for``), ``unknown`` if it does not say.
        proto, host: by which scheme and for which host, b"" if it does not say.
    """

    __slots__ = ("host", "proto", "source")

    def __init__(self, source: str, proto: bytes, host: bytes) -> None:
        self.source = source
        self.proto = proto
        self.host = host


def read_forwarded(value: bytes) -> list[Element] | None:
    """The elements of one Forwarded field (RFC 7239 section 4); None if it breaks the grammar, for
    then nobody can say where one proxy's words end and the next one's begin."""
    elements: list[Element] = []
    pairs: dict[bytes, bytes] = {}
    at = 0
    while True:
        pair = _PAIR.match(value, at)
        if pair is not None:
            name = pair[1].lower()
            if name in pairs:
                return None
            quoted = pair[3]
            pairs[name] = pair[2] if quoted is None else _ESCAPED.sub(rb"\1", quoted)
            at = pair.end()
        delimiter = _DELIMITER.match(value, at)
        if delimiter is None:
            return None
        at = delimiter.end()
        if delimiter[1] == b";":
            continue
        if pairs:
            source = pairs.get(b"for", b"unknown").decode("latin-1")
            elements.append(
                Element(source, pairs.get(b"proto", b"").lower(), pairs.get(b"host", b""))
            )
            pairs = {}
        if not delimiter[1]:
            return elements


def plain_node(source: str) -> str:
    """A ``for`` as X-Forwarded-For has it: an address without brackets and port, a hidden name, or
    ``unknown``."""
    address = read_address(source)
    if address is not None:
        return str(address)
    return source if _HIDDEN_FORM.match(source) and len(source) <= _LONGEST_NODE else "unknown"


def forwarded_node(source: str) -> bytes:
    """A ``for`` as Forwarded has it: IPv6 addresses quoted and in brackets (RFC 7239 section 6)."""
    node = plain_node(source)
    return (f'"[{node}]"' if ":" in node else node).encode("ascii")
