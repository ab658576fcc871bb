"""The settings of shaping: how clients are told apart, and by which rules each is held."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyAddress, IPvAnyNetwork, model_validator

from config.adaptive import AdaptiveShaping
from config.endpoints import FieldName
from config.section import Count, Flag, Name, Number, Seconds, Section, Share

PerSecond = Annotated[float, Number, Field(ge=0.001, le=1e6)]
BytesPerSecond = Annotated[float, Number, Field(ge=100, le=1e11)]
Urgency = Annotated[int, Number, Field(ge=0, le=7)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$"), AfterValidator(str.lower)]
CertificateSubject = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,64}=[^,]+$", max_length=256)]
PathPrefix = Annotated[str, Field(pattern=r"^/[!-~]*$", max_length=1024)]
Interface = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,15}$")]
Tag = Annotated[str, Field(min_length=1, max_length=256)]
MOST_RULES = 1000


class Match(Section):
    """Which requests a rule is for: those that have one of each kind that is given; without any,
    all requests.

    An API key is given by its digest (``printf %s KEY | sha256sum``), so that no rule holds a
    secret. A certificate is one that was verified and whose subject has this attribute, as in
    ``CN=partner``. A path stands for all below it.
    """

    api_key_sha256: Annotated[tuple[Digest, ...], Field(max_length=1000)] = ()
    certificates: Annotated[tuple[CertificateSubject, ...], Field(max_length=1000)] = ()
    networks: Annotated[tuple[IPvAnyNetwork, ...], Field(max_length=1000)] = ()
    paths: Annotated[tuple[PathPrefix, ...], Field(max_length=1000)] = ()


class Drop(Section):
    """Requests that are refused at random while the node is under pressure: those of ``urgency``
    or less urgent ones, where a higher number is less urgent.

    The pressure is the taken share of the waiting queue or of ``capacity``, whichever is more.
    """

    probability: Share = 0.0
    urgency: Urgency = 4
    pressure: Share = 0.8


class Rule(Section):
    """By what a client is held. What is not given is no bound.

    ``mode: shape`` lets a request wait that is over the rate or over ``in_flight``, for up to
    ``delay_seconds`` and among so many of its client that are ``waiting``; ``police`` refuses it
    at once. Bytes are always delayed, never refused.
    """

    name: Name
    match: Match = Match()
    # What counts as one client, with buckets of its own, among those that the rule is for.
    client_by: Literal["address", "api_key", "certificate", "network", "path", "rule"] = "address"
    mode: Literal["shape", "police"] = "shape"
    requests_per_second: PerSecond | None = None
    # At once after a pause; null is what the rate gives in a tenth of a second, at least one.
    burst: Count | None = None
    # From the client and to it, heads included.
    upload_bytes_per_second: BytesPerSecond | None = None
    download_bytes_per_second: BytesPerSecond | None = None
    in_flight: Count | None = None
    delay_seconds: Annotated[float, Number, Field(ge=0, le=600)] = 1.0
    waiting: Annotated[int, Number, Field(ge=0, le=100_000)] = 100
    # RFC 9218: 0 is the most urgent. A client's own Priority counts within the range only.
    urgency: Urgency = 3
    urgency_range: tuple[Urgency, Urgency] | None = None
    # Of the packets to the client and to the endpoint (RFC 2474); null leaves them as they are.
    dscp: Annotated[int, Number, Field(ge=0, le=63)] | None = None
    drop: Drop = Drop()
    # Endpoints with this tag only, and how they are reached.
    pool: Tag | None = None
    source_address: IPvAnyAddress | None = None
    interface: Interface | None = None
    # Of the endpoints' time, beside other clients, while there is too little of it.
    weight: Annotated[float, Number, Field(ge=0.01, le=100)] = 1.0

    @model_validator(mode="after")
    def _goes_together(self) -> Rule:
        needed = {
            "api_key": "api_key_sha256",
            "certificate": "certificates",
            "network": "networks",
            "path": "paths",
        }.get(self.client_by)
        if needed is not None and not getattr(self.match, needed):
            raise ValueError(f"client_by: {self.client_by} needs match.{needed}")
        if self.burst is not None and self.requests_per_second is None:
            raise ValueError("burst: means nothing without requests_per_second")
        if self.urgency_range is not None:
            first, last = self.urgency_range
            if not first <= self.urgency <= last:
                raise ValueError(
                    f"urgency_range: {first} to {last} does not hold urgency {self.urgency}"
                )
        return self


def _distinct(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise ValueError(f"two rules have the name {rule.name!r}")
        seen.add(rule.name)
    return rules


class Shaping(Section):
    """Rules for clients; off unless ``enabled``. The first rule that matches a request counts; a
    request without one passes untouched.

    At most ``clients`` are remembered, each for ``idle_seconds`` after its last request. ``expose``
    tells clients what is left to them (RateLimit, RateLimit-Policy).
    """

    enabled: Flag = False
    api_key_header: FieldName = "X-API-Key"
    clients: Annotated[int, Number, Field(ge=1, le=1_000_000)] = 10_000
    idle_seconds: Seconds = 300.0
    expose: Flag = True
    rules: Annotated[tuple[Rule, ...], Field(max_length=MOST_RULES), AfterValidator(_distinct)] = ()
    adaptive: AdaptiveShaping = AdaptiveShaping()

    @model_validator(mode="after")
    def _adapts_what_is_shaped(self) -> Shaping:
        if self.adaptive.enabled and not self.enabled:
            raise ValueError("adaptive.enabled: needs enabled: true, for it sets what rules say")
        names = {rule.name for rule in self.rules}
        for number, envelope in enumerate(self.adaptive.envelopes):
            if envelope.rule not in names:
                raise ValueError(
                    f"adaptive.envelopes.{number}.rule: there is no rule {envelope.rule!r}"
                )
        return self
