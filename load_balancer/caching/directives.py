"""Cache-Control: what a request or a response says of caching (RFC 9111 section 5.2).

Peers write it in all manners; what cannot be understood is read as what restricts most: an invalid
lifetime is no lifetime, and of several the shortest counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

LONGEST_SECONDS = float(1 << 31)
"""What larger numbers are read as (RFC 9111 section 1.2.2)."""

UNBOUNDED = float("inf")
"""``max-stale`` without a number."""

_REMEMBERED_BYTES = 256

# One member of a list; commas in quoted strings separate nothing. A string without its end goes
# on to the end of the field.
_MEMBER = re.compile(rb'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+', re.DOTALL)
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"\Z', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


class Directives:
    """What one message says; unchanged once read.

    Attributes:
        max_age, s_maxage, stale_while_revalidate, stale_if_error, min_fresh: seconds, or None if
            it says nothing of them.
        max_stale: likewise, UNBOUNDED without a number.
        no_cache, private: said of the whole response.
        no_cache_fields, private_fields: said of these fields only, lower case.
    """

    __slots__ = (
        "max_age",
        "max_stale",
        "min_fresh",
        "must_revalidate",
        "must_understand",
        "no_cache",
        "no_cache_fields",
        "no_store",
        "only_if_cached",
        "private",
        "private_fields",
        "proxy_revalidate",
        "public",
        "s_maxage",
        "stale_if_error",
        "stale_while_revalidate",
    )

    def __init__(self) -> None:
        self.max_age: float | None = None
        self.s_maxage: float | None = None
        self.stale_while_revalidate: float | None = None
        self.stale_if_error: float | None = None
        self.min_fresh: float | None = None
        self.max_stale: float | None = None
        self.no_cache = False
        self.no_cache_fields: frozenset[bytes] = frozenset()
        self.private = False
        self.private_fields: frozenset[bytes] = frozenset()
        self.no_store = False
        self.public = False
        self.must_revalidate = False
        self.proxy_revalidate = False
        self.must_understand = False
        self.only_if_cached = False

    @property
    def forbids_stale(self) -> bool:
        """A stale response may not be used, come what may (RFC 9111 section 4.2.4)."""
        return (
            self.must_revalidate
            or self.proxy_revalidate
            or self.no_cache
            or self.s_maxage is not None
        )

    def say(self, name: bytes, argument: bytes | None) -> None:
        """Note one directive; ``name`` in lower case, None for no argument."""
        if name in _FLAGS:
            setattr(self, _FLAGS[name], True)
        elif name in _SECONDS:
            attribute = _SECONDS[name]
            seconds = read_seconds(argument)
            if seconds is None:
                if name == b"min-fresh":
                    return
                seconds = 0.0
            before = getattr(self, attribute)
            setattr(self, attribute, seconds if before is None else min(before, seconds))
        elif name == b"max-stale":
            allowed = UNBOUNDED if argument is None else read_seconds(argument)
            if allowed is not None:
                self.max_stale = allowed if self.max_stale is None else min(self.max_stale, allowed)
        elif name == b"no-cache":
            fields = _field_names(argument)
            self.no_cache_fields |= fields
            self.no_cache = self.no_cache or not fields
        elif name == b"private":
            fields = _field_names(argument)
            self.private_fields |= fields
            self.private = self.private or not fields


_FLAGS = {
    b"no-store": "no_store",
    b"public": "public",
    b"must-revalidate": "must_revalidate",
    b"proxy-revalidate": "proxy_revalidate",
    b"must-understand": "must_understand",
    b"only-if-cached": "only_if_cached",
}
_SECONDS = {
    b"max-age": "max_age",
    b"s-maxage": "s_maxage",
    b"stale-while-revalidate": "stale_while_revalidate",
    b"stale-if-error": "stale_if_error",
    b"min-fresh": "min_fresh",
}

NOTHING_SAID = Directives()


def read_seconds(text: bytes | None) -> float | None:
    """Whole seconds, LONGEST_SECONDS at the most; None if it is no such number."""
    if text is None or not text.isdigit():
        return None
    digits = text.lstrip(b"0")
    if len(digits) > 10:
        return LONGEST_SECONDS
    return min(float(digits or b"0"), LONGEST_SECONDS)


def members(value: bytes) -> list[bytes]:
    """The members of a comma-separated list that are not empty, trimmed."""
    found = [each.strip(b" \t") for each in _MEMBER.findall(value)]
    return [each for each in found if each]


def unquoted(text: bytes) -> bytes:
    """What a quoted string says; anything else as it is."""
    quoted = _QUOTED.match(text)
    return text if quoted is None else _ESCAPED.sub(rb"\1", quoted[1])


def read_directives(value: bytes) -> Directives:
    """A Cache-Control field, its lines joined by commas."""
    return _remembered(value) if len(value) <= _REMEMBERED_BYTES else _read(value)


def read_request_directives(fields: Mapping[bytes, bytes]) -> Directives:
    """What a request says in Cache-Control, or else in Pragma (RFC 9111 section 5.4)."""
    value = fields.get(b"cache-control")
    if value is not None:
        return read_directives(value)
    pragma = fields.get(b"pragma")
    if pragma is not None and b"no-cache" in [each.lower() for each in members(pragma)]:
        return read_directives(b"no-cache")
    return NOTHING_SAID


def _read(value: bytes) -> Directives:
    directives = Directives()
    for member in members(value):
        name, equals, argument = member.partition(b"=")
        stripped = name.rstrip(b" \t")
        # A space before the equals sign is an error; the argument then counts as invalid.
        directives.say(
            stripped.lower(),
            (unquoted(argument) if stripped == name else b"?") if equals else None,
        )
    return directives


@lru_cache(maxsize=1024)
def _remembered(value: bytes) -> Directives:
    return _read(value)


def _field_names(argument: bytes | None) -> frozenset[bytes]:
    """The fields that a directive names; none if any is no name, for then all are meant."""
    names = [each.lower() for each in members(argument or b"")]
    if all(_NAME.match(each) for each in names):
        return frozenset(names)
    return frozenset()
