"""What a connection remembers of its last exchange, so that the same bytes are not judged twice.

A client that keeps its connection mostly sends the same head again, byte for byte, and a server
answers with the same head within one second of its Date. Judging is a pure function of these bytes
(and of the peer, which a connection does not change), so equal bytes have an equal outcome. Only
whole messages are remembered that came in one segment, from the start of a message to its end: then
a repetition can pass the parser by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from load_balancer.caching.vocabulary import CacheRequest
from load_balancer.forwarding.heads import RequestHead
from load_balancer.forwarding.responses import ResponseHead
from rl.vocabulary import RequestContext

if TYPE_CHECKING:
    from load_balancer.forwarding.exchange import Exchange

LARGEST_HEAD_BYTES = 4096
"""What a connection holds of its last head; longer ones are judged each time."""

PATIENCE = 4
"""So many messages in a row that were other than remembered, and only now and then one is."""

NOW_AND_THEN = 32

FORGET_SECONDS = 2.0
"""A connection that has been idle for so long holds nothing."""


def worth_remembering(misses: int) -> bool:
    """Whether the next message may be the same, after so many that were not."""
    return misses < PATIENCE or not misses % NOW_AND_THEN


class RepeatedRequest:
    """A request without a body, as it came.

    Attributes:
        data: all its bytes.
        head, context: what came of them.
        start: the head to send on, up to the value of its last field, which is X-Request-ID.
        own_id: the client named the request itself.
        cacheable: as the cache sees it, where there is one.
    """

    __slots__ = ("cacheable", "context", "data", "head", "own_id", "start")

    def __init__(
        self,
        data: bytes,
        head: RequestHead,
        context: RequestContext,
        own_id: bool,
        cacheable: CacheRequest | None = None,
    ) -> None:
        self.data = data
        self.head = head
        self.context = context
        self.own_id = own_id
        self.cacheable = cacheable
        self.start = head.wire[: -len(head.request_id) - 4]


def remembered(data: bytes, exchange: Exchange) -> RepeatedRequest | None:
    """A request that was sent on or answered from the cache; None if it was neither."""
    head, context, live = exchange.head, exchange.context, exchange.client.listener.cache
    if head is None or context is None:
        return None
    own_id = head.request_id.encode("ascii") in data
    cacheable = None if live is None or head.upgrade else live.request(head)
    return RepeatedRequest(data, head, context, own_id, cacheable)


class RepeatedResponse:
    """A response whose body has a length, as it came.

    Attributes:
        raw: the bytes of its head.
        size: bytes of head and body.
        head: what came of them.
    """

    __slots__ = ("head", "raw", "size")

    def __init__(self, raw: bytes, size: int, head: ResponseHead) -> None:
        self.raw = raw
        self.size = size
        self.head = head
