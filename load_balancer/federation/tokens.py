"""Who is who among the sites of a federation: by a token that each shows."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from config.section import Name

KEY = "load_balancer.shaping.adaptive.federation.token_file"
MOST_BYTES = 1 << 20
LEAST_CHARACTERS = 8
MOST_SITES = 1000

_NAME: TypeAdapter[str] = TypeAdapter(Name)


class Tokens:
    """The sites that may take part, each by its own token: one site cannot speak as another, nor
    as many."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = {site: token.encode() for site, token in tokens.items()}

    @property
    def sites(self) -> list[str]:
        return list(self._tokens)

    def site(self, authorization: str) -> str | None:
        """Who shows this ``Authorization``; None if nobody that is known."""
        kind, _, shown = authorization.partition(" ")
        if kind.lower() != "bearer":
            return None
        given = shown.strip().encode("utf-8", "surrogateescape")
        found = None
        for site, token in self._tokens.items():  # all of them, whichever it is
            if hmac.compare_digest(given, token):
                found = site
        return found


def read_sites(path: str) -> Tokens:
    """The coordinator's file: a line ``site token`` for each site; # begins a comment.

    Raises:
        ValueError: it cannot be read, or a line is wrong.
    """
    tokens: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        at = f"{KEY}: {path}: line {number}"
        if len(words) != 2:
            raise ValueError(f"{at}: must hold a site and its token")
        site, token = words
        try:
            _NAME.validate_python(site)
        except ValidationError:
            raise ValueError(f"{at}: {site[:64]!r} is no name") from None
        if site in tokens:
            raise ValueError(f"{at}: the site {site!r} stands twice")
        if token in tokens.values():
            raise ValueError(f"{at}: two sites have the same token")
        tokens[site] = _checked(token, at)
    if not tokens:
        raise ValueError(f"{KEY}: {path}: names no site")
    if len(tokens) > MOST_SITES:
        raise ValueError(f"{KEY}: {path}: there may be {MOST_SITES} sites")
    return Tokens(tokens)


def read_token(path: str) -> str:
    """A site's own: the last word of the first line that is no comment.

    Raises:
        ValueError: it cannot be read, or there is none.
    """
    for number, line in enumerate(_lines(path), 1):
        words = line.partition("#")[0].split()
        if words:
            return _checked(words[-1], f"{KEY}: {path}: line {number}")
    raise ValueError(f"{KEY}: {path}: holds no token")


def _lines(path: str) -> list[str]:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{KEY}: {path} cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise ValueError(f"{KEY}: {path} has more than {MOST_BYTES} bytes")
    try:
        return content.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{KEY}: {path} is not ASCII at byte {error.start}") from None


def _checked(token: str, at: str) -> str:
    if len(token) < LEAST_CHARACTERS or not token.isprintable():
        raise ValueError(f"{at}: the token must be {LEAST_CHARACTERS} or more printable characters")
    return token
