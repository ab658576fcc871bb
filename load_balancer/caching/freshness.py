"""How old a response is, and how long it is fresh (RFC 9111 section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.caching import CacheSettings
from load_balancer.caching.dates import read_date
from load_balancer.caching.directives import Directives, read_directives, read_seconds
from load_balancer.caching.targeted import FIELD, read_targeted
from load_balancer.caching.vocabulary import FieldLine, joined

HEURISTIC_STATUSES = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
"""Storable without being told (RFC 9110 section 15.1), but for partial content."""


class Said:
    """What a response's head says of its caching.

    Attributes:
        directives: its Cache-Control, or what is targeted at caches like this one.
        targeted: they are, so that Expires does not count.
        values: of its fields, by lower-case name.
    """

    __slots__ = ("directives", "targeted", "values")

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        self.values = values
        special = values.get(FIELD)
        directives = None if special is None else read_targeted(special)
        self.targeted = directives is not None
        self.directives: Directives = (
            read_directives(values.get(b"cache-control", b"")) if directives is None else directives
        )


class LastHead:
    """Reads fields once that are asked about several times in a row."""

    __slots__ = ("_fields", "_said")

    def __init__(self) -> None:
        self._fields: Sequence[FieldLine] | None = None
        self._said = Said({})

    def said_by(self, fields: Sequence[FieldLine]) -> Said:
        """What they say; a list that was handed in is not changed any more."""
        if self._fields is not fields:
            self._fields = fields
            self._said = Said(joined(fields))
        return self._said


def initial_age(values: Mapping[bytes, bytes], requested_at: float, answered_at: float) -> float:
    """Seconds that a response was old when it came (RFC 9111 section 4.2.3).

    Of several values of Age the first counts; one that is no number, none.
    """
    delay = max(0.0, answered_at - requested_at)
    age = read_seconds(values.get(b"age", b"").partition(b",")[0].strip(b" \t")) or 0.0
    date = read_date(values.get(b"date", b""), answered_at)
    apparent = 0.0 if date is None else max(0.0, answered_at - date)
    return max(apparent, age + delay)


def explicit_lifetime(said: Said, answered_at: float) -> float | None:
    """Seconds for which the origin says that the response is fresh; None if it does not say.

    An Expires that is no date, or that is there twice, is in the past (RFC 9111 section 5.3).
    """
    directives = said.directives
    if directives.s_maxage is not None:
        return directives.s_maxage
    if directives.max_age is not None:
        return directives.max_age
    if said.targeted or b"expires" not in said.values:
        return None
    expires = read_date(said.values[b"expires"], answered_at)
    if expires is None:
        return 0.0
    date = read_date(said.values.get(b"date", b""), answered_at)
    return max(0.0, expires - (answered_at if date is None else date))


def heuristic_lifetime(
    said: Said, status: int, answered_at: float, settings: CacheSettings
) -> float:
    """Seconds for which a response that says nothing is taken for fresh (RFC 9111 section
    4.2.2); 0 unless that is switched on."""
    if not settings.heuristic or (status not in HEURISTIC_STATUSES and not said.directives.public):
        return 0.0
    modified = read_date(said.values.get(b"last-modified", b""), answered_at)
    if modified is None:
        return 0.0
    date = read_date(said.values.get(b"date", b""), answered_at)
    since = (answered_at if date is None else date) - modified
    return min(max(0.0, since) * settings.heuristic_share, settings.heuristic_max_seconds)


def lifetime(said: Said, status: int, answered_at: float, settings: CacheSettings) -> float:
    """Seconds for which a response is fresh."""
    explicit = explicit_lifetime(said, answered_at)
    if explicit is not None:
        return explicit
    return heuristic_lifetime(said, status, answered_at, settings)
