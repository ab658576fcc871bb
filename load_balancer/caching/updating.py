"""Stored responses made fresh by the head of a newer one (RFC 9111 sections 3.2, 4.3.4, 4.3.5)."""

from __future__ import annotations

from collections.abc import Sequence

from load_balancer.caching.conditions import weak
from load_balancer.caching.storing import kept
from load_balancer.caching.vocabulary import FieldLine, Stored, joined

# The stored body stays as it is, so these stay true of it whatever the newer head says.
_OF_THE_BODY = frozenset({b"content-length", b"content-encoding", b"content-range"})


def is_same(stored: Stored, fields: Sequence[FieldLine]) -> bool:
    """Whether a 304 speaks of ``stored``: its validators, where it has any, are the stored ones.

    A weak entity tag is held against the stored one weakly; without one the date of the last
    modification counts.
    """
    values = joined(fields)
    tag = values.get(b"etag")
    if tag is not None and stored.etag:
        return tag == stored.etag or (tag.startswith(b"W/") and weak(tag) == weak(stored.etag))
    modified = values.get(b"last-modified")
    return tag is None and (modified is None or not stored.modified or modified == stored.modified)


def is_head_of(stored: Stored, fields: Sequence[FieldLine]) -> bool:
    """Whether a 200 to HEAD is what the stored response would be headed by."""
    values = joined(fields)
    length = values.get(b"content-length")
    return (
        values.get(b"etag", b"") == stored.etag
        and values.get(b"last-modified", b"") == stored.modified
        and (length is None or length == b"%d" % len(stored.body))
    )


def updated(stored: Stored, fields: Sequence[FieldLine], answered_at: float) -> list[FieldLine]:
    """The stored fields, each that the newer head has in place of the stored ones of its name."""
    newer = [line for line in kept(fields, answered_at) if line[0].lower() not in _OF_THE_BODY]
    names = {name.lower() for name, _ in newer}
    # An age that was not told again is that of the response before.
    names.add(b"age")
    return [line for line in stored.fields if line[0].lower() not in names] + newer
