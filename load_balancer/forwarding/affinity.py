"""What of a request names the endpoint or the kin it belongs to, and what its answer says of that.

The cookie names its endpoint by a token: a keyed hash of the id (HMAC-SHA-256, RFC 2104, cut to 132
bits). Nobody without the secret can make one or learn an id from it, so it is its own signature; a
client can but send back one that it was given. Bytes only; knows neither endpoints nor policies.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable

from config.affinity import AffinityKey
from config.endpoints import Stickiness
from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.json_field import JsonField

TOKEN_LENGTH = 22
"""Characters of six bits: 132 of the hash's 256 bits."""

LONGEST_VALUE = 64
"""Characters of a field that request classes are told by."""

_JSON = re.compile(rb"application/(?:[!#$&^_.+0-9a-z-]+\+)?json[ \t]*(?:;|\Z)", re.IGNORECASE)

MOST_TOKENS = 32_768
"""Remembered at the most, so that one is not worked out for each request."""


class Tokens:
    """The token of each endpoint, by its id."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._made: dict[str, str] = {}

    def __call__(self, id: str) -> str:
        token = self._made.get(id)
        if token is None:
            digest = hmac.digest(self._secret, b"endpoint " + id.encode(), "sha256")
            token = urlsafe_b64encode(digest)[:TOKEN_LENGTH].decode("ascii")
            if len(self._made) >= MOST_TOKENS:
                self._made.clear()
            self._made[id] = token
        return token


def read_cookie(fields: Fields, name: bytes) -> str:
    """The value of the first cookie of this name, without the quotes around it; "" if there is none
    (RFC 6265 section 5.4, in whatever shape clients and proxies have brought it)."""
    for field, value in fields:
        if len(field) == 6 and field.lower() == b"cookie" and name in value:
            for pair in value.split(b";"):
                found, equals, text = pair.partition(b"=")
                if equals and found.strip(b" \t") == name:
                    text = text.strip(b" \t")
                    if len(text) >= 2 and text[:1] == text[-1:] == b'"':
                        text = text[1:-1]
                    return text.decode("latin-1")
    return ""


def read_field(fields: Fields, name: bytes) -> str:
    """The value of a field by its lower-case name, its repetitions joined as RFC 9110 section 5.2
    has it; "" if there is none."""
    values = [
        value.strip(b" \t")
        for field, value in fields
        if len(field) == len(name) and field.lower() == name
    ]
    return b", ".join(values).decode("latin-1")


class Affinity:
    """Reads a request's affinity key from its fields or body, and has the answer set the cookie of
    stickiness.

    Attributes:
        sets_cookie: an answer may have to carry what ``cookie`` gives.
        in_body: the key is in the body, where ``scan`` looks for it.
    """

    __slots__ = (
        "_attributes",
        "_body",
        "_fallback",
        "_is_cookie",
        "_name",
        "_token",
        "in_body",
        "sets_cookie",
    )

    def __init__(self, settings: Stickiness, token: Tokens, by: AffinityKey | None = None) -> None:
        """
        Args:
            by: what the key is besides stickiness, which then goes by something else.
        """
        self.sets_cookie = by is None and settings.kind == "cookie"
        self._is_cookie = (settings if by is None else by).kind == "cookie"
        source = settings if by is None else by
        name = source.cookie if self._is_cookie else source.header.lower()
        self._name = name.encode("ascii")
        # Who sticks by a field that is absent, sticks by nothing; who has affinity, by the path.
        self._fallback = "" if by is None else None
        self._body = by
        self.in_body = by is not None and by.kind == "body_field"
        self._token = token
        age = settings.cookie_max_age_seconds
        self._attributes = b"; Path=/; HttpOnly; SameSite=Lax" + (
            b"" if age is None else b"; Max-Age=%d" % age
        )

    def key(self, fields: Fields) -> str | None:
        """The request's affinity key as far as its fields say. "" for stickiness if they do not,
        None for affinity."""
        if self.in_body:
            return None
        return (read_cookie if self._is_cookie else read_field)(fields, self._name) or (
            self._fallback
        )

    def scan(self, fields: Fields) -> JsonField | None:
        """What is to look for the key in the body; None if that is no JSON, or is encoded."""
        settings = self._body
        if settings is None or not _JSON.match(
            read_field(fields, b"content-type").encode("latin-1")
        ):
            return None
        if read_field(fields, b"content-encoding").lower() not in ("", "identity"):
            return None
        return JsonField(settings.fields, settings.prefix_characters, settings.read_bytes)

    @property
    def wait_seconds(self) -> float:
        """How long the body may keep the decision waiting."""
        return 0.0 if self._body is None else self._body.wait_seconds

    def cookie(self, key: str, endpoint_id: str, secure: bool) -> bytes:
        """The field line for an answer that this endpoint gave, without its line end; b"" if the
        request's key names that endpoint already.

        Args:
            secure: the client's connection is encrypted.
        """
        token = self._token(endpoint_id)
        if key == token:
            return b""
        return b"Set-Cookie: %b=%b%b%b" % (
            self._name,
            token.encode("ascii"),
            self._attributes,
            b"; Secure" if secure else b"",
        )


def affinity(
    settings: Stickiness, token: Tokens, key: AffinityKey | None = None
) -> Affinity | None:
    """What the data path must read of a request for stickiness or affinity; None if nothing, as for
    a hash of what it tells of every request."""
    if settings.kind in ("cookie", "header"):
        return Affinity(settings, token)
    return None if key is None or key.kind == "path" else Affinity(settings, token, key)


def class_values(names: tuple[str, ...]) -> Callable[[Fields], tuple[str, ...]] | None:
    """Reads the values of these fields, in their order; None if there are none to read."""
    wanted = tuple(name.lower().encode("ascii") for name in names)
    if not wanted:
        return None
    return lambda fields: tuple(read_field(fields, name)[:LONGEST_VALUE] for name in wanted)
