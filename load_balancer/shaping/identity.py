"""Who sends a request, as far as rules are concerned: the first rule that is for it, and the name
of its client among those that the rule holds.

What a client says of itself counts only if it proves something: an API key must be one that a rule
names (else everybody could be somebody new with each request), a certificate one that was verified.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_network
from typing import TypeAlias

from config.shaping import Rule
from load_balancer.forwarding.fields import Fields
from load_balancer.forwarding.forwarded import Network, read_address

LONGEST_KEY_BYTES = 256
REMEMBERED = 4096
KEY_DIGITS = 16
"""Of an API key's digest, in its client's name."""

Found: TypeAlias = tuple[Rule, str]

# RFC 9218 section 4: a dictionary (RFC 8941), of which one member is looked for.
_URGENCY = re.compile(rb"(?:^|,)[ \t]*u=([0-7])[ \t]*(?=[;,]|\Z)")

_SHORT = {
    "commonName": "CN",
    "countryName": "C",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
}


class Recogniser:
    """Rules, ready to be asked.

    Attributes:
        reads_fields: it wants to see the request's fields.
        reads_subject: and the subject of a certificate.
    """

    __slots__ = (
        "_by_address",
        "_header",
        "_keys",
        "_matchers",
        "_plain",
        "reads_fields",
        "reads_subject",
    )

    def __init__(self, rules: Sequence[Rule], api_key_header: str) -> None:
        self._matchers = [_Matcher(rule) for rule in rules]
        self._header = api_key_header.lower().encode("ascii")
        self._keys = keys = any(rule.match.api_key_sha256 for rule in rules)
        paths = any(rule.match.paths for rule in rules)
        self.reads_subject = any(rule.match.certificates for rule in rules)
        self.reads_fields = keys or any(rule.urgency_range is not None for rule in rules)
        # With addresses only, one look at each is enough.
        self._plain = not (keys or paths or self.reads_subject)
        self._by_address: dict[str, Found | None] = {}

    def find(self, address: str, path: str, fields: Fields, subject: str) -> Found | None:
        """The rule for a request and its client's name; None if it passes untouched.

        Args:
            path: the request's target.
            subject: of its connection's certificate, as ``subject_of`` writes it; "" for none.
        """
        if self._plain:
            known = self._by_address
            if address in known:
                return known[address]
            if len(known) >= REMEMBERED:
                known.clear()
            found = known[address] = self._search(address, path, "", ())
            return found
        digest = self._digest(fields) if self._keys else ""
        return self._search(address, path, digest, tuple(subject.split(",")) if subject else ())

    def _search(
        self, address: str, path: str, digest: str, subject: tuple[str, ...]
    ) -> Found | None:
        for matcher in self._matchers:
            if matcher.keyed and not digest:
                continue
            name = matcher.client(address, path, digest, subject)
            if name is not None:
                return matcher.rule, name
        return None

    def _digest(self, fields: Fields) -> str:
        """Of the API key; "" without one, or with several."""
        found, header = b"", self._header
        size = len(header)
        for name, value in fields:
            if len(name) == size and name.lower() == header:
                if found:
                    return ""
                found = value.strip(b" \t")
        return _digest(found) if 0 < len(found) <= LONGEST_KEY_BYTES else ""


class _Matcher:
    __slots__ = ("_attributes", "_digests", "_known", "_networks", "_paths", "keyed", "rule")

    def __init__(self, rule: Rule) -> None:
        match = rule.match
        self.rule = rule
        self._digests = frozenset(match.api_key_sha256)
        self.keyed = bool(self._digests)
        self._attributes = frozenset(match.certificates)
        self._networks: tuple[Network, ...] = match.networks
        self._known: dict[str, Network | None] = {}
        # The longest first: a client may be named by it.
        self._paths = tuple(sorted((each.rstrip("/") for each in match.paths), key=len)[::-1])

    def client(self, address: str, path: str, digest: str, subject: tuple[str, ...]) -> str | None:
        """The client's name; None if the rule is for others."""
        if self.keyed and digest not in self._digests:
            return None
        if self._attributes and self._attributes.isdisjoint(subject):
            return None
        network = prefix = ""
        if self._paths:
            below = _below(path, self._paths)
            if below is None:
                return None
            prefix = below or "/"
        if self._networks:
            found = self._network_of(address)
            if found is None:
                return None
            network = str(found)
        rule = self.rule
        kind = rule.client_by
        if kind == "rule":
            return rule.name
        if kind == "address":
            return f"{rule.name}/{client_address(address)}"
        if kind == "api_key":
            return f"{rule.name}/key:{digest[:KEY_DIGITS]}"
        if kind == "certificate":
            return f"{rule.name}/{','.join(subject)}"
        return f"{rule.name}/{network if kind == 'network' else prefix}"

    def _network_of(self, address: str) -> Network | None:
        known = self._known
        if address in known:
            return known[address]
        if len(known) >= REMEMBERED:
            known.clear()
        read = read_address(address)
        found = None
        if read is not None:
            found = next((network for network in self._networks if read in network), None)
        known[address] = found
        return found


def _below(target: str, prefixes: tuple[str, ...]) -> str | None:
    if not target.startswith(prefixes):  # as nearly all: at once
        return None
    path = target.partition("?")[0]
    for prefix in prefixes:
        if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
            return prefix
    return None


@lru_cache(maxsize=REMEMBERED)
def _digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


@lru_cache(maxsize=REMEMBERED)
def client_address(address: str) -> str:
    """What counts as one client by its address: of IPv6 the network of 64 bits, for whoever has one
    address has all of them."""
    found = read_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        return str(ip_network((found.packed[:8] + bytes(8), 64)))
    return address if found is None else str(found)


def subject_of(certificate: object) -> str:
    """The subject of a certificate as ``ssl`` gives it, as in ``C=DE,O=Example,CN=partner``; "" for
    none. Values with a comma are left out: they could be taken for two attributes."""
    subject = certificate.get("subject", ()) if isinstance(certificate, dict) else ()
    pairs = [pair for part in subject for pair in part]
    return ",".join(
        f"{_SHORT.get(name, name)}={value}" for name, value in pairs if "," not in str(value)
    )


def asked_urgency(fields: Fields) -> int | None:
    """The urgency in a request's Priority field (RFC 9218 section 4.1); None without one, or with
    one that cannot be read. Of several the last counts."""
    values = [value for name, value in fields if name.lower() == b"priority"]
    if not values:
        return None
    found = _URGENCY.findall(b",".join(values))
    return int(found[-1]) if found else None
