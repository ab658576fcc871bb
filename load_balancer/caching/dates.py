"""Dates as HTTP writes them (RFC 9110 section 5.6.7), to and from Unix seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

_MONTHS = {
    name: number
    for number, name in enumerate(
        b"jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1
    )
}
_DAY = rb"(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY = rb"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_MONTH = rb"(?P<month>" + rb"|".join(_MONTHS) + rb")"
_TIME = rb"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMS = tuple(
    re.compile(form + rb"\Z", re.IGNORECASE)
    for form in (
        _DAY + rb", (?P<day>[0-9]{2}) " + _MONTH + rb" (?P<year>[0-9]{4}) " + _TIME + rb" GMT",
        _LONG_DAY + rb", (?P<day>[0-9]{2})-" + _MONTH + rb"-(?P<year>[0-9]{2}) " + _TIME + rb" GMT",
        _DAY + rb" " + _MONTH + rb" (?P<day>[0-9 ][0-9]) " + _TIME + rb" (?P<year>[0-9]{4})",
    )
)
_LONGEST = 40
_YEARS_AHEAD = 50


def read_date(value: bytes, now: float) -> float | None:
    """Unix seconds, or None if it has none of the three forms.

    ``now`` tells the century of a year of two digits: one that would lie more than 50 years ahead
    is past.
    """
    if len(value) > _LONGEST:
        return None
    seconds, short = _read(value)
    if seconds is None or not short:
        return seconds
    this_year = _year(now)
    year = this_year - this_year % 100 + _year(seconds) % 100
    if year > this_year + _YEARS_AHEAD:
        year -= 100
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(year=year).timestamp()
    except ValueError:  # 29 February in a year without one
        return None


def write_date(seconds: float) -> bytes:
    """Unix seconds in the preferred form; whole seconds only."""
    return _write(int(seconds))


@lru_cache(maxsize=64)
def _write(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode("ascii")


def _year(seconds: float) -> int:
    return datetime.fromtimestamp(seconds, UTC).year


@lru_cache(maxsize=1024)
def _read(value: bytes) -> tuple[float | None, bool]:
    """Unix seconds; and whether the year has two digits, then in this century."""
    for form in _FORMS:
        match = form.match(value)
        if match is None:
            continue
        short = len(match["year"]) == 2
        try:
            moment = datetime(
                int(match["year"]) + (2000 if short else 0),
                _MONTHS[match["month"].lower()],
                int(match["day"]),
                int(match["hour"]),
                int(match["minute"]),
                # A leap second is the last one of its minute.
                59 if match["second"] == b"60" else int(match["second"]),
                tzinfo=UTC,
            )
        except ValueError:
            return None, False
        return moment.timestamp(), short
    return None, False
