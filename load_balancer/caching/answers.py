"""Answers made of a stored response: whole, its head, one part, or that it has not changed."""

from __future__ import annotations

from load_balancer.caching.conditions import Range, not_modified, part
from load_balancer.caching.vocabulary import Answer, CacheRequest, FieldLine, Stored

# What a 304 has nothing to say of (RFC 9110 section 15.4.5).
_NOT_IN_304 = frozenset(
    {
        b"content-length",
        b"content-type",
        b"content-encoding",
        b"content-language",
        b"content-disposition",
        b"content-range",
        b"content-md5",
        b"accept-ranges",
    }
)


def age_of(stored: Stored, now: float) -> float:
    """Seconds since the response was made or validated (RFC 9111 section 4.2.3)."""
    return stored.initial_age + max(0.0, now - stored.answered_at)


def answer(request: CacheRequest, stored: Stored, now: float) -> Answer:
    """What a request gets that may be answered with ``stored``."""
    age = int(age_of(stored, now))
    if request.judged and stored.status == 200:
        if not_modified(request, stored, now):
            return Answer(304, b"Not Modified", _without(stored, _NOT_IN_304), b"", age)
        found = part(request, stored, now)
        if found is Range.UNSATISFIABLE:
            return _unsatisfiable(stored, age)
        if isinstance(found, tuple):
            return _partial(stored, found, age)
    body = b"" if request.method == "HEAD" else stored.body
    return Answer(stored.status, stored.reason, stored.sent_fields, body, age, stored.head)


def _partial(stored: Stored, found: tuple[int, int], age: int) -> Answer:
    first, end = found
    fields = [
        *_without(stored, frozenset({b"content-length", b"content-range"})),
        (b"Content-Range", b"bytes %d-%d/%d" % (first, end - 1, len(stored.body))),
        (b"Content-Length", b"%d" % (end - first)),
    ]
    return Answer(206, b"Partial Content", fields, stored.body[first:end], age)


def _unsatisfiable(stored: Stored, age: int) -> Answer:
    fields = [
        *((name, value) for name, value in stored.sent_fields if name.lower() == b"date"),
        (b"Content-Range", b"bytes */%d" % len(stored.body)),
        (b"Content-Length", b"0"),
    ]
    return Answer(416, b"Range Not Satisfiable", fields, b"", age)


def _without(stored: Stored, names: frozenset[bytes]) -> list[FieldLine]:
    return [line for line in stored.sent_fields if line[0].lower() not in names]
