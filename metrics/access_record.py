"""What there is to say of one client request when it is over, and the words for how it ended."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

# How a request ended: who ended it, and in which phase. docs/observability.md explains each.
COMPLETE: Final = "complete"
LOCAL: Final = "local"
CACHED: Final = "cached"
TUNNEL: Final = "tunnel"
REFUSED: Final = "refused"
LIMITED: Final = "limited"
CLIENT_HEAD: Final = "client_head"
CLIENT_BODY: Final = "client_body"
CLIENT_WAIT: Final = "client_wait"
CLIENT_READ: Final = "client_read"
NO_ENDPOINT: Final = "no_endpoint"
QUEUE: Final = "queue"
CONNECT: Final = "connect"
ENDPOINT_WAIT: Final = "endpoint_wait"
ENDPOINT_BODY: Final = "endpoint_body"
DRAIN: Final = "drain"
INTERNAL: Final = "internal"
TERMINATIONS: Final = (
    COMPLETE, LOCAL, CACHED, TUNNEL, REFUSED, LIMITED, CLIENT_HEAD, CLIENT_BODY, CLIENT_WAIT,
    CLIENT_READ, NO_ENDPOINT, QUEUE, CONNECT, ENDPOINT_WAIT, ENDPOINT_BODY, DRAIN, INTERNAL,
)  # fmt: skip

CUT: Final = frozenset({ENDPOINT_BODY, DRAIN, INTERNAL})
"""The client did not get the whole of an answer that was promised by a good status."""

NOT_REACHED: Final = -1.0
"""The value of a moment or duration in a request that ended before it."""

FailedTry: TypeAlias = tuple[str, float, float, str, bytes]
"""A try before the last one: endpoint, when it was decided, when it failed, the error's label, the
``traceparent`` that it was sent with (b"" without one)."""

AccessRecord: TypeAlias = tuple[
    float, float, float, float, float, str, str | None, int, int, int, int,
    str, bytes | None, str, str, str, bool, str, str, bytes | None, bytes | None,
    int, str | None, str | None, float, bool, float, tuple[FailedTry, ...],
    str | None, bytes | None, bytes | None,
]  # fmt: skip
"""One client request, as the data path makes it: a plain tuple of a ``Request``'s fields in their
order, which costs a third of an object."""


class Request(NamedTuple):
    """One client request. Moments are monotonic seconds, durations seconds; those that were not
    reached are NOT_REACHED.

    Attributes:
        started: its turn on its connection had come and its head was whole.
        ended: its last byte was handed to the client's transport, or it was given up.
        queue: how long it waited for a place at its endpoints, in all; 0.0 if it never did.
        connect: how long the last try's connection took to open; 0.0 for a kept one.
        first_byte_at: the head of the final answer was there.
        termination: one of TERMINATIONS.
        reason: the label of the refusal or error behind it.
        status: sent to the client; 0 if none was.
        bytes_in: of the request's body, without framing.
        bytes_out: of the answer as written, heads and framing included.
        head_bytes: how many of those were heads.
        client: the peer's address.
        forwarded_for: what a believed peer says of the client.
        method: "" if it was not understood.
        target: as forwarded; of a refused request as it came (Latin-1).
        host: without its port.
        modern: HTTP/1.1, else HTTP/1.0.
        tls: its version, "" without.
        traceparent: as sent to the last endpoint.
        parent: the client's own ``traceparent`` if it was valid.
        attempts: tries, the last included; 0 if none was made.
        endpoint, strategy: of the last try, and who decided it, at ``decided_at``.
        explored, propensity: of that decision; 0.0 if none was made.
        tries: those before the last one.
        cache: what it did with the request, None where there is none.
        agent, referer: the fields User-Agent and Referer.
    """

    started: float
    ended: float
    queue: float = NOT_REACHED
    connect: float = NOT_REACHED
    first_byte_at: float = NOT_REACHED
    termination: str = COMPLETE
    reason: str | None = None
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    head_bytes: int = 0
    client: str = ""
    forwarded_for: bytes | None = None
    method: str = ""
    target: str = ""
    host: str = ""
    modern: bool = True
    tls: str = ""
    request_id: str = ""
    traceparent: bytes | None = None
    parent: bytes | None = None
    attempts: int = 0
    endpoint: str | None = None
    strategy: str | None = None
    decided_at: float = NOT_REACHED
    explored: bool = False
    propensity: float = 0.0
    tries: tuple[FailedTry, ...] = ()
    cache: str | None = None
    agent: bytes | None = None
    referer: bytes | None = None
