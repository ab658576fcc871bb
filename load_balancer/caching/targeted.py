"""CDN-Cache-Control: directives for caches like this one, in place of Cache-Control (RFC 9213).

It is a dictionary of structured fields (RFC 9651 section 3.2), where one mistake voids the whole
field.
"""

from __future__ import annotations

import re

from load_balancer.caching.directives import Directives

FIELD = b"cdn-cache-control"

_KEY = rb"[a-z*][a-z0-9_.*-]*"
_BARE = (
    rb"(?:-?[0-9]{1,12}\.[0-9]{1,3}|@?-?[0-9]{1,15}(?![0-9.])"
    rb'|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
    rb"|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
    rb"|:[A-Za-z0-9+/=]*:|\?[01])"
)
_PARAMETERS = rb"(?:;\x20*" + _KEY + rb"(?:=" + _BARE + rb")?)*"
_ITEM = _BARE + _PARAMETERS
_INNER = rb"\(\x20*(?:" + _ITEM + rb"(?:\x20+" + _ITEM + rb")*)?\x20*\)" + _PARAMETERS
_MEMBER = re.compile(
    rb"(" + _KEY + rb")(?:=(?:(" + _BARE + rb")" + _PARAMETERS + rb"|" + _INNER + rb")|"
    rb"(" + _PARAMETERS + rb"))"
)
_SEPARATOR = re.compile(rb"[ \t]*,[ \t]*")
_INTEGER = re.compile(rb"-?[0-9]+\Z")
_LONGEST = 8192

_SECONDS = frozenset({b"max-age", b"s-maxage", b"stale-while-revalidate", b"stale-if-error"})
_NAMES = frozenset({b"no-cache", b"private"})
_FLAGS = frozenset(
    {b"no-store", b"public", b"must-revalidate", b"proxy-revalidate", b"must-understand"}
)


def read_targeted(value: bytes) -> Directives | None:
    """What the field says, its lines joined by commas; None if it is empty, malformed or gives a
    directive a value of the wrong type, so that Cache-Control counts."""
    found = _dictionary(value)
    if not found:
        return None
    directives = Directives()
    for name, bare in found.items():
        if name in _SECONDS:
            if bare is None or not _INTEGER.match(bare):
                return None
            directives.say(name, bare)
        elif name in _FLAGS or (name in _NAMES and (bare is None or bare in (b"?1", b"?0"))):
            if bare not in (None, b"?1", b"?0"):
                return None
            if bare != b"?0":
                directives.say(name, None)
        elif name in _NAMES:
            if bare is None or not bare.startswith(b'"'):
                return None
            directives.say(name, bare[1:-1])
    return directives


def _dictionary(value: bytes) -> dict[bytes, bytes | None] | None:
    """Bare items by key, None for a key alone, b"" for an inner list; None if it is malformed."""
    value = value.strip(b" ")
    if len(value) > _LONGEST:
        return None
    found: dict[bytes, bytes | None] = {}
    at = 0
    while at < len(value):
        member = _MEMBER.match(value, at)
        if member is None:
            return None
        at = member.end()
        alone = member[2] is None and member[3] is not None
        found[member[1]] = None if alone else member[2] or b""
        if at == len(value):
            break
        separator = _SEPARATOR.match(value, at)
        if separator is None or separator.end() == len(value):
            return None
        at = separator.end()
    return found
