"""What of a request's head names the endpoint it belongs to, and what its answer says of that.

The cookie names its endpoint by a token: a keyed hash of the id (HMAC-SHA-256, RFC 2104, cut to 132
bits). Nobody without the secret can make one or learn an id from it, so it is its own signature; a
client can but send back one that it was given. Bytes only; knows neither endpoints nor policies.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

from config.endpoints import Stickiness
from load_balancer.forwarding.fields import Fields

TOKEN_LENGTH = 22
"""Characters of six bits: 132 of the hash's 256 bits."""

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
    """Reads the key of stickiness from a request's fields, and has the answer set the cookie.

    Attributes:
        sets_cookie: an answer may have to carry what ``cookie`` gives.
    """

    __slots__ = ("_attributes", "_is_cookie", "_name", "_token", "sets_cookie")

    def __init__(self, settings: Stickiness, token: Tokens) -> None:
        self.sets_cookie = self._is_cookie = settings.kind == "cookie"
        self._name = (
            settings.cookie.encode("ascii")
            if self._is_cookie
            else settings.header.lower().encode("ascii")
        )
        self._token = token
        age = settings.cookie_max_age_seconds
        self._attributes = b"; Path=/; HttpOnly; SameSite=Lax" + (
            b"" if age is None else b"; Max-Age=%d" % age
        )

    def key(self, fields: Fields) -> str:
        """The request's affinity key; "" if it names none."""
        return (read_cookie if self._is_cookie else read_field)(fields, self._name)

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


def affinity(settings: Stickiness, token: Tokens) -> Affinity | None:
    """What the data path must do for stickiness; None if nothing, as for a hash of what it tells of
    every request."""
    return Affinity(settings, token) if settings.kind in ("cookie", "header") else None
