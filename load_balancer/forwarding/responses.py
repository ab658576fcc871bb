"""Response heads: judge what an endpoint answered, and write what the client gets.

The counterpart of ``heads``, by the same rule: what could be read in two ways is not passed on.
Knows no connection: bytes in, bytes out.
"""

from __future__ import annotations

import re

from load_balancer.forwarding.fields import (
    CODING,
    CONNECTION,
    DROP,
    LENGTH,
    LENGTH_DIGITS,
    REQUEST_FIELDS,
    SAID_KEEP_ALIVE,
    SAID_UPGRADE,
    Fields,
    Kinds,
    ends,
    read_connection,
    without,
)
from load_balancer.forwarding.heads import BY_LENGTH, CHUNKED, NO_BODY, UNTIL_CLOSE, RequestHead

_DATE, _LOAD_REPORT, _RETRY_AFTER = 21, 22, 23
_RESPONSE_FIELDS = {
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"date": _DATE,
    b"retry-after": _RETRY_AFTER,
    b"keep-alive": DROP,
    b"proxy-connection": CONNECTION,
    b"te": DROP,
    b"upgrade": DROP,
    b"q": DROP,
    b"qreward": DROP,
    # ORCA's names, the older split ones included: for the balancer, not for its clients.
    b"endpoint-load-metrics": _LOAD_REPORT,
    b"endpoint-load-metrics-bin": DROP,
    b"endpoint-load-metrics-json": DROP,
}
# Fields that must not arrive behind a body, where nobody expects them (RFC 9110 section 6.5.1).
_NOT_IN_TRAILERS = (
    frozenset(REQUEST_FIELDS)
    | frozenset(_RESPONSE_FIELDS)
    | {
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-range",
        b"content-type",
        b"cookie",
        b"max-forwards",
        b"set-cookie",
        b"trailer",
    }
)


_kinds = Kinds(_RESPONSE_FIELDS)
# Those that a body would have to be decoded from (RFC 9112 section 7), and what could be meant so.
_CODINGS = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress", b"identity"})
_UNKNOWN_CODING = re.compile(rb"(?!.*chunk)[!#$%&'*+.^_`|~0-9a-z-]+\Z")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class BadUpstream(Exception):
    """A response that cannot be passed on without guessing what it means."""


class ResponseHead:
    """A response's head, judged and ready to send to the client.

    Attributes:
        status: as the endpoint sent it.
        body: how the endpoint delimits its body: NO_BODY, BY_LENGTH, CHUNKED or UNTIL_CLOSE.
        chunk_out: the body goes to the client in chunks.
        close_upstream: the endpoint's connection cannot be used again.
        close_downstream: the client's connection ends with this response.
        dated: its Date field is the endpoint's, not ours.
        length: bytes of the body, where BY_LENGTH.
        retry_after: the value of its Retry-After field, or b"".
        load_report: the endpoint's ORCA report as sent, or b"".
        wire: the head to send on, complete to its empty line.
    """

    __slots__ = (
        "body",
        "chunk_out",
        "close_downstream",
        "close_upstream",
        "dated",
        "length",
        "load_report",
        "retry_after",
        "status",
        "wire",
    )

    status: int
    body: int
    chunk_out: bool
    close_upstream: bool
    close_downstream: bool
    dated: bool
    length: int
    load_report: bytes
    retry_after: bytes
    wire: bytes


def read_response(
    status: int,
    reason: bytes,
    version: str,
    fields: Fields,
    request: RequestHead,
    node_name: bytes,
    date: bytes,
    keep_alive: bool,
) -> ResponseHead:
    """Judge a final response's head and write the one that goes to the client.

    Args:
        date: the current date, for a response without one (RFC 9110 section 6.6.1).
        keep_alive: we could go on using the client's connection.

    Raises:
        BadUpstream: its framing cannot be trusted.
    """
    if not 200 <= status <= 999:
        raise BadUpstream(f"status {status}")
    check_reason(reason)
    modern = version == "1.1"
    if not modern and version != "1.0":
        raise BadUpstream(f"version {version}")
    head = ResponseHead()
    head.status = status
    head.load_report = head.retry_after = b""
    head.chunk_out = False
    head.length = 0
    length: bytes | None = None
    coding: bytes | None = None
    dated = False
    said = 0
    removed: set[bytes] | None = None
    kinds = _kinds
    lines: list[bytes] = [b"HTTP/1.1 %d %b" % (status, reason)]
    for field in fields:
        kind = kinds[field[0]]
        if not kind:
            lines.append(b": ".join(field))
            continue
        value = field[1]
        if kind == LENGTH:
            if length is not None:
                raise BadUpstream("more than one Content-Length field")
            length = value.strip(b" \t")
        elif kind == _DATE:
            dated = True
            lines.append(b": ".join(field))
        elif kind == CONNECTION:
            if value == b"keep-alive":
                said |= SAID_KEEP_ALIVE
            else:
                removed = removed or set()
                said = read_connection(value, said, removed)
        elif kind == CODING:
            if coding is not None:
                raise BadUpstream("more than one Transfer-Encoding field")
            coding = value.strip(b" \t").lower()
        elif kind == _LOAD_REPORT:
            head.load_report = value
        elif kind == _RETRY_AFTER:
            head.retry_after = value
            lines.append(b": ".join(field))
    if removed:
        lines = without(lines, removed)

    if coding is not None and not modern:
        raise BadUpstream("Transfer-Encoding in HTTP/1.0")
    _frame_response(head, request, length, coding, lines)
    head.close_upstream = head.body == UNTIL_CLOSE or ends(said, modern)
    head.close_downstream = not keep_alive or (head.body >= CHUNKED and not head.chunk_out)
    head.dated = dated
    if not dated:
        lines.append(b"Date: " + date)
    lines.append((b"Via: 1.1 " if modern else b"Via: 1.0 ") + node_name)
    if head.close_downstream:
        lines.append(b"Connection: close\r\n\r\n")
    elif not request.modern:
        lines.append(b"Connection: keep-alive\r\n\r\n")
    else:
        lines.append(b"\r\n")
    head.wire = b"\r\n".join(lines)
    return head


