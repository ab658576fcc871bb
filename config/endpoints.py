"""The settings of how endpoints come and go, and of what keeps repeats at the same one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from config.section import Count, Flag, Name, Seconds, Section
from config.tls import EndpointTls
from rl.vocabulary import Endpoint

Weight = Annotated[float, Field(gt=0, le=1e6)]
ListeningPort = Annotated[int, Field(ge=1, le=65535)]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,253}$")]
SourceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
FieldName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$")]
"""A token (RFC 9110 section 5.6.2)."""


def _lower(domain: object) -> object:
    return domain.lower() if isinstance(domain, str) else domain


Domain = Annotated[
    str, BeforeValidator(_lower), Field(pattern=r"^([a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])$")
]
"""A Host field without its port (RFC 3986 section 3.2.2); compared as a whole, in lower case."""


def _distinct(domains: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(domains))


Domains = Annotated[tuple[Domain, ...], Field(max_length=1000), AfterValidator(_distinct)]


class EndpointEntry(Section):
    """One endpoint in a watched file or in the body of ``POST /endpoints``."""

    id: Name
    host: HostName
    port: ListeningPort
    weight: Weight = 1.0
    tags: Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=32)] = ()
    # Serves requests for these only; without any, requests for whatever no other one serves.
    domains: Domains = ()
    # A next node, whose Q and QReward are believed where load_balancer.q_headers are enabled.
    proxy_node: Flag = False
    tls: EndpointTls = EndpointTls()

    def endpoint(self) -> Endpoint:
        """This entry as the balancer sees it."""
        return self.tls.over(
            Endpoint(
                self.id,
                self.host,
                self.port,
                self.weight,
                self.tags,
                self.domains,
                self.proxy_node,
            )
        )


class WeightChange(Section):
    """The body of ``POST /endpoints/{id}/weight``."""

    weight: Weight

    @classmethod
    def read(cls, data: object) -> WeightChange:
        """Plain data, checked.

        Raises:
            ValueError: one line that names the keys at fault.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ValueError(_told(error, "")) from None


_ENTRIES = TypeAdapter(tuple[EndpointEntry, ...])

SHOWN_PROBLEMS = 3


def read_entries(data: object, at: str = "endpoints") -> list[Endpoint]:
    """A list of entries, alone or under the only key ``endpoints``, as plain data.

    Args:
        at: what an entry's place in a message begins with.

    Raises:
        ValueError: one line that names the keys at fault.
    """
    if isinstance(data, dict):
        unknown = sorted(str(key) for key in data if key != "endpoints")
        if unknown or not data:
            raise ValueError(f"{unknown[0] if unknown else at}: only the key endpoints is expected")
        data = data["endpoints"]
    if not isinstance(data, list):
        raise ValueError(f"{at}: must be a list")
    try:
        found = [entry.endpoint() for entry in _ENTRIES.validate_python(data)]
    except ValidationError as error:
        raise ValueError(_told(error, at)) from None
    seen: set[str] = set()
    for number, endpoint in enumerate(found):
        if endpoint.id in seen:
            raise ValueError(f"{at}[{number}].id: {endpoint.id!r} stands twice")
        seen.add(endpoint.id)
    return found


def _told(error: ValidationError, at: str) -> str:
    problems = error.errors(include_url=False, include_context=False)
    told = []
    for problem in problems[:SHOWN_PROBLEMS]:
        place = at
        for part in problem["loc"]:
            dot = "." if place else ""
            place += f"[{part}]" if isinstance(part, int) else f"{dot}{part}"
        given = problem["input"]
        shown = f" (given: {given!r:.60})" if isinstance(given, str | int | float | bool) else ""
        told.append(f"{place or 'body'}: {problem['msg']}{shown}")
    more = len(problems) - SHOWN_PROBLEMS
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


