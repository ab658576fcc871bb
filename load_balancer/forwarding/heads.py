"""Request heads: judge what came, and write the one clean form that goes on.

A head is never forwarded as it came; it is read into fields, checked, and written again. What can
be read in two ways is refused (RFC 9112 sections 3, 6 and 11): repairing it would only choose one
of the readings, and the next hop may choose the other. httptools has rejected much before a head
gets here (bad tokens, bare CR or LF, control characters, conflicting or repeated lengths); the rest
is here. Knows no connection and no endpoint: bytes in, bytes out.
"""

from __future__ import annotations

import re

Fields = list[tuple[bytes, bytes]]
"""Field lines in the order of arrival, names as sent."""

NO_BODY = 0
BY_LENGTH = 1
CHUNKED = 2
UNTIL_CLOSE = 3

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""RFC 9110 section 9.2.2: a second try has the effect of one."""

SAID_CLOSE = 1
SAID_KEEP_ALIVE = 2

# What becomes of a field; names that are not in the tables are forwarded as they are.
DROP, LENGTH, CODING, CONNECTION = range(1, 5)
_HOST, _EXPECT, _VIA, _REQUEST_ID, _ACCEPT, _FORWARDED = range(5, 11)
REQUEST_FIELDS = {
    b"host": _HOST,
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"expect": _EXPECT,
    b"via": _VIA,
    b"x-request-id": _REQUEST_ID,
    b"accept": _ACCEPT,
    b"x-forwarded-for": _FORWARDED,
    b"x-forwarded-host": DROP,
    b"x-forwarded-proto": DROP,
    b"x-forwarded-port": DROP,
    b"forwarded": DROP,
    # Hop by hop (RFC 9110 section 7.6.1).
    b"keep-alive": DROP,
    b"proxy-connection": DROP,
    b"te": DROP,
    b"upgrade": DROP,
    b"http2-settings": DROP,
    # Spoken between configured nodes only.
    b"q": DROP,
    b"qreward": DROP,
}
# Fields that a Connection field cannot have removed: without them the message means something else.
_KEPT = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"date", b"cache-control", b"via"}
)
_PLAIN_TOKENS = frozenset({b"close", b"keep-alive", b"upgrade", b"te", b"http2-settings"})

# RFC 3986 section 3.2.2 without userinfo: a name, an IPv4 or a bracketed IPv6 address, then a port.
_HOST_FORM = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\])(?::[0-9]{0,5})?\Z"
)
_ABSOLUTE_FORM = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#@]+)(?=[/?]|\Z)")
_REQUEST_ID_FORM = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")
_JSON_ACCEPTED = re.compile(rb"application/(?:problem\+)?json\b", re.IGNORECASE)


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
        address: the peer's address.
        trusted: its ``X-Forwarded-For`` is continued rather than replaced.
        scheme: ``http`` or ``https``.
        via: the field lines that name us and the scheme.
    """

    __slots__ = ("address", "scheme", "trusted", "via")

    def __init__(self, address: str, node_name: str, scheme: str = "http", trusted: bool = False):
        self.address = address
        self.scheme = scheme
        self.trusted = trusted
        self.via = f"Via: 1.1 {node_name}\r\nX-Forwarded-Proto: {scheme}\r\n".encode("ascii")


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
    if method == b"CONNECT":
        raise Refusal(405, "method", "CONNECT is for forward proxies; this is a reverse proxy")
    host: bytes | None = None
    length: bytes | None = None
    coding: bytes | None = None
    forwarded_for = b""
    said = 0
    removed: set[bytes] = set()
    lines: list[bytes] = [b""]
    names: list[bytes] = [b""]
    for name, value in fields:
        lower = name.lower()
        kind = REQUEST_FIELDS.get(lower)
        if kind is None:
            lines.append(b"%b: %b\r\n" % (name, value))
            names.append(lower)
        elif kind == _HOST:
            if host is not None:
                raise Refusal(400, "host", "more than one Host field")
            host = value.strip(b" \t")
        elif kind == CONNECTION:
            said = read_connection(value, said, removed)
        elif kind == _ACCEPT:
            head.accepts_json = _JSON_ACCEPTED.search(value) is not None
            lines.append(b"%b: %b\r\n" % (name, value))
            names.append(lower)
        elif kind == LENGTH:
            if length is not None:
                raise Refusal(400, "length", "more than one Content-Length field")
            length = value.strip(b" \t")
        elif kind == CODING:
            if coding is not None:
                raise Refusal(400, "coding", "more than one Transfer-Encoding field")
            coding = value.strip(b" \t").lower()
        elif kind == _VIA:
            head.hops += value.count(b",") + 1
            lines.append(b"%b: %b\r\n" % (name, value))
            names.append(lower)
        elif kind == _REQUEST_ID:
            value = value.strip(b" \t")
            if _REQUEST_ID_FORM.match(value):
                request_id = value
        elif kind == _FORWARDED:
            if peer.trusted:
                forwarded_for += value.strip(b" \t") + b", "
        elif kind == _EXPECT:
            if value.strip(b" \t").lower() != b"100-continue":
                raise Refusal(417, "expect", "only 100-continue can be expected")
            head.expects_continue = modern
            if modern:
                lines.append(b"Expect: 100-continue\r\n")
                names.append(lower)
    if removed:
        lines = [line for line, name in zip(lines, names, strict=True) if name not in removed]

    if coding is not None:
        if length is not None:
            raise Refusal(400, "framing", "both Content-Length and Transfer-Encoding")
        if not modern:
            raise Refusal(400, "coding", "Transfer-Encoding in HTTP/1.0")
        if coding != b"chunked":
            raise Refusal(501, "coding", "the only transfer coding understood is chunked")
        head.body = CHUNKED
        lines.append(b"Transfer-Encoding: chunked\r\n")
    elif length is not None:
        if not length.isdigit():
            raise Refusal(400, "length", "Content-Length is not a number")
        head.length = int(length)
        head.body = BY_LENGTH if head.length else NO_BODY
        lines.append(b"Content-Length: %d\r\n" % head.length)
    else:
        head.body = NO_BODY

    target, host = _read_target(method, target, host, modern)
    head.path = target.decode("ascii")
    head.domain = _domain(host)
    head.keep_alive = not ends(said, modern)
    head.request_id = request_id.decode("ascii")
    lines[0] = b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (method, target, host)
    lines.append(
        b"%bX-Forwarded-For: %b%b\r\nX-Forwarded-Host: %b\r\nX-Request-ID: %b\r\n\r\n"
        % (peer.via, forwarded_for, peer.address.encode("ascii"), host, request_id)
    )
    head.wire = b"".join(lines)
    return head


