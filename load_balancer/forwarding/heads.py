"""Request heads: judge what came, and write the one clean form that goes on.

A head is never forwarded as it came; it is read into fields, checked, and written again. What can
be read in two ways is refused (RFC 9112 sections 3, 6 and 11): repairing it would only choose one
of the readings, and the next hop may choose the other. httptools has rejected much before a head
gets here (bad tokens, bare CR or LF, control characters, conflicting or repeated lengths); the rest
is here. Knows no connection and no endpoint: bytes in, bytes out.
"""

from __future__ import annotations

import re
from functools import lru_cache

from load_balancer.forwarding.fields import (
    ACCEPT,
    CODING,
    CONNECTION,
    EXPECT,
    FORWARDED,
    FORWARDED_HOST,
    FORWARDED_PROTO,
    HOST,
    LENGTH,
    LENGTH_DIGITS,
    REQUEST_FIELDS,
    REQUEST_ID,
    SAID_UPGRADE,
    UPGRADE,
    VIA,
    Fields,
    Kinds,
    ends,
    read_connection,
    without,
)

NO_BODY = 0
BY_LENGTH = 1
CHUNKED = 2
UNTIL_CLOSE = 3

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""RFC 9110 section 9.2.2: a second try has the effect of one."""

# httptools speaks RTSP and ICE as well and says of "PLAY / RTSP/1.0" no more than version 1.0.
_NOT_SPOKEN = frozenset(
    b"CONNECT DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER SET_PARAMETER REDIRECT "
    b"RECORD FLUSH".split()
)

# RFC 3986 section 3.2.2 without userinfo: a name, an IPv4 or a bracketed IPv6 address, then a port.
# The name is not empty (RFC 9110 section 4.2.1).
_HOST_FORM = re.compile(
    rb"(?:(?!:|\Z)[A-Za-z0-9._~!$&'()*+,;=-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9._~!$&'()*+,;=-]*)*"
    rb"|\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\])(?::[0-9]{0,5})?\Z"
)
_ABSOLUTE_FORM = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#@]+)(?=[/?]|\Z)")
_REQUEST_ID_FORM = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")
_JSON_ACCEPTED = re.compile(rb"application/(?:problem\+)?json\b", re.IGNORECASE)


_kinds = Kinds(REQUEST_FIELDS)


class Refusal(Exception):
    """A request that is answered here and goes nowhere.

    Attributes:
        status: of the answer.
        reason: what is wrong, for a person.
        label: the same as one word, for a counter.
    """

    def __init__(self, status: int, label: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.label = label
        self.reason = reason


class RequestHead:
    """A request's head, judged and ready to send.

    Attributes:
        method: as sent.
        path: the target in origin form (or ``*``).
        domain: the host without its port, lower case.
        body: NO_BODY, BY_LENGTH or CHUNKED.
        length: bytes announced, 0 unless BY_LENGTH.
        keep_alive: the client wants to use its connection again.
        modern: the client speaks HTTP/1.1, so it understands chunks and interim answers.
        expects_continue: it waits for a 100 before it sends the body.
        hops: proxies that the request has passed.
        request_id: the client's own where it is well formed, else the one that was handed in.
        accepts_json: errors may be told in JSON.
        wire: the head to send on, complete to its empty line.
    """

    __slots__ = (
        "accepts_json",
        "body",
        "domain",
        "expects_continue",
        "hops",
        "keep_alive",
        "length",
        "method",
        "modern",
        "path",
        "request_id",
        "wire",
    )

    method: str
    path: str
    domain: str
    body: int
    length: int
    keep_alive: bool
    modern: bool
    expects_continue: bool
    hops: int
    request_id: str
    accepts_json: bool
    wire: bytes


class Peer:
    """What every request of one client connection is told about its way; made once a connection.

    Attributes:
        address: the peer's address; ``name`` the same in bytes.
        trusted: what it says in ``X-Forwarded-For``, ``-Proto`` and ``-Host`` is believed.
        scheme: ``http`` or ``https``.
        via, via_1_0: what names us, by the version in which the request came.
        way: the fields about the way of an HTTP/1.1 request whose own are not believed.
    """

    __slots__ = ("address", "name", "scheme", "trusted", "via", "via_1_0", "way")

    def __init__(self, address: str, node_name: str, scheme: str = "http", trusted: bool = False):
        self.address = address
        self.name = address.encode("ascii")
        self.scheme = scheme.encode("ascii")
        self.trusted = trusted
        self.via = f"1.1 {node_name}".encode("ascii")
        self.via_1_0 = f"1.0 {node_name}".encode("ascii")
        self.way = _way(self.via, self.name, self.scheme)


def _way(via: bytes, forwarded_for: bytes, proto: bytes) -> bytes:
    return b"Via: %b\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: %b" % (
        via,
        forwarded_for,
        proto,
    )


def read_request(
    method: bytes, target: bytes, version: str, fields: Fields, peer: Peer, request_id: bytes
) -> RequestHead:
    """Judge a request's head and write the one that goes on.

    Raises:
        Refusal: it is malformed, ambiguous, or asks for what a reverse proxy does not do.
    """
    if version != "1.1" and version != "1.0":
        raise Refusal(505, "version", "only HTTP/1.1 and HTTP/1.0 are spoken here")
    head = RequestHead()
    head.modern = modern = version == "1.1"
    head.method = method.decode("ascii")
    head.accepts_json = False
    head.expects_continue = False
    head.hops = 0
    head.length = 0
    if method in _NOT_SPOKEN:
        raise Refusal(501, "method", "a reverse proxy has no use for this method")
    host: bytes | None = None
    length: bytes | None = None
    coding: bytes | None = None
    forwarded_for = b""
    forwarded_host: bytes | None = None
    proto = peer.scheme
    upgrade = False
    said = 0
    removed: set[bytes] | None = None
    kinds = _kinds
    lines: list[bytes] = [b""]
    for field in fields:
        kind = kinds[field[0]]
        if not kind:
            lines.append(b": ".join(field))
            continue
        value = field[1]
        if kind == HOST:
            if host is not None:
                raise Refusal(400, "host", "more than one Host field")
            host = value.strip(b" \t")
        elif kind == CONNECTION:
            removed = removed or set()
            said = read_connection(value, said, removed)
        elif kind == ACCEPT:
            if _JSON_ACCEPTED.search(value):
                head.accepts_json = True
            lines.append(b": ".join(field))
        elif kind == LENGTH:
            if length is not None:
                raise Refusal(400, "length", "more than one Content-Length field")
            length = value.strip(b" \t")
        elif kind == CODING:
            if coding is not None:
                raise Refusal(400, "coding", "more than one Transfer-Encoding field")
            coding = value.strip(b" \t").lower()
        elif kind == VIA:
            head.hops += value.count(b",") + 1
            lines.append(b": ".join(field))
        elif kind == REQUEST_ID:
            value = value.strip(b" \t")
            if _REQUEST_ID_FORM.match(value):
                request_id = value
        elif kind == FORWARDED:
            value = value.strip(b" \t")
            if peer.trusted and value:
                forwarded_for += value + b", "
        elif kind == FORWARDED_HOST:
            value = value.strip(b" \t")
            if peer.trusted and _HOST_FORM.match(value):
                forwarded_host = value
        elif kind == FORWARDED_PROTO:
            value = value.strip(b" \t").lower()
            if peer.trusted and value in (b"http", b"https"):
                proto = value
        elif kind == UPGRADE:
            upgrade = True
        elif kind == EXPECT:
            if value.strip(b" \t").lower() != b"100-continue":
                raise Refusal(417, "expect", "only 100-continue can be expected")
            if modern and not head.expects_continue:
                head.expects_continue = True
                lines.append(b"Expect: 100-continue")
    if removed:
        lines = without(lines, removed)

    if coding is not None:
        if length is not None:
            raise Refusal(400, "framing", "both Content-Length and Transfer-Encoding")
        if not modern:
            raise Refusal(400, "coding", "Transfer-Encoding in HTTP/1.0")
        if coding != b"chunked":
            raise Refusal(501, "coding", "the only transfer coding understood is chunked")
        head.body = CHUNKED
        lines.append(b"Transfer-Encoding: chunked")
    elif length is not None:
        if not length.isdigit() or len(length) > LENGTH_DIGITS:
            raise Refusal(400, "length", "Content-Length is not a number")
        head.length = int(length)
        head.body = BY_LENGTH if head.length else NO_BODY
        lines.append(b"Content-Length: %d" % head.length)
    else:
        head.body = NO_BODY
    if upgrade and said & SAID_UPGRADE and head.body != NO_BODY:
        # httptools takes such a message for over at the end of its head, and its body for whatever
        # the new protocol is: here that would be the next request, in the sender's own words.
        raise Refusal(501, "upgrade", "a request with a body cannot ask for another protocol here")

    target, host = _read_target(method, target, host, modern)
    head.path = target.decode("ascii")
    head.domain = _domain(host)
    head.keep_alive = not ends(said, modern)
    head.request_id = request_id.decode("ascii")
    lines[0] = b"%b %b HTTP/1.1\r\nHost: %b" % (method, target, host)
    way = peer.way
    if peer.trusted or not modern:
        way = _way(peer.via if modern else peer.via_1_0, forwarded_for + peer.name, proto)
    lines.append(way)
    lines.append(
        b"X-Forwarded-Host: %b\r\nX-Request-ID: %b\r\n\r\n"
        % (host if forwarded_host is None else forwarded_host, request_id)
    )
    head.wire = b"\r\n".join(lines)
    return head


def _read_target(
    method: bytes, target: bytes, host: bytes | None, modern: bool
) -> tuple[bytes, bytes]:
    """The target in origin form, and the host it is for (RFC 9112 section 3.2)."""
    if host is None:
        if modern:
            raise Refusal(400, "host", "no Host field")
        host = b""
    elif host and not _is_host(host):
        raise Refusal(400, "host", "the Host field is not a host and port")
    if target.startswith(b"/"):
        if b"#" in target:
            raise Refusal(400, "target", "a fragment in the request target")
        return target, host
    if target == b"*":
        if method != b"OPTIONS":
            raise Refusal(400, "target", "the target * is for OPTIONS only")
        return target, host
    absolute = _ABSOLUTE_FORM.match(target)
    if absolute is None or b"#" in target or not _HOST_FORM.match(absolute[1]):
        raise Refusal(400, "target", "the request target is neither a path nor an http URL")
    # The target's own authority counts, whatever Host says (RFC 9112 section 3.2.2).
    rest = target[absolute.end() :]
    if not rest:
        rest = b"*" if method == b"OPTIONS" else b"/"
    elif rest.startswith(b"?"):
        rest = b"/" + rest
    return rest, absolute[1]


@lru_cache(maxsize=1024)
def _is_host(text: bytes) -> bool:
    return _HOST_FORM.match(text) is not None


@lru_cache(maxsize=1024)
def _domain(host: bytes) -> str:
    name = host.decode("ascii").lower()
    if name.endswith("]"):
        return name
    return name.rpartition(":")[0] if ":" in name else name
