"""Clients at the admin port: whoever shows the API key that a rule names may ask there about its
own agent, and about nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from config.shaping import Rule
from load_balancer.shaping.identity import KEY_DIGITS, LONGEST_KEY_BYTES
from load_balancer.shaping.shaper import Shaper

CALLER = "slb.api_key"
"""Under this name an ASGI scope holds the digest of the key that a client has shown."""

OWN = re.compile(r"/shaping/adaptive/clients/.*/(?:adaptive|targets|metrics|agent)\Z", re.DOTALL)
"""What a client may ask for."""


class ApiKeys:
    """The keys of the rules in force."""

    def __init__(self, shaper: Callable[[], Shaper | None]) -> None:
        self._shaper = shaper
        self._rules: Sequence[Rule] = ()
        self._digests: frozenset[str] = frozenset()

    @property
    def header(self) -> str:
        """The field that they are shown in, in lower case; "" without rules."""
        shaper = self._shaper()
        return "" if shaper is None else shaper.settings.api_key_header.lower()

    def shown(self, path: str, fields: Mapping[str, Sequence[str]]) -> str | None:
        """The digest of the key that a request shows, if a rule names it; "" if none does, and None
        if the request shows no key, or asks for what is the operator's alone.

        Args:
            fields: by their names in lower case, decoded as Latin-1.
        """
        shaper = self._shaper()
        if shaper is None or not OWN.match(path):
            return None
        shown = fields.get(self.header)
        if shown is None:
            return None
        key = shown[0].strip(" \t").encode("latin-1")
        if len(shown) > 1 or not 0 < len(key) <= LONGEST_KEY_BYTES:
            return ""
        digest = hashlib.sha256(key).hexdigest()
        if shaper.rules is not self._rules:
            self._rules = shaper.rules
            named = (rule.match.api_key_sha256 for rule in shaper.rules)
            self._digests = frozenset(chain.from_iterable(named))
        return digest if digest in self._digests else ""


def named_by(name: str, rules: Sequence[Rule]) -> bool:
    """Whether the rules say that there is a client of this name, though it was not seen yet."""
    of_rule, _, rest = name.partition("/")
    for rule in rules:
        if rule.name == of_rule:
            if rule.client_by == "rule":
                return name == of_rule
            digits = rest.removeprefix("key:")
            return (
                rule.client_by == "api_key"
                and rest != digits
                and len(digits) == KEY_DIGITS
                and any(each.startswith(digits) for each in rule.match.api_key_sha256)
            )
    return False


def own_names(digest: str, rules: Sequence[Rule]) -> list[str]:
    """Which clients somebody with this key is, in the order of the rules."""
    found = []
    for rule in rules:
        if digest in rule.match.api_key_sha256:
            if rule.client_by == "api_key":
                found.append(f"{rule.name}/key:{digest[:KEY_DIGITS]}")
            elif rule.client_by == "rule":
                found.append(rule.name)
    return found


def owns(digest: str, name: str, rules: Sequence[Rule]) -> bool:
    """Whether a client is somebody with this key, and nobody else."""
    if name in own_names(digest, rules):
        return True
    return any(
        rule.match.api_key_sha256 == (digest,) and name.startswith(f"{rule.name}/")
        for rule in rules
        if rule.client_by not in ("api_key", "rule")
    )
