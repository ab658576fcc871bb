"""The words of the cache: what is asked of it, what it holds, what it says.

Every time is wall-clock time in Unix seconds, because Date, Expires and Age are. Field names are as
sent wherever fields are kept in order; names to look for are lower case.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from load_balancer.caching.directives import NOTHING_SAID, Directives, read_request_directives
from load_balancer.forwarding.fields import Fields

FieldLine = tuple[bytes, bytes]

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing at the origin (RFC 9110 section 9.2.1); unknown ones may."""

_JUDGED = frozenset(
    {
        b"cache-control",
        b"pragma",
        b"authorization",
        b"range",
        b"if-range",
        b"if-match",
        b"if-none-match",
        b"if-modified-since",
        b"if-unmodified-since",
    }
)
_SAYINGS = frozenset({b"cache-control", b"pragma"})


class CacheRequest:
    """A request as the cache sees it; unchanged once made, so that it may be used again.

    Attributes:
        method: as sent.
        key: of what GET would get: scheme, authority and target.
        fields: the request's field lines.
        sent: its head as it goes on, by which answers vary: without what was for one hop only, and
            with what is told of its way. b"" where that is ``fields``.
        directives: what its Cache-Control (or Pragma) asks for.
        judged: the fields that a cache looks at whatever is stored, by lower-case name, several
            lines of one joined by commas.
        plain: a GET with none of them.
        ordinary: it asks for nothing that would set its answer apart from that of others who ask
            for the same.
        has_body: it has content, of which the answer may depend.
    """

    __slots__ = (
        "_values",
        "directives",
        "fields",
        "has_body",
        "judged",
        "key",
        "method",
        "ordinary",
        "plain",
        "sent",
    )

    def __init__(
        self,
        method: str,
        authority: str,
        target: str,
        fields: Fields,
        scheme: str = "http",
        has_body: bool = False,
        sent: bytes = b"",
    ) -> None:
        """``authority`` is the host in lower case, and its port if one was given; ``target`` is the
        request target in origin form."""
        self.method = method
        self.key = f"{scheme}://{authority}{target}"
        self.fields = fields
        self.has_body = has_body
        self.sent = sent
        judged: dict[bytes, bytes] = {}
        for name, value in fields:
            lower = name.lower()
            if lower in _JUDGED:
                judged[lower] = judged[lower] + b", " + value if lower in judged else value
        self.judged = judged
        self.plain = method == "GET" and not judged and not has_body
        self.directives: Directives = read_request_directives(judged) if judged else NOTHING_SAID
        self.ordinary = not judged or (
            judged.keys() <= _SAYINGS
            and not self.directives.no_cache
            and not self.directives.no_store
            and self.directives.max_age is None
            and self.directives.min_fresh is None
        )
        self._values: dict[bytes, bytes] | None = None

    def value(self, name: bytes) -> bytes | None:
        """The field's value as it goes on, several lines joined by commas (RFC 9110 section 5.3);
        None without.

        ``name`` is in lower case.
        """
        values = self._values
        if values is None:
            values = self._values = joined(_lines(self.sent) if self.sent else self.fields)
        return values.get(name)


def _lines(head: bytes) -> list[FieldLine]:
    found = []
    for line in head[:-4].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        found.append((name, value))
    return found


def joined(fields: Sequence[FieldLine]) -> dict[bytes, bytes]:
    """Values by lower-case name, trimmed, several lines of one joined by commas."""
    values: dict[bytes, bytes] = {}
    for name, value in fields:
        lower = name.lower()
        value = value.strip(b" \t")
        values[lower] = values[lower] + b", " + value if lower in values else value
    return values


class Kind(Enum):
    """What is to become of a request."""

    BYPASS = "bypass"
    """Not for the cache: forward it, and tell ``Cache.completed`` of its answer."""

    MISS = "miss"
    """Forward it; its answer may be stored."""

    HIT = "hit"
    """Answer it with ``Lookup.answer``, and forward nothing (but see ``Lookup.refresh``)."""

    VALIDATE = "validate"
    """Forward it with ``Lookup.conditions`` instead of the fields in ``Lookup.removed``."""

    ONLY_IF_CACHED = "only_if_cached"
    """Answer 504: nothing fit is stored, and the client wants no forwarding."""


class Answer:
    """A response from the store, complete but for what belongs to one connection.

    Attributes:
        status, reason, fields, body: as to be sent; ``fields`` without Age, with Content-Length
            where the answer has one.
        age: whole seconds, for the Age field.
        head: status line, fields and Age as they go on the wire, each line with its end; Via,
            Cache-Status, Connection and the empty line are still to come.
        rendered: whatever the data path wants to keep with this answer. It is the same object for
            all plain requests of one second.
    """

    __slots__ = ("age", "body", "fields", "head", "reason", "rendered", "status")

    def __init__(
        self,
        status: int,
        reason: bytes,
        fields: Sequence[FieldLine],
        body: bytes,
        age: int,
        head: bytes | None = None,
    ) -> None:
        """``head`` is made of the rest if it is not given (without its Age line)."""
        self.status = status
        self.reason = reason
        self.fields = fields
        self.body = body
        self.age = age
        start = head_of(status, reason, fields) if head is None else head
        self.head = b"%bAge: %d\r\n" % (start, age)
        self.rendered: bytes | None = None


