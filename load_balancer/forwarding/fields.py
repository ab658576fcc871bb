"""Field lines: what the heads of requests and of responses have in common.

Which fields are for this hop, which for the next, and which must not be there. Bytes only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Fields = list[tuple[bytes, bytes]]
"""Field lines in the order of arrival, names as sent."""


def size_of(fields: Fields) -> int:
    """Bytes of field lines, their delimiters included."""
    return sum([len(name) + len(value) + 4 for name, value in fields])


SPELLINGS = 1024
"""Field names that are remembered at the most."""

SAID_CLOSE = 1
SAID_KEEP_ALIVE = 2
SAID_UPGRADE = 4

LENGTH_DIGITS = 20
"""As many as 2**64 has, which is what httptools counts to; more are zeros in front."""

# RFC 3986 section 3.2.2 without userinfo: a name, an IPv4 or a bracketed IPv6 address, then a port.
# The name is not empty (RFC 9110 section 4.2.1), and not longer than names are: what is kept by
# domain is to have a bound.
HOST_FORM = re.compile(
    rb"(?=.{0,261}\Z)(?:(?!:|\Z)[A-Za-z0-9._~!$&'()*+,;=-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9._~!$&'()*+,;=-]*)*"
    rb"|\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\])(?::[0-9]{0,5})?\Z"
)

# What becomes of a field; names that are not in the tables are forwarded as they are.
PLAIN, DROP, LENGTH, CODING, CONNECTION = range(5)
HOST, EXPECT, VIA, REQUEST_ID, ACCEPT, FORWARDED, UPGRADE = range(5, 12)
FORWARDED_HOST, FORWARDED_PROTO = range(12, 14)
AGENT, REFERER = range(14, 16)
TIMING, TRACEPARENT, TRACESTATE = range(16, 19)
FORWARDED_PORT, FORWARDED_STANDARD, MAX_FORWARDS = range(24, 27)
REQUEST_FIELDS = {
    b"host": HOST,
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"expect": EXPECT,
    b"via": VIA,
    b"x-request-id": REQUEST_ID,
    b"accept": ACCEPT,
    b"x-forwarded-for": FORWARDED,
    b"user-agent": AGENT,
    b"referer": REFERER,
    b"x-server-timing": TIMING,
    b"x-forwarded-host": FORWARDED_HOST,
    b"x-forwarded-proto": FORWARDED_PROTO,
    b"x-forwarded-port": FORWARDED_PORT,
    b"forwarded": FORWARDED_STANDARD,
    b"max-forwards": MAX_FORWARDS,
    # Hop by hop (RFC 9110 section 7.6.1).
    b"keep-alive": DROP,
    b"proxy-connection": CONNECTION,  # as httptools reads it
    b"te": DROP,
    b"upgrade": UPGRADE,
    b"http2-settings": DROP,
    # Spoken between configured nodes only.
    b"q": DROP,
    b"qreward": DROP,
}
TRACE_FIELDS = {b"traceparent": TRACEPARENT, b"tracestate": TRACESTATE}
"""More of them, for a node that takes part in traces."""

# Fields that a Connection field cannot have removed: without them the message means something else.
_KEPT = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"date", b"cache-control", b"via", b"expect"}
)
_PLAIN_TOKENS = frozenset({b"te", b"http2-settings"})


_HARMLESS = frozenset({ACCEPT, AGENT, REFERER, TIMING})
"""Nobody is the worse for taking another field for one of these."""


class Kinds(dict[bytes, int]):
    """What becomes of a field, by its name in whatever case: a table that remembers spellings.

    The spellings come from peers, so they are remembered up to a bound. PLAIN is for every name
    that the table does not hold, DROP for those that some servers take for one of its names
    because they write underscores for hyphens.
    """

    def __init__(self, kinds: Mapping[bytes, int]) -> None:
        super().__init__(kinds)
        self._kinds = kinds

    def __missing__(self, name: bytes) -> int:
        lower = name.lower()
        kind = self._kinds.get(lower, PLAIN)
        if kind == PLAIN and self._kinds.get(lower.replace(b"_", b"-"), ACCEPT) not in _HARMLESS:
            kind = DROP
        if len(self) < SPELLINGS and len(name) <= 64:
            self[name] = kind
        return kind


def read_connection(value: bytes, said: int, removed: set[bytes]) -> int:
    """What one Connection field says, on top of what earlier ones ``said``.

    Returns:
        SAID_CLOSE, SAID_KEEP_ALIVE and SAID_UPGRADE, or-ed. Names of fields that are for this hop
        only are put into ``removed``.
    """
    for token in value.lower().split(b","):
        token = token.strip(b" \t")
        if token == b"close":
            said |= SAID_CLOSE
        elif token == b"keep-alive":
            said |= SAID_KEEP_ALIVE
        elif token == b"upgrade":
            said |= SAID_UPGRADE
        elif token and token not in _PLAIN_TOKENS and token not in _KEPT:
            removed.add(token)
    return said


def ends(said: int, modern: bool) -> bool:
    """Whether the connection ends after this message (RFC 9112 section 9.3)."""
    if said & SAID_CLOSE:
        return True
    return not modern and not said & SAID_KEEP_ALIVE


def without(lines: list[bytes], removed: set[bytes]) -> list[bytes]:
    """The lines of a head, its first one included, except for the fields named."""
    return [
        line
        for number, line in enumerate(lines)
        if number == 0 or line.partition(b":")[0].lower() not in removed
    ]
