"""A record as it usually is, for the tests of what becomes of it."""

from typing import cast

from metrics.access_record import COMPLETE, AccessRecord, Request

TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
USUAL = Request(
    started=100.0,
    ended=100.5,
    queue=0.0,
    connect=0.0,
    first_byte_at=100.25,
    termination=COMPLETE,
    status=200,
    bytes_in=7,
    bytes_out=1200,
    head_bytes=200,
    client="192.0.2.1",
    method="GET",
    target="/report/12?x=1",
    host="example.com",
    request_id="0123456789abcdef",
    traceparent=TRACEPARENT,
    attempts=1,
    endpoint="server1",
    strategy="round_robin",
    decided_at=100.0,
    propensity=1.0,
    agent=b"curl/8.5.0",
)


def plain(request: Request) -> AccessRecord:
    """As the data path makes it."""
    return cast(AccessRecord, tuple(request))
