"""Response heads: judge what an endpoint answered, and write what the client gets.

The counterpart of ``heads``, by the same rule: what could be read in two ways is not passed on.
Knows no connection: bytes in, bytes out.
"""

from __future__ import annotations

from load_balancer.forwarding.fields import (
    CODING,
    CONNECTION,
    DROP,
    LENGTH,
    LENGTH_DIGITS,
    REQUEST_FIELDS,
    SAID_KEEP_ALIVE,
    Fields,
    Kinds,
    ends,
    read_connection,
    without,
)
from load_balancer.forwarding.heads import BY_LENGTH, CHUNKED, NO_BODY, UNTIL_CLOSE, RequestHead

_DATE, _LOAD_REPORT = 21, 22
_RESPONSE_FIELDS = {
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"date": _DATE,
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
        load_report: the endpoint's ORCA report as sent, or b"".
        wire: the head to send on, complete to its empty line.
    """

    __slots__ = (
        "body",
        "chunk_out",
        "close_downstream",
        "close_upstream",
        "load_report",
        "status",
        "wire",
    )

    status: int
    body: int
    chunk_out: bool
    close_upstream: bool
    close_downstream: bool
    load_report: bytes
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
    modern = version == "1.1"
    if not modern and version != "1.0":
        raise BadUpstream(f"version {version}")
    head = ResponseHead()
    head.status = status
    head.load_report = b""
    head.chunk_out = False
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
    if removed:
        lines = without(lines, removed)

    if coding is not None and not modern:
        raise BadUpstream("Transfer-Encoding in HTTP/1.0")
    _frame_response(head, request, length, coding, lines)
    head.close_upstream = head.body == UNTIL_CLOSE or ends(said, modern)
    head.close_downstream = not keep_alive or (head.body >= CHUNKED and not head.chunk_out)
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
        if coding != b"chunked":
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
        lines.append(b"Content-Length: %d" % int(length))
    else:
        head.body = CHUNKED if coding is not None else UNTIL_CLOSE
        if request.modern:
            head.chunk_out = True
            lines.append(b"Transfer-Encoding: chunked")


def interim_response(status: int, reason: bytes, fields: Fields) -> bytes:
    """A 1xx head as it goes to the client (RFC 9110 section 15.2)."""
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
