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
    AGENT,
    CODING,
    CONNECTION,
    EXPECT,
    HOST,
    HOST_FORM,
    LENGTH,
    LENGTH_DIGITS,
    MAX_FORWARDS,
    REFERER,
    REQUEST_FIELDS,
    REQUEST_ID,
    SAID_UPGRADE,
    TIMING,
    TRACE_FIELDS,
    TRACEPARENT,
    TRACESTATE,
    UPGRADE,
    VIA,
    Fields,
    Kinds,
    ends,
    read_connection,
    without,
)
from load_balancer.forwarding.forwarded import count_via
from load_balancer.forwarding.peer import Peer
from load_balancer.forwarding.way import CLAIMS, Claims, asked_for, tell

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

_COUNTED = frozenset({b"OPTIONS", b"TRACE"})
"""Methods whose Max-Forwards counts."""

_FORWARDS_DIGITS = 9

_ABSOLUTE_FORM = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#@]+)(?=[/?]|\Z)")
_REQUEST_ID_FORM = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")
_PROTOCOL_FORM = re.compile(rb"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)?\Z")
_JSON_ACCEPTED = re.compile(rb"application/(?:problem\+)?json\b", re.IGNORECASE)


_kinds = Kinds(REQUEST_FIELDS)
_traced_kinds = Kinds(REQUEST_FIELDS | TRACE_FIELDS)


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
        plain: the response goes down as it is: modern, kept alive, and not without its body.
        repeatable: a second sending has the effect of one, and there is no body to send again.
        expects_continue: it waits for a 100 before it sends the body.
        hops: proxies that the request has passed; ``own_hops`` those that bear our name.
        last: it may not go on (Max-Forwards).
        client: the address of who asked, as far as it is known.
        upgrade: the protocols that it may switch to, or b"".
        scheme, authority: that the client asked for, as far as who is trusted says; lower case.
        fields: as they came, for the cache; empty without one.
        agent, referer: the fields User-Agent and Referer, for the log.
        traceparent: the field, b"" if there were several, None without; not in ``wire``.
        tracestate: the fields, likewise.
        wants_timing: it asks how long the parts of the answer took.
        request_id: the client's own where it is well formed, else the one that was handed in.
        affinity_key: what its field or cookie for stickiness says; None where none is asked for.
        accepts_json: errors may be told in JSON.
        wire: the head to send on, complete to its empty line.
    """

    __slots__ = (
        "accepts_json",
        "affinity_key",
        "agent",
        "authority",
        "body",
        "client",
        "domain",
        "expects_continue",
        "fields",
        "hops",
        "keep_alive",
        "last",
        "length",
        "method",
        "modern",
        "own_hops",
        "path",
        "plain",
        "referer",
        "repeatable",
        "request_id",
        "scheme",
        "traceparent",
        "tracestate",
        "upgrade",
        "wants_timing",
        "wire",
    )

    method: str
    path: str
    domain: str
    body: int
    length: int
    keep_alive: bool
    modern: bool
    plain: bool
    repeatable: bool
    expects_continue: bool
    hops: int
    own_hops: int
    last: bool
    client: str
    request_id: str
    upgrade: bytes
    scheme: str
    authority: str
    fields: Fields
    agent: bytes | None
    referer: bytes | None
    traceparent: bytes | None
    tracestate: tuple[bytes, ...]
    wants_timing: bool
    affinity_key: str | None
    accepts_json: bool
    wire: bytes


def read_request(
    method: bytes, target: bytes, version: str, fields: Fields, peer: Peer, request_id: bytes
) -> RequestHead:
    """Judge a request's head and write the one that goes on.

    Raises:
        Refusal: it is malformed, ambiguous, or asks for what a reverse proxy does not do.
    """
    if version == "0.9":
        raise Refusal(400, "version", "a request line without a version")
    if version != "1.1" and version != "1.0":
        raise Refusal(505, "version", "only HTTP/1.1 and HTTP/1.0 are spoken here")
    head = RequestHead()
    head.modern = modern = version == "1.1"
    head.method = method.decode("ascii")
    head.accepts_json = False
    head.affinity_key = None
    head.expects_continue = False
    head.hops = head.own_hops = 0
    head.last = False
    head.agent = head.referer = head.traceparent = None
    head.tracestate = ()
    head.wants_timing = False
    head.length = 0
    if method in _NOT_SPOKEN:
        raise Refusal(501, "method", "a reverse proxy has no use for this method")
    host: bytes | None = None
    length: bytes | None = None
    coding: bytes | None = None
    forwards: bytes | None = None
    claims: Claims | None = None
    upgrade: bytes | None = None
    said = 0
    removed: set[bytes] | None = None
    kinds = _traced_kinds if peer.traced else _kinds
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
            hops, own_hops = count_via(value, peer.own)
            head.hops += hops
            head.own_hops += own_hops
            lines.append(b": ".join(field))
        elif kind == REQUEST_ID:
            value = value.strip(b" \t")
            if _REQUEST_ID_FORM.match(value):
                request_id = value
        elif kind in CLAIMS:
            if peer.trusted:
                claims = claims or []
                claims.append((kind, value.strip(b" \t")))
        elif kind == MAX_FORWARDS:
            if method in _COUNTED:
                forwards = _forwards(value, forwards)
                head.last = forwards == b""
                value = forwards
            lines.append(b"%b: %b" % (field[0], value))
        elif kind == UPGRADE:
            upgrade = value if upgrade is None else upgrade + b"," + value
        elif kind == AGENT:
            head.agent = value
            lines.append(b": ".join(field))
        elif kind == REFERER:
            head.referer = value
            lines.append(b": ".join(field))
        elif kind == TRACEPARENT:
            head.traceparent = value.strip(b" \t") if head.traceparent is None else b""
        elif kind == TRACESTATE:
            head.tracestate += (value,)
        elif kind == TIMING:
            head.wants_timing = value.strip(b" \t") == b"1"
            lines.append(b": ".join(field))
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
    head.upgrade = b""
    if upgrade is None or not said & SAID_UPGRADE:
        pass
    elif head.body == NO_BODY:
        if modern and method == b"GET":
            head.upgrade = _allowed_protocols(upgrade, peer.upgrades)
            if head.upgrade:
                lines.append(b"Connection: Upgrade\r\nUpgrade: " + head.upgrade)
    else:
        # httptools takes such a message for over at the end of its head, and its body for whatever
        # the new protocol is: here that would be the next request, in the sender's own words.
        raise Refusal(501, "upgrade", "a request with a body cannot ask for another protocol here")

    target, host = _read_target(method, target, host, modern)
    head.path = target.decode("ascii")
    head.domain = _domain(host)
    head.fields = []
    if peer.only_host and head.domain != peer.only_host:
        raise Refusal(421, "misdirected", "the host is not the one that was asked for in TLS")
    head.keep_alive = not ends(said, modern)
    head.plain = modern and head.keep_alive and method != b"HEAD"
    head.repeatable = head.body == NO_BODY and head.method in IDEMPOTENT
    head.request_id = request_id.decode("ascii")
    lines[0] = b"%b %b HTTP/1.1\r\nHost: %b" % (method, target, host)
    if modern and peer.plain:
        head.client = peer.address
        head.scheme, head.authority = peer.scheme_text, host.decode("ascii").lower()
        lines.append(b"%b%b\r\nX-Request-ID: %b\r\n\r\n" % (peer.way, host, request_id))
    else:
        way, believed = tell(peer, claims, host, modern)
        head.client = believed.client
        head.scheme, head.authority = asked_for(believed, peer, host)
        lines.append(b"%b\r\nX-Request-ID: %b\r\n\r\n" % (way, request_id))
    head.wire = b"\r\n".join(lines)
    return head


def _allowed_protocols(value: bytes, allowed: frozenset[bytes]) -> bytes:
    """Those of an Upgrade field's protocols that the client may be given (RFC 9110 section 7.8)."""
    wanted = [each.strip(b" \t") for each in value.split(b",")]
    return b", ".join(
        each
        for each in wanted
        if each.partition(b"/")[0].lower() in allowed and _PROTOCOL_FORM.match(each)
    )


def _forwards(value: bytes, before: bytes | None) -> bytes:
    """What Max-Forwards says when the request goes on, b"" if it must not (RFC 9110 section
    7.6.2)."""
    value = value.strip(b" \t")
    if before is not None or not value.isdigit():
        raise Refusal(400, "max_forwards", "Max-Forwards is not one number")
    digits = value.lstrip(b"0")
    if len(digits) > _FORWARDS_DIGITS:
        return b"9" * _FORWARDS_DIGITS
    return b"%d" % (int(digits) - 1) if digits else b""


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
    if absolute is None or b"#" in target or not HOST_FORM.match(absolute[1]):
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
    return HOST_FORM.match(text) is not None


@lru_cache(maxsize=1024)
def _domain(host: bytes) -> str:
    name = host.decode("ascii").lower()
    if name.endswith("]"):
        return name
    return name.rpartition(":")[0] if ":" in name else name