class DnsSource(Section):
    """A name whose addresses are endpoints, looked up again and again.

    ``type`` is ``address`` (A and AAAA, by the system's resolver, hosts file included; ``port`` is
    needed) or ``srv`` (ports, weights and priorities come from the records). The ids of the
    endpoints begin with ``id``. A time to live, which only ``srv`` tells, is honoured within the
    bounds; without one, ``interval_seconds`` count.
    """

    id: SourceName
    name: HostName
    type: Literal["address", "srv"] = "address"
    family: Literal["any", "ipv4", "ipv6"] = "any"
    port: ListeningPort | None = None
    weight: Weight = 1.0
    interval_seconds: Seconds = 10.0
    tls: EndpointTls = EndpointTls()
    minimum_ttl_seconds: Seconds = 1.0
    maximum_ttl_seconds: Seconds = 300.0
    timeout_seconds: Seconds = 5.0
    # host:port of the one to ask, as for Consul's 127.0.0.1:8600; for srv only.
    nameserver: (
        Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:]+\]|[0-9.]+):[0-9]{1,5}$")] | None
    ) = None

    @model_validator(mode="after")
    def _goes_together(self) -> DnsSource:
        if self.type == "address" and self.port is None:
            raise ValueError("port: is needed, for addresses come without one")
        if self.type == "srv" and self.port is not None:
            raise ValueError("port: comes with the records of type srv, so it cannot be set")
        if self.type == "address" and self.nameserver is not None:
            raise ValueError("nameserver: the system's resolver is asked for addresses")
        tls = self.tls
        if self.type == "srv" and tls.enabled and tls.verify and tls.server_name is None:
            raise ValueError("tls.server_name: is needed, for the records say no name to trust")
        if self.minimum_ttl_seconds > self.maximum_ttl_seconds:
            raise ValueError(
                f"minimum_ttl_seconds {self.minimum_ttl_seconds} is above maximum_ttl_seconds "
                f"{self.maximum_ttl_seconds}"
            )
        return self

    def reached(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint of this name, with what is to be known to reach it."""
        return self.tls.over(endpoint, self.name)


class FileSource(Section):
    """A YAML or JSON file that lists endpoints, looked at every ``interval_seconds``."""

    path: Annotated[str, Field(min_length=1)]
    interval_seconds: Seconds = 1.0
    max_bytes: Annotated[int, Field(ge=16, le=1 << 28)] = 1 << 20


class Discovery(Section):
    """Where endpoints come from besides ``servers``, and the bounds on them.

    Up to ``remembered`` endpoints that left keep what was known of them for when they come back.
    """

    dns: Annotated[tuple[DnsSource, ...], Field(max_length=100)] = ()
    file: FileSource | None = None
    max_endpoints: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    remembered: Annotated[int, Field(ge=0, le=100_000)] = 256

    @property
    def configured(self) -> bool:
        """Whether there is a source at all."""
        return bool(self.dns) or self.file is not None

    @model_validator(mode="after")
    def _ids_differ(self) -> Discovery:
        ids = [each.id for each in self.dns]
        for id in ids:
            if ids.count(id) > 1:
                raise ValueError(f"two names in dns have the id {id!r}")
        return self


class Stickiness(Section):
    """What keeps repeats at the same endpoint.

    ``cookie``: one that the balancer sets. ``header``, ``uri``, ``client``: by the hash of a named
    field, of the path without its query, of the client's address. A hash gives an endpoint at most
    ``load_factor`` times its share of the requests in flight, but always ``free_in_flight``.
    """

    kind: Literal["none", "cookie", "header", "uri", "client"] = "none"
    cookie: FieldName = "slb"
    # Without one the balancer makes its own, which ends with it: set the same on all nodes.
    cookie_secret: SecretStr | None = None
    # Without one the cookie ends with the browser's session.
    cookie_max_age_seconds: Annotated[int, Field(ge=1, le=34_560_000)] | None = None
    header: FieldName = "X-Session-ID"
    load_factor: Annotated[float, Field(gt=1, le=100)] = 1.25
    free_in_flight: Count = 8
    # Keys whose best endpoint is remembered, so that it is not worked out for each request.
    remembered_keys: Annotated[int, Field(ge=1, le=1_000_000)] = 4096

    @model_validator(mode="after")
    def _secret_is_one(self) -> Stickiness:
        secret = self.cookie_secret
        if secret is not None and len(secret.get_secret_value()) < 16:
            raise ValueError("cookie_secret: must have 16 or more characters")
        return self
