"""Answers that the balancer gives itself: errors and its own small pages. Bytes only."""

from __future__ import annotations

import json
from http import HTTPStatus


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def answer(
    status: int,
    content_type: str,
    body: bytes,
    date: bytes,
    *,
    close: bool,
    modern: bool = True,
    head_only: bool = False,
    extra: bytes = b"",
) -> bytes:
    """A complete response.

    Args:
        date: the Date field's value.
        close: announce that the connection ends here.
        modern: the client speaks HTTP/1.1; an older one must be told that the connection stays.
        head_only: the request was HEAD.
        extra: further complete field lines.
    """
    connection = b"Connection: close\r\n" if close else b""
    if not close and not modern:
        connection = b"Connection: keep-alive\r\n"
    head = b"HTTP/1.1 %d %b\r\nDate: %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b%b\r\n" % (
        status,
        _phrase(status).encode("ascii"),
        date,
        content_type.encode("ascii"),
        len(body),
        extra,
        connection,
    )
    return head if head_only else head + body


def problem(
    status: int,
    detail: str,
    request_id: str,
    date: bytes,
    *,
    close: bool,
    accepts_json: bool = False,
    modern: bool = True,
    head_only: bool = False,
    retry_after: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """An error as a response: RFC 9457 for who accepts JSON, one readable line for all others.

    Args:
        retry_after: seconds for a Retry-After field.
        extra: further complete field lines.
    """
    extra += b"X-Request-ID: %b\r\n" % request_id.encode("ascii")
    if retry_after is not None:
        extra += b"Retry-After: %d\r\n" % retry_after
    if accepts_json:
        content_type = "application/problem+json"
        text = json.dumps(
            {
                "type": "about:blank",
                "title": _phrase(status),
                "status": status,
                "detail": detail,
                "request_id": request_id,
            }
        )
    else:
        content_type = "text/plain; charset=utf-8"
        text = f"{status} {_phrase(status)}: {detail} (request {request_id})"
    return answer(
        status,
        content_type,
        text.encode() + b"\n",
        date,
        close=close,
        modern=modern,
        head_only=head_only,
        extra=extra,
    )
