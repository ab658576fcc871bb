"""Vary: which requests a stored response may answer (RFC 9111 section 4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from load_balancer.caching.directives import members
from load_balancer.caching.vocabulary import CacheRequest, FieldLine

Varying = tuple[tuple[bytes, bytes | None], ...]

_MOST_NAMES = 32
_REMEMBERED_BYTES = 256
_SPACES = re.compile(rb"[ \t]+")

# Fields whose values are lists of names in whatever case. The order is kept: some origins take
# the first of two equally welcome languages for the better one.
_CASELESS = frozenset({b"accept-encoding", b"accept-language", b"accept-charset"})


def vary_names(fields: Iterable[FieldLine]) -> frozenset[bytes] | None:
    """The fields that a response varies by, lower case; None if it says ``*`` or too many, so that
    it can answer no other request."""
    names: set[bytes] = set()
    for name, value in fields:
        if len(name) == 4 and name.lower() == b"vary":
            names.update(each.lower() for each in members(value))
    if b"*" in names or len(names) > _MOST_NAMES:
        return None
    return frozenset(names)


def varying_of(names: frozenset[bytes], request: CacheRequest) -> Varying:
    """What the request has in each of the fields."""
    if not names:
        return ()
    return tuple((name, normalized(name, request.value(name))) for name in sorted(names))


def matches(varying: Varying, request: CacheRequest) -> bool:
    """Whether the request has the same there."""
    return all(normalized(name, request.value(name)) == value for name, value in varying)


def normalized(name: bytes, value: bytes | None) -> bytes | None:
    """A value as it is compared: spaces around the members of a list count for nothing."""
    if value is None or not value:
        return value
    if len(value) > _REMEMBERED_BYTES:
        return _normalized(name in _CASELESS, value)
    return _remembered(name in _CASELESS, value)


def _normalized(caseless: bool, value: bytes) -> bytes:
    if caseless:
        value = _SPACES.sub(b"", value.lower())
    return b",".join(members(value))


@lru_cache(maxsize=1024)
def _remembered(caseless: bool, value: bytes) -> bytes:
    return _normalized(caseless, value)