def read_connection(value: bytes, said: int, removed: set[bytes]) -> int:
    """What one Connection field says, on top of what earlier ones ``said``.

    Returns:
        SAID_CLOSE and SAID_KEEP_ALIVE, or-ed. Names of fields that are for this hop only are put
        into ``removed``.
    """
    for token in value.lower().split(b","):
        token = token.strip(b" \t")
        if token == b"close":
            said |= SAID_CLOSE
        elif token == b"keep-alive":
            said |= SAID_KEEP_ALIVE
        elif token and token not in _PLAIN_TOKENS and token not in _KEPT:
            removed.add(token)
    return said


def ends(said: int, modern: bool) -> bool:
    """Whether the connection ends after this message (RFC 9112 section 9.3)."""
    if said & SAID_CLOSE:
        return True
    return not modern and not said & SAID_KEEP_ALIVE


def _read_target(
    method: bytes, target: bytes, host: bytes | None, modern: bool
) -> tuple[bytes, bytes]:
    """The target in origin form, and the host it is for (RFC 9112 section 3.2)."""
    if host is None:
        if modern:
            raise Refusal(400, "host", "no Host field")
        host = b""
    elif not _HOST_FORM.match(host):
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


def _domain(host: bytes) -> str:
    name = host.decode("ascii").lower()
    if name.endswith("]"):
        return name
    return name.rpartition(":")[0] if ":" in name else name