def refused_response(
    status: int, reason: bytes, version: str, fields: Fields, request: RequestHead
) -> str:
    """Why a final response's head cannot be passed on, or ""; for who must know beforehand."""
    try:
        read_response(status, reason, version, fields, request, b"", b"", keep_alive=True)
    except BadUpstream as error:
        return str(error)
    return ""


def _frame_response(
    head: ResponseHead,
    request: RequestHead,
    length: bytes | None,
    coding: bytes | None,
    lines: list[bytes],
) -> None:
    """How the body ends, coming and going (RFC 9112 section 6.3)."""
    if coding is not None:
        if length is not None:
            raise BadUpstream("both Content-Length and Transfer-Encoding")
        if coding != b"chunked" and (coding in _CODINGS or not _UNKNOWN_CODING.match(coding)):
            raise BadUpstream("a transfer coding other than chunked")
    if length is not None and (not length.isdigit() or len(length) > LENGTH_DIGITS):
        raise BadUpstream("Content-Length is not a number")
    status = head.status
    if status == 204 or status == 304 or request.method == "HEAD":
        head.body = NO_BODY
        # On HEAD and 304 the length is the one that GET would have (RFC 9110 section 8.6).
        if length is not None and status != 204:
            lines.append(b"Content-Length: %d" % int(length))
    elif length is not None:
        head.body = BY_LENGTH
        head.length = int(length)
        lines.append(b"Content-Length: %d" % head.length)
    else:
        # After a coding that nobody knows, as without one, the connection's end is the body's (RFC
        # 9112 section 6.3); it is for that hop only.
        head.body = CHUNKED if coding == b"chunked" else UNTIL_CLOSE
        if request.modern:
            head.chunk_out = True
            lines.append(b"Transfer-Encoding: chunked")


def switching_response(reason: bytes, fields: Fields, wanted: bytes, node_name: bytes) -> bytes:
    """A 101 head as it goes to the client.

    Raises:
        BadUpstream: it switches to what the client did not ask for (RFC 9110 section 7.8).
    """
    check_reason(reason)
    said = 0
    protocols: list[bytes] = []
    removed: set[bytes] = set()
    lines = [b"HTTP/1.1 101 %b" % reason]
    for name, value in fields:
        kind = _kinds[name]
        if name.lower() == b"upgrade":
            protocols.append(value.strip(b" \t"))
        elif kind == CONNECTION:
            said = read_connection(value, said, removed)
        elif kind == CODING or (kind == LENGTH and value.strip(b" \t") != b"0"):
            raise BadUpstream("switched protocols with a body")
        elif not kind or kind == _DATE:
            lines.append(b": ".join((name, value)))
    offered = [each.strip().lower() for each in wanted.split(b",")]
    if len(protocols) != 1 or not said & SAID_UPGRADE or protocols[0].lower() not in offered:
        raise BadUpstream("switched to another protocol than was asked for")
    if removed:
        lines = without(lines, removed)
    lines.append(b"Connection: Upgrade\r\nUpgrade: " + protocols[0])
    lines.append(b"Via: 1.1 %b\r\n\r\n" % node_name)
    return b"\r\n".join(lines)


def check_reason(reason: bytes) -> None:
    """Refuse a reason phrase with control characters (RFC 9112 section 4).

    Raises:
        BadUpstream: it has some, which httptools lets pass.
    """
    if _CONTROL.search(reason) is not None:
        raise BadUpstream("a control character in the reason phrase")


def interim_response(status: int, reason: bytes, fields: Fields) -> bytes:
    """A 1xx head as it goes to the client (RFC 9110 section 15.2).

    Raises:
        BadUpstream: it is malformed.
    """
    check_reason(reason)
    removed: set[bytes] = set()
    for name, value in fields:
        if _RESPONSE_FIELDS.get(name.lower()) == CONNECTION:
            read_connection(value, 0, removed)
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, reason)]
    for name, value in fields:
        lower = name.lower()
        if lower not in _RESPONSE_FIELDS and lower not in removed:
            lines.append(b"%b: %b\r\n" % (name, value))
    lines.append(b"\r\n")
    return b"".join(lines)


def chunk(data: bytes) -> bytes:
    """Bytes of a body as one chunk; not for none, which would be the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Fields) -> bytes:
    """The end of a chunked body, with those trailers that may be there."""
    if not trailers:
        return b"0\r\n\r\n"
    lines = [
        b"%b: %b\r\n" % (name, value)
        for name, value in trailers
        if name.lower() not in _NOT_IN_TRAILERS
    ]
    return b"0\r\n%b\r\n" % b"".join(lines)
