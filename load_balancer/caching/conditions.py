"""Conditions and ranges of requests, held against a stored response (RFC 9110 sections 13, 14)."""

from __future__ import annotations

import re
from enum import Enum

from load_balancer.caching.dates import read_date
from load_balancer.caching.directives import members
from load_balancer.caching.vocabulary import CacheRequest, FieldLine, Stored, joined

PRECONDITIONS = (b"if-match", b"if-unmodified-since")
"""For the origin to judge, never for a cache (RFC 9111 section 4.3.2)."""

OWN_CONDITIONS = frozenset({b"if-none-match", b"if-modified-since", b"range", b"if-range"})
"""What a client's request must not have beside the conditions of a validation of ours."""

_RANGE = re.compile(rb"bytes[ \t]*=[ \t]*([0-9]*)-([0-9]*)[ \t]*\Z", re.IGNORECASE)
_ENTITY_TAG = re.compile(rb'"[\x21\x23-\x7e\x80-\xff]*"\Z')
_MOST_DIGITS = 18


class Range(Enum):
    """What there is besides one part."""

    WHOLE = "whole"
    """No range, or one that is to be ignored."""

    UNSATISFIABLE = "unsatisfiable"


def validation(stored: Stored) -> tuple[FieldLine, ...]:
    """The conditions that ask whether ``stored`` is still valid (RFC 9111 section 4.3.1); none
    without a validator."""
    conditions = []
    if stored.etag:
        conditions.append((b"If-None-Match", stored.etag))
    if stored.modified:
        conditions.append((b"If-Modified-Since", stored.modified))
    return tuple(conditions)


def not_modified(request: CacheRequest, stored: Stored, now: float) -> bool:
    """Whether the client has what is stored: If-None-Match, or without it If-Modified-Since."""
    tags = request.judged.get(b"if-none-match")
    if tags is not None:
        wanted = members(tags)
        if b"*" in wanted:
            return True
        tag = weak(stored.etag)
        return bool(tag) and any(weak(each) == tag for each in wanted)
    since = request.judged.get(b"if-modified-since")
    if since is None:
        return False
    moment = read_date(since.strip(b" \t"), now)
    if moment is None:
        return False
    modified = read_date(stored.modified, now)
    if modified is None:
        modified = read_date(joined(stored.fields).get(b"date", b""), now)
    return modified is not None and modified <= moment


def weak(tag: bytes) -> bytes:
    """An entity tag as the weak comparison sees it (RFC 9110 section 8.8.3.2)."""
    return tag.removeprefix(b"W/")


def part(request: CacheRequest, stored: Stored, now: float) -> tuple[int, int] | Range:
    """The first byte that a GET asks for, and the one behind the last.

    Several ranges are answered with the whole, as RFC 9110 section 14.2 allows.
    """
    asked = request.judged.get(b"range")
    if asked is None or request.method != "GET" or not _is_unchanged(request, stored, now):
        return Range.WHOLE
    match = _RANGE.match(asked.strip(b" \t"))
    if match is None or not (match[1] or match[2]):
        return Range.WHOLE
    length = len(stored.body)
    if not match[1]:
        first, end = max(0, length - _number(match[2])), length
    else:
        first = _number(match[1])
        end = min(length, _number(match[2]) + 1) if match[2] else length
        if match[2] and _number(match[2]) < first:
            return Range.WHOLE
    return (first, end) if first < end else Range.UNSATISFIABLE


def _number(digits: bytes) -> int:
    digits = digits.lstrip(b"0")
    return 10**_MOST_DIGITS if len(digits) > _MOST_DIGITS else int(digits or b"0")


def _is_unchanged(request: CacheRequest, stored: Stored, now: float) -> bool:
    """If-Range: the stored response is the one whose other parts the client has, by a strong
    validator (RFC 9110 section 13.1.5)."""
    validator = request.judged.get(b"if-range")
    if validator is None:
        return True
    validator = validator.strip(b" \t")
    if _ENTITY_TAG.match(validator):
        return validator == stored.etag
    moment = read_date(validator, now)
    if moment is None or moment != read_date(stored.modified, now):
        return False
    # A date is strong if it was the second's only one: the response was made later.
    date = read_date(joined(stored.fields).get(b"date", b""), now)
    return date is not None and date - moment >= 1.0