def head_of(status: int, reason: bytes, fields: Sequence[FieldLine]) -> bytes:
    """Status line and field lines as they go on the wire, without the empty line at the end."""
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, reason)]
    lines += [b"%b: %b\r\n" % field for field in fields]
    return b"".join(lines)


class Forward(Enum):
    """Why a request goes on (RFC 9211 section 2.2)."""

    BYPASS = "bypass"
    METHOD = "method"
    URI_MISS = "uri-miss"
    VARY_MISS = "vary-miss"
    MISS = "miss"
    REQUEST = "request"
    STALE = "stale"
    PARTIAL = "partial"


class Lookup:
    """What the cache says of one request.

    Attributes:
        kind: what is to become of it.
        forward: why it goes on, None if it does not.
        answer: for HIT.
        stored: what was found, for VALIDATE and HIT.
        conditions: field lines that make the outgoing request a validation, for VALIDATE and for
            the background request of ``refresh``.
        removed: lower-case names of the client's fields that such a request must not have.
        refresh: a HIT is stale (stale-while-revalidate, RFC 5861 section 3), and one request is to
            validate it in the background.
        shared: other requests for the same key may wait for this one's answer.
        ttl: seconds that the answer of a HIT is still fresh, negative if it is stale.
    """

    __slots__ = (
        "answer",
        "conditions",
        "forward",
        "kind",
        "refresh",
        "removed",
        "shared",
        "stored",
        "ttl",
    )

    def __init__(
        self,
        kind: Kind,
        forward: Forward | None = None,
        *,
        answer: Answer | None = None,
        stored: Stored | None = None,
        conditions: tuple[FieldLine, ...] = (),
        removed: frozenset[bytes] = frozenset(),
        refresh: bool = False,
        shared: bool = False,
        ttl: int = 0,
    ) -> None:
        self.kind = kind
        self.forward = forward
        self.answer = answer
        self.stored = stored
        self.conditions = conditions
        self.removed = removed
        self.refresh = refresh
        self.shared = shared
        self.ttl = ttl


class Stored:
    """One stored response. Its fields change only by being freshened, which makes another one.

    Attributes:
        key: of its request.
        varying: for each field named by Vary, its lower-case name and what the request had there,
            normalized; None if it had none.
        status, reason, fields, body: of the response; ``fields`` without those of one hop, Age and
            Content-Length included as received.
        requested_at, answered_at: when the request was sent and the response's head came.
        size: bytes that it counts for.
        initial_age: of the response as it came, corrected (RFC 9111 section 4.2.3).
        lifetime: seconds that it is fresh.
        validated: it may never be used without validation (no-cache).
        directives: its Cache-Control, or what is targeted at us (RFC 9213).
        etag, modified: its validators, b"" without.
        head: its status line and fields on the wire, without Age.
        sent_fields: the fields of ``head``.
        refresh_at: when the next request may be told to validate it in the background.
        plain_until, plain: until when a plain request gets this very lookup.
    """

    __slots__ = (
        "answered_at",
        "body",
        "directives",
        "etag",
        "fields",
        "head",
        "initial_age",
        "key",
        "lifetime",
        "modified",
        "plain",
        "plain_until",
        "reason",
        "refresh_at",
        "requested_at",
        "sent_fields",
        "size",
        "status",
        "validated",
        "varying",
    )

    key: str
    varying: tuple[tuple[bytes, bytes | None], ...]
    status: int
    reason: bytes
    fields: tuple[FieldLine, ...]
    body: bytes
    requested_at: float
    answered_at: float
    size: int
    initial_age: float
    lifetime: float
    validated: bool
    directives: Directives
    etag: bytes
    modified: bytes
    head: bytes
    sent_fields: tuple[FieldLine, ...]
    refresh_at: float
    plain: Lookup | None
    plain_until: float


class Overflow(Protocol):
    """Where responses go that the store has no room for, and come back from.

    None of the calls may raise or take long.
    """

    def evicted(self, stored: Stored) -> None:
        """Keep one that the store lets go, in place of the one with equal key and varying."""
        ...

    def find(self, key: str) -> Sequence[Stored]:
        """All that are kept for the key."""
        ...

    def drop(self, key: str) -> None:
        """Forget all of the key: they were taken back, or are no longer valid."""
        ...

    def drop_prefix(self, prefix: str) -> int:
        """Forget all whose key begins so; how many they were."""
        ...
