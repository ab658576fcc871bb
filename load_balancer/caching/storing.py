"""What may be stored, and what of it (RFC 9111 section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urljoin

from config.caching import CacheSettings
from load_balancer.caching.dates import write_date
from load_balancer.caching.directives import Directives
from load_balancer.caching.freshness import (
    HEURISTIC_STATUSES,
    Said,
    explicit_lifetime,
    initial_age,
    lifetime,
)
from load_balancer.caching.variants import Varying, vary_names
from load_balancer.caching.vocabulary import CacheRequest, FieldLine, Stored, head_of, joined
from load_balancer.forwarding.fields import read_connection

# Partial content, and answers to the conditions or the range of one request, are not stored.
_ANSWERS_TO_ONE = frozenset({206, 304, 412, 416})

_UNDERSTOOD = frozenset(
    {
        *(200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 305, 307, 308),
        *(400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 414, 415, 417, 421),
        *(422, 426, 500, 501, 502, 503, 504, 505),
    }
)
"""Final statuses that RFC 9110 section 15 defines, for must-understand."""

BODILESS = frozenset({204, 304})
"""Statuses without a body, hence without Content-Length."""

_NOT_STORED = frozenset(
    {
        # Of one hop (RFC 9110 section 7.6.1) or for one proxy (RFC 9111 section 3.1).
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding"),
        *(b"upgrade", b"trailer"),
        *(b"proxy-authenticate", b"proxy-authentication-info", b"proxy-authorization"),
        # Spoken between nodes, about one request.
        *(b"q", b"qreward", b"endpoint-load-metrics", b"endpoint-load-metrics-bin"),
        b"endpoint-load-metrics-json",
    }
)
_NOT_SENT = frozenset({b"age", b"content-length"})

# What Python holds besides the bytes: measured, see tests/load_balancer/caching/test_store.py.
_OVERHEAD_BYTES = 1200
_FIELD_OVERHEAD_BYTES = 140


def storable(
    request: CacheRequest,
    status: int,
    fields: Sequence[FieldLine],
    now: float,
    settings: CacheSettings,
    said: Said | None = None,
) -> bool:
    """Whether the response with this head may be stored, and would be of any use.

    ``said`` is what ``fields`` say, for who has read them already.
    """
    if not 200 <= status <= 999 or status in _ANSWERS_TO_ONE or request.directives.no_store:
        return False
    said = said or Said(joined(fields))
    directives = said.directives
    understood = directives.must_understand and status in _UNDERSTOOD
    if directives.must_understand and not understood:
        return False
    if (directives.no_store and not understood) or directives.private:
        return False
    if not may_be_shared(request, directives):
        return False
    length = said.values.get(b"content-length", b"")
    # As many digits as no limit has.
    if length.isdigit() and (len(length) > 20 or int(length) > settings.largest_body_bytes):
        return False
    explicit = explicit_lifetime(said, now)
    if request.method == "POST":
        if explicit is None or not _is_of_target(request, said):
            return False
    elif request.method != "GET" or request.has_body:
        return False
    if explicit is None and status not in HEURISTIC_STATUSES and not directives.public:
        return False
    if vary_names(fields) is None:
        return False
    return _is_useful(
        said, lifetime(said, status, now, settings) - initial_age(said.values, now, now)
    )


def may_be_shared(request: CacheRequest, directives: Directives) -> bool:
    """Whether a response that says this is for others too, if its request had Authorization (RFC
    9111 section 3.5)."""
    return b"authorization" not in request.judged or (
        directives.public or directives.must_revalidate or directives.s_maxage is not None
    )


def build(
    key: str,
    varying: Varying,
    requested_at: float,
    answered_at: float,
    status: int,
    reason: bytes,
    fields: Sequence[FieldLine],
    body: bytes,
    settings: CacheSettings,
) -> Stored:
    """A stored response, from ``fields`` that are ``kept``."""
    stored = Stored()
    stored.key = key
    stored.varying = varying
    stored.status = status
    stored.reason = reason
    stored.fields = tuple(fields)
    stored.body = body
    stored.requested_at = requested_at
    stored.answered_at = answered_at
    said = Said(joined(fields))
    stored.directives = said.directives
    stored.validated = said.directives.no_cache
    stored.etag = said.values.get(b"etag", b"")
    stored.modified = said.values.get(b"last-modified", b"")
    stored.initial_age = initial_age(said.values, requested_at, answered_at)
    stored.lifetime = lifetime(said, status, answered_at, settings)
    sent = [line for line in fields if line[0].lower() not in _NOT_SENT]
    if status not in BODILESS:
        sent.append((b"Content-Length", b"%d" % len(body)))
    stored.sent_fields = tuple(sent)
    stored.head = head_of(status, reason, sent)
    stored.refresh_at = 0.0
    stored.plain = None
    stored.plain_until = 0.0
    stored.size = (
        _OVERHEAD_BYTES
        + len(key)
        + len(body)
        # The lines, the head that is made of them, the answer's, and what is made of that.
        + 4 * len(stored.head)
        + _FIELD_OVERHEAD_BYTES * len(sent)
        + sum([len(name) + len(value or b"") + _FIELD_OVERHEAD_BYTES for name, value in varying])
    )
    return stored


def kept(
    fields: Sequence[FieldLine], answered_at: float, said: Said | None = None
) -> list[FieldLine]:
    """The fields of a response that are stored; Date among them, whether it came or not. ``said``
    as in ``storable``."""
    dropped: set[bytes] = set(_NOT_STORED)
    for name, value in fields:
        if name.lower() in (b"connection", b"proxy-connection"):
            read_connection(value, 0, dropped)
    directives = (said or Said(joined(fields))).directives
    dropped |= directives.no_cache_fields | directives.private_fields
    dropped.discard(b"vary")  # without it the response would seem to be for everybody
    lines = []
    dated = False
    for line in fields:
        name, value = line
        lower = name.lower()
        if lower in dropped:
            continue
        dated = dated or lower == b"date"
        trimmed = value.strip(b" \t")
        # A response may have come over many hops, with some lines of each: most are as they came,
        # and are kept without a copy.
        lines.append(line if trimmed is value else (name, trimmed))
    if not dated:
        lines.append((b"Date", write_date(answered_at)))
    return lines


def same_origin(key: str, reference: bytes) -> str | None:
    """The key of what a response's Location or Content-Location refers to; None if it is not of the
    same origin, or no reference."""
    try:
        found = urljoin(key, reference.decode("ascii")).partition("#")[0]
    except ValueError:  # UnicodeDecodeError among them
        return None
    return found if _origin(found) == _origin(key) else None


def _origin(key: str) -> str:
    scheme, _, rest = key.partition("://")
    return f"{scheme}://{rest.partition('/')[0].lower()}".removesuffix(
        ":443" if scheme == "https" else ":80"
    )


def _is_of_target(request: CacheRequest, said: Said) -> bool:
    """A response to POST is what GET would get (RFC 9110 section 9.3.3)."""
    location = said.values.get(b"content-location")
    return location is not None and same_origin(request.key, location) == request.key


def _is_useful(said: Said, fresh_for: float) -> bool:
    """It will be fresh, or can be validated, or may be used although it is stale."""
    directives = said.directives
    return (
        (fresh_for > 0 and not directives.no_cache)
        or b"etag" in said.values
        or b"last-modified" in said.values
        or bool(directives.stale_while_revalidate or directives.stale_if_error)
    )
