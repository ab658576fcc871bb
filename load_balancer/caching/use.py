"""Whether a stored response may be used for a request without asking (RFC 9111 section 4.2)."""

from __future__ import annotations

from enum import Enum

from load_balancer.caching.directives import Directives
from load_balancer.caching.vocabulary import Stored


class Use(Enum):
    """How a stored response may be used."""

    FRESH = "fresh"
    STALE = "stale"
    """Stale, and the client takes it so (max-stale)."""

    REFRESH = "refresh"
    """Stale, to be validated in the background (RFC 5861 section 3)."""

    VALIDATE = "validate"
    """Not before it was validated."""

    REQUEST = "request"
    """Likewise, for the client wants it so."""


_ERRORS = frozenset({500, 502, 503, 504})
"""RFC 5861 section 4."""


def judge(directives: Directives, stored: Stored, age: float) -> Use:
    """How ``stored``, so many seconds old, may be used for a request with these directives."""
    fresh_for = stored.lifetime - age
    if directives.no_cache or _is_too_old(directives, age):
        return Use.REQUEST
    if stored.validated:
        return Use.VALIDATE
    if directives.min_fresh is not None and fresh_for < directives.min_fresh:
        return Use.REQUEST
    if fresh_for > 0:
        return Use.FRESH
    said = stored.directives
    if said.forbids_stale:
        return Use.VALIDATE
    if directives.max_stale is not None and -fresh_for <= directives.max_stale:
        return Use.STALE
    window = said.stale_while_revalidate
    if window is not None and -fresh_for <= window and directives.max_age is None:
        return Use.REFRESH
    return Use.VALIDATE


def survives_error(
    directives: Directives, stored: Stored, age: float, status: int | None, unreachable: float
) -> bool:
    """Whether ``stored``, so many seconds old, may stand in for an error.

    Without a ``status`` there was no answer at all: for ``unreachable`` seconds a stale response
    is then better than none, unless the origin forbids it.
    """
    if stored.directives.forbids_stale or directives.no_cache or _is_too_old(directives, age):
        return False
    if status is not None and status not in _ERRORS:
        return False
    stale_for = age - stored.lifetime
    windows = (
        stored.directives.stale_if_error,
        directives.stale_if_error,
        unreachable if status is None else None,
    )
    return any(window is not None and stale_for <= window for window in windows)


def _is_too_old(directives: Directives, age: float) -> bool:
    most = directives.max_age
    return most is not None and (age > most or most == 0)
